//! Properties of JSON objects, each as what it has to be.

use serde_json::{Map, Value};

/// What is wrong; the place is the fragment's.
pub(super) type Fault = String;

/// A fault in these words.
pub(super) fn fault(what: &str) -> Fault {
    what.to_owned()
}

/// A JSON object.
pub(super) struct Object<'v>(&'v Map<String, Value>);

impl<'v> Object<'v> {
    /// `value`, which has to be an object; `what` it is in errors.
    pub(super) fn new(value: &'v Value, what: &str) -> Result<Self, Fault> {
        let object = value.as_object().map(Object);
        object.ok_or_else(|| format!("expected {what}, a JSON object, found {}", kind(value)))
    }

    /// Refuses extensions: each could change how the trace is read (CTF2-SPEC-2.0 section 5.1), and none is known here.
    pub(super) fn no_extensions(&self) -> Result<(), Fault> {
        match self.object("extensions")? {
            Some(Object(extensions)) if !extensions.is_empty() => {
                let names: Vec<&str> = extensions.keys().map(String::as_str).collect();
                Err(format!(
                    "extensions that change how the trace is read: {}",
                    names.join(", ")
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses properties that the specification does not name: one that is not known, or not spelled as it should be,
    /// could change how the trace is read.
    pub(super) fn only(&self, what: &str, names: &[&str]) -> Result<(), Fault> {
        const ALWAYS: [&str; 3] = ["type", "attributes", "extensions"];
        let known = |name: &str| names.contains(&name) || ALWAYS.contains(&name);
        match self.entries().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(format!("a property {name:?}, which {what} does not have")),
            None => Ok(()),
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'v str, &'v Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A property. `null` is one, too, and what no property may be.
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.0.get(name)
    }

    pub(super) fn required(&self, name: &str) -> Result<&'v Value, Fault> {
        self.get(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'v str>, Fault> {
        self.maybe(name, "a text", Value::as_str)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'v str, Fault> {
        let text = self.optional_text(name)?;
        text.ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(super) fn unsigned(&self, name: &str) -> Result<Option<u64>, Fault> {
        self.maybe(name, "a number from 0 to 2^64 - 1", Value::as_u64)
    }

    pub(super) fn signed(&self, name: &str) -> Result<Option<i64>, Fault> {
        self.maybe(name, "a number of 64 bits", Value::as_i64)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Object<'v>>, Fault> {
        self.maybe(name, "an object", |value| value.as_object().map(Object))
    }

    pub(super) fn array(&self, name: &str) -> Result<Option<&'v [Value]>, Fault> {
        self.maybe(name, "an array", |value| {
            value.as_array().map(Vec::as_slice)
        })
    }

    /// A UUID: an array of 16 bytes.
    pub(super) fn uuid(&self, name: &str) -> Result<Option<[u8; 16]>, Fault> {
        self.maybe(name, "a UUID, an array of 16 bytes", |value| {
            let bytes = value.as_array()?.iter();
            let bytes = bytes.map(|b| u8::try_from(b.as_u64()?).ok());
            bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
        })
    }

    fn maybe<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match read(value) {
            Some(found) => Ok(Some(found)),
            None => Err(format!(
                "`{name}`: expected {expected}, found {}",
                kind(value)
            )),
        }
    }
}

/// What a value is, in the words of an error message.
fn kind(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::String(text) => format!("the text {text:?}"),
        other => other.to_string(),
    }
}
