//! One snapshot, checked.

use solthrive_domain::telemetry::{Doubts, UnixMillis};

use crate::answer::RefusedCode;
use crate::telemetry::{ChannelBody, SnapshotBody};
use crate::{MAX_AHEAD_MS, MAX_CHANNELS};

/// The longest name of a channel, in bytes.
const MAX_CHANNEL_NAME: usize = 40;
/// Older than this is older than anything is kept: 25 years before the call, in ms.
const MAX_AGE_MS: i64 = 25 * 366 * 86_400_000;
/// Stored in mW in 32 bits: ±2 MW.
const MAX_KW: f64 = 2_000.0;
/// Stored in mV and mA in 32 bits.
const MAX_V_OR_A: f64 = 100_000.0;
/// A total grows to this in a thousand years of a megawatt.
const MAX_KWH: f64 = 9e9;

/// The home at one instant, as it was told: every number finite and within its range, and no bit of
/// it changed. `None` is unknown or not installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When; the key.
    pub ts: UnixMillis,
    /// What was measured.
    pub values: Measured,
    /// What speaks against it.
    pub quality: Doubts,
    /// Further channels, in the order of their names.
    pub channels: Vec<Channel>,
}

macro_rules! measured {
    ($($(#[$doc:meta])* $field:ident in $range:expr;)*) => {
        /// The numbers of a snapshot, in the units of their names.
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        pub struct Measured {$($(#[$doc])* pub $field: Option<f64>,)*}

        impl Measured {
            fn of(body: &SnapshotBody) -> Self {
                Self {$($field: body.$field,)*}
            }

            /// Whether each number is within its range.
            pub(crate) fn check(&self) -> Result<(), (RefusedCode, String)> {
                $(within(stringify!($field), self.$field, $range)?;)*
                Ok(())
            }

            /// Where the number of this name is.
            #[cfg(feature = "history")]
            pub(crate) fn place(name: &str) -> Option<fn(&mut Self) -> &mut Option<f64>> {
                match name {
                    $(stringify!($field) => Some(|values| &mut values.$field),)*
                    _ => None,
                }
            }

            /// Names and numbers of those that are known.
            pub fn known(&self) -> impl Iterator<Item = (&'static str, f64)> {
                [$((stringify!($field), self.$field),)*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
            }
        }
    };
}

measured! {
    /// kW produced.
    solar_kw in -MAX_KW..=MAX_KW;
    /// kW used.
    home_kw in -MAX_KW..=MAX_KW;
    /// kW; positive while importing.
    grid_kw in -MAX_KW..=MAX_KW;
    /// kW; positive while discharging.
    battery_kw in -MAX_KW..=MAX_KW;
    /// V.
    voltage_l1 in 0.0..=MAX_V_OR_A;
    /// V.
    voltage_l2 in 0.0..=MAX_V_OR_A;
    /// A.
    current_l1 in -MAX_V_OR_A..=MAX_V_OR_A;
    /// A.
    current_l2 in -MAX_V_OR_A..=MAX_V_OR_A;
    /// A.
    current_pv in -MAX_V_OR_A..=MAX_V_OR_A;
    /// -1 to 1.
    pf in -1.0..=1.0;
    /// Hz.
    frequency in 0.0..=1_000.0;
    /// kWh.
    solar_kwh_total in 0.0..=MAX_KWH;
    /// kWh.
    import_kwh_total in 0.0..=MAX_KWH;
    /// kWh.
    export_kwh_total in 0.0..=MAX_KWH;
    /// kWh.
    battery_charge_kwh_total in 0.0..=MAX_KWH;
    /// kWh.
    battery_discharge_kwh_total in 0.0..=MAX_KWH;
}

/// A further channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name: 1 to 40 of `a-z`, `A-Z`, `0-9`, `_`, `-`.
    pub name: String,
    /// What was measured.
    pub values: ChannelBody,
}

impl Snapshot {
    pub(crate) fn check(
        body: SnapshotBody,
        now: UnixMillis,
    ) -> Result<Self, (RefusedCode, String)> {
        let ts = instant(&body, now)?;
        let values = Measured::of(&body);
        values.check()?;
        Ok(Self {
            ts,
            values,
            quality: body.quality.0,
            channels: channels(body)?,
        })
    }
}

fn instant(body: &SnapshotBody, now: UnixMillis) -> Result<UnixMillis, (RefusedCode, String)> {
    let ahead = |ts: UnixMillis| ts.get() - now.get();
    match UnixMillis::try_from(body.ts) {
        Ok(ts) if ahead(ts) > MAX_AHEAD_MS => Err((
            RefusedCode::ClockSkew,
            format!("{} is {} s ahead of the cloud", body.ts, ahead(ts) / 1000),
        )),
        Ok(ts) if ahead(ts) < -MAX_AGE_MS => Err((
            RefusedCode::TooOld,
            format!("{} is older than anything that is kept", body.ts),
        )),
        Ok(ts) => Ok(ts),
        Err(error) => Err((RefusedCode::OutOfRange, error.to_string())),
    }
}

fn within(
    name: &str,
    value: Option<f64>,
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), (RefusedCode, String)> {
    match value {
        Some(number) if !range.contains(&number) => Err((
            RefusedCode::OutOfRange,
            format!(
                "{name} is {number}, but it lies between {} and {}",
                range.start(),
                range.end()
            ),
        )),
        _ => Ok(()),
    }
}

fn channels(body: SnapshotBody) -> Result<Vec<Channel>, (RefusedCode, String)> {
    if body.channels.len() > MAX_CHANNELS {
        let got = body.channels.len();
        return Err((
            RefusedCode::OutOfRange,
            format!("{got} channels, but at most {MAX_CHANNELS} are taken"),
        ));
    }
    body.channels
        .into_iter()
        .map(|(name, values)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || name.len() > MAX_CHANNEL_NAME || !name.chars().all(plain) {
                return Err((
                    RefusedCode::Malformed,
                    format!(
                        "a channel's name has 1 to {MAX_CHANNEL_NAME} of a-z, A-Z, 0-9, _ and -"
                    ),
                ));
            }
            within("kw", values.kw, -MAX_KW..=MAX_KW)?;
            within("a", values.a, -MAX_V_OR_A..=MAX_V_OR_A)?;
            within("pf", values.pf, -1.0..=1.0)?;
            Ok(Channel { name, values })
        })
        .collect()
}
