//! Rows of a file as rows of its table: the columns that the file lacks, at every depth, are null.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::{DataType, Fields, SchemaRef};
use arrow::error::ArrowError;
use std::sync::Arc;

/// `batch` with the columns of `schema`, in its order.
///
/// # Errors
/// Where the batch has a column that the schema lacks or gives another type: nothing is left out.
pub fn widened(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema().fields() == schema.fields() {
        return RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec());
    }
    let own = batch.schema();
    let columns = fields(
        own.fields(),
        batch.columns(),
        schema.fields(),
        batch.num_rows(),
    )?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// The columns `arrays` of the fields `from`, of `rows` rows each, as columns of the fields `to`.
fn fields(
    from: &Fields,
    arrays: &[ArrayRef],
    to: &Fields,
    rows: usize,
) -> Result<Vec<ArrayRef>, ArrowError> {
    if let Some(more) = from.iter().find(|f| to.find(f.name()).is_none()) {
        let what = format!(
            "a file has the field {}, which its table lacks",
            more.name()
        );
        return Err(ArrowError::SchemaError(what));
    }
    let column = |field: &Arc<arrow::datatypes::Field>| match from.find(field.name()) {
        Some((at, _)) => array(&arrays[at], field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    to.iter().map(column).collect()
}

fn array(of: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if of.data_type() == to {
        return Ok(Arc::clone(of));
    }
    match (of.data_type(), to) {
        (DataType::Struct(from), DataType::Struct(fields_to)) => {
            let of = of.as_struct();
            let members = fields(from, of.columns(), fields_to, of.len())?;
            let nulls = of.nulls().cloned();
            let made =
                StructArray::try_new_with_length(fields_to.clone(), members, nulls, of.len())?;
            Ok(Arc::new(made))
        }
        (DataType::List(_), DataType::List(element)) => {
            let of = of.as_list::<i32>();
            let values = array(of.values(), element.data_type())?;
            let (offsets, nulls) = (of.offsets().clone(), of.nulls().cloned());
            let made = ListArray::try_new(Arc::clone(element), offsets, values, nulls)?;
            Ok(Arc::new(made))
        }
        (from, to) => Err(ArrowError::SchemaError(format!(
            "a file has {from} where its table has {to}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::datatypes::{Field, Schema};

    fn structure(names: &[&str]) -> Fields {
        let fields = names.iter().map(|n| Field::new(*n, DataType::Int64, true));
        fields.collect()
    }

    /// A list of structures with the members `names`, of which the second is null, in lists of one and two.
    fn lists(names: &[&str]) -> (Field, ArrayRef) {
        let members: Vec<ArrayRef> = names
            .iter()
            .map(|_| Arc::new(Int64Array::from(vec![1, 0, 3])) as ArrayRef)
            .collect();
        let fields = structure(names);
        let nulls = NullBuffer::from(vec![true, false, true]);
        let values = StructArray::new(fields.clone(), members, Some(nulls));
        let element = Arc::new(Field::new("element", DataType::Struct(fields), true));
        let offsets = OffsetBuffer::from_lengths([1, 2]);
        let list = ListArray::new(Arc::clone(&element), offsets, Arc::new(values), None);
        (
            Field::new("events", DataType::List(element), false),
            Arc::new(list),
        )
    }

    #[test]
    fn what_a_file_lacks_is_null_at_every_depth() {
        let (field, array) = lists(&["fd"]);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
        let (field, _) = lists(&["count", "fd"]);
        let more = Field::new("id", DataType::Int64, true);
        let schema = Arc::new(Schema::new(vec![more, field]));
        let wide = widened(&batch, &schema).unwrap();
        assert_eq!(wide.schema(), schema);
        assert_eq!(wide.column(0).null_count(), 2);
        let events = wide.column(1).as_list::<i32>();
        assert_eq!(events.value_length(1), 2);
        let events = events.values().as_struct();
        assert!(events.is_null(1) && events.is_valid(2));
        assert_eq!(events.column(0).null_count(), 3);
        assert_eq!(
            events
                .column(1)
                .as_primitive::<arrow::datatypes::Int64Type>()
                .value(2),
            3
        );
    }

    #[test]
    fn nothing_is_left_out() {
        let (field, array) = lists(&["fd", "x"]);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
        let schema = Arc::new(Schema::new(vec![lists(&["fd"]).0]));
        let e = widened(&batch, &schema).unwrap_err().to_string();
        assert!(e.contains("the field x"), "{e}");
    }
}
