//! What the cloud is told of this appliance when it asks: the same that its own network sees.

use serde_json::{Value, json};
use solthrive_domain::FlagCode;
use solthrive_domain::units::{Amps, PowerFactor, Watts};

use super::state::{AppState, Shared};
use super::wire::FlagBody;
use super::{cloud, health, system};

/// How the machine, its meters and its store are.
pub(crate) fn diagnostics(app: &AppState) -> Value {
    json!({
        "system": system::report(app),
        "health": health::report(app),
        "cloud": cloud::report(&app.cloud),
        "site": app.site_body(),
    })
}

/// Whether the wiring is right, by what is measured now.
pub(crate) fn validation(app: &AppState) -> Value {
    let wrong = wiring(app);
    let frame = app.live.frame();
    let channels = app.home().channels.iter().map(|channel| {
        let values = frame
            .as_ref()
            .and_then(|frame| frame.snapshot.channels.get(&channel.name));
        json!({
            "name": channel.name,
            "meter": channel.meter.to_string(),
            "input": channel.input.name(),
            "power_w": values.and_then(|values| values.power).map(Watts::get),
            "current_a": values.and_then(|values| values.current).map(Amps::get),
            "pf": values.and_then(|values| values.pf).map(PowerFactor::get),
        })
    });
    let measured = frame.is_some() && app.snapshot_age().is_some_and(|age| age < 60.0);
    json!({
        "ok": measured && wrong.is_empty(),
        "measured": measured,
        "findings": wrong,
        "channels": channels.collect::<Vec<_>>(),
        "latest": frame.and_then(|frame| {
            let bytes = super::latest_json(app.home(), &frame);
            serde_json::from_slice::<Value>(&bytes).ok()
        }),
    })
}

/// Flags that are about clamps, voltages and registers.
fn wiring(app: &Shared) -> Vec<FlagBody> {
    let about = |code: FlagCode| {
        matches!(
            code,
            FlagCode::MeterNotResponding
                | FlagCode::Rs485Errors
                | FlagCode::ScalingFailure
                | FlagCode::CtUnplugged
                | FlagCode::CtReversed
                | FlagCode::CtWrongLeg
                | FlagCode::MeterStuck
                | FlagCode::VoltageMissing
                | FlagCode::VoltageOutOfRange
        )
    };
    let flags = app.live.flags();
    flags
        .iter()
        .filter(|flag| about(flag.code))
        .map(FlagBody::from)
        .collect()
}
