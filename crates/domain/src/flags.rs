//! Codes of everything that can make a number doubtful, shared by API, stream, events and alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much a flag matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; numbers are sound.
    Info,
    /// Degraded, or numbers may be off.
    Warning,
    /// A function is lost; somebody should act.
    High,
    /// Act now.
    Critical,
}

impl Severity {
    /// As JSON and the cloud's tables carry it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What is written like this.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Info, Self::Warning, Self::High, Self::Critical];
        all.into_iter().find(|severity| severity.as_str() == text)
    }
}

macro_rules! flags {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $severity:ident;)*) => {
        /// The flag codes of the contract. Codes are promises: add, never rename.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FlagCode {$($(#[$doc])* $variant,)*}

        impl FlagCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as JSON carries it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$variant => $code,)*}
            }

            /// The severity a flag of this code has unless its rule says otherwise.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {$(Self::$variant => Severity::$severity,)*}
            }
        }
    };
}

flags! {
    /// No valid answer from a meter.
    MeterNotResponding = "meter_not_responding", High;
    /// Damaged frames on the bus.
    Rs485Errors = "rs485_errors", Warning;
    /// Values contradict each other: wrong scale, word order or CT ratio.
    ScalingFailure = "scaling_failure", High;
    /// A CT measures nothing while the voltage is normal.
    CtUnplugged = "ct_unplugged", High;
    /// A CT is on backwards (or on the other leg, which looks the same on a split-phase service).
    CtReversed = "ct_reversed", High;
    /// A CT and its voltage reference belong to different legs.
    CtWrongLeg = "ct_wrong_leg", Warning;
    /// The meter repeats itself.
    MeterStuck = "meter_stuck", High;
    /// A counter started again: reset or meter swap, entered in the ledger.
    CounterReset = "counter_reset", Info;
    /// A counter fell or leapt and came back; ignored.
    CounterGlitch = "counter_glitch", Info;
    /// No voltage on a leg that should have one.
    VoltageMissing = "voltage_missing", High;
    /// Voltage outside the service range.
    VoltageOutOfRange = "voltage_out_of_range", Warning;
    /// No production in clear daylight.
    PvFlatline = "pv_flatline", High;
    /// No complete snapshot for more than five seconds.
    DataStale = "data_stale", High;
    /// Polls leave the one-second grid.
    PollDrift = "poll_drift", Warning;
    /// The local API does not answer itself.
    ApiStall = "api_stall", High;
    /// The disk is nearly full.
    LowStorage = "low_storage", Warning;
    /// History cannot be written, or a damaged file was set aside.
    StorageError = "storage_error", High;
    /// A part of the service crashed and was restarted.
    ServiceCrash = "service_crash", Warning;
    /// The Pi reports under-voltage.
    PowerSupplyWeak = "power_supply_weak", Warning;
    /// The wall clock is not plausible yet; rows are held until it is.
    ClockUnsynced = "clock_unsynced", Warning;
    /// The wall clock jumped.
    ClockStepped = "clock_stepped", Info;
    /// The configuration has an error; the last good one is in use.
    ConfigInvalid = "config_invalid", Warning;
    /// The cloud cannot be reached; data is kept here.
    CloudUnreachable = "cloud_unreachable", Info;
    /// An update failed or was rolled back.
    UpdateFailed = "update_failed", Warning;
}

impl std::fmt::Display for FlagCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A condition that holds now. `subject` tells two flags of one code apart: a meter, a leg, a CT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// What.
    pub code: FlagCode,
    /// Which meter, channel or part; empty for the appliance as a whole.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// For a person: what is seen, with numbers, and what to do next.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_the_same_in_json_and_in_logs() {
        for code in FlagCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }
}
