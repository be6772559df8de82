//! What notes in the hot log hold: everything that devices say beside their snapshots.
//!
//! The ingest writes them after it has checked a call, the worker reads them; between the two lies at
//! most a day, and an upgrade. So fields are added with a default, never renamed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::hot::{Note, NoteKind};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::units::{WattHours, Watts};
use solthrive_domain::{DeviceId, Energies, Severity};
use solthrive_protocol::{Day, DayBody, HealthEvent, HealthReport, State};

/// What a note says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Days that the device summed up itself.
    Daily(DailyNote),
    /// Flags and the machine.
    Health(HealthNote),
    /// It was there, and said nothing that is kept.
    Seen,
    /// It found its site.
    Registered(RegisteredNote),
}

/// Days that a device summed up itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DailyNote {
    /// The sound ones.
    pub days: Vec<DayBody>,
}

/// Flags that went up or down, and how the machine is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthNote {
    /// Version of the device's software.
    pub firmware: String,
    /// The sound ones, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventNote>,
    /// The machine, JSON as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// How far the device's clock was ahead when the report arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead_ms: Option<i64>,
    /// Meters and clamps, JSON as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// A flag went up or down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventNote {
    /// When.
    pub ts: UnixMillis,
    /// Which flag.
    pub code: String,
    /// Which meter, channel or part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Up or down.
    pub state: State,
    /// How bad.
    pub severity: Severity,
    /// For a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// For a program, JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// What a device said of itself when it registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredNote {
    /// What it is.
    pub model: String,
    /// Version of its software.
    pub firmware: String,
}

impl Content {
    /// The note as it is stored.
    ///
    /// # Errors
    /// When it cannot be JSON, which none of these values can bring about.
    pub fn note(&self, device: DeviceId) -> Result<Note, serde_json::Error> {
        let (kind, json) = match self {
            Self::Daily(daily) => (NoteKind::Daily, serde_json::to_vec(daily)?),
            Self::Health(health) => (NoteKind::Health, serde_json::to_vec(health)?),
            Self::Seen => (NoteKind::Seen, Vec::new()),
            Self::Registered(registered) => (NoteKind::Registered, serde_json::to_vec(registered)?),
        };
        Ok(Note { device, kind, json })
    }

    /// What a stored note says.
    ///
    /// # Errors
    /// When it is not what its kind should be.
    pub fn parse(note: &Note) -> Result<Self, serde_json::Error> {
        Ok(match note.kind {
            NoteKind::Daily => Self::Daily(read(note)?),
            NoteKind::Health => Self::Health(read(note)?),
            NoteKind::Seen => Self::Seen,
            NoteKind::Registered => Self::Registered(read(note)?),
        })
    }
}

fn read<T: DeserializeOwned>(note: &Note) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&note.json)
}

/// The days of a call that was checked.
impl<'a> FromIterator<&'a Day> for DailyNote {
    fn from_iter<I: IntoIterator<Item = &'a Day>>(days: I) -> Self {
        let days = days.into_iter().map(day_body).collect();
        Self { days }
    }
}

impl HealthNote {
    /// A report that was checked, and arrived at `now`.
    #[must_use]
    pub fn of(report: &HealthReport, now: UnixMillis) -> Self {
        let sent_at = UnixMillis::try_from(report.sender.sent_at);
        Self {
            firmware: report.sender.firmware.clone(),
            events: report
                .events
                .iter()
                .map(|(_, event)| event.into())
                .collect(),
            system: report.system.clone(),
            config: report.config.clone(),
            ahead_ms: sent_at.ok().map(|sent_at| sent_at.get() - now.get()),
        }
    }
}

impl From<&HealthEvent> for EventNote {
    fn from(event: &HealthEvent) -> Self {
        Self {
            ts: event.ts,
            code: event.code.clone(),
            subject: event.subject.clone(),
            state: event.state,
            severity: event.severity,
            message: event.message.clone(),
            details: event.details.clone(),
        }
    }
}

/// The energies of a told day.
#[must_use]
pub fn told_energies(day: &DayBody) -> Energies {
    let energy = |kwh: Option<f64>| kwh.and_then(|kwh| WattHours::from_kwh(kwh).ok());
    Energies {
        solar: energy(day.solar_kwh),
        import: energy(day.import_kwh),
        export: energy(day.export_kwh),
        home: energy(day.home_kwh),
        ..Energies::default()
    }
}

/// The ratios are left out: they follow from the energies.
fn day_body(day: &Day) -> DayBody {
    DayBody {
        date: day.date,
        solar_kwh: day.solar.map(WattHours::kwh),
        home_kwh: day.home.map(WattHours::kwh),
        import_kwh: day.import.map(WattHours::kwh),
        export_kwh: day.export.map(WattHours::kwh),
        self_consumption: None,
        solar_offset: None,
        peak_demand_kw: day.peak_demand.map(Watts::kw),
        coverage: day.coverage,
    }
}
