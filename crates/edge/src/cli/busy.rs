//! Who holds a device: looked up in `/proc`, as far as this user may look.

use std::fs;
use std::path::Path;

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
