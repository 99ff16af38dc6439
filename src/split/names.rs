//! The names of splits, and what they are called where names must be words.
//!
//! A *part* is a split to train, validate or test with; the others hold what is in no part, so that all splits together are
//! the dataset.

/// The part to train with.
pub(crate) const TRAIN: &str = "train";
/// The part to validate with, of what is in distribution.
pub(crate) const VALID: &str = "valid";
/// The part to test with, of what is in distribution.
pub(crate) const TEST: &str = "test";
/// The part to validate with, of what is out of distribution.
pub(crate) const VALID_OOD: &str = "valid-ood";
/// The part to test with, of what is out of distribution.
pub(crate) const TEST_OOD: &str = "test-ood";
/// The part of all that is out of distribution, where it is not divided.
pub(crate) const OOD: &str = "ood";
/// Requests too near to the part that follows in time.
pub(crate) const GAP: &str = "gap";
/// Requests of recordings that no part names.
pub(crate) const UNUSED: &str = "unused";
/// Complete requests inside of which a span begins or ends, so that they have the label of neither side.
pub(crate) const STRADDLING: &str = "straddling";
/// The split of requests that are not complete.
pub(crate) const INCOMPLETE: &str = "incomplete";
/// The split of events that no request and no service has.
pub(crate) const OTHER: &str = "other";

/// The parts that recordings can be put into.
pub(crate) const PARTS: [&str; 5] = [TRAIN, VALID, TEST, VALID_OOD, TEST_OOD];

/// All splits, in the order in which people think of them.
const ORDER: [&str; 11] = [
    TRAIN, VALID, TEST, VALID_OOD, TEST_OOD, OOD, GAP, UNUSED, STRADDLING, INCOMPLETE, OTHER,
];

/// Where a split stands among the others; behind all of them where it is none of them.
pub(crate) fn place(split: &str) -> usize {
    let known = ORDER.iter().position(|s| *s == split);
    known.unwrap_or(ORDER.len())
}

/// Whether requests in it must be complete and untouched by losses: in all but [`INCOMPLETE`], and in what is no split of
/// requests.
pub(crate) fn is_of_complete(split: &str) -> bool {
    place(split) < place(INCOMPLETE)
}

/// What a split is called where only letters, digits and `_` may stand: in names of files, and so for Hugging Face.
/// `valid-*.parquet` then does not mean the files of [`VALID_OOD`] too.
pub(crate) fn word(split: &str) -> String {
    split.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_file_begins_as_that_of_another_part() {
        let words: Vec<String> = ORDER.iter().map(|s| word(s)).collect();
        for (i, a) in words.iter().enumerate() {
            // What Hugging Face's `datasets` takes for the name of a split.
            assert!(
                a.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "{a}"
            );
            let others = words.iter().enumerate().filter(|(j, _)| *j != i);
            for (_, b) in others {
                assert!(!b.starts_with(&format!("{a}-")), "{a} {b}");
            }
        }
    }

    #[test]
    fn parts_come_in_order_and_hold_what_is_complete() {
        assert!(PARTS.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
        assert!(PARTS.iter().all(|part| is_of_complete(part)));
        assert!([GAP, UNUSED, STRADDLING].into_iter().all(is_of_complete));
        assert!(!is_of_complete(INCOMPLETE) && !is_of_complete(OTHER) && !is_of_complete("full"));
    }
}
