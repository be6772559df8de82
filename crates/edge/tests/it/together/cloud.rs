//! A cloud in a process of its own, with one household, its home and an installer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// The home that the appliance belongs to.
pub(super) struct Home {
    pub(super) site: String,
    pub(super) serial: String,
    pub(super) device: String,
    pub(super) token: String,
    pub(super) code: String,
}

pub(super) struct Cloud {
    folder: TempDir,
    child: Option<Child>,
    pub(super) port: u16,
    owner: String,
    pub(super) home: Home,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_solthrived")).with_file_name("solthrive-cloud");
    assert!(
        beside.exists(),
        "build it first: cargo build -p solthrive-cloud"
    );
    beside
}

impl Cloud {
    pub(super) fn start() -> Self {
        let mut cloud = Self {
            folder: tempfile::tempdir().unwrap(),
            child: None,
            port: 0,
            owner: String::new(),
            home: Home {
                site: String::new(),
                serial: "ST-7".to_owned(),
                device: String::new(),
                token: String::new(),
                code: String::new(),
            },
        };
        cloud.serve();
        cloud.furnish();
        cloud.owner = cloud.sign_in();
        cloud
    }

    /// Starts it, on the port that it had before.
    pub(super) fn serve(&mut self) {
        let mut child = Command::new(program())
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .args([
                "--interval-s",
                "5",
                "--checkpoint-s",
                "1",
                "--no-second-factor",
                "--data",
            ])
            .arg(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        self.port = line
            .trim()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap_or_else(|_| panic!("{line}"));
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("dev-cert.pem")
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The operator's console.
    pub(super) fn admin(&self, words: &[&str], input: &str) -> Value {
        let mut child = Command::new(program())
            .arg("admin")
            .arg("--data")
            .arg(self.folder.path())
            .arg("--json")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn furnish(&mut self) {
        self.admin(&["org", "new", "Ruiz"], "");
        self.admin(&["org", "new", "Sunrise", "--kind", "installer"], "");
        let user = [
            "user",
            "new",
            "ana@example.org",
            "--name",
            "Ana",
            "--org",
            "Ruiz",
            "--password-stdin",
        ];
        self.admin(&user, PASSWORD);
        let site = [
            "site",
            "new",
            "Casa",
            "--owner",
            "Ruiz",
            "--zone",
            "America/Los_Angeles",
        ];
        self.home.site = self.admin(&site, "")["id"].as_str().unwrap().to_owned();
        let code = self.admin(
            &["code", "new", "--site", "Casa", "--installer", "Sunrise"],
            "",
        );
        self.home.code = code["code"].as_str().unwrap().to_owned();
        let labels = self.folder.path().join("labels.csv");
        let serials = format!("serial\n{}\n", self.home.serial);
        self.admin(
            &[
                "device",
                "provision",
                "-",
                "--out",
                labels.to_str().unwrap(),
            ],
            &serials,
        );
        let text = std::fs::read_to_string(labels).unwrap();
        let mut fields = text.lines().nth(1).unwrap().split(',').skip(1);
        self.home.device = fields.next().unwrap().to_owned();
        self.home.token = fields.next().unwrap().to_owned();
    }

    fn sign_in(&self) -> String {
        let body = json!({"email": "ana@example.org", "password": PASSWORD});
        let (status, head, body) = self.exchange("POST", "/api/v1/auth/session", Some(&body));
        assert_eq!(status, 200, "{body}");
        let cookie = head
            .lines()
            .find(|line| line.to_lowercase().starts_with("set-cookie:"))
            .unwrap();
        cookie
            .split_once(':')
            .unwrap()
            .1
            .split(';')
            .next()
            .unwrap()
            .trim()
            .to_owned()
    }

    /// What the owner is told.
    pub(super) fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.exchange("GET", path, None);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.exchange("POST", path, Some(body));
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// An open stream, to be read line by line.
    pub(super) fn stream(&self, path: &str) -> impl Iterator<Item = String> + use<> {
        let mut line = self.dial();
        line.write_all(self.request("GET", path, None).as_bytes())
            .unwrap();
        BufReader::new(line).lines().map_while(Result::ok)
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String, String) {
        let mut line = self.dial();
        line.write_all(self.request(method, path, body).as_bytes())
            .unwrap();
        let mut answer = Vec::new();
        // The end of a connection without TLS's own goodbye is the end all the same.
        let _ = line.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.unwrap_or(0), head.to_owned(), body.to_owned())
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let body = body.map(Value::to_string).unwrap_or_default();
        // HTTP/1.0: no chunks.
        format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            self.owner,
            body.len()
        )
    }

    fn dial(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(self.ca()).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        StreamOwned::new(connection, stream)
    }

    /// Times of all rows of the home that the cloud has, in ms.
    #[expect(
        clippy::disallowed_methods,
        reason = "the real programs are at the real time"
    )]
    pub(super) fn rows(&self) -> Vec<i64> {
        let now = jiff::Timestamp::now();
        let [from, to] = [-1, 1].map(|hours| now + jiff::SignedDuration::from_hours(hours));
        let path = format!(
            "/api/v1/sites/{}/telemetry?from={from}&to={to}&resolution=raw",
            self.home.site
        );
        let body = self.get(&path);
        let times = body["t"].as_array().unwrap_or_else(|| panic!("{body}"));
        times
            .iter()
            .map(|time| {
                time.as_i64().unwrap_or_else(|| {
                    time.as_str()
                        .unwrap()
                        .parse::<jiff::Timestamp>()
                        .unwrap()
                        .as_millisecond()
                })
            })
            .collect()
    }
}
