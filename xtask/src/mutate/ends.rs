//! Walls around homes that are erased, and around signing in elsewhere.

use super::walls::Wall;

pub(super) const ENDS: &[Wall] = &[
    Wall {
        name: "a home closes when its time has come",
        file: "crates/cloud-store/src/sql/people/closing.rs",
        stands: "FROM erasure WHERE due_at <= $1 AND cancelled_at IS NULL",
        gone: "FROM erasure WHERE due_at <= $1 + 99999999999 AND cancelled_at IS NULL",
    },
    Wall {
        name: "who buys a home did not ask for its end",
        file: "crates/cloud-store/src/sql/people/transfers.rs",
        stands: "UPDATE erasure SET cancelled_at = $2 WHERE site = $1",
        gone: "UPDATE erasure SET cancelled_at = $2 WHERE id = $1",
    },
    Wall {
        name: "what is erased is not written again",
        file: "crates/cloud-store/src/sql/archive/checkpoint.rs",
        stands: "if erased.iter().any(|(site,)| is_named(*site)) {",
        gone: "if erased.iter().any(|(site,)| is_named(*site) && false) {",
    },
    Wall {
        name: "what an erased home's device sends late is thrown away",
        file: "crates/cloud/src/worker/entry.rs",
        stands: "self.places.is_erased_at(device, row.time) || ",
        gone: "",
    },
    Wall {
        name: "so is what the log held before a worker began anew",
        file: "crates/cloud/src/worker/entry.rs",
        stands: "if !self.places.is_erased_at(rows.device, row.time) {",
        gone: "if !self.places.is_erased_at(rows.device, i64::MIN) || true {",
    },
    Wall {
        name: "an erasure is told to who asked",
        file: "crates/cloud/src/api/erasures/mod.rs",
        stands: "erasure.asked_by == Some(me.user)",
        gone: "erasure.asked_by.is_some()",
    },
    Wall {
        name: "there is no receipt while something is left",
        file: "crates/cloud/src/api/erasures/run.rs",
        stands: "if !left.is_empty() {",
        gone: "if left.len() > 999 {",
    },
    Wall {
        name: "the name is typed once more",
        file: "crates/cloud/src/api/erasures/mod.rs",
        stands: "if asked.name.trim() != home.site.name.trim() {",
        gone: "if asked.name.is_empty() {",
    },
    Wall {
        name: "a provider's token is one that its key signed",
        file: "crates/cloud/src/api/identity/id_token.rs",
        stands: "header.alg == key.alg() && key.signed(",
        gone: "header.alg == key.alg() || key.signed(",
    },
    Wall {
        name: "a provider's token is for us",
        file: "crates/cloud/src/api/identity/id_token.rs",
        stands: "if !ours || !by_us {",
        gone: "if !ours && !by_us {",
    },
    Wall {
        name: "a provider's token is of this sign-in",
        file: "crates/cloud/src/api/identity/id_token.rs",
        stands: "if claims.nonce.as_deref() != Some(expected.nonce) {",
        gone: "if claims.nonce.as_deref() == Some(expected.issuer) {",
    },
    Wall {
        name: "a provider's token is of its issuer",
        file: "crates/cloud/src/api/identity/id_token.rs",
        stands: "if claims.iss != expected.issuer {",
        gone: "if claims.iss.is_empty() {",
    },
    Wall {
        name: "a trip ends once",
        file: "crates/cloud-store/src/sql/people/identities.rs",
        stands: "DELETE FROM identity_trip WHERE hash = $1\n                 RETURNING issuer,",
        gone: "UPDATE identity_trip SET nonce = nonce WHERE hash = $1 RETURNING issuer,",
    },
    Wall {
        name: "a trip ends in the browser that it left",
        file: "crates/cloud/src/api/identity/back.rs",
        stands: "verify_slices_are_equal(state.as_bytes(), state_of(secret).as_bytes())",
        gone: "verify_slices_are_equal(state.as_bytes(), state.as_bytes())",
    },
    Wall {
        name: "an identity is linked by its person",
        file: "crates/cloud/src/api/identity/back.rs",
        stands: "me.user == linking.user && me.credential == linking.session",
        gone: "true",
    },
    Wall {
        name: "who was shut out stays out",
        file: "crates/cloud-store/src/sql/people/sessions.rs",
        stands: "FROM app_user WHERE id = $3 AND deactivated_at IS NULL",
        gone: "FROM app_user WHERE id = $3",
    },
];
