//! A PostgreSQL server for tests: a folder of its own, a socket in it, no port.
//!
//! `cargo xtask test` starts one for all tests and names it in [`ENV`]. A test that is run by hand
//! finds no such name and starts one for itself.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Names the folder with the socket of a server that runs already.
const ENV: &str = "SOLTHRIVE_TEST_POSTGRES";
/// Who runs the server where we are root, which PostgreSQL refuses to be, and its superuser.
const USER: &str = "postgres";
/// Whose the databases are: no superuser, as in every sound installation, so that policies hold for him.
const OWNER: &str = "solthrive";

/// A server that ends with this value.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    fsync: bool,
}

/// An empty database, on the common server or on one of its own.
#[derive(Debug)]
pub struct Database {
    url: String,
    _own: Option<Server>,
}

impl Server {
    /// Makes a cluster and starts it. Takes about two seconds.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    pub fn start() -> Result<Self> {
        // A test's data need not survive the machine, only the test.
        Self::with_fsync(false)
    }

    /// One whose commits are on the disk when they return, for measuring.
    ///
    /// # Errors
    /// See [`Server::start`].
    pub fn durable() -> Result<Self> {
        Self::with_fsync(true)
    }

    fn with_fsync(fsync: bool) -> Result<Self> {
        let programs = programs()?;
        let folder = fresh_folder()?;
        let server = Self {
            folder,
            programs,
            fsync,
        };
        let data = server.data();
        server.run(
            "initdb",
            [
                OsStr::new("-D"),
                data.as_os_str(),
                OsStr::new("-A"),
                OsStr::new("trust"),
                OsStr::new("-U"),
                OsStr::new(USER),
                OsStr::new("-E"),
                OsStr::new("UTF8"),
                OsStr::new("--no-sync"),
            ],
        )?;
        server.resume()?;
        let socket = server.folder.as_os_str();
        let [host, user, owner] = ["-h", USER, OWNER].map(OsStr::new);
        server.run("createuser", [host, socket, OsStr::new("-U"), user, owner])?;
        Ok(server)
    }

    /// Starts it again after [`Server::halt`].
    ///
    /// # Errors
    /// When it does not start; the message has its log.
    pub fn resume(&self) -> Result<()> {
        let (data, log) = (self.data(), self.folder.join("log"));
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync={} -c max_connections=200",
            self.folder.display(),
            if self.fsync { "on" } else { "off" },
        );
        self.run(
            "pg_ctl",
            [
                OsStr::new("-D"),
                data.as_os_str(),
                OsStr::new("-w"),
                OsStr::new("-l"),
                log.as_os_str(),
                OsStr::new("-o"),
                OsStr::new(&options),
                OsStr::new("start"),
            ],
        )
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())
    }

    /// Stops it as a crash would, keeping its data.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn halt(&self) -> Result<()> {
        let data = self.data();
        self.run(
            "pg_ctl",
            [
                OsStr::new("-D"),
                data.as_os_str(),
                OsStr::new("-m"),
                OsStr::new("immediate"),
                OsStr::new("stop"),
            ],
        )
    }

    /// Lets it stand still, as if the network swallowed everything: connections stay open, nobody answers.
    ///
    /// # Errors
    /// When its processes cannot be found.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Server::freeze`].
    ///
    /// # Errors
    /// When its processes cannot be found.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends a signal to the server and to the processes that it made, one for each connection.
    fn signal(&self, signal: Signal) -> Result<()> {
        let file = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let first = file.lines().next().context("no server runs")?;
        let mut pids: Vec<i32> = vec![first.parse()?];
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?;
        pids.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<i32>().ok()),
        );
        for pid in pids.into_iter().filter_map(Pid::from_raw) {
            // One that ended meanwhile is no loss.
            let _ = kill_process(pid, signal);
        }
        Ok(())
    }

    /// Makes a database on it and says where it is.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn database(&self, name: &str) -> Result<String> {
        create(&self.folder, name)
    }

    /// Whether there is a PostgreSQL to start.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_ok()
    }

    /// The variable that tells tests of this server.
    #[must_use]
    pub fn env(&self) -> (&'static str, &Path) {
        (ENV, &self.folder)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn run<'a>(&self, program: &str, args: impl IntoIterator<Item = &'a OsStr>) -> Result<()> {
        let program = self.programs.join(program);
        said(as_user(&program).args(args), &program)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.thaw();
        let _ = self.halt();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Database {
    /// An empty database.
    ///
    /// # Errors
    /// See [`Server::start`].
    pub fn fresh() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{number}", std::process::id());
        let (socket, own) = match env::var_os(ENV) {
            Some(socket) => (PathBuf::from(socket), None),
            None => {
                let server = Server::start()?;
                (server.folder.clone(), Some(server))
            }
        };
        let url = create(&socket, &name)?;
        Ok(Self { url, _own: own })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Makes a database on the server with this socket, and says where it is.
fn create(socket: &Path, name: &str) -> Result<String> {
    let createdb = programs()?.join("createdb");
    let mut command = Command::new(&createdb);
    command.arg("-h").arg(socket);
    command.args(["-U", USER, "-O", OWNER, name]);
    said(&mut command, &createdb)?;
    Ok(format!(
        "postgres://{OWNER}@localhost/{name}?host={}",
        socket.display()
    ))
}

/// The newest installed PostgreSQL's programs.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path(),
            ))
        })
        .max()
        .map(|(_, path)| path.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists())
        .context("PostgreSQL is missing: `cargo xtask setup` as root installs it; elsewhere install the server package of version 15 or newer")
}

/// A folder that the server's user owns, with a path short enough for a socket.
fn fresh_folder() -> Result<PathBuf> {
    let Output { status, stdout, .. } = as_user(Path::new("mktemp"))
        .args(["-d", "/tmp/solthrive-pg-XXXXXX"])
        .output()
        .context("mktemp")?;
    if !status.success() {
        bail!("no folder for PostgreSQL could be made in /tmp");
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&stdout).trim()))
}

fn as_user(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    // Not in a folder that the user may not enter.
    command
        .current_dir("/")
        .args(["-u", USER, "--"])
        .arg(program);
    command
}

fn said(command: &mut Command, program: &Path) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("{} could not be started", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{} failed: {}{}",
        program.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
