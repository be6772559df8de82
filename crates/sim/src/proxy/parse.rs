//! Rules as they are written on the command line: `KIND[:OPTION=VALUE,…]`.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Direction, Fault, Kind};
use super::plan::Rule;

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRule(String);

/// Such as `latency:ms=200,jitter_ms=50` or `reset:after=4096,direction=down,probability=0.2,connections=3..10`.
impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let (kind, options) = text.split_once(':').unwrap_or((text, ""));
        let kind = kind_of(kind)?;
        let mut options = Options::of(kind, options)?;
        let probability = options.take("probability", 1.0)?;
        if !(0.0..=1.0).contains(&probability) {
            return Err(BadRule("`probability` lies between 0 and 1".to_owned()));
        }
        let connections = options.take("connections", Connections(0..u64::MAX))?.0;
        let fault = options.fault(kind)?;
        options.end()?;
        Ok(fault.on(connections).with_probability(probability))
    }
}

fn kind_of(name: &str) -> Result<Kind, BadRule> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        BadRule(format!("no fault is called `{name}`; there are {names}"))
    })
}

/// What is written behind the colon, and was not taken yet.
struct Options<'a> {
    kind: Kind,
    left: Vec<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    fn of(kind: Kind, text: &'a str) -> Result<Self, BadRule> {
        let written = text.split(',').filter(|part| !part.is_empty());
        let split = written.map(|part| {
            part.split_once('=')
                .ok_or_else(|| BadRule(format!("`{part}` is not OPTION=VALUE")))
        });
        let left = split.collect::<Result<_, _>>()?;
        Ok(Self { kind, left })
    }

    fn fault(&mut self, kind: Kind) -> Result<Fault, BadRule> {
        if matches!(kind, Kind::BlackHole | Kind::Refuse) {
            return Ok(if kind == Kind::Refuse {
                Fault::Refuse
            } else {
                Fault::BlackHole
            });
        }
        let direction = self.take("direction", Direction::Both)?;
        Ok(match kind {
            Kind::Latency => Fault::Latency {
                direction,
                delay: Duration::from_millis(self.need("ms")?),
                jitter: Duration::from_millis(self.take("jitter_ms", 0)?),
            },
            Kind::RateLimit => Fault::RateLimit {
                direction,
                bytes_per_second: self.need("bytes_per_s")?,
            },
            Kind::Slowloris => Fault::Slowloris {
                direction,
                pause: Duration::from_millis(self.take("ms", 100)?),
            },
            _ => self.at_a_place(kind, direction)?,
        })
    }

    /// Faults that strike after so many bytes, or once in so many.
    fn at_a_place(&mut self, kind: Kind, direction: Direction) -> Result<Fault, BadRule> {
        if matches!(kind, Kind::Corrupt | Kind::Duplicate | Kind::Reorder) {
            let every = self.take("every", 1000)?;
            return Ok(match kind {
                Kind::Corrupt => Fault::Corrupt { direction, every },
                Kind::Duplicate => Fault::Duplicate { direction, every },
                _ => Fault::Reorder { direction, every },
            });
        }
        let after = self.take("after", 0)?;
        Ok(match kind {
            Kind::Drop => Fault::Drop { direction, after },
            Kind::Reset => Fault::Reset { direction, after },
            _ => Fault::HalfOpen { direction, after },
        })
    }

    fn find<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, BadRule> {
        let Some(place) = self.left.iter().position(|(written, _)| *written == name) else {
            return Ok(None);
        };
        let (_, value) = self.left.remove(place);
        let expected = expected(name);
        let read = value.parse();
        read.map(Some)
            .map_err(|_| BadRule(format!("`{name}={value}`: expected {expected}")))
    }

    fn take<T: FromStr>(&mut self, name: &str, without: T) -> Result<T, BadRule> {
        Ok(self.find(name)?.unwrap_or(without))
    }

    fn need<T: FromStr>(&mut self, name: &str) -> Result<T, BadRule> {
        let kind = self.kind.name();
        self.find(name)?
            .ok_or_else(|| BadRule(format!("`{kind}` needs `{name}`: {}", expected(name))))
    }

    fn end(&self) -> Result<(), BadRule> {
        let kind = self.kind.name();
        match self.left.first() {
            Some((stray, _)) => Err(BadRule(format!("`{kind}` has no `{stray}`, or not twice"))),
            None => Ok(()),
        }
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "direction" => "up, down or both",
        "connections" => "a number as 3, or numbers as 3..10 or 3..",
        "probability" => "a number between 0 and 1",
        "ms" | "jitter_ms" => "a number of milliseconds",
        _ => "a number of bytes",
    }
}

impl FromStr for Direction {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        match text {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            "both" => Ok(Self::Both),
            _ => Err(BadRule(format!("`{text}` is none of up, down, both"))),
        }
    }
}

/// `3`, `3..10` (without the tenth) or `3..`.
struct Connections(Range<u64>);

impl FromStr for Connections {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((first, end)) = text.split_once("..") else {
            let only: u64 = text.parse()?;
            return Ok(Self(only..only.saturating_add(1)));
        };
        let end = match end {
            "" => u64::MAX,
            _ => end.parse()?,
        };
        Ok(Self(first.parse()?..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_meant() {
        let direction = Direction::Both;
        for (text, expected) in [
            ("refuse", Fault::Refuse.into()),
            ("black_hole:connections=3", Fault::BlackHole.on(3..4)),
            (
                "latency:ms=200,jitter_ms=50",
                Fault::Latency {
                    direction,
                    delay: Duration::from_millis(200),
                    jitter: Duration::from_millis(50),
                }
                .into(),
            ),
            (
                "reset:after=4096,direction=down,probability=0.2,connections=3..10",
                Fault::Reset {
                    direction: Direction::Down,
                    after: 4096,
                }
                .on(3..10)
                .with_probability(0.2),
            ),
            (
                "corrupt:connections=1..",
                Fault::Corrupt {
                    direction,
                    every: 1000,
                }
                .on(1..u64::MAX),
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_kind_can_be_ordered() {
        for kind in Kind::ALL {
            let options = match kind {
                Kind::Latency => ":ms=1",
                Kind::RateLimit => ":bytes_per_s=1",
                _ => "",
            };
            let rule: Rule = format!("{}{options}", kind.name()).parse().unwrap();
            let plan = super::super::Plan::default().with(rule);
            assert_eq!(plan.faults(0)[0].kind(), kind);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_is_expected() {
        for (text, part) in [
            ("resett", "no fault is called `resett`; there are latency, "),
            ("latency", "`latency` needs `ms`: a number of milliseconds"),
            ("latency:ms=x", "`ms=x`: expected a number of milliseconds"),
            ("refuse:after=3", "`refuse` has no `after`"),
            (
                "drop:after=3,after=4",
                "`drop` has no `after`, or not twice",
            ),
            ("drop:after", "`after` is not OPTION=VALUE"),
            ("drop:direction=left", "expected up, down or both"),
            ("drop:probability=2", "between 0 and 1"),
            ("drop:connections=a..b", "numbers as 3..10"),
        ] {
            let said = text.parse::<Rule>().unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
