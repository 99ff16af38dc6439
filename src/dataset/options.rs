//! The options of an ingest that shaped a dataset, as its manifest tells them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The options. Their order here is that of the manifest; those that select a part are left out where they select all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManifestOptions {
    /// From which time on events are taken, in ns since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin_ns: Option<i64>,
    /// Patterns of the arguments that have columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Compression of the files, as it was given.
    pub compression: String,
    /// With which call a request ends.
    pub end: RequestEnd,
    /// Up to which time events are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ns: Option<i64>,
    /// Patterns of the events that are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Whether damaged streams were read as far as they go.
    pub keep_going: bool,
    /// Most events that a request carries; older versions do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_events: Option<u64>,
    /// Whether the events of requests carry their arguments.
    pub request_args: RequestArguments,
    /// The rule by which requests were cut. A name, since another version of this program may have other rules.
    pub requests: String,
    /// Name of the server's threads, where one was given.
    pub server: Option<String>,
}

/// With which call a request ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestEnd {
    /// The close of the connection.
    #[default]
    Close,
    /// The first shutdown of the connection, where there is one before.
    Shutdown,
}

/// What the events of a request carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestArguments {
    /// Their arguments, as in `events`.
    #[default]
    Struct,
    /// None.
    None,
}

impl ManifestOptions {
    /// Name and value of each, as they stand in the manifest.
    pub fn pairs(&self) -> Vec<(String, Value)> {
        match serde_json::to_value(self) {
            Ok(Value::Object(pairs)) => pairs.into_iter().collect(),
            _ => unreachable!("a struct of texts and numbers is an object"),
        }
    }

    /// The value of the option of this name; `None` where it stands in no manifest.
    pub fn get(&self, name: &str) -> Option<Value> {
        let mut pairs = self.pairs().into_iter();
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_the_options_in_the_order_of_their_names() {
        let options = ManifestOptions {
            begin_ns: Some(-1),
            end_ns: Some(2),
            events: vec!["sched_*".to_owned()],
            columns: vec!["ret".to_owned()],
            requests: "exchange".to_owned(),
            ..ManifestOptions::default()
        };
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(
            text,
            r#"{"begin_ns":-1,"columns":["ret"],"compression":"","end":"close","end_ns":2,"events":["sched_*"],"keep_going":false,"request_args":"struct","requests":"exchange","server":null}"#
        );
        assert_eq!(options, serde_json::from_str(&text).unwrap());
        let names: Vec<String> = options.pairs().into_iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted());
        assert_eq!(options.get("end"), Some("close".into()));
        assert_eq!(ManifestOptions::default().get("begin_ns"), None);
    }
}
