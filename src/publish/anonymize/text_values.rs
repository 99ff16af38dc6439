//! Texts as values: what becomes of one that holds this or that.

use super::anonymizer::{Anonymizer, REMEMBERED};
use super::fate::{Choice, Fate};
use super::forms::{self, Form};
use super::policy::Processes;
use crate::columns::schema::holds::Holds;
use crate::error::Result;
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A way to keep pseudonyms of texts: what they hold, and the field, since patterns may be for some fields only.
type Memo = HashMap<String, String>;

impl Anonymizer {
    pub(super) fn texts(
        &mut self,
        name: &str,
        array: &ArrayRef,
        choice: &Choice,
    ) -> Result<ArrayRef> {
        if let Choice::One(fate) = choice
            && fate.stays()
            && fate.texts
        {
            return Ok(Arc::clone(array));
        }
        let texts = array.as_string::<i32>();
        // The pseudonyms of each kind that occurs are taken out once, and not looked for at each text.
        let mut memos: Vec<(Fate, Memo)> = Vec::new();
        let mut results: Vec<Option<String>> = Vec::with_capacity(texts.len());
        for at in 0..texts.len() {
            if texts.is_null(at) {
                results.push(None);
                continue;
            }
            let (text, fate) = (texts.value(at), choice.fate(at));
            let memo = match memos.iter().position(|(f, _)| *f == fate) {
                Some(at) => &mut memos[at].1,
                None => {
                    let memo = self.remembered.remove(&(fate, name.to_owned()));
                    memos.push((fate, memo.unwrap_or_default()));
                    &mut memos.last_mut().expect("just pushed").1
                }
            };
            if let Some(known) = memo.get(text) {
                results.push(Some(known.clone()));
                continue;
            }
            let result = self.text(fate, name, text);
            if memo.len() >= REMEMBERED {
                memo.clear();
            }
            memo.insert(text.to_owned(), result.clone());
            results.push(Some(result));
        }
        for (fate, memo) in memos {
            self.remembered.insert((fate, name.to_owned()), memo);
        }
        Ok(Arc::new(StringArray::from_iter(results)))
    }

    /// What becomes of a text.
    pub(super) fn text(&mut self, fate: Fate, name: &str, text: &str) -> String {
        let whole = |all: &Self| all.texts.whole(name, text);
        match fate.holds {
            Some(holds) if holds.stays() && fate.texts => self.kept(name, text),
            Some(Holds::Trace) => self.trace(text),
            Some(Holds::Host) => self.texts.host(text),
            Some(Holds::Stream) => self.texts.stream(text),
            Some(Holds::Word) if self.table.is_word(text) => text.to_owned(),
            Some(Holds::ThreadName) => self.process(name, text),
            Some(Holds::Path) => self.path(name, text),
            Some(Holds::Address) => match text.parse() {
                Ok(address) => self.address(address).to_string(),
                Err(_) => whole(self),
            },
            // A file name that nobody has said to be one keeps its hierarchy, too.
            None if is_plain_path(text) => self.path(name, text),
            _ => whole(self),
        }
    }

    /// A text that stays, but for what patterns and words find in it, and for addresses, people and files.
    fn kept(&mut self, name: &str, text: &str) -> String {
        let text = self.texts.replaced(name, text);
        self.scrubbed(&text)
    }

    /// A text without what has the form of an address, a mail address, a URL, a home directory or a file name.
    pub(super) fn scrubbed(&mut self, text: &str) -> String {
        let parts = forms::parts(text);
        let parts = parts.into_iter().map(|(form, part)| match form {
            None => part.to_owned(),
            Some(Form::Address(address)) => self.address(address).to_string(),
            Some(Form::Path) => self.path("path", part),
            Some(Form::Other) => self.texts.token(part),
        });
        parts.collect()
    }

    fn path(&mut self, name: &str, text: &str) -> String {
        let parts = self.texts.path(name, text, &mut self.numbers);
        let parts = parts.into_iter().map(|(kept, part)| match kept {
            true => self.scrubbed(&part),
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Texts that are not UTF-8: file names by component, others as a whole.
    pub(super) fn bytes(&mut self, name: &str, array: &ArrayRef, choice: &Choice) -> ArrayRef {
        let values = array.as_binary::<i32>();
        let results = (0..values.len()).map(|at| {
            let bytes = values.is_valid(at).then(|| values.value(at))?;
            let text: String = bytes.iter().map(|b| char::from(*b)).collect();
            Some(match choice.fate(at).holds {
                Some(Holds::Path) => self.path(name, &text).into_bytes(),
                _ => self.texts.bytes(bytes).into_bytes(),
            })
        });
        Arc::new(results.collect::<BinaryArray>())
    }

    fn process(&mut self, field: &str, name: &str) -> String {
        let kept = &self.policy.names.keep_processes;
        match self.policy.names.processes {
            Processes::Keep => self.kept(field, name),
            Processes::Key if kept.iter().any(|k| k == name) => name.to_owned(),
            // A thread's name has at most 15 bytes.
            Processes::Key => format!("p{}", self.texts.process(name)),
        }
    }

    pub(super) fn address(&mut self, address: IpAddr) -> IpAddr {
        let addresses = &self.addresses;
        let known = self.known_addresses.entry(address);
        *known.or_insert_with(|| addresses.address(address))
    }
}

/// Whether a text is a file name and nothing besides, as a query of a URL would be.
fn is_plain_path(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || "?#;&=:,|".contains(c);
    text.starts_with('/') && !text.contains(odd)
}
