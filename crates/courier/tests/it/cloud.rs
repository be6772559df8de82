//! A cloud that answers as the test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// A call as it was heard.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) zstd: bool,
    pub(crate) body: Value,
}

/// What the test answers: status, further headers, body. `None` hangs up without a word.
pub(crate) type Answer = Option<(u16, String, String)>;

type Script = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

/// How it proves who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    Sound,
    Expired,
    AnotherName,
    OfNobody,
    /// It speaks no TLS at all.
    Plain,
}

pub(crate) struct TestCloud {
    pub(crate) address: SocketAddr,
    /// The authority that is trusted, in PEM.
    pub(crate) authority: tempfile::NamedTempFile,
    calls: Arc<Mutex<Vec<Call>>>,
    server: AbortHandle,
}

impl Drop for TestCloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestCloud {
    pub(crate) async fn new(
        proof: Proof,
        script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (authority, config) = certificates(proof);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (heard, script): (_, Script) = (Arc::clone(&calls), Arc::new(script));
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (acceptor, script, heard) =
                    (acceptor.clone(), Arc::clone(&script), Arc::clone(&heard));
                tokio::spawn(async move {
                    if matches!(proof, Proof::Plain) {
                        // As a web server does that hears what it does not understand.
                        let mut stream = stream;
                        let mut hello = [0; 64];
                        let _ = stream.read(&mut hello).await;
                        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                    } else if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, script, heard).await;
                    }
                });
            }
        });
        Self {
            address,
            authority,
            calls,
            server: server.abort_handle(),
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

fn certificates(proof: Proof) -> (tempfile::NamedTempFile, ServerConfig) {
    let issuer = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (authority, other) = (issuer("authority"), issuer("somebody"));
    let name = if matches!(proof, Proof::AnotherName) {
        "elsewhere.example"
    } else {
        "localhost"
    };
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(
        if matches!(proof, Proof::Expired) {
            2021
        } else {
            2090
        },
        1,
        1,
    );
    let key = KeyPair::generate().unwrap();
    let by = if matches!(proof, Proof::OfNobody) {
        &other
    } else {
        &authority
    };
    let certificate = params.signed_by(&key, by).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate.der().clone()], key)
    .unwrap();
    (file, config)
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
    heard: Arc<Mutex<Vec<Call>>>,
) {
    let mut bytes = Vec::new();
    loop {
        let call = loop {
            if let Some((call, used)) = parse(&bytes) {
                bytes.drain(..used);
                break call;
            }
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        heard.lock().unwrap().push(call.clone());
        let Some((status, headers, body)) = script(&call) else {
            return;
        };
        if status == 0 {
            // Never answers.
            std::future::pending::<()>().await;
        }
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Call, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let line = head
            .lines()
            .find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end..end + length)?;
    let zstd = header("content-encoding").as_deref() == Some("zstd");
    let body = if zstd {
        zstd::bulk::decompress(body, 8 << 20).unwrap()
    } else {
        body.to_vec()
    };
    let call = Call {
        path: head.split(' ').nth(1).unwrap().to_owned(),
        token: header("authorization")
            .unwrap_or_default()
            .trim_start_matches("Bearer ")
            .to_owned(),
        zstd,
        body: serde_json::from_slice(&body).unwrap(),
    };
    Some((call, end + length))
}

/// Elements of a call.
pub(crate) fn elements(call: &Call) -> usize {
    let list = ["snapshots", "days", "events"]
        .iter()
        .find_map(|name| call.body[*name].as_array());
    list.map_or(0, Vec::len)
}

/// An `ok` for all of a call, changed by the test.
pub(crate) fn ok(call: &Call, change: impl FnOnce(&mut Value)) -> Answer {
    let mut receipt = json!({
        "status": "ok", "accepted": elements(call), "duplicates": 0, "conflicts": 0, "rejected": [],
        "server_time": jiff::Timestamp::UNIX_EPOCH.to_string(), "next_after_s": 0, "backfill_rows_per_s": 100_000,
        "config_version": 0, "commands_pending": false,
    });
    change(&mut receipt);
    Some((200, String::new(), receipt.to_string()))
}

/// An error of the cloud.
pub(crate) fn error(status: u16, code: &str, headers: &str) -> Answer {
    let body = json!({"status": "error", "code": code, "detail": "said by the test"});
    Some((status, headers.to_owned(), body.to_string()))
}
