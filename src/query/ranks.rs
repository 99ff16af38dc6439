//! The SQL aggregate `nearest_ranks`: exact percentiles, in eight bytes a value.
//!
//! DataFusion's own are estimates, or lie between two values, or need all values as a list in order, which takes more than a
//! hundred bytes each. A percentile here is the nearest rank: of n sorted values the one at position min(n - 1, floor(p * n)),
//! from 0. The values of a group are kept as they are, and sorted once at the end.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, Schema};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};
use std::sync::Arc;

const NAME: &str = "nearest_ranks";

/// The aggregate `nearest_ranks(value, shares)`.
pub(super) fn nearest_ranks() -> AggregateUDF {
    AggregateUDF::new_from_impl(NearestRanks {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NearestRanks {
    signature: Signature,
}

/// A list of this type.
fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// A list as one value.
fn one_list(values: Int64Array) -> ScalarValue {
    let field = Arc::new(Field::new_list_field(DataType::Int64, true));
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    ScalarValue::List(Arc::new(ListArray::new(
        field,
        offsets,
        Arc::new(values),
        None,
    )))
}

impl AggregateUDFImpl for NearestRanks {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [
                value,
                DataType::List(_) | DataType::FixedSizeList(..) | DataType::LargeList(_),
            ] if value.is_integer() || *value == DataType::Null => {
                Ok(vec![DataType::Int64, list(DataType::Float64)])
            }
            _ => plan_err!("{NAME} takes an integer and a list of shares, as [0.5, 0.99]"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(list(DataType::Int64))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new(
            name,
            list(DataType::Int64),
            true,
        ))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{NAME} ranks all values; it takes no DISTINCT");
        }
        Ok(Box::new(Values {
            shares: shares(&args)?,
            values: Vec::new(),
        }))
    }
}

/// The shares that a call asks for.
fn shares(args: &AccumulatorArgs) -> Result<Vec<f64>> {
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let given = args.exprs.get(1).map(|expr| expr.evaluate(&nothing));
    let Some(Ok(ColumnarValue::Scalar(given))) = given else {
        return plan_err!("{NAME} takes shares that are the same for all rows, as [0.5, 0.99]");
    };
    let given = cast(&given.to_array()?, &list(DataType::Float64))?;
    let given = given.as_list::<i32>();
    let given: Float64Array = match given.is_null(0) {
        true => Float64Array::from(Vec::<f64>::new()),
        false => given.value(0).as_primitive::<Float64Type>().clone(),
    };
    let share = |share: Option<f64>| match share {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => plan_err!("a share of {NAME} lies between 0 and 1"),
    };
    given.iter().map(share).collect()
}

/// The values of a group.
#[derive(Debug)]
struct Values {
    shares: Vec<f64>,
    values: Vec<i64>,
}

impl Values {
    fn add(&mut self, values: &ArrayRef) {
        let values = values.as_primitive::<Int64Type>();
        match values.null_count() {
            0 => self.values.extend_from_slice(values.values()),
            _ => self.values.extend(values.iter().flatten()),
        }
    }

    /// The value at each share; null where there is no value.
    fn ranks(&mut self) -> Int64Array {
        self.values.sort_unstable();
        let last = self.values.len().saturating_sub(1);
        let rank = |share: &f64| {
            let rank = (share * self.values.len() as f64).floor() as usize;
            self.values.get(rank.min(last)).copied()
        };
        self.shares.iter().map(rank).collect()
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0]);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(one_list(self.ranks()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = std::mem::take(&mut self.values);
        Ok(vec![one_list(Int64Array::from(values))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        lists.iter().flatten().for_each(|values| self.add(&values));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::asking::ask;
    use super::*;

    fn asked(sql: &str) -> Result<Vec<Vec<Option<i64>>>> {
        asked_within(1 << 30, sql)
    }

    /// The answer, with so many bytes for operators.
    fn asked_within(memory: usize, sql: &str) -> Result<Vec<Vec<Option<i64>>>> {
        let batches = ask(nearest_ranks(), memory, sql)?;
        let lists = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_list::<i32>().iter());
        let row =
            |list: Option<ArrayRef>| list.unwrap().as_primitive::<Int64Type>().iter().collect();
        Ok(lists.map(row).collect())
    }

    #[test]
    fn ranks_are_those_of_sorted_values_without_nulls() {
        let values = "(VALUES (3), (1), (NULL), (2), (5), (4), (6), (7), (8), (9), (10)) AS t (v)";
        let all = format!("SELECT nearest_ranks(v, [0, 0.5, 0.9, 0.999, 1]) FROM {values}");
        let expected = [Some(1), Some(6), Some(10), Some(10), Some(10)];
        assert_eq!(asked(&all).unwrap(), [expected]);
        let some = format!("SELECT nearest_ranks(v, [0.5]) FILTER (WHERE v > 8) FROM {values}");
        assert_eq!(asked(&some).unwrap(), [[Some(10)]]);
    }

    #[test]
    fn a_group_without_values_has_nulls() {
        let sql = "SELECT nearest_ranks(v, [0.5, 1]) FILTER (WHERE v > 1) \
                   FROM (VALUES (1, 1), (2, 2), (2, 3)) AS t (k, v) GROUP BY k ORDER BY k";
        let expected = [[None, None], [Some(3), Some(3)]];
        assert_eq!(asked(sql).unwrap(), expected);
        let none = "SELECT nearest_ranks(v, [0.5]) FROM (SELECT 1 AS v) WHERE v > 1";
        assert_eq!(asked(none).unwrap(), [[None]]);
    }

    #[test]
    fn many_values_in_many_groups_are_ranked_as_when_sorted() {
        let values = "(SELECT v % 7 AS k, v * 7919 % 100003 AS v FROM (SELECT unnest(range(0, 60000)) AS v))";
        let ours =
            format!("SELECT nearest_ranks(v, [0.25, 0.99]) FROM {values} GROUP BY k ORDER BY k");
        let sorted = format!(
            "SELECT [d[1 + CAST(floor(0.25 * n) AS BIGINT)], d[1 + CAST(floor(0.99 * n) AS BIGINT)]] \
             FROM (SELECT k, count(*) AS n, array_agg(v ORDER BY v) AS d FROM {values} GROUP BY k) ORDER BY k"
        );
        assert_eq!(asked(&ours).unwrap(), asked(&sorted).unwrap());
    }

    #[test]
    fn a_million_values_take_few_bytes_each() {
        const MEMORY: usize = 16 << 20;
        let values = "(SELECT unnest(range(0, 250000)) AS v)";
        let values = format!("({values} UNION ALL {values} UNION ALL {values} UNION ALL {values})");
        let ours = format!("SELECT nearest_ranks(v, [0.5, 1]) FROM {values}");
        assert_eq!(
            asked_within(MEMORY, &ours).unwrap(),
            [[Some(125_000), Some(249_999)]]
        );
        let list = format!("SELECT array_agg(v ORDER BY v)[1:2] FROM {values}");
        assert!(
            asked_within(MEMORY, &list)
                .unwrap_err()
                .to_string()
                .contains("Resources exhausted")
        );
    }

    #[test]
    fn what_cannot_be_ranked_is_told() {
        for (call, said) in [
            ("nearest_ranks(1.5, [0.5])", "an integer and a list"),
            ("nearest_ranks(1, 0.5)", "an integer and a list"),
            ("nearest_ranks(1, [1.5])", "between 0 and 1"),
            ("nearest_ranks(1, [NULL, 0.5])", "between 0 and 1"),
            ("nearest_ranks(DISTINCT 1, [0.5])", "no DISTINCT"),
            ("nearest_ranks(v, [v])", "the same for all rows"),
        ] {
            let e = asked(&format!("SELECT {call} FROM (SELECT 1 AS v)")).unwrap_err();
            assert!(e.to_string().contains(said), "{call}: {e}");
        }
    }
}
