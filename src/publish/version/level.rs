//! How much of a change something is, and which version says so.

use semver::Version;

/// How much of a change something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Nothing of the data.
    Patch,
    /// More data.
    Minor,
    /// Other data.
    Major,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Level::Patch => "patch",
            Level::Minor => "minor",
            Level::Major => "major",
        }
    }

    /// The least version after `old` that says so.
    pub(super) fn after(self, old: &Version) -> Version {
        match self {
            Level::Patch => Version::new(old.major, old.minor, old.patch + 1),
            Level::Minor => Version::new(old.major, old.minor + 1, 0),
            Level::Major => Version::new(old.major + 1, 0, 0),
        }
    }
}

/// A change, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// How much of one.
    pub(super) level: Level,
    /// What has changed.
    pub(super) what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_asks_for_the_least_version_that_says_so() {
        let old = Version::new(1, 4, 2);
        assert_eq!(Level::Patch.after(&old), Version::new(1, 4, 3));
        assert_eq!(Level::Minor.after(&old), Version::new(1, 5, 0));
        assert_eq!(Level::Major.after(&old), Version::new(2, 0, 0));
    }
}
