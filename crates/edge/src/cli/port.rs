//! A serial port: is it there, may it be opened, and who has it.

use std::fs;
use std::path::Path;

use solthrive_meter::bus::{BusConfig, BusFault, Link};
use solthrive_meter::discover;
use solthrive_meter::rtu::Port;

/// Why a serial port cannot be used, and what to do about it.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

/// Opens the port of a serial bus and lets go of it again.
///
/// # Errors
/// Why it cannot be used. A bus on the network has no port to fail.
pub(super) fn try_open(bus: &BusConfig) -> Result<(), Unusable> {
    let Link::Serial { port, settings } = &bus.link else {
        return Ok(());
    };
    let path = discover::find(&bus.roots, port, None).map_err(|error| Unusable {
        reason: error.to_string(),
        advice: "plug the adapter in, or correct `port` in meter.yaml",
    })?;
    match Port::open(&path, *settings) {
        Ok(_) => Ok(()),
        Err(fault) => Err(explain(&fault, &path)),
    }
}

/// What a fault of opening means.
pub(super) fn explain(fault: &BusFault, path: &Path) -> Unusable {
    match fault {
        BusFault::PortBusy(_) => {
            let holder = holders(path).unwrap_or_else(|| "another program".to_owned());
            Unusable {
                reason: format!("{} is open in {holder}", path.display()),
                advice: "only one program can use a port: stop the other one",
            }
        }
        // Its text begins with the path.
        BusFault::PortGone(error) if error.to_string().contains("ermission") => Unusable {
            reason: error.to_string(),
            advice: "this user may not open it: sudo usermod -aG dialout $USER and log in again, or use sudo",
        },
        BusFault::PortGone(error) => Unusable {
            reason: error.to_string(),
            advice: "plug the adapter in, or correct `port` in meter.yaml",
        },
        other => Unusable {
            reason: format!("{}: {other}", path.display()),
            advice: "unplug the adapter and plug it in again",
        },
    }
}

/// `solthrived (pid 812)`, several with `and` between them, or `None` when nobody is found. Root
/// finds every holder, others their own.
pub(super) fn holders(device: &Path) -> Option<String> {
    let device = device.canonicalize().ok()?;
    let own = std::process::id();
    let names = fs::read_dir("/proc").ok()?.flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found: Vec<String> = pids
        .filter(|pid| *pid != own && holds(*pid, &device))
        .map(named)
        .collect();
    (!found.is_empty()).then(|| found.join(" and "))
}

fn holds(pid: u32, device: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == device))
}

fn named(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (pid {pid})", name.trim()),
        Err(_) => format!("pid {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_nobody_has_open_has_no_holder_and_ourselves_do_not_count() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(holders(file.path()), None);
        assert_eq!(holders(Path::new("/nonexistent")), None);
    }
}
