//! Steps that events hardly have, out of the way of those that every event has.
//!
//! The one idea: what only CTF 2 or only packets have is decoded here, in functions of their own, so that the loop over
//! the other steps stays small.

use super::decoder::{Decoder, Stop};
use super::output::Output;
use super::plan::{Extent, Step, VariableInteger, WideText};
use super::wide;
use crate::trace::ctf::bits::ordered;
use crate::trace::ctf::leb128::{self, Leb128};

impl Decoder<'_> {
    /// Decodes a step that is not among the frequent ones.
    #[cold]
    #[inline(never)]
    pub(super) fn rare(&mut self, step: &Step, out: &mut Output) -> Result<(), Stop> {
        match step {
            Step::Variable(integer) => self.variable(integer, out),
            Step::Odd(odd) => {
                let integer = &odd.bits;
                let bits = self.bits(integer.size, integer.order)?;
                let bits = match odd.boolean {
                    true => u64::from(bits != 0),
                    false => ordered(bits, integer.size, odd.reversed),
                };
                self.put_bits(integer, bits, out);
                Ok(())
            }
            Step::Wide(text) => self.wide(text, out),
            Step::Begin(slot) => {
                self.memory.slots[*slot as usize] = i128::from(self.bit());
                Ok(())
            }
            _ => unreachable!("the other steps are decoded by `run`"),
        }
    }

    fn variable(&mut self, integer: &VariableInteger, out: &mut Output) -> Result<(), Stop> {
        let (value, bytes) = match leb128::read(self.rest(), integer.signed) {
            Leb128::Value(value, bytes) => (value, bytes),
            Leb128::End => return Err(Stop::End),
            Leb128::TooLong => return Err(Stop::Bad(leb128::TOO_LONG.to_owned())),
        };
        self.take(bytes as u64 * 8)?;
        out.integer(integer.dest, value);
        if !integer.role.is_none() {
            let bits = leb128::clock_bits(bytes);
            self.role(integer.role, value, integer.signed, bits);
        }
        Ok(())
    }

    fn wide(&mut self, text: &WideText, out: &mut Output) -> Result<(), Stop> {
        let unit = text.encoding.unit();
        let bytes = match text.extent {
            Extent::Nul => {
                let rest = self.rest();
                let length = wide::before_nul(rest, unit).ok_or(Stop::End)?;
                self.take((length + unit) as u64 * 8)?;
                &rest[..length]
            }
            Extent::Bytes(length) => self.padded(length, unit)?,
            Extent::BytesOf(slot) => self.padded(self.length(slot), unit)?,
        };
        match wide::utf8(bytes, text.encoding) {
            Some(utf8) => out.text(text.dest, utf8.as_bytes()),
            None => out.no_text(text.dest, bytes),
        }
        self.room(out)
    }

    /// The characters before the first NUL of a text of so many bytes.
    fn padded(&mut self, length: u64, unit: usize) -> Result<&[u8], Stop> {
        let bytes = self.take_bytes(length)?;
        Ok(&bytes[..wide::before_nul(bytes, unit).unwrap_or(bytes.len())])
    }
}
