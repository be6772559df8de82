//! What an operator can set, from the command line or the environment. Nothing has to be set.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::mail::MailTo;

/// Where everything is kept.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Folder for the embedded store, the certificate and the keys. Made if it is not there
    #[arg(
        long,
        global = true,
        env = "SOLTHRIVE_CLOUD_DATA",
        value_name = "FOLDER",
        default_value = "solthrive-cloud-data"
    )]
    pub data: PathBuf,
    /// `sqlite:` keeps everything in the folder; `postgres://user@host/database` keeps it in PostgreSQL 15 or newer, for more than one machine
    #[arg(long, global = true, env = "SOLTHRIVE_CLOUD_STORE", hide_env_values = true, value_name = "URL", default_value = "sqlite:", value_parser = parse_store)]
    pub store: StoreUrl,
}

/// Which engine.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// Files in the folder.
    Sqlite,
    /// A PostgreSQL database.
    Postgres(String),
}

/// Without the password that a URL may hold.
impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite:",
            Self::Postgres(_) => "postgres:…",
        })
    }
}

fn parse_store(text: &str) -> Result<StoreUrl, String> {
    match text.split_once(':') {
        Some(("sqlite", "")) => Ok(StoreUrl::Sqlite),
        Some(("sqlite", _)) => {
            Err("the embedded store lies in the folder of --data; write just `sqlite:`".to_owned())
        }
        Some(("postgres" | "postgresql", _)) => Ok(StoreUrl::Postgres(text.to_owned())),
        _ => Err("a store is `sqlite:` or `postgres://user@host/database`".to_owned()),
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Role {
    /// Takes in what devices deliver.
    Ingest,
    /// Follows the log: status, rollups, sealing, jobs.
    Worker,
    /// Answers people.
    Api,
}

/// `solthrive-cloud serve`.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// Address and port to listen on; port 0 takes a free one and prints it
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_LISTEN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8443"
    )]
    pub listen: SocketAddr,
    /// What this process does; with `postgres:` several processes may share the work
    #[arg(long, env = "SOLTHRIVE_CLOUD_ROLES", value_delimiter = ',', default_values = ["ingest", "worker", "api"])]
    pub roles: Vec<Role>,
    /// Certificate chain, PEM. Without it a self-signed one for development is made in the folder
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,
    /// Speak HTTP without TLS, to a proxy on the same host that ends TLS. Only on a loopback address
    #[arg(long, env = "SOLTHRIVE_CLOUD_PLAIN_HTTP", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub plain_http: bool,
    /// Do not ask installers and admins for a second factor; for demonstrations
    #[arg(long, env = "SOLTHRIVE_CLOUD_NO_SECOND_FACTOR")]
    pub no_second_factor: bool,
    /// Where letters go: `smtps://user:password@host`, `smtp://host?tls=required`, or for development `folder:PATH` or `log`. `off`: nobody can be invited, and no password be reset
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_MAIL",
        hide_env_values = true,
        value_name = "WHERE",
        default_value = "off"
    )]
    pub mail: MailTo,
    /// The address that letters come from
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_MAIL_FROM",
        value_name = "ADDRESS",
        default_value = "SolThrive <solthrive@localhost>"
    )]
    pub mail_from: String,
    /// Where people reach the pages, for links in letters
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_PUBLIC_URL",
        value_name = "URL",
        default_value = "https://localhost:8443"
    )]
    pub public_url: String,
    /// Identity providers by which people can sign in (OpenID Connect), JSON: see docs/operations/cloud.md
    #[arg(long, env = "SOLTHRIVE_CLOUD_OIDC", value_name = "FILE")]
    pub oidc: Option<PathBuf>,
    /// How log lines look
    #[arg(long, env = "SOLTHRIVE_CLOUD_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Threads; as many as there are processors unless it is set
    #[arg(long, env = "SOLTHRIVE_CLOUD_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Bounds.
    #[command(flatten)]
    pub limits: Limits,
    /// How often things happen.
    #[command(flatten)]
    pub pace: Pace,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text in a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Bounds that keep one from harming all.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Connections at a time
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_CONNECTIONS",
        value_name = "N",
        default_value_t = 20_000
    )]
    pub connections: u32,
    /// Connections at a time from one address
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_CONNECTIONS_PER_IP",
        value_name = "N",
        default_value_t = 2_000
    )]
    pub connections_per_ip: u32,
    /// Calls that one device may make in a minute
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_DEVICE_CALLS",
        value_name = "N",
        default_value_t = 600
    )]
    pub device_calls_per_min: u32,
    /// Live snapshots that one device may send in a second, on average
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_DEVICE_ROWS",
        value_name = "N",
        default_value_t = 20
    )]
    pub device_rows_per_s: u32,
    /// Backfilled snapshots that one device may send in a second, on average
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_DEVICE_BACKFILL",
        value_name = "N",
        default_value_t = 200
    )]
    pub device_backfill_rows_per_s: u32,
    /// Snapshots that the devices of one installer may send in a second, on average
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_ORG_ROWS",
        value_name = "N",
        default_value_t = 50_000
    )]
    pub org_rows_per_s: u32,
    /// Registrations in a minute from one address
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_REGISTRATIONS_PER_IP",
        value_name = "N",
        default_value_t = 30
    )]
    pub registrations_per_ip_per_min: u32,
    /// Calls that one session, token or program may make in a minute; an address ten times as many
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_API_CALLS",
        value_name = "N",
        default_value_t = 1_200
    )]
    pub api_calls_per_min: u32,
    /// Snapshots that may wait for the disk; more are told to come again
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_WAITING_ROWS",
        value_name = "N",
        default_value_t = 100_000
    )]
    pub waiting_rows: u32,
}

/// How often things happen.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pace")]
pub struct Pace {
    /// Seconds after which a device shall send again
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_INTERVAL",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    pub interval_s: u32,
    /// Seconds between two checkpoints of status and rollups
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_CHECKPOINT",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub checkpoint_s: u32,
    /// Minutes after which rows are sealed into chunks
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_SEAL",
        value_name = "MINUTES",
        default_value_t = 60
    )]
    pub seal_min: u32,
    /// Days for which every snapshot is kept; a site can have a number of its own. Buckets, days and months are kept for ever
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_RAW_DAYS",
        value_name = "DAYS",
        default_value_t = 400
    )]
    pub raw_days: u32,
    /// Days for which an owner can take back that his home be erased
    #[arg(
        long,
        env = "SOLTHRIVE_CLOUD_ERASURE_DAYS",
        value_name = "DAYS",
        default_value_t = 7
    )]
    pub erasure_days: u16,
}

/// A setting that clap cannot judge.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// Plain HTTP for everybody to read.
    #[error(
        "--plain-http sends tokens in the clear, so it listens on a loopback address only; {0} is none. Use `--listen 127.0.0.1:8080` behind a proxy, or leave --plain-http out"
    )]
    PlainBeyondLoopback(SocketAddr),
    /// Apart from the ingest, a worker cannot see the embedded store.
    #[error(
        "the embedded store belongs to one process, so with `sqlite:` that process has all roles; use `postgres:` to share the work"
    )]
    RolesNeedPostgres,
}

impl Serve {
    /// Whether the settings go together.
    ///
    /// # Errors
    /// [`BadSetting`], which says what to do.
    pub fn check(&self) -> Result<(), BadSetting> {
        if self.plain_http && !self.listen.ip().is_loopback() {
            return Err(BadSetting::PlainBeyondLoopback(self.listen));
        }
        let roles: BTreeSet<_> = self.roles.iter().collect();
        if self.place.store == StoreUrl::Sqlite && roles.len() < 3 {
            return Err(BadSetting::RolesNeedPostgres);
        }
        Ok(())
    }

    /// Whether this process has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl Place {
    /// The file of the key of codes' hashes.
    #[must_use]
    pub fn pepper(&self) -> PathBuf {
        self.data.join("pepper")
    }

    /// The registry and the archive of the embedded store.
    #[must_use]
    pub fn database(folder: &Path) -> PathBuf {
        folder.join("solthrive.db")
    }

    /// The hot log of the embedded store.
    #[must_use]
    pub fn hot_log(folder: &Path) -> PathBuf {
        folder.join("hot.db")
    }
}

impl Pace {
    /// As a length of time.
    #[must_use]
    pub fn checkpoint(&self) -> Duration {
        Duration::from_secs(self.checkpoint_s.into())
    }
}
