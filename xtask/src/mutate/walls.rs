//! The walls.

/// A piece of code that keeps somebody out.
pub(super) struct Wall {
    /// What it keeps.
    pub(super) name: &'static str,
    /// Where it stands.
    pub(super) file: &'static str,
    /// As it stands there, once.
    pub(super) stands: &'static str,
    /// What is there without it.
    pub(super) gone: &'static str,
}

const SITE: &str = "crates/domain/src/access/site.rs";
const GRANT: &str = "crates/domain/src/access/grant.rs";
const ORG: &str = "crates/domain/src/access/org.rs";
const PLATFORM: &str = "crates/domain/src/access/platform.rs";
const PEOPLES_RULES: &str = "crates/cloud/src/api/guard/people.rs";
const SITES_RULES: &str = "crates/cloud/src/api/guard/sites.rs";

pub(super) const WALLS: &[Wall] = &[
    Wall {
        name: "owner is a member of the owning org",
        file: SITE,
        stands: "mine.find(|mine| mine.org == facts.owner)?",
        gone: "mine.find(|_| true)?",
    },
    Wall {
        name: "owner's rights are for admins",
        file: SITE,
        stands: "mine.any(|mine| mine.org == facts.owner && mine.role == Role::Admin)",
        gone: "mine.any(|mine| mine.org == facts.owner)",
    },
    Wall {
        name: "a grant to a person is for that person",
        file: SITE,
        stands: "(self.user == Some(user)).then_some(Scopes::ALL)",
        gone: "Some(Scopes::ALL)",
    },
    Wall {
        name: "a credential may no more than it says",
        file: SITE,
        stands: "part.scopes = part.scopes.and(ceiling);",
        gone: "let _ = ceiling;",
    },
    Wall {
        name: "a token is confined to its sites",
        file: SITE,
        stands: "confined.is_some_and(|sites| !sites.contains(&facts.site))",
        gone: "confined.is_some_and(|_| false)",
    },
    Wall {
        name: "a visit is of one site",
        file: SITE,
        stands: "open.site == site && ",
        gone: "",
    },
    Wall {
        name: "a right begins where it begins",
        file: SITE,
        stands: "span.start.max(floor)..span.end",
        gone: "span.start.min(floor.max(span.start))..span.end",
    },
    Wall {
        name: "a grant ends by time",
        file: GRANT,
        stands: "ended(self.valid_to) || ",
        gone: "",
    },
    Wall {
        name: "a grant ends by hand",
        file: GRANT,
        stands: " || ended(self.revoked_at)",
        gone: "",
    },
    Wall {
        name: "a fleet is for members",
        file: ORG,
        stands: "(installer && everywhere && looks).then_some(ReadableFleet(org))",
        gone: "Some(ReadableFleet(org))",
    },
    Wall {
        name: "only admins in a session run the platform",
        file: PLATFORM,
        stands: "self.is_platform_admin().then(|| Operator(self.by()))",
        gone: "Some(Operator(self.by()))",
    },
    Wall {
        name: "an admin over the network reads no site as operator",
        file: PLATFORM,
        stands: "(self.0 == By::Console).then(|| ReadableSite::everything_of(site))",
        gone: "Some(ReadableSite::everything_of(site))",
    },
    Wall {
        name: "a scope is asked for",
        file: SITES_RULES,
        stands: "let (_, home) = AtSite::check(api, parts).await?;\n        let right = home.access.readable(S::SCOPE);",
        gone: "let (_, home) = AtSite::check(api, parts).await?;\n        let right = home.access.readable(S::SCOPE).or(home.access.readable(Scope::Production));",
    },
    Wall {
        name: "a scope is asked for of a device, too",
        file: SITES_RULES,
        stands: "let home = home.ok_or(Problem::not_found())?;\n        let right = home.access.readable(S::SCOPE);",
        gone: "let home = home.ok_or(Problem::not_found())?;\n        let right = home.access.readable(S::SCOPE).or(home.access.readable(Scope::Production));",
    },
    Wall {
        name: "what makes rights needs a session",
        file: PEOPLES_RULES,
        stands: "let full = me.actor.credential.is_full_session();",
        gone: "let full = true;",
    },
    Wall {
        name: "a half session is good for nothing",
        file: PEOPLES_RULES,
        stands: "if me.actor.credential.ceiling().is_empty() {",
        gone: "if false {",
    },
    Wall {
        name: "grants are ended at their own site",
        file: "crates/cloud-store/src/sql/people/grants.rs",
        stands: "WHERE id = $1 AND site = $2 AND revoked_at IS NULL",
        gone: "WHERE id = $1 AND $2 IS NOT NULL AND revoked_at IS NULL",
    },
    Wall {
        name: "visits are ended by whom they concern",
        file: "crates/cloud-store/src/sql/people/supports.rs",
        stands: " AND (app_user = $4 OR site = $5)",
        gone: " AND ($4 IS NOT NULL OR $5 IS NOT NULL)",
    },
    Wall {
        name: "a revoked token is over",
        file: "crates/cloud-store/src/sql/people/tokens.rs",
        stands: "token.revoked_at IS NULL AND ",
        gone: "",
    },
    Wall {
        name: "tokens are revoked by their owner",
        file: "crates/cloud-store/src/sql/people/tokens.rs",
        stands: "WHERE id = $1 AND app_user = $2 AND revoked_at IS NULL",
        gone: "WHERE id = $1 AND $2 IS NOT NULL AND revoked_at IS NULL",
    },
    Wall {
        name: "sessions are ended by their owner",
        file: "crates/cloud-store/src/sql/people/sessions.rs",
        stands: "DELETE FROM session WHERE app_user = $1 AND id = $2",
        gone: "DELETE FROM session WHERE $1 IS NOT NULL AND id = $2",
    },
    Wall {
        name: "a code is taken once",
        file: "crates/cloud-store/src/sql/people/factors.rs",
        stands: "(totp_step IS NULL OR totp_step < $2)",
        gone: "($2 IS NOT NULL)",
    },
];
