//! One page to look at before and after publishing a dataset.
//!
//! The page is a single HTML file that needs nothing else: `questions` asks the shipped queries and keeps their answers
//! as JSON, `page` puts them into the template beside the charting library (Observable Plot, bundled by
//! `scripts/vendor/bundle`) and our drawing (`page/*.js`). What is drawn is what `sysds query` and `sysds compare` print; nothing
//! is computed twice. Names and paths in a trace may be chosen by whoever sent the server a request, so they are data to the
//! page and never markup: see `page`.

mod page;
mod questions;

pub(crate) use questions::Unanswered;

use crate::compare::compare;
use crate::dataset::Dataset;
use crate::dataset::aside::WholeFile;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::within;
use crate::error::{Error, Result};
use crate::query::Session;
use crate::shown::path_text;
use crate::split::SplitRule;
use page::About;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Writes the page about `dataset` to the file `target`, which is there only when it is complete. `memory` and
/// `interrupted` are those of [`Session::open`]. Gives the queries that this dataset cannot answer, which the page says
/// too.
///
/// # Errors
/// As [`Session::open`] and [`Manifest::read`]; [`Error::Io`] where `target` cannot be written.
pub(crate) fn write(
    dataset: &Dataset,
    target: &Path,
    memory: Option<usize>,
    interrupted: Arc<AtomicBool>,
) -> Result<Vec<Unanswered>> {
    let manifest = Manifest::read(&dataset.root)?;
    within::refuse(target)?;
    let (aside, mut file) = WholeFile::create(target)?;
    let session = Session::open(dataset, memory, Arc::clone(&interrupted))?;
    let answers = questions::ask(&session, &manifest)?;
    drop(session);
    let about = About {
        name: &name(&dataset.root)?,
        manifest: &manifest,
        split: SplitRule::of_release(&dataset.root)?,
        compared: compare(dataset, memory, interrupted)?,
    };
    let page = page::page(&about, &answers);
    file.write_all(page.as_bytes())
        .map_err(Error::io("write", target))?;
    aside.commit(&file)?;
    Ok(answers.unanswered)
}

/// What to call the dataset: its folder's name.
fn name(root: &Root) -> Result<String> {
    let whole = match root.disk() {
        Some(folder) => folder.canonicalize().map_err(Error::io("read", folder))?,
        None => root.path().to_path_buf(),
    };
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    Ok(path_text(Path::new(name)))
}
