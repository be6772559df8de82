//! Walls around what partners' programs and apps may.

use super::walls::Wall;

const JWT: &str = "crates/cloud/src/api/jwt.rs";
const CALLER: &str = "crates/cloud/src/api/caller.rs";
const CONSENTS: &str = "crates/cloud-store/src/sql/people/consents.rs";
const EXCHANGES: &str = "crates/cloud-store/src/sql/people/exchanges.rs";

pub(super) const PROGRAMS: &[Wall] = &[
    Wall {
        name: "the algorithm of an access token is ours",
        file: JWT,
        stands: "header.alg == ALG && ",
        gone: "",
    },
    Wall {
        name: "an access token is signed",
        file: JWT,
        stands: "&self.signature).ok()?;",
        gone: "&self.signature).ok();",
    },
    Wall {
        name: "an access token is for this service",
        file: JWT,
        stands: " && payload.aud == realm.audience",
        gone: "",
    },
    Wall {
        name: "an access token ends",
        file: JWT,
        stands: "now < payload.exp.checked_mul(1_000)?",
        gone: "0 < payload.exp.checked_mul(1_000)?",
    },
    Wall {
        name: "an access token of a consent gives no more than it says",
        file: CALLER,
        stands: "ceiling: ceiling.and(said),",
        gone: "ceiling,",
    },
    Wall {
        name: "an access token gives no more than the program has",
        file: CALLER,
        stands: "program.scopes.and(said)",
        gone: "said",
    },
    Wall {
        name: "an access token speaks for whom it names",
        file: CALLER,
        stands: "found.filter(|asking| asking.whose == claims.sub)",
        gone: "found",
    },
    Wall {
        name: "programs see no accounts",
        file: CALLER,
        stands: "filter(|_| self.actor.client.is_none())",
        gone: "filter(|_| true)",
    },
    Wall {
        name: "a secret is the program's own",
        file: "crates/cloud/src/api/oauth/client.rs",
        stands: "verify_slices_are_equal(&known.0, &hash_token(secret).0).is_ok()",
        gone: "verify_slices_are_equal(&known.0, &hash_token(secret).0).is_ok() || !secret.is_empty()",
    },
    Wall {
        name: "a program gets no more than it was made with",
        file: "crates/cloud/src/api/oauth/token.rs",
        stands: "scopes.and(program.scopes) != scopes",
        gone: "scopes.is_empty()",
    },
    Wall {
        name: "an app is let in to no more than it was made with",
        file: "crates/cloud/src/api/oauth/consents.rs",
        stands: "scopes.and(program.scopes) != scopes",
        gone: "scopes.is_empty()",
    },
    Wall {
        name: "people are sent to addresses of the app",
        file: "crates/cloud/src/api/oauth/consents.rs",
        stands: "!program.redirect_uris.contains(&asked.redirect_uri)",
        gone: "program.redirect_uris.is_empty()",
    },
    Wall {
        name: "a consent that was ended is over",
        file: CONSENTS,
        stands: "given.client = $2 AND given.revoked_at IS NULL",
        gone: "given.client = $2",
    },
    Wall {
        name: "consents are ended by their person",
        file: CONSENTS,
        stands: "WHERE id = $1 AND app_user = $2 AND revoked_at IS NULL",
        gone: "WHERE id = $1 AND $2 IS NOT NULL AND revoked_at IS NULL",
    },
    Wall {
        name: "a code is proven",
        file: EXCHANGES,
        stands: " && challenge == code.challenge",
        gone: "",
    },
    Wall {
        name: "a code is for one address",
        file: EXCHANGES,
        stands: "redirect_uri == code.redirect_uri && ",
        gone: "",
    },
    Wall {
        name: "a refresh token is used once",
        file: EXCHANGES,
        stands: "UPDATE oauth_refresh SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND",
        gone: "UPDATE oauth_refresh SET used_at = $2 WHERE hash = $1 AND",
    },
    Wall {
        name: "a refresh token is its app's",
        file: EXCHANGES,
        stands: "consent IN (SELECT id FROM oauth_consent WHERE client = $3)",
        gone: "$3 IS NOT NULL",
    },
    Wall {
        name: "a refresh token asks for no more than was given",
        file: EXCHANGES,
        stands: "asked.and(given.scopes) != asked",
        gone: "asked.is_empty()",
    },
    Wall {
        name: "programs are ended by their org",
        file: "crates/cloud-store/src/sql/people/programs.rs",
        stands: "WHERE id = $1 AND org = $2 AND revoked_at IS NULL",
        gone: "WHERE id = $1 AND $2 IS NOT NULL AND revoked_at IS NULL",
    },
    Wall {
        name: "a program that was ended is over",
        file: "crates/cloud-store/src/sql/people/programs.rs",
        stands: "client.id = $1 AND client.revoked_at IS NULL",
        gone: "client.id = $1",
    },
];
