//! What is known of how the recordings of each label were made, and whether that differs between two labels.

use std::collections::BTreeMap;
use std::fmt;

/// From this factor on two quantities differ. What labels are of changes loads and lengths somewhat, and is no fault.
const FACTOR: f64 = 2.0;

/// How many names of one kind a sentence has.
const NAMED: usize = 5;

/// One fact of each label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    /// What it is of.
    pub aspect: Aspect,
    /// Which of them, where there are several: the name of an event class, of an option.
    pub what: String,
    /// By label.
    pub values: Vec<Value>,
}

/// What recordings can differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    EventClass,
    Field,
    Context,
    Tracer,
    Option,
    Kernel,
    Cpus,
    Memory,
    Lost,
    Rate,
    Length,
    Recordings,
}

impl Aspect {
    /// Its name, as rows have it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Aspect::EventClass => "event class",
            Aspect::Field => "fields of event class",
            Aspect::Context => "context",
            Aspect::Tracer => "tracer",
            Aspect::Option => "tracer option",
            Aspect::Kernel => "kernel",
            Aspect::Cpus => "CPUs",
            Aspect::Memory => "bytes of memory",
            Aspect::Lost => "lost events, percent",
            Aspect::Rate => "events per second",
            Aspect::Length => "seconds per recording",
            Aspect::Recordings => "recordings",
        }
    }

    /// Its name in a sentence, "… differ in".
    pub(super) fn plural(self) -> &'static str {
        match self {
            Aspect::EventClass => "event classes",
            Aspect::Field => "fields of event classes",
            Aspect::Context => "contexts",
            Aspect::Option => "tracer options",
            other => other.name(),
        }
    }
}

/// What a label's recordings have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// So many of so many have it.
    Share(usize, usize),
    /// Each word, and how many have it; none where nothing tells.
    Words(BTreeMap<String, usize>),
    /// A quantity of all of them; none where nothing tells.
    Number(Option<f64>),
}

impl Value {
    /// Whether two labels differ in it.
    pub(super) fn differs(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Share(a, of_a), Value::Share(b, of_b)) => a * of_b != b * of_a,
            (Value::Words(a), Value::Words(b)) => !a.keys().eq(b.keys()),
            (Value::Number(Some(a)), Value::Number(Some(b))) => {
                let (less, more) = (a.min(*b), a.max(*b));
                less != more && more >= FACTOR * less
            }
            (a, b) => a != b,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Share(n, of) => write!(f, "{n} of {of}"),
            Value::Words(words) if words.is_empty() => f.write_str("not told"),
            Value::Words(words) => {
                let alone = words.len() == 1;
                let words = words.iter().map(|(word, n)| match alone {
                    true => word.clone(),
                    false => format!("{word} ({n})"),
                });
                f.write_str(&words.collect::<Vec<_>>().join(", "))
            }
            Value::Number(None) => f.write_str("not told"),
            Value::Number(Some(n)) => f.write_str(&number(*n)),
        }
    }
}

/// A number with three decimals at most.
pub(super) fn number(n: f64) -> String {
    let text = format!("{n:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Fact {
    /// Words for how two labels, called `a` and `b`, differ, without what they differ in: "only in cpu".
    pub(super) fn difference(&self, (a, b): ((usize, &str), (usize, &str))) -> String {
        let (in_a, in_b) = (&self.values[a.0], &self.values[b.0]);
        let (a, b) = (a.1, b.1);
        match (in_a, in_b) {
            (Value::Share(n, of), Value::Share(0, _)) if n == of => format!("only in {a}"),
            (Value::Share(0, _), Value::Share(n, of)) if n == of => format!("only in {b}"),
            (Value::Share(..), Value::Share(..)) => {
                format!("in {in_a} recordings of {a} and {in_b} of {b}")
            }
            _ => format!("{in_a} in {a}, {in_b} in {b}"),
        }
    }
}

/// Names, the first few of them.
pub(super) fn some(names: &[&str]) -> String {
    let told = names.iter().take(NAMED).copied().collect::<Vec<_>>();
    match names.len() - told.len() {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_differ_as_their_kind_says() {
        let words = |of: &[&str]| Value::Words(of.iter().map(|w| ((*w).to_owned(), 2)).collect());
        let some = |n| Value::Number(Some(n));
        for (a, b) in [
            (Value::Share(1, 2), Value::Share(2, 3)),
            (Value::Share(0, 1), Value::Share(1, 1)),
            (words(&["6.1"]), words(&["6.1", "6.2"])),
            (words(&[]), words(&["6.1"])),
            (some(1.0), some(2.0)),
            (some(0.0), some(0.001)),
            (some(1.0), Value::Number(None)),
        ] {
            assert!(a.differs(&b) && b.differs(&a), "{a} {b}");
        }
        for (a, b) in [
            (Value::Share(1, 2), Value::Share(2, 4)),
            (Value::Share(0, 1), Value::Share(0, 3)),
            (words(&["6.1"]), words(&["6.1"])),
            (some(1.0), some(1.9)),
            (some(0.0), some(0.0)),
            (Value::Number(None), Value::Number(None)),
        ] {
            assert!(!a.differs(&b) && !b.differs(&a), "{a} {b}");
        }
    }

    #[test]
    fn differences_are_told_in_words() {
        let told = |a: Value, b: Value| {
            let fact = Fact {
                aspect: Aspect::EventClass,
                what: "s".to_owned(),
                values: vec![a, b],
            };
            fact.difference(((0, "x"), (1, "y")))
        };
        let share = Value::Share;
        assert_eq!(told(share(2, 2), share(0, 1)), "only in x");
        assert_eq!(told(share(0, 2), share(1, 1)), "only in y");
        assert_eq!(
            told(share(1, 2), share(0, 1)),
            "in 1 of 2 recordings of x and 0 of 1 of y"
        );
        let numbers = (Value::Number(Some(1.5)), Value::Number(None));
        assert_eq!(told(numbers.0, numbers.1), "1.5 in x, not told in y");
        assert_eq!(some(&["a", "b"]), "a, b");
        assert_eq!(some(&["a"; 7]), "a, a, a, a, a and 2 more");
        assert_eq!(
            (number(2.0), number(0.12345)),
            ("2".to_owned(), "0.123".to_owned())
        );
    }
}
