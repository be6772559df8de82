//! Faults that end a connection, or pretend that it goes on.

use std::io::ErrorKind;
use std::time::Duration;

use solthrive_sim::proxy::{Direction, Fault, Kind, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Rig, hears_nothing, read_all, read_exactly, say, stream, within};

const RESET: Option<ErrorKind> = Some(ErrorKind::ConnectionReset);

#[tokio::test]
async fn a_drop_lets_so_many_bytes_pass_up_and_both_sides_see_the_end() {
    let rig = Rig::with(Fault::Drop {
        direction: Direction::Up,
        after: 1000,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    let sent = stream(5000, 1);
    say(&mut client, &sent).await;
    assert_eq!(read_all(&mut server).await, (sent[..1000].to_vec(), None));
    assert_eq!(read_all(&mut client).await, (Vec::new(), None));
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.up, counts.faults(Kind::Drop)), (1000, 1));
}

#[tokio::test]
async fn a_drop_counts_the_bytes_of_its_direction_only() {
    let rig = Rig::with(Fault::Drop {
        direction: Direction::Down,
        after: 100,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    let (question, answer) = (stream(5000, 2), stream(100, 3));
    say(&mut client, &question).await;
    assert_eq!(read_exactly(&mut server, 5000).await, question);
    say(&mut server, &answer).await;
    assert_eq!(read_all(&mut client).await, (answer, None));
    assert_eq!(read_all(&mut server).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_reset_is_one_for_both_sides() {
    let rig = Rig::with(Fault::Reset {
        direction: Direction::Down,
        after: 10,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    say(&mut server, b"0123456789abcdef").await;
    let (got, end) = read_all(&mut client).await;
    assert!(b"0123456789".starts_with(&got), "{got:?}");
    assert_eq!(end, RESET);
    assert_eq!(read_all(&mut server).await.1, RESET);
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.down, counts.faults(Kind::Reset)), (10, 1));
}

#[tokio::test]
async fn a_reset_after_nothing_does_not_wait_for_a_byte() {
    let rig = Rig::with(Fault::Reset {
        direction: Direction::Both,
        after: 0,
    })
    .await;
    if let Ok(mut client) = rig.client().await {
        assert_eq!(read_all(&mut client).await, (Vec::new(), RESET));
    }
    rig.until(|counts| counts.open == 0 && counts.faults(Kind::Reset) > 0)
        .await;
}

/// Speaks to a peer that is gone until the proxy, which found out, swallows it for want of anybody to tell.
async fn until_swallowed(rig: &Rig, speaker: &mut TcpStream, before: u64) {
    let speak = async {
        while rig.proxy.counts().discarded == before {
            speaker.write_all(b"are you there").await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(speak).await;
}

#[tokio::test]
async fn half_open_up_swallows_and_the_answers_still_come() {
    let rig = Rig::with(Fault::HalfOpen {
        direction: Direction::Up,
        after: 5,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    say(&mut client, b"hello, is anybody there").await;
    assert_eq!(read_exactly(&mut server, 5).await, b"hello");
    say(&mut server, b"yes").await;
    assert_eq!(read_exactly(&mut client, 3).await, b"yes");
    drop(client);
    rig.until(|counts| counts.discarded == 18).await;
    assert!(hears_nothing(&server));
    until_swallowed(&rig, &mut server, 18).await;
    assert!(hears_nothing(&server));
    assert_eq!(rig.proxy.counts().open, 1);
    server.shutdown().await.unwrap();
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.up, counts.faults(Kind::HalfOpen)), (5, 1));
}

#[tokio::test]
async fn half_open_down_hides_the_answers_and_the_end() {
    let rig = Rig::with(Fault::HalfOpen {
        direction: Direction::Down,
        after: 0,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    say(&mut client, b"question").await;
    assert_eq!(read_exactly(&mut server, 8).await, b"question");
    say(&mut server, b"answer").await;
    drop(server);
    rig.until(|counts| counts.discarded == 6).await;
    assert!(hears_nothing(&client));
    until_swallowed(&rig, &mut client, 6).await;
    assert!(hears_nothing(&client));
    assert_eq!(rig.proxy.counts().open, 1);
    drop(client);
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.down, counts.faults(Kind::HalfOpen)), (0, 1));
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_says_nothing() {
    let rig = Rig::with(Fault::BlackHole).await;
    let mut client = rig.client().await.unwrap();
    say(&mut client, &stream(100_000, 4)).await;
    rig.until(|counts| counts.discarded == 100_000).await;
    assert!(hears_nothing(&client));
    assert!(rig.server_was_left_alone().await);
    drop(client);
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.up, counts.faults(Kind::BlackHole)), (0, 1));
}

#[tokio::test]
async fn who_is_refused_is_reset_at_once() {
    let rig = Rig::with(Fault::Refuse).await;
    // The reset may come before the client knows that it was connected.
    match rig.client().await {
        Ok(mut client) => assert_eq!(read_all(&mut client).await, (Vec::new(), RESET)),
        Err(error) => assert_eq!(Some(error.kind()), RESET),
    }
    assert!(rig.server_was_left_alone().await);
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!(counts.faults(Kind::Refuse), 1);
}

#[tokio::test]
async fn a_peers_own_reset_reaches_the_other() {
    let rig = Rig::with(Plan::default()).await;
    let (client, mut server) = rig.pair().await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(read_all(&mut server).await.1, RESET);

    let (mut client, server) = rig.pair().await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await.1, RESET);
    rig.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_question_ends_is_not_lost() {
    let rig = Rig::with(Plan::default()).await;
    let (mut client, mut server) = rig.pair().await;
    // The server answers, and stops reading, while the client still sends.
    say(&mut server, b"413").await;
    server.shutdown().await.unwrap();
    let (mut reader, mut writer) = client.split();
    let mut got = Vec::new();
    within(reader.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"413");
    drop(server);
    // The client hears at last that nobody takes it.
    let sending = async { while writer.write_all(&[0; 1000]).await.is_ok() {} };
    within(sending).await;
    rig.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_reset() {
    let rig = Rig::with(Plan::default()).await;
    let (proxy, listener) = (rig.proxy, rig.listener);
    drop(listener);
    if let Ok(mut client) = TcpStream::connect(proxy.address()).await {
        assert_eq!(read_all(&mut client).await, (Vec::new(), RESET));
    }
    let counts = within(proxy.stop()).await;
    assert_eq!((counts.connections, counts.unreachable), (1, 1));
}
