//! What whoever publishes is told: the arguments that nobody has classified, and what of the policy was for nothing.

use super::policy::Policy;
use super::table::{Of, bare};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// What has come up.
#[derive(Debug, Default)]
pub(super) struct Told {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Arguments by event, and whether they are texts.
    arguments: BTreeMap<String, BTreeSet<(String, bool)>>,
    columns: BTreeSet<String>,
    environment: BTreeSet<String>,
    /// Arguments of the policy that occurred.
    used: BTreeSet<String>,
}

impl Told {
    fn with<T>(&self, what: impl FnOnce(&mut Inner) -> T) -> T {
        what(&mut self.inner.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// An argument that nobody has classified has a value; it is told by the name that a policy would use.
    pub(super) fn argument(&self, of: Of, path: &[&str], text: bool) {
        let Some((name, above)) = path.split_last() else {
            return;
        };
        let above = above.iter().map(|name| bare(name));
        let path = above.chain([*name]).collect::<Vec<_>>().join(".");
        let event = match of {
            Of::Call(name) | Of::Point(name) => name,
            Of::Context => "contexts",
        };
        self.with(|inner| {
            let arguments = inner.arguments.entry(event.to_owned()).or_default();
            arguments.insert((path, text));
        });
    }

    /// A column that is not of the contract, or of which the contract does not say what it holds.
    pub(super) fn column(&self, name: &str) {
        self.with(|inner| inner.columns.insert(name.to_owned()));
    }

    /// A word of a trace's environment is left out.
    pub(super) fn environment(&self, key: &str) {
        self.with(|inner| inner.environment.insert(key.to_owned()));
    }

    /// An argument that the policy classifies under one of these names has occurred.
    pub(super) fn used(&self, names: Vec<String>) {
        self.with(|inner| inner.used.extend(names));
    }

    /// The arguments that nobody has classified: `httpd:note: a, b (texts, keyed)`.
    pub(super) fn unclassified(&self) -> Vec<String> {
        self.with(|inner| {
            let mut lines = Vec::new();
            for (event, arguments) in &inner.arguments {
                for (text, what) in [(false, "numbers, left out"), (true, "texts, keyed")] {
                    let own = arguments.iter().filter(|(_, t)| *t == text);
                    let own: Vec<&str> = own.map(|(name, _)| name.as_str()).collect();
                    if !own.is_empty() {
                        lines.push(format!("{event}: {} ({what})", own.join(", ")));
                    }
                }
            }
            let columns = inner.columns.iter().map(|c| format!("the column {c}"));
            lines.extend(columns);
            lines
        })
    }

    /// Words of traces' environments that were left out.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.with(|inner| inner.environment.iter().cloned().collect())
    }

    /// Arguments of the policy that did not occur.
    pub(super) fn idle(&self, policy: &Policy) -> Vec<String> {
        self.with(|inner| {
            let named = policy.arguments.keys().cloned();
            let paths = policy.paths.arguments.iter().cloned();
            named
                .chain(paths)
                .filter(|name| !inner.used.contains(name))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_classified_is_named_by_event() {
        let told = Told::default();
        told.argument(Of::Point("my:event"), &["of[]", "b"], false);
        told.argument(Of::Point("my:event"), &["a[]"], false);
        told.argument(Of::Point("my:event"), &["s"], true);
        told.argument(Of::Context, &["x"], false);
        let expected = [
            "contexts: x (numbers, left out)",
            "my:event: a[], of.b (numbers, left out)",
            "my:event: s (texts, keyed)",
        ];
        assert_eq!(told.unclassified(), expected);
    }
}
