//! Which devices have a channel at this node at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use solthrive_domain::DeviceId;

/// Devices that are there, with how many lines each: a new one can come before the old one is over.
#[derive(Debug, Default)]
pub struct Present(Mutex<HashMap<DeviceId, u32>>);

/// A line that is open until this is dropped.
#[derive(Debug)]
pub struct Presence {
    all: Arc<Present>,
    device: DeviceId,
}

impl Present {
    /// The device opened a line.
    #[must_use]
    pub fn enter(self: &Arc<Self>, device: DeviceId) -> Presence {
        *self.lock().entry(device).or_default() += 1;
        Presence {
            all: Arc::clone(self),
            device,
        }
    }

    /// Whether the device has a line here. It can have one at another node.
    #[must_use]
    pub fn is_here(&self, device: DeviceId) -> bool {
        self.lock().contains_key(&device)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(lines) = all.get_mut(&self.device) {
            *lines -= 1;
            if *lines == 0 {
                all.remove(&self.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_here_until_its_last_line_is_over() {
        let (all, device) = (
            Arc::<Present>::default(),
            DeviceId::from_uuid(uuid::Uuid::nil()),
        );
        let (first, second) = (all.enter(device), all.enter(device));
        drop(first);
        assert!(all.is_here(device));
        drop(second);
        assert!(!all.is_here(device));
    }
}
