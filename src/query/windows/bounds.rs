//! Which points are wanted at all, as a predicate that can be seen not to hold for a whole file, row group or page.
//!
//! It says less than the join does: it has few ranges, so that to ask them costs nothing, and it names only columns and
//! constants, which is what the statistics of Parquet files answer. What it says of the point alone stands for itself, since
//! the statistics of pages are asked for one column at a time.

use super::group::Group;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::{BinaryExpr, Literal, lit};
use std::sync::Arc;

/// Ranges of points.
const RANGES: usize = 32;
/// Keys that are named.
const KEYS: usize = 16;

/// The ranges that hold the points.
pub(super) fn ranges(
    point: &PhysicalExprRef,
    data_type: &DataType,
    groups: &[Group],
) -> Result<PhysicalExprRef> {
    let all = merged(groups.iter().flat_map(Group::spans).collect());
    within(point, data_type, &all)
}

/// The same by key, where keys are few. `keys` has, for each group, the expressions of its keys and their values.
pub(super) fn keyed(
    point: &PhysicalExprRef,
    data_type: &DataType,
    groups: &[Group],
    keys: &[Vec<(PhysicalExprRef, ScalarValue)>],
) -> Result<PhysicalExprRef> {
    if keys.is_empty() || keys.len() > KEYS {
        return Ok(lit(true));
    }
    let mut any: Option<PhysicalExprRef> = None;
    for (group, keys) in groups.iter().zip(keys) {
        let mut one = match groups.len() {
            1 => None,
            _ => Some(within(point, data_type, &merged(group.spans().collect()))?),
        };
        for (key, value) in keys {
            let value: PhysicalExprRef = Arc::new(Literal::new(value.clone()));
            let equal = binary(Arc::clone(key), Operator::Eq, value);
            one = Some(joined(one, Operator::And, equal));
        }
        if let Some(one) = one {
            any = Some(joined(any, Operator::Or, one));
        }
    }
    Ok(any.unwrap_or_else(|| lit(true)))
}

fn within(
    point: &PhysicalExprRef,
    data_type: &DataType,
    ranges: &[(i64, i64)],
) -> Result<PhysicalExprRef> {
    let constant = |value: i64| -> Result<PhysicalExprRef> {
        let value = ScalarValue::Int64(Some(value)).cast_to(data_type)?;
        Ok(Arc::new(Literal::new(value)))
    };
    let mut any: Option<PhysicalExprRef> = None;
    for (begin, end) in ranges {
        let after = binary(Arc::clone(point), Operator::GtEq, constant(*begin)?);
        let before = binary(Arc::clone(point), Operator::LtEq, constant(*end)?);
        any = Some(joined(
            any,
            Operator::Or,
            binary(after, Operator::And, before),
        ));
    }
    Ok(any.unwrap_or_else(|| lit(false)))
}

fn binary(left: PhysicalExprRef, op: Operator, right: PhysicalExprRef) -> PhysicalExprRef {
    Arc::new(BinaryExpr::new(left, op, right))
}

fn joined(left: Option<PhysicalExprRef>, op: Operator, right: PhysicalExprRef) -> PhysicalExprRef {
    match left {
        Some(left) => binary(left, op, right),
        None => right,
    }
}

/// At most [`RANGES`] ranges that hold all intervals, with the largest gaps between them.
fn merged(mut intervals: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    intervals.sort_unstable();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for (begin, end) in intervals {
        match ranges.last_mut() {
            Some((_, last)) if begin <= last.saturating_add(1) => *last = end.max(*last),
            _ => ranges.push((begin, end)),
        }
    }
    let gap = |pair: &[(i64, i64)]| pair[1].0.abs_diff(pair[0].1);
    let mut gaps: Vec<u64> = ranges.windows(2).map(gap).collect();
    if gaps.len() < RANGES {
        return ranges;
    }
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    // Of gaps as large as this one there may be more than can be kept.
    let least = gaps[RANGES - 1];
    let mut kept: Vec<(i64, i64)> = vec![ranges[0]];
    for pair in ranges.windows(2) {
        let last = kept.len() - 1;
        if gap(pair) > least {
            kept.push(pair[1]);
        } else {
            kept[last].1 = pair[1].1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_become_few_ranges_that_hold_them_all() {
        assert_eq!(merged(vec![(7, 8), (1, 3), (2, 5), (6, 6)]), [(1, 8)]);
        assert_eq!(merged(vec![(7, 8), (1, 5)]), [(1, 5), (7, 8)]);
        let many: Vec<(i64, i64)> = (0..1000).map(|i| (i * i * 10, i * i * 10 + 1)).collect();
        let few = merged(many.clone());
        assert_eq!(few.len(), RANGES);
        for (begin, end) in many {
            assert!(few.iter().any(|(from, to)| *from <= begin && end <= *to));
        }
        let ends = merged(vec![(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)]);
        assert_eq!(ends, [(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)]);
    }
}
