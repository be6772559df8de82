//! PostgreSQL's own programs, started so that no password is on a command line.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Time between two looks at a program that works.
const LOOK: Duration = Duration::from_millis(200);

/// `pg_dump`, `pg_restore` or `psql`.
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
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut running = self.start(command)?;
        let status = loop {
            if let Some(status) = running.child.try_wait()? {
                break status;
            }
            if !go_on() {
                running.kill();
                bail!("stopped");
            }
            tokio::time::sleep(LOOK).await;
        };
        running.ended(status)
    }

    /// Lets `reader` read what this one writes. The reader comes to know of the end only if the writer
    /// ended well: half of a text must not look like a whole one.
    pub(super) async fn piped(
        &self,
        mut writes: Command,
        reader: &Self,
        mut reads: Command,
        mut look: impl FnMut(),
    ) -> Result<()> {
        writes.stdin(Stdio::null()).stdout(Stdio::piped());
        reads.stdin(Stdio::piped()).stdout(Stdio::null());
        let (mut source, mut sink) = (self.start(writes)?, reader.start(reads)?);
        let ends = source.child.stdout.take().zip(sink.child.stdin.take());
        let (mut from, mut to) = ends.context("there is no pipe")?;
        let copy = thread::spawn(move || (io::copy(&mut from, &mut to), to));
        while !copy.is_finished() {
            tokio::time::sleep(LOOK).await;
            look();
        }
        let Ok((copied, end)) = copy.join() else {
            sink.kill();
            bail!("the copy between {} and {} failed", self.name, reader.name);
        };
        if copied.is_err() {
            // The reader has gone, and has said why.
            source.kill();
            let status = sink.child.wait()?;
            return sink.ended(status).and_then(|()| Ok(copied.map(drop)?));
        }
        let status = source.child.wait()?;
        if let Err(error) = source.ended(status) {
            sink.kill();
            return Err(error);
        }
        drop(end);
        let status = sink.child.wait()?;
        sink.ended(status)
    }

    fn start(&self, mut command: Command) -> Result<Running> {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", self.path.display()))?;
        let errors = child.stderr.take();
        let errors = thread::spawn(move || {
            let mut said = Vec::new();
            // What cannot be read is not worth ending for.
            let _ = errors.map(|mut errors| errors.read_to_end(&mut said));
            String::from_utf8_lossy(&said).into_owned()
        });
        Ok(Running {
            name: self.name,
            child,
            errors,
        })
    }
}

/// A program at work, and what it complains of.
struct Running {
    name: &'static str,
    child: Child,
    errors: thread::JoinHandle<String>,
}

impl Running {
    fn kill(&mut self) {
        // It may have ended by itself just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn ended(self, status: ExitStatus) -> Result<()> {
        let said = self.errors.join().unwrap_or_default();
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

    #[tokio::test]
    async fn half_a_text_is_not_read_as_a_whole_one() {
        let shell = Program::find("sh").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let told = async |writes: &str, reads: &str| {
            let (mut one, mut other) = (shell.command(), shell.command());
            one.args(["-c", writes]);
            other.args(["-c", reads]).current_dir(folder.path());
            shell.piped(one, &shell, other, || {}).await
        };
        let reads = "cat > read && touch done";
        let error = told("echo half; echo torn >&2; exit 1", reads).await;
        assert_eq!(error.unwrap_err().to_string(), "sh failed: torn");
        assert!(!folder.path().join("done").exists());
        told("echo whole", reads).await.unwrap();
        assert!(folder.path().join("done").exists());
        let error = told("yes | head -c 10000000", "echo no thanks >&2; exit 1").await;
        assert_eq!(error.unwrap_err().to_string(), "sh failed: no thanks");
    }
}
