//! What a server writes into its access log while it is traced, copied into the recording.
//!
//! The log is opened before anything begins and stays open, so that what is written into it is found when it has been
//! renamed meanwhile; then what stands in its place is copied, too. Only whole lines are, but for the last.

use crate::access_log::{LOG_FORMAT, MAX_LINE, parse};
use crate::dataset::record_metadata::{ACCESS_LOG, CopiedLog};
use crate::error::{Error, Place, Result};
use crate::foreign;
use crate::shown::path_text;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a request that has been answered may take to be logged: Apache does it when the response has been sent.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes at the end by which the log is known again.
const KNOWN: u64 = 4096;

/// A log that is being written.
pub(super) struct AccessLog {
    path: PathBuf,
    file: File,
    /// Where in it tracing began.
    begin: u64,
    /// What stood before that.
    before: Vec<u8>,
}

/// What is being copied.
struct Copying<'a> {
    path: &'a Path,
    to: BufWriter<File>,
    bytes: u64,
    lines: u64,
    /// The first line that is of another format, from 1.
    wrong: Option<u64>,
}

impl AccessLog {
    /// Opens the log `path`. Where its last line is of another format than `sysds ingest` reads, it is refused, unless this is
    /// `unchecked`: better now than when it has been recorded.
    ///
    /// # Errors
    /// [`Error::Input`] where it is no regular file, or of another format; [`Error::Io`].
    pub(super) fn open(path: &Path, unchecked: bool) -> Result<Self> {
        let file = foreign::open(path)?;
        let mut log = AccessLog {
            path: path.to_path_buf(),
            file,
            begin: 0,
            before: Vec::new(),
        };
        log.begin_here()?;
        if !unchecked {
            log.check()?;
        }
        Ok(log)
    }

    /// What is in it by now is not copied.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn begin_here(&mut self) -> Result<()> {
        self.begin = self.length()?;
        self.before = self.until(self.begin, KNOWN)?;
        Ok(())
    }

    /// Copies what has been written since [`begin_here`](Self::begin_here) to the folder `dir`; gives also, in words, what a
    /// person should know of it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn copy(mut self, dir: &Path) -> Result<(CopiedLog, Vec<String>)> {
        std::thread::sleep(PATIENCE);
        let length = self.length()?;
        let truncated = length < self.begin || self.until(self.begin, KNOWN)? != self.before;
        let begin = if truncated { 0 } else { self.begin };
        let successor = self.successor()?;
        let to = dir.join(ACCESS_LOG);
        let file = File::create(&to).map_err(Error::io("create", &to))?;
        let mut copying = Copying {
            path: &self.path,
            to: BufWriter::new(file),
            bytes: 0,
            lines: 0,
            wrong: None,
        };
        let written = |e| Error::io("read", &self.path)(e);
        self.file.seek(SeekFrom::Start(begin)).map_err(written)?;
        let part = BufReader::new((&self.file).take(length - begin));
        let within = !truncated && self.before.last().is_some_and(|last| *last != b'\n');
        copying.lines(part, within, successor.is_none())?;
        let rotated = successor.is_some();
        if let Some(successor) = successor {
            let length = successor
                .metadata()
                .map_err(Error::io("read", &self.path))?;
            let part = BufReader::new(successor.take(length.len()));
            copying.lines(part, false, true)?;
        }
        copying.to.flush().map_err(Error::io("write", &to))?;
        let copied = CopiedLog {
            path: path_text(&self.path),
            bytes: copying.bytes,
            lines: copying.lines,
            rotated,
            truncated,
        };
        let told = told(&copied, copying.wrong);
        Ok((copied, told))
    }

    fn length(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        Ok(metadata.map_err(Error::io("read", &self.path))?.len())
    }

    /// So many bytes before `end`, or all there are.
    fn until(&self, end: u64, bytes: u64) -> Result<Vec<u8>> {
        let begin = end.saturating_sub(bytes);
        let mut read = vec![0; (end - begin) as usize];
        match self.file.read_exact_at(&mut read, begin) {
            Ok(()) => Ok(read),
            // It has been truncated since its length was asked for.
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            Err(e) => Err(Error::io("read", &self.path)(e)),
        }
    }

    /// What stands in its place now, if that is another file.
    fn successor(&self) -> Result<Option<File>> {
        if foreign::kind_behind(&self.path)?.is_none() {
            return Ok(None);
        }
        let now = foreign::open(&self.path)?;
        let id = |file: &File| {
            let metadata = file.metadata().map_err(Error::io("read", &self.path))?;
            Ok((metadata.dev(), metadata.ino()))
        };
        Ok((id(&now)? != id(&self.file)?).then_some(now))
    }

    /// Looks at its last line, if it has one that is not extraordinarily long.
    fn check(&self) -> Result<()> {
        let end = self.until(self.begin, 1 << 16)?;
        let Some(text) = end.strip_suffix(b"\n") else {
            return Ok(());
        };
        let whole = end.len() as u64 == self.begin;
        let line = match text.iter().rposition(|b| *b == b'\n') {
            Some(before) => &text[before + 1..],
            None if whole => text,
            None => return Ok(()),
        };
        let Err(wrong) = parse(line) else {
            return Ok(());
        };
        Err(Error::input(
            format!(
                "its last line is not of the log format that sysds reads: {}",
                wrong.what
            ),
            Place::file(&self.path),
            format!(
                "Have Apache write it with {LOG_FORMAT} (docs/guide/record.md). If that was done just now, make a request first, \
                 or use a new file."
            ),
        ))
    }
}

impl Copying<'_> {
    /// Copies lines; without the first if it begins `within` one, and without the last where that has no end and is not to be
    /// `cut`.
    fn lines(&mut self, mut from: impl BufRead, mut within: bool, cut: bool) -> Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // What is longer comes in several pieces.
            let mut limited = (&mut from).take(MAX_LINE as u64);
            let read = limited.read_until(b'\n', &mut line);
            read.map_err(Error::io("read", self.path))?;
            let ended = line.ends_with(b"\n");
            if line.is_empty() || !ended && !cut && line.len() < MAX_LINE {
                return Ok(());
            }
            if std::mem::take(&mut within) {
                within = !ended;
                continue;
            }
            let written = self.to.write_all(&line);
            written.map_err(Error::io("write", Path::new(ACCESS_LOG)))?;
            self.bytes += line.len() as u64;
            if ended {
                self.lines += 1;
                if self.wrong.is_none() && parse(&line[..line.len() - 1]).is_err() {
                    self.wrong = Some(self.lines);
                }
            }
        }
    }
}

/// What a person should know.
fn told(copied: &CopiedLog, wrong: Option<u64>) -> Vec<String> {
    let path = &copied.path;
    let mut told = Vec::new();
    if copied.rotated {
        told.push(format!(
            "warning: {path}: it was renamed meanwhile; what was written into it and into its successor is copied"
        ));
    }
    if copied.truncated {
        told.push(format!(
            "warning: {path}: it was truncated meanwhile; what had been logged before is missing"
        ));
    }
    match wrong {
        Some(line) => told.push(format!(
            "warning: {path}: line {line} of the copy is of another format than sysds ingest reads, which is {LOG_FORMAT}"
        )),
        None if copied.lines == 0 => {
            told.push(format!("warning: {path}: nothing was logged meanwhile"));
        }
        None => {}
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LINE: &str =
        "sysds1 1795987674968892 391 10.0.2.2 42574 22289 0 200 6 \"GET / HTTP/1.1\"\n";

    fn append(path: &Path, text: &str) {
        let file = File::options().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// A log with `before` in it, what is written `meanwhile`, and what is copied then.
    fn copied(before: &str, meanwhile: impl FnOnce(&Path)) -> (CopiedLog, String, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sysds.log");
        append(&path, before);
        let log = AccessLog::open(&path, false).unwrap();
        meanwhile(&path);
        let out = dir.path().join("out");
        fs::create_dir(&out).unwrap();
        let (copied, told) = log.copy(&out).unwrap();
        let text = fs::read_to_string(out.join(ACCESS_LOG)).unwrap();
        assert_eq!(copied.bytes, text.len() as u64);
        (copied, text, told)
    }

    #[test]
    fn what_is_written_meanwhile_is_copied() {
        let (log, text, told) = copied(&LINE.repeat(3), |path| append(path, &LINE.repeat(2)));
        assert_eq!((log.lines, text), (2, LINE.repeat(2)));
        assert!(!log.rotated && !log.truncated && told.is_empty());
        // A line that was being written when tracing began is of a request before, and one that still is, is cut.
        let (log, text, _) = copied(&LINE[..9], |path| {
            append(path, &format!("{}{LINE}{}", &LINE[9..], &LINE[..20]));
        });
        assert_eq!((log.lines, text), (1, format!("{LINE}{}", &LINE[..20])));
        let (log, _, told) = copied(LINE, |_| {});
        assert_eq!((log.lines, told.len()), (0, 1));
    }

    #[test]
    fn renaming_and_truncating_are_noticed() {
        let (log, text, told) = copied(LINE, |path| {
            append(path, &format!("{LINE}{}", &LINE[..7]));
            fs::rename(path, path.with_extension("1")).unwrap();
            append(path, &LINE.repeat(2));
        });
        assert_eq!((log.lines, text), (3, LINE.repeat(3)));
        assert!(log.rotated && !log.truncated && told[0].contains("renamed"));
        // Renamed, and nothing in its place yet.
        let (log, _, _) = copied(LINE, |path| {
            append(path, LINE);
            fs::rename(path, path.with_extension("1")).unwrap();
        });
        assert_eq!(log.lines, 1);
        // Shorter than before, and longer.
        for more in [1, 9] {
            let (log, _, told) = copied(&LINE.repeat(3), |path| {
                let file = File::options().write(true).open(path).unwrap();
                file.set_len(0).unwrap();
                append(path, &LINE.replace("GET", "PUT").repeat(more));
            });
            assert_eq!(log.lines, more as u64);
            assert!(log.truncated && told[0].contains("truncated"));
        }
    }

    #[test]
    fn another_format_is_refused_before_and_told_of_after() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        append(
            &path,
            "127.0.0.1 - - [29/Nov/2026:21:30:28 +0000] \"GET / HTTP/1.1\" 200 6\n",
        );
        let e = AccessLog::open(&path, false).err().unwrap();
        assert!(e.to_string().contains("does not begin with sysds1"), "{e}");
        assert!(e.remedy().contains(LOG_FORMAT));
        assert!(AccessLog::open(&path, true).is_ok());
        let (_, _, told) = copied("", |path| append(path, &format!("{LINE}GET /\n")));
        assert!(told[0].contains("line 2 of the copy"), "{told:?}");
    }
}
