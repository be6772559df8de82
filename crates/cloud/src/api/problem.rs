//! Errors as RFC 9457 has them: a code for programs, a title and a detail for people.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use solthrive_cloud_store::StoreError;
use utoipa::ToSchema;

/// What went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    kind: &'static Kind,
    more: Option<Box<More>>,
}

/// What is always the same for a code.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    status: u16,
    code: &'static str,
    title: &'static str,
}

/// What is said about this case.
#[derive(Debug, Default)]
struct More {
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
}

/// What went wrong, as `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Where it is described.
    #[serde(rename = "type")]
    kind: String,
    /// For a program; never given another meaning.
    code: &'static str,
    /// For a person, always the same for a code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// For a person, about this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// By which the operator finds the call in the log; also in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// A field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Its name.
    field: &'static str,
    /// What is wrong with it.
    detail: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $kind:ident = $status:literal $code:literal $title:literal;)*) => {
        $(static $kind: Kind = Kind { status: $status, code: $code, title: $title };)*
        /// Those of which nothing more is said than what they are.
        static PLAIN: &[&Kind] = &[$(&$kind),*];
        impl Problem {$(
            $(#[$doc])*
            pub(super) const fn $name() -> Self {
                Self { kind: &$kind, more: None }
            }
        )*}
    };
}

kinds! {
    /// Nobody is signed in, or not any more.
    not_signed_in NOT_SIGNED_IN = 401 "not-signed-in" "Sign in, or send a token";
    /// Address or password is wrong; which of them is not said.
    wrong_sign_in WRONG_SIGN_IN = 401 "wrong-sign-in" "The address or the password is wrong";
    /// There is nothing, or nothing that the caller may know of: nobody can tell which.
    not_found NOT_FOUND = 404 "not-found" "There is nothing here that you may see";
    /// The thing is the caller's to see, but this he may not.
    not_allowed NOT_ALLOWED = 403 "not-allowed" "You may see this, but not do or read this with it";
    /// The session has to prove its second factor first.
    second_factor SECOND_FACTOR = 403 "second-factor" "Prove your second factor first";
    /// A token cannot do what makes new rights.
    session_needed SESSION_NEEDED = 403 "session-needed" "This is done in a browser's session, not with a token";
    /// What is about people is not for programs.
    not_for_programs NOT_FOR_PROGRAMS = 403 "not-for-programs" "Programs see homes, not the accounts and orgs of people";
    /// A page of somebody else's sent this.
    foreign_page FOREIGN_PAGE = 403 "foreign-page" "This call came from another site's page";
    /// The code is wrong, or was used before.
    wrong_code WRONG_CODE = 403 "wrong-code" "The code is wrong, or was used before";
    /// The password so far is another one.
    wrong_password WRONG_PASSWORD = 403 "wrong-password" "The password so far is another one";
    /// The letter was meant for another address.
    not_yours NOT_YOURS = 403 "not-yours" "This was meant for another address than yours";
    /// The address of the letter has an account.
    known KNOWN = 409 "known" "This address has an account: sign in, then accept";
    /// Somebody is asked to join where he is.
    belongs_already BELONGS_ALREADY = 409 "belongs-already" "This address belongs to the org already";
    /// The site is offered to somebody already.
    offered_already OFFERED_ALREADY = 409 "offered-already" "This site is offered to somebody: take that offer back first";
    /// As many exports of the site as there may be are on their way.
    exports_at_once EXPORTS_AT_ONCE = 409 "exports-at-once" "Three exports of this site are on their way already: wait for one, or take it back";
    /// Nobody is there who could be asked.
    no_appliance NO_APPLIANCE = 409 "no-appliance" "There is no appliance at this site that could be asked";
    /// As many commands of an appliance as there may be are not over.
    commands_at_once COMMANDS_AT_ONCE = 409 "commands-at-once" "Twenty commands to this appliance are not over yet: wait for one, or take it back";
    /// It may have begun.
    command_sent COMMAND_SENT = 409 "command-sent" "This command was sent, so it may have begun, or it is over: it cannot be taken back";
    /// The end of the home is asked for already.
    erased_already ERASED_ALREADY = 409 "erased-already" "This home is to be erased already: its erasure tells until when it can be taken back";
    /// A sign-in elsewhere was not begun in this browser, or its time is over, or it came back before.
    no_trip NO_TRIP = 403 "no-trip" "This sign-in was not begun in this browser, or is over: begin again";
    /// The provider let nobody in.
    identity_refused IDENTITY_REFUSED = 403 "identity-refused" "The identity provider did not sign you in: begin again, or sign in with your password";
    /// Nobody has linked it, or who did is not let in.
    identity_unknown IDENTITY_UNKNOWN = 403 "identity-unknown" "Nobody is signed in by this identity here: sign in with your password, then link it";
    /// It is linked to another account.
    identity_taken IDENTITY_TAKEN = 409 "identity-taken" "This identity is linked to another account";
    /// A provider that is not reached.
    identity_provider_away IDENTITY_PROVIDER_AWAY = 503 "identity-provider-away" "The identity provider cannot be reached now: try again, or sign in with your password";
    /// Its word is not to be taken.
    identity_answer IDENTITY_ANSWER = 502 "identity-answer" "What the identity provider answered cannot be believed; it was written down for whoever runs this service";
    /// It is right, but by another clock.
    identity_provider_clock IDENTITY_PROVIDER_CLOCK = 502 "identity-provider-clock" "The identity provider's clock and ours differ by more than two minutes, so its word is not taken: tell whoever runs this service";
    /// An edit without the version that it changes.
    no_version NO_VERSION = 428 "no-version" "Say which version you change: If-Match with the `version` of the last answer, in quotes";
    /// Somebody else changed it first.
    stale STALE = 412 "stale" "Somebody changed this meanwhile, and nothing was overwritten: read it again";
    /// An org without anybody who manages it.
    last_admin LAST_ADMIN = 409 "last-admin" "Nobody would be left who manages this org: make somebody else admin first";
    /// Nothing can be sent.
    no_mail NO_MAIL = 503 "no-mail" "No mail is set up at this service: ask whoever runs it";
    /// A second factor is there already.
    set_up SET_UP = 409 "set-up" "A second factor is set up already";
    /// Rows are stored that cannot be read.
    damaged DAMAGED = 500 "damaged" "Some of what was stored of this stretch is damaged; it was written down";
    /// Something broke here.
    internal INTERNAL = 500 "internal" "Something broke here; it was written down";
}

static MAIL_AWAY: Kind = Kind {
    status: 503,
    code: "mail-away",
    title: "The letter could not be sent, and nothing was changed: try again later",
};
static INVALID: Kind = Kind {
    status: 422,
    code: "invalid",
    title: "Something of the request cannot be",
};
static INVALID_BODY: Kind = Kind {
    status: 422,
    code: "invalid-body",
    title: "The body is not of the shape that this takes",
};
static TOO_MANY: Kind = Kind {
    status: 429,
    code: "too-many",
    title: "Too many tries: wait for as long as Retry-After says",
};
static UNAVAILABLE: Kind = Kind {
    status: 503,
    code: "unavailable",
    title: "This cannot be answered now; come again shortly",
};

/// Code, status and meaning of every problem, by code.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    let others = [&MAIL_AWAY, &INVALID, &INVALID_BODY, &TOO_MANY, &UNAVAILABLE];
    let mut all: Vec<_> = PLAIN.iter().copied().chain(others).collect();
    all.sort_unstable_by_key(|kind| kind.code);
    all.into_iter()
        .map(|kind| (kind.code, kind.status, kind.title))
}

impl Problem {
    fn with(kind: &'static Kind, more: More) -> Self {
        Self {
            kind,
            more: Some(Box::new(more)),
        }
    }

    /// It may be another answer in a moment.
    pub(super) const fn is_passing(&self) -> bool {
        self.kind.status == UNAVAILABLE.status
    }

    /// For a program.
    pub(super) const fn code(&self) -> &'static str {
        self.kind.code
    }

    /// A field cannot be what it is.
    pub(super) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let more = More {
            errors: vec![FieldError { field, detail }],
            ..More::default()
        };
        Self::with(&INVALID, more)
    }

    /// The body is no JSON of the right shape.
    pub(super) fn body(detail: impl Into<String>) -> Self {
        let more = More {
            detail: Some(detail.into()),
            ..More::default()
        };
        Self::with(&INVALID_BODY, more)
    }

    /// Too many tries.
    pub(super) fn too_many(wait: Duration) -> Self {
        let more = More {
            retry_after: Some(wait),
            ..More::default()
        };
        Self::with(&TOO_MANY, more)
    }

    /// A letter did not go out; why is for the operator's log.
    pub(super) fn mail_away(error: &crate::mail::NotSent) -> Self {
        tracing::error!(%error, "a letter was not sent");
        let more = More {
            retry_after: Some(Duration::from_mins(1)),
            ..More::default()
        };
        Self::with(&MAIL_AWAY, more)
    }

    /// It cannot be done now.
    pub(super) fn unavailable() -> Self {
        let more = More {
            retry_after: Some(Duration::from_secs(5)),
            ..More::default()
        };
        Self::with(&UNAVAILABLE, more)
    }
}

/// What the store says is for the operator's log.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            return Self::unavailable();
        }
        if matches!(error, StoreError::RightOver) {
            return Self::not_found();
        }
        tracing::error!(%error, "the store broke");
        Self::internal()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Kind {
            status,
            code,
            title,
        } = *self.kind;
        let more = self.more.map(|more| *more).unwrap_or_default();
        let body = ProblemBody {
            kind: format!("/problems/{code}"),
            code,
            title,
            status,
            detail: more.detail,
            request_id: crate::http::request_id(),
            errors: more.errors,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = more.retry_after {
            let seconds = wait.as_secs().max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
