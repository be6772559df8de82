//! What the operating system says about the machine and this process. Read on request only.
//!
//! A file that is missing or reads unlike Linux's is "not known", never an error.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use solthrive_domain::Mono;
use utoipa::ToSchema;

use super::wire::{DatabaseBody, DiskBody, LoadBody, MemoryBody};

/// Space of the file system that holds `path`.
pub(super) fn disk(path: &Path) -> Option<DiskBody> {
    let stats = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stats.f_frsize);
    Some(DiskBody {
        total: bytes(stats.f_blocks),
        free: bytes(stats.f_bavail),
    })
}

/// Size of the database with the files that SQLite keeps beside it.
pub(super) fn database(path: &Path) -> Option<DatabaseBody> {
    let size = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        fs::metadata(name).map(|meta| meta.len())
    };
    let size_bytes = size("").ok()? + size("-wal").unwrap_or(0) + size("-shm").unwrap_or(0);
    Some(DatabaseBody { size_bytes })
}

/// Resident memory of this process in bytes.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Memory of the machine.
pub(super) fn memory() -> Option<MemoryBody> {
    parse_memory(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_memory(text: &str) -> Option<MemoryBody> {
    let bytes = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| *key == name)?;
        let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(MemoryBody {
        total: bytes("MemTotal")?,
        available: bytes("MemAvailable")?,
    })
}

/// Ticks of all processors since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

/// How busy the machine's processors are: what was read at two earlier looks.
#[derive(Debug, Default)]
pub(super) struct Processors {
    older: Option<(Mono, Ticks)>,
    newer: Option<(Mono, Ticks)>,
}

/// A look is kept this long before it is compared with, so that who asks each second gets no noise.
const LOOK_EVERY: Duration = Duration::from_mins(1);

impl Processors {
    /// Percent in use since the older look; `None` in the first one.
    pub(super) fn look(&mut self, now: Mono) -> Option<f64> {
        self.look_at(now, parse_ticks(&fs::read_to_string("/proc/stat").ok()?)?)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "ticks of a minute or two are small numbers"
    )]
    fn look_at(&mut self, now: Mono, ticks: Ticks) -> Option<f64> {
        let before = self.older.or(self.newer);
        if self.newer.is_none_or(|(at, _)| now.since(at) >= LOOK_EVERY) {
            self.older = self.newer.replace((now, ticks));
        }
        let (_, before) = before?;
        let all = ticks.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let busy = ticks.busy.saturating_sub(before.busy);
        Some((busy as f64 / all as f64 * 1000.0).round() / 10.0)
    }
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are
/// counted in the first two already.
fn parse_ticks(text: &str) -> Option<Ticks> {
    let numbers = text.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = numbers
        .split_whitespace()
        .take(8)
        .map_while(|number| number.parse().ok())
        .collect();
    let idle = numbers.get(3)? + numbers.get(4).unwrap_or(&0);
    let all: u64 = numbers.iter().sum();
    Some(Ticks {
        busy: all - idle,
        all,
    })
}

/// Processor time that this process has used.
pub(super) fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or(0),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

/// Load averages of the machine.
pub(super) fn load() -> Option<LoadBody> {
    parse_load(&fs::read_to_string("/proc/loadavg").ok()?)
}

fn parse_load(text: &str) -> Option<LoadBody> {
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    Some(LoadBody {
        one: numbers.next()?,
        five: numbers.next()?,
        fifteen: numbers.next()?,
    })
}

/// Seconds since the machine started.
pub(super) fn machine_uptime() -> Option<u64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    text.split('.').next()?.parse().ok()
}

/// Temperature of the processor.
pub(super) fn temperature() -> Option<f64> {
    let text = fs::read_to_string("/sys/class/thermal/thermal_zone0/temp").ok()?;
    let thousandths: f64 = text.trim().parse().ok()?;
    Some((thousandths / 100.0).round() / 10.0)
}

/// One thread of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Task {
    /// Its name, at most 15 characters.
    name: String,
    /// `R` runs, `S` sleeps, `D` waits for a disk.
    state: String,
    /// Times it gave the processor up by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    voluntary_switches: Option<u64>,
    /// Times the processor was taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    involuntary_switches: Option<u64>,
}

/// Every thread of this process.
pub(super) fn tasks() -> Vec<Task> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let statuses = entries
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    statuses.filter_map(|status| parse_task(&status)).collect()
}

fn parse_task(status: &str) -> Option<Task> {
    let field = |name: &str| {
        let mut lines = status.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim())
    };
    Some(Task {
        name: field("Name")?.to_owned(),
        state: field("State")?.chars().take(1).collect(),
        voluntary_switches: field("voluntary_ctxt_switches").and_then(|text| text.parse().ok()),
        involuntary_switches: field("nonvoluntary_ctxt_switches")
            .and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_from_its_status_file() {
        let status = "Name:\tbus-main\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        let task = parse_task(status).unwrap();
        assert_eq!((task.name.as_str(), task.state.as_str()), ("bus-main", "S"));
        assert_eq!(
            (task.voluntary_switches, task.involuntary_switches),
            (Some(12), Some(3))
        );
        assert_eq!(parse_task("nothing like it"), None);
    }

    #[test]
    fn the_load_has_three_numbers_or_is_not_known() {
        assert_eq!(
            parse_load("0.10 0.20 0.30 1/123 4567\n"),
            Some(LoadBody {
                one: 0.1,
                five: 0.2,
                fifteen: 0.3
            })
        );
        assert_eq!(parse_load("0.10 0.20"), None);
    }

    #[test]
    fn the_machines_memory_is_known_only_whole() {
        let text =
            "MemTotal:        948304 kB\nMemFree:          1000 kB\nMemAvailable:   512000 kB\n";
        let expected = MemoryBody {
            total: 948_304 * 1024,
            available: 512_000 * 1024,
        };
        assert_eq!(parse_memory(text), Some(expected));
        assert_eq!(parse_memory("MemTotal: 948304 kB\n"), None);
    }

    #[test]
    fn the_processors_load_is_of_a_minute_or_two_however_often_it_is_asked_for() {
        let at = |seconds| Mono::from_origin(Duration::from_secs(seconds));
        // Idle but for the first minute, with two processors of 100 ticks a second.
        let ticks = |seconds: u64| Ticks {
            busy: seconds.min(60) * 100,
            all: seconds * 200,
        };
        let mut processors = Processors::default();
        let mut look = |seconds| processors.look_at(at(seconds), ticks(seconds));
        assert_eq!(look(0), None);
        assert_eq!(look(1), Some(50.0));
        assert_eq!(look(60), Some(50.0));
        assert_eq!(look(90), Some(33.3), "since 0");
        assert_eq!(look(120), Some(25.0), "since 0");
        assert_eq!(look(121), Some(0.0), "since 60");
    }

    #[test]
    fn ticks_are_read_without_counting_guests_twice() {
        let text = "cpu  10 20 30 400 50 1 2 3 7 8\ncpu0 1 2 3 4\n";
        let expected = Ticks { busy: 66, all: 516 };
        assert_eq!(parse_ticks(text), Some(expected));
        assert_eq!(parse_ticks("intr 1 2 3"), None);
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        assert!(resident().unwrap() > 100_000);
        assert!(!tasks().is_empty());
    }
}
