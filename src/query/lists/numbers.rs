//! Numbers of a list, one by one or beside their neighbours.

use super::function::{ListArgument, ListFunction, elements, longs, offsets, with_elements};
use arrow::array::{Array, AsArray, Int64Array, ListArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use std::sync::Arc;

/// Return values that say that a call failed: -errno.
const FAILED: std::ops::RangeInclusive<i64> = -4095..=-1;

/// The function `deltas`.
pub(super) fn deltas() -> ListFunction {
    ListFunction::new("deltas", &[true], longs, |args| {
        let lists = args[0].lists();
        let numbers = numbers(lists)?;
        let offsets = offsets(lists);
        let mut differences = numbers.values().to_vec();
        let is_null = |at: usize| numbers.is_null(at);
        let mut nulls: Vec<bool> = (0..numbers.len()).map(|at| !is_null(at)).collect();
        for ends in offsets.windows(2) {
            for at in (ends[0] as usize + 1)..ends[1] as usize {
                differences[at] = numbers.value(at).wrapping_sub(numbers.value(at - 1));
                nulls[at] &= !is_null(at - 1);
            }
        }
        let nulls = (numbers.null_count() > 0).then(|| NullBuffer::from(nulls));
        with_elements(lists, Arc::new(Int64Array::new(differences.into(), nulls)))
    })
}

/// The function `fill_null`.
pub(super) fn fill_null() -> ListFunction {
    ListFunction::new("fill_null", &[true, false], longs, |args| {
        let lists = args[0].lists();
        let numbers = numbers(lists)?;
        if numbers.null_count() == 0 {
            return with_elements(lists, Arc::new(numbers));
        }
        let values = by_row(args, lists)?;
        let filled = (0..numbers.len()).zip(values);
        let filled = filled.map(|(at, value)| match numbers.is_valid(at) {
            true => Some(numbers.value(at)),
            false => value,
        });
        with_elements(lists, Arc::new(filled.collect::<Int64Array>()))
    })
}

/// The second argument, once for each element.
fn by_row(args: &[ListArgument], lists: &ListArray) -> Result<Vec<Option<i64>>> {
    let offsets = offsets(lists);
    if args[1].is_one {
        return Ok(vec![args[1].number(0)?; elements(lists).len()]);
    }
    let mut values = Vec::new();
    for row in 0..lists.len() {
        values.resize(offsets[row + 1] as usize, args[1].number(row)?);
    }
    Ok(values)
}

/// The function `outcomes`.
pub(super) fn outcomes() -> ListFunction {
    ListFunction::new("outcomes", &[true], longs, |args| {
        let lists = args[0].lists();
        let numbers = numbers(lists)?;
        let outcome = |ret: Option<i64>| match ret {
            None => 0,
            Some(ret) if FAILED.contains(&ret) => 2,
            Some(_) => 1,
        };
        let outcomes = Int64Array::from_iter_values(numbers.iter().map(outcome));
        with_elements(lists, Arc::new(outcomes))
    })
}

/// The elements as 64-bit integers.
fn numbers(lists: &ListArray) -> Result<Int64Array> {
    let elements = elements(lists);
    if !elements.data_type().is_integer() && *elements.data_type() != DataType::Null {
        return exec_err!(
            "a list of integers is needed, not of {}",
            elements.data_type()
        );
    }
    let numbers = cast(&elements, &DataType::Int64)?;
    Ok(numbers.as_primitive::<Int64Type>().clone())
}
