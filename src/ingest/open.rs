//! Opening recordings: all of them, before the first is read, because the columns of a dataset are those of all.

use super::append::Old;
use super::continued::{Found, folder_name};
use super::options::IngestOptions;
use crate::columns::schema::layout::Layout;
use crate::dataset::paths;
use crate::error::{Error, Hint, Place, Result};
use crate::trace::check::check;
use crate::trace::event::EventClass;
use crate::trace::find;
use crate::trace::reader::Reader;
use std::collections::BTreeSet;
use std::path::Path;

/// Columns that a dataset's `args` and `context` may have together, with the members of structures. LTTng's kernel tracer
/// comes to some 700; each column takes memory in every thread that encodes, and every reader of the dataset reads its
/// name.
pub const MAX_COLUMNS: usize = 4096;

/// Recordings that wait to be read.
pub(super) struct Opened {
    /// One reader for each, in their order.
    pub readers: Vec<Reader>,
    /// The columns for their classes and for those of the dataset that is appended to.
    pub layout: Layout,
    /// Bytes of their streams.
    pub bytes: u64,
}

/// Opens the recordings `found`, each once: a reader that waits has no files open. Copies of damaged traces go to folders
/// in `copies`.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read, or have too many columns; [`Error::Damaged`]; [`Error::Usage`] where the
/// rule goes by events that no trace has.
pub(super) fn open_all(
    found: &mut [Found],
    options: &IngestOptions,
    old: Option<&Old>,
    copies: &Path,
) -> Result<Opened> {
    let numbered = found.iter_mut().enumerate();
    let readers =
        numbered.map(|(number, found)| open(found, options, &copies.join(number.to_string())));
    let readers = readers.collect::<Result<Vec<_>>>()?;
    let classes = readers.iter().flat_map(Reader::classes);
    let rule = options.rule.rule;
    if let Some(needed) = rule.needs
        && !classes.clone().any(|c| c.name == needed.event)
    {
        return Err(Error::usage(
            format!(
                "no trace here has events {}, which the rule {} goes by",
                needed.event, rule.name
            ),
            format!("Trace {} too, or choose another rule.", needed.of),
        ));
    }
    let old: Vec<&EventClass> = old.into_iter().flat_map(Old::classes).collect();
    let stores = |name: &str| options.selection.stores(name);
    let layout = Layout::new(classes.chain(old), stores);
    let columns = layout.count();
    if columns > MAX_COLUMNS {
        return Err(Error::input(
            format!(
                "{columns} columns of args and context, more than {MAX_COLUMNS}: each field name gets one"
            ),
            Place::file(&found[0].recording.root),
            Hint::SelectLess,
        ));
    }
    Ok(Opened {
        bytes: readers.iter().map(|reader| reader.checked().bytes).sum(),
        readers,
        layout,
    })
}

fn open(found: &mut Found, options: &IngestOptions, copies: &Path) -> Result<Reader> {
    std::fs::create_dir(copies).map_err(Error::io("create", copies))?;
    let checked = match found.checked.take() {
        Some(checked) if options.keep_going => checked.with_scratch(copies),
        Some(checked) => {
            checked.refuse_damage()?;
            checked.with_scratch(copies)
        }
        None => check(&mut found.recording, options.keep_going, copies)?,
    };
    let selection = options.selection.clone();
    Reader::open(options.reader, checked, options.keep_going, selection)
}

/// The recording's name in the tables: the UUID of its first trace, else its folder's name; made unique by a number.
pub(super) fn trace_id(
    reader: &Reader,
    recording: &find::Recording,
    ids: &mut BTreeSet<String>,
) -> Result<String> {
    let uuid = reader.sources().into_iter().find_map(|s| s.uuid);
    let base = uuid.map_or_else(|| folder_name(recording), Ok)?;
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let id = std::iter::once(base.clone())
        .chain(numbered)
        .find(|id| !ids.contains(id));
    let id = id.expect("there is always another number");
    paths::check(&id)?;
    ids.insert(id.clone());
    Ok(id)
}
