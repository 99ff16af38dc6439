//! The operator that pairs system calls, as a message.

use super::super::calls::layout::{Column, Layout, Of};
use super::messages::{CallColumn, Calls};
use super::{read, written};
use datafusion::common::{Result, internal_datafusion_err};
use std::sync::Arc;

/// Which event has a value: the place of each in the message.
pub(super) const ORDER: [Of; 5] = [
    Of::Entry,
    Of::Exit,
    Of::ExitElseEntry,
    Of::EntryElseExit,
    Of::Errno,
];

impl Calls {
    pub(super) fn of(layout: &Layout) -> Result<Self> {
        let column = |column: &Column| {
            let of = ORDER.iter().position(|of| *of == column.of);
            let of = of.ok_or_else(|| internal_datafusion_err!("{:?} has no number", column.of))?;
            Ok(CallColumn {
                of: of as u32,
                from: column.from.map(|from| from as u64),
            })
        };
        let columns = layout.columns.iter().map(column);
        Ok(Calls {
            schema: Some(written(&layout.schema)?),
            input: layout.input.iter().map(|number| *number as u64).collect(),
            columns: columns.collect::<Result<_>>()?,
            errnos: layout.errnos.as_ref().clone(),
        })
    }

    pub(super) fn layout(self) -> Result<Arc<Layout>> {
        let column = |column: CallColumn| {
            let of = ORDER.get(column.of as usize);
            let of =
                of.ok_or_else(|| internal_datafusion_err!("no event has number {}", column.of))?;
            Ok(Column {
                of: *of,
                from: column.from.map(|from| from as usize),
            })
        };
        let columns = self.columns.into_iter().map(column);
        Ok(Arc::new(Layout {
            input: self.input.into_iter().map(|n| n as usize).collect(),
            columns: columns.collect::<Result<_>>()?,
            schema: read(self.schema)?,
            errnos: Arc::new(self.errnos),
        }))
    }
}
