//! Any columns that the page encoder writes are read back by the crate `parquet` as they were, and what readers are told
//! to skip by is true of them.
//!
//! The fuzzer's bytes are a recipe for a small table: how its rows lie, what each column is and how it is to be encoded,
//! and runs of values. Nothing in them is invalid, so that no input is wasted.
#![no_main]

#[path = "pages/facts.rs"]
mod facts;
#[path = "pages/input.rs"]
mod input;
#[path = "pages/read.rs"]
mod read;
#[path = "pages/recipe.rs"]
mod recipe;
#[path = "pages/table.rs"]
mod table;
#[path = "pages/value.rs"]
mod value;
#[path = "pages/write.rs"]
mod write;

use input::Input;
use read::File;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let glance = recipe::glance(&mut input);
    let table = recipe::table(&mut input);
    let Some(bytes) = write::write(&table) else {
        return;
    };
    let file = File::open(bytes);
    read::all_rows_come_back(&table, &file);
    read::single_pages_come_back(&table, &file, &glance);
    for number in 0..table.columns.len() {
        facts::pages_are_where_the_index_says(&table, &file, number);
        facts::what_is_told_of_the_column_is_true(&table, &file, number);
        facts::what_is_told_of_pages_is_true(&table, &file, number);
        facts::the_filter_knows_every_value(&table, &file, number);
    }
});
