//! A simulation that runs: a home, its meters, their buses and the control server.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = solthrive_meter::profile::Catalog::embedded().get("eastron-sdm630").ok_or("no such profile")?;
//! let sim = solthrive_sim::Simulation::start(solthrive_sim::SimConfig::on_pty(profile))?;
//! let port = sim.pty();    // open this like a serial adapter; dropping `sim` stops everything
//! # Ok(()) }
//! ```

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::home::Service;
use solthrive_meter::profile::Profile;

use crate::bus::{BusStats, LineSpec, RtuServer, Shared, TcpServer, TcpSpec};
use crate::clock::Clock;
use crate::control::ControlServer;
use crate::faults::{BadFault, FaultSpec};
use crate::home::{Home, HomeSpec, Pins, Replay};
use crate::meter::MeterSpec;
use crate::truth::Truth;
use crate::world::World;

/// Everything a simulation can be told before it starts.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// The home.
    pub home: HomeSpec,
    /// Measured days instead of its models.
    pub replay: Replay,
    /// Decides all that is random.
    pub seed: u64,
    /// Simulated time at the start.
    pub start: Timestamp,
    /// Simulated over real time.
    pub speed: f64,
    /// The meters, each with a unit of its own.
    pub meters: Vec<MeterSpec>,
    /// Serve them on a pseudo-terminal.
    pub pty: bool,
    /// A symbolic link that points at the pseudo-terminal while the simulation runs.
    pub pty_link: Option<PathBuf>,
    /// How the serial line behaves; the turnaround counts on TCP too.
    pub line: LineSpec,
    /// Serve them on TCP.
    pub tcp: Option<SocketAddr>,
    /// TCP connections served at once.
    pub max_tcp_clients: usize,
    /// Serve truth and faults over HTTP.
    pub control: Option<SocketAddr>,
}

/// Late morning of a day in June: the sun is up for hours and the house is awake.
const BRIGHT_DAY: &str = "2024-06-20T16:00:00Z";

impl SimConfig {
    /// One meter, unit 1, in a split-phase home with an array, on nothing yet.
    #[must_use]
    pub fn new(profile: Arc<Profile>) -> Self {
        let serial = profile.bus.serial;
        let settings = serial.map(|serial| serial.settings).unwrap_or_default();
        Self {
            home: HomeSpec::default(),
            replay: Replay::default(),
            seed: 1,
            start: BRIGHT_DAY.parse().unwrap_or_default(),
            speed: 1.0,
            meters: vec![MeterSpec::new(1, profile)],
            pty: false,
            pty_link: None,
            line: LineSpec {
                settings,
                ..LineSpec::default()
            },
            tcp: None,
            max_tcp_clients: 16,
            control: None,
        }
    }

    /// The same on a pseudo-terminal.
    #[must_use]
    pub fn on_pty(profile: Arc<Profile>) -> Self {
        Self {
            pty: true,
            ..Self::new(profile)
        }
    }

    /// The same on a free TCP port of the loopback.
    #[must_use]
    pub fn on_tcp(profile: Arc<Profile>) -> Self {
        Self {
            tcp: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            ..Self::new(profile)
        }
    }

    /// At another baud rate than the meter leaves the factory with.
    #[must_use]
    pub const fn baud(mut self, baud: u32) -> Self {
        self.line.settings.baud = baud;
        self
    }
}

/// A running simulation. Dropping it stops its threads and removes its link.
#[derive(Debug)]
pub struct Simulation {
    shared: Arc<Shared>,
    rtu: Option<RtuServer>,
    tcp: Option<TcpServer>,
    control: Option<ControlServer>,
    link: Option<PathBuf>,
}

impl Simulation {
    /// Starts everything.
    ///
    /// # Errors
    /// When two meters have one unit, a port or address is taken, or the system refuses.
    pub fn start(config: SimConfig) -> io::Result<Self> {
        check_meters(&config.meters, config.home.service)?;
        let home = Home::new(config.home, config.replay, config.seed, config.start);
        let delay = config
            .meters
            .iter()
            .filter_map(|meter| meter.profile.bus.tcp)
            .map(|tcp| tcp.connect_delay)
            .max();
        let world = World::new(home, config.meters, config.seed, config.speed);
        let shared = Arc::new(Shared::new(Clock::start(), world));
        let mut simulation = Self {
            shared: Arc::clone(&shared),
            rtu: None,
            tcp: None,
            control: None,
            link: config.pty_link.clone(),
        };
        if config.pty {
            simulation.rtu = Some(RtuServer::start(
                &shared,
                config.line,
                config.pty_link,
                config.seed,
            )?);
        }
        if let Some(address) = config.tcp {
            let spec = TcpSpec {
                address,
                turnaround: config.line.turnaround,
                max_clients: config.max_tcp_clients,
                connect_delay: delay.unwrap_or_default(),
            };
            simulation.tcp = Some(TcpServer::start(&shared, spec, config.seed)?);
        }
        if let Some(address) = config.control {
            simulation.control = Some(ControlServer::start(&shared, address)?);
        }
        Ok(simulation)
    }

    /// What a client opens: the link if there is one, else the pseudo-terminal, empty while it is
    /// unplugged or when there is none.
    #[must_use]
    pub fn pty(&self) -> PathBuf {
        self.link
            .clone()
            .or_else(|| self.pty_device())
            .unwrap_or_default()
    }

    /// The pseudo-terminal's own name; none while it is unplugged.
    #[must_use]
    pub fn pty_device(&self) -> Option<PathBuf> {
        self.shared.pty_device().clone()
    }

    /// Where Modbus TCP is served.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(TcpServer::address)
    }

    /// Where the control server listens.
    #[must_use]
    pub fn control(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(ControlServer::address)
    }

    /// Begins a fault now.
    ///
    /// # Errors
    /// [`BadFault`] when its options do not fit its kind.
    pub fn begin_fault(&self, spec: FaultSpec) -> Result<u64, BadFault> {
        let begun = self.world().begin_fault(spec, self.elapsed());
        self.shared.wake();
        begun
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        self.world().clear_faults(self.elapsed());
        self.shared.wake();
    }

    /// Fixes values of the home.
    pub fn pin(&self, pins: Pins) {
        self.world().pin(pins, self.elapsed());
    }

    /// What is so now, as the control server tells it, with the replies of the last seconds.
    #[must_use]
    pub fn truth(&self, replies: Duration) -> Truth {
        Truth::of(&self.shared, replies)
    }

    /// What the buses saw.
    #[must_use]
    pub fn stats(&self) -> BusStats {
        *self.shared.stats()
    }

    /// The world itself; the buses wait while it is held.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Real time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.elapsed()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.shared.stop_all();
    }
}

fn check_meters(meters: &[MeterSpec], service: Service) -> io::Result<()> {
    let wrong = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    for (place, meter) in meters.iter().enumerate() {
        if !(1..=247).contains(&meter.unit) {
            return wrong(format!(
                "unit {} is no Modbus address: 1 to 247",
                meter.unit
            ));
        }
        if meters[..place].iter().any(|other| other.unit == meter.unit) {
            return wrong(format!("two meters have unit {}", meter.unit));
        }
        let beyond = meter
            .wiring
            .as_ref()
            .and_then(|wiring| wiring.beyond(service));
        if let Some(input) = beyond {
            let (unit, input) = (meter.unit, input.name());
            return wrong(format!(
                "the clamp {input} of unit {unit} is on a leg that this home does not have"
            ));
        }
    }
    Ok(())
}
