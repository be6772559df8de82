//! The line on which commands come down: a WebSocket that the device opens and keeps.
//!
//! What a command does is [`Orders`]' business, and so is that each is executed once. Here it is heard,
//! checked and handed over, and what became of it is said. A report that did not get through is said again
//! when the cloud sends its command again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use solthrive_domain::delivery::Pauses;
use solthrive_protocol::{Close, Command, MAX_REPORT, Report};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;

use crate::line::{bearer, connect};
use crate::state::Dice;
use crate::{Courier, Standing};

/// The cloud pings each 20 s: a line that is silent for so long is dead, whatever the network says.
const SILENCE: Duration = Duration::from_secs(65);
/// For a connection, or for a message to get away.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether the cloud takes what this device says: without that no channel is tried.
const LOOK: Duration = Duration::from_secs(2);
/// After a close that asks for it, and after a refusal.
const LONG: Duration = Duration::from_mins(5);
/// A command is small; so is what is believed of one.
const MOST: usize = 64 << 10;
const PATH: &str = "/v1/device/channel";

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Carries commands out.
pub trait Orders: Send + Sync {
    /// A command came, perhaps not for the first time. What became of it goes to `reports`, at once or later,
    /// also after this returned; it must not block.
    fn heard(&self, command: Command, reports: mpsc::Sender<Report>);

    /// The channel is open: the cloud is in contact.
    fn in_contact(&self, reports: mpsc::Sender<Report>);
}

/// Why a channel ended.
enum Ended {
    /// The line broke, or could not be opened.
    Broken(String),
    /// The cloud closed it, and why.
    Closed(Option<Close>),
    /// The cloud did not open one.
    Refused(u16),
}

impl Courier {
    /// Keeps a channel open until `stop`; a courier that works beside it says when there is a cloud.
    pub async fn keep_channel(&self, orders: Arc<dyn Orders>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.channels(orders) => {}
        }
    }

    async fn channels(&self, orders: Arc<dyn Orders>) {
        let mut pauses = Pauses::new(LONG);
        let mut dice = Dice::new(self.seed.wrapping_add(1));
        loop {
            if self.status().standing != Standing::Connected {
                sleep(LOOK).await;
                continue;
            }
            let ended = self.channel(&*orders, &mut pauses).await;
            let (now, chance) = (self.cargo.clock.mono(), dice.roll());
            match ended {
                Ended::Closed(Some(Close::TooMuch | Close::Replaced)) => {
                    pauses.turned_away(now, LONG, chance);
                }
                Ended::Refused(status) => {
                    tracing::debug!(status, "the cloud opens no channel");
                    pauses.turned_away(now, LONG, chance);
                }
                Ended::Closed(why) => {
                    tracing::debug!(?why, "the cloud closed the channel");
                    pauses.failed(now, None, chance);
                }
                Ended::Broken(why) => {
                    tracing::debug!(%why, "the channel broke");
                    pauses.failed(now, None, chance);
                }
            }
            sleep(pauses.until().since(now)).await;
        }
    }

    /// One channel, from its opening to its end.
    async fn channel(&self, orders: &dyn Orders, pauses: &mut Pauses) -> Ended {
        let mut socket = match timeout(PATIENCE, self.open()).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(ended)) => return ended,
            Err(_) => return Ended::Broken("it did not open in time".to_owned()),
        };
        pauses.succeeded(self.cargo.clock.mono(), Duration::ZERO);
        let (say, mut reports) = mpsc::channel(32);
        orders.in_contact(say.clone());
        loop {
            let ended = tokio::select! {
                heard = timeout(SILENCE, socket.next()) => match heard {
                    Err(_) => Some(Ended::Broken("nothing was heard for a minute".to_owned())),
                    Ok(heard) => hear(heard, &mut socket, orders, &say).await,
                },
                Some(report) = reports.recv() => tell(&mut socket, &report).await,
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    async fn open(&self) -> Result<Socket, Ended> {
        let broken = |error: &dyn std::fmt::Display| Ended::Broken(error.to_string());
        let stream = connect(&self.address, &self.trust)
            .await
            .map_err(|error| broken(&error))?;
        let url = format!("wss://{}{PATH}", self.address.authority());
        let mut request = url.into_client_request().map_err(|error| broken(&error))?;
        let token = self.lock().tokens.current().to_owned();
        let secret = bearer(&token).map_err(|error| broken(&error))?;
        request.headers_mut().insert(header::AUTHORIZATION, secret);
        let limits = WebSocketConfig::default()
            .read_buffer_size(4 << 10)
            .write_buffer_size(0)
            .max_write_buffer_size(2 * MAX_REPORT)
            .max_message_size(Some(MOST))
            .max_frame_size(Some(MOST));
        match client_async_with_config(request, stream, Some(limits)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(Ended::Refused(answer.status().as_u16())),
            Err(error) => Err(broken(&error)),
        }
    }
}

async fn hear(
    heard: Option<Result<Message, Error>>,
    socket: &mut Socket,
    orders: &dyn Orders,
    say: &mpsc::Sender<Report>,
) -> Option<Ended> {
    match heard {
        Some(Ok(Message::Text(text))) => match Command::parse(&text) {
            Ok(command) => orders.heard(command, say.clone()),
            Err(bad) => {
                tracing::warn!(error = %bad, "a command that cannot be taken");
                if let Some(refusal) = bad.refusal() {
                    return tell(socket, &refusal).await;
                }
            }
        },
        Some(Ok(Message::Close(frame))) => {
            return Some(Ended::Closed(
                frame.and_then(|frame| Close::of(frame.code.into())),
            ));
        }
        // A ping is answered with the next read or write.
        Some(Ok(Message::Ping(_))) => match timeout(PATIENCE, socket.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(Ended::Broken(error.to_string())),
            Err(_) => return Some(Ended::Broken("a pong did not get away".to_owned())),
        },
        Some(Ok(_)) => {}
        Some(Err(error)) => return Some(Ended::Broken(error.to_string())),
        None => return Some(Ended::Closed(None)),
    }
    None
}

async fn tell(socket: &mut Socket, report: &Report) -> Option<Ended> {
    let text = match report.to_text() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a report cannot be said");
            return None;
        }
    };
    match timeout(PATIENCE, socket.send(Message::text(text))).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Ended::Broken(error.to_string())),
        Err(_) => Some(Ended::Broken("a report did not get away".to_owned())),
    }
}
