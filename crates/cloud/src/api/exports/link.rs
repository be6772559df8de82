//! Links to files: good for a while, for whom they were made, and to be followed without a session.

use aws_lc_rs::hmac;
use solthrive_domain::UserId;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use crate::api::cursor::{hex, unhex};
use crate::api::seal::derived;

/// For how long a link is good, ms: until a download has begun.
pub(super) const GOOD_MS: i64 = 15 * 60_000;

/// Makes links and checks them.
#[derive(Debug)]
pub(in crate::api) struct Links(hmac::Key);

impl Links {
    pub(in crate::api) fn new(key: &[u8]) -> Self {
        let key = derived(key, b"links to exports");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// Path and query of the file of a job, for this person until then.
    pub(super) fn link(&self, job: Uuid, user: UserId, until: UnixMillis) -> String {
        let signature = hmac::sign(&self.0, &signed(job, user, until.get()));
        let (until, signature) = (until.get(), hex(signature.as_ref()));
        format!("/api/v1/exports/{job}/file?until={until}&signature={signature}")
    }

    /// Whether this is one of ours that is still good.
    pub(super) fn holds(
        &self,
        job: Uuid,
        user: UserId,
        (until, signature): (i64, &str),
        now: UnixMillis,
    ) -> bool {
        let told = unhex(signature).unwrap_or_default();
        let ours = hmac::verify(&self.0, &signed(job, user, until), &told).is_ok();
        ours && now.get() < until
    }
}

fn signed(job: Uuid, user: UserId, until: i64) -> Vec<u8> {
    [
        job.as_bytes().as_slice(),
        user.as_uuid().as_bytes(),
        &until.to_be_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_for_its_job_its_person_and_its_time() {
        let links = Links::new(b"key");
        let (job, user) = (Uuid::from_u128(1), UserId::from_uuid(Uuid::from_u128(2)));
        let at = |ms: i64| UnixMillis::try_from(ms).unwrap();
        let link = links.link(job, user, at(1_000));
        let (_, signature) = link.split_once("signature=").unwrap();
        assert!(links.holds(job, user, (1_000, signature), at(999)));
        assert!(!links.holds(job, user, (1_000, signature), at(1_000)));
        assert!(!links.holds(job, user, (2_000, signature), at(999)));
        assert!(!links.holds(Uuid::from_u128(3), user, (1_000, signature), at(999)));
        let other = UserId::from_uuid(Uuid::from_u128(3));
        assert!(!links.holds(job, other, (1_000, signature), at(999)));
        for forged in ["", "00", &signature[2..], "zz"] {
            assert!(
                !links.holds(job, user, (1_000, forged), at(999)),
                "{forged}"
            );
        }
        let strange = Links::new(b"another");
        assert!(!strange.holds(job, user, (1_000, signature), at(999)));
    }
}
