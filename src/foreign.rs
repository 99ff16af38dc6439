//! Opening what a stranger sent.
//!
//! In a dataset, a release or a trace, a name can stand for anything: a link to a file elsewhere, a FIFO that blocks for
//! ever, a device. Nothing but a regular file is opened here. It is looked at first (so that a device is not opened at
//! all), opened without waiting, and looked at again, because it may be another by then. In datasets and releases no
//! symbolic link is followed, in no part of the name; a trace is a folder of the user's own, in which links are usual, so
//! there they are followed, and what they lead to must be a regular file.
//!
//! A file's length and the numbers in it are a stranger's, too: texts are read up to a limit, and what libraries make of
//! a crafted file, a panic too, comes out as an error that names the file ([`guarded`]).

use crate::error::{Error, Place, Result};
use crate::process::threads;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, fstat, openat, statat};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Bytes that a text (a manifest, a list of checksums) may have.
const MAX_TEXT: u64 = 1 << 30;
const REMEDY_LINK: &str =
    "Nothing outside of its folder is read: put the file itself there, or fetch the data again.";
const REMEDY_OTHER: &str =
    "Only regular files and folders are read: remove it, or fetch the data again.";

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Something else, which must not be opened; in words.
    Other(&'static str),
}

impl Kind {
    fn of(mode: RawMode) -> Kind {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            FileType::Fifo => Kind::Other("a FIFO"),
            FileType::Socket => Kind::Other("a socket"),
            FileType::CharacterDevice => Kind::Other("a character device"),
            FileType::BlockDevice => Kind::Other("a block device"),
            _ => Kind::Other("of an unknown type"),
        }
    }

    /// The error of a name that should stand for a regular file or a folder and does not.
    pub(crate) fn refused(self, path: &Path) -> Error {
        let (what, remedy) = match self {
            Kind::File => ("a regular file, where a folder is expected", REMEDY_OTHER),
            Kind::Folder => ("a folder, where a regular file is expected", REMEDY_OTHER),
            Kind::Link => ("a symbolic link, which is not followed", REMEDY_LINK),
            Kind::Other(what) => (what, REMEDY_OTHER),
        };
        let more = match self {
            Kind::Other(_) => ", not a regular file: it was not opened",
            _ => "",
        };
        Error::input(format!("{what}{more}"), Place::file(path), remedy)
    }
}

/// What `path` itself stands for; `None` where it is not there.
///
/// # Errors
/// [`Error::Io`] where the system does not say: that is not an absence.
pub(crate) fn kind(path: &Path) -> Result<Option<Kind>> {
    match statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Kind::of(stat.st_mode))),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(e) => Err(Error::io("read", path)(e.into())),
    }
}

/// What `path` leads to, through links; `None` where it is not there, or is a link that leads nowhere.
///
/// # Errors
/// As [`kind`].
pub(crate) fn kind_behind(path: &Path) -> Result<Option<Kind>> {
    match statat(rustix::fs::CWD, path, AtFlags::empty()) {
        Ok(stat) => Ok(Some(Kind::of(stat.st_mode))),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(e) => Err(Error::io("read", path)(e.into())),
    }
}

/// Opens the regular file `path` of the user's own, through links.
///
/// # Errors
/// [`Error::Input`] where it is something else, which is not opened then; [`Error::Io`].
pub(crate) fn open(path: &Path) -> Result<File> {
    open_at(rustix::fs::CWD, path, path, AtFlags::empty())
}

/// Opens the regular file `file` of the stranger's folder `root`, through no link below `root`.
///
/// # Errors
/// [`Error::Input`] where `file` is no path of names only, where something in it is a link, or where it is no regular
/// file; [`Error::Io`].
pub(crate) fn open_in(root: &Path, file: impl AsRef<Path>) -> Result<File> {
    let file = file.as_ref();
    let path = root.join(file);
    refuse_outside(root, file)?;
    let mut dir: OwnedFd = open_folder(rustix::fs::CWD, root, root, OFlags::empty())?;
    let mut below = root.to_path_buf();
    let names: Vec<Component> = file.components().collect();
    let (last, folders) = names.split_last().expect("a path inside has a name");
    for name in folders {
        below.push(name);
        let name: &Path = name.as_ref();
        if let Ok(stat) = statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)
            && Kind::of(stat.st_mode) != Kind::Folder
        {
            return Err(Kind::of(stat.st_mode).refused(&below));
        }
        dir = open_folder(&dir, name, &below, OFlags::NOFOLLOW)?;
    }
    open_at(&dir, last.as_ref(), &path, AtFlags::SYMLINK_NOFOLLOW)
}

fn open_folder(dir: impl AsFd, name: &Path, path: &Path, more: OFlags) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC | more;
    openat(dir, name, flags, Mode::empty()).map_err(|e| Error::io("read", path)(e.into()))
}

/// Opens `name` in `dir`, which errors call `path`, if it is a regular file before and after.
fn open_at(dir: impl AsFd, name: &Path, path: &Path, follow: AtFlags) -> Result<File> {
    let failed = |e: rustix::io::Errno| Error::io("read", path)(e.into());
    let before = statat(&dir, name, follow).map_err(failed)?;
    if Kind::of(before.st_mode) != Kind::File {
        return Err(Kind::of(before.st_mode).refused(path));
    }
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if follow.contains(AtFlags::SYMLINK_NOFOLLOW) {
        flags |= OFlags::NOFOLLOW;
    }
    let opened = openat(&dir, name, flags, Mode::empty()).map_err(failed)?;
    let now = fstat(&opened).map_err(failed)?;
    match Kind::of(now.st_mode) {
        Kind::File => Ok(File::from(opened)),
        other => Err(other.refused(path)),
    }
}

/// Refuses a name that leads out of the folder `root`.
///
/// # Errors
/// [`Error::Input`].
pub(crate) fn refuse_outside(root: &Path, file: &Path) -> Result<()> {
    match is_inside(file) {
        true => Ok(()),
        false => Err(Error::input(
            format!("{} leads out of the folder", crate::shown::path_text(file)),
            Place::file(root),
            REMEDY_LINK,
        )),
    }
}

/// Whether `file` names something below a folder: only names, no `..`, not absolute.
pub(crate) fn is_inside(file: &Path) -> bool {
    let mut parts = file.components();
    !file.as_os_str().is_empty() && parts.all(|p| matches!(p, Component::Normal(_)))
}

/// Reads the text of the file `file` in the stranger's folder `root`.
///
/// # Errors
/// As [`open_in`]; [`Error::Input`] where it is no UTF-8, or longer than any such file needs to be.
pub(crate) fn read_text_in(root: &Path, file: impl AsRef<Path>) -> Result<String> {
    let path = root.join(file.as_ref());
    let again = "Fetch it or make it again.";
    text_of(open_in(root, file)?, &path, MAX_TEXT, [again; 2])
}

/// Reads the text of the user's own file `path`.
///
/// # Errors
/// As [`open`] and [`read_text_in`].
pub(crate) fn read_text(path: &Path) -> Result<String> {
    read_text_up_to(path, MAX_TEXT)
}

/// As [`read_text`], for a file of which it is known that it never has more than `most` bytes.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn read_text_up_to(path: &Path, most: u64) -> Result<String> {
    let remedies = [
        "Such a file is shorter: name another.",
        "Save it as UTF-8 (iconv -f LATIN1 -t UTF-8 makes UTF-8 of Latin-1).",
    ];
    text_of(open(path)?, path, most, remedies)
}

/// The text of a file; what to do where it is too long, and where it is no UTF-8.
fn text_of(file: File, path: &Path, most: u64, remedies: [&str; 2]) -> Result<String> {
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(Error::io("read", path))?;
    let wrong = |what: String, remedy: &str| Error::input(what, Place::file(path), remedy);
    if bytes.len() as u64 > most {
        return Err(wrong(format!("longer than {most} bytes"), remedies[0]));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        wrong(format!("not UTF-8 from byte {at} on"), remedies[1])
    })
}

/// What is in a stranger's folder, sorted by name: each entry with what it stands for.
///
/// # Errors
/// [`Error::Io`]; [`Error::Input`] where `dir` is a link or no folder.
pub(crate) fn entries(dir: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        // What is gone meanwhile is not there.
        if let Some(kind) = kind(&path)? {
            found.push((path, kind));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Everything below a stranger's folder that is no folder, sorted: its path below `root`, and what it stands for.
/// No link is followed.
///
/// # Errors
/// As [`entries`].
pub(crate) fn everything_below(root: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for (path, kind) in entries(&dir)? {
            match kind {
                Kind::Folder => dirs.push(path),
                kind => {
                    let below = path.strip_prefix(root).unwrap_or(&path);
                    found.push((below.to_path_buf(), kind));
                }
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Runs `read`, which decodes the stranger's file `path`. A panic in it, which the libraries that we decode with have for
/// some crafted files, becomes an error that names the file.
///
/// # Errors
/// Those of `read`, and [`Error::Input`] for a panic.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    threads::quietly(read).unwrap_or_else(|panic| {
        Err(Error::input(
            format!("cannot be decoded: {panic}"),
            Place::file(path),
            "The file is damaged or made to do harm: fetch it or make it again.",
        ))
    })
}

/// Whether an error says that a file is not there.
pub(crate) fn is_absent(e: &Error) -> bool {
    matches!(e, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn fifo(path: &Path) {
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        );
        made.unwrap();
    }

    #[test]
    fn only_regular_files_are_opened_and_links_only_where_they_may() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/f"), "x").unwrap();
        assert_eq!(read_text_in(&root, "a/b/f").unwrap(), "x");
        fifo(&root.join("fifo"));
        symlink("a/b/f", root.join("link")).unwrap();
        symlink("a", root.join("folder")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        let said = |file: &str| open_in(&root, file).unwrap_err().to_string();
        assert!(said("fifo").contains("a FIFO"));
        for link in ["link", "folder/b/f", "dangling"] {
            assert!(said(link).contains("symbolic link"), "{}", said(link));
        }
        for out in ["../r/a/b/f", "/etc/passwd", "", ".", "a/./b/f/.."] {
            assert!(said(out).contains("leads out"), "{out}: {}", said(out));
        }
        assert!(said("a").contains("a folder"));
        assert!(said("a/b/f/x").contains("where a folder"));
        assert!(is_absent(&open_in(&root, "a/none").unwrap_err()));
        assert!(open(&root.join("link")).is_ok());
        assert!(
            open(&root.join("fifo"))
                .unwrap_err()
                .to_string()
                .contains("a FIFO")
        );
        assert!(
            open(Path::new("/dev/zero"))
                .unwrap_err()
                .to_string()
                .contains("device")
        );
    }

    #[test]
    fn whose_text_it_is_decides_what_to_do_about_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), b"b\xe9gin").unwrap();
        let theirs = read_text_in(dir.path(), "f").unwrap_err();
        let own = read_text(&dir.path().join("f")).unwrap_err();
        for e in [&theirs, &own] {
            assert!(
                e.to_string().ends_with("f: not UTF-8 from byte 1 on"),
                "{e}"
            );
        }
        assert!(
            theirs.remedy().starts_with("Fetch it"),
            "{}",
            theirs.remedy()
        );
        assert!(
            own.remedy().starts_with("Save it as UTF-8"),
            "{}",
            own.remedy()
        );
        let short = read_text_up_to(&dir.path().join("f"), 4).unwrap_err();
        assert!(
            short.to_string().ends_with("longer than 4 bytes"),
            "{short}"
        );
    }

    #[test]
    fn everything_is_listed_and_no_link_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/f"), "").unwrap();
        symlink("/", dir.path().join("a/root")).unwrap();
        fifo(&dir.path().join("p"));
        let found = everything_below(dir.path()).unwrap();
        let expected = [
            ("a/f", Kind::File),
            ("a/root", Kind::Link),
            ("p", Kind::Other("a FIFO")),
        ];
        assert_eq!(found, expected.map(|(p, k)| (PathBuf::from(p), k)));
    }

    #[test]
    fn a_panic_while_decoding_is_an_error_of_the_file() {
        let e = guarded::<()>(Path::new("x"), || panic!("offset {}", 7)).unwrap_err();
        assert_eq!(e.to_string(), "x: cannot be decoded: offset 7");
    }
}
