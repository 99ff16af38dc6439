//! Values of fields, gathered column by column and turned into Arrow arrays.
//!
//! Most columns are null in most rows: an event has 5 of 150 arguments. So a column hears only of the rows that have a
//! value, and fills the nulls before them in one run; columns that nothing came for cost nothing.

use super::layout::{Column, Kind, Route, innermost};
use crate::trace::event::{Cursor, FieldType};
use arrow::array::PrimitiveArray;
use arrow::array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    UInt64Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// Fixed-size values at some rows.
pub struct Sparse<T> {
    values: Vec<T>,
    rows: Rows,
}

/// Which rows have a value, in order.
#[derive(Default)]
struct Rows(Vec<u32>);

impl Rows {
    #[inline]
    fn push(&mut self, at: usize) {
        self.0.push(at as u32);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The null buffer of `rows` rows; afterwards there are none.
    fn finish(&mut self, rows: usize) -> NullBuffer {
        let mut bits = vec![0u8; rows.div_ceil(8)];
        for at in &self.0 {
            bits[*at as usize / 8] |= 1 << (at % 8);
        }
        self.0.clear();
        let bits = BooleanBuffer::new(Buffer::from_vec(bits), 0, rows);
        NullBuffer::new(bits)
    }
}

impl<T: Copy + Default> Sparse<T> {
    /// No values.
    pub fn new() -> Self {
        Sparse {
            values: Vec::new(),
            rows: Rows::default(),
        }
    }

    /// Sets the value of row `at`, which must be behind all rows set before.
    #[inline]
    pub fn push(&mut self, at: usize, value: T) {
        self.values.push(value);
        self.rows.push(at);
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The array of `rows` rows; afterwards there are no values.
    pub fn finish<A>(&mut self, rows: usize) -> PrimitiveArray<A>
    where
        A: ArrowPrimitiveType<Native = T>,
        T: arrow::datatypes::ArrowNativeType,
    {
        let mut all = vec![T::default(); rows];
        for (at, value) in self.rows.0.iter().zip(&self.values) {
            all[*at as usize] = *value;
        }
        self.values.clear();
        PrimitiveArray::new(ScalarBuffer::from(all), Some(self.rows.finish(rows)))
    }
}

impl<T: Copy + Default> Default for Sparse<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Texts or byte strings at some rows.
pub struct SparseBytes {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    valid: Rows,
}

impl SparseBytes {
    /// No values.
    pub fn new() -> Self {
        SparseBytes {
            offsets: vec![0],
            bytes: Vec::new(),
            valid: Rows::default(),
        }
    }

    /// Sets the value of row `at`, which must be behind all rows set before.
    pub fn push(&mut self, at: usize, value: &[u8]) {
        self.offsets.resize(at + 1, self.bytes.len() as i32);
        self.bytes.extend_from_slice(value);
        let end = i32::try_from(self.bytes.len()).expect("a batch holds less than 2 GiB of text");
        self.offsets.push(end);
        self.valid.push(at);
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.offsets.len() == 1
    }

    fn parts(&mut self, rows: usize) -> (OffsetBuffer<i32>, Buffer, NullBuffer) {
        self.offsets.resize(rows + 1, self.bytes.len() as i32);
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        (
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            bytes,
            self.valid.finish(rows),
        )
    }

    /// The array of texts; every value must have been UTF-8.
    pub fn finish_text(&mut self, rows: usize) -> StringArray {
        let (offsets, bytes, valid) = self.parts(rows);
        StringArray::new(offsets, bytes, Some(valid))
    }

    /// The array of byte strings.
    pub fn finish_bytes(&mut self, rows: usize) -> BinaryArray {
        let (offsets, bytes, valid) = self.parts(rows);
        BinaryArray::new(offsets, bytes, Some(valid))
    }
}

impl Default for SparseBytes {
    fn default() -> Self {
        Self::new()
    }
}

/// Which parts of a column have come to be used, over all batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Some event has the field.
    pub main: bool,
    /// Some value went to the sibling column.
    pub sibling: bool,
    /// The same for the members of structures.
    pub members: Vec<Usage>,
}

/// The values of one column.
pub struct Values {
    data: Data,
    usage: Usage,
    /// Rows, in the present batch, whose value (or an element of it) went to the sibling.
    beside: Rows,
    /// Whether the present batch has values.
    touched: bool,
}

enum Data {
    Int(Sparse<i64>, Sparse<u64>),
    Float(Sparse<f64>),
    Text(SparseBytes, SparseBytes),
    List {
        offsets: Vec<i32>,
        valid: Rows,
        child: Box<Values>,
    },
    Struct {
        valid: Rows,
        members: Vec<Values>,
    },
}

impl Values {
    /// No values of `column`.
    pub fn new(column: &Column) -> Self {
        Self::of_kind(&column.kind, column)
    }

    fn of_kind(kind: &Kind, column: &Column) -> Self {
        let data = match kind {
            Kind::Int => Data::Int(Sparse::new(), Sparse::new()),
            Kind::Float => Data::Float(Sparse::new()),
            Kind::Text => Data::Text(SparseBytes::new(), SparseBytes::new()),
            Kind::List(inner) => Data::List {
                offsets: vec![0],
                valid: Rows::default(),
                child: Box::new(Self::of_kind(inner, column)),
            },
            Kind::Struct => Data::Struct {
                valid: Rows::default(),
                members: column.members.iter().map(Values::new).collect(),
            },
        };
        Values {
            data,
            usage: Usage::default(),
            beside: Rows::default(),
            touched: false,
        }
    }

    /// Whether some row of the present batch has a value.
    pub fn touched(&self) -> bool {
        self.touched
    }

    /// Reads a value of type `ty` from `cursor` into row `at`, which must be behind all rows set before. Returns
    /// whether (part of) it went to the sibling.
    pub fn push(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) -> bool {
        self.touched = true;
        self.usage.main = true;
        let beside = match (&mut self.data, ty) {
            (Data::Int(small, large), FieldType::Unsigned(..)) => {
                let value = cursor.integer();
                match i64::try_from(value) {
                    Ok(value) => small.push(at, value),
                    Err(_) => large.push(at, value),
                }
                value > i64::MAX as u64
            }
            (Data::Int(small, _), FieldType::Signed(..)) => {
                small.push(at, cursor.integer() as i64);
                false
            }
            (Data::Float(values), FieldType::Float(_)) => {
                values.push(at, cursor.float());
                false
            }
            (Data::Text(text, other), FieldType::Text) => {
                let bytes = cursor.text();
                let valid = std::str::from_utf8(bytes).is_ok();
                if valid { text } else { other }.push(at, bytes);
                !valid
            }
            (Data::List { .. }, FieldType::List(element, _)) => {
                self.push_list(at, element, route, cursor)
            }
            (Data::Struct { .. }, _) => {
                self.push_members(at, ty, route, cursor);
                false
            }
            _ => unreachable!("routes lead to columns of their kind"),
        };
        if beside {
            self.beside.push(at);
            self.usage.sibling = true;
        }
        beside
    }

    fn push_list(
        &mut self,
        at: usize,
        element: &FieldType,
        route: &Route,
        cursor: &mut Cursor,
    ) -> bool {
        let (
            Data::List {
                offsets,
                valid,
                child,
            },
            Route::List(inner),
        ) = (&mut self.data, route)
        else {
            unreachable!("lists go to lists")
        };
        let start = *offsets.last().expect("starts with 0");
        offsets.resize(at + 1, start);
        let n = cursor.count();
        let mut beside = false;
        for i in 0..n {
            beside |= child.push(start as usize + i, element, inner, cursor);
        }
        let end = i32::try_from(start as usize + n).expect("a batch holds few elements");
        offsets.push(end);
        valid.push(at);
        beside
    }

    fn push_members(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) {
        let (Data::Struct { valid, members }, Route::Members(routes)) = (&mut self.data, route)
        else {
            unreachable!("structures go to structures")
        };
        valid.push(at);
        match ty {
            FieldType::Struct(fields) => {
                for (field, route) in fields.iter().zip(routes) {
                    push_field(members, at, &field.ty, route, cursor);
                }
            }
            FieldType::Variant(options) => {
                let option = cursor.count();
                push_field(members, at, &options[option].ty, &routes[option], cursor);
            }
            _ => unreachable!("structures go to structures"),
        }
    }

    /// What has come to be used so far.
    pub fn usage(&self) -> Usage {
        let members = match &self.data {
            Data::Struct { members, .. } => members.iter().map(Values::usage).collect(),
            Data::List { child, .. } => child.usage().members,
            _ => Vec::new(),
        };
        Usage {
            members,
            ..self.usage.clone()
        }
    }

    /// The arrays of `rows` rows: the column's, and its sibling's where the batch has values for it; afterwards there
    /// are no values. Structures come with all the siblings that their members can have.
    pub fn finish(&mut self, rows: usize, column: &Column) -> (ArrayRef, Option<ArrayRef>) {
        self.touched = false;
        let rows_beside = (!self.beside.is_empty()).then(|| self.beside_rows(rows));
        let (main, sibling) = self.arrays(rows, column);
        match (rows_beside, sibling) {
            (Some(valid), Some(array)) => (main, Some(only_rows(array, valid))),
            _ => (main, None),
        }
    }

    /// As [`Values::finish`], with the sibling whether the batch has values for it or not, if it can have any.
    pub fn finish_both(&mut self, rows: usize, column: &Column) -> (ArrayRef, Option<ArrayRef>) {
        self.touched = false;
        let valid = self.beside_rows(rows);
        let (main, sibling) = self.arrays(rows, column);
        (
            main,
            sibling
                .filter(|_| can_have_sibling(column))
                .map(|a| only_rows(a, valid)),
        )
    }

    fn beside_rows(&mut self, rows: usize) -> NullBuffer {
        self.beside.finish(rows)
    }

    fn arrays(&mut self, rows: usize, column: &Column) -> (ArrayRef, Option<ArrayRef>) {
        match &mut self.data {
            Data::Int(small, large) => {
                let small: Int64Array = small.finish(rows);
                let large: UInt64Array = large.finish(rows);
                (Arc::new(small), Some(Arc::new(large)))
            }
            Data::Float(values) => {
                let values: Float64Array = values.finish(rows);
                (Arc::new(values), None)
            }
            Data::Text(text, other) => (
                Arc::new(text.finish_text(rows)),
                Some(Arc::new(other.finish_bytes(rows))),
            ),
            Data::List {
                offsets,
                valid,
                child,
            } => {
                let end = *offsets.last().expect("starts with 0");
                offsets.resize(rows + 1, end);
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                let valid = valid.finish(rows);
                child.touched = false;
                child.beside_rows(end as usize);
                let (main, sibling) = child.arrays(end as usize, column);
                let list = |values: ArrayRef| -> ArrayRef {
                    let field = element_field(values.data_type().clone());
                    Arc::new(ListArray::new(
                        field,
                        offsets.clone(),
                        values,
                        Some(valid.clone()),
                    ))
                };
                (list(main), sibling.map(list))
            }
            Data::Struct { valid, members } => {
                let mut arrays = Vec::new();
                for (values, member) in members.iter_mut().zip(&column.members) {
                    let (main, sibling) = values.finish_both(rows, member);
                    arrays.push(main);
                    arrays.extend(sibling);
                }
                let fields = member_fields(&column.members);
                let array = StructArray::new(fields, arrays, Some(valid.finish(rows)));
                (Arc::new(array), None)
            }
        }
    }
}

/// Reads a field's value from `cursor` into row `at` of the column that its route leads to.
pub fn push_field(
    columns: &mut [Values],
    at: usize,
    ty: &FieldType,
    (column, route): &(usize, Route),
    cursor: &mut Cursor,
) {
    match route {
        Route::Nowhere => cursor.skip(ty),
        route => {
            columns[*column].push(at, ty, route, cursor);
        }
    }
}

/// A list array with only the rows in `valid`; other arrays have only those already.
fn only_rows(array: ArrayRef, valid: NullBuffer) -> ArrayRef {
    match array.as_any().downcast_ref::<ListArray>() {
        None => array,
        Some(list) => {
            let (field, offsets, values, _) = list.clone().into_parts();
            Arc::new(ListArray::new(field, offsets, values, Some(valid)))
        }
    }
}

/// The Arrow type of a column.
pub fn main_type(column: &Column) -> DataType {
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, member_fields(&column.members))
    })
}

fn leaf_type(leaf: &Kind, members: Fields) -> DataType {
    match leaf {
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Text => DataType::Utf8,
        Kind::Struct => DataType::Struct(members),
        Kind::List(_) => unreachable!("lists are taken apart before"),
    }
}

/// The Arrow type of the column beside it.
pub fn sibling_type(column: &Column) -> DataType {
    of_kind(&column.kind, &|leaf| match leaf {
        Kind::Int => DataType::UInt64,
        _ => DataType::Binary,
    })
}

/// Whether values can come that go to the sibling.
pub fn can_have_sibling(column: &Column) -> bool {
    match innermost(&column.kind) {
        Kind::Int => column.wide,
        kind => *kind == Kind::Text,
    }
}

fn of_kind(kind: &Kind, leaf: &dyn Fn(&Kind) -> DataType) -> DataType {
    match kind {
        Kind::List(inner) => DataType::List(element_field(of_kind(inner, leaf))),
        other => leaf(other),
    }
}

fn element_field(ty: DataType) -> FieldRef {
    Arc::new(Field::new("element", ty, true))
}

fn member_fields(members: &[Column]) -> Fields {
    let mut fields = Vec::new();
    for member in members {
        fields.push(Field::new(&member.name, main_type(member), true));
        if can_have_sibling(member) {
            fields.push(Field::new(&member.sibling, sibling_type(member), true));
        }
    }
    fields.into()
}

/// The fields of the columns that are used, without the siblings that are not, at any depth.
pub fn used_fields(columns: &[Column], usage: &[Usage]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (column, usage) in columns.iter().zip(usage) {
        if usage.main {
            fields.push(Field::new(&column.name, used_type(column, usage), true));
        }
        if usage.sibling {
            fields.push(Field::new(&column.sibling, sibling_type(column), true));
        }
    }
    fields
}

fn used_type(column: &Column, usage: &Usage) -> DataType {
    // A structure keeps all its members; of their siblings only those that are used.
    let mut members = usage.members.clone();
    members.iter_mut().for_each(|m| m.main = true);
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, used_fields(&column.members, &members).into())
    })
}
