//! Rows that are folded become pieces, and the log forgets them.

use solthrive_cloud_store::archive::{Piece, Wrote};
use solthrive_cloud_store::chunk::{ChunkError, Codec};
use solthrive_domain::telemetry::UnixMillis;
use tokio::task;

use super::memory::Memory;
use super::{Trouble, Worker, is_due};
use crate::tail::DayTable;

/// Rows that are encoded in one go: some tens of milliseconds.
const ROWS_AT_ONCE: usize = 50_000;

impl Worker {
    /// Seals when it is time, or when too much waits; lets the log forget what is sealed.
    pub(super) async fn seal_if_due(
        &mut self,
        memory: &mut Memory,
        now: UnixMillis,
    ) -> Result<(), Trouble> {
        let last = *self.times.seal.get_or_insert(now);
        let is_time = is_due(Some(last), self.settings.seal_every, now);
        let is_asked = self.let_go.is_some_and(|seq| memory.read >= seq);
        if is_asked || is_time || memory.tail.bytes() > self.settings.seal_bytes {
            self.seal_all(memory).await?;
            self.let_go = self.let_go.filter(|_| !is_asked);
            self.times.seal = Some(now);
        }
        self.forget(memory).await
    }

    /// Stores what is in mind, and seals all rows that were read.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn seal(&mut self) -> Result<(), Trouble> {
        let mut memory = self.recall().await?;
        let mut done = self.seal_all(&mut memory).await;
        if done.is_ok() {
            done = self.forget(&memory).await;
        }
        if !matches!(done, Err(Trouble::Overtaken)) {
            self.memory = Some(memory);
        }
        done
    }

    async fn seal_all(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        // What is sealed must be folded: rows of an entry are in chunks or in mind, never in none.
        if memory.is_dirty() {
            self.checkpoint(memory).await?;
        }
        let (from, to) = (memory.stored.sealed, memory.stored.folded);
        if from == to {
            return Ok(());
        }
        let pieces = encode_all(memory.tail.tables()).await?;
        let count = pieces.len();
        if self.stores.archive.seal(from, to, &pieces).await? == Wrote::Overtaken {
            return Err(Trouble::Overtaken);
        }
        tracing::info!(
            pieces = count,
            rows = memory.tail.rows(),
            sealed = to.get(),
            "rows are sealed"
        );
        memory.tail.clear();
        memory.stored.sealed = to;
        self.progress.at(memory.stored);
        self.progress
            .sealed(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Twice is harmless, so it does not matter where a crash comes.
    async fn forget(&mut self, memory: &Memory) -> Result<(), Trouble> {
        let sealed = memory.stored.sealed.min(memory.stored.folded);
        if sealed > self.forgotten {
            self.stores.log.forget_through(sealed).await?;
            self.forgotten = sealed;
        }
        Ok(())
    }
}

/// Encodes in slices on threads for such work.
async fn encode_all(tables: Vec<DayTable>) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::with_capacity(tables.len());
    let mut slice = Vec::new();
    let mut rows = 0;
    for table in tables {
        rows += table.2.rows();
        slice.push(table);
        if rows >= ROWS_AT_ONCE {
            pieces.extend(encode_slice(std::mem::take(&mut slice)).await?);
            rows = 0;
        }
    }
    pieces.extend(encode_slice(slice).await?);
    Ok(pieces)
}

async fn encode_slice(tables: Vec<DayTable>) -> Result<Vec<Piece>, Trouble> {
    let encoded = task::spawn_blocking(move || encode(&tables)).await;
    let encoded = encoded.map_err(|error| Trouble::Task(error.to_string()))?;
    encoded.map_err(|error| Trouble::Task(error.to_string()))
}

pub(super) fn encode(tables: &[DayTable]) -> Result<Vec<Piece>, ChunkError> {
    let mut codec = Codec::new()?;
    let mut pieces = Vec::with_capacity(tables.len());
    for (device, day, table) in tables {
        pieces.push(Piece {
            device: *device,
            day: *day,
            span: table.span().ok_or(ChunkError::Empty)?,
            rows: table.rows(),
            bytes: codec.encode(table)?,
        });
    }
    Ok(pieces)
}
