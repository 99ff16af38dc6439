//! Of which recording each line is.

use super::file::{LabelFile, Line};
use crate::error::{Error, Place, Result};

/// How many recordings are listed at most.
const LISTED: usize = 40;

/// By what a recording that is ingested can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub trace_id: String,
    /// The folders that it is read from, as they were named.
    pub folders: Vec<String>,
}

impl Names {
    fn are(&self, name: &str) -> bool {
        let name = name.trim_end_matches('/');
        let is_folder = |folder: &String| {
            let folder = folder.trim_end_matches('/');
            folder == name || folder.rsplit('/').next() == Some(name)
        };
        self.trace_id == name || self.folders.iter().any(is_folder)
    }

    fn shown(&self) -> String {
        format!("{} (from {})", self.trace_id, self.folders.join(", "))
    }
}

/// The lines of each of `recordings`.
///
/// # Errors
/// [`Error::Input`] for a line that names none of them, or that can mean several.
pub(crate) fn assigned(file: &LabelFile, recordings: &[Names]) -> Result<Vec<Vec<Line>>> {
    let mut all: Vec<Vec<Line>> = vec![Vec::new(); recordings.len()];
    for line in &file.lines {
        let named = |names: &&Names| line.recording.as_ref().is_none_or(|name| names.are(name));
        let mut found = recordings.iter().filter(named);
        let (first, second) = (found.next(), found.next());
        let wrong = |what: String, remedy: String| {
            Err(Error::input(
                what,
                Place::line(&file.path, line.number, 1),
                remedy,
            ))
        };
        match (first, second, &line.recording) {
            (Some(only), None, _) => {
                let at = recordings.iter().position(|names| names == only);
                all[at.expect("it is one of them")].push(line.clone());
            }
            (Some(_), Some(_), None) => {
                let several = recordings.len();
                return wrong(
                    format!(
                        "{several} recordings are ingested, and nothing says of which of them this span is"
                    ),
                    format!("Say it in a column recording. {}", listed(recordings)),
                );
            }
            (Some(one), Some(other), Some(name)) => {
                return wrong(
                    format!(
                        "the recording {name} can mean {} and {}",
                        one.shown(),
                        other.shown()
                    ),
                    "Name it by its trace_id, or by all of its folder.".to_owned(),
                );
            }
            (None, _, name) => {
                let name = name.as_deref().unwrap_or_default();
                return wrong(
                    format!("no recording that is ingested is called {name}"),
                    format!(
                        "A recording is named by its trace_id or its folder. {}",
                        listed(recordings)
                    ),
                );
            }
        }
    }
    Ok(all)
}

fn listed(recordings: &[Names]) -> String {
    let shown: Vec<String> = recordings.iter().take(LISTED).map(Names::shown).collect();
    let more = match recordings.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("The recordings are {}{more}.", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::moment::Moment;
    use super::*;

    fn file(recordings: &[Option<&str>]) -> LabelFile {
        let line = |(at, name): (usize, &Option<&str>)| Line {
            number: at as u64 + 2,
            recording: name.map(str::to_owned),
            begin: Moment::OfRecording,
            end: Moment::OfRecording,
            label: "x".to_owned(),
        };
        LabelFile {
            path: "l.csv".into(),
            lines: recordings.iter().enumerate().map(line).collect(),
        }
    }

    fn names(all: &[(&str, &str)]) -> Vec<Names> {
        let of = |(id, folder): &(&str, &str)| Names {
            trace_id: (*id).to_owned(),
            folders: vec![(*folder).to_owned()],
        };
        all.iter().map(of).collect()
    }

    #[test]
    fn a_recording_goes_by_its_id_its_folder_or_the_last_part_of_it() {
        let recordings = names(&[("u1", "/data/web-1"), ("u2", "web-2/")]);
        let all = ["u2", "/data/web-1/", "web-1", "web-2", "u1"].map(Some);
        let lines = assigned(&file(&all), &recordings).unwrap();
        let numbers = |at: usize| lines[at].iter().map(|l| l.number).collect::<Vec<u64>>();
        assert_eq!((numbers(0), numbers(1)), (vec![3, 4, 6], vec![2, 5]));
        // Of one alone it need not be said.
        assert_eq!(
            assigned(&file(&[None, Some("u1")]), &recordings[..1]).unwrap()[0].len(),
            2
        );
    }

    #[test]
    fn a_line_of_no_recording_or_of_several_is_refused() {
        let recordings = names(&[("u1", "/a/web"), ("u2", "/b/web")]);
        let refused = |name: Option<&str>, of: &[Names]| {
            let e = assigned(&file(&[name]), of).unwrap_err();
            format!("{e} | {}", e.remedy())
        };
        assert_eq!(
            refused(Some("cpu"), &recordings),
            "l.csv, line 2, column 1: no recording that is ingested is called cpu | A recording is named by its trace_id or \
             its folder. The recordings are u1 (from /a/web), u2 (from /b/web)."
        );
        let said = refused(None, &recordings);
        assert!(
            said.contains("line 2, column 1: 2 recordings are ingested, and nothing says"),
            "{said}"
        );
        let said = refused(Some("web"), &recordings);
        assert!(
            said.contains("can mean u1 (from /a/web) and u2 (from /b/web)"),
            "{said}"
        );
        let many: Vec<Names> = (0..50)
            .flat_map(|n| names(&[(&n.to_string(), "f")]))
            .collect();
        assert!(refused(Some("x"), &many).ends_with("39 (from f), and 10 more."));
    }
}
