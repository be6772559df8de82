//! The file of an export: one ZIP, written while its contents are read, and handed on in parts.
//!
//! Packing takes a processor, so it has a thread of its own. Both of its ends are short queues: who reads, packs and
//! stores wait for each other, and nothing piles up.

use std::io::{self, Write};

use aws_lc_rs::digest::{self, Context};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::api::cursor::hex;

/// Bytes of a part.
const PART: usize = 1 << 20;
/// Pieces that wait to be packed, parts that wait to be stored.
const WAITING: usize = 4;

/// What goes into the file.
enum Piece {
    /// From here on, a file of this name; packed, unless its format is packed already.
    File { name: String, packed: bool },
    /// More of it.
    Bytes(Vec<u8>),
}

/// One file of the archive, in its manifest.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

/// The whole file.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) parts: i64,
}

/// Where contents go.
pub(super) struct Contents(mpsc::Sender<Piece>);

/// Packing ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the file cannot be written any more")]
pub(super) struct Ended;

impl Contents {
    /// Begins a file.
    pub(super) async fn file(&self, name: impl Into<String>) -> Result<(), Ended> {
        let name = name.into();
        let packed = !name.ends_with(".parquet");
        let sent = self.0.send(Piece::File { name, packed }).await;
        sent.map_err(|_| Ended)
    }

    /// Goes on with it.
    pub(super) async fn bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<(), Ended> {
        let sent = self.0.send(Piece::Bytes(bytes.into())).await;
        sent.map_err(|_| Ended)
    }
}

/// A file that is begun: where contents go, where parts come from, and how it ends once all contents were given. The
/// manifest, made of `about` and what is listed, is its last file.
pub(super) fn begin(
    about: serde_json::Value,
) -> (
    Contents,
    mpsc::Receiver<Vec<u8>>,
    JoinHandle<io::Result<Whole>>,
) {
    let (contents, pieces) = mpsc::channel(WAITING);
    let (parts, stored) = mpsc::channel(WAITING);
    let packing = tokio::task::spawn_blocking(move || pack(pieces, parts, about));
    (Contents(contents), stored, packing)
}

fn pack(
    mut pieces: mpsc::Receiver<Piece>,
    parts: mpsc::Sender<Vec<u8>>,
    mut about: serde_json::Value,
) -> io::Result<Whole> {
    let mut zip = ZipWriter::new_stream(Parts::new(parts));
    let (mut listed, mut open) = (Vec::new(), None);
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::File { name, packed } => {
                listed.extend(open.take().map(Hashed::listed));
                zip.start_file(&name, options(packed))?;
                open = Some(Hashed::new(name));
            }
            Piece::Bytes(bytes) => {
                if let Some(open) = &mut open {
                    open.update(&bytes);
                }
                zip.write_all(&bytes)?;
            }
        }
    }
    listed.extend(open.take().map(Hashed::listed));
    about["files"] = serde_json::to_value(listed)?;
    zip.start_file("manifest.json", options(true))?;
    serde_json::to_writer_pretty(&mut zip, &about)?;
    zip.finish()?.into_inner().end()
}

fn options(packed: bool) -> SimpleFileOptions {
    let method = if packed {
        CompressionMethod::Deflated
    } else {
        CompressionMethod::Stored
    };
    SimpleFileOptions::default().compression_method(method)
}

/// A file while it is written.
struct Hashed {
    name: String,
    bytes: u64,
    hash: Context,
}

impl Hashed {
    fn new(name: String) -> Self {
        Self {
            name,
            bytes: 0,
            hash: Context::new(&digest::SHA256),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn listed(self) -> Listed {
        Listed {
            name: self.name,
            bytes: self.bytes,
            sha256: hex(self.hash.finish().as_ref()),
        }
    }
}

/// Cuts what is written into parts.
struct Parts {
    to: mpsc::Sender<Vec<u8>>,
    part: Vec<u8>,
    count: i64,
    whole: Hashed,
}

impl Parts {
    fn new(to: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            to,
            part: Vec::with_capacity(PART),
            count: 0,
            whole: Hashed::new(String::new()),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART));
        self.count += 1;
        let sent = self.to.blocking_send(part);
        sent.map_err(|_| io::Error::other("nobody stores it"))
    }

    fn end(mut self) -> io::Result<Whole> {
        if !self.part.is_empty() {
            self.send()?;
        }
        let (parts, whole) = (self.count, self.whole.listed());
        Ok(Whole {
            bytes: whole.bytes,
            sha256: whole.sha256,
            parts,
        })
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.part.len());
        let bytes = &bytes[..taken];
        self.part.extend_from_slice(bytes);
        self.whole.update(bytes);
        if self.part.len() == PART {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
