//! The codes of what is no word, the same in every list of codes.
//!
//! Each says one thing only: a model must not take a name that it has never seen for one that the trace does not tell.

/// What fills up a batch of requests that are not of one length. It is in no file.
pub(crate) const PADDING: i32 = 0;
/// A word that no training request has.
pub(crate) const UNKNOWN: i32 = 1;
/// Before the first event.
pub(crate) const START: i32 = 2;
/// After the last event.
pub(crate) const END: i32 = 3;
/// In the place of [`END`] where the request has more events than are written.
pub(crate) const TRUNCATED: i32 = 4;
/// What the event does not have, or the trace does not tell.
pub(crate) const ABSENT: i32 = 5;
/// The code of the first word.
pub(crate) const FIRST: i32 = 6;

/// All that are no words, by name.
pub(crate) const ALL: [(&str, i32); 7] = [
    ("padding", PADDING),
    ("unknown", UNKNOWN),
    ("start", START),
    ("end", END),
    ("truncated", TRUNCATED),
    ("absent", ABSENT),
    ("first", FIRST),
];

/// The descriptor that stands for the current directory (openat(2)).
const AT_FDCWD: i64 = -100;
/// Code of [`AT_FDCWD`].
const WORKING_DIRECTORY: i32 = 6;
/// Code of any other negative descriptor.
const NEGATIVE: i32 = 7;
/// Code of the descriptor 0.
const DESCRIPTOR: i32 = 8;
/// Descriptors from this one on have one code: that after the others.
const DESCRIPTORS: i64 = 1024;

/// The code of a descriptor. They have a meaning as they are (0 to 2 are the standard streams, and the kernel gives the
/// lowest that is free), so there is no vocabulary of them.
pub(super) fn descriptor(fd: Option<i64>) -> i32 {
    match fd {
        None => ABSENT,
        Some(AT_FDCWD) => WORKING_DIRECTORY,
        Some(..0) => NEGATIVE,
        Some(fd) => DESCRIPTOR + fd.min(DESCRIPTORS) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_descriptor_has_its_code() {
        let codes = [
            None,
            Some(-100),
            Some(-1),
            Some(0),
            Some(1023),
            Some(1024),
            Some(1 << 40),
        ];
        assert_eq!(codes.map(descriptor), [5, 6, 7, 8, 1031, 1032, 1032]);
    }
}
