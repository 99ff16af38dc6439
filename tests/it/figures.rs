//! `publish --figures`: what models tell of a release, in its card and beside its data, and only if it is of these data.

use crate::common::*;
use crate::publish::{ABOUT, BY_LABEL, publish, published};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

/// A dataset of two labels, and a release of it.
static MADE: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let traces = [trace("apache-prefork"), trace("apache-keepalive")];
    let traces: Vec<&Path> = traces.iter().map(|t| t.as_ref()).collect();
    let labels = ["--label", "normal", "--label", "keep|alive", "--quiet"];
    ingest(&traces, &dir.path().join("d"), &labels);
    published(&dir.path().join("d"), &dir.path().join("r"), &BY_LABEL);
    dir
});

fn dataset() -> PathBuf {
    MADE.path().join("d")
}

/// What `sysds sequences` says of which data a release has.
fn data_sha256(release: &Path, dir: &Path) -> Value {
    let out = dir.join("sequences");
    let done = sysds([
        "sequences",
        release.to_str().unwrap(),
        "-q",
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let text = fs::read_to_string(out.join("sequences.json")).unwrap();
    fs::remove_dir_all(out).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["source"]["data_sha256"].take()
}

fn estimate(mean: f64, deviation: Option<f64>, low: f64, high: f64) -> Value {
    json!({"auroc": {"mean": mean, "deviation": deviation, "low": low, "high": high}, "f1": null})
}

/// What the experiment writes, of two methods.
fn results(data_sha256: &Value) -> Value {
    json!({
        "experiment": {
            "source": "r", "data_sha256": data_sha256, "reach": "window", "events": "read,sched_*", "arguments": true,
            "max_length": 256, "size_name": "small", "size": {"batch": 16}, "seeds": [0, 1], "methods": ["length", "lstm"],
        },
        "parts": {"train": {"requests": 7}},
        "behaviours": {"keep|alive": {"test_requests": 12}, "all of them": {"test_requests": 13}},
        "resamples": 1000,
        "methods": {
            "length": {"title": "number of *events*", "behaviours": {
                "keep|alive": estimate(0.5688, None, 0.4999, 0.6072), "all of them": estimate(0.25, None, 0.2, 0.3),
            }},
            "lstm": {
                "title": "LSTM",
                "behaviours": {
                    "keep|alive": estimate(0.9847, Some(0.0064), 0.97, 1.0), "all of them": estimate(1.0, Some(0.0), 1.0, 1.0),
                },
                "accuracy_entries": {"mean": 0.956, "deviation": 0.001},
                "accuracy_all": {"mean": 0.955, "deviation": null},
                "perplexity": {"mean": 1.5, "deviation": 0.1},
            },
        },
    })
}

/// The checksums of the shards.
fn shards(release: &Path) -> BTreeMap<String, String> {
    let manifest = manifest(release);
    let tables = manifest["tables"].as_object().unwrap().values();
    let files = tables.flat_map(|table| table["files"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    files
        .map(|file| (text(&file["path"]), text(&file["sha256"])))
        .collect()
}

fn verify(release: &Path) -> String {
    let done = sysds(["verify", release.to_str().unwrap()]);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn figures_of_the_same_data_are_in_the_card_and_beside_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let (first, release) = (MADE.path().join("r"), dir.path().join("r"));
    let digest = data_sha256(&first, dir.path());
    let lines = shards(&first)
        .into_iter()
        .map(|(path, sha256)| format!("{sha256}  {path}\n"));
    let hash = Sha256::digest(lines.collect::<String>());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, hash);
    let given = dir.path().join("results.json");
    let text = serde_json::to_string_pretty(&results(&digest)).unwrap();
    fs::write(&given, &text).unwrap();
    let more = ["--date", "2020-02-02", "--figures", given.to_str().unwrap()];
    published(&dataset(), &release, &[&BY_LABEL[..], &more].concat());
    // What is said of data changes nothing in them.
    assert_eq!(shards(&release), shards(&first));
    assert_eq!(data_sha256(&release, dir.path()), digest);
    assert_eq!(
        fs::read_to_string(release.join("experiment.json")).unwrap(),
        text
    );
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    for part in [
        "## What models tell\n",
        "reach `window`, events `read,sched_*`,\nwith arguments, cut off after 256 events; size `small`, seeds 0, 1.",
        "| method | keep\\|alive (12) | all of them (13) |\n|---|---|---|\n\
         | number of \\*events\\* | 56.9 [50.0, 60.7] (not told apart) | 25.0 [20.0, 30.0] |\n\
         | LSTM | 98.5 ± 0.6 [97.0, 100.0] | 100.0 ± 0.0 [100.0, 100.0] |\n",
        "of 1000 resamples",
        "| LSTM | 95.6 ± 0.1 | 95.5 |\n",
        "`python -m sysds.experiment r -o results --reach window --events 'read,sched_*' --arguments --max-length 256 --size small --seeds 0,1 --methods length,lstm`",
    ] {
        assert!(card.contains(part), "no {part:?} in:\n{card}");
    }
    let places = [
        "## Whether labels can be compared",
        "## What models tell",
        "## Columns",
    ];
    let places = places.map(|title| card.find(title).unwrap_or_else(|| panic!("no {title}")));
    assert!(places.is_sorted(), "{places:?}");
    let crate_ = fs::read_to_string(release.join("ro-crate-metadata.json")).unwrap();
    assert!(crate_.contains("\"experiment.json\""));
    let found = verify(&release);
    assert!(found.ends_with("no fault\n"), "{found}");

    // Somebody changes it.
    let path = release.join("experiment.json");
    for (changed, fault) in [
        (
            text.replace(&hash, &"0".repeat(64)),
            "metadata: experiment.json: its figures are of other data",
        ),
        (
            text.replace("0.9847", "9.847"),
            "metadata: experiment.json: no results of an experiment",
        ),
        (
            text.replace("\"keep|alive\"", "\"other\""),
            "metadata: experiment.json: it has figures of \"other\"",
        ),
    ] {
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
        let found = verify(&release);
        assert!(found.contains("checksum: experiment.json"), "{found}");
        assert!(found.contains(fault), "no {fault:?} in {found}");
    }
    fs::remove_file(path).unwrap();
    let found = verify(&release);
    assert!(found.contains("missing file: experiment.json"), "{found}");
    // A release without figures has neither.
    assert!(!first.join("experiment.json").exists());
    assert!(
        !fs::read_to_string(first.join("README.md"))
            .unwrap()
            .contains("What models tell")
    );
}

#[test]
fn figures_that_are_of_other_data_or_are_none_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let digest = data_sha256(&MADE.path().join("r"), dir.path());
    let good = results(&digest).to_string();
    let given = dir.path().join("results.json");
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let null = results(&Value::Null).to_string();
    let other = results(&json!("0".repeat(64))).to_string();
    let deep = "[".repeat(1_000_000);
    for (text, said) in [
        (other, "its figures are of other data"),
        (null, "does not say of which data"),
        (
            good.replace("keep|alive", "nothing"),
            "figures of \"nothing\", which is no label here",
        ),
        (
            good.replacen("keep|alive", "x", 1),
            "has not the behaviours that the file names",
        ),
        (
            good.replacen("\"lstm\":{", "\"length\":{", 1),
            "\"length\" is there twice",
        ),
        (
            good.replace("0.9847", "NaN"),
            "no results of an experiment: expected value",
        ),
        (good.replace("0.9847", "1e999"), "number out of range"),
        (
            good.replace("0.9847", "98.47"),
            "98.47, where a share from 0 to 1",
        ),
        (
            good.replace("0.4999", "0.9"),
            "an interval from 0.9 to 0.6072",
        ),
        (good.replace("\"window\"", "7"), "expected a string"),
        (
            good.replace("\"small\"", &format!("{:?}", "x".repeat(201))),
            "longer than 200 letters",
        ),
        (good.replace("[0,1]", "[]"), "0 seeds"),
        (deep, "no results of an experiment"),
        (" ".repeat((16 << 20) + 1), "longer than 16777216 bytes"),
        ("[]".to_owned(), "no results of an experiment"),
    ] {
        assert_ne!(text, good);
        fs::write(&given, text).unwrap();
        let options = [&BY_LABEL[..], &["--figures", given.to_str().unwrap()]].concat();
        let done = publish(&dataset(), &out.join("r"), &options, Some(ABOUT));
        let told = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{told}");
        assert!(
            told.contains(said) && told.contains("results.json"),
            "no {said:?} in {told}"
        );
        let left: Vec<PathBuf> = fs::read_dir(&out)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(left, [out.join("r.toml")]);
    }
    // Folders that were made for it are not left either.
    fs::write(&given, results(&json!("0".repeat(64))).to_string()).unwrap();
    let (deep, from) = (out.join("a/b/r"), dataset());
    let [deep, from, given_] = [&deep, &from, &given].map(|path| path.to_str().unwrap());
    let args = ["publish", from, "-o", deep, "-q", "--figures", given_];
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(1), "{}", stderr(&done));
    assert!(!out.join("a").exists());
    // Other rows are other data.
    fs::write(&given, good).unwrap();
    let options = [
        "-q",
        "--split",
        "hash",
        "--figures",
        given.to_str().unwrap(),
    ];
    let done = publish(&dataset(), &out.join("r"), &options, Some(ABOUT));
    let told = stderr(&done);
    assert!(told.contains("its figures are of other data"), "{told}");
    assert!(
        told.contains("Publish without --figures, run python -m sysds.experiment"),
        "{told}"
    );
    let fifo = dir.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let options = ["-q", "--figures", fifo.to_str().unwrap()];
    let done = publish(&dataset(), &out.join("r"), &options, Some(ABOUT));
    assert!(stderr(&done).contains("a FIFO"), "{}", stderr(&done));
}

#[test]
fn an_anonymized_release_has_figures_without_paths() {
    let dir = tempfile::tempdir().unwrap();
    let (key, policy) = (dir.path().join("key"), dir.path().join("policy.toml"));
    fs::write(&key, crate::private::KEY).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&key, mode).unwrap();
    fs::write(&policy, "[time]\nshift = true\n").unwrap();
    let (key, policy) = (key.to_str().unwrap(), policy.to_str().unwrap());
    let options = [&BY_LABEL[..], &["--anonymize", policy, "--key", key]].concat();
    let (first, release) = (dir.path().join("first"), dir.path().join("r"));
    published(&dataset(), &first, &options);
    let results = results(&data_sha256(&first, dir.path())).to_string();
    let given = dir.path().join("results.json");
    let options = [&options[..], &["--figures", given.to_str().unwrap()]].concat();
    fs::write(&given, results.replace("\"r\"", "\"/home/jane/r\"")).unwrap();
    let done = publish(&dataset(), &release, &options, Some(ABOUT));
    assert!(
        stderr(&done).contains("\"/home/jane/r\" stands in it"),
        "{}",
        stderr(&done)
    );
    fs::write(&given, results).unwrap();
    published(&dataset(), &release, &options);
    let found = verify(&release);
    assert!(found.ends_with("no fault\n"), "{found}");
}
