//! The cloud's half: the service on an embedded store, homes and devices made with its console, and a
//! simulated fleet that delivers to it.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::past;
use super::people::{self, Person};
use super::running::{Build, Running, start};

/// The simulated fleet.
pub(super) struct Fleet {
    pub(super) sites: u16,
    pub(super) days: u16,
    pub(super) faults: bool,
    pub(super) build: Build,
}

/// Hours that a fleet without a past, or one that was stopped for a while, brings along.
const CATCHES_UP_H: &str = "24";

/// What came of it.
pub(super) struct Shown {
    /// Who sends before who is sent to.
    pub(super) programs: Vec<Running>,
    pub(super) place: Place,
}

/// Where the cloud is, and the one home in it whose appliance is a real one.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) ca: PathBuf,
    pub(super) home: Home,
}

/// A device as its factory made it, and its installer's code.
pub(super) struct Home {
    pub(super) serial: String,
    pub(super) device: String,
    pub(super) token: String,
    pub(super) code: String,
}

/// Number of the home whose appliance is a real one: its serial follows no other's.
const REAL: usize = 8_999;

/// Towns that homes stand in: name, time zone, latitude, longitude.
const TOWNS: [(&str, &str, f64, f64); 6] = [
    ("Pasadena", "America/Los_Angeles", 34.1, -118.1),
    ("Tucson", "America/Phoenix", 32.2, -110.9),
    ("Austin", "America/Chicago", 30.3, -97.7),
    ("Tampa", "America/New_York", 27.9, -82.5),
    ("Denver", "America/Denver", 39.7, -105.0),
    ("Honolulu", "Pacific/Honolulu", 21.3, -157.9),
];

/// Starts it all and says where it is.
pub(super) fn show(folder: &Path, address: SocketAddr, fleet: &Fleet, zone: &str) -> Result<Shown> {
    fs::create_dir_all(folder)?;
    let data = folder.join("data");
    let console = Console {
        data: &data,
        program: fleet.build.program("solthrive-cloud"),
    };
    // All of it before the service runs: on the embedded store both would wait for each other.
    let roster = folder.join("roster.json");
    console.furnish(&roster, fleet.sites)?;
    let home = console.real_home(&folder.join("home.json"), zone)?;
    let people = people::invite(&console, &folder.join("people.json"))?;
    let books = past::bring(&console, folder, &roster, fleet)?;
    let (service, at) = serve(&console, folder, address)?;
    let mut simulator = Command::new(fleet.build.program("solthrive-sim"));
    simulator.arg("fleet").arg("--roster").arg(&roster);
    simulator.args(["--cloud", &format!("https://localhost:{}", at.port())]);
    simulator.arg("--ca").arg(data.join("dev-cert.pem"));
    simulator.args(["--homes", &fleet.sites.to_string()]);
    simulator.args(["--history-h", CATCHES_UP_H, "--backfill-spread-s", "30"]);
    if let Some(books) = books {
        simulator.arg("--books").arg(books);
    }
    if fleet.faults {
        simulator.arg("--faults");
    }
    let (homes, _) = start(&mut simulator, "fleet", &folder.join("fleet.log"))?;
    greet(folder, &console, at, fleet, &people);
    Ok(Shown {
        programs: vec![homes, service],
        place: Place {
            url: format!("https://localhost:{}", at.port()),
            ca: data.join("dev-cert.pem"),
            home,
        },
    })
}

/// Starts the service; where it listens.
fn serve(
    console: &Console<'_>,
    folder: &Path,
    address: SocketAddr,
) -> Result<(Running, SocketAddr)> {
    let mut serve = Command::new(&console.program);
    serve.arg("serve").arg("--data").arg(console.data);
    serve.args(["--listen", &address.to_string(), "--checkpoint-s", "2"]);
    // A whole fleet comes from one address here, and people sign in with a password alone.
    serve.args([
        "--interval-s",
        "15",
        "--registrations-per-ip-per-min",
        "100000",
        "--no-second-factor",
    ]);
    let log = folder.join("cloud.log");
    let (service, line) = start(&mut serve, "cloud", &log)?;
    let at = line.trim().rsplit("//").next().unwrap_or_default();
    let at = at.parse().with_context(|| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        format!("the cloud did not say where it listens, but: {line:?}\n{said}")
    })?;
    Ok((service, at))
}

fn greet(
    folder: &Path,
    console: &Console<'_>,
    address: SocketAddr,
    fleet: &Fleet,
    people: &[Person],
) {
    let (console, place) = (console.program.display(), console.data.display());
    println!(
        "\n  Cloud       https://localhost:{}   ({} sites deliver to it)",
        address.port(),
        fleet.sites
    );
    println!(
        "  Well?       curl --cacert {place}/dev-cert.pem https://localhost:{}/readyz",
        address.port()
    );
    println!("  Devices     {console} admin --data {place} status");
    println!("  A home      {console} admin --data {place} site show \"Home 1, Pasadena\"");
    println!("  Logs        {}/cloud.log, fleet.log", folder.display());
    println!(
        "\n  Sign in     POST https://localhost:{}/api/v1/auth/session",
        address.port()
    );
    for person in people {
        println!(
            "              {:<10} {:<24} {}",
            person.what, person.email, person.password
        );
    }
}

/// The operator's console.
pub(super) struct Console<'a> {
    pub(super) data: &'a Path,
    pub(super) program: PathBuf,
}

impl Console<'_> {
    pub(super) fn run(&self, words: &[&str]) -> Result<Value> {
        self.run_with(words, "")
    }

    /// With something on its standard input.
    pub(super) fn run_with(&self, words: &[&str], input: &str) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command
            .arg("admin")
            .arg("--data")
            .arg(self.data)
            .arg("--json");
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut to) = child.stdin.take() {
            to.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!(
                "admin {words:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Makes homes, devices and codes, once: a roster that is there is kept, and more homes are added to it.
    fn furnish(&self, roster: &Path, homes: u16) -> Result<()> {
        let mut known: Vec<Value> = match fs::read(roster) {
            Ok(text) => serde_json::from_slice(&text)
                .context("demo/cloud/roster.json; start with --fresh")?,
            Err(_) => Vec::new(),
        };
        if known.is_empty() {
            self.run(&["org", "new", "Sunrise Solar", "--kind", "installer"])?;
        }
        let missing: Vec<usize> = (known.len()..homes.into()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        println!("  {} homes …", missing.len());
        let devices = self.devices(&missing)?;
        for (number, device) in missing.into_iter().zip(devices) {
            known.push(self.home(number, &device)?);
        }
        fs::write(roster, serde_json::to_string_pretty(&known)?)?;
        Ok(())
    }

    /// The home of the real appliance, made once.
    fn real_home(&self, file: &Path, zone: &str) -> Result<Home> {
        let known: Option<Value> = fs::read(file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        let entry = match known {
            Some(entry) => entry,
            None => {
                let devices = self.devices(&[REAL])?;
                let [serial, id, token] = devices.first().context("no device")?;
                let here = ("here", zone, 34.1, -118.1);
                let entry = self.home_in(here, REAL, [serial, id, token])?;
                fs::write(file, serde_json::to_string_pretty(&entry)?)?;
                entry
            }
        };
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        Ok(Home {
            serial: text("serial"),
            device: text("device_id"),
            token: text("token"),
            code: text("installer_code"),
        })
    }

    /// Devices as a factory would label them: serial, id, token.
    fn devices(&self, numbers: &[usize]) -> Result<Vec<[String; 3]>> {
        let (list, labels) = (self.data.join("serials.csv"), self.data.join("labels.csv"));
        let serials: Vec<String> = numbers.iter().map(|n| format!("ST-{:04}", n + 1)).collect();
        fs::write(&list, format!("serial\n{}\n", serials.join("\n")))?;
        let _ = fs::remove_file(&labels);
        let (list, out) = (list.display().to_string(), labels.display().to_string());
        self.run(&["device", "provision", &list, "--out", &out])?;
        let text = fs::read_to_string(&labels)?;
        let devices = text.lines().skip(1).map(|line| {
            let mut fields = line.split(',').map(str::to_owned);
            let three = [fields.next(), fields.next(), fields.next()];
            let [Some(serial), Some(id), Some(token)] = three else {
                bail!("a label that is none: {line}");
            };
            Ok([serial, id, token])
        });
        devices.collect()
    }

    /// A household, its home, and a code for the installer; back comes the roster's entry.
    fn home(&self, number: usize, [serial, id, token]: &[String; 3]) -> Result<Value> {
        let town = TOWNS[number % TOWNS.len()];
        self.home_in(town, number, [serial, id, token])
    }

    fn home_in(
        &self,
        (town, zone, latitude, longitude): (&str, &str, f64, f64),
        number: usize,
        [serial, id, token]: [&String; 3],
    ) -> Result<Value> {
        let (household, name) = (
            format!("Household {}", number + 1),
            format!("Home {}, {town}", number + 1),
        );
        let size = 4.0 + (number % 5) as f64 * 1.3;
        let (kw, north, east) = (
            size.to_string(),
            latitude.to_string(),
            format!("--longitude={longitude}"),
        );
        self.run(&["org", "new", &household])?;
        self.run(&[
            "site",
            "new",
            &name,
            "--owner",
            &household,
            "--zone",
            zone,
            "--size-kw",
            &kw,
            "--latitude",
            &north,
            &east,
        ])?;
        let code = self.run(&[
            "code",
            "new",
            "--site",
            &name,
            "--installer",
            "Sunrise Solar",
        ])?;
        Ok(json!({
            "serial": serial, "device_id": id, "token": token, "installer_code": code["code"],
            "time_zone": zone, "latitude": latitude, "longitude": longitude, "size_kw": size,
        }))
    }
}
