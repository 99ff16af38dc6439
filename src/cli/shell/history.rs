//! Where lines that were typed are kept from one shell to the next: a file of the user, which nobody else reads.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The file, by the XDG base directory specification: `$XDG_STATE_HOME/sysds/history`, or below `~/.local/state`. `None`
/// where neither is named by an absolute path.
pub(super) fn file() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = named("XDG_STATE_HOME").filter(absolute).or_else(|| {
        let home = named("HOME").filter(absolute)?;
        Some(home.join(".local/state"))
    })?;
    Some(state.join("sysds").join("history"))
}

/// Makes the folder of the file. Where it cannot be made, the file cannot be written, and nothing is kept.
pub(super) fn make_folder(file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
}
