//! The two lanes at work: what is said when, and what is made of the answer.

use std::time::Duration;

use serde::Serialize;
use solthrive_domain::Mono;
use solthrive_domain::delivery::{Outcome, Span, Taken, Way};
use solthrive_protocol::{
    DailyBody, HealthBody, HealthEventBody, Heard, Lane, Receipt, RefusedCode, TelemetryBody,
};
use tokio::sync::Notify;

use crate::state::{Plan, Verdict};
use crate::{Answer, Courier, Line, Report, Row};

/// Between two looks for reports while nothing else is new.
const LOOK: Duration = Duration::from_secs(30);
/// A report that is refused so often is let go.
const TRIES: u32 = 3;
/// Rows that cannot be read now are tried again after this.
const UNREADABLE: Duration = Duration::from_secs(10);
const TELEMETRY: &str = "/v1/ingest/telemetry";
const DAILY: &str = "/v1/ingest/daily";
const HEALTH: &str = "/v1/ingest/health";

impl Courier {
    pub(crate) async fn live(&self) {
        let mut line = self.line();
        let (mut look_at, mut refusals) = (Mono::ZERO, 0);
        loop {
            let now = self.cargo.clock.mono();
            let (pause, waiting) = {
                let state = self.lock();
                (state.pause(Way::Live), state.reports_waiting)
            };
            if now >= pause && (waiting || now >= look_at) {
                let more = self.report(&mut line, &mut refusals).await;
                self.lock().reports_waiting = more;
                look_at = self.cargo.clock.mono() + LOOK;
            }
            let plan = self.lock().plan(Way::Live, self.cargo.clock.mono());
            match plan {
                Plan::Say(spans) => self.say(Way::Live, &mut line, spans).await,
                Plan::Until(at) => self.wait(at, &self.news).await,
                Plan::Idle => self.wait(look_at, &self.news).await,
            }
        }
    }

    pub(crate) async fn backfill(&self) {
        let mut line = self.line();
        loop {
            let plan = self.lock().plan(Way::Backfill, self.cargo.clock.mono());
            match plan {
                Plan::Say(spans) => self.say(Way::Backfill, &mut line, spans).await,
                Plan::Until(at) => self.wait(at, &self.backlog).await,
                Plan::Idle => {
                    line.close();
                    self.backlog.notified().await;
                }
            }
        }
    }

    async fn wait(&self, at: Mono, news: &Notify) {
        let pause = at.since(self.cargo.clock.mono());
        // News matter only where they can change what comes next; a pause is kept in any case.
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = news.notified() => {}
        }
    }

    /// Says rows, and settles what came of it.
    async fn say(&self, way: Way, line: &mut Line, spans: Vec<Span>) {
        let read: Result<Vec<_>, _> = spans
            .iter()
            .map(|span| self.cargo.shelf.rows(*span))
            .collect();
        let mut rows: Vec<(u64, Row)> = match read {
            Ok(rows) => rows.into_iter().flatten().collect(),
            Err(error) => {
                tracing::warn!(%error, "what is to be told cannot be read");
                self.lock().delivery.not_said(way);
                tokio::time::sleep(UNREADABLE).await;
                return;
            }
        };
        if way == Way::Live {
            rows.sort_by(|(a, _), (b, _)| b.cmp(a));
        }
        // A call is about one ledger; rows of another one go with the next.
        if let Some(ledger) = rows.first().map(|(_, row)| row.ledger) {
            let (these, others): (Vec<_>, Vec<_>) =
                rows.into_iter().partition(|(_, row)| row.ledger == ledger);
            rows = these;
            let mut state = self.lock();
            others
                .iter()
                .for_each(|(number, _)| state.delivery.put_back(way, *number));
        }
        let numbers: Vec<u64> = rows.iter().map(|(number, _)| *number).collect();
        let outcome = match rows.first() {
            Some((_, first)) => {
                let body = TelemetryBody {
                    device_id: self.device,
                    firmware: self.firmware.clone(),
                    sent_at: self.cargo.clock.wall(),
                    ledger_id: first.ledger,
                    lane: match way {
                        Way::Live => Lane::Live,
                        Way::Backfill => Lane::Backfill,
                    },
                    snapshots: rows.into_iter().map(|(_, row)| row.body).collect(),
                };
                let verdict = self.call(way, line, TELEMETRY, &body, numbers.len()).await;
                outcome_of(&verdict, &numbers, &body)
            }
            None => Outcome::NotNow,
        };
        let now = self.cargo.clock.mono();
        let taken = matches!(outcome, Outcome::Taken(_));
        {
            let mut state = self.lock();
            state.delivery.came_of(way, &numbers, &outcome, now);
            if way == Way::Live && taken {
                state.rows_were_taken(now);
            }
        }
        if way == Way::Live {
            self.backlog.notify_one();
        }
    }

    /// Says the next report; whether another one may be waiting.
    async fn report(&self, line: &mut Line, refusals: &mut u32) -> bool {
        let Some((number, report)) = self.cargo.reports.next() else {
            return false;
        };
        let elements = report.elements();
        let verdict = match report {
            Report::Days(days) => {
                let body = DailyBody {
                    device_id: self.device,
                    firmware: self.firmware.clone(),
                    sent_at: self.cargo.clock.wall(),
                    days,
                };
                self.call(Way::Live, line, DAILY, &body, elements).await
            }
            Report::Health(events, system) => {
                let body = self.health(events, system, None);
                self.call(Way::Live, line, HEALTH, &body, elements).await
            }
            Report::Config(config) => {
                let body = self.health(Vec::new(), None, Some(config));
                self.call(Way::Live, line, HEALTH, &body, elements).await
            }
        };
        *refusals = match verdict {
            Verdict::TooLarge | Verdict::Unacceptable => *refusals + 1,
            Verdict::Taken(_) | Verdict::NotNow => 0,
        };
        let taken = matches!(verdict, Verdict::Taken(_));
        if taken || *refusals >= TRIES {
            if !taken {
                tracing::error!(number, "the cloud will not take a report; it is let go");
            }
            *refusals = 0;
            self.cargo.reports.told(number);
            return true;
        }
        false
    }

    fn health(
        &self,
        events: Vec<HealthEventBody>,
        system: Option<serde_json::Value>,
        config: Option<serde_json::Value>,
    ) -> HealthBody {
        HealthBody {
            device_id: self.device,
            firmware: self.firmware.clone(),
            sent_at: self.cargo.clock.wall(),
            events,
            system,
            config,
        }
    }

    async fn call(
        &self,
        way: Way,
        line: &mut Line,
        path: &str,
        body: &impl Serialize,
        elements: usize,
    ) -> Verdict {
        let token = self.lock().tokens.current().to_owned();
        let answered = line.post(path, &token, json(body)).await;
        let heard = answered.map(|answer| heard(&answer, elements));
        let at = (self.cargo.clock.mono(), self.cargo.clock.wall());
        self.lock().hear(way, &token, heard, at, &*self.cargo.vault)
    }
}

fn heard(answer: &Answer, elements: usize) -> Heard<Receipt> {
    Heard::receipt(
        answer.status,
        answer.retry_after.as_deref(),
        &answer.body,
        elements,
    )
}

/// Every body of this protocol is JSON by its type.
pub(crate) fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// What a verdict says of the rows that were said, in the order in which they were.
fn outcome_of(verdict: &Verdict, numbers: &[u64], body: &TelemetryBody) -> Outcome {
    let receipt = match verdict {
        Verdict::Taken(receipt) => receipt,
        Verdict::TooLarge => return Outcome::TooLarge,
        Verdict::Unacceptable => return Outcome::Unacceptable,
        Verdict::NotNow => return Outcome::NotNow,
    };
    let mut taken = Taken {
        backfill_per_s: receipt.backfill_rows_per_s,
        ..Taken::default()
    };
    for refused in &receipt.rejected {
        let place = refused.index as usize;
        let (Some(number), Some(row)) = (numbers.get(place), body.snapshots.get(place)) else {
            continue;
        };
        if refused.code == RefusedCode::ClockSkew {
            let ahead = row.ts.duration_since(receipt.server_time);
            taken
                .ahead
                .push((*number, Duration::try_from(ahead).unwrap_or_default()));
        } else {
            tracing::warn!(row = %row.ts, code = ?refused.code, detail = %refused.detail, "the cloud does not take a row");
            taken.refused.push(*number);
        }
    }
    Outcome::Taken(taken)
}
