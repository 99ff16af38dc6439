//! The one schema that a table has in a release, of whose files in the dataset one may lack columns that another has.

use crate::columns::schema::layout::Layout;
use crate::columns::schema::united::{self, member, members, usage};
use crate::columns::schema::{contract, merge};
use crate::dataset::classes::{Class, Classes};
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::Result;
use crate::trace::event::EventClass;
use crate::trace::select::Selection;
use arrow::datatypes::{Schema, SchemaRef};
use glob::Pattern;
use std::sync::Arc;

/// The schema of the table whose files, in the dataset in `root`, have the schemas `all`: that of one ingest of all its
/// recordings.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where a column has two types.
pub(crate) fn schema(
    root: &Root,
    manifest: &Manifest,
    classes: &[Classes],
    table: &str,
    mut all: Vec<SchemaRef>,
) -> Result<SchemaRef> {
    all.dedup();
    if let [only] = &all[..] {
        return Ok(united::completed(only, table));
    }
    let merged = merge::merge(&all).map_err(|conflict| conflict.refused(&root.join(table)))?;
    Ok(match table {
        tables::EVENTS => Arc::new(events(&merged, manifest, classes)),
        tables::REQUESTS => Arc::new(requests(&merged, manifest, classes)),
        _ => merged,
    })
}

fn events(merged: &Schema, manifest: &Manifest, all: &[Classes]) -> Schema {
    let layout = layout(manifest, all);
    let args = usage(&layout.args, &members(member(merged.fields(), "args")));
    let context = usage(
        &layout.context,
        &members(member(merged.fields(), "context")),
    );
    let used: Vec<&EventClass> = occurring(all, |class| class.in_events).collect();
    united::events(&contract::events(), &layout, (&args, &context), &used)
}

fn requests(merged: &Schema, manifest: &Manifest, all: &[Classes]) -> Schema {
    let layout = layout(manifest, all);
    let nested = members(member(merged.fields(), "events"));
    let args = member(&nested, "args").map(|args| usage(&layout.args, &members(Some(args))));
    let used: Vec<&EventClass> = occurring(all, |class| class.in_requests).collect();
    united::requests(&contract::requests(), &layout, args.as_deref(), &used)
}

/// The columns that one ingest of all would have planned.
pub(super) fn layout(manifest: &Manifest, all: &[Classes]) -> Layout {
    let chosen = manifest.options.columns.iter();
    let selection = Selection {
        columns: chosen.filter_map(|p| Pattern::new(p).ok()).collect(),
        ..Selection::default()
    };
    Layout::new(occurring(all, |_| true), |name| selection.stores(name))
}

fn occurring(
    all: &[Classes],
    which: impl Fn(&Class) -> bool + Clone,
) -> impl Iterator<Item = &EventClass> + Clone {
    let classes = all.iter().flat_map(|c| &c.classes);
    classes.filter(move |c| which(c)).map(|c| &c.class)
}
