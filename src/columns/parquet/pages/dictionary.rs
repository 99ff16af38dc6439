//! The different values of a column, each with its number, in the order in which they first come.
//!
//! Hashes are keyed anew in each process, so that who is traced cannot choose values that collide.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Different numbers, by the bits that tell them apart.
pub(super) struct Numbers {
    hasher: RandomState,
    table: HashTable<u32>,
    bits: Vec<u64>,
    /// The one that came last: neighbours are often equal.
    last: Option<(u64, u32)>,
}

impl Numbers {
    pub(super) fn new() -> Self {
        Numbers {
            hasher: RandomState::default(),
            table: HashTable::new(),
            bits: Vec::new(),
            last: None,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    /// The number of the value with these bits.
    #[inline]
    pub(super) fn index(&mut self, bits: u64) -> u32 {
        match self.last {
            Some((last, index)) if last == bits => index,
            _ => self.find(bits),
        }
    }

    fn find(&mut self, bits: u64) -> u32 {
        let (hasher, all) = (&self.hasher, &mut self.bits);
        let known = self.table.entry(
            hasher.hash_one(bits),
            |index| all[*index as usize] == bits,
            |index| hasher.hash_one(all[*index as usize]),
        );
        let index = match known {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let index = all.len() as u32;
                entry.insert(index);
                all.push(bits);
                index
            }
        };
        self.last = Some((bits, index));
        index
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> &[u64] {
        &self.bits
    }
}

/// Different texts or byte strings.
pub(super) struct Texts {
    hasher: RandomState,
    table: HashTable<u32>,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
    bytes: Vec<u8>,
    last: Option<u32>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Texts {
            hasher: RandomState::default(),
            table: HashTable::new(),
            ends: Vec::new(),
            bytes: Vec::new(),
            last: None,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that they take in a dictionary page.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 4 * self.ends.len()
    }

    /// The text of this number.
    #[inline]
    pub(super) fn get(&self, index: u32) -> &[u8] {
        get(&self.ends, &self.bytes, index)
    }

    /// The number of a text.
    #[inline]
    pub(super) fn index(&mut self, text: &[u8]) -> u32 {
        match self.last {
            Some(last) if self.get(last) == text => last,
            _ => self.find(text),
        }
    }

    fn find(&mut self, text: &[u8]) -> u32 {
        let (hasher, ends, bytes) = (&self.hasher, &mut self.ends, &mut self.bytes);
        let known = self.table.entry(
            hasher.hash_one(text),
            |index| get(ends, bytes, *index) == text,
            |index| hasher.hash_one(get(ends, bytes, *index)),
        );
        let index = match known {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let index = ends.len() as u32;
                entry.insert(index);
                bytes.extend_from_slice(text);
                ends.push(bytes.len());
                index
            }
        };
        self.last = Some(index);
        index
    }
}

#[inline]
fn get<'a>(ends: &[usize], bytes: &'a [u8], index: u32) -> &'a [u8] {
    let index = index as usize;
    let start = match index {
        0 => 0,
        _ => ends[index - 1],
    };
    &bytes[start..ends[index]]
}
