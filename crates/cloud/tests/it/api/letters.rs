//! A letter box.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use solthrive_cloud::clock::Clock;
use tempfile::TempDir;

use super::World;

/// A world that writes letters, and where they land.
pub(super) async fn world_with_letters(clock: Clock) -> (World, Letters, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let letters = Letters(folder.path().join("letters"));
    let (mail, url) = (letters.setting(), "https://solthrive.example/");
    let settings = ["--no-second-factor", "--mail", &mail, "--public-url", url];
    let world = World::telling(clock, &settings).await;
    (world, letters, folder)
}

/// The folder of `--mail folder:…`; links lead to solthrive.example.
pub(super) struct Letters(pub(super) PathBuf);

impl Letters {
    /// What `--mail` says.
    pub(super) fn setting(&self) -> String {
        format!("folder:{}", self.0.display())
    }

    /// Letters to this address that came so far.
    pub(super) fn to(&self, to: &str) -> Vec<String> {
        let files = fs::read_dir(&self.0).into_iter().flatten();
        let paths = files.map(|file| file.unwrap().path());
        let whole = paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
        let texts = whole.map(|path| fs::read_to_string(path).unwrap());
        // As it is sent: long lines are broken with `=`.
        let texts = texts.map(|text| text.replace("=\r\n", ""));
        texts
            .filter(|text| text.contains(&format!("To: {to}")))
            .collect()
    }

    /// What is secret in the only letter to this address, once it is there.
    pub(super) async fn secret(&self, to: &str) -> String {
        for _ in 0..100 {
            if let [letter] = self.to(to).as_slice() {
                let (_, after) = letter.split_once("https://solthrive.example/").unwrap();
                let (_, secret) = after.split_once('#').unwrap();
                return secret.chars().take_while(char::is_ascii_hexdigit).collect();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no letter to {to}");
    }
}
