//! The SQL function `members`: a structure as the list of its members that are not null, as names and texts.
//!
//! Which arguments there are differs from dataset to dataset, and SQL must name each column that it reads. With
//! `unnest(members(args))` a query goes over whatever there is. Texts are those of results: plain values as such, nested
//! ones as JSON.

use super::output::{json_options, text_columns};
use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, StringBuilder, StructArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// The function `members`.
pub(super) fn members() -> ScalarUDF {
    ScalarUDF::new_from_impl(Members {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Members {
    signature: Signature,
}

fn member() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, false);
    Fields::from(vec![text("name"), text("value")])
}

fn element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(member()), false))
}

impl ScalarUDFImpl for Members {
    fn name(&self) -> &str {
        "members"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Struct(_) | DataType::Null] => Ok(DataType::List(element())),
            _ => plan_err!("members takes a structure, such as args"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [structure] = &ColumnarValue::values_to_arrays(&args.args)?[..] else {
            return exec_err!("members takes one structure");
        };
        if *structure.data_type() == DataType::Null {
            let none = new_null_array(&DataType::List(element()), structure.len());
            return Ok(ColumnarValue::Array(none));
        }
        let listed = list(structure.as_struct());
        let listed = listed.map_err(|e| datafusion::error::DataFusionError::External(e.into()))?;
        Ok(ColumnarValue::Array(Arc::new(listed)))
    }
}

fn list(structure: &StructArray) -> crate::error::Result<ListArray> {
    let schema = Arc::new(Schema::new(structure.fields().clone()));
    let rows = structure.len();
    let batch = RecordBatch::try_new(Arc::clone(&schema), structure.columns().to_vec());
    let batch = batch.expect("the columns of a structure are of its type");
    let json = json_options(&schema);
    let columns = text_columns(&schema, &batch, &json)?;
    // By column first, since most columns are null in most rows.
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    let mut text = String::new();
    for (number, mut cells) in columns.into_iter().enumerate() {
        if batch.column(number).null_count() == rows {
            continue;
        }
        for row in (0..rows).filter(|row| structure.is_valid(*row)) {
            if cells.text(row, &mut text)? {
                found.push((row, number, std::mem::take(&mut text)));
            }
        }
    }
    found.sort_unstable_by_key(|(row, number, _)| (*row, *number));
    let (mut names, mut values) = (StringBuilder::new(), StringBuilder::new());
    let mut lengths = vec![0; rows];
    for (row, number, value) in &found {
        names.append_value(schema.field(*number).name());
        values.append_value(value);
        lengths[*row] += 1;
    }
    let arrays: Vec<ArrayRef> = vec![Arc::new(names.finish()), Arc::new(values.finish())];
    Ok(ListArray::new(
        element(),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(StructArray::new(member(), arrays, None)),
        structure.nulls().cloned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::output::sample;
    use super::*;

    #[test]
    fn members_are_the_values_that_are_not_null() {
        let batch = sample();
        let listed = list(&StructArray::from(batch)).unwrap();
        let row = |i: usize| -> Vec<(String, String)> {
            let row = listed.value(i);
            let row = row.as_struct();
            let text = |n: usize| row.column(n).as_string::<i32>().clone();
            let (names, values) = (text(0), text(1));
            let pairs = names.iter().zip(values.iter());
            pairs
                .map(|(n, v)| (n.unwrap().to_owned(), v.unwrap().to_owned()))
                .collect()
        };
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(
            row(0),
            [
                pair("id", "9223372036854775807"),
                pair("at", "2026-11-24T00:00:00.000000001Z"),
                pair("text", "a,\"b\"\n|"),
                pair("ratio", "0.1"),
                pair("args", "{\"fd\":3}"),
            ]
        );
        assert_eq!(row(1), [pair("id", "-1")]);
        assert_eq!(
            row(2)[1..],
            [pair("text", ""), pair("ratio", "1.0"), pair("args", "{}")]
        );
    }
}
