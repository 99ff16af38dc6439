//! Replacing a dataset or a release deletes nothing but its own files, and says what is true when it is in place.

use crate::common::*;
use crate::publish::publish;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn nothing_but_its_own_is_written_into_a_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (d, r, trace) = (at("d"), at("r"), trace("apache-keepalive"));
    ingest(&[&trace], &d, &["-q"]);
    assert_eq!(publish(&d, &r, &["-q"], None).status.code(), Some(0));
    let all = || {
        let listed = std::process::Command::new("find")
            .args([&d, &r])
            .args(["-type", "f", "-exec", "sha256sum", "{}", "+"])
            .output();
        listed.unwrap().stdout
    };
    let before = all();
    let [d, r, trace] = [&d, &r, &trace].map(|p| p.to_str().unwrap());
    for of in [d, r] {
        let into = |name: &str| format!("{of}/{name}");
        let (manifest, sub, deep) = (into("manifest.json"), into("sub"), into("events/a/b"));
        for words in [
            &["query", "-d", d, "-e", "select 1", "-o", &manifest][..],
            &["query", "-d", d, "-e", "select 1", "-o", &sub],
            &[
                "query", "-d", d, "-e", "select 1", "--format", "parquet", "-o", &manifest,
            ],
            &["report", d, "-o", &manifest],
            &["report", d, "-o", &sub],
            &["publish", d, "-o", &sub, "-q"],
            &["publish", d, "-o", &deep, "-q"],
            &["ingest", trace, "-o", &sub, "-q"],
            &["ingest", trace, "-o", &deep, "-q"],
        ] {
            let done = sysds(words);
            let said = stderr(&done);
            assert_eq!(done.status.code(), Some(2), "{words:?}: {said}");
            assert!(said.contains("is a dataset"), "{words:?}: {said}");
            assert_eq!(all(), before, "{words:?}");
        }
    }
    ingest(&[Path::new(trace)], Path::new(d), &["-q", "--force"]);
}

#[test]
fn what_is_not_the_datasets_is_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let trace = trace("apache-prefork");
    ingest(&[&trace], &dataset, &["-q"]);
    let before = manifest(&dataset);
    fs::write(dataset.join("events/thesis.txt"), "years").unwrap();
    let other = crate::common::trace("apache-keepalive");
    let run = |option: &str, trace: &Path| {
        let option = Path::new(option);
        sysds([
            Path::new("ingest"),
            trace,
            Path::new("-o"),
            &dataset,
            option,
        ])
    };
    let kept = || fs::read_to_string(dataset.join("events/thesis.txt")).unwrap() == "years";
    let done = run("--force", &trace);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("events/thesis.txt"), "{said}");
    assert!(kept() && manifest(&dataset) == before);
    // What is added touches nothing that is there.
    let done = run("--append", &other);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(kept() && manifest(&dataset) != before);
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
