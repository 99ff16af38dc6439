//! A `COPY` whose lists go from file to file as they are.
//!
//! Rows come in the order of the table, so those of one row group follow one another: they are put into one row group of
//! each file that is written.

use super::lists::Lists;
use super::origin::{Group, Opened, Origin, is_wide, stands_for};
use super::output::{Column, Form, Output};
use super::passed::passed;
use crate::columns::parquet::any::AnyColumn;
use crate::columns::parquet::records::Places;
use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::object_store::path::PathPart;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be carried out.
pub(crate) struct Copied {
    plan: LogicalPlan,
    state: SessionState,
    opened: Arc<Opened>,
    writing: Writing,
}

/// The files that are written, and what goes there.
struct Writing {
    form: Arc<Form>,
    lists: Arc<Lists>,
    /// The columns of the plan that are written.
    columns: Vec<usize>,
    /// A column of the plan that has numbers of rows.
    numbers: usize,
    /// The column of the plan whose values name folders.
    folders: Option<(String, usize)>,
    files: Vec<Output>,
    /// The numbers of files, by what names their folders.
    known: HashMap<String, usize>,
}

impl Copied {
    /// Plans a `COPY`; `None` where there is more to it than to hand on lists of one of `origins`.
    ///
    /// # Errors
    /// Those of the plan, and of files that are read.
    pub(crate) fn plan(
        state: &SessionState,
        copy: &CopyTo,
        origins: &[Origin],
    ) -> Result<Option<Self>> {
        let schema = copy.input.schema();
        let plain = copy.options.is_empty() && copy.file_type.get_ext() == "parquet";
        if !plain || copy.partition_by.len() > 1 || !schema.fields().iter().any(|f| is_wide(f)) {
            return Ok(None);
        }
        let Some(found) = passed(&state.optimize(&copy.input)?, origins)? else {
            return Ok(None);
        };
        let (plan, opened) = found;
        let stands_for = |number: usize| {
            let stand_in = stands_for(plan.schema().field(number).data_type());
            stand_in.filter(|_| is_wide(schema.field(number)))
        };
        let all = 0..schema.fields().len();
        let Some(numbers) = all.clone().find(|number| stands_for(*number).is_some()) else {
            return Ok(None);
        };
        let folders = copy.partition_by.first().and_then(|name| {
            let number = schema.index_of_column_by_name(None, name)?;
            Some((name.clone(), number))
        });
        let in_files = |number: &usize| folders.as_ref().is_none_or(|(_, folder)| folder != number);
        let columns: Vec<usize> = all.filter(in_files).collect();
        let form = Arc::new(Form::new(Arc::new(schema.as_arrow().project(&columns)?))?);
        let roots = columns
            .iter()
            .map(|number| stands_for(*number).map(str::to_owned));
        let Some(lists) = Lists::find(&opened, &form, &roots.collect::<Vec<_>>()) else {
            return Ok(None);
        };
        let mut state = state.clone();
        state.config_mut().options_mut().execution.target_partitions = 1;
        let writing = Writing {
            form,
            lists: Arc::new(lists),
            columns,
            numbers,
            folders,
            files: Vec::new(),
            known: HashMap::new(),
        };
        Ok(Some(Copied {
            plan,
            state,
            opened,
            writing,
        }))
    }

    /// Writes the file `target`, or files in the folder of this name, and gives the number of rows.
    ///
    /// # Errors
    /// Where rows cannot be read or written.
    pub(crate) async fn write(self, target: &Path, folder: bool) -> Result<u64> {
        let Copied {
            plan,
            state,
            opened,
            mut writing,
        } = self;
        let target = match folder {
            true => target.join("rows.parquet"),
            false => target.to_path_buf(),
        };
        if writing.folders.is_none() {
            writing.file("", &target)?;
        }
        let mut stream = DataFrame::new(state, plan).execute_stream().await?;
        let mut groups = opened.groups.iter();
        let mut group: Option<Group> = None;
        let (mut part, mut rows): (Vec<RecordBatch>, u64) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let mut batch = batch?;
            rows += batch.num_rows() as u64;
            while batch.num_rows() > 0 {
                let inside = group.map_or(0, |group| writing.before(&batch, group.end()));
                if inside == 0 {
                    writing.part(group, &mut part, &target).await?;
                    group = groups.next().copied();
                    if group.is_none() {
                        let what = "rows are not in the order of their files";
                        return Err(DataFusionError::Internal(what.to_owned()));
                    }
                    continue;
                }
                part.push(batch.slice(0, inside));
                batch = batch.slice(inside, batch.num_rows() - inside);
            }
        }
        writing.part(group, &mut part, &target).await?;
        writing.files.into_iter().try_for_each(Output::finish)?;
        Ok(rows)
    }
}

impl Writing {
    /// The numbers of the rows of a batch.
    fn numbers<'b>(&self, batch: &'b RecordBatch) -> &'b [i64] {
        let stand_in = batch.column(self.numbers).as_struct();
        stand_in.column(0).as_primitive::<Int64Type>().values()
    }

    /// How many rows of a batch have a number below `end`.
    fn before(&self, batch: &RecordBatch, end: i64) -> usize {
        self.numbers(batch).partition_point(|number| *number < end)
    }

    /// The number of the file in the folder for a value, which is begun where it is not there.
    fn file(&mut self, value: &str, target: &Path) -> Result<usize> {
        if let Some(number) = self.known.get(value) {
            return Ok(*number);
        }
        let path = match &self.folders {
            None => target.to_path_buf(),
            Some((name, _)) => in_folder(target, &format!("{name}={value}")),
        };
        self.files.push(Output::create(&path, &self.form)?);
        self.known.insert(value.to_owned(), self.files.len() - 1);
        Ok(self.files.len() - 1)
    }

    /// Writes rows of a row group.
    async fn part(
        &mut self,
        group: Option<Group>,
        part: &mut Vec<RecordBatch>,
        target: &Path,
    ) -> Result<()> {
        let (Some(group), Some(first)) = (group, part.first()) else {
            return Ok(());
        };
        let batch = concat_batches(&first.schema(), part.iter())?;
        part.clear();
        let divided = self.divided(&batch, target)?;
        let place = |number: &i64| (number - group.first) as usize;
        let places: Vec<usize> = self.numbers(&batch).iter().map(place).collect();
        let mut files = vec![None; places.last().map_or(0, |last| last + 1)];
        for (number, (_, rows)) in divided.iter().enumerate() {
            for row in rows {
                files[places[*row as usize]] = Some(number);
            }
        }
        let count = divided.len();
        let lists = self.lists.apart(group, Places { files, count }).await?;
        let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
        for (file, rows) in divided {
            let rows = UInt32Array::from(rows);
            let mut columns = self.plain(&batch, &rows)?;
            for (at, encoded) in lists.iter_mut().enumerate() {
                if let Column::List(columns) = &mut columns[self.lists.root(at)] {
                    columns.extend(encoded.next());
                }
            }
            self.files[file].add(columns)?;
        }
        Ok(())
    }

    /// The rows of a batch by the file that they go to.
    fn divided(&mut self, batch: &RecordBatch, target: &Path) -> Result<Vec<(usize, Vec<u32>)>> {
        let Some((_, column)) = self.folders else {
            let all = (0..batch.num_rows() as u32).collect();
            return Ok(vec![(self.file("", target)?, all)]);
        };
        let values = cast(batch.column(column), &DataType::Utf8)?;
        let values = values.as_string::<i32>();
        let mut divided: Vec<(usize, Vec<u32>)> = Vec::new();
        for (row, value) in (0..).zip(values) {
            let file = self.file(value.unwrap_or_default(), target)?;
            match divided.iter_mut().find(|(number, _)| *number == file) {
                Some((_, rows)) => rows.push(row),
                None => divided.push((file, vec![row])),
            }
        }
        Ok(divided)
    }

    /// The columns of some rows of a batch; those of lists are still empty.
    fn plain(&self, batch: &RecordBatch, rows: &UInt32Array) -> Result<Vec<Column>> {
        let column = |(at, number): (usize, &usize)| -> Result<Column> {
            if self.lists.has(at) {
                return Ok(Column::List(Vec::new()));
            }
            let values = take(batch.column(*number), rows, None)?;
            let field = self.form.schema.field(at);
            let column = AnyColumn::encode(field, &values, &self.form.properties)?;
            Ok(Column::Plain(column))
        };
        self.columns.iter().enumerate().map(column).collect()
    }
}

/// The file of the same name in a folder beside it, whose name is written as DataFusion does.
fn in_folder(file: &Path, folder: &str) -> PathBuf {
    let folder = PathPart::from(folder);
    let name = file.file_name().unwrap_or_default();
    file.with_file_name(folder.as_ref()).join(name)
}
