//! One direction of a connection: bytes are taken in, wait in a queue as long as they are delayed,
//! and are given out at their pace.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Sleep, sleep};

use super::counts::Ledger;
use super::course::{Ending, Intake, Outlet};

/// At most so much is read at once.
pub(super) const CHUNK: usize = 16 << 10;
/// Chunks on their way while they are delayed: a megabyte, so that a delay costs no throughput.
const LINE: usize = 64;

/// How a lane ended that ends no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Its target knows that nothing more comes, or is gone.
    Told,
    /// Its target waits for more, and must go on to.
    Silent,
}

enum Cargo {
    Bytes(Vec<u8>),
    /// The source has said everything.
    Fin,
    /// The source is gone.
    Reset,
}

/// What is in the queue, and when it may leave.
struct Parcel {
    due: Option<Pin<Box<Sleep>>>,
    cargo: Cargo,
}

/// Forwards until the source ends, the target is gone or a fault ends the connection.
pub(super) async fn forward(
    source: ReadHalf<'_>,
    target: WriteHalf<'_>,
    (intake, outlet): (Intake, Outlet),
    ledger: Arc<Ledger>,
) -> Result<Finish, Ending> {
    let (sender, queue) = mpsc::channel(if intake.delays() { LINE } else { 1 });
    let taken = take_in(source, intake, sender, &ledger);
    let mut exit = Exit {
        target,
        outlet,
        ledger: &ledger,
        silent: false,
    };
    let given = exit.give_out(queue);
    tokio::pin!(given);
    // Who gives out decides: when the target is gone, nobody needs to be read any more.
    tokio::select! {
        biased;
        finish = &mut given => finish,
        () = taken => given.await,
    }
}

async fn take_in(
    mut source: ReadHalf<'_>,
    mut intake: Intake,
    queue: Sender<Parcel>,
    ledger: &Ledger,
) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let cargo = match source.read(&mut buffer).await {
            Ok(0) => Cargo::Fin,
            Ok(count) => Cargo::Bytes(intake.spoil(&buffer[..count], ledger)),
            Err(_) => Cargo::Reset,
        };
        let last = !matches!(cargo, Cargo::Bytes(_));
        // The time runs from here, in parallel for all that is in the queue.
        let due = intake.delay().map(|delay| Box::pin(sleep(delay)));
        if queue.send(Parcel { due, cargo }).await.is_err() || last {
            return;
        }
    }
}

struct Exit<'a> {
    target: WriteHalf<'a>,
    outlet: Outlet,
    ledger: &'a Ledger,
    /// A half-open lane swallows what it should forward.
    silent: bool,
}

impl Exit<'_> {
    async fn give_out(&mut self, mut queue: Receiver<Parcel>) -> Result<Finish, Ending> {
        self.end_if_due()?;
        while let Some(Parcel { due, cargo }) = queue.recv().await {
            if let Some(due) = due {
                due.await;
            }
            match cargo {
                Cargo::Bytes(bytes) => {
                    if self.send(&bytes).await?.is_err() {
                        // The target is gone. What it still had to say is on the other lane.
                        return Ok(Finish::Told);
                    }
                }
                _ if self.silent => return Ok(Finish::Silent),
                Cargo::Fin => {
                    let _ = self.target.shutdown().await;
                    return Ok(Finish::Told);
                }
                Cargo::Reset => return Err(Ending::Reset),
            }
        }
        Ok(Finish::Told)
    }

    /// The outer error ends the connection, the inner one is the target's.
    async fn send(&mut self, mut bytes: &[u8]) -> Result<std::io::Result<()>, Ending> {
        while !bytes.is_empty() {
            if self.silent {
                self.ledger.discarded(bytes.len());
                return Ok(Ok(()));
            }
            let (now, later) = bytes.split_at(self.outlet.portion(bytes.len()));
            let pause = self.outlet.pause(now.len());
            let pause = (pause > Duration::ZERO).then(|| sleep(pause));
            if let Err(error) = self.target.write_all(now).await {
                return Ok(Err(error));
            }
            self.ledger
                .add(|counts| self.outlet.sent(now.len(), counts));
            self.end_if_due()?;
            bytes = later;
            if let Some(pause) = pause {
                pause.await;
            }
        }
        Ok(Ok(()))
    }

    fn end_if_due(&mut self) -> Result<(), Ending> {
        let Some((kind, ending)) = self.outlet.due() else {
            return Ok(());
        };
        self.ledger.struck(kind);
        ending.map_or_else(
            || {
                self.silent = true;
                Ok(())
            },
            Err,
        )
    }
}
