//! The rules by which requests are cut, one file each.
//!
//! | rule | a request |
//! |---|---|
//! | `connection` | from the return of accept to the close of the connection |
//! | `exchange` | from a read on the connection to the last write before the next read |
//! | `httpd` | from Apache's tracepoint `enter_event_handler` to its `exit_event_handler` |
//! | `first_close` | from the entry of `accept4` to the first return of `close` on its thread |
//!
//! A new rule is a file here with a [`Rule`], and a line in [`ALL`]: its name, its description and the events that it
//! goes by reach the command line, the reader and a release's card from there.

pub(crate) mod connection;
pub(crate) mod exchange;
pub(crate) mod first_close;
pub(crate) mod httpd;
pub(crate) mod rule;

pub use rule::{Needs, Rule};

/// All rules; the first is what requests are cut by where nobody chooses.
pub const ALL: &[&Rule] = &[
    &connection::CONNECTION,
    &exchange::EXCHANGE,
    &httpd::HTTPD,
    &first_close::FIRST_CLOSE,
];

/// The rule of this name.
pub fn named(name: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.name == name)
}

/// The payload fields that rules ask for.
pub(crate) fn arguments() -> impl Iterator<Item = &'static str> {
    let watches = ALL.iter().flat_map(|rule| rule.watches);
    watches.filter_map(|watch| watch.argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_name_of_its_own() {
        for rule in ALL {
            assert_eq!(named(rule.name), Some(*rule));
            assert!(!rule.summary.is_empty() && !rule.description.is_empty());
        }
        assert_eq!(named("other"), None);
    }

    #[test]
    fn readers_are_told_of_each_rule() {
        let guide = include_str!("../../../docs/guide/rules.md");
        let schema = include_str!("../../../schemas/requests.json");
        let column = schema.split(r#"{"name": "rule""#).nth(1);
        let column = column.and_then(|rest| rest.split('}').next()).unwrap();
        for rule in ALL {
            let row = format!("\n| `{}`", rule.name);
            assert!(guide.contains(&row), "docs/guide/rules.md: {}", rule.name);
            assert!(column.contains(rule.name), "requests.json: {}", rule.name);
        }
    }
}
