//! Values: what becomes of a number or a text that holds this or that.

use super::events::Rows;
use super::fate::{Choice, Fate};
use super::policy::Processes;
use super::{Anonymizer, SECOND, failed, rebuilt};
use crate::columns::schema::holds::Holds;
use crate::error::Result;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, Int64Array, ListArray,
    PrimitiveBuilder, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt64Type,
};
use arrow::error::ArrowError;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Seconds since the epoch below which a number is none of a trace's moments, but a time that was never set.
const NO_MOMENT: i64 = 100_000_000;

/// A way to keep pseudonyms of texts: what they hold, and the field, since patterns may be for some fields only.
type Memo = HashMap<String, String>;

impl Anonymizer {
    /// The values of an array that is no structure; `listed` where it is the items of a list.
    pub(super) fn leaf(
        &mut self,
        name: &str,
        array: &ArrayRef,
        choice: &Choice,
        listed: bool,
    ) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Int64 => self.numbers::<Int64Type>(array, |all, at, value| {
                match choice.is_error(at, value) {
                    true => Some(value),
                    false => all.number(choice.fate(at), value, listed),
                }
            }),
            // Numbers of processes keep to 31 bits, and others of 32 bits are none that change.
            DataType::Int32 => self.numbers::<Int32Type>(array, |all, at, value| {
                let changed = all.number(choice.fate(at), i64::from(value), listed)?;
                i32::try_from(changed).ok()
            }),
            DataType::UInt64 => self.numbers::<UInt64Type>(array, |all, at, value| {
                all.large(choice.fate(at), value, listed)
            }),
            DataType::Float64 => self.numbers::<Float64Type>(array, |_, at, value| {
                choice.fate(at).stays().then_some(value)
            }),
            DataType::Boolean => {
                let values = array.as_boolean();
                let stay = |at: usize| values.is_valid(at) && choice.fate(at).stays();
                let kept = (0..values.len()).map(|at| stay(at).then(|| values.value(at)));
                Ok(Arc::new(kept.collect::<BooleanArray>()))
            }
            DataType::Timestamp(..) => self.times(array, choice),
            DataType::Utf8 => self.texts(name, array, choice),
            DataType::Binary => Ok(self.bytes(name, array, choice)),
            DataType::Dictionary(..) => {
                if let Choice::One(_) = choice {
                    let dictionary = array.as_any_dictionary();
                    let values = self.leaf(name, dictionary.values(), choice, listed)?;
                    return Ok(dictionary.with_values(values));
                }
                let plain = cast(array, &DataType::Utf8).map_err(failed)?;
                let plain = self.leaf(name, &plain, choice, listed)?;
                cast(&plain, array.data_type()).map_err(failed)
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                match choice {
                    Choice::One(_) => {
                        let items = self.leaf(name, list.values(), choice, true)?;
                        rebuilt(list, items)
                    }
                    _ => Ok(new_null_array(array.data_type(), array.len())),
                }
            }
            other => Ok(new_null_array(other, array.len())),
        }
    }

    /// Numbers, each by a function; the same array where none changes.
    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        becomes: impl Fn(&mut Self, usize, T::Native) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let values = array.as_primitive::<T>();
        let mut changed: Option<Vec<Option<T::Native>>> = None;
        let valid = |at: &usize| values.is_valid(*at);
        for at in (0..values.len()).filter(valid) {
            let value = values.value(at);
            let result = becomes(self, at, value);
            if result != Some(value) {
                changed.get_or_insert_with(|| values.iter().collect())[at] = result;
            }
        }
        Ok(match changed {
            None => Arc::clone(array),
            Some(values) => {
                let mut builder = PrimitiveBuilder::<T>::with_capacity(values.len());
                values.into_iter().for_each(|v| builder.append_option(v));
                Arc::new(builder.finish())
            }
        })
    }

    /// What becomes of a number; nothing where it is left out.
    fn number(&mut self, fate: Fate, value: i64, listed: bool) -> Option<i64> {
        let holds = fate.holds?;
        match holds {
            _ if holds.stays() => Some(value),
            Holds::Process | Holds::Thread | Holds::User if !self.policy.ids.renumber => {
                Some(value)
            }
            Holds::Process | Holds::Thread => Some(self.numbers.process(value)),
            Holds::User => Some(self.numbers.user(value)),
            Holds::Handle => Some(self.numbers.handle(value)),
            Holds::TimeS => self.moment(value, 1),
            Holds::TimeNs => self.moment(value, SECOND),
            // Of an address in a number the order of bytes is not known: whether it is in a network that is kept
            // cannot be told.
            Holds::Address if !listed => match u32::try_from(value) {
                Ok(0) => Some(0),
                Ok(value) => match self.all_addresses.address(Ipv4Addr::from(value).into()) {
                    IpAddr::V4(address) => Some(i64::from(u32::from(address))),
                    IpAddr::V6(_) => None,
                },
                Err(_) => Some(self.numbers.handle(value)),
            },
            // Letters of a text as numbers would stand for themselves.
            _ if holds.is_text() && !listed => Some(self.numbers.handle(value)),
            _ => None,
        }
    }

    /// What becomes of a number of 2^63 and more.
    fn large(&mut self, fate: Fate, value: u64, listed: bool) -> Option<u64> {
        let holds = fate.holds?;
        match holds {
            _ if holds.stays() => Some(value),
            Holds::Secret | Holds::Time | Holds::TimeS | Holds::TimeNs => None,
            Holds::Members | Holds::Argument => None,
            _ if holds.is_text() && listed => None,
            _ => Some(self.numbers.handle_bits(value)),
        }
    }

    /// A moment as a number of so many parts of a second. What is no moment of a trace is left out: shifted, it would
    /// tell the shift.
    fn moment(&self, value: i64, parts: i64) -> Option<i64> {
        match value {
            0 => Some(0),
            _ if self.shift == 0 => Some(value),
            _ if value / parts < NO_MOMENT => None,
            _ => value.checked_add(self.shift.checked_mul(parts)?),
        }
    }

    /// Times, shifted.
    fn times(&self, array: &ArrayRef, choice: &Choice) -> Result<ArrayRef> {
        let times = array.as_primitive_opt::<TimestampNanosecondType>();
        let times =
            times.ok_or_else(|| failed(ArrowError::CastError("a time not in ns".to_owned())))?;
        if !matches!(choice, Choice::One(fate) if fate.holds == Some(Holds::Time)) {
            return Ok(new_null_array(array.data_type(), array.len()));
        }
        let by = self.shift * SECOND;
        let shifted = times.try_unary::<_, TimestampNanosecondType, ArrowError>(|t| {
            let outside =
                || ArrowError::ComputeError("a time is outside of what 64 bits hold".to_owned());
            t.checked_add(by).ok_or_else(outside)
        });
        let shifted = shifted.map_err(failed)?;
        Ok(Arc::new(shifted.with_data_type(array.data_type().clone())))
    }

    fn texts(&mut self, name: &str, array: &ArrayRef, choice: &Choice) -> Result<ArrayRef> {
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
            if memo.len() >= super::REMEMBERED {
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
        let parts = super::forms::parts(text);
        let parts = parts.into_iter().map(|(form, part)| match form {
            None => part.to_owned(),
            Some(super::forms::Form::Address(address)) => self.address(address).to_string(),
            Some(super::forms::Form::Path) => self.path("path", part),
            Some(super::forms::Form::Other) => self.texts.token(part),
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
    fn bytes(&mut self, name: &str, array: &ArrayRef, choice: &Choice) -> ArrayRef {
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

    /// Lists of numbers that mean something as a whole: addresses as bytes, or as 16-bit words as LTTng has those of
    /// IPv6, and addresses of network cards. Nothing where these are none in any row.
    pub(super) fn whole_lists(
        &mut self,
        place: &[String],
        list: &ListArray,
        rows: &Rows,
        context: bool,
    ) -> Result<Option<ArrayRef>> {
        let (key, known) = self.known_of(place, list, rows, context);
        let choice = Choice::Arguments {
            known: &known,
            rows,
            context,
            returned: false,
        };
        let whole = |at: &usize| {
            let holds = choice.fate(*at).holds;
            list.is_valid(*at) && matches!(holds, Some(Holds::Address | Holds::Hardware))
        };
        if !(0..list.len()).any(|at| whole(&at)) {
            self.known.insert(key, known);
            return Ok(None);
        }
        let values = list.values().as_primitive::<Int64Type>();
        let mut parts: Vec<Option<i64>> = values.iter().collect();
        let offsets = list.value_offsets();
        for row in (0..list.len()).filter(|row| list.is_valid(*row)) {
            let numbers = &mut parts[offsets[row] as usize..offsets[row + 1] as usize];
            let fate = choice.fate(row);
            let plain: Option<Vec<i64>> = numbers.iter().copied().collect();
            let address = plain.as_deref().and_then(address_of);
            match (fate.holds, address) {
                (Some(Holds::Address), Some(address)) => {
                    put_address(self.address(address), numbers)
                }
                (Some(Holds::Address | Holds::Hardware), _) => numbers.fill(None),
                _ => {
                    for number in numbers {
                        *number = number.and_then(|n| self.number(fate, n, true));
                    }
                }
            }
        }
        self.known.insert(key, known);
        rebuilt(list, Arc::new(Int64Array::from(parts))).map(Some)
    }
}

/// Whether a text is a file name and nothing besides, as a query of a URL would be.
fn is_plain_path(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || "?#;&=:,|".contains(c);
    text.starts_with('/') && !text.contains(odd)
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
fn put_address(address: IpAddr, numbers: &mut [Option<i64>]) {
    let parts: Vec<i64> = match (address, numbers.len()) {
        (IpAddr::V4(a), _) => a.octets().map(i64::from).to_vec(),
        (IpAddr::V6(a), 8) => a.segments().map(i64::from).to_vec(),
        (IpAddr::V6(a), _) => a.octets().map(i64::from).to_vec(),
    };
    for (place, part) in numbers.iter_mut().zip(parts) {
        *place = Some(part);
    }
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
            let mut written = vec![None; numbers.len()];
            put_address(address_of(&numbers).unwrap(), &mut written);
            assert_eq!(written.into_iter().flatten().collect::<Vec<_>>(), numbers);
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
