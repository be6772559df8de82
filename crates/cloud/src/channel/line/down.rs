//! What goes down: each command once and, as long as nothing was heard of it, once more.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde_json::Value;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::people::OpenCommand;
use solthrive_domain::CommandId;
use solthrive_domain::command::Kind;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::{Args, CommandBody};

use super::{End, Line};
use crate::channel::PATIENCE;
use crate::clock::new_id;

/// A command of which nothing was heard on a line for so long is sent once more.
const AGAIN: Duration = Duration::from_secs(30);
/// Snapshots each second are asked for so many seconds, and again before these are over.
const LIVE_S: u32 = 60;
const LIVE_AGAIN: Duration = Duration::from_secs(40);
/// Ids of live commands that a line remembers.
const REMEMBERED: usize = 4;

impl Line {
    /// Whether a command was sent so long ago that it is sent once more.
    pub(super) fn is_unanswered(&self, now: Duration) -> bool {
        let is_old = |at: &Duration| now.saturating_sub(*at) >= AGAIN;
        self.channels.is_waiting(self.device) && self.sent.values().any(is_old)
    }

    /// Sends what is to be sent, as the store has it now.
    pub(super) async fn send_all(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        self.due = false;
        if self.channels.has_open(self.device) {
            let open = self.channels.commands.open_commands(self.device);
            match tokio::time::timeout(PATIENCE, open).await {
                Ok(Ok(open)) => self.send_open(socket, open).await?,
                // It is said where all lines ask together.
                Ok(Err(_)) | Err(_) => self.due = true,
            }
        }
        self.keep_live(socket).await
    }

    async fn send_open(
        &mut self,
        socket: &mut WebSocket,
        open: Vec<OpenCommand>,
    ) -> Result<(), End> {
        self.sent
            .retain(|id, _| open.iter().any(|command| command.id == *id));
        for command in open {
            let may = tokio::time::timeout(PATIENCE, self.may_send(&command));
            match may.await {
                Ok(Ok(true)) => self.send(socket, &command).await?,
                Ok(Ok(false)) => {}
                Ok(Err(_)) | Err(_) => self.due = true,
            }
        }
        Ok(())
    }

    /// Whether a command is to be sent now. From here on it counts as sent.
    async fn may_send(&self, command: &OpenCommand) -> Result<bool, StoreError> {
        let channels = &self.channels;
        let (now, elapsed) = (channels.clock.now(), channels.clock.elapsed());
        let before = self.sent.get(&command.id);
        if !command.state.is_waiting() {
            // It is under way: once on each line, to hear how far it is.
            return Ok(before.is_none() && command.is_there);
        }
        let Ok(kind) = command.kind.parse::<Kind>() else {
            // A newer node knows what this is.
            return Ok(false);
        };
        let is_fresh = before.is_some_and(|at| elapsed.saturating_sub(*at) < AGAIN);
        if is_fresh || command.expires_at <= now {
            return Ok(false);
        }
        if !command.is_there || !channels.judge.still_may(command, kind, now).await? {
            if channels.commands.void_command(command.id, now).await? {
                tracing::info!(command = %command.id, site.id = %command.site, "a command was not sent: its appliance moved, or who asked may not any more");
            }
            return Ok(false);
        }
        channels.commands.begin_to_send(command.id, now).await
    }

    async fn send(&mut self, socket: &mut WebSocket, command: &OpenCommand) -> Result<(), End> {
        let args = serde_json::from_str::<Value>(&command.args);
        let body = CommandBody {
            id: command.id,
            kind: command.kind.clone(),
            args: match args {
                Ok(Value::Object(fields)) => fields,
                Ok(_) | Err(_) => serde_json::Map::new(),
            },
            expires_at: command.expires_at.into(),
            expires_in_s: seconds_until(command.expires_at, self.channels.clock.now()),
        };
        self.sent.insert(command.id, self.channels.clock.elapsed());
        self.say(socket, &body).await
    }

    /// Asks for a snapshot each second while somebody looks at the home. It is a matter of this minute, asked by the service:
    /// nothing of it is stored.
    pub(super) async fn keep_live(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let now = self.channels.clock.elapsed();
        let is_on = |at: Duration| now.saturating_sub(at) < LIVE_AGAIN;
        if self.live_at.is_some_and(is_on) || !self.channels.is_watched(self.site) {
            return Ok(());
        }
        let args = Args::Live { seconds: LIVE_S };
        let Value::Object(fields) = args.to_json() else {
            return Ok(());
        };
        let until = self.channels.clock.now().plus_ms(i64::from(LIVE_S) * 1_000);
        let body = CommandBody {
            id: CommandId::from_uuid(new_id()),
            kind: args.kind().as_str().to_owned(),
            args: fields,
            expires_at: until.into(),
            expires_in_s: LIVE_S,
        };
        self.live_at = Some(now);
        self.live.push_back(body.id);
        if self.live.len() > REMEMBERED {
            self.live.pop_front();
        }
        self.say(socket, &body).await
    }

    async fn say(&self, socket: &mut WebSocket, body: &CommandBody) -> Result<(), End> {
        let text = serde_json::to_string(body).map_err(|_| End::Lost)?;
        socket.send(Message::text(text)).await?;
        self.channels.counts.sent.inc();
        Ok(())
    }
}

/// Whole seconds that are left: a device never has more time than there is.
fn seconds_until(at: UnixMillis, now: UnixMillis) -> u32 {
    let left = (at.get() - now.get()) / 1_000;
    u32::try_from(left.max(0)).unwrap_or(u32::MAX)
}
