//! Without faults, and with those that change when bytes arrive or what they are.

use std::time::Duration;

use solthrive_sim::clock::Clock;
use solthrive_sim::proxy::{Direction, Fault, Kind, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Rig, read_all, read_exactly, say, stream, within};

const MEGABYTE: usize = 1 << 20;

/// Sends and receives at once, so that neither waits for the other's buffers.
async fn exchange(peer: &mut TcpStream, sent: &[u8], expected: usize) -> Vec<u8> {
    let (mut reader, mut writer) = peer.split();
    let mut got = vec![0; expected];
    let both = async { tokio::join!(writer.write_all(sent), reader.read_exact(&mut got)) };
    let (wrote, read) = within(both).await;
    wrote.unwrap();
    read.unwrap();
    got
}

/// Sends all of it from the client, and returns what the server got of it.
async fn sent_up(rig: &Rig, sent: &[u8]) -> Vec<u8> {
    let (mut client, mut server) = rig.pair().await;
    let send = async {
        client.write_all(sent).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let ((), (got, end)) = tokio::join!(within(send), read_all(&mut server));
    assert_eq!(end, None);
    got
}

#[tokio::test]
async fn without_faults_ten_megabytes_pass_unchanged_both_ways_at_once() {
    let rig = Rig::with(Plan::default()).await;
    let (mut client, mut server) = rig.pair().await;
    let (up, down) = (stream(10 * MEGABYTE, 1), stream(10 * MEGABYTE, 2));
    let (got_down, got_up) = tokio::join!(
        exchange(&mut client, &up, down.len()),
        exchange(&mut server, &down, up.len()),
    );
    assert!(got_up == up && got_down == down);
    let counts = rig.proxy.counts();
    assert_eq!(
        (counts.up, counts.down),
        (up.len() as u64, down.len() as u64)
    );
    assert!(Kind::ALL.iter().all(|kind| counts.faults(*kind) == 0));
}

#[tokio::test]
async fn who_has_said_everything_still_hears_the_answer() {
    let rig = Rig::with(Plan::default()).await;
    let (mut client, mut server) = rig.pair().await;
    say(&mut client, b"all I have to say").await;
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.0, b"all I have to say");
    let answer = stream(3 * MEGABYTE, 3);
    let send = async {
        server.write_all(&answer).await.unwrap();
        server.shutdown().await.unwrap();
    };
    let ((), (got, end)) = tokio::join!(within(send), read_all(&mut client));
    assert!(got == answer && end.is_none());
    rig.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn latency_delays_each_way_and_the_end_but_not_each_chunk() {
    let delay = Duration::from_millis(400);
    let rig = Rig::with(Fault::Latency {
        direction: Direction::Both,
        delay,
        jitter: Duration::ZERO,
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    let clock = Clock::start();
    say(&mut client, b"?").await;
    read_exactly(&mut server, 1).await;
    say(&mut server, b"!").await;
    read_exactly(&mut client, 1).await;
    assert!(clock.elapsed() >= 2 * delay);

    let clock = Clock::start();
    let sent = stream(2 * MEGABYTE, 4);
    let got = tokio::join!(
        within(async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        }),
        read_all(&mut server),
    );
    assert!(got.1 == (sent, None));
    // A delay for each of 128 chunks would be 51 s, for each three 17 s; with a megabyte on its way it is about one.
    assert!((delay..Duration::from_secs(10)).contains(&clock.elapsed()));
    assert_eq!(rig.proxy.counts().faults(Kind::Latency), 1);
}

#[tokio::test]
async fn jitter_never_changes_the_order() {
    let rig = Rig::with(Fault::Latency {
        direction: Direction::Up,
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(5),
    })
    .await;
    let sent = stream(MEGABYTE, 5);
    assert!(sent_up(&rig, &sent).await == sent);
}

#[tokio::test]
async fn a_rate_limit_is_never_exceeded() {
    let rig = Rig::with(Fault::RateLimit {
        direction: Direction::Up,
        bytes_per_second: 100_000,
    })
    .await;
    let sent = stream(50_000, 6);
    let clock = Clock::start();
    assert!(sent_up(&rig, &sent).await == sent);
    // The last portion is through before its own share of the time is over.
    assert!(clock.elapsed() >= Duration::from_millis(480));
    assert_eq!(rig.proxy.counts().faults(Kind::RateLimit), 1);
}

#[tokio::test]
async fn slowloris_lets_one_byte_pass_at_a_time() {
    let rig = Rig::with(Fault::Slowloris {
        direction: Direction::Down,
        pause: Duration::from_millis(5),
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    let clock = Clock::start();
    say(&mut server, b"HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(
        read_exactly(&mut client, 19).await,
        b"HTTP/1.1 200 OK\r\n\r\n"
    );
    assert!(clock.elapsed() >= Duration::from_millis(18 * 5));
    assert_eq!(rig.proxy.counts().faults(Kind::Slowloris), 1);
}

#[tokio::test]
async fn one_bit_is_wrong_in_each_so_many_bytes() {
    let plan = || {
        Plan::seeded(11).with(Fault::Corrupt {
            direction: Direction::Up,
            every: 10_000,
        })
    };
    let sent = stream(100_000, 7);
    let rig = Rig::with(plan()).await;
    let got = sent_up(&rig, &sent).await;
    let bits = |(a, b): (&u8, &u8)| (a ^ b).count_ones();
    assert_eq!(got.len(), sent.len());
    assert_eq!(got.iter().zip(&sent).map(bits).sum::<u32>(), 10);
    assert_eq!(rig.proxy.counts().faults(Kind::Corrupt), 10);
    let again = sent_up(&Rig::with(plan()).await, &sent).await;
    assert!(got == again, "the same bits, however TCP cut the stream");
}

#[tokio::test]
async fn a_run_of_bytes_comes_twice() {
    let rig = Rig::with(Fault::Duplicate {
        direction: Direction::Up,
        every: 50_000,
    })
    .await;
    let sent = stream(200_000, 8);
    let got = sent_up(&rig, &sent).await;
    let struck = rig.proxy.counts().faults(Kind::Duplicate);
    assert!(struck >= 3 && got.len() > sent.len(), "{struck}");
    assert_eq!(rig.proxy.counts().up, got.len() as u64);
}

#[tokio::test]
async fn runs_of_bytes_change_places() {
    let rig = Rig::with(Fault::Reorder {
        direction: Direction::Up,
        every: 50_000,
    })
    .await;
    let sent = stream(200_000, 9);
    let mut got = sent_up(&rig, &sent).await;
    assert!(rig.proxy.counts().faults(Kind::Reorder) >= 3);
    assert!(got != sent);
    let mut sorted = sent;
    sorted.sort_unstable();
    got.sort_unstable();
    assert!(got == sorted, "none is lost, none is new");
}
