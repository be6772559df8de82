//! A site's rows, from chunks and from what is in no chunk yet.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use solthrive_cloud_store::archive::SiteChunk;
use solthrive_cloud_store::chunk::{
    ChunkError, Codec, ColumnId, Header, Known, Pick, Table, Value,
};
use solthrive_domain::telemetry::Doubts;
use solthrive_domain::{DeviceId, Sample};

use super::block::Block;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::sight::Sight;
use crate::rows::{SAMPLE_COLUMNS, samples_of};

/// A table, whose it is, and the span of ms in which its rows are the site's.
type Source = (DeviceId, Arc<Table>, Range<i64>);

/// Rows of a stretch, in the order of their time.
pub(super) struct SiteRows {
    sources: Vec<Source>,
    /// Time, table, row.
    order: Vec<(i64, u32, u32)>,
}

impl SiteRows {
    /// Rows with a time within `span`, ms since the Unix epoch; only these columns, or all that may be seen.
    ///
    /// Of two devices that measured at the same millisecond, the one with the smaller id counts, as in buckets.
    ///
    /// # Errors
    /// When the store is away, the newest rows are not known, or a chunk is damaged: rows that are there are never
    /// left out silently.
    pub(super) async fn read(
        api: &Api,
        sight: Sight,
        span: &Range<i64>,
        only: Option<&[ColumnId]>,
    ) -> Result<Self, Problem> {
        let mut sources = newest(api, sight, span).await?;
        let chunks = api.views.chunks(sight.right, span.clone()).await?;
        let (span, only) = (span.clone(), only.map(<[ColumnId]>::to_vec));
        let read = tokio::task::spawn_blocking(move || {
            let mut all = decoded(&chunks, only.as_deref())?;
            all.append(&mut sources);
            Ok(Self::new(all, &span))
        });
        let read: Result<Self, ChunkError> = read.await.map_err(|_| Problem::unavailable())?;
        read.map_err(|error| {
            tracing::error!(site.id = %sight.right.site(), %error, "a chunk cannot be read");
            Problem::damaged()
        })
    }

    fn new(mut sources: Vec<Source>, span: &Range<i64>) -> Self {
        // Stable: of one device, chunks stay before what is newer.
        sources.sort_by_key(|(device, _, _)| *device);
        let mut order = Vec::new();
        for (place, (_, table, within)) in (0..).zip(&sources) {
            let times = (0..).zip(table.times());
            let shown = |at: i64| span.contains(&at) && within.contains(&at);
            order.extend(times.filter_map(|(row, at)| shown(at).then_some((at, place, row))));
        }
        order.sort_unstable();
        order.dedup_by_key(|(at, _, _)| *at);
        Self { sources, order }
    }

    /// These columns of all rows.
    pub(super) fn block(&self, columns: &[ColumnId]) -> Block {
        let instant = |(at, _, _): &(i64, u32, u32)| Timestamp::from_millisecond(*at);
        let mut block = Block {
            t: self.order.iter().flat_map(instant).collect(),
            ..Block::default()
        };
        for id in columns {
            if *id == ColumnId::from(Known::Quality) {
                block.quality = Some(self.quality(id));
            } else {
                block.series.push(self.column(id));
            }
        }
        block
    }

    fn column(&self, id: &ColumnId) -> Vec<f64> {
        let of = |(_, table, _): &Source| {
            let mut values = Vec::new();
            if let Some(column) = table.column(id) {
                column.scan_into(&mut values);
            }
            values
        };
        let tables: Vec<Vec<f64>> = self.sources.iter().map(of).collect();
        let value = |(_, place, row): &(i64, u32, u32)| {
            let values = tables.get(*place as usize);
            let value = values.and_then(|values| values.get(*row as usize));
            value.copied().unwrap_or(f64::NAN)
        };
        self.order.iter().map(value).collect()
    }

    fn quality(&self, id: &ColumnId) -> Vec<Doubts> {
        let bits = |(_, place, row): &(i64, u32, u32)| {
            let (_, table, _) = self.sources.get(*place as usize)?;
            match table.column(id)?.get(*row as usize)? {
                Value::Integer(bits) => Some(u32::try_from(bits).unwrap_or(u32::MAX)),
                Value::Number(_) => None,
            }
        };
        let all = self.order.iter();
        all.map(|row| Doubts::from_bits(bits(row).unwrap_or(0)))
            .collect()
    }

    /// As samples, for minutes.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let all = i64::MIN..i64::MAX;
        let tables: Vec<Vec<Sample>> = self
            .sources
            .iter()
            .map(|(_, table, _)| samples_of(table, all.clone()))
            .collect();
        // Times that are no instant have no sample, so places differ: found by time.
        let sample = |(at, place, _): &(i64, u32, u32)| {
            let samples = tables.get(*place as usize)?;
            let found = samples.binary_search_by_key(at, |sample| sample.ts.get());
            samples.get(found.ok()?).copied()
        };
        self.order.iter().filter_map(sample).collect()
    }
}

/// Which columns a stretch has, by reading the heads of its chunks.
pub(super) async fn columns_of(
    api: &Api,
    sight: Sight,
    span: &Range<i64>,
) -> Result<BTreeSet<ColumnId>, Problem> {
    let newest = newest(api, sight, span).await?;
    let chunks = api.views.chunks(sight.right, span.clone()).await?;
    let mut all = BTreeSet::new();
    for chunk in &chunks {
        let header = Header::read(&chunk.stored.bytes).map_err(|_| Problem::damaged())?;
        all.extend(header.columns.into_iter().map(|column| column.id));
    }
    for (_, table, _) in &newest {
        all.extend(table.columns().map(|(id, _)| id.clone()));
    }
    all.retain(|id| sight.shows(id));
    Ok(all)
}

/// The columns that samples are made of.
pub(super) fn sample_columns() -> &'static [ColumnId] {
    &SAMPLE_COLUMNS
}

/// Read before the chunks: what is sealed in between is seen twice, not missed.
async fn newest(api: &Api, sight: Sight, span: &Range<i64>) -> Result<Vec<Source>, Problem> {
    let mut sources = Vec::new();
    for (device, within) in api.views.stays(sight.right).await? {
        let part = within.start.max(span.start)..within.end.min(span.end);
        let tables = api.recent.tables(device, &part);
        let tables = tables.map_err(|_| Problem::unavailable())?;
        sources.extend(
            tables
                .into_iter()
                .map(|table| (device, table, within.clone())),
        );
    }
    Ok(sources)
}

fn decoded(chunks: &[SiteChunk], only: Option<&[ColumnId]>) -> Result<Vec<Source>, ChunkError> {
    let mut codec = Codec::new()?;
    let pick = only.map_or(Pick::All, Pick::Only);
    let mut all = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let table = codec.decode(&chunk.stored.bytes, pick)?;
        all.push((chunk.stored.device, Arc::new(table), chunk.within.clone()));
    }
    Ok(all)
}
