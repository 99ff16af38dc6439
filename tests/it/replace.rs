//! Replacing a dataset or a release deletes nothing but its own files, and says what is true when it is in place.

use crate::common::*;
use crate::publish::publish;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn what_is_not_the_datasets_is_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let trace = trace("apache-prefork");
    ingest(&[&trace], &dataset, &["-q"]);
    let before = manifest(&dataset);
    fs::write(dataset.join("events/thesis.txt"), "years").unwrap();
    let other = crate::common::trace("apache-keepalive");
    for (option, trace) in [("--force", &trace), ("--append", &other)] {
        let done = sysds([
            Path::new("ingest"),
            trace,
            Path::new("-o"),
            &dataset,
            Path::new(option),
        ]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("events/thesis.txt"), "{said}");
        assert_eq!(
            fs::read_to_string(dataset.join("events/thesis.txt")).unwrap(),
            "years"
        );
        assert_eq!(manifest(&dataset), before);
    }
    symlink("/", dataset.join("root")).unwrap();
    let done = sysds([
        Path::new("ingest"),
        &trace,
        Path::new("-o"),
        &dataset,
        Path::new("--force"),
    ]);
    let said = stderr(&done);
    assert!(said.contains("events/thesis.txt, root"), "{said}");
    fs::remove_file(dataset.join("events/thesis.txt")).unwrap();
    fs::remove_file(dataset.join("root")).unwrap();
    ingest(&[&trace], &dataset, &["-q", "--force"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let release = dir.path().join("r");
    assert_eq!(
        publish(&dataset, &release, &["-q"], None).status.code(),
        Some(0)
    );
    assert_eq!(
        publish(&dataset, &release, &["-q", "--force"], None)
            .status
            .code(),
        Some(0)
    );
    fs::write(release.join("data/notes.md"), "mine").unwrap();
    let done = publish(&dataset, &release, &["-q", "--force"], None);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("not the dataset's") && said.contains("data/notes.md"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(release.join("data/notes.md")).unwrap(),
        "mine"
    );
}

#[test]
fn names_may_be_as_long_as_a_file_system_has_them() {
    let dir = tempfile::tempdir().unwrap();
    for length in [235, 245, 255] {
        let dataset = dir.path().join("d".repeat(length));
        ingest(&[&trace("apache-prefork")], &dataset, &["-q"]);
        ingest(&[&trace("apache-prefork")], &dataset, &["-q", "--force"]);
        let release = dir.path().join("r".repeat(length));
        let args = [
            "publish".as_ref(),
            dataset.as_os_str(),
            "-o".as_ref(),
            release.as_os_str(),
            "-q".as_ref(),
        ];
        let done = sysds(args);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 6);
}

#[test]
fn names_that_are_not_utf_8_are_written_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"tr\xffce"));
    fs::create_dir(&folder).unwrap();
    let trace = copy_of("apache-prefork", &folder);
    let stream = trace.join("kernel/ch_0");
    fs::rename(
        &stream,
        stream.with_file_name(std::ffi::OsStr::from_bytes(b"ch_\xfe")),
    )
    .unwrap();
    for more in [&[][..], &["--json"], &["--count"], &["--count", "--json"]] {
        let mut args = vec!["inspect".as_ref(), trace.as_os_str()];
        args.extend(more.iter().map(|a| std::ffi::OsStr::new(*a)));
        let done = sysds(args);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(
            said.contains("tr\\xffce") || said.contains("tr\\\\xffce"),
            "{said}"
        );
    }
    let dataset = dir.path().join(std::ffi::OsStr::from_bytes(b"d\xff"));
    ingest(&[&trace], &dataset, &["-q"]);
    let manifest = manifest(&dataset);
    let path = manifest["recordings"][0]["path"].as_str().unwrap();
    assert!(path.contains("tr\\xffce"), "{path}");
    let streams = manifest["recordings"][0]["sources"][0]["streams"].to_string();
    assert!(streams.contains("ch_\\\\xfe"), "{streams}");
    let done = sysds(["inspect".as_ref(), dataset.as_os_str(), "--json".as_ref()]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}
