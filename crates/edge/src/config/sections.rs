//! The sections, key by key: this is the list of what can be configured.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::tz::TimeZone;
use solthrive_courier::{BadAddress, CloudAddress, Roots};
use solthrive_domain::home::Service;
use solthrive_domain::units::Watts;

use super::layers::{self, FIRST, Input, LATER};
use super::reader::{Reader, Table};
use super::rule::{Wrong, integer, number, one_of, parsed, text, truth};
use super::tree::Node;
use super::{
    ApiConfig, AppConfig, CloudConfig, LogFormat, LogLevel, LoggingConfig, NetworkConfig, Origin,
    Problem, Site, StorageConfig, Tariff, home, meters, suggest,
};

const MEGABYTE: u64 = 1024 * 1024;
const SERVICES: [(&str, Service); 3] = [
    ("split_phase", Service::SplitPhase),
    ("single_phase", Service::SinglePhase),
    ("three_phase", Service::ThreePhase),
];
const LANGUAGES: [(&str, &str); 4] = [("en", "en"), ("es", "es"), ("de", "de"), ("fr", "fr")];
const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
const FORMATS: [(&str, LogFormat); 2] = [("json", LogFormat::Json), ("text", LogFormat::Text)];

/// Reads everything. `None` when anything is wrong; the reader then knows what.
pub(crate) fn read(reader: &Reader, root: &Node, input: &Input<'_>) -> Option<AppConfig> {
    // Every section is read to its end before the first `?`, so that nothing wrong stays unsaid.
    let (site, network, meter, api, logging, cloud, storage, tariff) = reader.root(root, |root| {
        // The order in which `config show` lists them.
        let site = root.table(FIRST[0], base);
        let network = root.table(FIRST[1], network);
        let meter = root.table(FIRST[2], |table| meter(table, input));
        let api = root.table(FIRST[3], |table| api(table, input));
        let logging = root.table(FIRST[4], logging);
        let cloud = root.table(LATER[0], |table| cloud(table, input));
        let storage = root.table(LATER[1], storage);
        let tariff = root.table(LATER[2], tariff);
        root.table(LATER[3], |_| ());
        (site, network, meter, api, logging, cloud, storage, tariff)
    });
    let meter = meter?;
    let main_rating_kw = meter.main_rating_kw;
    Some(AppConfig {
        site: Site {
            main_rating_kw,
            ..site?
        },
        network: network?,
        buses: meter.buses,
        home: meter.home,
        cloud: cloud?,
        storage: storage?,
        api: api?,
        logging: logging?,
        tariff: tariff?,
    })
}

fn base(table: &Table<'_>) -> Option<Site> {
    let name = table.required("site_name", text("a site name", 64));
    let zone = table.required("timezone", parsed("an IANA time zone", time_zone));
    let language = table.required("language", one_of(&LANGUAGES));
    let trust = table.required("trust_clock_after_s", integer("the wait runs", 0..=86_400));
    let trust_unsynced = table.required(
        "trust_unsynced_clock_after_s",
        integer("the wait runs", 0..=86_400),
    );
    if let Some(zone) = zone.as_ref().filter(|zone| zone.at == Origin::Default) {
        let message = "base.timezone is not set, so days and months are those of UTC";
        let hint = Some(
            "write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`"
                .to_owned(),
        );
        table
            .reader()
            .warn(Problem::new(zone.at.clone(), &zone.key, message).with_hint(hint));
    }
    let (tz, tz_name) = zone?.value;
    Some(Site {
        name: name?.value,
        tz,
        tz_name,
        language: language?.value.to_owned(),
        trust_clock_after: Duration::from_secs(trust?.value),
        trust_unsynced_clock_after: Duration::from_secs(trust_unsynced?.value),
        main_rating_kw: None,
    })
}

fn time_zone(text: &str) -> Result<(TimeZone, String), Wrong> {
    if let Ok(zone) = TimeZone::get(text) {
        let name = zone.iana_name().unwrap_or(text).to_owned();
        return Ok((zone, name));
    }
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    let names = || names.iter().map(String::as_str);
    // `Los_Angeles` or `los angeles` is meant as the zone that ends so.
    let wanted = text.trim().replace(' ', "_").to_lowercase();
    let city = names().find(|name| name.to_lowercase().ends_with(&format!("/{wanted}")));
    let wrong = Wrong::but("there is no such time zone; IANA names look like America/Los_Angeles");
    Err(match city.or_else(|| suggest::nearest(text, names())) {
        Some(near) => wrong.hint(format!("did you mean {near}?")),
        None => wrong,
    })
}

fn network(table: &Table<'_>) -> Option<NetworkConfig> {
    let listen = table.required("listen", parsed("an address and a port", listen));
    let names = table.list("host_names", parsed("a host name", host_name));
    let host_names = names
        .unwrap_or_default()
        .into_iter()
        .map(|spot| spot.value)
        .collect();
    Some(NetworkConfig {
        listen: listen?.value,
        host_names,
    })
}

fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    let wrong =
        || Wrong::but("an address and a port are expected, such as 0.0.0.0:8080 or [::]:8080");
    let meant = if text.parse::<u16>().is_ok() {
        format!("0.0.0.0:{text}")
    } else if let Ok(address) = text.parse::<IpAddr>() {
        SocketAddr::new(address, 8080).to_string()
    } else if let Some(port) = text.strip_prefix("localhost:") {
        format!("127.0.0.1:{port}")
    } else {
        String::new()
    };
    text.parse().map_err(|_| match meant.parse::<SocketAddr>() {
        Ok(meant) => wrong().hint(format!("did you mean {meant}?")),
        Err(_) => wrong(),
    })
}

pub(crate) fn host_name(text: &str) -> Result<String, Wrong> {
    let name = text.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(name);
    }
    Err(Wrong::but(
        "a host name is expected: letters, digits and `-` between dots, without port or `http://`",
    ))
}

struct Meter {
    buses: Vec<solthrive_meter::bus::BusConfig>,
    home: solthrive_domain::HomeModel,
    main_rating_kw: Option<f64>,
}

fn meter(table: &Table<'_>, input: &Input<'_>) -> Option<Meter> {
    let every = table.required("poll_every_ms", |scalar| {
        let passed = integer("the time between polls runs", 1000..=60_000)(scalar)?;
        if passed.value % 1000 == 0 {
            Ok(passed)
        } else {
            Err(Wrong::but(
                "polls are whole seconds apart: 1000, 2000, 5000 …",
            ))
        }
    });
    let service = table.required("service", one_of(&SERVICES));
    let nameplate = table.optional(
        "solar_nameplate_kw",
        number("a nameplate runs", 0.05..=1000.0),
    );
    let breaker = table.optional(
        "main_breaker_a",
        number("a main breaker runs", 10.0..=4000.0),
    );
    let folder = table.required("profile_dir", text("a folder", 4096));
    let folder = layers::absolute(
        input.config_dir,
        folder.as_ref().map_or("profiles", |folder| &folder.value),
    );
    let (catalog, refused) = (input.profiles)(&folder);
    let buses = meters::read(
        table,
        &catalog,
        &refused,
        every
            .as_ref()
            .map(|every| Duration::from_millis(every.value)),
    );
    for error in &refused {
        table.reader().warn(meters::refused_profile(error));
    }
    let service = service.map(|service| service.value);
    let nameplate = nameplate.and_then(|kw| Watts::from_kw(kw.value).ok());
    let home = home::read(table, &buses, service, nameplate);
    let service = service?;
    let legs = f64::from(u8::try_from(service.legs().len()).unwrap_or(1));
    let main_rating_kw = breaker.map(|amps| amps.value * service.nominal().get() * legs / 1000.0);
    Some(Meter {
        buses: buses.into_configs()?,
        home: home?,
        main_rating_kw,
    })
}

fn api(table: &Table<'_>, input: &Input<'_>) -> Option<ApiConfig> {
    let token_file = table.required("token_file", text("a file", 4096));
    let clients = table.required(
        "max_ws_clients",
        integer("live streams are limited", 1..=10_000),
    );
    let connections = table.required(
        "max_connections",
        integer("connections are limited", 8..=20_000),
    );
    let body = table.required(
        "max_body_kb",
        integer("request bodies are limited", 1..=16 * 1024),
    );
    let session = table.required("session_hours", integer("sessions last", 1..=24 * 366));
    Some(ApiConfig {
        token_file: layers::absolute(input.config_dir, &token_file?.value),
        max_ws_clients: u32::try_from(clients?.value).ok()?,
        max_connections: u32::try_from(connections?.value).ok()?,
        max_body: body?.value * 1024,
        session: Duration::from_secs(session?.value * 3600),
    })
}

fn logging(table: &Table<'_>) -> Option<LoggingConfig> {
    let level = table.required("level", one_of(&LEVELS));
    let format = table.required("format", one_of(&FORMATS));
    let size = table.required("file_mb", integer("the log file's size runs", 1..=1000));
    Some(LoggingConfig {
        level: level?.value,
        format: format?.value,
        file_size: size?.value * MEGABYTE,
    })
}

fn cloud(table: &Table<'_>, input: &Input<'_>) -> Option<CloudConfig> {
    let enabled = table.required("enabled", truth());
    let address = table.required("url", parsed("the cloud's address", cloud_address));
    let ca = table.optional("ca_file", text("a file", 4096));
    let interval = table.required("interval_s", integer("samples for the cloud are", 5..=900));
    let reconnect = table.required("reconnect_spread_s", integer("the pause runs", 1..=3600));
    let backfill = table.required("backfill_spread_s", integer("the spread runs", 0..=86_400));
    Some(CloudConfig {
        enabled: enabled?.value,
        address: address?.value,
        roots: ca.map_or(Roots::System, |file| {
            Roots::File(layers::absolute(input.config_dir, &file.value))
        }),
        interval: Duration::from_secs(interval?.value),
        reconnect_spread: Duration::from_secs(reconnect?.value),
        backfill_spread: Duration::from_secs(backfill?.value),
    })
}

fn cloud_address(text: &str) -> Result<CloudAddress, Wrong> {
    let meant = format!("https://{}", text.trim_start_matches("http://"));
    text.parse().map_err(|error: BadAddress| {
        let wrong = Wrong::but(error.to_string());
        match meant.parse::<CloudAddress>() {
            Ok(meant) if error == BadAddress::NoTls => wrong.hint(format!("did you mean {meant}?")),
            _ => wrong,
        }
    })
}

fn storage(table: &Table<'_>) -> Option<StorageConfig> {
    let minutes = table.required("minute_days", integer("minute rows are kept", 1..=3650));
    let keep = table.required("keep_days", integer("summaries are kept", 1..=36_500));
    let space = table.required("low_space_mb", integer("the reserve runs", 10..=1_000_000));
    let (minutes, keep, space) = (minutes?, keep?, space?);
    if keep.value < minutes.value {
        let but = format!(
            "{} is {}, and summaries cannot be dropped before the minutes they sum up",
            minutes.key, minutes.value
        );
        table
            .reader()
            .problem(keep.problem(&keep.value.to_string(), &but));
        return None;
    }
    Some(StorageConfig {
        minute_days: u32::try_from(minutes.value).ok()?,
        keep_days: u32::try_from(keep.value).ok()?,
        low_space: space.value * MEGABYTE,
    })
}

/// Either no tariff at all, or one that is complete: a missing rate is not a rate of 0.
#[expect(
    clippy::option_option,
    reason = "outside: whether it could be read; inside: whether there is one"
)]
fn tariff(table: &Table<'_>) -> Option<Option<Tariff>> {
    const KEYS: [&str; 4] = ["currency", "import_rate", "export_rate", "fixed_per_day"];
    let written = KEYS.iter().any(|key| table.has(key));
    let rate = || number("a rate runs", -1e6..=1e6);
    table.know(&KEYS);
    if !written {
        return Some(None);
    }
    let currency = table.required(KEYS[0], parsed("a currency", currency));
    let import = table.required(KEYS[1], rate());
    let export = table.required(KEYS[2], rate());
    let fixed = table.or(KEYS[3], ("0", Origin::Default), rate());
    Some(Some(Tariff {
        currency: currency?.value,
        import_rate: import?.value,
        export_rate: export?.value,
        fixed_per_day: fixed?.value,
    }))
}

fn currency(text: &str) -> Result<String, Wrong> {
    let fits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Wrong::but(
            "an ISO 4217 code of three capitals is expected, such as USD or EUR",
        ))
    }
}
