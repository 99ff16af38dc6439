//! The SQL aggregate `count_requests`: how many different requests there are, exactly, in less than a byte each where they are
//! many.
//!
//! `count(DISTINCT …)` keeps each different value of each group in a table of its own, in memory, and does not go to disk. The
//! requests of a recording are numbered from 0, so that a set of them is a map of bits, compressed where it is sparse.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use roaring::RoaringTreemap;
use std::sync::Arc;

const NAME: &str = "count_requests";

/// The aggregate `count_requests(trace_id, request_id)`.
pub(super) fn count_requests() -> AggregateUDF {
    AggregateUDF::new_from_impl(CountRequests {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CountRequests {
    signature: Signature,
}

impl AggregateUDFImpl for CountRequests {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let text = |ty: &DataType| match ty {
            DataType::Dictionary(_, of) => of.is_string(),
            other => other.is_string() || other.is_null(),
        };
        match types {
            [trace, request] if text(trace) && (request.is_integer() || request.is_null()) => {
                Ok(vec![trace.clone(), DataType::Int64])
            }
            _ => plan_err!("{NAME} takes a trace_id and a request_id"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "sets");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        // All that it counts is different, so that DISTINCT changes nothing.
        Ok(Box::new(Sets::default()))
    }
}

/// The requests of a group, by recording.
#[derive(Debug, Default)]
struct Sets {
    of: Vec<(String, RoaringTreemap)>,
}

impl Sets {
    /// The set of a recording; there are few.
    fn set(&mut self, trace_id: &str) -> &mut RoaringTreemap {
        let at = self.of.iter().position(|(id, _)| id == trace_id);
        let at = at.unwrap_or_else(|| {
            self.of.push((trace_id.to_owned(), RoaringTreemap::new()));
            self.of.len() - 1
        });
        &mut self.of[at].1
    }

    fn add(&mut self, traces: &StringViewArray, requests: &ArrayRef) {
        let requests = requests.as_primitive::<Int64Type>();
        let mut from = 0;
        while from < traces.len() {
            let same = |i: &usize| {
                traces.is_null(*i) == traces.is_null(from) && traces.value(*i) == traces.value(from)
            };
            let to = (from + 1..traces.len()).find(|i| !same(i));
            let to = to.unwrap_or(traces.len());
            if traces.is_valid(from) {
                let set = self.set(traces.value(from));
                for i in (from..to).filter(|i| requests.is_valid(*i)) {
                    set.insert(requests.value(i) as u64);
                }
            }
            from = to;
        }
    }

    /// All sets in bytes: for each, its recording and itself, each behind its length.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (trace_id, set) in &self.of {
            bytes.extend_from_slice(&(trace_id.len() as u64).to_le_bytes());
            bytes.extend_from_slice(trace_id.as_bytes());
            bytes.extend_from_slice(&(set.serialized_size() as u64).to_le_bytes());
            set.serialize_into(&mut bytes)
                .expect("a vector takes everything");
        }
        bytes
    }

    fn merge(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let trace_id = std::str::from_utf8(behind_length(&mut bytes)?)
                .ok()?
                .to_owned();
            let set = RoaringTreemap::deserialize_from(behind_length(&mut bytes)?).ok()?;
            *self.set(&trace_id) |= set;
        }
        Some(())
    }
}

/// The bytes behind a length, which is taken off, as they are.
fn behind_length<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (found, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(found)
}

impl Accumulator for Sets {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let traces = cast(&values[0], &DataType::Utf8View)?;
        self.add(traces.as_string_view(), &values[1]);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum: u64 = self.of.iter().map(|(_, set)| set.len()).sum();
        Ok(ScalarValue::Int64(Some(sum as i64)))
    }

    fn size(&self) -> usize {
        let of = self.of.iter();
        let bytes = of.map(|(id, set)| id.capacity() + set.serialized_size() + size_of_val(set));
        size_of_val(self) + bytes.sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.bytes()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states: &BinaryArray = states[0].as_binary();
        for state in states.iter().flatten() {
            if self.merge(state).is_none() {
                return exec_err!("{NAME}: a state that is none");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::asking::ask;
    use super::*;

    fn asked(memory: usize, sql: &str) -> Result<Vec<i64>> {
        let batches = ask(count_requests(), memory, sql)?;
        let columns = batches
            .iter()
            .map(|b| b.column(0).as_primitive::<Int64Type>());
        Ok(columns.flat_map(|c| c.values().to_vec()).collect())
    }

    #[test]
    fn requests_are_counted_once_for_each_recording() {
        let rows = "(VALUES ('a', 0), ('a', 1), ('b', 0), ('a', 0), (NULL, 5), ('b', NULL), ('b', 0)) AS t (t, r)";
        let all = format!("SELECT count_requests(t, r) FROM {rows}");
        assert_eq!(asked(1 << 30, &all).unwrap(), [3]);
        let some = format!("SELECT count_requests(t, r) FILTER (WHERE r > 7) FROM {rows}");
        assert_eq!(asked(1 << 30, &some).unwrap(), [0]);
        let none = format!("SELECT count_requests(t, r) FROM {rows} WHERE r > 7");
        assert_eq!(asked(1 << 30, &none).unwrap(), [0]);
        let coded = format!(
            "SELECT count_requests(arrow_cast(t, 'Dictionary(Int32, Utf8)'), r) AS n FROM {rows} GROUP BY t ORDER BY n"
        );
        assert_eq!(asked(1 << 30, &coded).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn it_counts_what_distinct_counts_in_little_memory() {
        const MEMORY: usize = 24 << 20;
        let rows = "(SELECT v % 5 AS k, CASE WHEN v % 3 = 0 THEN 'a' ELSE 'b' END AS t, v * 7919 % 300007 AS r \
                    FROM (SELECT unnest(range(0, 600000)) AS v))";
        let count = |what: &str| format!("SELECT {what} FROM {rows} GROUP BY k ORDER BY k");
        let distinct = count("count(DISTINCT concat(t, ':', r))");
        let ours = count("count_requests(t, r)");
        assert_eq!(
            asked(MEMORY, &ours).unwrap(),
            asked(1 << 30, &distinct).unwrap()
        );
    }

    #[test]
    fn what_is_no_request_is_told() {
        for call in [
            "count_requests(1, 2)",
            "count_requests('a', 1.5)",
            "count_requests('a')",
        ] {
            let e = asked(1 << 30, &format!("SELECT {call}"))
                .unwrap_err()
                .to_string();
            assert!(
                e.contains("takes a trace_id and a request_id"),
                "{call}: {e}"
            );
        }
    }
}
