//! What more is said of a command, by its kind.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use solthrive_domain::command::Kind;

/// The largest arguments, in bytes of JSON.
const MAX_ARGS: usize = 12 << 10;
/// The longest text that names a version.
const MAX_NAME: usize = 64;

/// Arguments that were checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Args {
    /// `{"seconds":60}`: for how long, 1 to 300; 60 if it is not said.
    Live {
        /// For so many seconds from its arrival.
        seconds: u32,
    },
    /// Nothing more.
    Diagnostics,
    /// Nothing more.
    Validate,
    /// `{"lines":200}`: how many, 1 to 2,000; 200 if it is not said.
    LogsTail {
        /// The last so many.
        lines: u32,
    },
    /// Nothing more.
    ConfigGet,
    /// `{"config":{…},"base":"…"}`.
    ConfigSet {
        /// The new configuration, as a whole.
        config: Map<String, Value>,
        /// The version that it was made from, as `config_get` told it: a device that has another one by now fails.
        base: Option<String>,
    },
    /// `{"version":"2.1.0"}`.
    Update {
        /// To this one; to the newest if it is not said.
        version: Option<String>,
    },
    /// `{"what":"service"}` or `machine`; the service if it is not said.
    Restart {
        /// What is started anew.
        what: Restarted,
    },
    /// `{"minutes":30}`: for how long, 1 to 480; 30 if it is not said.
    TunnelOpen {
        /// It closes by itself after so many.
        minutes: u32,
    },
    /// Nothing more.
    TokenRotate,
}

/// What is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restarted {
    /// The daemon.
    #[default]
    Service,
    /// The computer.
    Machine,
}

/// What arguments cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadArgs {
    /// Not of the right shape.
    #[error("{0}")]
    Malformed(String),
    /// A number that is too large or too small.
    #[error("`{field}` is {least} to {most}")]
    OutOfRange {
        /// Which one.
        field: &'static str,
        /// At least.
        least: u32,
        /// At most.
        most: u32,
    },
    /// A text that cannot be.
    #[error("`{0}` has 1 to 64 bytes without control characters")]
    Name(&'static str),
    /// Too much of it.
    #[error("arguments have at most {MAX_ARGS} bytes")]
    TooLarge,
    /// A field that this kind does not have.
    #[error("there is no field `{0}`")]
    Unknown(String),
}

#[derive(Default, Deserialize)]
struct Heard {
    seconds: Option<u32>,
    lines: Option<u32>,
    minutes: Option<u32>,
    config: Option<Map<String, Value>>,
    base: Option<String>,
    version: Option<String>,
    what: Option<Restarted>,
}

impl Args {
    /// Checks the arguments of a command; a field that is not known is passed over, as a device does.
    ///
    /// # Errors
    /// [`BadArgs`].
    pub fn parse(kind: Kind, said: &Map<String, Value>) -> Result<Self, BadArgs> {
        let mine = known(kind).iter().filter_map(|field| {
            let value = said.get(*field)?;
            Some(((*field).to_owned(), value.clone()))
        });
        let heard: Heard = serde_json::from_value(Value::Object(mine.collect()))
            .map_err(|error| BadArgs::Malformed(crate::body::said(&error)))?;
        let args = Self::of(kind, heard)?;
        let size = args.to_json().to_string().len();
        if size > MAX_ARGS {
            return Err(BadArgs::TooLarge);
        }
        Ok(args)
    }

    /// The same, for who asks: a field that is not known is a mistake, and would otherwise be found out too late.
    ///
    /// # Errors
    /// [`BadArgs`].
    pub fn strict(kind: Kind, said: &Map<String, Value>) -> Result<Self, BadArgs> {
        let mut fields = said.keys();
        if let Some(unknown) = fields.find(|field| !known(kind).contains(&field.as_str())) {
            return Err(BadArgs::Unknown(crate::body::name(unknown)));
        }
        Self::parse(kind, said)
    }

    fn of(kind: Kind, heard: Heard) -> Result<Self, BadArgs> {
        Ok(match kind {
            Kind::Live => Self::Live {
                seconds: within("seconds", heard.seconds, 60, 300)?,
            },
            Kind::Diagnostics => Self::Diagnostics,
            Kind::Validate => Self::Validate,
            Kind::LogsTail => Self::LogsTail {
                lines: within("lines", heard.lines, 200, 2_000)?,
            },
            Kind::ConfigGet => Self::ConfigGet,
            Kind::ConfigSet => Self::ConfigSet {
                config: heard
                    .config
                    .ok_or_else(|| BadArgs::Malformed("`config` is missing".to_owned()))?,
                base: named("base", heard.base)?,
            },
            Kind::Update => Self::Update {
                version: named("version", heard.version)?,
            },
            Kind::Restart => Self::Restart {
                what: heard.what.unwrap_or_default(),
            },
            Kind::TunnelOpen => Self::TunnelOpen {
                minutes: within("minutes", heard.minutes, 30, 480)?,
            },
            Kind::TokenRotate => Self::TokenRotate,
        })
    }

    /// Of which kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Live { .. } => Kind::Live,
            Self::Diagnostics => Kind::Diagnostics,
            Self::Validate => Kind::Validate,
            Self::LogsTail { .. } => Kind::LogsTail,
            Self::ConfigGet => Kind::ConfigGet,
            Self::ConfigSet { .. } => Kind::ConfigSet,
            Self::Update { .. } => Kind::Update,
            Self::Restart { .. } => Kind::Restart,
            Self::TunnelOpen { .. } => Kind::TunnelOpen,
            Self::TokenRotate => Kind::TokenRotate,
        }
    }

    /// As they are stored and sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        let mut say = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                json.insert(field.to_owned(), value);
            }
        };
        match self {
            Self::Live { seconds } => say("seconds", Some((*seconds).into())),
            Self::LogsTail { lines } => say("lines", Some((*lines).into())),
            Self::TunnelOpen { minutes } => say("minutes", Some((*minutes).into())),
            Self::ConfigSet { config, base } => {
                say("config", Some(Value::Object(config.clone())));
                say("base", base.clone().map(Value::from));
            }
            Self::Update { version } => say("version", version.clone().map(Value::from)),
            Self::Restart { what } => say("what", serde_json::to_value(what).ok()),
            Self::Diagnostics | Self::Validate | Self::ConfigGet | Self::TokenRotate => {}
        }
        Value::Object(json)
    }
}

/// The fields that a kind has.
const fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Live => &["seconds"],
        Kind::LogsTail => &["lines"],
        Kind::ConfigSet => &["config", "base"],
        Kind::Update => &["version"],
        Kind::Restart => &["what"],
        Kind::TunnelOpen => &["minutes"],
        Kind::Diagnostics | Kind::Validate | Kind::ConfigGet | Kind::TokenRotate => &[],
    }
}

fn within(field: &'static str, said: Option<u32>, usual: u32, most: u32) -> Result<u32, BadArgs> {
    let number = said.unwrap_or(usual);
    let out = BadArgs::OutOfRange {
        field,
        least: 1,
        most,
    };
    (1..=most).contains(&number).then_some(number).ok_or(out)
}

fn named(field: &'static str, said: Option<String>) -> Result<Option<String>, BadArgs> {
    let sound =
        |text: &String| (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control);
    match said {
        Some(text) if !sound(&text) => Err(BadArgs::Name(field)),
        said => Ok(said),
    }
}
