//! The columns in lists, from the files that are read into those that are written.

use super::origin::{Group, Opened, told};
use super::output::Form;
use crate::columns::parquet::fitting::Fitting;
use crate::columns::parquet::records::{Encoded, Places, apart};
use crate::error::Error;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Columns that are copied at once.
const AT_ONCE: usize = 4;

/// The columns in lists.
pub(super) struct Lists {
    opened: Arc<Opened>,
    form: Arc<Form>,
    /// Their numbers in the files that are written.
    numbers: Vec<usize>,
    /// What they are in each file that is read.
    fittings: Vec<Vec<Fitting>>,
}

impl Lists {
    /// Those in the columns of `form` for which `roots` says what they are called in the files that are read; `None` where a
    /// file has not got these lists.
    pub(super) fn find(
        opened: &Arc<Opened>,
        form: &Arc<Form>,
        roots: &[Option<String>],
    ) -> Option<Lists> {
        let columns = &form.columns;
        let root = |number: usize| roots[columns.get_column_root_idx(number)].as_deref();
        let all = 0..columns.num_columns();
        let numbers: Vec<usize> = all.filter(|number| root(*number).is_some()).collect();
        let fittings = opened.files.iter().map(|(_, metadata)| {
            let file = metadata.parquet_schema();
            let fitting = |number: &usize| Fitting::find(file, root(*number)?, columns, *number);
            numbers.iter().map(fitting).collect()
        });
        Some(Lists {
            fittings: fittings.collect::<Option<_>>()?,
            opened: Arc::clone(opened),
            form: Arc::clone(form),
            numbers,
        })
    }

    /// The columns of a row group, each as it is to be in each file of `places`.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) async fn apart(
        self: &Arc<Self>,
        group: Group,
        places: Places,
    ) -> Result<Vec<Vec<Encoded>>> {
        let places = Arc::new(places);
        let one = |at: usize| {
            let (lists, places) = (Arc::clone(self), Arc::clone(&places));
            let copied = SpawnedTask::spawn(async move { lists.one(at, group, &places) });
            async move {
                let copied = copied.join_unwind().await;
                copied.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?
            }
        };
        let columns = stream::iter(0..self.numbers.len()).map(one);
        columns.buffered(AT_ONCE).try_collect().await
    }

    /// The column at this place of [`Lists::numbers`].
    fn one(&self, at: usize, group: Group, places: &Places) -> Result<Vec<Encoded>> {
        let file = self.opened.file(group.file);
        let file = file.map_err(told)?;
        let (path, metadata) = &self.opened.files[group.file];
        let from = (file, metadata.metadata().row_group(group.number));
        let to = self.form.columns.column(self.numbers[at]);
        let fitting = &self.fittings[group.file][at];
        let encoded = apart(from, (fitting, &to), places, &self.form.properties);
        encoded.map_err(|e| told(Error::columns_read(path)(e)))
    }

    /// The column of the form that one of the encoded columns is in.
    pub(super) fn root(&self, at: usize) -> usize {
        self.form.columns.get_column_root_idx(self.numbers[at])
    }

    /// Whether the column of the form that has this number is one of lists.
    pub(super) fn has(&self, column: usize) -> bool {
        (0..self.numbers.len()).any(|at| self.root(at) == column)
    }
}
