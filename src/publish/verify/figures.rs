//! The figures of models against the data that they say they are of.

use super::release::Release;
use super::report::{Kind, Report, ends};
use crate::error::Result;
use crate::foreign;
use crate::publish::figures::{Figures, MOST_BYTES};
use crate::publish::release::FIGURES;

/// Checks the file, where there is one; whether there must be one says the list of checksums.
pub(super) fn check(release: &Release, report: &mut Report) -> Result<()> {
    match figures(release) {
        Err(e) if foreign::is_absent(&e) => {}
        Err(e) if ends(&e) => return Err(e),
        Err(e) => report.add(Kind::Metadata, FIGURES, e.reason()),
        Ok(None) => {
            let what = format_args!("longer than {MOST_BYTES} bytes");
            report.add(Kind::Metadata, FIGURES, what);
        }
        Ok(Some(figures)) => {
            if let Some(what) = figures.misfit(&release.manifest.dataset) {
                report.add(Kind::Metadata, FIGURES, what);
            }
        }
    }
    Ok(())
}

/// What the file says; nothing where it is longer than any.
fn figures(release: &Release) -> Result<Option<Figures>> {
    let path = release.path(FIGURES);
    if release.root.open(FIGURES)?.size(&path)? > MOST_BYTES {
        return Ok(None);
    }
    let text = release.root.text(FIGURES)?;
    Figures::parse(&text, &path).map(Some)
}
