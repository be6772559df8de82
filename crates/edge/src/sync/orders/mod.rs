//! What the cloud asks of this appliance, and what becomes of it.
//!
//! Each command is carried out at most once: its id is on the disk before it begins, with what came of it
//! afterwards, so that one that comes again, in this life or the next, is answered and not repeated.

mod config;
mod journal;
mod logs;
mod trial;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use solthrive_courier::{Courier, Orders};
use solthrive_domain::CommandId;
use solthrive_domain::command::{Kind, Word};
use solthrive_protocol::{Args, Command, Report, Restarted};
use tokio::sync::mpsc::Sender;

use self::journal::Journal;
use self::trial::Trial;
pub(crate) use self::trial::roll_back_if_out_of_tries;
use crate::app::Again;
use crate::config::files::Places;
use crate::http::{AppState, remote};
use crate::truth::Rate;

/// For the cloud to offer another token after it was asked to.
const ROTATION: Duration = Duration::from_mins(2);
/// From a command that ends the process to its end: its report has to get away.
const FAREWELL: Duration = Duration::from_millis(500);

/// Carries commands out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    app: AppState,
    courier: Arc<Courier>,
    rate: Arc<Rate>,
    places: Places,
    again: Again,
    journal: Mutex<Journal>,
    trial: Mutex<Option<Trial>>,
}

/// What came of a command.
enum Came {
    /// It is done, and what there is to tell.
    Done(Value),
    /// It could not be done: a code for programs, words for people.
    Failed(&'static str, String),
    /// It will not be done.
    Refused(&'static str, String),
    /// It is done when the service has started again.
    AfterRestart,
}

impl Desk {
    /// A desk that goes on where the one of the run before left off.
    pub(crate) fn new(
        app: AppState,
        courier: Arc<Courier>,
        rate: Arc<Rate>,
        places: Places,
        again: Again,
    ) -> Self {
        let trial = Trial::read(&places.data_dir);
        let mut journal = Journal::read(&places.data_dir);
        journal.end_interrupted(trial.as_ref().map(Trial::command));
        Self(Arc::new(Inner {
            app,
            courier,
            rate,
            places,
            again,
            journal: Mutex::new(journal),
            trial: Mutex::new(trial),
        }))
    }

    /// Rolls a configuration back under which the cloud was not reached in time.
    pub(crate) async fn watch_trial(self) {
        if self.trial().is_none() {
            return;
        }
        tokio::time::sleep(trial::PATIENCE).await;
        let Some(trial) = self.trial().take() else {
            return;
        };
        tracing::error!(
            "the cloud was not reached with the new configuration; the one before it comes back"
        );
        let why = "the cloud was not reached with it within ten minutes, so the configuration before it is back";
        let came = Came::Failed("rolled_back", why.to_owned());
        let _ = self.ended(trial.command(), came);
        match trial.roll_back(&self.0.places.data_dir) {
            Ok(()) => self.0.again.start(),
            Err(error) => tracing::error!(%error, "the configuration cannot be rolled back"),
        }
    }

    async fn carry_out(&self, command: Command) -> Came {
        match command.args {
            Args::Live { seconds } => self.live(seconds),
            Args::Diagnostics => Came::Done(remote::diagnostics(&self.0.app)),
            Args::Validate => Came::Done(remote::validation(&self.0.app)),
            Args::LogsTail { lines } => logs::tail(&self.0.places.data_dir, lines),
            Args::ConfigGet => Came::Done(config::get(&self.0.places, &self.0.app)),
            Args::ConfigSet { config, base } => self.set_config(command.id, &config, base.as_deref()),
            Args::Restart { what: Restarted::Service } => Came::AfterRestart,
            Args::Restart { what: Restarted::Machine } => Came::Refused(
                "not_supported",
                "this service may not start the machine anew; it restarts itself, and systemd the rest".to_owned(),
            ),
            Args::TokenRotate => self.rotate().await,
            Args::Update { .. } | Args::TunnelOpen { .. } => Came::Refused(
                "not_supported",
                format!("version {} cannot do this", env!("CARGO_PKG_VERSION")),
            ),
        }
    }

    fn live(&self, seconds: u32) -> Came {
        let now = self.0.app.clock.mono();
        let until = now + Duration::from_secs(seconds.into());
        self.0.rate.watched_until(until);
        self.0.courier.hurry(true);
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(u64::from(seconds) + 1)).await;
            let now = desk.0.app.clock.mono();
            desk.0.courier.hurry(desk.0.rate.is_watched(now));
        });
        Came::Done(json!({"seconds": seconds}))
    }

    fn set_config(
        &self,
        id: CommandId,
        wanted: &serde_json::Map<String, Value>,
        base: Option<&str>,
    ) -> Came {
        if self.trial().is_some() {
            let why = "another configuration is being tried; it takes ten minutes at most";
            return Came::Failed("busy", why.to_owned());
        }
        match config::check(&self.0.places, wanted, base) {
            Err((code, why)) => Came::Failed(code, why),
            Ok(text) => match Trial::begin(&self.0.places.data_dir, id, &text) {
                Ok(()) => Came::AfterRestart,
                Err(error) => Came::Failed("storage", format!("it cannot be stored: {error}")),
            },
        }
    }

    /// The cloud offers another token with its answers, once somebody has asked it to.
    async fn rotate(&self) -> Came {
        let changed = self.0.courier.until_another_token();
        match tokio::time::timeout(ROTATION, changed).await {
            Ok(()) => Came::Done(json!({"rotated": true})),
            Err(_) => Came::Failed(
                "no_offer",
                "the cloud offered no other token within two minutes".to_owned(),
            ),
        }
    }

    /// The cloud is reached with the new configuration: it stays.
    fn confirm(&self, trial: &Trial) -> Report {
        if let Err(error) = trial.confirm(&self.0.places.data_dir) {
            tracing::error!(%error, "the new configuration cannot be confirmed");
        }
        tracing::info!("the cloud is reached with the new configuration, which stays");
        let version = config::version(&self.0.places);
        self.ended(trial.command(), Came::Done(json!({"version": version})))
    }

    /// Notes the end of a command, durably, and makes the report of it.
    fn ended(&self, id: CommandId, came: Came) -> Report {
        let problem = |code: &str, detail: String| json!({"code": code, "detail": detail});
        let (word, result) = match came {
            Came::Done(result) => (Word::Done, result),
            Came::Failed(code, detail) => (Word::Failed, problem(code, detail)),
            Came::Refused(code, detail) => (Word::Refused, problem(code, detail)),
            Came::AfterRestart => (Word::Running, Value::Null),
        };
        let report = Report {
            result: (!result.is_null()).then(|| result.to_string()),
            ..Report::of(id, word)
        };
        self.journal().note(&report);
        report
    }

    async fn obey(self, command: Command, reports: Sender<Report>) {
        let (id, kind) = (command.id, command.kind());
        tracing::info!(%id, %kind, "the cloud asks for something");
        let begun = Report::of(id, Word::Accepted);
        // Whoever watches asks again and again; that is no reason to write to the card.
        if kind != Kind::Live && !self.journal().note(&begun) {
            let report = self.ended(
                id,
                Came::Refused(
                    "storage",
                    "it cannot be noted that this was begun, so it is not".to_owned(),
                ),
            );
            let _ = reports.send(report).await;
            return;
        }
        let _ = reports.send(begun).await;
        let came = self.carry_out(command).await;
        let restarts = matches!(came, Came::AfterRestart);
        let report = if kind == Kind::Live {
            live_report(id, came)
        } else {
            self.ended(id, came)
        };
        // Nobody hears it: it is said again when the cloud asks again.
        let _ = reports.send(report).await;
        if restarts {
            tokio::time::sleep(FAREWELL).await;
            self.0.again.start();
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.0
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn trial(&self) -> MutexGuard<'_, Option<Trial>> {
        self.0.trial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn live_report(id: CommandId, came: Came) -> Report {
    let result = match came {
        Came::Done(result) => Some(result.to_string()),
        _ => None,
    };
    Report {
        result,
        ..Report::of(id, Word::Done)
    }
}

impl Orders for Desk {
    fn heard(&self, command: Command, reports: Sender<Report>) {
        let known = self.journal().known(command.id);
        let answer = match known {
            Some(report) => Some(report),
            None if !command.may_begin(Duration::ZERO) => {
                let late = Came::Refused("expired", "its time was over when it came".to_owned());
                Some(self.ended(command.id, late))
            }
            None => None,
        };
        let desk = self.clone();
        tokio::spawn(async move {
            match answer {
                Some(report) => {
                    let _ = reports.send(report).await;
                }
                None => desk.obey(command, reports).await,
            }
        });
    }

    fn in_contact(&self, reports: Sender<Report>) {
        let confirmed = self.trial().take().map(|trial| self.confirm(&trial));
        let untold = self.journal().untold();
        tokio::spawn(async move {
            for report in confirmed.into_iter().chain(untold) {
                let _ = reports.send(report).await;
            }
        });
    }
}
