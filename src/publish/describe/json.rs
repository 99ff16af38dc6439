//! Values as JSON, and as the strings of YAML, in files that web sites put into their pages.

use crate::shown::json_lines;

/// A string as YAML reads it: JSON's strings are YAML's double-quoted ones. What YAML does not let stand as it is, and
/// what hides in a text, is escaped.
pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a string is JSON");
    json_lines(&json)
}

/// JSON of the release: the same values, but nothing in it ends or opens an element where a web site puts it into a page.
pub(super) fn json_text(value: &serde_json::Value) -> String {
    let json = serde_json::to_string_pretty(value).expect("values are JSON");
    let json = json.replace("</", "<\\/").replace("<!", "\\u003c!");
    json_lines(&json) + "\n"
}

/// Nothing, the one value, or a list of several.
pub(super) fn one_or_many(mut values: Vec<serde_json::Value>) -> serde_json::Value {
    match values.len() {
        0 => serde_json::Value::Null,
        1 => values.remove(0),
        _ => serde_json::Value::Array(values),
    }
}
