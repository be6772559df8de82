//! Reading and making on threads, as many as there are cores. Each holds one home.

use std::io::Read;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::history::{Header, HistoryError, Next, Packed, Reader};
use tokio::sync::mpsc as results;
use tokio::task;

use super::super::places::Places;
use super::home::{Lived, Maker};

/// The blocks of a home, by its number.
type Blocks = (usize, Vec<Packed>);

/// What comes off the line.
pub(super) enum Made {
    /// A home's past.
    Past(Box<Lived>),
    /// A home whose blocks make no sense, by its number.
    Bad(usize, String),
    /// The stream cannot be read on.
    Broken(HistoryError),
}

/// What everybody needs.
pub(super) struct Job {
    pub(super) header: Arc<Header>,
    pub(super) places: Arc<Places>,
    pub(super) now: UnixMillis,
    /// Whether a home's past is made, by its number; the others are there already.
    pub(super) wanted: Vec<bool>,
}

/// Starts the crew. It ends when the stream does, or when nobody takes what it makes.
pub(super) fn start<R: Read + Send + 'static>(
    reader: Reader<R>,
    job: Job,
) -> results::Receiver<Made> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (blocks, waiting) = mpsc::sync_channel(cores);
    let (made, done) = results::channel(1);
    let (job, waiting) = (Arc::new(job), Arc::new(Mutex::new(waiting)));
    for _ in 0..cores {
        let (job, waiting, made) = (Arc::clone(&job), Arc::clone(&waiting), made.clone());
        task::spawn_blocking(move || make_all(&job, &waiting, &made));
    }
    task::spawn_blocking(move || {
        if let Err(error) = read_all(reader, &job.wanted, &blocks) {
            // Nobody may want to know any more.
            let _ = made.blocking_send(Made::Broken(error));
        }
    });
    done
}

/// Hands out home after home.
fn read_all<R: Read>(
    mut reader: Reader<R>,
    wanted: &[bool],
    blocks: &mpsc::SyncSender<Blocks>,
) -> Result<(), HistoryError> {
    let mut home: Blocks = (0, Vec::new());
    loop {
        let next = reader.next()?;
        let (number, packed) = match next {
            Next::Block(packed) => (packed.home, Some(packed)),
            Next::End => (usize::MAX, None),
        };
        if number != home.0 {
            let (before, whole) = std::mem::replace(&mut home, (number, Vec::new()));
            let is_wanted = wanted.get(before).copied().unwrap_or(true);
            if !whole.is_empty() && is_wanted && blocks.send((before, whole)).is_err() {
                return Ok(());
            }
        }
        let Some(packed) = packed else { return Ok(()) };
        home.1.push(packed);
    }
}

fn make_all(job: &Job, waiting: &Mutex<mpsc::Receiver<Blocks>>, made: &results::Sender<Made>) {
    let maker = Maker {
        header: &job.header,
        places: &job.places,
        now: job.now,
    };
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((number, blocks)) = next else { return };
        let past = match job.header.homes.get(number) {
            Some(source) => maker.make(source, &blocks),
            None => Err("a home that the header does not name".to_owned()),
        };
        let past = match past {
            Ok(past) => Made::Past(Box::new(past)),
            Err(why) => Made::Bad(number, why),
        };
        if made.blocking_send(past).is_err() {
            return;
        }
    }
}
