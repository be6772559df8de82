//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use solthrive_domain::Point;
use solthrive_sim::meter::MeterWiring;

const EXAMPLES: &str = "\
Examples:
  A split-phase home with a 7 kW array behind an SDM630, on a serial port of its own:
    solthrive-sim meter --pty /tmp/meter --control 127.0.0.1:8090
  See the truth, pull a clamp out for half a minute, and let every fifth reply come late:
    curl 127.0.0.1:8090/truth
    curl 127.0.0.1:8090/faults -H 'content-type: application/json' -d '{\"kind\":\"ct_unplugged\",\"leg\":\"l1\",\"seconds\":30}'
    curl 127.0.0.1:8090/faults -H 'content-type: application/json' -d '{\"kind\":\"delay\",\"ms\":200,\"probability\":0.2}'
  A three-phase home in Europe on Modbus TCP, an hour of its day every minute:
    solthrive-sim meter --profile gavazzi-em24-ethernet --service three-phase --tcp 127.0.0.1:1502 --speed 60
  Two meters on one bus, mains and PV apart:
    solthrive-sim meter --profile eastron-sdm630 --wire l1=main_l1,l2=main_l2 --meter 2:eastron-sdm120:l1=pv --pty
  Three measured days again and again:
    solthrive-sim meter --pty --replay sample
";

/// Simulated homes and meters.
#[derive(Debug, Parser)]
#[command(name = "solthrive-sim", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to simulate.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A home behind one or more Modbus meters, on a pseudo-terminal or TCP.
    #[command(after_help = EXAMPLES)]
    Meter(Box<MeterArgs>),
    /// Many homes that register with a cloud and deliver to it, as appliances do.
    #[cfg(feature = "fleet")]
    #[command(after_help = FLEET_EXAMPLES)]
    Fleet(Box<super::fleet::FleetArgs>),
    /// A TCP proxy between a client and a server that breaks their connections on command.
    #[cfg(feature = "proxy")]
    #[command(after_help = PROXY_EXAMPLES)]
    Proxy(super::proxy::ProxyArgs),
}

#[cfg(feature = "proxy")]
const PROXY_EXAMPLES: &str = "\
Faults, with their options; those without a value in brackets are needed:
  latency     ms, jitter_ms [0]   bytes arrive later, so much earlier or later than that
  rate_limit  bytes_per_s         no more than so many bytes a second
  slowloris   ms [100]            a byte at a time
  drop        after [0]           both sides see the end (FIN) after so many bytes
  reset       after [0]           both sides see a reset (RST) after so many bytes
  half_open   after [0]           after so many bytes the rest vanishes; the sender believes it delivered
  corrupt     every [1000]        a bit flips, once in so many bytes
  duplicate   every [1000]        a run of bytes comes twice, once in so many
  reorder     every [1000]        two runs of bytes change places, once in so many
  black_hole                      accepted, and never answered; the server is not told
  refuse                          reset as soon as it was made; the server is not told
Each may have probability=0.2 (of the connections, chosen by --seed) and connections=3, 0..3 or 3.. (numbered
from 0); all but the last two have direction=up (to the server), down or both, which is usual.

Examples:
  A slow and shaky line to a development cloud; devices connect to the address that is printed:
    solthrive-sim proxy --to localhost:8443 --fault latency:ms=300,jitter_ms=100 --fault rate_limit:bytes_per_s=4000
  The first three connections are refused, and a fifth of the later ones is reset within the answer:
    solthrive-sim proxy --listen 127.0.0.1:9443 --to localhost:8443 --fault refuse:connections=0..3 \\
      --fault reset:direction=down,after=3000,probability=0.2,connections=3..
  What is delivered is taken, and the receipt never arrives:
    solthrive-sim proxy --to localhost:8443 --fault half_open:direction=down,after=3000
The certificate must be good for the name that clients use here. At the end (Ctrl-C) it says what it did.
";

#[cfg(feature = "fleet")]
const FLEET_EXAMPLES: &str = "\
The roster is a JSON list; `cargo xtask demo` makes one with the operator's console of the cloud:
  [{\"serial\": \"ST-1\", \"device_id\": \"…\", \"token\": \"std_…\", \"installer_code\": \"…\",
    \"time_zone\": \"America/Los_Angeles\", \"latitude\": 34.0, \"longitude\": -118.2, \"size_kw\": 7.0}]

Examples:
  Every home of the roster with the last two days, to a development cloud on this machine:
    solthrive-sim fleet --roster roster.json --cloud https://localhost:8443 --ca solthrive-cloud-data/dev-cert.pem --history-h 48
  The second to the sixth home misbehave: power that is lost in the middle of a call, repetitions, a clock ahead, silence, reversed clamps:
    solthrive-sim fleet --roster roster.json --cloud https://localhost:8443 --ca dev-cert.pem --faults
  A year of the past for a cloud that was not there, and then live from where it ends:
    solthrive-sim fleet history --roster roster.json --out year.sthist --books books.json
    solthrive-cloud admin history import year.sthist --roster roster.json
    solthrive-sim fleet --roster roster.json --books books.json --ca solthrive-cloud-data/dev-cert.pem
";

/// The grid connection.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ServiceArg {
    /// 120/240 V, two legs.
    #[value(name = "split-phase", alias = "split_phase")]
    Split,
    /// 230 V, one phase.
    #[value(name = "single-phase", alias = "single_phase")]
    Single,
    /// 230/400 V, three phases.
    #[value(name = "three-phase", alias = "three_phase")]
    Three,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SkyArg {
    Random,
    Clear,
    Mixed,
    Overcast,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ParityArg {
    None,
    Even,
    Odd,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum UndefinedArg {
    /// Exception 2 for the whole read.
    Refuse,
    /// Zeros between the first and the last register of the map.
    Zeros,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MeterArgs {
    /// Register map of the first meter; `solthrive-cli meter profiles` lists them.
    #[arg(
        long,
        value_name = "ID",
        default_value = "eastron-sdm630",
        help_heading = "Meters"
    )]
    pub(super) profile: String,
    /// Folder with custom profiles.
    #[arg(long, value_name = "FOLDER", help_heading = "Meters")]
    pub(super) profile_dir: Option<PathBuf>,
    /// Modbus address of the first meter.
    #[arg(long, default_value_t = 1, help_heading = "Meters")]
    pub(super) unit: u8,
    /// Clamps of the first meter, such as `l1=main_l1,l2=main_l2,l3=pv_l1@l1`; as usual without.
    #[arg(long, value_name = "WIRING", help_heading = "Meters")]
    pub(super) wire: Option<MeterWiring>,
    /// One more meter: UNIT:PROFILE[:WIRING]. May be repeated.
    #[arg(long = "meter", value_name = "METER", help_heading = "Meters")]
    pub(super) more: Vec<String>,
    /// What meters say about registers that their profile does not know.
    #[arg(long, value_enum, default_value = "refuse", help_heading = "Meters")]
    pub(super) undefined: UndefinedArg,
    /// Points that this model lacks, such as `e_exp`.
    #[arg(
        long,
        value_name = "POINTS",
        value_delimiter = ',',
        help_heading = "Meters"
    )]
    pub(super) without: Vec<Point>,
    /// CT ratio of maps that give the secondary side.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 1.0,
        help_heading = "Meters"
    )]
    pub(super) ct_ratio: f64,
    /// Counters start at zero instead of where a used meter's stand.
    #[arg(long, help_heading = "Meters")]
    pub(super) new_counters: bool,

    /// Serve on a pseudo-terminal; PATH becomes a symbolic link to it. The default without --tcp.
    #[arg(long, value_name = "PATH", help_heading = "Bus")]
    pub(super) pty: Option<Option<PathBuf>>,
    /// Serve on TCP; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", help_heading = "Bus")]
    pub(super) tcp: Option<SocketAddr>,
    /// TCP connections served at once.
    #[arg(long, value_name = "COUNT", default_value_t = 16, help_heading = "Bus")]
    pub(super) max_tcp_clients: usize,
    /// Speed of the serial line; the meter's own without.
    #[arg(long, help_heading = "Bus")]
    pub(super) baud: Option<u32>,
    /// Parity: counts for the pace only, a pseudo-terminal cannot check it.
    #[arg(long, value_enum, help_heading = "Bus")]
    pub(super) parity: Option<ParityArg>,
    /// Stop bits: for the pace only.
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Bus")]
    pub(super) stop_bits: Option<u8>,
    /// How long meters think before they answer.
    #[arg(long, value_name = "MS", default_value_t = 5, help_heading = "Bus")]
    pub(super) turnaround_ms: u64,
    /// Bytes that arrive together, as from an adapter's FIFO.
    #[arg(long, value_name = "BYTES", default_value_t = 16, help_heading = "Bus")]
    pub(super) fifo: usize,
    /// Hear clients at any speed.
    #[arg(long, help_heading = "Bus")]
    pub(super) any_speed: bool,

    /// The home as a YAML file; the options below change it.
    #[arg(long, value_name = "FILE", help_heading = "Home")]
    pub(super) home: Option<PathBuf>,
    /// Grid connection; the 230 V ones stand in Bavaria.
    #[arg(long, value_enum, help_heading = "Home")]
    pub(super) service: Option<ServiceArg>,
    /// Rated power of the array in kW; 0 for none.
    #[arg(long, value_name = "KW", help_heading = "Home")]
    pub(super) pv: Option<f64>,
    /// A battery of this many kWh.
    #[arg(long, value_name = "KWH", help_heading = "Home")]
    pub(super) battery: Option<f64>,
    /// A car charger of this many kW.
    #[arg(long, value_name = "KW", help_heading = "Home")]
    pub(super) ev: Option<f64>,
    /// Which weather.
    #[arg(long, value_enum, help_heading = "Home")]
    pub(super) sky: Option<SkyArg>,
    /// Measured days: `sample`, or `load=FILE,pv=FILE[,scale=X]` (CSV, may be .gz), or one FILE with both.
    #[arg(long, value_name = "SERIES", help_heading = "Home")]
    pub(super) replay: Option<String>,
    /// The measured inverter's "no value" rows reach the meter.
    #[arg(long, requires = "replay", help_heading = "Home")]
    pub(super) replay_faults: bool,

    /// Decides all that is random.
    #[arg(long, default_value_t = 1, help_heading = "Time and chance")]
    pub(super) seed: u64,
    /// Simulated over real time.
    #[arg(
        long,
        value_name = "X",
        default_value_t = 1.0,
        help_heading = "Time and chance"
    )]
    pub(super) speed: f64,
    /// The home's clock at the start: `now`, a time of day there (`11:00`), or `2024-06-20T16:00:00Z`.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "11:00",
        help_heading = "Time and chance"
    )]
    pub(super) start: String,
    /// A fault from the start, as JSON. May be repeated.
    #[arg(long = "fault", value_name = "JSON", help_heading = "Time and chance")]
    pub(crate) faults: Vec<String>,

    /// Serve truth, faults and fixed values over HTTP; loopback only, port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", help_heading = "Control")]
    pub(super) control: Option<SocketAddr>,
    /// Tell a person what happens; the default on a terminal. Else one line of JSON when ready.
    #[arg(long, help_heading = "Control")]
    pub(crate) human: bool,
    /// End when standard input is closed.
    #[arg(long, help_heading = "Control")]
    pub(crate) until_stdin_closes: bool,
}
