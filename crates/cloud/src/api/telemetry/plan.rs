//! What has to be read for an answer, block by block: no answer needs all of its stretch in memory.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_cloud_store::chunk::{ColumnId, Known};
use solthrive_domain::bucket::{RollupRules, Slice, Slicer};
use tokio::sync::SemaphorePermit;

use super::block::Block;
use super::lines::{Line, Point, seen};
use super::local::{Stretch, gathered, points};
use super::resolution::Resolution;
use super::rows::{SiteRows, columns_of, sample_columns};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::sight::Sight;
use crate::tail::DAY_MS;

/// Rows around a stretch of minutes, so that its first and last one are whole, ms.
const AROUND: i64 = 5 * 60_000;
/// Points of quarters and longer that are told at once.
const POINTS: usize = 4_000;
/// How long an answer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer, before it is read.
pub(in crate::api) struct Plan {
    pub(in crate::api) resolution: Resolution,
    pub(in crate::api) zone: TimeZone,
    /// Names of the columns, in the order of blocks.
    pub(in crate::api) fields: Vec<String>,
    sight: Sight,
    work: Work,
}

enum Work {
    Rows {
        columns: Vec<ColumnId>,
        spans: VecDeque<Range<i64>>,
    },
    Minutes {
        minutes: u32,
        lines: Vec<(Line, Vec<bool>)>,
        within: Range<i64>,
        spans: VecDeque<Range<i64>>,
        slicer: Option<Box<Slicer>>,
    },
    Points {
        lines: Vec<(Line, Vec<bool>)>,
        points: VecDeque<Vec<Stretch>>,
    },
}

/// What is asked for.
pub(in crate::api) struct Asked<'a> {
    pub(in crate::api) resolution: Resolution,
    pub(in crate::api) from: Timestamp,
    pub(in crate::api) to: Timestamp,
    pub(in crate::api) zone: TimeZone,
    /// Names to be told; `None` for all that there are.
    pub(in crate::api) fields: Option<Vec<&'a str>>,
}

impl Plan {
    /// Finds out which columns there are.
    pub(in crate::api) async fn new(
        api: &Api,
        sight: Sight,
        asked: Asked<'_>,
    ) -> Result<Self, Problem> {
        let span = asked.from.as_millisecond()..asked.to.as_millisecond();
        let (fields, work) = match asked.resolution {
            Resolution::Raw => {
                let columns = raw_columns(api, sight, &span, asked.fields.as_deref()).await?;
                let shown = columns.iter().filter(|id| !is_quality(id));
                let fields = shown.map(|id| id.name().to_owned()).collect();
                let spans = utc_days(&span);
                (fields, Work::Rows { columns, spans })
            }
            resolution => {
                let lines = wanted(sight, asked.fields.as_deref())?;
                let fields = names(&lines).map(str::to_owned).collect();
                let work = match resolution {
                    Resolution::Minutes(minutes) => minutes_of(minutes, lines, span, sight),
                    _ => {
                        let points = points(&asked.zone, resolution, asked.from, asked.to);
                        let points = points.chunks(POINTS).map(<[Stretch]>::to_vec).collect();
                        Work::Points { lines, points }
                    }
                };
                (fields, work)
            }
        };
        Ok(Self {
            resolution: asked.resolution,
            zone: asked.zone,
            fields,
            sight,
            work,
        })
    }

    /// Whether blocks say how much of a point was measured.
    pub(in crate::api) const fn has_coverage(&self) -> bool {
        !matches!(self.work, Work::Rows { .. })
    }

    /// Whether blocks say what speaks against a row.
    pub(in crate::api) fn has_quality(&self) -> bool {
        match &self.work {
            Work::Rows { columns, .. } => columns.iter().any(is_quality),
            _ => false,
        }
    }

    /// The next part, `None` after the last one. Few are made at the same time, so that people who look at years
    /// do not keep appliances waiting.
    pub(in crate::api) async fn next(&mut self, api: &Api) -> Result<Option<Block>, Problem> {
        let turn = turn(api).await?;
        let block = match &mut self.work {
            Work::Rows { columns, spans } => {
                let Some(span) = spans.pop_front() else {
                    return Ok(None);
                };
                let rows = SiteRows::read(api, self.sight, &span, Some(columns)).await?;
                rows.block(columns)
            }
            Work::Minutes { .. } => {
                let Some(block) = self.next_minutes(api).await? else {
                    return Ok(None);
                };
                block
            }
            Work::Points { lines, points } => {
                let Some(points) = points.pop_front() else {
                    return Ok(None);
                };
                let ends = points.first().zip(points.last());
                let span = ends.map(|(first, last)| first.start..last.end);
                let buckets = match span {
                    Some(span) => api.views.buckets(self.sight.right, span).await?,
                    None => Vec::new(),
                };
                let groups = gathered(&points, &buckets);
                let known = points.iter().zip(groups);
                let known = known.filter(|(_, group)| !group.is_empty());
                let known = known.map(|(point, group)| {
                    let of = point.end.index() - point.start.index();
                    let at = Timestamp::from(point.start.start());
                    (at, Point::of_buckets(group, of))
                });
                told(known, lines)
            }
        };
        drop(turn);
        Ok(Some(block))
    }

    async fn next_minutes(&mut self, api: &Api) -> Result<Option<Block>, Problem> {
        let Work::Minutes {
            minutes,
            lines,
            within,
            spans,
            slicer,
        } = &mut self.work
        else {
            return Ok(None);
        };
        let over = match spans.pop_front() {
            Some(span) => {
                let columns = sample_columns();
                let rows = SiteRows::read(api, self.sight, &span, Some(columns)).await?;
                match slicer {
                    Some(slicer) => {
                        for sample in rows.samples() {
                            slicer.push(&sample);
                        }
                        slicer.take_over()
                    }
                    None => Vec::new(),
                }
            }
            None => match slicer.take() {
                Some(slicer) => slicer.finish(),
                None => return Ok(None),
            },
        };
        let length = i64::from(*minutes) * 60_000;
        let shown = over
            .iter()
            .filter(|slice| within.contains(&slice.start.get()));
        let points = shown
            .map(|slice: &Slice| (Timestamp::from(slice.start), Point::of_slice(slice, length)));
        Ok(Some(told(points, lines)))
    }
}

fn minutes_of(minutes: u32, lines: Vec<(Line, Vec<bool>)>, span: Range<i64>, sight: Sight) -> Work {
    let shown = sight.right.clamp(span);
    let around = shown.start.saturating_sub(AROUND)..shown.end.saturating_add(AROUND);
    Work::Minutes {
        minutes,
        lines,
        spans: utc_days(&around),
        within: shown,
        slicer: Some(Box::new(Slicer::new(RollupRules::default(), minutes))),
    }
}

async fn turn(api: &Api) -> Result<SemaphorePermit<'_>, Problem> {
    let turn = tokio::time::timeout(PATIENCE, api.readers.acquire()).await;
    let turn = turn.map_err(|_| Problem::unavailable())?;
    turn.map_err(|_| Problem::unavailable())
}

fn is_quality(id: &ColumnId) -> bool {
    *id == ColumnId::from(Known::Quality)
}

/// A span of ms by UTC day.
fn utc_days(span: &Range<i64>) -> VecDeque<Range<i64>> {
    if span.is_empty() {
        return VecDeque::new();
    }
    let days = span.start.div_euclid(DAY_MS)..=(span.end - 1).div_euclid(DAY_MS);
    days.map(|day| span.start.max(day * DAY_MS)..span.end.min((day + 1) * DAY_MS))
        .collect()
}

/// The columns of rows that are asked for, or all that there are in the stretch.
async fn raw_columns(
    api: &Api,
    sight: Sight,
    span: &Range<i64>,
    fields: Option<&[&str]>,
) -> Result<Vec<ColumnId>, Problem> {
    let Some(fields) = fields else {
        let mut all = BTreeSet::new();
        for span in utc_days(span) {
            all.extend(columns_of(api, sight, &span).await?);
        }
        return Ok(all.into_iter().collect());
    };
    let mut columns = Vec::with_capacity(fields.len());
    for name in fields {
        let id: Option<ColumnId> = name.parse().ok();
        // What a device never told is a column of nothing; what one may not see has no name.
        let id = id.filter(|id| sight.shows(id));
        let id = id.ok_or_else(|| Problem::field("fields", format!("no field `{name}`")))?;
        if !columns.contains(&id) {
            columns.push(id);
        }
    }
    Ok(columns)
}

/// The lines that are asked for, with which of their names.
fn wanted(sight: Sight, fields: Option<&[&str]>) -> Result<Vec<(Line, Vec<bool>)>, Problem> {
    let lines = seen(sight);
    let Some(fields) = fields else {
        let all = lines.into_iter();
        return Ok(all
            .map(|line| (line, line.all_names().map(|_| true).collect()))
            .collect());
    };
    let known: BTreeSet<&str> = lines.iter().flat_map(Line::all_names).collect();
    if let Some(unknown) = fields.iter().find(|name| !known.contains(**name)) {
        let names: Vec<_> = known.iter().copied().collect();
        let detail = format!("no field `{unknown}`; there are {}", names.join(", "));
        return Err(Problem::field("fields", detail));
    }
    let picked = lines.into_iter().map(|line| {
        let names = line.all_names();
        (line, names.map(|name| fields.contains(&name)).collect())
    });
    Ok(picked.collect())
}

fn names(lines: &[(Line, Vec<bool>)]) -> impl Iterator<Item = &'static str> {
    lines.iter().flat_map(|(line, picked)| {
        let names: Vec<_> = line.all_names().collect();
        names
            .into_iter()
            .zip(picked.clone())
            .filter(|(_, is)| *is)
            .map(|(name, _)| name)
    })
}

fn told(points: impl Iterator<Item = (Timestamp, Point)>, lines: &[(Line, Vec<bool>)]) -> Block {
    let mut block = Block {
        series: names(lines).map(|_| Vec::new()).collect(),
        ..Block::default()
    };
    let mut coverage = Vec::new();
    for (at, point) in points {
        block.t.push(at);
        coverage.push(point.coverage);
        let values = lines.iter().flat_map(|(line, picked)| {
            let values = line.values(&point).zip(picked);
            values.filter(|(_, is)| **is).map(|(value, _)| value)
        });
        for (series, value) in block.series.iter_mut().zip(values) {
            series.push(value);
        }
    }
    block.coverage = Some(coverage);
    block
}
