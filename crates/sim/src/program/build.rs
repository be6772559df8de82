//! Arguments to the simulation they describe, and every reason why there can be none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use solthrive_domain::home::Service;
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::profile::{Catalog, Profile};
use solthrive_sim::bus::LineSpec;
use solthrive_sim::home::weather::Sky;
use solthrive_sim::home::{BatterySpec, EvSpec, PvSpec, Replay, Series};
use solthrive_sim::meter::{MeterSpec, Undefined};
use solthrive_sim::{FaultSpec, HomeSpec, SimConfig};

use super::args::{MeterArgs, ParityArg, ServiceArg, SkyArg, UndefinedArg};

impl MeterArgs {
    /// The simulation these arguments ask for.
    ///
    /// # Errors
    /// When a profile, file or value is not as it should be; the message says which.
    pub(crate) fn config(&self, now: Timestamp) -> Result<SimConfig> {
        let catalog = self.catalog()?;
        let meters = self.meters(&catalog)?;
        let first = meters
            .first()
            .map(|meter| Arc::clone(&meter.profile))
            .context("no meter")?;
        let home = self.home()?;
        let replay = self.replay()?;
        let start = self.start(&home, now)?;
        if !(self.speed.is_finite() && (0.01..=36_000.0).contains(&self.speed)) {
            bail!(
                "--speed is {}, but it lies between 0.01 and 36000",
                self.speed
            );
        }
        let config = SimConfig::new(first);
        Ok(SimConfig {
            home,
            replay,
            seed: self.seed,
            start,
            speed: self.speed,
            meters,
            pty: self.pty.is_some() || self.tcp.is_none(),
            pty_link: self.pty.clone().flatten(),
            line: self.line(config.line.settings),
            tcp: self.tcp,
            max_tcp_clients: self.max_tcp_clients,
            control: self.control,
        })
    }

    /// Faults from the start.
    ///
    /// # Errors
    /// When one is not JSON, or its options do not fit.
    pub(crate) fn faults(&self) -> Result<Vec<FaultSpec>> {
        let parse = |text: &String| {
            let spec: FaultSpec =
                serde_json::from_str(text).with_context(|| format!("--fault {text}"))?;
            spec.check()?;
            Ok(spec)
        };
        self.faults.iter().map(parse).collect()
    }

    fn catalog(&self) -> Result<Catalog> {
        let Some(folder) = &self.profile_dir else {
            return Ok(Catalog::embedded());
        };
        let (catalog, errors) = Catalog::embedded().with_folder(folder);
        match errors.into_iter().next() {
            Some(error) => Err(anyhow!("{error}")),
            None => Ok(catalog),
        }
    }

    fn meters(&self, catalog: &Catalog) -> Result<Vec<MeterSpec>> {
        let undefined = match self.undefined {
            UndefinedArg::Refuse => Undefined::Refuse,
            UndefinedArg::Zeros => Undefined::Zeros,
        };
        let meter = |unit, profile, wiring| MeterSpec {
            wiring,
            ct_ratio: self.ct_ratio,
            undefined,
            without: self.without.clone(),
            new_counters: self.new_counters,
            ..MeterSpec::new(unit, profile)
        };
        let mut meters = vec![meter(
            self.unit,
            profile(catalog, &self.profile)?,
            self.wire.clone(),
        )];
        for text in &self.more {
            let mut parts = text.splitn(3, ':');
            let (Some(unit), Some(id)) = (parts.next(), parts.next()) else {
                bail!(
                    "--meter {text}: expected UNIT:PROFILE[:WIRING], such as 2:eastron-sdm120:l1=pv"
                );
            };
            let unit = unit
                .parse()
                .with_context(|| format!("--meter {text}: `{unit}` is no Modbus address"))?;
            let wiring = parts
                .next()
                .map(str::parse)
                .transpose()
                .with_context(|| format!("--meter {text}"))?;
            meters.push(meter(unit, profile(catalog, id)?, wiring));
        }
        Ok(meters)
    }

    fn line(&self, own: SerialSettings) -> LineSpec {
        let parity = self.parity.map(|parity| match parity {
            ParityArg::None => Parity::None,
            ParityArg::Even => Parity::Even,
            ParityArg::Odd => Parity::Odd,
        });
        LineSpec {
            settings: SerialSettings {
                baud: self.baud.unwrap_or(own.baud),
                parity: parity.unwrap_or(own.parity),
                stop_bits: self.stop_bits.unwrap_or(own.stop_bits),
            },
            turnaround: Duration::from_millis(self.turnaround_ms),
            fifo_bytes: self.fifo,
            strict_speed: !self.any_speed,
        }
    }

    fn home(&self) -> Result<HomeSpec> {
        let service = self.service.map(|service| match service {
            ServiceArg::Split => Service::SplitPhase,
            ServiceArg::Single => Service::SinglePhase,
            ServiceArg::Three => Service::ThreePhase,
        });
        let mut home = match (&self.home, service) {
            (Some(file), _) => HomeSpec::read(file)?,
            (None, Some(service)) if service != Service::SplitPhase => HomeSpec::european(service),
            (None, _) => HomeSpec::default(),
        };
        home.service = service.unwrap_or(home.service);
        if let Some(kw) = self.pv {
            home.pv = (kw != 0.0).then(|| PvSpec {
                nameplate_kw: kw,
                ..home.pv.unwrap_or_default()
            });
        }
        if let Some(kwh) = self.battery {
            home.battery = Some(BatterySpec {
                capacity_kwh: kwh,
                ..home.battery.unwrap_or_default()
            });
        }
        if let Some(kw) = self.ev {
            home.ev = Some(EvSpec { power_kw: kw });
        }
        if let Some(sky) = self.sky {
            home.sky = match sky {
                SkyArg::Random => Sky::Random,
                SkyArg::Clear => Sky::Clear,
                SkyArg::Mixed => Sky::Mixed,
                SkyArg::Overcast => Sky::Overcast,
            };
        }
        Ok(home.checked()?)
    }

    fn replay(&self) -> Result<Replay> {
        let mut replay = Replay {
            sentinels: self.replay_faults,
            ..Replay::default()
        };
        let Some(text) = &self.replay else {
            return Ok(replay);
        };
        if text == "sample" {
            let (load, pv) = Series::samples()?;
            replay.load = Some(Arc::new(load));
            replay.pv = Some(Arc::new(pv));
            return Ok(replay);
        }
        let mut scale = 1.0;
        let (mut load, mut pv) = (None, None);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("load", file)) => load = Some(file),
                Some(("pv", file)) => pv = Some(file),
                Some(("scale", factor)) => {
                    scale = factor
                        .parse()
                        .with_context(|| format!("--replay: scale={factor}"))?;
                }
                Some((key, _)) => bail!("--replay: `{key}` is none of load, pv, scale"),
                None => (load, pv) = (Some(part), Some(part)),
            }
        }
        let one_file = load == pv;
        let read = |file: &str| Series::read(Path::new(file)).map(|series| series.scaled(scale));
        if let Some(file) = load {
            let series = read(file)?;
            if !series.has_load() && !one_file {
                bail!("--replay: {file} holds no load");
            }
            replay.load = series.has_load().then(|| Arc::new(series));
        }
        if let Some(file) = pv {
            let series = read(file)?;
            if !series.has_pv() && !one_file {
                bail!("--replay: {file} holds no production");
            }
            replay.pv = series.has_pv().then(|| Arc::new(series));
        }
        Ok(replay)
    }

    fn start(&self, home: &HomeSpec, now: Timestamp) -> Result<Timestamp> {
        if self.start == "now" {
            return Ok(now);
        }
        if let Ok(instant) = self.start.parse::<Timestamp>() {
            return Ok(instant);
        }
        let time: Time = self
            .start
            .parse()
            .map_err(|_| anyhow!("--start is `{}`; expected `now`, a time of day such as 11:00, or an instant such as 2024-06-20T16:00:00Z", self.start))?;
        let zone = TimeZone::get(&home.timezone)?;
        let today = now.to_zoned(zone.clone()).date();
        Ok(today.to_datetime(time).to_zoned(zone)?.timestamp())
    }
}

fn profile(catalog: &Catalog, id: &str) -> Result<Arc<Profile>> {
    catalog.get(id).ok_or_else(|| {
        let hint = catalog.suggest(id).map_or_else(
            || {
                let ids: Vec<_> = catalog.iter().map(|profile| profile.id.as_str()).collect();
                format!("there are {}", ids.join(", "))
            },
            |near| format!("did you mean `{near}`?"),
        );
        anyhow!("no profile is called `{id}`; {hint}")
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::super::args::{Args, Command};
    use super::*;

    fn config(arguments: &[&str]) -> Result<SimConfig> {
        let all = ["solthrive-sim", "meter"].iter().chain(arguments);
        match Args::try_parse_from(all)?.command {
            Command::Meter(args) => args.config("2024-06-20T09:00:00Z".parse()?),
            #[cfg(feature = "fleet")]
            Command::Fleet(_) => panic!("not a meter"),
            #[cfg(feature = "proxy")]
            Command::Proxy(_) => panic!("not a meter"),
        }
    }

    #[test]
    fn without_arguments_a_split_phase_home_is_on_a_pseudo_terminal_late_in_the_morning() {
        let config = config(&[]).unwrap();
        assert!(config.pty && config.tcp.is_none() && config.pty_link.is_none());
        assert_eq!(
            config.start.to_string(),
            "2024-06-20T16:00:00Z",
            "11:00 in Chicago's summer"
        );
        assert_eq!((config.meters.len(), config.line.settings.baud), (1, 9600));
    }

    #[test]
    fn a_pseudo_terminal_may_have_a_name_or_none() {
        let named = config(&["--pty", "/tmp/meter"]).unwrap();
        assert_eq!(named.pty_link, Some(PathBuf::from("/tmp/meter")));
        let nameless = config(&["--tcp", "127.0.0.1:0", "--pty"]).unwrap();
        assert!(nameless.pty && nameless.pty_link.is_none() && nameless.tcp.is_some());
    }

    #[test]
    fn options_change_the_home_and_add_meters() {
        let config = config(&[
            "--pv",
            "0",
            "--battery",
            "10",
            "--meter",
            "7:eastron-sdm120:l1=-pv",
            "--baud",
            "19200",
            "--tcp",
            "127.0.0.1:0",
        ])
        .unwrap();
        assert!(config.home.pv.is_none() && !config.pty);
        assert_eq!(config.home.battery.unwrap().capacity_kwh, 10.0);
        assert_eq!(
            (config.meters[1].unit, config.meters[1].profile.id.as_str()),
            (7, "eastron-sdm120")
        );
        assert_eq!(config.line.settings.baud, 19_200);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_hint() {
        for (arguments, part) in [
            (
                ["--profile", "eastron-sdm360"],
                "did you mean `eastron-sdm630`?",
            ),
            (["--start", "noonish"], "expected `now`"),
            (["--speed", "0"], "between 0.01 and 36000"),
            (["--meter", "2"], "expected UNIT:PROFILE"),
            (["--replay", "sun=x"], "none of load, pv, scale"),
            (["--pv", "2000"], "pv.nameplate_kw is 2000"),
        ] {
            let error = config(&arguments).unwrap_err().to_string();
            assert!(error.contains(part), "{arguments:?}: {error}");
        }
    }
}
