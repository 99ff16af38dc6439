//! `publish --previous` and anonymized releases: what was made with another key, or with none, is not joined.

use crate::common::*;
use crate::private::{KEY, publish, published};
use std::fs;

#[test]
fn only_a_release_of_the_same_key_may_come_before() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let id = manifest(&dataset)["recordings"][0]["trace_id"].clone();
    let id = id.as_str().unwrap();
    let open = dir.path().join("open");
    let plainly = |output: &std::path::Path, more: &[&str]| {
        let mut args = vec![
            "publish",
            dataset.to_str().unwrap(),
            "-o",
            output.to_str().unwrap(),
        ];
        args.extend(more);
        sysds(args)
    };
    assert_eq!(plainly(&open, &[]).status.code(), Some(0));
    let after = |name: &str| {
        let previous = dir.path().join(name);
        let (release, done) = publish(
            &dataset,
            dir.path(),
            "",
            &["--previous", previous.to_str().unwrap(), "--quiet"],
        );
        (release, done.status.code(), stderr(&done))
    };
    // An open one.
    let (release, status, said) = after("open");
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("it is not anonymized") && said.contains("--version"),
        "{said}"
    );
    assert!(!said.contains(id) && !release.exists(), "{said}");
    // One of the same key.
    let (first, _) = published(&dataset, dir.path(), "");
    let key_id = manifest(&first)["release"]["key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(key_id.len() == 12 && !KEY.contains(&key_id));
    fs::rename(&first, dir.path().join("first")).unwrap();
    let (release, status, said) = after("first");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(
        manifest(&release)["release"]["previous"]["version"],
        "1.0.0"
    );
    assert_eq!(manifest(&release)["release"]["version"], "1.0.1");
    fs::remove_dir_all(&release).unwrap();
    // An open one after it.
    let previous = dir.path().join("first");
    let done = plainly(&release, &["--previous", previous.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        stderr(&done).contains("it is anonymized, and"),
        "{}",
        stderr(&done)
    );
    // One of another key, or of a version that did not say of which.
    let path = dir.path().join("first/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for other in [
        text.replace(&key_id, "0123456789ab"),
        text.replace("\"key_id\"", "\"key\""),
    ] {
        assert_ne!(other, text);
        fs::write(&path, other).unwrap();
        let (release, status, said) = after("first");
        assert_eq!(status, Some(2), "{said}");
        assert!(
            said.contains("not made with this key") && !release.exists(),
            "{said}"
        );
    }
}

/// A full disk behind stdout does not hide what is said on stderr, nor that the release is in place.
#[test]
fn what_is_warned_of_is_said_whatever_becomes_of_the_audit() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    fs::write(
        dir.path().join("policy.toml"),
        "[arguments]\nabsent = \"size\"\n",
    )
    .unwrap();
    fs::write(dir.path().join("secret.key"), KEY).unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_sysds"))
        .current_dir(dir.path())
        .args(["publish", "web", "-o", "release", "--quiet", "--audit"])
        .args(["--anonymize", "policy.toml", "--key", "secret.key"])
        .stdout(full)
        .output()
        .unwrap();
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(4), "{said}");
    let warned = said.find("no event has the argument absent");
    let failed = said.find("release is in place and whole, but");
    assert!(
        warned.is_some() && failed.is_some() && warned < failed,
        "{said}"
    );
    let release = dir.path().join("release");
    assert_eq!(
        sysds(["verify".as_ref(), release.as_os_str()])
            .status
            .code(),
        Some(0)
    );
}
