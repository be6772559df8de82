//! A device's end of the channel.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::header::AUTHORIZATION;
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::service::{Client, Wire};

/// Time within which everything has to come.
const SOON: Duration = Duration::from_secs(20);

/// An open channel.
pub(super) struct Line(WebSocketStream<Box<dyn Wire>>);

impl Line {
    /// Opens one; the status where it is refused.
    pub(super) async fn open(client: &Client, token: &str) -> Result<Self, u16> {
        let mut request = "ws://localhost/v1/device/channel"
            .into_client_request()
            .unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, bearer);
        match client_async(request, client.dial().await).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn message(&mut self) -> Option<Message> {
        let message = tokio::time::timeout(SOON, self.0.next()).await;
        message.expect("in time").and_then(Result::ok)
    }

    /// The next command.
    pub(super) async fn command(&mut self) -> Value {
        self.command_within(SOON).await.expect("in time")
    }

    /// The next command; `None` when there is none within this time.
    pub(super) async fn command_within(&mut self, time: Duration) -> Option<Value> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("no command: {other:?}"),
                }
            }
        };
        tokio::time::timeout(time, next).await.ok()
    }

    /// Whether nothing comes for longer than a command takes.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let quiet = tokio::time::timeout(Duration::from_millis(2_500), async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return other,
                }
            }
        });
        quiet.await.is_err()
    }

    pub(super) async fn say(&mut self, report: &Value) {
        self.0
            .send(Message::text(report.to_string()))
            .await
            .unwrap();
    }

    /// False when nobody takes it any more.
    pub(super) async fn try_say(&mut self, text: String) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    pub(super) async fn try_say_bytes(&mut self, bytes: Vec<u8>) -> bool {
        let message = Message::Binary(Bytes::from(bytes));
        self.0.send(message).await.is_ok()
    }

    /// The code with which the cloud closes; `None` where the connection is gone without a word.
    pub(super) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.message().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }
}
