//! Finding traces below the paths that a user names, and the folders of the sessions that left them.
//!
//! LTTng writes `SESSION/kernel/metadata`, `SESSION/ust/uid/1000/64-bit/metadata`, and after a rotation
//! `SESSION/archives/CHUNK/kernel/metadata`. A CTF trace is a folder with a file `metadata`; those of one session's folder
//! belong to one recording, because they share a clock and their events belong together. Which folders belong
//! together for what the traces in them say is told by [`belong`](super::belong).

use super::readings::Readings;
use crate::error::{Error, Place, Result};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// How deep below a named path traces are looked for.
const MAX_DEPTH: usize = 16;

/// The CTF traces of one tracing session.
#[derive(Debug)]
pub struct Recording {
    /// The session's folder; the first one where it was put together from several.
    pub root: PathBuf,
    /// The folders that it was put together from, in the order in which they were found, `root` first; one as a rule.
    pub parts: Vec<Part>,
    /// The folders that hold `metadata`, sorted.
    pub traces: Vec<PathBuf>,
    /// Stream files in them that are not read, because all of their packets are in another file.
    pub repeated: Vec<PathBuf>,
    /// What was read of the traces when they were found.
    pub read: Readings,
}

/// A session's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The folder.
    pub folder: PathBuf,
    /// Position of the path below which it was found among those that the user named; `None` where a dataset named it.
    pub argument: Option<usize>,
}

/// Finds the sessions' folders below `paths`, each as a recording, in the order of the paths and, below each, of their
/// folders.
///
/// # Errors
/// [`Error::Io`] where a path cannot be read, [`Error::Input`] where there is no trace below it.
pub fn sessions(paths: &[PathBuf]) -> Result<Vec<Recording>> {
    let mut found: Vec<Recording> = Vec::new();
    for (argument, path) in paths.iter().enumerate() {
        let mut traces = Vec::new();
        search(path, 0, &mut traces)?;
        if traces.is_empty() {
            return Err(Error::input(
                "no trace here: no file `metadata` in it or in a folder below it",
                Place::file(path),
                "Name the folder that LTTng wrote (the one that holds `kernel/`), or several of them.",
            ));
        }
        let mut sessions: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for trace in traces {
            sessions
                .entry(session_of(path, &trace))
                .or_default()
                .push(trace);
        }
        found.extend(sessions.into_iter().map(|(root, mut traces)| {
            traces.sort();
            Recording {
                parts: vec![Part {
                    folder: root.clone(),
                    argument: Some(argument),
                }],
                root,
                traces,
                repeated: Vec::new(),
                read: Readings::default(),
            }
        }));
    }
    refuse_twice(&found)?;
    Ok(found)
}

fn search(dir: &Path, depth: usize, traces: &mut Vec<PathBuf>) -> Result<()> {
    let kind = std::fs::metadata(dir).map_err(Error::io("read", dir))?;
    if !kind.is_dir() {
        return Err(Error::input(
            "not a folder: a CTF trace is a folder with a file `metadata`",
            Place::file(dir),
            "Name the folder that LTTng wrote (the one that holds `kernel/`).",
        ));
    }
    let entries = std::fs::read_dir(dir)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(Error::io("read", dir))?;
    for entry in entries {
        let kind = entry
            .file_type()
            .map_err(Error::io("read", &entry.path()))?;
        // Symbolic links to folders are not followed, so that a loop of them cannot trap the search.
        if entry.file_name() == "metadata" && !entry.path().is_dir() {
            traces.push(dir.to_path_buf());
        } else if kind.is_dir() && depth < MAX_DEPTH {
            search(&entry.path(), depth + 1, traces)?;
        }
    }
    Ok(())
}

/// The session's folder of a trace found below `base`: what stands before LTTng's own folders.
fn session_of(base: &Path, trace: &Path) -> PathBuf {
    let below = trace.strip_prefix(base).unwrap_or(Path::new(""));
    let mut session = base.to_path_buf();
    for part in below.components() {
        if let Component::Normal(name) = part
            && (name == "kernel" || name == "ust" || name == "archives")
        {
            return session;
        }
        session.push(part);
    }
    // `base` is `kernel/` itself, or a trace that LTTng did not write.
    session
}

fn refuse_twice(found: &[Recording]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for trace in found.iter().flat_map(|r| &r.traces) {
        let real = trace.canonicalize().map_err(Error::io("read", trace))?;
        if seen.insert(real, trace).is_some() {
            return Err(Error::usage(
                format!("{}: this trace is named twice", trace.display()),
                "Name each trace once.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn touch(root: &Path, trace: &str) {
        fs::create_dir_all(root.join(trace)).unwrap();
        fs::write(root.join(trace).join("metadata"), "").unwrap();
    }

    #[test]
    fn sessions_are_told_apart_and_their_traces_kept_together() {
        let dir = tempfile::tempdir().unwrap();
        for trace in [
            "a/kernel",
            "a/ust/uid/0/64-bit",
            "b/archives/1/kernel",
            "b/archives/2/kernel",
            "plain",
        ] {
            touch(dir.path(), trace);
        }
        let found = sessions(&[dir.path().to_path_buf()]).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|r| (r.root.strip_prefix(dir.path()).unwrap(), r.traces.len()))
            .collect();
        assert_eq!(
            found,
            [
                (Path::new("a"), 2),
                (Path::new("b"), 2),
                (Path::new("plain"), 1)
            ]
        );
        let inner = sessions(&[dir.path().join("a/kernel")]).unwrap();
        assert_eq!(inner[0].root, dir.path().join("a/kernel"));
    }

    #[test]
    fn no_trace_no_folder_and_a_trace_named_twice_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let none = sessions(&[dir.path().to_path_buf()]).unwrap_err();
        assert!(none.to_string().contains("no trace here"), "{none}");
        let missing = sessions(&[dir.path().join("x")]).unwrap_err();
        assert!(matches!(missing, Error::Io { .. }));
        touch(dir.path(), "a/kernel");
        let file = sessions(&[dir.path().join("a/kernel/metadata")]).unwrap_err();
        assert!(file.to_string().contains("not a folder"), "{file}");
        let twice = sessions(&[dir.path().to_path_buf(), dir.path().join("a")]).unwrap_err();
        assert!(twice.to_string().contains("named twice"), "{twice}");
    }
}
