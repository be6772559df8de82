//! One home's past, from blocks to what is to be stored. Pure.
//!
//! Its rows go the way of a delivery: kept for chunks, folded under the usual rules, summed up by a checkpoint's plan. What
//! lies before them is folded under rules for samples this far apart, since to the usual ones it would be gap after gap;
//! the two meet at the begin of a quarter, in a sample that both have.

use std::time::Duration;

use solthrive_cloud_store::archive::{DeviceStatus, Event, PackedDay, Piece};
use solthrive_domain::bucket::append;
use solthrive_domain::rollup::Sums;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Buckets, Fold, LedgerId, Quarter, RollupRules, Sample, SiteId};
use solthrive_protocol::history::{Header, Packed, Part, Source};

use super::super::events::{self, Told};
use super::super::fleets::Exchange;
use super::super::places::Places;
use super::super::rollups::{Frame, Outcome, Plan, Stored};
use super::super::site::Site;
use super::super::{seal, status};
use crate::rows::{row_of, sample_of};
use crate::tail::Tail;

/// What a home's past led to.
pub(super) struct Lived {
    pub(super) site: SiteId,
    pub(super) status: DeviceStatus,
    /// Its buckets are packed already, since those of a year take 12 MB otherwise.
    pub(super) outcome: Outcome,
    pub(super) buckets: Vec<PackedDay>,
    pub(super) exchange: Exchange,
    pub(super) events: Vec<Event>,
    pub(super) days: Vec<Piece>,
    /// Samples that only buckets were made of.
    pub(super) samples: usize,
    /// How many buckets there are, and what they come to.
    pub(super) sums: (usize, Sums),
}

/// Makes pasts of one stream.
pub(super) struct Maker<'a> {
    pub(super) header: &'a Header,
    pub(super) places: &'a Places,
    pub(super) now: UnixMillis,
}

/// The samples of a home, apart by what is made of them.
struct Samples {
    coarse: Vec<Sample>,
    fine: Vec<Sample>,
    tail: Tail,
}

impl Maker<'_> {
    /// Everything that is to be stored of a home.
    ///
    /// # Errors
    /// What is wrong with its blocks, for a person.
    pub(super) fn make(&self, source: &Source, blocks: &[Packed]) -> Result<Lived, String> {
        let device = source.device_id;
        let site = self.places.site_now(device).ok_or("it is at no site")?;
        let samples = self.samples(source, blocks)?;
        let past = self.before_rows(&samples)?;
        let mut home = Site::new(self.now);
        let appended = home.append(&samples.fine);
        let home = home.with_past(past);
        let (zone, mut exchange) = (self.places.zone(site), Exchange::default());
        let frame = Frame {
            site,
            zone: &zone,
            places: self.places,
            now: self.now,
        };
        let mut outcome = Plan::of(&home, frame, true)
            .carry_out(&home, frame, &Stored::default(), &mut exchange)
            .map_err(|error| error.to_string())?;
        let told = Told {
            site,
            device: Some(device),
            received_at: self.header.to,
        };
        let breaks = appended.breaks.into_iter();
        Ok(Lived {
            site,
            status: self.status(source, &samples.fine),
            sums: sums(&outcome),
            buckets: packed(&mut outcome)?,
            outcome,
            exchange,
            events: breaks
                .map(|(at, line, why)| events::broke(told, at, line, why))
                .collect(),
            days: seal::encode(&samples.tail.tables()).map_err(|error| error.to_string())?,
            samples: samples.coarse.len(),
        })
    }

    /// Unpacks everything; what is said of the stream holds for this home.
    fn samples(&self, source: &Source, blocks: &[Packed]) -> Result<Samples, String> {
        let mut samples = Samples {
            coarse: Vec::new(),
            fine: Vec::new(),
            tail: Tail::default(),
        };
        for packed in blocks {
            let block = packed.unpack()?;
            for snapshot in block.snapshots()? {
                samples.take(packed.part, source, &snapshot)?;
            }
        }
        let span = |samples: &[Sample]| Some((samples.first()?.ts, samples.last()?.ts));
        let Header {
            from,
            rows_from,
            to,
            ..
        } = self.header;
        if span(&samples.fine) != Some((*rows_from, *to)) {
            return Err("its rows do not reach from begin to end".to_owned());
        }
        if span(&samples.coarse).is_some_and(|span| span != (*from, *rows_from)) {
            return Err("its samples do not reach from the begin to its rows".to_owned());
        }
        Ok(samples)
    }

    /// The buckets before the first row's.
    fn before_rows(&self, samples: &Samples) -> Result<Buckets, String> {
        let Some(seam) = samples.coarse.last() else {
            return Ok(Buckets::new());
        };
        let first = Quarter::of(self.header.rows_from);
        if first.start() != self.header.rows_from || Some(seam) != samples.fine.first() {
            return Err(
                "its samples and its rows do not meet at the begin of a quarter".to_owned(),
            );
        }
        let interval = Duration::from_secs(self.header.coarse_s.into());
        let mut fold = Fold::new(RollupRules::for_interval(interval));
        let mut buckets = Buckets::new();
        let appended = append(&mut fold, &mut buckets, &samples.coarse);
        if !appended.late.is_empty() || !appended.breaks.is_empty() {
            return Err("its samples are out of order, or their totals leap".to_owned());
        }
        // The rows tell of that quarter, the seam's sample included.
        buckets.split_off(&first);
        Ok(buckets)
    }

    fn status(&self, source: &Source, rows: &[Sample]) -> DeviceStatus {
        // Nobody heard of it later than when it measured.
        let mut status = status::unheard(source.device_id, self.header.to);
        status.site = self.places.site_now(source.device_id);
        for sample in rows {
            status::took(&mut status, Some(*sample));
        }
        status::runs(&mut status, source.firmware.clone(), self.header.from);
        status
    }
}

impl Samples {
    fn take(
        &mut self,
        part: Part,
        source: &Source,
        snapshot: &solthrive_protocol::Snapshot,
    ) -> Result<(), String> {
        let row = row_of(snapshot, source.ledger_id);
        let sample = sample_of(&row).ok_or("a time that no calendar knows")?;
        match part {
            Part::Coarse if self.fine.is_empty() => self.coarse.push(sample),
            Part::Coarse => return Err("samples come after its rows".to_owned()),
            Part::Rows => {
                let last = self.fine.last();
                if last.is_some_and(|last| last.ts >= sample.ts) {
                    return Err("its rows are out of order".to_owned());
                }
                self.tail
                    .insert(source.device_id, &row)
                    .map_err(|error| error.to_string())?;
                self.fine.push(sample);
            }
        }
        Ok(())
    }
}

fn sums(outcome: &Outcome) -> (usize, Sums) {
    let buckets = outcome.bucket_days.iter().flat_map(|day| &day.buckets);
    let all = buckets.chain(&outcome.state.open);
    (all.clone().count(), all.map(Sums::of).sum())
}

fn packed(outcome: &mut Outcome) -> Result<Vec<PackedDay>, String> {
    let days = std::mem::take(&mut outcome.bucket_days);
    let days = days.iter().map(PackedDay::of);
    days.collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// What is known of a home whose past may be there already: the ledger that its last row is of.
pub(super) fn is_of(status: &DeviceStatus, source: &Source, to: UnixMillis) -> bool {
    let same_ledger =
        |ledger: LedgerId| crate::rows::low_bits(ledger) == crate::rows::low_bits(source.ledger_id);
    let newest = status.newest.as_ref();
    newest.is_some_and(|newest| newest.ts == to && same_ledger(newest.ledger))
}
