//! Asks a running daemon over its HTTP interface: one request a connection, with a bounded answer.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::config::token::{self, Token};

const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);
/// For an answer that somebody far away has to give first.
const FAR: Duration = Duration::from_secs(70);
/// Far more than any answer has.
const MOST: u64 = 16 * 1024 * 1024;

/// The daemon that should listen here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Daemon {
    address: SocketAddr,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody listens.
    #[error("nothing listens at {0}")]
    NotRunning(SocketAddr),
    /// Somebody listens and says nothing in time.
    #[error("{address} does not answer: {source}")]
    Silent {
        address: SocketAddr,
        source: io::Error,
    },
    /// Somebody else's answer.
    #[error("what answers at {0} is not solthrived")]
    Stranger(SocketAddr),
    /// It refused.
    #[error("solthrived refused ({status}): {detail}")]
    Refused { status: u16, detail: String },
}

impl Daemon {
    /// `listen` as configured; one that listens everywhere is asked on the loopback.
    pub(super) fn at(listen: SocketAddr) -> Self {
        let ip = match listen.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        Self {
            address: SocketAddr::new(ip, listen.port()),
        }
    }

    pub(super) const fn address(self) -> SocketAddr {
        self.address
    }

    /// `/api/health`, which only our daemon answers like this.
    pub(super) fn health(self) -> Result<Value, NoAnswer> {
        let health = self.get("/api/health", None)?;
        if health["modbus_status"].is_string() {
            Ok(health)
        } else {
            Err(NoAnswer::Stranger(self.address))
        }
    }

    /// A JSON answer.
    pub(super) fn get(self, path: &str, token: Option<&Token>) -> Result<Value, NoAnswer> {
        self.ask("GET", path, token, None, ANSWER)
    }

    /// A JSON answer to JSON that changes something, and may take as long as the internet does.
    pub(super) fn post(self, path: &str, token: &Token, body: &Value) -> Result<Value, NoAnswer> {
        self.ask("POST", path, Some(token), Some(body), FAR)
    }

    fn ask(
        self,
        method: &str,
        path: &str,
        token: Option<&Token>,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Value, NoAnswer> {
        let answer = self
            .exchange(method, path, token, body, patience)
            .map_err(|source| match source.kind() {
                io::ErrorKind::ConnectionRefused => NoAnswer::NotRunning(self.address),
                _ => NoAnswer::Silent {
                    address: self.address,
                    source,
                },
            })?;
        let (status, body) = parse(&answer).ok_or(NoAnswer::Stranger(self.address))?;
        let value: Option<Value> = serde_json::from_slice(body).ok();
        match (status, value) {
            (200, Some(value)) => Ok(value),
            (200, None) => Err(NoAnswer::Stranger(self.address)),
            (status, value) => {
                let said = |key: &str| {
                    value
                        .as_ref()
                        .and_then(|value| value[key].as_str())
                        .map(ToOwned::to_owned)
                };
                Err(NoAnswer::Refused {
                    status,
                    detail: said("detail").or_else(|| said("title")).unwrap_or_default(),
                })
            }
        }
    }

    /// HTTP/1.0: the answer ends where the connection does.
    fn exchange(
        self,
        method: &str,
        path: &str,
        token: Option<&Token>,
        body: Option<&Value>,
        patience: Duration,
    ) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let bearer = token
            .map(|token| format!("Authorization: Bearer {}\r\n", token.reveal()))
            .unwrap_or_default();
        let content = body.map_or_else(
            || "\r\n".to_owned(),
            |body| {
                let text = body.to_string();
                format!(
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                )
            },
        );
        // In one piece: an answer may come before a second one is sent, and the connection be closed.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: application/json\r\n{bearer}{content}",
            self.address
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// Status and body; `None` for what is no HTTP.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    Some((status, &answer[end + 4..]))
}

/// The token, for questions that need it; `Err` says why there is none.
pub(super) fn token(file: &Path) -> Result<Token, String> {
    match token::read(file) {
        Ok(found) => Ok(found.token),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request with these bytes.
    fn server(answer: &'static [u8]) -> Daemon {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1000];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
        });
        Daemon::at(address)
    }

    #[test]
    fn an_answer_that_is_not_ours_is_told_from_ours() {
        let ours = server(
            b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"modbus_status\":\"ok\"}",
        );
        assert_eq!(ours.health().unwrap()["modbus_status"], "ok");
        for other in [
            &b"HTTP/1.1 200 OK\r\n\r\n<html>"[..],
            b"HTTP/1.0 200 OK\r\n\r\n{}",
            b"SSH-2.0-OpenSSH\r\n",
            b"",
        ] {
            assert!(
                matches!(server(other).health(), Err(NoAnswer::Stranger(_))),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_refusal_is_repeated_in_its_own_words() {
        let refusing = server(b"HTTP/1.0 401 Unauthorized\r\n\r\n{\"title\":\"Token needed\",\"detail\":\"send the token\"}");
        assert_eq!(
            refusing.health().unwrap_err().to_string(),
            "solthrived refused (401): send the token"
        );
    }

    #[test]
    fn nobody_at_home_is_not_running() {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert!(matches!(
            Daemon::at(free).health(),
            Err(NoAnswer::NotRunning(_))
        ));
    }

    #[test]
    fn a_daemon_that_listens_everywhere_is_asked_here() {
        assert_eq!(
            Daemon::at("0.0.0.0:80".parse().unwrap())
                .address()
                .to_string(),
            "127.0.0.1:80"
        );
        assert_eq!(
            Daemon::at("[::]:80".parse().unwrap()).address().to_string(),
            "[::1]:80"
        );
        assert_eq!(
            Daemon::at("10.0.0.7:80".parse().unwrap())
                .address()
                .to_string(),
            "10.0.0.7:80"
        );
    }
}
