//! The values of a column of texts or byte strings: as indices into a dictionary, or plain.

use super::bounds::Bounds;
use super::dictionary;
use super::hybrid::encode_page_of_indices;
use super::leaf::{Texts, Words};
use super::plan::{Ended, Plan};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use std::ops::Range;

/// The texts of a column.
pub(super) struct TextColumn {
    encoding: Encoding,
    /// Bytes of a dictionary that is too large to go on with.
    limit: usize,
    /// Bytes of a page.
    page_bytes: usize,
    dictionary: dictionary::Texts,
    /// The page in which each text of the dictionary came last: each is compared once for a page.
    seen: Vec<u32>,
    page: u32,
    filter: Option<Sbbf>,
    // Of the page that is open.
    indices: Vec<u32>,
    plain: Vec<u8>,
    bytes: i64,
    bounds: Ends,
}

/// The least and the greatest of a page.
enum Ends {
    None,
    /// By their numbers in the dictionary.
    Known(u32, u32),
    Plain(Vec<u8>, Vec<u8>),
}

impl TextColumn {
    pub(super) fn new(plan: Plan) -> Self {
        TextColumn {
            encoding: plan.encoding,
            limit: plan.dictionary_bytes,
            page_bytes: plan.page_bytes,
            dictionary: dictionary::Texts::new(),
            seen: Vec::new(),
            page: 1,
            filter: plan.filter,
            indices: Vec::new(),
            plain: Vec::new(),
            bytes: 0,
            bounds: Ends::None,
        }
    }

    /// Adds those of `texts` that are in `range` to the page, until it is full; all of them where it may grow beyond that.
    /// Returns how many were added.
    pub(super) fn push(&mut self, texts: &Texts, range: Range<usize>, all: bool) -> usize {
        for (count, at) in range.clone().enumerate() {
            self.push_one(texts.get(at));
            if !all && self.is_full() {
                return count + 1;
            }
        }
        range.len()
    }

    /// Adds words to the page. They are looked up once for each that comes.
    pub(super) fn push_words(&mut self, words: &Words, range: Range<usize>) {
        if self.encoding != Encoding::RLE_DICTIONARY {
            for key in &words.keys[range] {
                self.push_one(words.words.value(*key as usize).as_bytes());
            }
            return;
        }
        const UNKNOWN: u32 = u32::MAX;
        let mut numbers = vec![UNKNOWN; arrow::array::Array::len(words.words)];
        for key in &words.keys[range] {
            let key = *key as usize;
            if numbers[key] == UNKNOWN {
                numbers[key] = self.number(words.words.value(key).as_bytes());
            }
            self.bytes += i64::from(words.words.value_length(key));
            self.indices.push(numbers[key]);
        }
    }

    fn push_one(&mut self, text: &[u8]) {
        self.bytes += text.len() as i64;
        if self.encoding == Encoding::RLE_DICTIONARY {
            let index = self.number(text);
            self.indices.push(index);
            return;
        }
        self.plain
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(text);
        if let Some(filter) = &mut self.filter {
            filter.insert(text);
        }
        match &mut self.bounds {
            Ends::Plain(least, greatest) => {
                if text < least.as_slice() {
                    *least = text.to_vec();
                } else if text > greatest.as_slice() {
                    *greatest = text.to_vec();
                }
            }
            bounds => *bounds = Ends::Plain(text.to_vec(), text.to_vec()),
        }
    }

    /// The number of a text in the dictionary, which is in the page from now on.
    fn number(&mut self, text: &[u8]) -> u32 {
        let index = self.dictionary.index(text);
        if index as usize == self.seen.len() {
            self.seen.push(0);
            if let Some(filter) = &mut self.filter {
                filter.insert(text);
            }
        }
        let seen = &mut self.seen[index as usize];
        if *seen != self.page {
            *seen = self.page;
            let text = |index| self.dictionary.get(index);
            self.bounds = match self.bounds {
                Ends::Known(least, greatest) => Ends::Known(
                    if text(index) < text(least) {
                        index
                    } else {
                        least
                    },
                    if text(index) > text(greatest) {
                        index
                    } else {
                        greatest
                    },
                ),
                _ => Ends::Known(index, index),
            };
        }
        index
    }

    /// Has what comes be encoded without a dictionary.
    pub(super) fn forgo_dictionary(&mut self) {
        if self.encoding == Encoding::RLE_DICTIONARY {
            self.encoding = Encoding::PLAIN;
        }
    }

    /// Whether the page should end.
    pub(super) fn is_full(&self) -> bool {
        match self.encoding {
            Encoding::RLE_DICTIONARY => self.dictionary.size() >= self.limit,
            _ => self.plain.len() >= self.page_bytes,
        }
    }

    /// Ends the page: appends its values, encoded.
    pub(super) fn end_page(&mut self, out: &mut Vec<u8>) -> Ended {
        let encoding = self.encoding;
        match encoding {
            Encoding::RLE_DICTIONARY => {
                encode_page_of_indices(&self.indices, self.dictionary.len(), out);
                if self.is_full() {
                    self.encoding = Encoding::PLAIN;
                }
            }
            _ => out.extend_from_slice(&self.plain),
        }
        self.indices.clear();
        self.plain.clear();
        self.page += 1;
        let bounds = match std::mem::replace(&mut self.bounds, Ends::None) {
            Ends::None => None,
            Ends::Known(least, greatest) => {
                let [least, greatest] = [least, greatest].map(|i| self.dictionary.get(i).to_vec());
                Some(Bounds::Bytes(least, greatest))
            }
            Ends::Plain(least, greatest) => Some(Bounds::Bytes(least, greatest)),
        };
        Ended {
            encoding,
            bounds,
            text_bytes: Some(std::mem::take(&mut self.bytes)),
        }
    }

    /// Bytes that are kept.
    pub(super) fn size(&self) -> usize {
        self.dictionary.size() + self.plain.len() + self.indices.len()
    }

    /// The dictionary's values, plain, and how many there are.
    pub(super) fn dictionary(&self) -> (Vec<u8>, usize) {
        let mut plain = Vec::with_capacity(self.dictionary.size());
        for index in 0..self.dictionary.len() as u32 {
            let text = self.dictionary.get(index);
            plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
            plain.extend_from_slice(text);
        }
        (plain, self.dictionary.len())
    }

    /// The filter.
    pub(super) fn take_filter(&mut self) -> Option<Sbbf> {
        self.filter.take()
    }
}
