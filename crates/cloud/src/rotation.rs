//! Carries out the steps of token rotations, beside the calls that are the reason for them.
//!
//! A call only leaves word here and is answered; one task does the writing. What is lost on the way, or
//! fails, is asked for again by the device's next call.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::meta::{Registry, TokenHash};
use solthrive_domain::DeviceId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::devices::Devices;
use crate::ingest::{Allowance, TokenBucket};

/// Steps that wait; beyond, they are left to the device's next call.
const WAITING: usize = 1_000;
/// Tokens that are prepared. A rotation of the whole fleet must not take the database away from others:
/// 10,000 devices take about eight minutes.
const PREPARED: Allowance = Allowance {
    per_s: 20.0,
    burst: 20.0,
};
/// For an answer of the registry.
const PATIENCE: Duration = Duration::from_secs(5);

/// A step that is to be carried out.
#[derive(Debug, Clone, Copy)]
enum Step {
    Prepare { number: i64, tokens: [TokenHash; 2] },
    Complete { next: TokenHash },
}

/// Where calls leave word. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rotations {
    steps: mpsc::Sender<(DeviceId, Step)>,
    waiting: Arc<Mutex<HashSet<DeviceId>>>,
    pace: Arc<Mutex<TokenBucket>>,
}

/// Does what calls left word of.
#[derive(Debug)]
pub struct Carrier {
    steps: mpsc::Receiver<(DeviceId, Step)>,
    waiting: Arc<Mutex<HashSet<DeviceId>>>,
}

/// Where calls leave word, and who does what they leave.
#[must_use]
pub fn rotations() -> (Rotations, Carrier) {
    let (sender, steps) = mpsc::channel(WAITING);
    let waiting = Arc::default();
    let carrier = Carrier {
        steps,
        waiting: Arc::clone(&waiting),
    };
    let rotations = Rotations {
        steps: sender,
        waiting,
        pace: Arc::default(),
    };
    (rotations, carrier)
}

impl Rotations {
    /// Lets the second of the tokens in beside the first soon, unless many others are prepared already.
    pub fn prepare(&self, device: DeviceId, number: i64, tokens: [TokenHash; 2], now: Duration) {
        if self.is_waiting(device) {
            return;
        }
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let may = pace.take(PREPARED, 1.0, now).is_ok();
        drop(pace);
        if may {
            self.leave(device, Step::Prepare { number, tokens });
        }
    }

    /// Takes the device's other token out of use soon.
    pub fn complete(&self, device: DeviceId, next: TokenHash) {
        if !self.is_waiting(device) {
            self.leave(device, Step::Complete { next });
        }
    }

    fn is_waiting(&self, device: DeviceId) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.contains(&device)
    }

    fn leave(&self, device: DeviceId, step: Step) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.insert(device) && self.steps.try_send((device, step)).is_err() {
            waiting.remove(&device);
        }
    }
}

impl Carrier {
    /// Works until `stop`.
    pub async fn run(
        mut self,
        registry: Arc<dyn Registry>,
        devices: Arc<Devices>,
        clock: Clock,
        stop: CancellationToken,
    ) {
        loop {
            let (device, step) = tokio::select! {
                step = self.steps.recv() => match step {
                    Some(step) => step,
                    // Nobody calls any more.
                    None => return stop.cancelled().await,
                },
                () = stop.cancelled() => return,
            };
            let doing = carry_out(registry.as_ref(), &devices, clock, device, step);
            match tokio::time::timeout(PATIENCE, doing).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%device, %error, "a token's rotation waits for the next call");
                }
                Err(_) => tracing::warn!(%device, "a token's rotation was not stored in time"),
            }
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.remove(&device);
        }
    }
}

async fn carry_out(
    registry: &dyn Registry,
    devices: &Devices,
    clock: Clock,
    device: DeviceId,
    step: Step,
) -> Result<(), StoreError> {
    let now = clock.now();
    match step {
        Step::Prepare { number, tokens } => {
            if !registry.prepare_token(device, number, tokens, now).await? {
                tracing::info!(%device, "no token was prepared: its rotation is over, or another one waits");
            }
        }
        Step::Complete { next } => {
            if registry.complete_rotation(device, next, now).await? {
                tracing::info!(%device, "a device's token was rotated");
            }
        }
    }
    // This node hears of it at once, the others in a moment.
    devices.refresh(registry, clock.elapsed()).await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TOKENS: [TokenHash; 2] = [TokenHash([1; 32]), TokenHash([2; 32])];

    fn device(number: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn a_device_that_calls_often_leaves_word_once() {
        let (rotations, mut carrier) = rotations();
        for _ in 0..5 {
            rotations.complete(device(1), TOKENS[1]);
        }
        rotations.complete(device(2), TOKENS[1]);
        assert_eq!(
            carrier.steps.recv().await.map(|(whose, _)| whose),
            Some(device(1))
        );
        assert_eq!(
            carrier.steps.recv().await.map(|(whose, _)| whose),
            Some(device(2))
        );
        assert!(carrier.steps.try_recv().is_err());
    }

    #[test]
    fn a_fleet_is_prepared_at_a_steady_pace_and_completed_at_once() {
        let (rotations, mut carrier) = rotations();
        let mut left = || std::iter::from_fn(|| carrier.steps.try_recv().ok()).count();
        for number in 0..500 {
            rotations.prepare(device(number), 1, TOKENS, Duration::from_secs(1));
        }
        assert_eq!(left(), 20);
        for number in 500..1_000 {
            rotations.prepare(device(number), 1, TOKENS, Duration::from_secs(2));
        }
        assert_eq!(left(), 20);
        for number in 1_000..1_500 {
            rotations.complete(device(number), TOKENS[1]);
        }
        assert_eq!(left(), 500);
    }

    #[test]
    fn more_than_can_wait_is_left_to_the_next_call() {
        let (rotations, mut carrier) = rotations();
        for number in 0..2_000 {
            rotations.complete(device(number), TOKENS[1]);
        }
        let left = std::iter::from_fn(|| carrier.steps.try_recv().ok()).count();
        assert_eq!(left, WAITING);
        rotations.complete(device(1_999), TOKENS[1]);
        assert!(
            carrier.steps.try_recv().is_ok(),
            "it is not taken for waiting"
        );
    }
}
