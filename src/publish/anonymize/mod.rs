//! Anonymizing: what a release says in the place of what a trace tells of persons and machines.
//!
//! Everything is keyed and one-to-one: equal values become equal pseudonyms, in every column and in every release that is
//! made with the same key, so that the tables still fit together. Which fields hold what is decided by name, and for some
//! numbers by the event that they belong to: `fields` has the lists. A policy ([`policy::Policy`]) says what is kept.
//!
//! `key` is the secret, `addresses`, `pids` and `texts` make the pseudonyms, `manifest` goes over the manifest, `audit`
//! lists what is left.

pub mod addresses;
pub mod audit;
mod fields;
pub mod key;
mod manifest;
mod pids;
pub mod policy;
mod texts;

use super::rewrite::Rewrite;
use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Place, Result};
use addresses::Addresses;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, PrimitiveArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Fields, Int32Type, Int64Type, TimestampNanosecondType};
use arrow::error::ArrowError;
use fields::{Holds, Rows};
use key::Key;
use pids::Pids;
use policy::{Policy, Processes, Shift};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use texts::Texts;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// How many pseudonyms of texts are remembered before they are made anew.
const REMEMBERED: usize = 1 << 17;

/// Replaces values by pseudonyms, on their way into a release.
pub struct Anonymizer {
    key: Key,
    policy: Policy,
    addresses: Addresses,
    pids: Pids,
    texts: Texts,
    shift: i64,
    /// Whether some recording has what `sysds record` knows of it.
    has_records: bool,
    known: HashMap<(Holds, String, String), String>,
    known_addresses: HashMap<IpAddr, IpAddr>,
}

impl Anonymizer {
    /// By the rules of `policy`, with pseudonyms made with `key`, for the dataset that has this manifest: its host names
    /// are among the names that go.
    pub fn new(policy: Policy, key: &Key, manifest: &Manifest) -> Self {
        let mut words = policy.names.words.clone();
        words.extend(manifest::host_names(manifest));
        words.retain(|word| !word.trim().is_empty());
        let shift = match policy.time.shift {
            Shift::Keyed(false) => 0,
            Shift::Keyed(true) => keyed_shift(key),
            Shift::Seconds(seconds) => i64::from(seconds),
        };
        Anonymizer {
            addresses: Addresses::new(key, policy.addresses.keep.clone()),
            pids: Pids::new(key),
            texts: Texts::new(
                key,
                policy.paths.keep.clone(),
                policy.paths.extensions.clone(),
                &words,
                policy.strings.clone(),
            ),
            key: key.clone(),
            policy,
            shift,
            has_records: manifest.recordings.iter().any(|r| r.recorded.is_some()),
            known: HashMap::new(),
            known_addresses: HashMap::new(),
        }
    }

    /// The columns of a table, or the members of a nested event, of which `rows` tells the events.
    fn columns(
        &mut self,
        fields: &Fields,
        arrays: &[ArrayRef],
        rows: &Rows,
    ) -> Result<Vec<ArrayRef>> {
        let columns = fields.iter().zip(arrays);
        columns
            .map(|(field, array)| match fields::of_column(field.name()) {
                Holds::Arguments => self.arguments(array, rows),
                Holds::Events => self.nested(array),
                holds => self.value(holds, field.name(), array, rows),
            })
            .collect()
    }

    /// The events nested in requests.
    fn nested(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        let list = array.as_list::<i32>();
        let items = list.values().as_struct();
        let rows = Rows::of_struct(items)?;
        let columns = self.columns(items.fields(), items.columns(), &rows)?;
        let items = StructArray::try_new(items.fields().clone(), columns, items.nulls().cloned())
            .map_err(failed)?;
        rebuilt(list, Arc::new(items))
    }

    /// A structure of arguments or context fields.
    fn arguments(&mut self, array: &ArrayRef, rows: &Rows) -> Result<ArrayRef> {
        let members = array.as_struct();
        let columns = members.fields().iter().zip(members.columns());
        let columns = columns.map(|(field, array)| self.argument(field.name(), array, rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let whole =
            StructArray::try_new(members.fields().clone(), columns, members.nulls().cloned());
        Ok(Arc::new(whole.map_err(failed)?))
    }

    fn argument(&mut self, name: &str, array: &ArrayRef, rows: &Rows) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Struct(_) => self.arguments(array, rows),
            DataType::List(_) if fields::is_address(name) => self.address_list(array),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let items = self.argument(name, list.values(), &rows.spread(list))?;
                rebuilt(list, items)
            }
            DataType::Int64 => self.value(Holds::Number, name, array, rows),
            DataType::Utf8 | DataType::Binary | DataType::Dictionary(..) => {
                let holds = fields::of_text(name, &self.policy.paths.arguments);
                self.value(holds, name, array, rows)
            }
            _ => Ok(Arc::clone(array)),
        }
    }

    /// The values of a column that is not nested.
    fn value(
        &mut self,
        holds: Holds,
        name: &str,
        array: &ArrayRef,
        rows: &Rows,
    ) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Timestamp(..) => self.times(array),
            DataType::Int32 if holds == Holds::Pid && self.policy.ids.renumber => {
                let values = array.as_primitive::<Int32Type>();
                // The permutation keeps to 22 bits.
                let numbers = values.iter();
                let numbers: PrimitiveArray<Int32Type> = numbers
                    .map(|n| Some(self.pids.number(i64::from(n?)) as i32))
                    .collect();
                Ok(Arc::new(numbers))
            }
            DataType::Int64 => self.numbers(holds, name, array, rows),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let values = self.value(holds, name, dictionary.values(), &Rows::default())?;
                Ok(dictionary.with_values(values))
            }
            DataType::Utf8 if holds != Holds::Fixed => {
                let texts = array.as_string::<i32>().iter();
                let texts: StringArray = texts.map(|t| Some(self.text(holds, name, t?))).collect();
                Ok(Arc::new(texts))
            }
            DataType::Binary => {
                let values = array.as_binary::<i32>().iter();
                let values: BinaryArray =
                    values.map(|v| Some(self.bytes(holds, name, v?))).collect();
                Ok(Arc::new(values))
            }
            _ => Ok(Arc::clone(array)),
        }
    }

    /// Times, shifted.
    fn times(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let times = array.as_primitive_opt::<TimestampNanosecondType>();
        let times =
            times.ok_or_else(|| failed(ArrowError::CastError("a time not in ns".to_owned())))?;
        let by = self.shift * SECOND;
        let shifted = times.try_unary::<_, TimestampNanosecondType, ArrowError>(|t| {
            let outside =
                || ArrowError::ComputeError("a time is outside of what 64 bits hold".to_owned());
            t.checked_add(by).ok_or_else(outside)
        });
        Ok(Arc::new(
            shifted
                .map_err(failed)?
                .with_data_type(array.data_type().clone()),
        ))
    }

    /// Integers: process numbers and times, where the row's event says that they are.
    fn numbers(
        &mut self,
        holds: Holds,
        name: &str,
        array: &ArrayRef,
        rows: &Rows,
    ) -> Result<ArrayRef> {
        if !matches!(holds, Holds::Number | Holds::Return | Holds::Pid) {
            return Ok(Arc::clone(array));
        }
        let values = array.as_primitive::<Int64Type>();
        let numbers = (0..values.len()).map(|row| {
            let value = values.is_valid(row).then(|| values.value(row))?;
            let kind = match holds {
                Holds::Return => fields::of_return(rows.name(row), value),
                Holds::Pid => Holds::Pid,
                _ => fields::of_number(name, rows.is_point(row)),
            };
            Some(match kind {
                Holds::Pid if self.policy.ids.renumber => self.pids.number(value),
                Holds::Seconds => value.saturating_add(self.shift),
                _ => value,
            })
        });
        Ok(Arc::new(numbers.collect::<Int64Array>()))
    }

    /// Addresses as lists of bytes, or of 16-bit words as LTTng has those of IPv6.
    fn address_list(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        let list = array.as_list::<i32>();
        let unknown = |what: String| failed(ArrowError::CastError(what));
        let Some(values) = list.values().as_primitive_opt::<Int64Type>() else {
            return Err(unknown(format!(
                "addresses are {} and not lists of numbers",
                list.data_type()
            )));
        };
        let mut parts: Vec<i64> = values.values().to_vec();
        let offsets = list.value_offsets();
        for row in (0..list.len()).filter(|row| list.is_valid(*row)) {
            let place = offsets[row] as usize..offsets[row + 1] as usize;
            if place.is_empty() {
                continue;
            }
            let numbers = &mut parts[place];
            let address = address_of(numbers)
                .ok_or_else(|| unknown(format!("{numbers:?} is not an address")))?;
            put_address(self.address(address), numbers);
        }
        let values = Int64Array::new(parts.into(), values.nulls().cloned());
        rebuilt(list, Arc::new(values))
    }

    fn address(&mut self, address: IpAddr) -> IpAddr {
        let addresses = &self.addresses;
        let known = self.known_addresses.entry(address);
        *known.or_insert_with(|| addresses.address(address))
    }

    /// What becomes of a text.
    fn text(&mut self, holds: Holds, name: &str, text: &str) -> String {
        let place = (holds, name.to_owned(), text.to_owned());
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        let result = match holds {
            Holds::Trace => self.trace(text),
            Holds::Address => match text.parse() {
                Ok(address) => self.address(address).to_string(),
                Err(_) => self.texts.whole("addresses", text.as_bytes()),
            },
            Holds::Process => self.process(name, text),
            Holds::Path => self.texts.path(name, text, &mut self.pids),
            _ if text.starts_with('/') => self.texts.path(name, text, &mut self.pids),
            _ => self.texts.text(name, text),
        };
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(place, result.clone());
        result
    }

    /// Texts that are not UTF-8: file names by component, others as a whole.
    fn bytes(&mut self, holds: Holds, name: &str, bytes: &[u8]) -> Vec<u8> {
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        match holds {
            Holds::Path => self.texts.path(name, &text, &mut self.pids).into_bytes(),
            _ => self.texts.whole("bytes", bytes).into_bytes(),
        }
    }

    fn process(&mut self, field: &str, name: &str) -> String {
        let kept = &self.policy.names.keep_processes;
        match self.policy.names.processes {
            Processes::Keep => self.texts.text(field, name),
            Processes::Key if kept.iter().any(|k| k == name) => name.to_owned(),
            // A thread's name has at most 15 bytes.
            Processes::Key => format!("p{}", self.texts.whole("processes", name.as_bytes())),
        }
    }

    /// A trace's id: in the form of a UUID.
    fn trace(&self, id: &str) -> String {
        let hash = blake3::keyed_hash(&self.key.of("traces"), id.as_bytes()).to_hex();
        let part = |from: usize, to: usize| &hash[from..to];
        let parts = [
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32),
        ];
        parts.join("-")
    }
}

impl Rewrite for Anonymizer {
    fn batch(&mut self, _table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let rows = Rows::of_batch(&batch)?;
        let columns = self.columns(schema.fields(), batch.columns(), &rows)?;
        RecordBatch::try_new(schema, columns).map_err(failed)
    }

    fn manifest(&self, manifest: Manifest) -> Result<Manifest> {
        self.rewritten(manifest)
    }

    fn classes(&self, mut classes: Vec<Classes>) -> Result<Vec<Classes>> {
        for of_trace in &mut classes {
            of_trace.trace_id = self.trace(&of_trace.trace_id);
        }
        Ok(classes)
    }

    fn privacy(&self) -> Vec<String> {
        let mut said = vec![
            "Network addresses are pseudonyms that keep common prefixes (Crypto-PAn).".to_owned(),
            "Names of files and directories are pseudonyms by component, but for directories that were kept.".to_owned(),
            "Names of hosts, and of users that were listed, are pseudonyms; so are the ids of traces.".to_owned(),
        ];
        if self.has_records {
            said.push("Commands that ran during the recordings are left out; what load generators measured stays.".to_owned());
        }
        if self.policy.ids.renumber {
            said.push("Processes and threads are renumbered.".to_owned());
        }
        if self.shift != 0 {
            said.push("All times are shifted by the same unknown number of seconds.".to_owned());
        }
        if self.policy.names.processes == Processes::Key {
            said.push("Names of threads are pseudonyms, but for those that were kept.".to_owned());
        }
        if !self.policy.strings.is_empty() {
            let n = self.policy.strings.len();
            said.push(format!(
                "Texts in which one of {n} patterns was found are replaced."
            ));
        }
        said
    }
}

/// The address that a list of numbers is: 4 or 16 bytes, or 8 words of 16 bits.
fn address_of(numbers: &[i64]) -> Option<IpAddr> {
    let bytes = || numbers.iter().map(|n| u8::try_from(*n).ok());
    let words = || numbers.iter().map(|n| u16::try_from(*n).ok());
    match numbers.len() {
        4 => Some(IpAddr::from(
            <[u8; 4]>::try_from(bytes().collect::<Option<Vec<_>>>()?).ok()?,
        )),
        8 => Some(IpAddr::from(
            <[u16; 8]>::try_from(words().collect::<Option<Vec<_>>>()?).ok()?,
        )),
        16 => Some(IpAddr::from(
            <[u8; 16]>::try_from(bytes().collect::<Option<Vec<_>>>()?).ok()?,
        )),
        _ => None,
    }
}

/// Writes an address as the numbers that [`address_of`] reads.
fn put_address(address: IpAddr, numbers: &mut [i64]) {
    let parts: Vec<i64> = match (address, numbers.len()) {
        (IpAddr::V4(a), _) => a.octets().map(i64::from).to_vec(),
        (IpAddr::V6(a), 8) => a.segments().map(i64::from).to_vec(),
        (IpAddr::V6(a), _) => a.octets().map(i64::from).to_vec(),
    };
    numbers.copy_from_slice(&parts);
}

/// Whole seconds back, between 30 days and 10 years, as the key decides.
fn keyed_shift(key: &Key) -> i64 {
    let day = 24 * 3600;
    let [a, b, c, d, ..] = key.of("time");
    let number = u32::from_le_bytes([a, b, c, d]);
    -(30 * day + i64::from(number) % (3620 * day))
}

/// A list with other items.
fn rebuilt(list: &ListArray, items: ArrayRef) -> Result<ArrayRef> {
    let DataType::List(field) = list.data_type() else {
        return Ok(Arc::new(list.clone()));
    };
    let list = ListArray::try_new(
        Arc::clone(field),
        list.offsets().clone(),
        items,
        list.nulls().cloned(),
    );
    Ok(Arc::new(list.map_err(failed)?))
}

/// An array of texts, plain.
fn plain(array: &ArrayRef) -> Result<StringArray> {
    let plain = cast(array, &DataType::Utf8).map_err(failed)?;
    Ok(plain.as_string::<i32>().clone())
}

fn failed(e: ArrowError) -> Error {
    Error::input(
        format!("its values cannot be anonymized: {e}"),
        Place::file("the dataset"),
        "Check it with sysds inspect, or make it again with sysds ingest.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bytes_or_words() {
        for numbers in [
            vec![10, 0, 2, 2],
            vec![0, 0, 0, 0, 0, 65535, 2560, 514],
            (0..16).collect(),
        ] {
            let mut written = vec![-1; numbers.len()];
            put_address(address_of(&numbers).unwrap(), &mut written);
            assert_eq!(written, numbers);
        }
        let mapped = address_of(&[0, 0, 0, 0, 0, 65535, 2560, 514]).unwrap();
        assert_eq!(mapped.to_canonical().to_string(), "10.0.2.2");
        for wrong in [
            &[1, 2, 3][..],
            &[1, 2, 3, 256],
            &[0, 0, 0, 0, 0, 0, 0, 65536],
            &[-1; 16],
        ] {
            assert_eq!(address_of(wrong), None);
        }
    }
}
