//! Query parameters, each checked by a rule that the answer to a wrong one can state.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::{ApiError, BadParameter};

/// The parameters of a request. Take what is known, then [`Params::finish`]: what is left over is an error.
#[derive(Debug)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
    errors: Vec<BadParameter>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Self {
            pairs,
            errors: Vec::new(),
        }
    }

    /// The parameter `name`, if it is there; `rule` says what `read` takes.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let mut found = Vec::new();
        self.pairs.retain(|(key, value)| {
            let ours = key == name;
            if ours {
                found.push(value.clone());
            }
            !ours
        });
        match found.as_slice() {
            [] => None,
            [value] => read(value).or_else(|| {
                self.refuse(name, format!("expected {rule}"));
                None
            }),
            _ => {
                self.refuse(name, "given more than once");
                None
            }
        }
    }

    /// Notes what is wrong with a parameter.
    pub(super) fn refuse(&mut self, name: &str, rule: impl Into<String>) {
        self.errors.push(BadParameter {
            parameter: name.to_owned(),
            rule: rule.into(),
        });
    }

    /// Ends the reading: nothing was wrong and nothing is left over.
    ///
    /// # Errors
    /// [`ApiError::BadQuery`] with everything that was wrong at once.
    pub(super) fn finish(mut self, known: &[&str]) -> Result<(), ApiError> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let shown = name.chars().take(40).collect::<String>();
            let rule = if known.is_empty() {
                "unknown; this path takes no parameters".to_owned()
            } else {
                format!("unknown; this path takes {}", known.join(", "))
            };
            self.refuse(&shown, rule);
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::BadQuery(self.errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(query: &str) -> Result<Option<u32>, String> {
        let mut params = Params::parse(query);
        let hours = params.optional("hours", "a whole number from 1 to 24", |text| {
            text.parse().ok()
        });
        params
            .finish(&["hours"])
            .map(|()| hours)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_parameter_is_named_with_its_rule() {
        assert_eq!(hours("hours=24"), Ok(Some(24)));
        assert_eq!(hours(""), Ok(None));
        assert_eq!(
            hours("hours=a"),
            Err("hours: expected a whole number from 1 to 24".to_owned())
        );
        assert_eq!(
            hours("hours=1&hours=2"),
            Err("hours: given more than once".to_owned())
        );
    }

    proptest::proptest! {
        #[test]
        fn no_query_is_too_odd_to_be_judged(query in ".{0,200}") {
            let known = form_urlencoded::parse(query.as_bytes()).all(|(key, _)| key == "hours");
            proptest::prop_assert!(known || hours(&query).is_err());
        }
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_those_that_exist() {
        assert_eq!(
            hours("hour=1"),
            Err("hour: unknown; this path takes hours".to_owned())
        );
    }
}
