//! PostgreSQL's own programs, started so that no password is on a command line.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Time between two looks at a program that works.
const LOOK: Duration = Duration::from_millis(200);

/// `pg_dump` or `pg_restore`.
pub(super) struct Program {
    name: &'static str,
    path: PathBuf,
}

impl Program {
    /// Looks along the path.
    pub(super) fn find(name: &'static str) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file());
        let path = found.with_context(|| {
            format!(
                "{name} is not installed: `sudo apt install postgresql-client` (or the package of that name elsewhere), as new as the server or newer"
            )
        })?;
        Ok(Self { name, path })
    }

    /// Without a database.
    pub(super) fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// A command that uses the database of this URL. Arguments are seen by everybody on the machine, so
    /// the password goes in the environment, which only its owner sees.
    pub(super) fn connected(&self, url: &str) -> Command {
        let (url, password) = without_password(url);
        let mut command = self.command();
        command.arg("--dbname").arg(url);
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        command
    }

    /// Runs it to its end, or until `go_on` says no.
    pub(super) async fn run(
        &self,
        mut command: Command,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<()> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", self.path.display()))?;
        let errors = child.stderr.take();
        let errors = std::thread::spawn(move || {
            let mut said = String::new();
            // What is not text is not worth ending for.
            let _ = errors.map(|mut errors| errors.read_to_string(&mut said));
            said
        });
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if !go_on() {
                child.kill()?;
                child.wait()?;
                bail!("stopped");
            }
            tokio::time::sleep(LOOK).await;
        };
        let said = errors.join().unwrap_or_default();
        if !status.success() {
            bail!("{} failed: {}", self.name, said.trim());
        }
        Ok(())
    }
}

/// The URL without its password, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    let (front, query) = url
        .split_once('?')
        .map_or((url, None), |(front, query)| (front, Some(query)));
    let (mut front, mut password) = (front.to_owned(), None);
    if let Some((scheme, rest)) = front.split_once("://")
        && let Some((user, host)) = rest.rsplit_once('@')
        && let Some((user, secret)) = user.split_once(':')
    {
        password = Some(unescaped(secret));
        front = format!("{scheme}://{user}@{host}");
    }
    let mut kept = Vec::new();
    for part in query.into_iter().flat_map(|query| query.split('&')) {
        match part.split_once('=') {
            Some(("password", secret)) => password = Some(unescaped(secret)),
            _ => kept.push(part),
        }
    }
    let query = if kept.is_empty() {
        String::new()
    } else {
        format!("?{}", kept.join("&"))
    };
    (front + &query, password)
}

/// Without percent-encoding.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_a_url() {
        let split = |url| {
            let (url, password) = without_password(url);
            (url, password.unwrap_or_default())
        };
        let told = |url: &str, password: &str| (url.to_owned(), password.to_owned());
        assert_eq!(
            split("postgres://ana:a%40b%3a%@db:5432/solthrive?sslmode=require"),
            told("postgres://ana@db:5432/solthrive?sslmode=require", "a@b:%")
        );
        assert_eq!(
            split("postgresql://ana@db/s?password=x%20y&host=/run"),
            told("postgresql://ana@db/s?host=/run", "x y")
        );
        assert_eq!(
            split("postgres:///s?password=p"),
            told("postgres:///s", "p")
        );
        assert_eq!(split("postgres://db/s"), told("postgres://db/s", ""));
    }

    #[tokio::test]
    async fn what_a_program_says_when_it_fails_is_told() {
        let shell = Program::find("sh").unwrap();
        let mut command = shell.command();
        command.args(["-c", "echo too old >&2; exit 3"]);
        let told = shell.run(command, || true).await.unwrap_err().to_string();
        assert_eq!(told, "sh failed: too old");
        let mut command = shell.command();
        command.args(["-c", "sleep 60"]);
        assert!(shell.run(command, || false).await.is_err());
        assert!(Program::find("no-such-program").is_err());
    }
}
