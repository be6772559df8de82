//! A scripted meter behind a pseudo-terminal, which measures the silence before each request.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use solthrive_domain::Mono;
use solthrive_meter::bus::Pace;
use solthrive_meter::frame::{Asked, REQUEST_LEN, parse_request};

use crate::rtu_script::{Script, Seen, Talker};

/// A burst this far behind its time is not sent any more: on a machine that stalls, an answer gets
/// lost rather than later than any meter is.
const BEHIND: Duration = Duration::from_millis(30);
/// Longest sleep without looking round.
const IDLE: Duration = Duration::from_millis(20);

/// A running scripted meter. Dropping it takes the line away, as unplugging the adapter does.
pub(crate) struct ScriptedMeter {
    pub path: PathBuf,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedMeter {
    pub(crate) fn start(script: Script, pace: Arc<dyn Pace>) -> Self {
        let line = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a pseudo-terminal");
        grantpt(&line).expect("grantpt");
        unlockpt(&line).expect("unlockpt");
        let path = PathBuf::from(
            ptsname(&line, Vec::new())
                .expect("ptsname")
                .into_string()
                .expect("a path"),
        );
        let mut raw = tcgetattr(&line).expect("tcgetattr");
        raw.make_raw();
        tcsetattr(&line, OptionalActions::Now, &raw).expect("tcsetattr");
        // Without an open other end every read of ours fails.
        let other_end = rustix::fs::open(
            &path,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .expect("the other end");
        let (seen, stop) = (
            Arc::new(Mutex::new(Seen::default())),
            Arc::new(AtomicBool::new(false)),
        );
        let running = Running {
            talker: Talker::new(script),
            pace,
            seen: Arc::clone(&seen),
            line: File::from(line),
            _other_end: other_end,
            last_byte: Mono::ZERO,
            queue: Vec::new(),
        };
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || running.run(&stop)
        });
        Self {
            path,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().expect("no panic"))
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen(|seen| seen.requests.len())
    }
}

impl Drop for ScriptedMeter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Running {
    talker: Talker,
    pace: Arc<dyn Pace>,
    seen: Arc<Mutex<Seen>>,
    line: File,
    _other_end: OwnedFd,
    last_byte: Mono,
    /// Bytes to send and when.
    queue: Vec<(Mono, Vec<u8>)>,
}

impl Running {
    fn run(mut self, stop: &AtomicBool) {
        let mut heard = Vec::new();
        while !stop.load(Ordering::Acquire) {
            let now = self.pace.now();
            if let Some(due) = self.queue.iter().position(|(at, _)| *at <= now) {
                let (at, bytes) = self.queue.remove(due);
                if now.since(at) > BEHIND {
                    continue;
                }
                // Taken before the write: the other end cannot have had the byte earlier.
                self.last_byte = self.pace.now();
                let _ = self.line.write_all(&bytes);
                continue;
            }
            let next = self.queue.first().map_or(IDLE, |(at, _)| at.since(now));
            if readable(&self.line, next.min(IDLE)) {
                let stalled = self.pace.now().since(now) > IDLE + BEHIND;
                self.hear(&mut heard, stalled);
            }
        }
    }

    /// `stalled`: what is heard now may have been asked long ago.
    fn hear(&mut self, heard: &mut Vec<u8>, stalled: bool) {
        let mut chunk = [0; 64];
        let Ok(got) = self.line.read(&mut chunk) else {
            return;
        };
        let now = self.pace.now();
        let silence = now.since(self.last_byte);
        self.last_byte = now + self.talker.script.settings.wire_time(got);
        if silence > Duration::from_millis(100) {
            heard.clear();
        }
        let first = heard.is_empty();
        heard.extend_from_slice(&chunk[..got]);
        let mut seen = self.seen.lock().expect("no panic");
        if first {
            seen.silences.push(silence);
        }
        if heard.len() < REQUEST_LEN {
            return;
        }
        let asked = parse_request(heard);
        heard.clear();
        let Ok(Asked::Read(request)) = asked else {
            seen.garbled += 1;
            return;
        };
        let nth = seen.requests.len() as u64;
        seen.requests.push(request);
        seen.heard_at.push(now);
        drop(seen);
        if self.understands() && !stalled {
            self.queue.extend(self.talker.answer(request, nth, now));
            self.queue.sort_by_key(|(at, _)| *at);
        }
    }

    /// Whether the line has this meter's speed. A pseudo-terminal knows no parity.
    fn understands(&self) -> bool {
        let script = &self.talker.script;
        !script.strict_speed
            || tcgetattr(&self.line).is_ok_and(|now| now.output_speed() == script.settings.baud)
    }
}

fn readable(line: &File, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).expect("a short time");
    poll(
        &mut [PollFd::from_borrowed_fd(line.as_fd(), PollFlags::IN)],
        Some(&timeout),
    )
    .is_ok_and(|ready| ready > 0)
}
