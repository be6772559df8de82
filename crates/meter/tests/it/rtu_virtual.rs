//! A line and a clock that exist only in the test: hours pass in a moment, the same way each time, on
//! a machine as busy as one likes.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_meter::bus::{BusFault, Pace};
use solthrive_meter::frame::{Asked, REQUEST_LEN, parse_request};
use solthrive_meter::rtu::Wire;

use crate::rtu_script::{Rng, Script, Seen, Talker};

/// How much later than asked for a sleep may end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    Quiet,
    /// Most sleeps a little, one in twenty up to this much.
    Busy(Duration),
}

struct World {
    now: Mono,
    machine: Machine,
    rng: Rng,
    talker: Talker,
    /// On their way, in order of arrival.
    bursts: Vec<(Mono, Vec<u8>)>,
    /// There, and not taken yet.
    received: Vec<u8>,
    last_byte: Mono,
    sleeps: u64,
    seen: Seen,
}

impl World {
    fn overshoot(&mut self) -> Duration {
        let most = match self.machine {
            Machine::Quiet => return Duration::ZERO,
            Machine::Busy(most) if self.rng.chance(0.05) => most,
            Machine::Busy(most) => most / 50,
        };
        Duration::from_micros(self.rng.below(u64::try_from(most.as_micros()).unwrap()))
    }

    fn pass_until(&mut self, at: Mono) {
        self.sleeps += 1;
        let overshoot = self.overshoot();
        self.now = self.now.max(at) + overshoot;
        self.arrive();
    }

    fn arrive(&mut self) {
        while self.bursts.first().is_some_and(|(at, _)| *at <= self.now) {
            let (at, bytes) = self.bursts.remove(0);
            self.last_byte = self.last_byte.max(at);
            self.received.extend(bytes);
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.received.clear();
        self.seen.silences.push(self.now.since(self.last_byte));
        self.last_byte = self.now + self.talker.script.settings.wire_time(REQUEST_LEN);
        let Ok(Asked::Read(request)) = parse_request(bytes) else {
            self.seen.garbled += 1;
            return;
        };
        let nth = self.seen.requests.len() as u64;
        self.seen.requests.push(request);
        self.seen.heard_at.push(self.now);
        let bursts = self.talker.answer(request, nth, self.now);
        self.bursts
            .extend(bursts.into_iter().filter(|(_, bytes)| !bytes.is_empty()));
        self.bursts.sort_by_key(|(at, _)| *at);
    }
}

/// The line, its clock, and what the meter saw.
#[derive(Clone)]
pub(crate) struct Virtual(Arc<Mutex<World>>);

impl Virtual {
    pub(crate) fn new(script: Script, machine: Machine) -> Self {
        let world = World {
            now: Mono::from_origin(Duration::from_secs(1)),
            machine,
            rng: Rng::new(script.seed ^ 0xBEEF),
            talker: Talker::new(script),
            bursts: Vec::new(),
            received: Vec::new(),
            last_byte: Mono::ZERO,
            sleeps: 0,
            seen: Seen::default(),
        };
        Self(Arc::new(Mutex::new(world)))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.world().seen)
    }

    /// How often whoever lives by this clock slept.
    pub(crate) fn sleeps(&self) -> u64 {
        self.world().sleeps
    }
}

impl Pace for Virtual {
    fn now(&self) -> Mono {
        self.world().now
    }
    fn sleep_until(&self, at: Mono) {
        let mut world = self.world();
        if at > world.now {
            world.pass_until(at);
        }
    }
    fn idle_until(&self, at: Mono, _stop: &AtomicBool) {
        self.sleep_until(at);
    }
}

impl Wire for Virtual {
    fn take(&mut self, into: &mut Vec<u8>) -> Result<usize, BusFault> {
        let mut world = self.world();
        let got = world.received.len();
        into.append(&mut world.received);
        Ok(got)
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, BusFault> {
        let mut world = self.world();
        if world.received.is_empty() {
            let end = world.now + timeout;
            let first = world.bursts.first().map_or(end, |(at, _)| *at);
            world.pass_until(first.min(end));
        }
        Ok(!world.received.is_empty())
    }

    fn flush_and_write(&mut self, bytes: &[u8]) -> Result<(), BusFault> {
        self.world().hear(bytes);
        Ok(())
    }
}
