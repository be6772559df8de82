//! This test program once more, as another process that can be killed.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const FOLDER: &str = "SOLTHRIVE_TEST_FOLDER";
const NUMBER: &str = "SOLTHRIVE_TEST_NUMBER";

/// Starts an ignored test of this program, which is to call [`task`].
pub(super) fn spawn(test: &str, folder: &Path, number: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What it says that starts with this word, line by line.
pub(super) fn lines(child: &mut Child, word: &'static str) -> impl Iterator<Item = String> + use<> {
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test harness starts lines of its own.
    said.map_while(Result::ok)
        .filter_map(move |line| Some(line.split_once(word)?.1.trim().to_owned()))
}

/// In the child: what it was started with. `None` where somebody ran the ignored test by hand.
pub(super) fn task() -> Option<(PathBuf, u64)> {
    Some((
        env::var_os(FOLDER)?.into(),
        env::var(NUMBER).ok()?.parse().ok()?,
    ))
}
