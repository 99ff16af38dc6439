//! Lists of numbers that mean something as a whole: addresses of the network and of network cards.

use super::anonymizer::Anonymizer;
use super::arrays::rebuilt;
use super::events::Rows;
use super::fate::Choice;
use crate::columns::schema::holds::Holds;
use crate::error::Result;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::datatypes::Int64Type;
use std::net::IpAddr;
use std::sync::Arc;

impl Anonymizer {
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
