//! Letters to people: an invitation, a link to set a password.
//!
//! Where they go is said by `--mail`: a mail server, a folder, or the log. A letter holds a link that is as good as a
//! password, so the log and the folder are for development.

mod letter;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport as _, Message, Tokio1Executor};

pub use self::letter::Letter;
use crate::clock::new_id;

/// A mail server that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where letters go.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum MailTo {
    /// Nowhere: what needs a letter cannot be done.
    #[default]
    Nowhere,
    /// A mail server, by URL.
    Server(String),
    /// One file a letter, for development and tests.
    Folder(PathBuf),
    /// The log, for development.
    Log,
}

/// Without the password that a URL may hold.
impl std::fmt::Debug for MailTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "off",
            Self::Server(_) => "smtp:…",
            Self::Folder(_) => "folder:…",
            Self::Log => "log",
        })
    }
}

impl FromStr for MailTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "off" => Ok(Self::Nowhere),
            None if text == "log" => Ok(Self::Log),
            Some(("folder", path)) if !path.is_empty() => Ok(Self::Folder(path.into())),
            Some(("smtp" | "smtps", _)) => {
                // What cannot be a URL is said now, not when the first letter is due.
                AsyncSmtpTransport::<Tokio1Executor>::from_url(text)
                    .map_err(|error| format!("this is no address of a mail server: {error}"))?;
                Ok(Self::Server(text.to_owned()))
            }
            _ => Err(
                "write smtps://user:password@host, smtp://host?tls=required, folder:PATH, log or off"
                    .to_owned(),
            ),
        }
    }
}

/// A letter did not go out.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// None ever does.
    #[error("no mail is set up: start the service with --mail")]
    Nowhere,
    /// The address is none.
    #[error("the address cannot be written to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// It cannot be written.
    #[error("the letter cannot be made: {0}")]
    Letter(#[from] lettre::error::Error),
    /// The server did not take it.
    #[error("the mail server did not take the letter: {0}")]
    Server(#[from] lettre::transport::smtp::Error),
    /// The server did not answer.
    #[error("the mail server did not answer within {} s", PATIENCE.as_secs())]
    Silence,
    /// The folder cannot be written.
    #[error("the letter cannot be put into its folder: {0}")]
    Folder(#[from] std::io::Error),
}

/// Takes letters out.
#[derive(Clone)]
pub struct Mail {
    to: Way,
    from: Mailbox,
    /// Where pages are, without a slash at the end.
    public_url: String,
}

#[derive(Clone)]
enum Way {
    Nowhere,
    Server(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
    Log,
}

impl Mail {
    /// To where `to` says, from `from`, with links to `public_url`.
    ///
    /// # Errors
    /// When `from` is no address, or there is no such folder and it cannot be made.
    pub fn new(to: &MailTo, from: &str, public_url: &str) -> Result<Self, NotSent> {
        let to = match to {
            MailTo::Nowhere => Way::Nowhere,
            MailTo::Log => Way::Log,
            MailTo::Folder(folder) => {
                fs::create_dir_all(folder)?;
                Way::Folder(folder.clone())
            }
            MailTo::Server(url) => {
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
                Way::Server(server.timeout(Some(PATIENCE)).build())
            }
        };
        Ok(Self {
            to,
            from: from.parse()?,
            public_url: public_url.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether letters go anywhere.
    #[must_use]
    pub const fn works(&self) -> bool {
        !matches!(self.to, Way::Nowhere)
    }

    /// Where people reach the service, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The address of a page. What is secret stands after the `#`: browsers send it to no server, and no server
    /// between writes it down.
    #[must_use]
    pub fn link(&self, page: &str, secret: &str) -> String {
        format!("{}/{page}#{secret}", self.public_url)
    }

    /// Sends a letter to this address.
    ///
    /// # Errors
    /// Why it did not go out.
    pub async fn send(&self, address: &str, letter: &Letter) -> Result<(), NotSent> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address.parse()?))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())?;
        match &self.to {
            Way::Nowhere => Err(NotSent::Nowhere),
            Way::Log => {
                tracing::warn!(
                    to = address,
                    subject = letter.subject,
                    text = letter.text,
                    "a letter (development: it holds a secret)"
                );
                Ok(())
            }
            Way::Folder(folder) => Ok(put(folder, &message.formatted())?),
            Way::Server(server) => {
                let sent = tokio::time::timeout(PATIENCE, server.send(message)).await;
                sent.map_err(|_| NotSent::Silence)??;
                Ok(())
            }
        }
    }
}

/// A file that appears as a whole.
fn put(folder: &Path, letter: &[u8]) -> std::io::Result<()> {
    let name = new_id().to_string();
    let (part, whole) = (
        folder.join(format!(".{name}")),
        folder.join(format!("{name}.eml")),
    );
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(letter)?;
    fs::rename(part, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_letters_go_is_said_in_one_word_and_nonsense_is_refused_with_what_can_be_said() {
        assert_eq!("off".parse(), Ok(MailTo::Nowhere));
        assert_eq!("log".parse(), Ok(MailTo::Log));
        assert_eq!("folder:/tmp/x".parse(), Ok(MailTo::Folder("/tmp/x".into())));
        let url = "smtps://me:secret@mail.example.org";
        let server: MailTo = url.parse().unwrap();
        assert!(!format!("{server:?}").contains("secret"));
        for wrong in ["", "folder:", "pop3://x", "smtp", "smtp://", "logs"] {
            assert!(wrong.parse::<MailTo>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_letter_lies_in_the_folder_as_a_whole_and_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let to = MailTo::Folder(folder.path().join("out"));
        let mail = Mail::new(&to, "SolThrive <post@example.org>", "https://x.example/").unwrap();
        let letter = Letter::reset("Ada\r\nBcc: all@example.org", &mail.link("password", "abc"));
        mail.send("ada@example.org", &letter).await.unwrap();
        let files: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().collect();
        let path = files[0].as_ref().unwrap().path();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("https://x.example/password#abc"), "{text}");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("Bcc"), "{head}");
        assert!(mail.send("no address", &letter).await.is_err());
    }

    /// A mail server of one letter, as RFC 5321 has it; `verdict` is what it says to the recipient.
    async fn server(verdict: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (mut heard, mut in_letter) = (String::new(), false);
            stream.write_all(b"220 here\r\n").await.unwrap();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return heard;
                }
                heard.push_str(&line);
                let answer = match line.trim_end() {
                    "." => {
                        in_letter = false;
                        "250 taken"
                    }
                    _ if in_letter => continue,
                    "DATA" => {
                        in_letter = true;
                        "354 go on"
                    }
                    "QUIT" => "221 bye",
                    line if line.starts_with("RCPT") => verdict,
                    _ => "250 fine",
                };
                let answer = format!("{answer}\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, task)
    }

    #[tokio::test]
    async fn a_mail_server_gets_the_letter_and_its_refusal_is_told() {
        let letter = Letter::invitation("Sunrise", "viewer", "https://x.example/invitation#abc");
        let sent = |url: String| async move {
            let to = url.parse().unwrap();
            let mail = Mail::new(&to, "post@example.org", "https://x.example").unwrap();
            mail.send("ada@example.org", &letter.clone()).await
        };
        let (url, heard) = server("250 fine").await;
        sent.clone()(url).await.unwrap();
        let heard = heard.await.unwrap();
        assert!(heard.contains("RCPT TO:<ada@example.org>"), "{heard}");
        assert!(heard.contains("x.example/invitation#abc"), "{heard}");
        let (url, _) = server("550 no such box").await;
        let refused = sent.clone()(url).await.unwrap_err().to_string();
        assert!(refused.contains("did not take the letter"), "{refused}");
        let gone = sent("smtp://127.0.0.1:1".to_owned()).await;
        assert!(matches!(gone, Err(NotSent::Server(_))), "{gone:?}");
    }
}
