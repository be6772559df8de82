//! Walls around letters, homes that change hands, rows and streams.

use super::walls::Wall;

const SIGHT: &str = "crates/cloud/src/api/sight.rs";
const RECOVERY: &str = "crates/cloud-store/src/sql/people/recovery.rs";
const INVITATIONS: &str = "crates/cloud-store/src/sql/people/invitations.rs";
const TRANSFERS: &str = "crates/cloud-store/src/sql/people/transfers.rs";
const RIGHTS: &str = "crates/cloud-store/src/sql/people/rights.rs";

pub(super) const PEOPLE: &[Wall] = &[
    Wall {
        name: "rows show no column that the scopes hide",
        file: SIGHT,
        stands: "ColumnId::Known(_) | ColumnId::Named(_) => self.consumption,",
        gone: "ColumnId::Known(_) | ColumnId::Named(_) => true,",
    },
    Wall {
        name: "a stream ends with its right",
        file: SIGHT,
        stands: "if needed && Sight::of(&home.access)? == self.sight {",
        gone: "if needed || Sight::of(&home.access)? == self.sight || true {",
    },
    Wall {
        name: "rows of another time or owner are not shown",
        file: "crates/cloud/src/api/telemetry/rows.rs",
        stands: "span.contains(&at) && within.contains(&at)",
        gone: "span.contains(&at) && !within.is_empty()",
    },
    Wall {
        name: "a link sets a password once",
        file: RECOVERY,
        stands: "AND used_at IS NULL AND expires_at > $2 RETURNING app_user",
        gone: "AND expires_at > $2 RETURNING app_user",
    },
    Wall {
        name: "a link ends",
        file: RECOVERY,
        stands: "AND used_at IS NULL AND expires_at > $2 RETURNING app_user",
        gone: "AND used_at IS NULL RETURNING app_user",
    },
    Wall {
        name: "a new password ends every session",
        file: RECOVERY,
        stands: "SET password = $2, sessions_since = $3, version",
        gone: "SET password = $2, sessions_since = $3 - $3, version",
    },
    Wall {
        name: "an invitation is for the address that was asked",
        file: INVITATIONS,
        stands: "WHERE id = $2 AND email_key = $3 AND deactivated_at IS NULL",
        gone: "WHERE id = $2 AND (email_key = $3 OR 1 = 1) AND deactivated_at IS NULL",
    },
    Wall {
        name: "an invitation that was taken back is none",
        file: INVITATIONS,
        stands: "AND revoked_at IS NULL AND expires_at > $2 RETURNING id, org, email, email_key, role",
        gone: "AND expires_at > $2 RETURNING id, org, email, email_key, role",
    },
    Wall {
        name: "a home is taken by whom it was offered to",
        file: TRANSFERS,
        stands: "if theirs.is_none() {",
        gone: "if theirs.is_none() && false {",
    },
    Wall {
        name: "nobody hands over more than he sees",
        file: "crates/cloud-store/src/people/transfers.rs",
        stands: "chosen.max(seen_by_owner)",
        gone: "chosen.max(seen_by_owner.filter(|_| false))",
    },
    Wall {
        name: "what the last owner let others see is over",
        file: TRANSFERS,
        stands: "WHERE site = $1 AND basis = 'owner_consent' AND revoked_at IS NULL",
        gone: "WHERE site = $1 AND basis = 'nothing' AND revoked_at IS NULL",
    },
    Wall {
        name: "an edit overwrites nothing that it did not see",
        file: TRANSFERS,
        stands: "WHERE id = $1 AND version = $2 RETURNING version",
        gone: "WHERE id = $1 AND (version = $2 OR 1 = 1) RETURNING version",
    },
    Wall {
        name: "the first admin has read what the service printed",
        file: "crates/cloud/src/api/setup.rs",
        stands: "if !api.setup.is(&first.code) {",
        gone: "if !api.setup.is(&first.code) && first.code.is_empty() {",
    },
    Wall {
        name: "an org's people are managed by its admins",
        file: "crates/domain/src/access/org.rs",
        stands: "(admin && self.credential.is_full_session()).then_some(ManagedOrg(org))",
        gone: "(admin || self.credential.is_full_session()).then_some(ManagedOrg(org))",
    },
    Wall {
        name: "a call is judged when its body is there",
        file: "crates/cloud/src/api/routes.rs",
        stands: ".layer(from_fn(whole))",
        gone: ".layer(from_fn(|request: axum::extract::Request, next: axum::middleware::Next| next.run(request)))",
    },
    Wall {
        name: "who sold a home writes nothing there",
        file: RIGHTS,
        stands: "WHERE id = $1 AND owner_org = $2",
        gone: "WHERE id = $1 AND (owner_org = $2 OR 1 = 1)",
    },
    Wall {
        name: "a manager who was taken out manages nothing",
        file: RIGHTS,
        stands: "if admin.is_none() {",
        gone: "if admin.is_none() && false {",
    },
    Wall {
        name: "a letter that did not go out is taken back, whoever waits",
        file: "crates/cloud/src/api/letters.rs",
        stands: "let done = tokio::spawn(work.in_current_span()).await;",
        gone: "let done = Ok::<_, ()>(work.in_current_span().await);",
    },
    Wall {
        name: "a code ends with the grant that it was made by",
        file: "crates/cloud-store/src/sql/people/grants.rs",
        stands: "WHERE site = $1 AND installer_org = $2 AND revoked_at IS NULL",
        gone: "WHERE site = $1 AND installer_org = $2 AND revoked_at IS NOT NULL",
    },
    Wall {
        name: "no code of before binds a home that was handed over",
        file: TRANSFERS,
        stands: "UPDATE installer_code SET revoked_at = $2 WHERE site = $1 AND revoked_at IS NULL",
        gone: "UPDATE installer_code SET revoked_at = $2 WHERE site = $1 AND revoked_at IS NOT NULL",
    },
    Wall {
        name: "an installer's codes are his own",
        file: "crates/cloud-store/src/sql/people/commissioning.rs",
        stands: "WHERE id = $1 AND installer_org = $2",
        gone: "WHERE id = $1 AND (installer_org = $2 OR 1 = 1)",
    },
    Wall {
        name: "homes are begun by who works for the installer",
        file: "crates/domain/src/access/org.rs",
        stands: "(works && installer && self.credential.is_full_session()).then_some(CommissioningOrg(org))",
        gone: "((works || installer) && self.credential.is_full_session()).then_some(CommissioningOrg(org))",
    },
    Wall {
        name: "the tokens of who is shut out are over",
        file: "crates/cloud-store/src/sql/people/office.rs",
        stands: "UPDATE personal_token SET revoked_at = $2 WHERE app_user = $1 AND revoked_at IS NULL",
        gone: "UPDATE personal_token SET revoked_at = $2 WHERE app_user = $1 AND revoked_at IS NOT NULL",
    },
    Wall {
        name: "somebody always runs the platform",
        file: "crates/cloud-store/src/sql/people/office.rs",
        stands: "if left == 0 {",
        gone: "if left < 0 {",
    },
    Wall {
        name: "a link to an export ends",
        file: "crates/cloud/src/api/exports/link.rs",
        stands: "ours && now.get() < until",
        gone: "ours && until > i64::MIN",
    },
    Wall {
        name: "an export is its asker's",
        file: "crates/cloud/src/api/exports/mod.rs",
        stands: ".filter(|job| job.asked_by == me.user)",
        gone: ".filter(|_| me.user.as_uuid() != Uuid::nil())",
    },
    Wall {
        name: "a token gets no link to more than it may see",
        file: "crates/cloud/src/api/exports/mod.rs",
        stands: "sees.is_some_and(|sees| made.shown.is_within(sees))",
        gone: "sees.is_some_and(|_| made.shown.is_within(made.shown))",
    },
    Wall {
        name: "a file of a larger right is not handed to a smaller one",
        file: "crates/cloud/src/api/exports/hand_out.rs",
        stands: "if !made.shown.is_within(shown) {",
        gone: "if !made.shown.is_within(made.shown.and(made.shown)) || shown.since == Some(i64::MIN) {",
    },
    Wall {
        name: "exports need their scope when they are fetched, too",
        file: "crates/cloud/src/api/exports/shown.rs",
        stands: ".readable(Scope::Export)",
        gone: ".readable(Scope::Production)",
    },
    Wall {
        name: "a node that lost its work stores nothing",
        file: "crates/cloud-store/src/sql/people/jobs.rs",
        stands: "SET progress = $3, changed_at = $4 WHERE id = $1 AND state = 'running' AND changed_at = $2",
        gone: "SET progress = $3, changed_at = $4 WHERE id = $1 AND state = 'running' AND changed_at >= 0 * $2",
    },
];
