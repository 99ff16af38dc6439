//! Everything that a folder of files holds, in every form that a reader can decode: the bytes as they are, the pages of
//! Parquet files decompressed, what base64 says, the values of all columns and statistics, and those of JSON.

use crate::common::rows_of;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use parquet::column::page::Page;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Default)]
pub struct Decoded {
    /// Bytes, by where they are.
    pub bytes: Vec<(PathBuf, Vec<u8>)>,
    /// Texts of columns, dictionaries, statistics and JSON.
    pub texts: HashSet<String>,
    /// Whole numbers of the same, times too.
    pub numbers: HashSet<i128>,
    /// Lists of whole numbers.
    pub lists: HashSet<Vec<i64>>,
}

/// All files below a folder.
pub fn all_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_files(&path, found),
            false => found.push(path),
        }
    }
}

impl Decoded {
    /// Of all files below a folder.
    pub fn of(dir: &Path) -> Decoded {
        let mut files = Vec::new();
        all_files(dir, &mut files);
        assert!(files.len() > 5, "{}", files.len());
        let mut decoded = Decoded::default();
        for file in files {
            decoded.file(&file);
        }
        decoded
    }

    fn file(&mut self, file: &Path) {
        let mut bytes = fs::read(file).unwrap();
        let extension = file.extension().unwrap_or_default().to_str().unwrap();
        match extension {
            "parquet" => {
                self.pages(file, &mut bytes);
                for batch in rows_of(file) {
                    batch
                        .columns()
                        .iter()
                        .for_each(|column| self.column(column));
                }
            }
            "json" => self.json(&serde_json::from_slice(&bytes).unwrap()),
            _ => {}
        }
        let mut more: Vec<u8> = base64_in(&bytes);
        bytes.append(&mut more);
        // Runs of digits are numbers, wherever they stand.
        let digits = bytes
            .split(|b| !b.is_ascii_digit())
            .filter(|run| (3..20).contains(&run.len()));
        let numbers = digits.map(|run| std::str::from_utf8(run).unwrap().parse::<i128>().unwrap());
        self.numbers.extend(numbers);
        self.bytes.push((file.to_path_buf(), bytes));
    }

    fn pages(&mut self, file: &Path, bytes: &mut Vec<u8>) {
        let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata();
        for pair in pairs.into_iter().flatten() {
            let value = pair.value.clone().unwrap_or_default();
            bytes.extend(base64(value.as_bytes()));
            self.texts.extend([pair.key.clone(), value]);
        }
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).unwrap();
            for column in 0..group.num_columns() {
                let statistics = group.metadata().column(column).statistics();
                statistics.into_iter().for_each(|s| self.statistics(s));
                for page in group.get_column_page_reader(column).unwrap() {
                    match page.unwrap() {
                        Page::DataPage { buf, .. }
                        | Page::DataPageV2 { buf, .. }
                        | Page::DictionaryPage { buf, .. } => bytes.extend_from_slice(&buf),
                    }
                }
            }
        }
    }

    fn statistics(&mut self, statistics: &Statistics) {
        match statistics {
            Statistics::Int32(s) => {
                let ends = [s.min_opt(), s.max_opt()];
                self.numbers
                    .extend(ends.into_iter().flatten().map(|n| i128::from(*n)));
            }
            Statistics::Int64(s) => {
                let ends = [s.min_opt(), s.max_opt()];
                self.numbers
                    .extend(ends.into_iter().flatten().map(|n| i128::from(*n)));
            }
            other => {
                let ends = [other.min_bytes_opt(), other.max_bytes_opt()];
                let texts = ends.into_iter().flatten();
                self.texts
                    .extend(texts.map(|t| String::from_utf8_lossy(t).into_owned()));
            }
        }
    }

    fn column(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Struct(_) => array
                .as_struct()
                .columns()
                .iter()
                .for_each(|c| self.column(c)),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                if let DataType::Int64 = list.value_type() {
                    let whole =
                        |items: ArrayRef| items.as_primitive::<Int64Type>().iter().collect();
                    let lists = list.iter().flatten().filter_map(whole);
                    self.lists.extend(lists);
                }
                self.column(list.values());
            }
            DataType::Utf8 => {
                let texts = array.as_string::<i32>().iter().flatten();
                self.texts.extend(texts.map(str::to_owned));
            }
            DataType::Binary => {
                let texts = array.as_binary::<i32>().iter().flatten();
                self.texts
                    .extend(texts.map(|t| String::from_utf8_lossy(t).into_owned()));
            }
            DataType::Dictionary(..) => {
                self.column(array.as_any_dictionary().values());
            }
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().iter().flatten();
                self.numbers.extend(values.map(i128::from));
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().iter().flatten();
                self.numbers.extend(values.map(|v| v as i128));
            }
            _ => {
                let longs = arrow::compute::cast(array, &DataType::Int64).unwrap();
                let values = longs.as_primitive::<Int64Type>().iter().flatten();
                self.numbers.extend(values.map(i128::from));
            }
        }
    }

    fn json(&mut self, value: &serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => drop(self.texts.insert(text.clone())),
            Value::Number(number) => self.numbers.extend(number.as_i64().map(i128::from)),
            Value::Array(items) => items.iter().for_each(|item| self.json(item)),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                self.texts.insert(name.clone());
                self.json(value);
            }),
            _ => {}
        }
    }

    /// Where a text stands, in whatever form; in words.
    pub fn places(&self, needle: &[u8]) -> Vec<String> {
        let escaped: String = needle.iter().map(|b| format!("\\x{b:02x}")).collect();
        let finder = regex::bytes::Regex::new(&format!("(?-u){escaped}")).unwrap();
        let files = self
            .bytes
            .iter()
            .filter(|(_, bytes)| finder.is_match(bytes));
        let mut places: Vec<String> = files.map(|(file, _)| file.display().to_string()).collect();
        let texts = self
            .texts
            .iter()
            .filter(|text| finder.is_match(text.as_bytes()));
        places.extend(texts.map(|text| format!("the text {text}")));
        places
    }
}

/// What base64 stands for, as far as it goes.
fn base64(text: &[u8]) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(u32::from(b - b'A')),
        b'a'..=b'z' => Some(u32::from(b - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(b - b'0') + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for six in text.iter().map_while(|b| value(*b)) {
        bits = bits << 6 | six;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

/// What runs of letters that may be base64 stand for.
fn base64_in(bytes: &[u8]) -> Vec<u8> {
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let runs = bytes.split(|b| !is_letter(b)).filter(|run| run.len() >= 40);
    // A run may begin within a group of four.
    let runs = runs.flat_map(|run| (0..4).map(move |skip| &run[skip..]));
    runs.flat_map(|run| base64(run).into_iter().chain([0]))
        .collect()
}

#[test]
fn base64_is_decoded_wherever_it_begins() {
    assert_eq!(base64(b"aGVsbG8gd29ybGQ="), b"hello world");
    let text = b"\x00\x01xaGVsbG8gd29ybGQhIGhlbGxvIHdvcmxkISBoZWxsbyB3b3JsZA==";
    let decoded = String::from_utf8_lossy(&base64_in(text)).into_owned();
    assert!(decoded.contains("hello world! hello"), "{decoded}");
}
