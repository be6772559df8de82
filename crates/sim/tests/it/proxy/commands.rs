//! Plans over real connections, and what a handle does to a proxy that runs.

use solthrive_sim::proxy::{Direction, Fault, Kind, Plan};
use tokio::net::TcpStream;

use super::{Rig, read_all, read_exactly, say, within};

/// One byte there and back; false when the connection was ended instead.
async fn is_served(rig: &Rig) -> bool {
    let echo = async {
        let Ok((mut server, _)) = rig.listener.accept().await else {
            return;
        };
        let (mut reader, mut writer) = server.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    };
    let ask = async {
        let Ok(client) = rig.client().await else {
            return false;
        };
        let _ = client.writable().await;
        let _ = client.try_write(b"?");
        let _ = client.readable().await;
        client.try_read(&mut [0; 1]).is_ok_and(|count| count == 1)
    };
    within(async {
        tokio::select! {
            served = ask => served,
            () = async { echo.await; std::future::pending().await } => false,
        }
    })
    .await
}

async fn fates(plan: Plan, count: usize) -> Vec<bool> {
    let rig = Rig::with(plan).await;
    let mut fates = Vec::new();
    for _ in 0..count {
        fates.push(is_served(&rig).await);
    }
    fates
}

#[tokio::test]
async fn a_seed_decides_who_is_refused_and_the_plan_says_it_beforehand() {
    let plan = |seed| Plan::seeded(seed).with(Fault::Refuse.with_probability(0.4));
    let foreseen: Vec<bool> = (0..30).map(|n| plan(5).faults(n).is_empty()).collect();
    assert_eq!(fates(plan(5), 30).await, foreseen);
    assert_eq!(fates(plan(5), 30).await, foreseen);
    assert!(foreseen.contains(&true) && foreseen.contains(&false));
}

#[tokio::test]
async fn a_new_plan_is_for_new_connections_and_counts_them_from_nought() {
    let rig = Rig::with(Plan::default()).await;
    let (mut client, mut server) = rig.pair().await;
    rig.proxy.set(Plan::default().with(Fault::Refuse.on(0..1)));
    assert!(!is_served(&rig).await);
    assert!(is_served(&rig).await);
    rig.proxy.set(Fault::Refuse);
    assert!(!is_served(&rig).await);
    say(&mut client, b"still here").await;
    assert_eq!(read_exactly(&mut server, 10).await, b"still here");
}

#[tokio::test]
async fn a_cut_resets_everything_open_and_nothing_later() {
    let rig = Rig::with(Plan::default()).await;
    let mut pairs = Vec::new();
    for _ in 0..5 {
        pairs.push(rig.pair().await);
    }
    rig.proxy.cut_all();
    for (client, server) in &mut pairs {
        let reset = Some(std::io::ErrorKind::ConnectionReset);
        assert_eq!(read_all(client).await.1, reset);
        assert_eq!(read_all(server).await.1, reset);
    }
    let counts = rig.until(|counts| counts.open == 0).await;
    assert_eq!((counts.connections, counts.cut), (5, 5));
    assert!(is_served(&rig).await);
    rig.proxy.cut_all();
    rig.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn when_it_has_stopped_no_task_and_no_socket_is_left() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let held = |fault: Fault, n| fault.on(n..n + 1);
    let direction = Direction::Both;
    let day = std::time::Duration::from_secs(86_400);
    let plan = Plan::default()
        .with(held(Fault::BlackHole, 1))
        .with(held(
            Fault::HalfOpen {
                direction,
                after: 0,
            },
            2,
        ))
        .with(held(
            Fault::Slowloris {
                direction,
                pause: day,
            },
            3,
        ))
        .with(held(
            Fault::Latency {
                direction,
                delay: day,
                jitter: day / 2,
            },
            4,
        ));
    let rig = Rig::with(plan).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = rig.client().await.unwrap();
        say(&mut client, b"something that is on its way").await;
        clients.push(client);
    }
    let counts = rig.until(|counts| counts.open == 5).await;
    assert_eq!(counts.faults(Kind::Latency), 1);
    let (address, counts) = (rig.proxy.address(), within(rig.proxy.stop()).await);
    assert_eq!((counts.connections, counts.open), (5, 0));
    for client in &mut clients {
        assert_eq!(read_all(client).await.0, b"");
    }
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(tasks(), before);
}

#[tokio::test]
async fn a_handle_that_is_dropped_stops_it() {
    let rig = Rig::with(Plan::default()).await;
    let (mut client, mut server) = rig.pair().await;
    drop(rig.proxy);
    assert_eq!(read_all(&mut client).await.0, b"");
    assert_eq!(read_all(&mut server).await.0, b"");
}
