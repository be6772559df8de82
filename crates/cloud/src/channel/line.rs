//! One appliance's line: what goes down, what comes up, and when it is over.

mod down;
mod up;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::up::MESSAGES;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use solthrive_cloud_store::meta::TokenHash;
use solthrive_domain::{CommandId, DeviceId, SiteId};
use solthrive_protocol::Close;
use tokio::time::MissedTickBehavior;

use super::{Channels, Place};
use crate::devices::{Caller, NotLetIn};
use crate::ingest::{Budgets, TokenBucket};

/// Between two looks at whether all is well with a line.
const TICK: Duration = Duration::from_secs(5);
/// Between two pings: proxies drop lines on which nothing is said for a minute.
const PING: Duration = Duration::from_secs(20);
/// A line on which nothing was heard for so long is over.
const SILENT: Duration = Duration::from_mins(1);

/// For the answer to a close frame.
const LISTENS: Duration = Duration::from_secs(1);

/// A line and what it keeps in mind.
pub(crate) struct Line {
    channels: Arc<Channels>,
    place: Place,
    token: TokenHash,
    device: DeviceId,
    site: SiteId,
    /// Of the appliance, whichever line it has: who comes again has not got more.
    budgets: Arc<Budgets>,
    /// Bytes of reports; beyond its share a line is read slowly.
    bytes: TokenBucket,
    /// What was sent on this line and is not over, and when.
    sent: HashMap<CommandId, Duration>,
    /// What could not be looked up or sent and is tried again.
    due: bool,
    /// When something was heard last, and when a ping was sent.
    heard: Duration,
    pinged: Duration,
    /// When snapshots each second were asked for last, and by which ids: reports of these are nobody's.
    live_at: Option<Duration>,
    live: VecDeque<CommandId>,
}

/// Why a line ends.
enum End {
    /// With a word to the appliance.
    Closed(Close),
    /// There is nobody to talk to any more.
    Lost,
}

impl From<axum::Error> for End {
    fn from(_: axum::Error) -> Self {
        Self::Lost
    }
}

impl Line {
    /// A line of who was let in by this token.
    pub(crate) fn new(channels: &Arc<Channels>, caller: &Caller, token: TokenHash) -> Self {
        let now = channels.clock.elapsed();
        Self {
            channels: Arc::clone(channels),
            place: channels.enter(caller.device, caller.site),
            token,
            device: caller.device,
            site: caller.site,
            budgets: Arc::clone(&caller.budgets),
            bytes: TokenBucket::default(),
            sent: HashMap::new(),
            due: false,
            heard: now,
            pinged: now,
            live_at: None,
            live: VecDeque::new(),
        }
    }

    /// Until it is over.
    pub(crate) async fn run(mut self, mut socket: WebSocket) {
        let _counted = self.channels.tasks.token();
        tracing::debug!(device.id = %self.device, "a channel was opened");
        let end = self.talk(&mut socket).await;
        if let End::Closed(close) = end {
            let frame = CloseFrame {
                code: close.code(),
                reason: close.reason().into(),
            };
            let _nobody_there = socket.send(Message::Close(Some(frame))).await;
            // What is closed with something unread is reset, and the frame lost on the way.
            let _in_time = tokio::time::timeout(LISTENS, last_words(&mut socket)).await;
            tracing::debug!(device.id = %self.device, ?close, "a channel was closed");
        }
    }

    async fn talk(&mut self, socket: &mut WebSocket) -> End {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (wake, replaced) = (Arc::clone(&self.place.wake), self.place.replaced.clone());
        let ending = self.channels.ending.clone();
        // What is under way is asked for again: word of it may have been lost with the line before.
        self.due = self.channels.has_open(self.device);
        loop {
            let went_on = tokio::select! {
                () = ending.cancelled() => return End::Closed(Close::Restart),
                () = replaced.cancelled() => return End::Closed(Close::Replaced),
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(error)) => Err(broke(&error)),
                    None => return End::Lost,
                },
                () = wake.notified() => self.send_all(socket).await,
                _ = ticks.tick() => self.look(socket).await,
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// Whether it may go on, whether anybody is there, and what else is due.
    async fn look(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let now = self.channels.clock.elapsed();
        let caller = self.channels.devices.caller(self.token, now);
        let caller = caller.map_err(|why| End::Closed(reason(why)))?;
        if caller.site != self.site {
            self.site = caller.site;
            self.place.is_at(caller.site);
        }
        if now.saturating_sub(self.heard) >= SILENT {
            return Err(End::Closed(Close::Silent));
        }
        if now.saturating_sub(self.pinged) >= PING {
            self.pinged = now;
            socket.send(Message::Ping(Default::default())).await?;
        }
        if self.due || self.is_unanswered(now) {
            return self.send_all(socket).await;
        }
        self.keep_live(socket).await
    }
}

/// Until the appliance has closed its end, or everything was read.
async fn last_words(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Close(_)) {
            return;
        }
    }
}

const fn reason(why: NotLetIn) -> Close {
    match why {
        NotLetIn::Unknown => Close::UnknownToken,
        NotLetIn::NotRegistered => Close::NotRegistered,
        NotLetIn::Deactivated => Close::Deactivated,
    }
}

/// A message beyond the largest report breaks the line; so does what is no WebSocket.
fn broke(error: &axum::Error) -> End {
    tracing::debug!(%error, "a channel broke");
    End::Closed(Close::TooMuch)
}
