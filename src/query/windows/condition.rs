//! What a join has to be for the operator of this folder: equal keys, a point between two bounds, and the rest.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinSide, NullEquality, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::utils::{collect_columns, conjunction};
use datafusion::physical_expr::{PhysicalExprRef, split_conjunction};
use datafusion::physical_plan::joins::JoinOn;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use std::sync::Arc;

/// When a row with an interval and a row with a point belong together. Of its sides, [`JoinSide::Left`] is that of the
/// intervals, wherever the join had it, and [`JoinSide::Right`] that of the points.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// What must be equal: of the interval's row, of the point's row.
    pub keys: Vec<(PhysicalExprRef, PhysicalExprRef)>,
    /// Whether nulls are equal to nulls.
    pub nulls: NullEquality,
    /// The interval's bounds.
    pub begin: Bound,
    /// The last point.
    pub end: Bound,
    /// The point.
    pub point: PhysicalExprRef,
    /// What must hold besides.
    pub rest: Option<JoinFilter>,
}

/// A bound of an interval, over the columns of its row.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// Its value.
    pub value: PhysicalExprRef,
    /// Whether it is outside of the interval.
    pub open: bool,
}

/// `small < large`, or `small <= large` where it is not `strict`.
struct Less<'f> {
    small: &'f PhysicalExprRef,
    large: &'f PhysicalExprRef,
    strict: bool,
}

impl Condition {
    /// The condition of a join of `left` with `right`, and the side that has the intervals; `None` where it has none.
    pub(super) fn of(
        (left, right): (&Schema, &Schema),
        on: &JoinOn,
        nulls: NullEquality,
        filter: &JoinFilter,
    ) -> Result<Option<(JoinSide, Condition)>> {
        let terms = split_conjunction(filter.expression());
        let Some((side, first, second)) = pair(&terms, filter) else {
            return Ok(None);
        };
        let (begin, end) = (&less(terms[first]), &less(terms[second]));
        let (Some(begin), Some(end)) = (begin, end) else {
            return Ok(None);
        };
        let (intervals, points) = match side {
            JoinSide::Left => (left, right),
            _ => (right, left),
        };
        let bound = |value, open| -> Result<Bound> {
            Ok(Bound {
                value: over(value, filter, intervals)?,
                open,
            })
        };
        let condition = Condition {
            keys: match side {
                JoinSide::Left => on.clone(),
                _ => on.iter().cloned().map(|(l, r)| (r, l)).collect(),
            },
            nulls,
            begin: bound(begin.small, begin.strict)?,
            end: bound(end.large, end.strict)?,
            point: over(begin.large, filter, points)?,
            rest: rest(&terms, [first, second], side, filter),
        };
        let fits = condition.fits(intervals, points)?;
        Ok(fits.then_some((side, condition)))
    }

    /// Whether its types are such that points are numbers, and equal keys have equal bytes.
    fn fits(&self, intervals: &Schema, points: &Schema) -> Result<bool> {
        let point = self.point.data_type(points)?;
        let same = self.begin.value.data_type(intervals)? == point
            && self.end.value.data_type(intervals)? == point;
        let number = matches!(
            point,
            DataType::Int64 | DataType::Int32 | DataType::Timestamp(_, _)
        );
        for (key, other) in &self.keys {
            let (key, other) = (key.data_type(intervals)?, other.data_type(points)?);
            if key != other || !exact(&key) {
                return Ok(false);
            }
        }
        Ok(same && number)
    }
}

/// Whether values of this type are equal where their bytes are.
fn exact(key: &DataType) -> bool {
    match key {
        DataType::Dictionary(_, value) => exact(value),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        other => other.is_integer() || matches!(other, DataType::Timestamp(_, _)),
    }
}

/// Which of the terms say that a point is not before, and not after, an interval; and which side has the interval.
fn pair(terms: &[&PhysicalExprRef], filter: &JoinFilter) -> Option<(JoinSide, usize, usize)> {
    let bounds: Vec<_> = terms.iter().map(|term| less(term)).collect();
    for (first, begin) in bounds.iter().enumerate() {
        for (second, end) in bounds.iter().enumerate() {
            let (Some(begin), Some(end)) = (begin, end) else {
                continue;
            };
            let side = side_of(begin.small, filter);
            let apart = side.is_some()
                && side_of(begin.large, filter) == side.map(|side| side.negate())
                && side_of(end.large, filter) == side;
            if let Some(side) = side
                && apart
                && begin.large == end.small
            {
                return Some((side, first, second));
            }
        }
    }
    None
}

fn less(term: &PhysicalExprRef) -> Option<Less<'_>> {
    let binary = term.downcast_ref::<BinaryExpr>()?;
    let (small, large) = match binary.op() {
        Operator::Lt | Operator::LtEq => (binary.left(), binary.right()),
        Operator::Gt | Operator::GtEq => (binary.right(), binary.left()),
        _ => return None,
    };
    let strict = matches!(binary.op(), Operator::Lt | Operator::Gt);
    Some(Less {
        small,
        large,
        strict,
    })
}

/// The side that all columns of an expression of the filter are of.
fn side_of(expression: &PhysicalExprRef, filter: &JoinFilter) -> Option<JoinSide> {
    let columns = collect_columns(expression);
    let mut sides = columns
        .iter()
        .map(|column| filter.column_indices()[column.index()].side);
    let first = sides.next()?;
    sides.all(|side| side == first).then_some(first)
}

/// An expression of the filter over the columns of the input that it is of.
fn over(
    expression: &PhysicalExprRef,
    filter: &JoinFilter,
    input: &Schema,
) -> Result<PhysicalExprRef> {
    let moved = Arc::clone(expression).transform_up(|node| {
        let Some(column) = node.downcast_ref::<Column>() else {
            return Ok(Transformed::no(node));
        };
        let index = filter.column_indices()[column.index()].index;
        let column = Column::new(input.field(index).name(), index);
        Ok(Transformed::yes(Arc::new(column)))
    })?;
    Ok(moved.data)
}

/// The filter without the terms that are `used`; its sides as [`Condition`] has them.
fn rest(
    terms: &[&PhysicalExprRef],
    used: [usize; 2],
    intervals: JoinSide,
    filter: &JoinFilter,
) -> Option<JoinFilter> {
    let others = terms.iter().enumerate();
    let others = others.filter(|(at, _)| !used.contains(at));
    let others: Vec<PhysicalExprRef> = others.map(|(_, term)| Arc::clone(term)).collect();
    if others.is_empty() {
        return None;
    }
    let columns = filter.column_indices().iter().cloned();
    let rest = JoinFilter::new(
        conjunction(others),
        columns.map(|column| sided(column, intervals)).collect(),
        Arc::clone(filter.schema()),
    );
    Some(rest)
}

/// A column of a join whose intervals are on the side `intervals`, with the sides as [`Condition`] has them.
pub(super) fn sided(column: ColumnIndex, intervals: JoinSide) -> ColumnIndex {
    match intervals {
        JoinSide::Left => column,
        _ => ColumnIndex {
            side: column.side.negate(),
            ..column
        },
    }
}
