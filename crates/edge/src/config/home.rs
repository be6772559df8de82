//! `meter.channels`: which input measures what, checked against the meters there are.

use std::collections::BTreeSet;

use solthrive_domain::home::Service;
use solthrive_domain::units::{Amps, Watts};
use solthrive_domain::{Channel, HomeModel, Input, MeterId, Point, Quantity, Role};

use super::meters::{Buses, Meter};
use super::reader::{Spot, Table};
use super::rule::{self, Wrong, number, one_of, parsed, truth};
use super::{Origin, Problem, suggest};

const ROLES: [(&str, Role); 9] = [
    ("main_l1", Role::MainL1),
    ("main_l2", Role::MainL2),
    ("main_l3", Role::MainL3),
    ("main", Role::Main),
    ("pv", Role::Pv),
    ("home", Role::Home),
    ("sub_panel", Role::SubPanel),
    ("battery", Role::Battery),
    ("ev", Role::Ev),
];

/// A CT's facts under a name, for channels that use the same kind.
struct CtProfile {
    name: String,
    rating: Option<Spot<f64>>,
    scale: Option<Spot<f64>>,
}

/// One channel with the places of what rules look at.
struct Draft {
    role: Spot<Role>,
    name: Spot<String>,
    input: Spot<Input>,
    channel: Channel,
}

/// Reads `channels`, `ct_profiles` and `reference_meter` from the `meter` section.
pub(crate) fn read(
    table: &Table<'_>,
    buses: &Buses,
    service: Option<Service>,
    nameplate: Option<Watts>,
) -> Option<HomeModel> {
    let cts = table.named("ct_profiles", |name, item| {
        let rating = item.required("rating_a", number("CT ratings run", 1.0..=10_000.0));
        let scale = item.or(
            "scale",
            ("1", Origin::Default),
            number("CT corrections run", 0.001..=1000.0),
        );
        Some(CtProfile {
            name: name.to_owned(),
            rating,
            scale,
        })
    });
    let list = table.tables("channels", |item| channel(item, buses, &cts));
    if list.is_empty_list {
        let message = format!(
            "{} is empty, but at least one input must be put to use",
            list.key
        );
        table
            .reader()
            .problem(Problem::new(list.at.clone(), &list.key, message));
    }
    let drafts = list.value;
    let misfits = service.map(|service| fits_service(&drafts, service));
    for problem in one_of_each(&drafts)
        .into_iter()
        .chain(misfits.unwrap_or_default())
    {
        table.reader().problem(problem);
    }
    let main = drafts
        .iter()
        .find(|draft| draft.role.value.is_main())
        .or(drafts.first());
    let usual = main
        .map_or("main", |draft| draft.channel.meter.as_str())
        .to_owned();
    let reference = table.or(
        "reference_meter",
        (&usual, Origin::Default),
        parsed("a meter's name", |name| known_meter(name, buses)),
    )?;
    // Last, so that everything above was looked at: what is wrong with it was said already.
    let service = service?;
    warn_of_missing_voltages(table, buses, &reference, service);
    let channels: Vec<Channel> = drafts.into_iter().map(|draft| draft.channel).collect();
    Some(HomeModel {
        service,
        channels,
        reference_meter: MeterId::new(reference.value),
        solar_nameplate: nameplate,
    })
}

fn known_meter(name: &str, buses: &Buses) -> Result<String, Wrong> {
    // Where no meter could be read, that was said, and is the reason.
    if buses.meters().next().is_none() {
        return Ok(name.to_owned());
    }
    if buses.meters().any(|(known, _)| known == name) {
        return Ok(name.to_owned());
    }
    let names: BTreeSet<&str> = buses.meters().map(|(known, _)| known).collect();
    let wrong = Wrong::but(format!(
        "no meter has that name; there is {}",
        Vec::from_iter(names.iter().copied()).join(", ")
    ));
    Err(match suggest::nearest(name, names) {
        Some(near) => wrong.hint(format!("did you mean {near}?")),
        None => wrong,
    })
}

fn channel(table: &Table<'_>, buses: &Buses, cts: &[CtProfile]) -> Option<Draft> {
    let role = table.required("role", one_of(&ROLES));
    let role_word = role.as_ref().map_or("main_l1", |role| word(role.value));
    let name = table.or("name", (role_word, Origin::Default), rule::name());
    let only = buses.meters().next().map_or("main", |(name, _)| name);
    let meter = table.or(
        "meter",
        (only, Origin::Default),
        parsed("a meter's name", |name| known_meter(name, buses)),
    );
    let device = meter
        .as_ref()
        .and_then(|meter| buses.meters().find(|(name, _)| *name == meter.value))
        .map(|(_, device)| device);
    let input = table.required("input", parsed("an input", input));
    let reference = volt_ref(table, device, input.as_ref());
    let multiplier = table.or(
        "multiplier",
        ("1", Origin::Default),
        number("multipliers run", 0.1..=10.0),
    );
    let invert = table.or("invert", ("false", Origin::Default), truth());
    let ct = table.optional(
        "ct_profile",
        parsed("a CT profile's name", |name| known_ct(name, cts)),
    );
    let ct = ct.and_then(|ct| cts.get(ct.value));
    let rating = table.optional("ct_rating_a", number("CT ratings run", 1.0..=10_000.0));
    // What the channel says itself counts more than its CT's kind.
    let scale = table.optional("scale", number("CT corrections run", 0.001..=1000.0));
    let scale = if table.has("scale") {
        scale
    } else {
        ct.map_or_else(|| Some(plain_scale(table)), |ct| ct.scale.clone())
    };
    let rating = rating.or_else(|| ct.and_then(|ct| ct.rating.clone()));
    measures_power(table, device, input.as_ref(), meter.as_ref(), role.as_ref());
    let (role, name, input) = (role?, name?, input?);
    let channel = Channel {
        role: role.value,
        name: name.value.clone(),
        meter: MeterId::new(meter?.value),
        input: input.value,
        volt_ref: reference?,
        multiplier: multiplier?.value,
        scale: scale?.value,
        invert: invert?.value,
        ct_rating: rating.and_then(|amps| Amps::try_from(amps.value).ok()),
    };
    Some(Draft {
        role,
        name,
        input,
        channel,
    })
}

fn plain_scale(table: &Table<'_>) -> Spot<f64> {
    Spot {
        value: 1.0,
        at: Origin::Default,
        key: format!("{}.scale", table.key()),
    }
}

fn word(role: Role) -> &'static str {
    ROLES
        .iter()
        .find(|(_, known)| *known == role)
        .map_or("main", |(word, _)| word)
}

fn input(text: &str) -> Result<Input, Wrong> {
    text.parse()
        .map_err(|_| Wrong::but("inputs are l1, l2, l3, pv or total"))
}

fn known_ct(name: &str, cts: &[CtProfile]) -> Result<usize, Wrong> {
    if let Some(index) = cts.iter().position(|ct| ct.name == name) {
        return Ok(index);
    }
    let wrong = Wrong::but("ct_profiles has no such name");
    Err(
        match suggest::nearest(name, cts.iter().map(|ct| ct.name.as_str())) {
            Some(near) => wrong.hint(format!("did you mean {near}?")),
            None => wrong.hint("write it there: `ct_profiles: {main_200a: {rating_a: 200}}`"),
        },
    )
}

/// The input whose voltage the current is multiplied with: as written, else as the profile knows,
/// else the input itself where it has a voltage, else the first leg.
fn volt_ref(table: &Table<'_>, device: Option<&Meter>, own: Option<&Spot<Input>>) -> Option<Input> {
    let volts = |input: Input| {
        device.is_some_and(|device| device.reads(Point::new(Quantity::Voltage, input)))
    };
    let profile = device.and_then(|device| device.profile.as_deref());
    let power = own.and_then(|own| profile?.point(Point::new(Quantity::ActivePower, own.value)));
    let usual = power
        .and_then(|def| def.volt_ref)
        .or_else(|| own.map(|own| own.value).filter(|own| volts(*own)));
    let usual = usual.unwrap_or(Input::L1);
    let written = table.has("volt_ref");
    let reference = table.or(
        "volt_ref",
        (usual.name(), Origin::Default),
        parsed("an input", input),
    )?;
    if written && device.is_some_and(|device| device.profile.is_some()) && !volts(reference.value) {
        let but = "the meter gives no voltage there".to_owned();
        table
            .reader()
            .problem(reference.problem(&format!("`{}`", reference.value.name()), &but));
        return None;
    }
    Some(reference.value)
}

fn measures_power(
    table: &Table<'_>,
    device: Option<&Meter>,
    input: Option<&Spot<Input>>,
    meter: Option<&Spot<String>>,
    role: Option<&Spot<Role>>,
) {
    let (Some(device), Some(input), Some(meter)) = (device, input, meter) else {
        return;
    };
    let Some(profile) = &device.profile else {
        return;
    };
    let inputs = device.power_inputs();
    if inputs.contains(&input.value) {
        return;
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name()).collect();
    let but = if profile
        .point(Point::new(Quantity::ActivePower, input.value))
        .is_some()
    {
        format!(
            "`points` of meter `{}` leaves out p_{}",
            meter.value,
            input.value.name()
        )
    } else {
        format!(
            "meter `{}` ({}) gives power only at: {}",
            meter.value,
            profile.id,
            names.join(", ")
        )
    };
    let mut problem = input.problem(&format!("`{}`", input.value.name()), &but);
    if input.at == Origin::Default {
        let role = role.map_or("its role", |role| word(role.value));
        problem.hint = Some(format!(
            "this channel ({role}) is built in for a V1 home; write `channels` in meter.yaml"
        ));
    }
    table.reader().problem(problem);
}

/// Roles that exist once, names that tell channels apart, inputs that are counted once.
fn one_of_each(drafts: &[Draft]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (mut roles, mut names, mut inputs) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for draft in drafts {
        let single = draft.role.value.is_main() || draft.role.value == Role::Home;
        if !roles.insert(draft.role.value) && single {
            problems.push(
                draft
                    .role
                    .problem(word(draft.role.value), "a home has that role only once"),
            );
        } else if !names.insert(draft.name.value.as_str()) {
            problems.push(draft.name.problem(
                &format!("`{}`", draft.name.value),
                "another channel has that name; give each one its own with `name: …`",
            ));
        }
        if !inputs.insert((&draft.channel.meter, draft.input.value)) {
            let but = format!(
                "another channel uses that input of meter `{}` already",
                draft.channel.meter
            );
            problems.push(
                draft
                    .input
                    .problem(&format!("`{}`", draft.input.value.name()), &but),
            );
        }
    }
    problems
}

/// The mains against the service: a leg too many is a slip, a leg too few makes every sum wrong.
fn fits_service(drafts: &[Draft], service: Service) -> Vec<Problem> {
    const LEGS: [Role; 3] = [Role::MainL1, Role::MainL2, Role::MainL3];
    let legs = &LEGS[..service.legs().len()];
    let find = |role: Role| drafts.iter().find(|draft| draft.role.value == role);
    let service_word = match service {
        Service::SplitPhase => "split_phase",
        Service::SinglePhase => "single_phase",
        Service::ThreePhase => "three_phase",
    };
    let measured: Vec<&Draft> = LEGS.iter().filter_map(|role| find(*role)).collect();
    let mut problems = Vec::new();
    if let (Some(main), Some(leg)) = (find(Role::Main), measured.first()) {
        let but = format!(
            "`{}` measures the grid connection already; use one or the other",
            word(leg.role.value)
        );
        problems.push(main.role.problem("main", &but));
        return problems;
    }
    for draft in measured
        .iter()
        .filter(|draft| !legs.contains(&draft.role.value))
    {
        let but = format!("a {service_word} service has no such leg");
        problems.push(draft.role.problem(word(draft.role.value), &but));
    }
    let missing: Vec<&str> = legs
        .iter()
        .filter(|role| find(**role).is_none())
        .map(|role| word(*role))
        .collect();
    if let (Some(first), false) = (measured.first(), missing.is_empty()) {
        let but = format!(
            "a {service_word} service also has {}, without which the grid's power is unknown",
            missing.join(" and ")
        );
        let hint =
            "add the channel, or use `role: main` for a meter that measures the whole connection"
                .to_owned();
        problems.push(
            first
                .role
                .problem(word(first.role.value), &but)
                .with_hint(Some(hint)),
        );
    }
    problems
}

fn warn_of_missing_voltages(
    table: &Table<'_>,
    buses: &Buses,
    reference: &Spot<String>,
    service: Service,
) {
    let Some((_, meter)) = buses.meters().find(|(name, _)| *name == reference.value) else {
        return;
    };
    if meter.profile.is_none() {
        return;
    }
    let lacking = service
        .legs()
        .iter()
        .filter(|leg| !meter.reads(Point::new(Quantity::Voltage, **leg)));
    let lacking: Vec<String> = lacking.map(|leg| format!("v_{}", leg.name())).collect();
    if !lacking.is_empty() {
        let message = format!(
            "the reference meter `{}` gives no {}, so that voltage is not watched",
            reference.value,
            lacking.join(", ")
        );
        table
            .reader()
            .warn(Problem::new(reference.at.clone(), &reference.key, message));
    }
}
