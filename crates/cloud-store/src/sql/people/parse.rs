//! Texts and numbers of the tables as what they stand for. What cannot be read is damage, never a right.

use std::collections::BTreeSet;

use solthrive_domain::SiteId;
use solthrive_domain::access::{Basis, OrgKind, Role, Scopes};

use crate::StoreError;
use crate::meta::TokenHash;

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} cannot be read"))
}

pub(super) fn org_kind(text: &str) -> Result<OrgKind, StoreError> {
    let mut all = OrgKind::ALL.into_iter();
    all.find(|known| known.as_str() == text)
        .ok_or_else(|| damaged("the kind of an org"))
}

pub(super) fn role(text: &str) -> Result<Role, StoreError> {
    let mut all = Role::ALL.into_iter();
    all.find(|known| known.as_str() == text)
        .ok_or_else(|| damaged("a role"))
}

pub(super) fn basis(text: &str) -> Result<Basis, StoreError> {
    let mut all = Basis::ALL.into_iter();
    all.find(|known| known.as_str() == text)
        .ok_or_else(|| damaged("the basis of a grant"))
}

pub(super) fn scopes(text: &str) -> Result<Scopes, StoreError> {
    text.parse().map_err(|_| damaged("the scopes of a right"))
}

/// Ids with a space between.
pub(super) fn sites(text: Option<&str>) -> Result<Option<BTreeSet<SiteId>>, StoreError> {
    let one = |id: &str| id.parse().map_err(|_| damaged("a list of sites"));
    text.map(|text| text.split_ascii_whitespace().map(one).collect())
        .transpose()
}

/// As [`sites`] reads them.
pub(super) fn sites_text(sites: Option<&BTreeSet<SiteId>>) -> Option<String> {
    let all = sites?.iter().map(ToString::to_string);
    Some(all.collect::<Vec<_>>().join(" "))
}

pub(super) fn hash(hash: TokenHash) -> Vec<u8> {
    hash.0.to_vec()
}

/// As [`hash`] writes it.
pub(super) fn hash_of(bytes: &[u8]) -> Result<TokenHash, StoreError> {
    let hash = bytes.try_into().map(TokenHash);
    hash.map_err(|_| damaged("a hash"))
}
