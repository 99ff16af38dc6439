//! What was found: rows for a table, and sentences for what matters.

use super::facts::{Aspect, Fact, Value, some};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many differences of one kind between two labels are rows; a dataset that somebody made to do harm may have any number.
const LISTED: usize = 200;

/// How two labels compare in one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// A label.
    pub a: String,
    /// Another one.
    pub b: String,
    /// What is compared: `event class`, `kernel`, `request` …
    pub aspect: &'static str,
    /// Which of them: the name of an event class, of a figure; empty where there is but one.
    pub what: String,
    /// What recordings or requests of `a` have.
    pub in_a: String,
    /// What those of `b` have.
    pub in_b: String,
    /// How well it alone tells requests of the one from those of the other: the area under the ROC curve, from 0.5
    /// (nothing) to 1 (always). Null for what is not of requests.
    pub auroc: Option<f64>,
    /// The label whose requests have more of it; null where they have the same, and for what is not of requests.
    pub more_in: Option<String>,
    /// Whether the labels differ in it so that it should be looked at.
    pub differs: bool,
}

/// How the labels of a dataset compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Compared {
    /// Pair by pair.
    pub rows: Vec<Row>,
    /// What should be looked at, in sentences.
    pub warnings: Vec<String>,
    /// What could not be compared, and why.
    pub missing: Vec<String>,
}

impl Compared {
    /// Each two labels by these facts.
    pub(super) fn of_facts(labels: &[&str], facts: &[Fact]) -> Compared {
        let mut compared = Compared::default();
        let mut by_aspect: BTreeMap<Aspect, Vec<&Fact>> = BTreeMap::new();
        for fact in facts {
            by_aspect.entry(fact.aspect).or_default().push(fact);
        }
        for (a, b) in pairs(labels) {
            for (aspect, facts) in &by_aspect {
                compared.of_aspect(*aspect, facts, a, b);
            }
        }
        compared
    }

    fn of_aspect(&mut self, aspect: Aspect, facts: &[&Fact], a: (usize, &str), b: (usize, &str)) {
        let differs = |fact: &Fact| fact.values[a.0].differs(&fact.values[b.0]);
        let (different, same): (Vec<&Fact>, Vec<&Fact>) = facts.iter().partition(|f| differs(f));
        let row = |what: &str, in_a: String, in_b: String, differs: bool| Row {
            a: a.1.to_owned(),
            b: b.1.to_owned(),
            aspect: aspect.name(),
            what: what.to_owned(),
            in_a,
            in_b,
            auroc: None,
            more_in: None,
            differs,
        };
        let of_fact = |fact: &Fact, differs| {
            let [in_a, in_b] = [a, b].map(|label| fact.values[label.0].to_string());
            row(&fact.what, in_a, in_b, differs)
        };
        let listed = different.iter().take(LISTED);
        self.rows.extend(listed.map(|fact| of_fact(fact, true)));
        if different.len() > LISTED {
            let text = format!("{} more differ", different.len() - LISTED);
            self.rows.push(row("", text.clone(), text, true));
        }
        // Of hundreds of event classes, their number is told.
        let shares = |f: &&Fact| matches!(f.values[a.0], Value::Share(..));
        match same.iter().any(shares) {
            true => {
                let there = |f: &&&Fact| !matches!(f.values[a.0], Value::Share(0, _));
                let count = same.iter().filter(there).count();
                let text = format!("{count} the same");
                self.rows.push(row("", text.clone(), text, false));
            }
            // What nothing tells of either is left out.
            false => {
                let told = |f: &&&Fact| {
                    let none = [Value::Words(BTreeMap::new()), Value::Number(None)];
                    !none.contains(&f.values[a.0]) && aspect != Aspect::Field
                };
                let same = same.iter().filter(told);
                self.rows.extend(same.map(|fact| of_fact(fact, false)));
            }
        }
        self.warnings.extend(sentence(aspect, &different, a, b));
    }

    /// Adds what else was found.
    pub(crate) fn extend(&mut self, more: Compared) {
        self.rows.extend(more.rows);
        // What is of one pair stays together.
        let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in &self.rows {
            let next = pairs.len();
            pairs.entry((row.a.clone(), row.b.clone())).or_insert(next);
        }
        self.rows
            .sort_by_cached_key(|row| pairs[&(row.a.clone(), row.b.clone())]);
        self.warnings.extend(more.warnings);
        self.missing.extend(more.missing);
    }

    /// Whether some labels differ in something that should be looked at.
    pub(crate) fn differs(&self) -> bool {
        self.rows.iter().any(|row| row.differs)
    }

    /// The rows as a table.
    pub(crate) fn table(&self) -> RecordBatch {
        let text = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
            Arc::new(self.rows.iter().map(of).collect::<StringArray>())
        };
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let auroc: Float64Array = self.rows.iter().map(|row| row.auroc).collect();
        let differs: BooleanArray = self.rows.iter().map(|row| Some(row.differs)).collect();
        let columns: [(&str, ArrayRef); 9] = [
            ("a", text(&|row| Some(row.a.clone()))),
            ("b", text(&|row| Some(row.b.clone()))),
            ("aspect", text(&|row| Some(row.aspect.to_owned()))),
            ("what", text(&|row| some(&row.what))),
            ("in_a", text(&|row| Some(row.in_a.clone()))),
            ("in_b", text(&|row| Some(row.in_b.clone()))),
            ("auroc", Arc::new(auroc)),
            ("more_in", text(&|row| row.more_in.clone())),
            ("differs", Arc::new(differs)),
        ];
        let columns = columns.into_iter().map(|(name, array)| (name, array, true));
        RecordBatch::try_from_iter_with_nullable(columns)
            .expect("each row has a value in each column")
    }
}

/// The words for what two labels differ in, where they do.
fn sentence(
    aspect: Aspect,
    different: &[&Fact],
    a: (usize, &str),
    b: (usize, &str),
) -> Option<String> {
    // Those that differ in the same way are named together.
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for fact in different {
        let way = fact.difference((a, b));
        match ways.iter_mut().find(|(w, _)| *w == way) {
            Some((_, names)) => names.push(&fact.what),
            None => ways.push((way, vec![&fact.what])),
        }
    }
    let words = ways
        .iter()
        .map(|(way, names)| format!("{} {way}", some(names)));
    let words: Vec<String> = words.map(|w| w.trim_start().to_owned()).collect();
    (!words.is_empty()).then(|| {
        let (a, b, words) = (a.1, b.1, words.join("; "));
        format!("{a} and {b} differ in {}: {words}", aspect.plural())
    })
}

/// Each two labels, with their numbers.
pub(super) fn pairs<'a>(
    labels: &'a [&'a str],
) -> impl Iterator<Item = ((usize, &'a str), (usize, &'a str))> {
    let numbered = || labels.iter().copied().enumerate();
    numbered().flat_map(move |a| numbered().skip(a.0 + 1).map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_pair_by_pair_and_the_rest_counted() {
        let share = |what: &str, values: [usize; 3]| Fact {
            aspect: Aspect::EventClass,
            what: what.to_owned(),
            values: values.map(|n| Value::Share(n, 1)).into(),
        };
        let mut facts: Vec<Fact> = (0..7).map(|i| share(&format!("s{i}"), [1, 0, 1])).collect();
        facts.push(share("both", [1, 1, 1]));
        facts.push(share("neither", [0, 0, 1]));
        let compared = Compared::of_facts(&["x", "y", "z"], &facts);
        let pairs: Vec<String> = compared
            .rows
            .iter()
            .map(|r| format!("{}{}{}", r.a, r.b, r.what))
            .collect();
        assert_eq!(pairs.iter().filter(|p| p.starts_with("xys")).count(), 7);
        assert_eq!(
            pairs
                .iter()
                .filter(|p| p.starts_with("xz"))
                .collect::<Vec<_>>(),
            ["xzneither", "xz"]
        );
        assert_eq!(compared.rows[7].in_a, "1 the same");
        assert_eq!(
            compared.warnings[0],
            "x and y differ in event classes: s0, s1, s2, s3, s4 and 2 more only in x"
        );
        assert_eq!(
            compared.warnings[1],
            "x and z differ in event classes: neither only in z"
        );
        assert!(compared.differs() && compared.warnings.len() == 3);
    }
}
