//! Columns that are filled row by row: a name, and what a row has under it.

use super::columns::{Items, NamedColumn, lists_of};
use super::value::{MaybeValue, Value};
use super::words::{coded, constant, interned};
use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::schema::contract::dictionary;
use arrow::array::StringArray;
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

/// Where a chunk of the type `C` has rows of the type `R`; most chunks are nothing but the rows. The functions make
/// columns of what each row has.
pub(super) struct Rows<R, C: ?Sized = [R]>(fn(&C) -> &[R]);

impl<R: 'static> Rows<R> {
    /// The chunk is the rows.
    pub(super) fn all() -> Self {
        Rows(|rows| rows)
    }
}

impl<R: 'static, C: ?Sized + 'static> Rows<R, C> {
    /// The rows that this function finds in a chunk.
    pub(super) fn of(rows: fn(&C) -> &[R]) -> Self {
        Rows(rows)
    }

    /// A column of values.
    pub(super) fn column<V: MaybeValue>(
        &self,
        name: &'static str,
        value: impl Fn(&R) -> V + Send + 'static,
    ) -> NamedColumn<C> {
        let rows = self.0;
        NamedColumn::new(name, V::Value::data_type(), move |chunk: &C, _: &Field| {
            V::Value::content(rows(chunk).iter().map(|row| value(row).maybe()))
        })
    }

    /// A column of one text in every row, or of nulls.
    pub(super) fn constant(&self, name: &'static str, text: Option<&str>) -> NamedColumn<C> {
        let (rows, text) = (self.0, text.map(str::to_owned));
        self.dictionary(name, move |chunk| {
            constant(text.as_deref(), rows(chunk).len())
        })
    }

    /// A column of texts that are kept once each.
    pub(super) fn texts(
        &self,
        name: &'static str,
        text: impl Fn(&R) -> Option<&str> + Send + 'static,
    ) -> NamedColumn<C> {
        let rows = self.0;
        self.dictionary(name, move |chunk| interned(rows(chunk).iter().map(&text)))
    }

    /// A column of words that all chunks have, by their numbers, or of perhaps one.
    pub(super) fn words<N: Into<Option<i32>>>(
        &self,
        name: &'static str,
        words: &Arc<StringArray>,
        number: impl Fn(&R) -> N + Send + 'static,
    ) -> NamedColumn<C> {
        let (rows, words) = (self.0, Arc::clone(words));
        self.dictionary(name, move |chunk| {
            let numbers = rows(chunk).iter().map(|row| number(row).into());
            coded(numbers.collect(), &words)
        })
    }

    fn dictionary(
        &self,
        name: &'static str,
        words: impl Fn(&C) -> Content + Send + 'static,
    ) -> NamedColumn<C> {
        NamedColumn::new(name, dictionary(), move |chunk: &C, _: &Field| words(chunk))
    }

    /// A column of lists of integers.
    pub(super) fn longs(
        &self,
        name: &'static str,
        list: impl Fn(&R) -> &[i64] + Send + 'static,
    ) -> NamedColumn<C> {
        let rows = self.0;
        let element = Field::new("element", DataType::Int64, false);
        let ty = DataType::List(Arc::new(element));
        NamedColumn::new(name, ty, move |chunk: &C, _: &Field| {
            let lists = || rows(chunk).iter().map(&list);
            let all = lists().flat_map(|list| list.iter().map(|long| Some(*long)));
            let elements = Content::Numbers(Numbers::Long(all.collect()));
            Content::Lists(lists_of(lists().map(|list| Some(list.len())), elements))
        })
    }

    /// A column of lists of structures with `members`, which are columns of the elements.
    pub(super) fn structs<T: Clone + 'static>(
        &self,
        name: &'static str,
        members: Vec<NamedColumn<[T]>>,
        list: impl Fn(&R) -> Option<&[T]> + Send + 'static,
    ) -> NamedColumn<C> {
        let rows = self.0;
        NamedColumn::structs(name, members, move |chunk: &C| {
            let lists = || rows(chunk).iter().map(&list);
            Items {
                all: lists().flatten().flatten().cloned().collect(),
                lengths: lists().map(|list| list.map(<[T]>::len)).collect(),
            }
        })
    }
}
