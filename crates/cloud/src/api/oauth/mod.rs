//! OAuth 2 (RFC 6749) as far as it is safe to offer: client credentials, and codes with PKCE (S256).

mod client;
mod consents;
mod form;
mod metadata;
mod refusal;
mod revoke;
mod token;

pub(super) use self::consents::*;
pub(super) use self::metadata::*;
pub(super) use self::revoke::*;
pub(super) use self::token::*;
