//! `latest.json`, the newest snapshot as a file, for scripts of version 1 that read it there.
//!
//! It is written with each snapshot to memory, never to the card: into the folder that systemd makes
//! for the service under `/run` and names in `RUNTIME_DIRECTORY`. Where version 1 kept it,
//! `data/latest.json` in the data folder, a link leads there. Without that variable there is no file.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::http::latest_json;
use crate::live::{Frame, Live};

const NAME: &str = "latest.json";
/// What version 1 left is kept under this name.
const BEFORE: &str = "latest.v1.json";
/// What `/api/latest` tells everybody in the home, everybody on the machine may read.
const FOR_EVERYBODY: u32 = 0o644;

/// Writes the file on the core thread's turns.
pub(super) struct LatestFile {
    live: Arc<Live>,
    path: PathBuf,
    /// Number of the frame that is written.
    written: Option<u64>,
    failing: bool,
}

impl LatestFile {
    /// In the first of the folders that `RUNTIME_DIRECTORY` names; linked to from the data folder.
    pub(super) fn new(live: Arc<Live>, folders: Option<&OsStr>, data_dir: &Path) -> Option<Self> {
        let folder = folders?.as_bytes().split(|byte| *byte == b':').next()?;
        let folder = Path::new(OsStr::from_bytes(folder));
        if !folder.is_absolute() {
            return None;
        }
        let path = folder.join(NAME);
        match link(&data_dir.join("data"), &path) {
            Ok(Some(link)) => {
                tracing::info!(link = %link.display(), file = %path.display(), "scripts of version 1 find the newest values");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "there is no link from version 1's latest.json");
            }
        }
        Some(Self {
            live,
            path,
            written: None,
            failing: false,
        })
    }

    /// Writes the newest snapshot, if it is not written yet.
    pub(super) fn update(&mut self) {
        let Some(frame) = self.live.frame() else {
            return;
        };
        if self.written.replace(frame.number) == Some(frame.number) {
            return;
        }
        let done = self.write(&frame);
        if let (Err(error), false) = (&done, self.failing) {
            tracing::warn!(%error, file = %self.path.display(), "the newest values cannot be written; it is tried on");
        }
        self.failing = done.is_err();
    }

    /// Whoever reads it finds one snapshot, whole.
    fn write(&self, frame: &Frame) -> io::Result<()> {
        let part = self.path.with_extension("part");
        let mut file = File::create(&part)?;
        // The service's other files are its own.
        file.set_permissions(Permissions::from_mode(FOR_EVERYBODY))?;
        file.write_all(&latest_json(self.live.home(), frame))?;
        file.write_all(b"\n")?;
        fs::rename(&part, &self.path)
    }
}

/// Makes `latest.json` of version 1's folder, where there is that folder, a link to `target`. What
/// lies there is kept beside it. The link, if it is new.
fn link(folder: &Path, target: &Path) -> io::Result<Option<PathBuf>> {
    let link = folder.join(NAME);
    if !folder.is_dir() || fs::read_link(&link).is_ok_and(|there| there == target) {
        return Ok(None);
    }
    let fresh = folder.join(".latest.json.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => symlink(target, &fresh)?,
    }
    if fs::symlink_metadata(&link).is_ok_and(|there| there.is_file()) {
        fs::rename(&link, folder.join(BEFORE))?;
    }
    fs::rename(&fresh, &link)?;
    Ok(Some(link))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use serde_json::Value;
    use solthrive_domain::units::Watts;
    use solthrive_domain::{
        DaySummary, Energies, HomeModel, MeterId, Mono, PowerFlow, Quality, Service, Snapshot,
        Summary,
    };
    use tempfile::TempDir;

    use super::*;

    struct Machine {
        folder: TempDir,
        live: Arc<Live>,
    }

    impl Machine {
        fn new() -> Self {
            let home = HomeModel {
                service: Service::SplitPhase,
                channels: Vec::new(),
                reference_meter: MeterId::new("main"),
                solar_nameplate: None,
            };
            let machine = Self {
                folder: tempfile::tempdir().unwrap(),
                live: Arc::new(Live::new(home)),
            };
            fs::create_dir(machine.path("run")).unwrap();
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// With another folder of systemd's behind ours.
        fn file(&self) -> LatestFile {
            let mut folders = self.path("run").into_os_string();
            folders.push(":/run/other");
            let live = Arc::clone(&self.live);
            LatestFile::new(live, Some(&folders), &self.path("var")).unwrap()
        }

        fn publish(&self, watts: f64) {
            let snapshot = Snapshot {
                seq: 7,
                ts: Timestamp::UNIX_EPOCH,
                at: Mono::ZERO,
                flow: PowerFlow {
                    grid: Watts::try_from(watts).ok(),
                    ..PowerFlow::default()
                },
                voltages: BTreeMap::new(),
                channels: BTreeMap::new(),
                frequency: None,
                pf: None,
                totals: Energies::default(),
                quality: Quality::default(),
            };
            let today = DaySummary {
                date: "1970-01-01".parse().unwrap(),
                summary: Summary::default(),
            };
            self.live.publish(Arc::new(snapshot), Arc::new(today));
        }
    }

    fn power(path: &Path) -> Value {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["power_total"].clone()
    }

    #[test]
    fn scripts_of_version_1_find_the_newest_values_where_they_always_were() {
        let machine = Machine::new();
        let before = machine.path("var/data/latest.json");
        fs::create_dir_all(before.parent().unwrap()).unwrap();
        fs::write(&before, r#"{"power_total": 1}"#).unwrap();
        let mut file = machine.file();
        for watts in [-2080.0, 350.0] {
            machine.publish(watts);
            file.update();
            assert_eq!(power(&before), watts);
        }
        let kept = machine.path("var/data/latest.v1.json");
        assert_eq!(power(&kept), 1, "what version 1 left is not lost");
        // Another start finds its link and leaves everything as it is.
        machine.file().update();
        assert_eq!((power(&before), power(&kept)), (350.0.into(), 1.into()));
    }

    #[test]
    fn everybody_on_the_machine_may_read_it() {
        let machine = Machine::new();
        machine.publish(0.0);
        machine.file().update();
        let mode = fs::metadata(machine.path("run/latest.json")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_snapshot_is_written_once_and_nothing_before_the_first() {
        let machine = Machine::new();
        let mut file = machine.file();
        file.update();
        assert!(!machine.path("run/latest.json").exists());
        machine.publish(1.0);
        file.update();
        fs::remove_file(machine.path("run/latest.json")).unwrap();
        file.update();
        assert!(!machine.path("run/latest.json").exists());
    }

    #[test]
    fn without_a_folder_in_memory_nothing_is_written() {
        let machine = Machine::new();
        let var = machine.path("var");
        fs::create_dir_all(var.join("data")).unwrap();
        assert!(LatestFile::new(Arc::clone(&machine.live), None, &var).is_none());
        assert!(!var.join("data/latest.json").exists());
        // One that went away is a warning, not the end.
        machine.publish(1.0);
        let mut file = machine.file();
        fs::remove_dir(machine.path("run")).unwrap();
        file.update();
    }
}
