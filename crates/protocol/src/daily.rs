//! `POST /v1/ingest/daily`: what the appliance itself summed up.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use solthrive_domain::DeviceId;
use solthrive_domain::units::{WattHours, Watts};
use utoipa::ToSchema;

use crate::MAX_DAYS;
use crate::answer::{Refused, RefusedCode};
use crate::body::{self, BodyError, Sender};
use crate::capped::Capped;

/// The most energy of a day, kWh: what a megawatt makes in 25 hours.
const MAX_KWH: f64 = 25_000.0;

/// The body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DailyBody {
    /// The device that sends.
    #[schema(value_type = uuid::Uuid)]
    pub device_id: DeviceId,
    /// Version of its software.
    pub firmware: String,
    /// When it sent this, by its own clock.
    pub sent_at: Timestamp,
    /// 1 to 400 days, in any order.
    pub days: Vec<DayBody>,
}

/// A local day of the site. Values that are not known are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayBody {
    /// The local date.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// kWh produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solar_kwh: Option<f64>,
    /// kWh used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_kwh: Option<f64>,
    /// kWh drawn from the grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_kwh: Option<f64>,
    /// kWh fed into the grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_kwh: Option<f64>,
    /// `(solar - export) / solar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_consumption: Option<f64>,
    /// `(solar - export) / home`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solar_offset: Option<f64>,
    /// kW, highest mean of import over a quarter of an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_demand_kw: Option<f64>,
    /// Measured share of the day, 0 to 1.
    pub coverage: f64,
}

/// A day that was checked. The ratios follow from the energies and are not taken from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// The local date.
    pub date: Date,
    /// Produced.
    pub solar: Option<WattHours>,
    /// Used.
    pub home: Option<WattHours>,
    /// Drawn from the grid.
    pub import: Option<WattHours>,
    /// Fed into the grid.
    pub export: Option<WattHours>,
    /// Highest mean of import over a quarter of an hour.
    pub peak_demand: Option<Watts>,
    /// Measured share of the day, 0 to 1.
    pub coverage: f64,
}

/// A call that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Dailies {
    /// Who sends.
    pub sender: Sender,
    /// The sound days, each with its place in the call.
    pub days: Vec<(u32, Day)>,
    /// The others, by place.
    pub refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Heard {
    device_id: DeviceId,
    firmware: String,
    sent_at: Timestamp,
    days: Capped<DayBody, MAX_DAYS>,
}

impl Dailies {
    /// Checks a body.
    ///
    /// # Errors
    /// [`BodyError`] when nothing of it can be taken.
    pub fn parse(text: &[u8]) -> Result<Self, BodyError> {
        let heard: Heard = body::parse(text)?;
        let Capped { items, beyond } = heard.days;
        body::sized("days", items.len(), beyond, MAX_DAYS)?;
        let (mut days, mut refused) = (Vec::new(), Vec::new());
        for (index, item) in (0..).zip(items) {
            match Day::check(&item) {
                Ok(day) => days.push((index, day)),
                Err(detail) => refused.push(Refused {
                    index,
                    code: RefusedCode::OutOfRange,
                    detail,
                }),
            }
        }
        let sender = Sender::new(heard.device_id, &heard.firmware, heard.sent_at);
        Ok(Self {
            sender,
            days,
            refused,
        })
    }
}

impl Day {
    fn check(body: &DayBody) -> Result<Self, String> {
        let energy = |name: &str, kwh: Option<f64>| match kwh {
            Some(kwh) if !(-MAX_KWH..=MAX_KWH).contains(&kwh) => {
                Err(format!("{name} is {kwh} kWh, which no home has in a day"))
            }
            kwh => Ok(kwh.and_then(|kwh| WattHours::try_from(kwh * 1000.0).ok())),
        };
        if !(0.0..=1.0).contains(&body.coverage) {
            return Err(format!("coverage is {}, not 0 to 1", body.coverage));
        }
        let peak_demand = match body.peak_demand_kw {
            Some(kw) => Some(Watts::from_kw(kw).map_err(|error| error.to_string())?),
            None => None,
        };
        Ok(Self {
            date: body.date,
            solar: energy("solar_kwh", body.solar_kwh)?,
            home: energy("home_kwh", body.home_kwh)?,
            import: energy("import_kwh", body.import_kwh)?,
            export: energy("export_kwh", body.export_kwh)?,
            peak_demand,
            coverage: body.coverage,
        })
    }
}
