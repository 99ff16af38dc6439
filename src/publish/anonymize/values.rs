//! Values: what becomes of the values of an array, and of a number that holds this or that; `text_values` does so for texts,
//! `lists` for numbers that mean something together.

use super::anonymizer::Anonymizer;
use super::arrays::{failed, rebuilt};
use super::fate::{Choice, Fate};
use super::times::SECOND;
use crate::columns::schema::holds::Holds;
use crate::error::Result;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, PrimitiveBuilder,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt64Type,
};
use arrow::error::ArrowError;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

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
    pub(super) fn number(&mut self, fate: Fate, value: i64, listed: bool) -> Option<i64> {
        let holds = fate.holds?;
        match holds {
            _ if holds.stays() => Some(value),
            Holds::Process | Holds::Thread | Holds::User if !self.policy.ids.renumber => {
                Some(value)
            }
            Holds::Process | Holds::Thread => Some(self.numbers.process(value)),
            Holds::User => Some(self.numbers.user(value)),
            Holds::Handle => Some(self.numbers.handle(value)),
            Holds::TimeS => self.time.moment(value, 1),
            Holds::TimeNs => self.time.moment(value, SECOND),
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

    /// Times, shifted; those far from the recording, as of packets before the clock was set, are left out.
    fn times(&self, array: &ArrayRef, choice: &Choice) -> Result<ArrayRef> {
        let times = array.as_primitive_opt::<TimestampNanosecondType>();
        let times =
            times.ok_or_else(|| failed(ArrowError::CastError("a time not in ns".to_owned())))?;
        if !matches!(choice, Choice::One(fate) if fate.holds == Some(Holds::Time)) {
            return Ok(new_null_array(array.data_type(), array.len()));
        }
        let time = self.time;
        if time.shift == 0 {
            return Ok(Arc::clone(array));
        }
        let by = time.shift * SECOND;
        let near = times.iter().map(|t| t.filter(|t| time.is_around(*t)));
        let near = near.collect::<PrimitiveArray<TimestampNanosecondType>>();
        let shifted = near.try_unary::<_, TimestampNanosecondType, ArrowError>(|t| {
            let outside =
                || ArrowError::ComputeError("a time is outside of what 64 bits hold".to_owned());
            t.checked_add(by).ok_or_else(outside)
        });
        let shifted = shifted.map_err(failed)?;
        Ok(Arc::new(shifted.with_data_type(array.data_type().clone())))
    }
}
