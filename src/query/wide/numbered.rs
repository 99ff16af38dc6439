//! A table whose lists are left where they are: the number of the row stands for each of them.
//!
//! Rows are read in their order, in one partition, and all of them, so that they can be counted.

use super::super::streaming::streaming;
use super::origin::{Group, Opened, Origin, is_wide, stand_in, told};
use crate::error::Error;
use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StructArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::project_schema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The table.
#[derive(Debug)]
pub(super) struct Numbered {
    opened: Arc<Opened>,
    schema: SchemaRef,
}

impl Numbered {
    /// The table of `origin`, which is `opened`.
    pub(super) fn new(origin: &Origin, opened: Arc<Opened>) -> Self {
        let schema = origin.schema();
        let field = |field: &Arc<Field>| match is_wide(field) {
            true => Arc::new(Field::new(field.name(), stand_in(field.name()), false)),
            false => Arc::clone(field),
        };
        let fields: Vec<Arc<Field>> = schema.fields().iter().map(field).collect();
        Numbered {
            opened,
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

#[async_trait]
impl TableProvider for Numbered {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        Ok(Arc::new(NumberedExec::new(
            Arc::clone(&self.opened),
            schema,
        )))
    }
}

/// Reads it.
#[derive(Debug)]
struct NumberedExec {
    opened: Arc<Opened>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl NumberedExec {
    fn new(opened: Arc<Opened>, schema: SchemaRef) -> Self {
        let known = EquivalenceProperties::new(Arc::clone(&schema));
        NumberedExec {
            opened,
            schema,
            properties: streaming(known, 1),
        }
    }
}

impl DisplayAs for NumberedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberedExec")
    }
}

impl ExecutionPlan for NumberedExec {
    fn name(&self) -> &str {
        "NumberedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = context.session_config().batch_size();
        let (opened, schema) = (Arc::clone(&self.opened), Arc::clone(&self.schema));
        let groups = stream::iter(opened.groups.clone());
        let batches = groups
            .map(move |group| Read::new(&opened, group, &schema, rows))
            .map_ok(stream::iter)
            .try_flatten();
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// The batches of a row group.
struct Read {
    reader: ParquetRecordBatchReader,
    /// The file that is read.
    path: PathBuf,
    schema: SchemaRef,
    /// The number of the next row.
    next: i64,
}

impl Read {
    fn new(opened: &Opened, group: Group, schema: &SchemaRef, rows: usize) -> Result<Self> {
        let file = opened.file(group.file);
        let file = file.map_err(told)?;
        let (path, metadata) = &opened.files[group.file];
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
        let columns = metadata.schema().fields().iter().enumerate();
        let wanted = |name: &str| {
            let field = schema.field_with_name(name);
            field.is_ok_and(|field| !matches!(field.data_type(), DataType::Struct(_)))
        };
        let read = columns.filter(|(_, field)| wanted(field.name()));
        let read = read.map(|(number, _)| number);
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let reader = builder
            .with_row_groups(vec![group.number])
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|e| told(Error::columns_read(path)(e)))?;
        Ok(Read {
            reader,
            path: path.clone(),
            schema: Arc::clone(schema),
            next: group.first,
        })
    }

    fn numbered(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let numbers = self.next..self.next + rows as i64;
        self.next = numbers.end;
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        let column = |field: &Arc<Field>| -> Result<ArrayRef> {
            if let DataType::Struct(number) = field.data_type() {
                let numbers = vec![Arc::clone(&numbers)];
                return Ok(Arc::new(StructArray::new(number.clone(), numbers, None)));
            }
            Ok(match batch.column_by_name(field.name()) {
                Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
                Some(column) => cast(column, field.data_type())?,
                None => new_null_array(field.data_type(), rows),
            })
        };
        let columns = self.schema.fields().iter().map(column);
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns.collect::<Result<_>>()?,
            &count,
        )?)
    }
}

impl Iterator for Read {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        let batch = batch.map_err(ParquetError::from);
        let batch = batch.map_err(|e| told(Error::columns_read(&self.path)(e)));
        Some(batch.and_then(|batch| self.numbered(&batch)))
    }
}
