//! What comes up: reports, each stored before the next one is read.

use axum::extract::ws::Message;
use solthrive_cloud_store::people::Told;
use solthrive_domain::command::Word;
use solthrive_protocol::{Close, Report};

use super::{End, Line};
use crate::channel::PATIENCE;
use crate::ingest::Allowance;

/// Messages of a device on its channel. One that does as it is asked sends a few for each command.
pub(crate) const MESSAGES: Allowance = Allowance {
    per_s: 5.0,
    burst: 100.0,
};
/// What a message counts that is no report.
const NONSENSE: f64 = 5.0;
/// Bytes of a line. More are read later: the device waits, as it would for a slow network.
const BYTES: Allowance = Allowance {
    per_s: 262_144.0,
    burst: 4_194_304.0,
};

impl Line {
    /// Takes in a message.
    pub(super) async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.heard = self.channels.clock.elapsed();
        self.pay(1.0)?;
        match message {
            Message::Text(text) => self.read(text.as_str()).await,
            // Pings are answered by the socket itself.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Binary(_) => self.pay(NONSENSE),
            Message::Close(_) => Err(End::Lost),
        }
    }

    fn pay(&self, cost: f64) -> Result<(), End> {
        let paid = self.budgets.message(MESSAGES, cost, self.heard);
        paid.map_err(|_| {
            self.channels.counts.floods.inc();
            tracing::info!(device.id = %self.device, "a channel was closed for a flood");
            End::Closed(Close::TooMuch)
        })
    }

    async fn read(&mut self, text: &str) -> Result<(), End> {
        while let Err(wait) =
            self.bytes
                .take(BYTES, text.len() as f64, self.channels.clock.elapsed())
        {
            tokio::time::sleep(wait).await;
        }
        let report = match Report::parse(text) {
            Ok(report) => report,
            Err(error) => {
                tracing::debug!(device.id = %self.device, %error, "a message is no report");
                return self.pay(NONSENSE);
            }
        };
        self.channels.counts.told.inc();
        if self.live.contains(&report.id) {
            return Ok(());
        }
        let told = Told {
            word: report.word,
            progress: report.progress.map(thousandths),
            result: report.result,
        };
        let now = self.channels.clock.now();
        let stored = self
            .channels
            .commands
            .command_told(self.device, report.id, &told, now);
        match tokio::time::timeout(PATIENCE, stored).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(device.id = %self.device, %error, "a report could not be stored");
                // On the next line the device is asked again.
                return Err(End::Closed(Close::Unavailable));
            }
            Err(_) => return Err(End::Closed(Close::Unavailable)),
        }
        if matches!(report.word, Word::Done | Word::Failed | Word::Refused) {
            self.sent.remove(&report.id);
        }
        Ok(())
    }
}

/// Of a share from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share was checked to be 0 to 1"
)]
fn thousandths(share: f64) -> u16 {
    (share * 1_000.0).round() as u16
}
