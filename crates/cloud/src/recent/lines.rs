//! Who listens to which devices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use solthrive_cloud_store::hot::Row;
use solthrive_domain::DeviceId;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Rows that wait for one listener. Who falls further behind is cut off, and comes again with what he had last.
const WAITING: usize = 64;

/// A row that came.
#[derive(Debug, Clone)]
pub struct News {
    /// Of which device.
    pub device: DeviceId,
    /// What it told.
    pub row: Arc<Row>,
}

/// Listeners by device.
#[derive(Debug, Default)]
pub(super) struct Lines(Arc<Mutex<Listeners>>);

#[derive(Debug, Default)]
struct Listeners {
    of: HashMap<DeviceId, Vec<(u64, Sender<News>)>>,
    next: u64,
    open: usize,
}

/// What one listener hears; he is forgotten when this is dropped.
#[derive(Debug)]
pub struct Subscription {
    number: u64,
    devices: Vec<DeviceId>,
    news: Receiver<News>,
    lines: Arc<Mutex<Listeners>>,
}

impl Lines {
    pub(super) fn subscribe(&self, devices: &[DeviceId]) -> Subscription {
        let (sender, news) = mpsc::channel(WAITING);
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.next += 1;
        listeners.open += 1;
        let number = listeners.next;
        for device in devices {
            let of = listeners.of.entry(*device).or_default();
            of.push((number, sender.clone()));
        }
        Subscription {
            number,
            devices: devices.to_vec(),
            news,
            lines: Arc::clone(&self.0),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open
    }

    /// Tells rows to those who listen. A full line is closed; nobody waits for it.
    pub(super) fn tell(&self, device: DeviceId, rows: &[Row]) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = listeners.of.get_mut(&device) else {
            return;
        };
        for row in rows {
            let news = News {
                device,
                row: Arc::new(row.clone()),
            };
            of.retain(|(_, sender)| sender.try_send(news.clone()).is_ok());
        }
    }
}

impl Subscription {
    /// The next row; `None` once the listener was cut off. Of no device none ever comes.
    pub async fn next(&mut self) -> Option<News> {
        if self.devices.is_empty() {
            return std::future::pending().await;
        }
        self.news.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.open = listeners.open.saturating_sub(1);
        for device in &self.devices {
            if let Some(of) = listeners.of.get_mut(device) {
                of.retain(|(number, _)| *number != self.number);
                if of.is_empty() {
                    listeners.of.remove(device);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn device(n: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(n))
    }

    fn rows(times: std::ops::Range<i64>) -> Vec<Row> {
        let row = |time| Row {
            time,
            cells: Vec::new(),
        };
        times.map(row).collect()
    }

    #[tokio::test]
    async fn who_listens_hears_his_devices_and_no_other() {
        let lines = Lines::default();
        let mut mine = lines.subscribe(&[device(1)]);
        lines.tell(device(2), &rows(0..1));
        lines.tell(device(1), &rows(5..6));
        let heard = mine.next().await.unwrap();
        assert_eq!((heard.device, heard.row.time), (device(1), 5));
    }

    #[tokio::test]
    async fn who_does_not_keep_up_is_cut_off_after_what_he_has() {
        let lines = Lines::default();
        let mut slow = lines.subscribe(&[device(1)]);
        lines.tell(device(1), &rows(0..100));
        let mut heard = 0;
        while slow.next().await.is_some() {
            heard += 1;
        }
        assert_eq!(heard, WAITING);
    }

    #[test]
    fn who_hangs_up_leaves_nothing_behind() {
        let lines = Lines::default();
        let (one, other) = (lines.subscribe(&[device(1)]), lines.subscribe(&[device(1)]));
        assert_eq!(lines.count(), 2);
        drop(one);
        assert_eq!(lines.count(), 1);
        drop(other);
        assert!(lines.0.lock().unwrap().of.is_empty());
    }
}
