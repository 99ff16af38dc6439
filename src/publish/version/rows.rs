//! Whether two releases have the same rows, in all columns that the old one has.

use super::side::Side;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::publish::rows::Rows;
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Whether both have the same rows, in all columns that the old one has.
pub(super) fn same_rows(sides: &[Side; 2], table: &str, trace: &str, split: &str) -> Result<bool> {
    let paths = [0, 1].map(|i| sides[i].paths(table, trace, split));
    let sums = [0, 1].map(|i| {
        let of = paths[i].iter();
        of.map(|p| sides[i].sums.get(p.as_str()))
            .collect::<Vec<_>>()
    });
    if sums[0] == sums[1] {
        return Ok(true);
    }
    let open = |i: usize| Stream::new(sides[i].root, &paths[i]);
    let (mut old, mut new) = (open(0), open(1));
    loop {
        match (old.head()?, new.head()?) {
            (None, None) => return Ok(true),
            (Some(a), Some(b)) => {
                let n = a.num_rows().min(b.num_rows());
                if !equal(&a.slice(0, n), &b.slice(0, n)) {
                    return Ok(false);
                }
                old.advance(n);
                new.advance(n);
            }
            _ => return Ok(false),
        }
    }
}

/// Whether all columns of `old` are, value by value, those of `new`.
fn equal(old: &RecordBatch, new: &RecordBatch) -> bool {
    old.schema()
        .fields()
        .iter()
        .zip(old.columns())
        .all(|(field, column)| {
            let other = new.column_by_name(field.name());
            let other = other.and_then(|c| only(c, field.data_type()));
            other.is_some_and(|o| o.as_ref() == column.as_ref())
        })
}

/// Rows of several files, one after another.
struct Stream<'a> {
    root: &'a Root,
    paths: std::slice::Iter<'a, &'a String>,
    batches: Option<Box<dyn Iterator<Item = Result<RecordBatch>>>>,
    head: Option<RecordBatch>,
}

impl<'a> Stream<'a> {
    fn new(root: &'a Root, paths: &'a [&'a String]) -> Self {
        Stream {
            root,
            paths: paths.iter(),
            batches: None,
            head: None,
        }
    }

    /// The next rows, of which not all need be taken; `None` at the end.
    fn head(&mut self) -> Result<Option<&RecordBatch>> {
        while self.head.as_ref().is_none_or(|h| h.num_rows() == 0) {
            let next = self.batches.as_mut().and_then(Iterator::next);
            match next {
                Some(batch) => self.head = Some(batch?),
                None => match self.paths.next() {
                    Some(path) => {
                        self.batches = Some(Box::new(Rows::open(self.root, path)?.batches(None)?));
                    }
                    None => return Ok(None),
                },
            }
        }
        Ok(self.head.as_ref())
    }

    fn advance(&mut self, n: usize) {
        self.head = self.head.take().map(|h| h.slice(n, h.num_rows() - n));
    }
}

/// An array with only the members, at any depth, that the type `ty` has; `None` where it lacks one.
pub(crate) fn only(array: &ArrayRef, ty: &DataType) -> Option<ArrayRef> {
    match ty {
        DataType::Struct(fields) => {
            let from = array.as_struct_opt()?;
            let members = fields
                .iter()
                .map(|f| only(from.column_by_name(f.name())?, f.data_type()));
            let members: Option<Vec<ArrayRef>> = members.collect();
            let nulls = from.nulls().cloned();
            Some(Arc::new(
                StructArray::try_new(fields.clone(), members?, nulls).ok()?,
            ))
        }
        DataType::List(element) => {
            let from = array.as_list_opt::<i32>()?;
            let values = only(from.values(), element.data_type())?;
            let offsets = from.offsets().clone();
            let nulls = from.nulls().cloned();
            Some(Arc::new(
                ListArray::try_new(Arc::clone(element), offsets, values, nulls).ok()?,
            ))
        }
        ty => (array.data_type() == ty).then(|| Arc::clone(array)),
    }
}
