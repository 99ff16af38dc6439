//! How to split: a strategy of `queries/split.sql`, and values for its other parameters.

use crate::error::{Error, Result};

/// The strategies, and the parameters that each goes by. Where to write, and which strategy, are said otherwise.
const STRATEGIES: [(&str, &[&str]); 5] = [
    ("hash", &["fraction", "valid"]),
    ("time", &["fraction", "valid", "gap_ms"]),
    ("recording", &["fraction", "valid"]),
    ("label", &["fraction", "valid", "label"]),
    (PARTS, &[PARTS]),
];
/// The strategy that is told which recordings are in which part, and its only parameter.
const PARTS: &str = "parts";

/// How to split: by which strategy of `queries/split.sql`, and values for its other parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SplitStrategy {
    /// `hash`, `time`, `recording`, `label` or `parts`.
    pub name: String,
    /// Parameters, by name.
    pub parameters: Vec<(String, String)>,
}

impl SplitStrategy {
    /// Refuses parameters that no split has, or another than this. Values are the query's to judge.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(super) fn check(&self) -> Result<()> {
        for (at, (name, _)) in self.parameters.iter().enumerate() {
            self.check_name(name)?;
            if self.parameters[..at].iter().any(|(n, _)| n == name) {
                return Err(Error::usage(
                    format!("-p {name}: given twice"),
                    "Give each parameter once.",
                ));
            }
        }
        Ok(())
    }

    /// Refuses the name of a parameter that this strategy does not go by: it would change nothing.
    fn check_name(&self, name: &str) -> Result<()> {
        let of = |strategy: &str| STRATEGIES.iter().find(|(s, _)| *s == strategy);
        let own = of(&self.name).map_or(&[][..], |(_, parameters)| parameters);
        if own.contains(&name) {
            return Ok(());
        }
        let others = STRATEGIES.iter().filter(|(_, p)| p.contains(&name));
        let others: Vec<&str> = others.map(|(strategy, _)| *strategy).collect();
        let what = match others.is_empty() {
            true => format!("-p {name}: a split has no parameter ${name}"),
            false => format!(
                "-p {name}: a parameter of the split by {}, and the split is by {}",
                others.join(", "),
                self.name
            ),
        };
        let remedy = match self.name == PARTS {
            true => "By parts, --part and --parts say which recordings are in which part, and there are no others.".to_owned(),
            false => format!("By {} there are {}.", self.name, own.join(", ")),
        };
        Err(Error::usage(what, remedy))
    }

    /// What the query is given.
    pub(super) fn given(&self) -> Vec<(String, String)> {
        let by = ("by".to_owned(), self.name.clone());
        std::iter::once(by)
            .chain(self.parameters.iter().cloned())
            .collect()
    }

    /// The parameters to note: which recordings are in which part is noted by their ids, since an anonymized release has
    /// other names for them.
    pub(super) fn noted(&self) -> impl Iterator<Item = (String, String)> {
        let noted = self.parameters.iter().filter(|(name, _)| name != PARTS);
        noted.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_takes_its_own_parameters_once_and_no_others() {
        let check = |name: &str, given: &[&str]| {
            let parameters = given.iter().map(|p| ((*p).to_owned(), String::new()));
            let strategy = SplitStrategy {
                name: name.to_owned(),
                parameters: parameters.collect(),
            };
            strategy
                .check()
                .map_err(|e| format!("{e} | {}", e.remedy()))
        };
        for (name, parameters) in STRATEGIES {
            assert_eq!(check(name, parameters), Ok(()));
        }
        for (name, given, said) in [
            (
                "hash",
                &["gap_ms"][..],
                "-p gap_ms: a parameter of the split by time, and the split is by hash | By hash there are fraction, valid.",
            ),
            (
                "time",
                &["valid", "label"],
                "-p label: a parameter of the split by label, and the split is by time | By time there are fraction, valid, gap_ms.",
            ),
            (
                "parts",
                &["fraction"],
                "-p fraction: a parameter of the split by hash, time, recording, label, and the split is by parts | By parts, \
                 --part and --parts say which recordings are in which part, and there are no others.",
            ),
            (
                "label",
                &["weight"],
                "-p weight: a split has no parameter $weight | By label there are fraction, valid, label.",
            ),
            (
                "hash",
                &["valid", "valid"],
                "-p valid: given twice | Give each parameter once.",
            ),
        ] {
            assert_eq!(check(name, given), Err(said.to_owned()));
        }
    }

    #[test]
    fn every_strategy_is_one_of_the_query_and_its_parameters_are_there() {
        let text = include_str!("../../queries/split.sql");
        let named = |line: &str| text.lines().any(|l| l.starts_with(line));
        for (name, parameters) in STRATEGIES {
            assert!(named(&format!("--   {name} ")), "{name}");
            for parameter in parameters {
                assert!(named(&format!("-- ${parameter} = ")), "{parameter}");
            }
        }
    }
}
