//! Walls around homes that are erased.

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
        stands: "if erased.iter().any(|(site,)| rows.name(*site)) {",
        gone: "if erased.iter().any(|(site,)| rows.name(*site) && false) {",
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
];
