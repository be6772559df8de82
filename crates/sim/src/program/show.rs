//! What the program says: one line of JSON for programs, a few lines for people.

use std::fmt::Write as _;

use serde::Serialize;
use solthrive_sim::truth::{ChannelTruth, Truth};
use solthrive_sim::{SimConfig, Simulation};

/// Where everything is, told once when it is there.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    /// What a client opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pty_device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<String>,
    /// Such as `9600 8N1`.
    line: String,
    baud: u32,
    meters: Vec<ReadyMeter>,
    sim_time: String,
    speed: f64,
    seed: u64,
}

#[derive(Debug, Serialize)]
struct ReadyMeter {
    unit: u8,
    profile: String,
    channels: Vec<ChannelTruth>,
}

impl Ready {
    pub(crate) fn of(config: &SimConfig, simulation: &Simulation) -> Self {
        let truth = simulation.truth(std::time::Duration::ZERO);
        let device = simulation.pty_device();
        let meters = truth.meters.into_iter().map(|meter| ReadyMeter {
            unit: meter.unit,
            profile: meter.profile,
            channels: meter.channels,
        });
        Self {
            pty: device
                .is_some()
                .then(|| simulation.pty().display().to_string()),
            pty_device: device.map(|path| path.display().to_string()),
            tcp: simulation.tcp().map(|address| address.to_string()),
            control: simulation.control().map(|address| address.to_string()),
            line: config.line.settings.to_string(),
            baud: config.line.settings.baud,
            meters: meters.collect(),
            sim_time: truth.sim_time.to_string(),
            speed: config.speed,
            seed: config.seed,
        }
    }

    /// The same for a person.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for meter in &self.meters {
            let clamps: Vec<String> = meter
                .channels
                .iter()
                .map(|channel| {
                    let role = serde_json::to_value(channel.role).ok();
                    let role = role
                        .as_ref()
                        .and_then(serde_json::Value::as_str)
                        .unwrap_or("?")
                        .to_owned();
                    let times = if (channel.multiplier - 1.0).abs() < 1e-9 {
                        String::new()
                    } else {
                        format!(" (multiplier {})", channel.multiplier)
                    };
                    format!("{} = {role}{times}", channel.input)
                })
                .collect();
            let _ = writeln!(
                text,
                "meter    unit {}, {}: {}",
                meter.unit,
                meter.profile,
                clamps.join(", ")
            );
        }
        if let Some(pty) = &self.pty {
            let _ = writeln!(text, "serial   {pty}  ({})", self.line);
        }
        if let Some(tcp) = &self.tcp {
            let _ = writeln!(text, "tcp      {tcp}");
        }
        if let Some(control) = &self.control {
            let _ = writeln!(text, "control  http://{control}/  (truth, faults, set)");
        }
        let _ = writeln!(
            text,
            "time     {} at {}x; Ctrl-C ends it",
            self.sim_time, self.speed
        );
        text
    }
}

/// The line that is written over each second.
#[derive(Debug, Default)]
pub(crate) struct StatusLine {
    requests: u64,
}

impl StatusLine {
    /// The line after another second.
    pub(crate) fn next(&mut self, truth: &Truth) -> String {
        let mut text = truth.sim_time.strftime("%H:%M:%S UTC").to_string();
        let mut add = |name: &str, kw: Option<f64>| {
            if let Some(kw) = kw {
                let _ = write!(text, "  {name} {kw:.2} kW");
            }
        };
        add("solar", truth.home.solar_kw);
        add("home", Some(truth.home.home_kw));
        add("grid", Some(truth.home.grid_kw));
        add("battery", truth.home.battery_kw);
        add("car", truth.home.ev_kw);
        let asked = truth.bus.requests.saturating_sub(self.requests);
        self.requests = truth.bus.requests;
        let _ = write!(text, "  | {asked} requests/s");
        if truth.bus.gap_violations > 0 {
            let _ = write!(text, ", {} too early", truth.bus.gap_violations);
        }
        if truth.bus.wrong_speed > 0 {
            let _ = write!(text, ", {} at the wrong baud rate", truth.bus.wrong_speed);
        }
        text
    }
}
