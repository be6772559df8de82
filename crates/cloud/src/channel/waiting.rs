//! What is not over, by appliance, as far as a node has heard. Pure: time is an argument.

use std::collections::HashMap;

use solthrive_cloud_store::people::CommandNews;
use solthrive_domain::command::State;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, DeviceId};

/// After so long nothing of a command is open, whether or not that was heard of: a home that was erased takes its commands
/// along without a word.
const OVER_MS: i64 = 25 * 3_600_000;

/// What is not over.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<DeviceId, HashMap<CommandId, One>>);

#[derive(Debug, Clone, Copy)]
struct One {
    state: State,
    expires_at: UnixMillis,
}

impl Waiting {
    /// Takes in what was heard; whether there is something to be sent now.
    pub(super) fn take(&mut self, news: &CommandNews) -> bool {
        if !news.state.is_final() {
            let one = One {
                state: news.state,
                expires_at: news.expires_at,
            };
            let of_device = self.0.entry(news.device).or_default();
            of_device.insert(news.id, one);
            return news.state.is_waiting();
        }
        if let Some(of_device) = self.0.get_mut(&news.device) {
            of_device.remove(&news.id);
            if of_device.is_empty() {
                self.0.remove(&news.device);
            }
        }
        false
    }

    /// Whether something waits for the appliance.
    pub(super) fn waits(&self, device: DeviceId, now: UnixMillis) -> bool {
        let waits = |one: &One| one.state.is_waiting() && one.expires_at > now;
        let of_device = self.0.get(&device);
        of_device.is_some_and(|of_device| of_device.values().any(waits))
    }

    /// Whether there is anything to be said to the appliance when it comes.
    pub(super) fn has_open(&self, device: DeviceId) -> bool {
        self.0.contains_key(&device)
    }

    /// Forgets what has to be over by now.
    pub(super) fn prune(&mut self, now: UnixMillis) {
        self.0.retain(|_, of_device| {
            of_device.retain(|_, one| one.expires_at.plus_ms(OVER_MS) > now);
            !of_device.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const DEVICE: DeviceId = DeviceId::from_uuid(Uuid::from_u128(1));

    fn at(ms: i64) -> UnixMillis {
        UnixMillis::try_from(ms).unwrap()
    }

    fn news(id: u128, state: State) -> CommandNews {
        CommandNews {
            id: CommandId::from_uuid(Uuid::from_u128(id)),
            device: DEVICE,
            state,
            expires_at: at(1_000),
        }
    }

    #[test]
    fn what_was_heard_of_waits_no_more_and_what_is_over_is_forgotten() {
        let mut waiting = Waiting::default();
        assert!(waiting.take(&news(1, State::Queued)));
        assert!(waiting.waits(DEVICE, at(999)));
        assert!(!waiting.waits(DEVICE, at(1_000)), "its time is over");
        assert!(!waiting.take(&news(1, State::Running)));
        assert!(!waiting.waits(DEVICE, at(0)) && waiting.has_open(DEVICE));
        assert!(!waiting.take(&news(1, State::Done)));
        assert!(!waiting.has_open(DEVICE) && waiting.0.is_empty());
        assert!(!waiting.take(&news(1, State::Done)), "heard twice");
    }

    #[test]
    fn what_is_never_heard_of_again_is_forgotten_in_time() {
        let mut waiting = Waiting::default();
        waiting.take(&news(1, State::Running));
        waiting.prune(at(OVER_MS));
        assert!(waiting.has_open(DEVICE));
        waiting.prune(at(1_000 + OVER_MS));
        assert!(waiting.0.is_empty());
    }
}
