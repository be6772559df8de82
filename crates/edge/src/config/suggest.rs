//! "Did you mean": the nearest of the names that exist.

/// The candidate nearest to `given`, when it is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    let length = given.chars().count();
    // A text this long is no slip; comparing it would only cost time.
    if length > 64 {
        return None;
    }
    // Insertions, deletions, replacements and swaps of neighbours.
    let scored = candidates.into_iter().map(|candidate| {
        (
            strsim::osa_distance(&given, &candidate.to_lowercase()),
            candidate,
        )
    });
    let (distance, best) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + length / 4).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let keys = ["poll_every_ms", "profile_dir", "buses"];
        assert_eq!(nearest("pol_every_ms", keys), Some("poll_every_ms"));
        assert_eq!(nearest("bsues", keys), Some("buses"));
        assert_eq!(nearest("Buses", keys), Some("buses"));
        assert_eq!(nearest("colour", keys), None);
    }
}
