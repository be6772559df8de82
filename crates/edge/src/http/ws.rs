//! `GET /ws`: the live stream.
//!
//! One task a client. It sleeps until something is published, or its heartbeat is due; it sends
//! what is newest then. A client that does not read keeps only its own task waiting, and is told
//! afterwards what it missed. What clients send is read, counted and thrown away.

use std::pin::pin;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::messages::Messages;
use super::problem::ApiError;
use super::reply::Problems;
use super::state::{AppState, StreamPlace};
use super::wire::LiveMessage;
use crate::live::Listener;

/// Largest message a client may send; none is expected.
const INCOMING: usize = 4 * 1024;
/// Messages a client may send between two heartbeats; pongs among them.
const CHATTER: u32 = 32;
/// Buffer for reading: nothing large ever comes.
const READ_BUFFER: usize = 2 * 1024;
/// Heartbeats from one ping to the next.
const PING_EVERY: u32 = 4;

/// The live stream: `hello`, then `snapshot` each second, `heartbeat` every five, `errors` and `gap` when there are any.
#[utoipa::path(get, path = "/ws", tag = "live", operation_id = "live",
    responses(
        (status = 101, description = "The stream begins; each message is one of these.", body = LiveMessage),
        Problems,
    ))]
pub(super) async fn live(
    State(app): State<AppState>,
    Extension(shutdown): Extension<CancellationToken>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::UpgradeRequired)?;
    let place = app.take_stream().ok_or(ApiError::TooManyStreams {
        limit: app.limits.streams,
    })?;
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let upgrade = upgrade.max_message_size(INCOMING).max_frame_size(INCOMING);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut stream = Stream::new(app, socket, place);
        let end = stream.run(&shutdown).await;
        stream.close(end).await;
    }))
}

/// Why a stream ends.
enum End {
    /// The client went, or cannot be reached.
    Gone,
    /// The appliance stops.
    Stopping,
    /// The client said nothing for too long.
    Silent,
    /// The client talks too much.
    Chatter,
}

struct Stream {
    messages: Messages,
    socket: WebSocket,
    app: AppState,
    heard: Instant,
    incoming: u32,
    beats: u32,
    _place: StreamPlace,
}

impl Stream {
    fn new(app: AppState, socket: WebSocket, place: StreamPlace) -> Self {
        let messages = Messages::new(app.clone());
        Self {
            messages,
            socket,
            app,
            heard: Instant::now(),
            incoming: 0,
            beats: 0,
            _place: place,
        }
    }

    async fn run(&mut self, shutdown: &CancellationToken) -> End {
        // Before hello, so that nothing falls between the two.
        let mut listener = self.app.live.listen();
        let hello = self.messages.hello();
        if self.send(hello).await.is_err() {
            return End::Gone;
        }
        let mut beat = pin!(sleep_until(Instant::now() + self.app.limits.heartbeat));
        loop {
            let sent = tokio::select! {
                there = listener.changed() => {
                    if !there {
                        return End::Stopping;
                    }
                    self.send_news(&mut listener).await
                }
                () = beat.as_mut() => {
                    beat.as_mut().reset(Instant::now() + self.app.limits.heartbeat);
                    if self.heard.elapsed() > self.app.limits.silence {
                        return End::Silent;
                    }
                    self.beat().await
                }
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                    Some(Ok(_)) => {
                        self.heard = Instant::now();
                        self.incoming += 1;
                        if self.incoming > CHATTER {
                            return End::Chatter;
                        }
                        Ok(())
                    }
                },
                () = shutdown.cancelled() => return End::Stopping,
            };
            if sent.is_err() {
                return End::Gone;
            }
        }
    }

    async fn send_news(&mut self, listener: &mut Listener) -> Result<(), axum::Error> {
        let news = listener.news(&self.app.live);
        for gap in &news.gaps {
            let message = self.messages.gap(gap);
            self.send(message).await?;
        }
        if let Some(flags) = &news.flags {
            let message = self.messages.errors(flags);
            self.send(message).await?;
        }
        if let Some(frame) = &news.frame {
            let message = self.messages.snapshot(frame);
            self.send(message).await?;
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), axum::Error> {
        self.incoming = 0;
        self.beats += 1;
        let message = self.messages.heartbeat();
        self.send(message).await?;
        if self.beats.is_multiple_of(PING_EVERY) {
            self.socket
                .send(Message::Ping(axum::body::Bytes::new()))
                .await?;
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), axum::Error> {
        self.socket.send(Message::Text(text.into())).await
    }

    async fn close(mut self, end: End) {
        let (code, reason) = match end {
            End::Gone => return,
            End::Stopping => (close_code::AWAY, "the appliance stops"),
            End::Silent => (close_code::POLICY, "nothing was heard from you"),
            End::Chatter => (close_code::POLICY, "this stream takes no messages"),
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _gone_anyway = self.socket.send(Message::Close(Some(frame))).await;
    }
}
