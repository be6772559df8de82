//! Decides whether a device that names an installer's code belongs to that code's site.
//!
//! Pure: the store gathers the facts and carries the decision out in one transaction.

use crate::telemetry::UnixMillis;
use crate::{DeviceId, SiteId};

/// What a device says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The number on its case.
    pub serial: &'a str,
    /// Its own id.
    pub device: DeviceId,
}

/// The device that the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The number on its case.
    pub serial: String,
    /// Its id.
    pub device: DeviceId,
    /// It must not send any more.
    pub deactivated: bool,
    /// Where it is.
    pub site: Option<SiteId>,
}

/// The code that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCode {
    /// The site it was given out for.
    pub site: SiteId,
    /// Not taken from then on.
    pub expires_at: UnixMillis,
    /// Devices that may still use it.
    pub uses_left: u32,
    /// Another device measures the site, and was not deactivated. A site's totals follow one device.
    pub site_taken: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Bind the device to this site and use the code up once.
    Bind(SiteId),
    /// It is bound there already, as when the first answer was lost: the same answer again.
    Bound(SiteId),
    /// It is bound to another site: refuse, and tell both sides.
    Elsewhere {
        /// Where it is.
        at: SiteId,
        /// Where it was to go.
        wanted: SiteId,
    },
    /// All is well but for another device that measures this site: tell the code's installer, who has
    /// to replace that one. The device gets the same answer as with [`Decision::Refuse`].
    Taken(SiteId),
    /// The device was deactivated.
    Deactivated,
    /// Serial, token and code do not go together. Which of them is wrong is nobody's business.
    Refuse,
}

/// Decides.
#[must_use]
pub fn decide(
    claim: Claim<'_>,
    device: Option<&KnownDevice>,
    code: Option<KnownCode>,
    now: UnixMillis,
) -> Decision {
    let (Some(device), Some(code)) = (device, code) else {
        return Decision::Refuse;
    };
    if device.serial != claim.serial || device.device != claim.device {
        return Decision::Refuse;
    }
    if device.deactivated {
        return Decision::Deactivated;
    }
    match device.site {
        // Whoever is there already needs no use of the code, nor one that is still good.
        Some(site) if site == code.site => Decision::Bound(site),
        _ if now >= code.expires_at || code.uses_left == 0 => Decision::Refuse,
        Some(at) => Decision::Elsewhere {
            at,
            wanted: code.site,
        },
        None if code.site_taken => Decision::Taken(code.site),
        None => Decision::Bind(code.site),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(number))
    }
    fn site(number: u128) -> SiteId {
        SiteId::from_uuid(Uuid::from_u128(number))
    }
    fn at(ms: i64) -> UnixMillis {
        UnixMillis::try_from(ms).unwrap()
    }
    fn device(site: Option<SiteId>) -> KnownDevice {
        KnownDevice {
            serial: "ST-1".to_owned(),
            device: id(1),
            deactivated: false,
            site,
        }
    }
    const CLAIM: &str = "ST-1";
    fn told(device: &KnownDevice, code: KnownCode) -> Decision {
        let claim = Claim {
            serial: CLAIM,
            device: id(1),
        };
        decide(claim, Some(device), Some(code), at(100))
    }
    fn code() -> KnownCode {
        KnownCode {
            site: site(7),
            expires_at: at(200),
            uses_left: 1,
            site_taken: false,
        }
    }

    #[test]
    fn a_new_device_with_a_good_code_is_bound() {
        assert_eq!(told(&device(None), code()), Decision::Bind(site(7)));
    }

    #[test]
    fn asking_again_gives_the_same_answer_even_when_the_code_is_used_up_or_over() {
        let bound = device(Some(site(7)));
        for (uses_left, expires_at) in [(0, at(200)), (1, at(50))] {
            let code = KnownCode {
                uses_left,
                expires_at,
                ..code()
            };
            assert_eq!(told(&bound, code), Decision::Bound(site(7)));
        }
    }

    #[test]
    fn every_wrong_cause_has_one_answer() {
        let new = device(None);
        let late = KnownCode {
            expires_at: at(100),
            ..code()
        };
        let used = KnownCode {
            uses_left: 0,
            ..code()
        };
        assert_eq!(told(&new, late), Decision::Refuse);
        assert_eq!(told(&new, used), Decision::Refuse);
        assert_eq!(told(&device(Some(site(8))), used), Decision::Refuse);
        let claim = Claim {
            serial: "ST-2",
            device: id(1),
        };
        assert_eq!(
            decide(claim, Some(&new), Some(code()), at(1)),
            Decision::Refuse
        );
        let claim = Claim {
            serial: CLAIM,
            device: id(2),
        };
        assert_eq!(
            decide(claim, Some(&new), Some(code()), at(1)),
            Decision::Refuse
        );
        assert_eq!(decide(claim, None, Some(code()), at(1)), Decision::Refuse);
        assert_eq!(decide(claim, Some(&new), None, at(1)), Decision::Refuse);
    }

    #[test]
    fn a_site_that_another_device_measures_takes_no_second_one() {
        let taken = KnownCode {
            site_taken: true,
            ..code()
        };
        assert_eq!(told(&device(None), taken), Decision::Taken(site(7)));
        assert_eq!(
            told(&device(Some(site(7))), taken),
            Decision::Bound(site(7))
        );
        let late = KnownCode {
            expires_at: at(100),
            ..taken
        };
        assert_eq!(told(&device(None), late), Decision::Refuse);
    }

    #[test]
    fn a_second_claim_names_both_sites() {
        let elsewhere = Decision::Elsewhere {
            at: site(8),
            wanted: site(7),
        };
        assert_eq!(told(&device(Some(site(8))), code()), elsewhere);
    }

    #[test]
    fn a_deactivated_device_is_told_so_and_stays_out() {
        let gone = KnownDevice {
            deactivated: true,
            ..device(None)
        };
        assert_eq!(told(&gone, code()), Decision::Deactivated);
    }
}
