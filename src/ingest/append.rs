//! Appending to a dataset: what of it bears on the new recordings, and how they come into it.
//!
//! The rows that are there are neither read nor copied: the new recordings get files of their own, and the manifest names
//! them too. A file lacks the columns that only other recordings have. The columns that it shares with them must have the
//! same names, which follow from the event classes of all recordings: where the joint layout would call a column of the
//! dataset otherwise, or give a structure more members of another kind, nothing is appended.
//!
//! The classes themselves are not read: the manifest has what they come to together.
//!
//! Several may append at the same time. Whoever finds, when its files are made, that the dataset has changed, looks whether
//! what was added has to do with its own recordings. Mostly not: then only the manifest is made anew. Where no dataset is
//! there yet, the first makes it, in one step; whoever finds then that another was the first appends to that.

use super::assemble::Made;
use super::options::{IngestOptions, SHAPING};
use super::plan::Plan;
use super::told;
use crate::columns::schema::layout::{FieldColumn, Layout};
use crate::columns::schema::united::{member, members};
use crate::dataset::classes;
use crate::dataset::commit::{Before, commit};
use crate::dataset::committed::Committed;
use crate::dataset::joint::JointFields;
use crate::dataset::making::Making;
use crate::dataset::manifest::{Manifest, OWN_FOLDERS, Recording, footer};
use crate::dataset::root::{Root, Told};
use crate::dataset::{self, MANIFEST};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use crate::trace::belong;
use crate::trace::event::EventClass;
use arrow::datatypes::{Fields, Schema};
use parquet::arrow::parquet_to_arrow_schema;
use std::collections::BTreeSet;

/// A dataset that is appended to.
pub(super) struct Old {
    root: Root,
    /// The manifest, as it was read.
    pub manifest: Manifest,
    /// Its text, and its version in a store; none where there is no dataset yet.
    text: Option<Told>,
    /// Event classes that have the fields of all its recordings.
    classes: Vec<EventClass>,
}

impl Old {
    /// Reads what the dataset in `root` says of itself, and whether `options` are those that it was made with. Where nothing
    /// is in its place, it is one without recordings.
    ///
    /// # Errors
    /// [`Error::Usage`] for other options, and as [`Manifest::read`] and [`classes::read`].
    pub(super) fn open(root: &Root, options: &IngestOptions) -> Result<Self> {
        let root = &root.anew();
        if !dataset::is_there(root)? {
            return Ok(Old {
                root: root.clone(),
                manifest: told::of_new(options, &[], JointFields::default()),
                text: None,
                classes: Vec::new(),
            });
        }
        dataset::refuse_others(root)?;
        if root.kind(dataset::RELEASED)? == Some(Kind::Folder) {
            return Err(Error::usage(
                format!("{}: a release, which stays as it is", root.path().display()),
                "Append to the dataset that it was made of, and publish that again.",
            ));
        }
        let text = root.text_of_version(MANIFEST)?;
        let manifest = Manifest::parse(&text.0, &root.join(MANIFEST))?;
        if manifest.format_version < OWN_FOLDERS {
            return Err(Error::input(
                format!(
                    "the dataset is of format version {}, to whose files nothing can be added",
                    manifest.format_version
                ),
                Place::file(root.join(MANIFEST)),
                "Make it again from its traces with this version of sysds, or use the version that made it.",
            ));
        }
        same_options(root, &manifest, options)?;
        Ok(Old {
            classes: fields_of(root, &manifest)?,
            root: root.clone(),
            manifest,
            text: Some(text),
        })
    }

    /// Whether the dataset is there.
    pub(super) fn is_there(&self) -> bool {
        self.text.is_some()
    }

    /// Event classes that have the fields of all its recordings.
    pub(super) fn classes(&self) -> impl Iterator<Item = &EventClass> + Clone {
        self.classes.iter()
    }

    /// The names of its recordings.
    pub(super) fn trace_ids(&self) -> BTreeSet<String> {
        let ids = self.manifest.recordings.iter().map(|r| r.trace_id.clone());
        ids.collect()
    }

    /// The number of the first file that a recording gets: 0, or what comes after the files that it has in the dataset,
    /// where it takes the place of itself.
    pub(super) fn first_file(&self, replaces: Option<usize>) -> usize {
        let Some(place) = replaces else { return 0 };
        let trace_id = &self.manifest.recordings[place].trace_id;
        self.manifest.next_number(trace_id)
    }

    /// Whether the columns of the dataset keep their names in the layout of the new recordings and it together.
    ///
    /// # Errors
    /// [`Error::Input`] where they do not, and where a file of it cannot be read.
    pub(super) fn check_columns(&self, plan: &Plan) -> Result<()> {
        let layout = Layout::new(self.classes(), |name| plan.options.selection.stores(name));
        let same_version = self.manifest.tool.version == env!("CARGO_PKG_VERSION");
        if same_version && keeps(&layout, &plan.layout) {
            return Ok(());
        }
        // Names that change, or were given by another version, matter where some file has a column of that name.
        for file in self.manifest.tables.values().flat_map(|t| &t.files) {
            let schema = self.schema(&file.path)?;
            let args = members(member(schema.fields(), "args"));
            let context = members(member(schema.fields(), "context"));
            let nested = members(member(schema.fields(), "events"));
            let nested = members(member(&nested, "args"));
            for (old, new, fields) in [
                (&layout.args, &plan.layout.args, &args),
                (&layout.args, &plan.layout.args, &nested),
                (&layout.context, &plan.layout.context, &context),
            ] {
                planned(&self.root, old, fields)?;
                unchanged(&self.root, old, new, fields)?;
            }
        }
        Ok(())
    }

    fn schema(&self, file: &str) -> Result<Schema> {
        let path = self.root.join(file);
        let metadata = footer(&self.root.open(file)?, &path)?;
        let told = metadata.file_metadata();
        foreign::guarded(&path, || {
            parquet_to_arrow_schema(told.schema_descr(), told.key_value_metadata())
                .map_err(Error::columns_read(&path))
        })
    }

    /// Whether the dataset `now`, which this one has become, has only recordings more that have nothing to do with those
    /// `made`, and gives their columns the same names; and has the files still that it had of those at `places`, which are
    /// replaced.
    fn is_but_more(
        &self,
        now: &Old,
        (made, places): (&[Made], &[Option<usize>]),
        plan: &Plan,
    ) -> bool {
        let (before, after) = (&self.manifest.recordings, &now.manifest.recordings);
        let Some(added) = after.strip_prefix(&before[..]) else {
            return false;
        };
        let replaced = places.iter().flatten().map(|place| &before[*place]);
        for recording in replaced {
            let of = |old: &Old| told::files_of(&old.manifest, recording);
            if of(self) != of(now) {
                return false;
            }
        }
        let ours = || made.iter().map(|made| &made.recording);
        if added.iter().any(|a| ours().any(|ours| may_belong(a, ours))) {
            return false;
        }
        let alone = Layout::new(now.classes(), |name| plan.options.selection.stores(name));
        let joint = now.joined(made, plan);
        keeps(&alone, &joint) && keeps(&plan.layout, &joint)
    }

    /// The layout of its recordings and of those `made`.
    fn joined(&self, made: &[Made], plan: &Plan) -> Layout {
        let ours = made.iter().flat_map(|made| made.classes.iter());
        let all = self.classes().chain(ours);
        Layout::new(all, |name| plan.options.selection.stores(name))
    }
}

/// Event classes that have the fields of all recordings of the dataset in `root`; where its manifest does not tell them, they
/// are those of its recordings.
fn fields_of(root: &Root, manifest: &Manifest) -> Result<Vec<EventClass>> {
    if let Some(joint) = &manifest.fields {
        return Ok(vec![joint.class()]);
    }
    let all = classes::read(root, manifest)?.into_iter();
    let all = all.flat_map(|of| of.classes).map(|class| class.class);
    Ok(all.collect())
}

/// What became of an append.
pub(super) enum Appended {
    /// It is in place, and this is the manifest.
    Done(Box<Manifest>),
    /// The dataset has changed in a way that bears on it: it has to be made anew from the start.
    StartOver,
}

/// Puts the recordings `made`, of which the files are in `making`, into the dataset, each in the place of the one that it
/// replaces, or at the end; where there is none, they are the dataset.
///
/// # Errors
/// As [`commit`], and as [`Old::open`] where the dataset has changed meanwhile.
pub(super) fn append(
    mut old: Old,
    plan: &Plan,
    (made, places): (&[Made], &[Option<usize>]),
    mut making: Making,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Appended> {
    let files = made.iter().flat_map(|made| {
        let of_tables = made.files.values().flatten();
        of_tables.chain(&made.recording.classes)
    });
    let files: Vec<String> = files.map(|file| file.path.clone()).collect();
    loop {
        let fields = JointFields::of(&old.joined(made, plan).class());
        let (manifest, committed) = match &old.text {
            None => {
                let manifest = told::of_new(&plan.options, made, fields);
                manifest.write(making.dir())?;
                (manifest, making.put()?)
            }
            Some(text) => {
                let after = told::of_appended(&old.manifest, &plan.options, (made, places), fields);
                let before = Before {
                    root: &old.root,
                    manifest: &old.manifest,
                    text,
                };
                let committed = commit(&before, &after, &mut making, &files, go_on)?;
                (after, committed)
            }
        };
        if committed == Committed::Done {
            if old.is_there() {
                making.remove()?;
            }
            return Ok(Appended::Done(Box::new(manifest)));
        }
        let now = Old::open(&old.root, &plan.options)?;
        if !old.is_but_more(&now, (made, places), plan) {
            return Ok(Appended::StartOver);
        }
        old = now;
    }
}

/// Whether two recordings may be one, or parts of one; they surely are not where this is false.
fn may_belong(one: &Recording, other: &Recording) -> bool {
    let session = |r: &Recording| {
        let env = |name: &str| {
            let mut env = r.sources.iter().flat_map(|s| &s.env);
            env.find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        belong::session(env)
    };
    let uuids = |r: &Recording| -> BTreeSet<Option<String>> {
        r.sources.iter().map(|s| s.uuid.clone()).collect()
    };
    let (ours, theirs) = (uuids(one), uuids(other));
    one.trace_id == other.trace_id
        || ours.contains(&None)
        || theirs.contains(&None)
        || ours.intersection(&theirs).next().is_some()
        || session(one).is_some_and(|s| session(other) == Some(s))
}

/// Whether the columns of `one` are in the layout `joint` under the same names, with the same members.
fn keeps(one: &Layout, joint: &Layout) -> bool {
    kept(&one.args, &joint.args) && kept(&one.context, &joint.context)
}

fn kept(ours: &[FieldColumn], joint: &[FieldColumn]) -> bool {
    ours.iter().all(|column| {
        let like = |c: &&FieldColumn| c.field == column.field && c.kind == column.kind;
        joint.iter().find(like).is_some_and(|other| {
            (&other.name, &other.sibling) == (&column.name, &column.sibling)
                && kept(&column.members, &other.members)
        })
    })
}

/// Whether the dataset was made with these options, as far as they shape its rows.
fn same_options(root: &Root, manifest: &Manifest, options: &IngestOptions) -> Result<()> {
    let (old, new) = (&manifest.options, options.told());
    let text = |value: Option<serde_json::Value>| {
        value.map_or("nothing".to_owned(), |value| value.to_string())
    };
    for key in SHAPING {
        let (was, is) = (old.get(key), new.get(key));
        if was != is {
            let (root, was, is) = (root.path().display(), text(was), text(is));
            return Err(Error::usage(
                format!("{root}: made with {key} {was}, not {is}"),
                "All requests of a dataset are cut alike: leave the option out, or make another dataset.",
            ));
        }
    }
    Ok(())
}

/// Whether all columns of a dataset (`fields`) are called as `columns` plans them: older versions of this program did not
/// tell names apart without case.
fn planned(root: &Root, columns: &[FieldColumn], fields: &Fields) -> Result<()> {
    for field in fields {
        let name = field.name();
        if columns.iter().any(|c| c.sibling == *name) {
            continue;
        }
        let Some(column) = columns.iter().find(|c| c.name == *name) else {
            return Err(Error::input(
                format!(
                    "the version of sysds that made the dataset called a column {name}, which this one calls otherwise"
                ),
                Place::file(root),
                "Make the dataset again from its traces, or one of the new traces alone.",
            ));
        };
        planned(root, &column.members, &members(Some(field.data_type())))?;
    }
    Ok(())
}

/// Whether the columns of a dataset (`fields`, planned by `old`) are the same in the layout `new`.
fn unchanged(root: &Root, old: &[FieldColumn], new: &[FieldColumn], fields: &Fields) -> Result<()> {
    for column in old {
        let kept = [&column.name, &column.sibling].map(|n| fields.find(n).is_some());
        if kept == [false, false] {
            continue;
        }
        let like = |c: &&FieldColumn| c.field == column.field && c.kind == column.kind;
        let new = new.iter().find(like);
        let new = new.expect("the joint layout has the fields of the dataset");
        let renamed = [
            (kept[0], &column.name, &new.name),
            (kept[1], &column.sibling, &new.sibling),
        ];
        let renamed = renamed.iter().find(|(kept, old, new)| *kept && old != new);
        let what = match renamed {
            Some((_, old, new)) => format!(
                "the column {old} would be called {new} with the new traces, which have a field that takes its name"
            ),
            None if !same_members(column, new) => {
                format!(
                    "the structure {} would have other members with the new traces",
                    column.name
                )
            }
            None => continue,
        };
        return Err(Error::input(
            what,
            Place::file(root),
            "Make a dataset of all traces in one ingest, or one of the new traces alone.",
        ));
    }
    Ok(())
}

fn same_members(old: &FieldColumn, new: &FieldColumn) -> bool {
    let names = |c: &FieldColumn| -> Vec<(String, String)> {
        let names = c
            .members
            .iter()
            .map(|m| (m.name.clone(), m.sibling.clone()));
        names.collect()
    };
    let pairs = old.members.iter().zip(&new.members);
    names(old) == names(new)
        && pairs
            .into_iter()
            .all(|(o, n)| o.kind == n.kind && same_members(o, n))
}
