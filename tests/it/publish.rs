//! Releases: what is in them, what their metadata say, and which version a change asks for.

use crate::common::*;
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, lexsort_to_indices, take_record_batch};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A `dataset.toml` that says everything.
pub const ABOUT: &str = r#"
title = "Requests of Apache"
description = "Kernel traces of a web server."
url = "https://example.org/apache"
contact = "data@example.org"
publisher = "Example Lab"
doi = "10.1234/5678"
funding = ["none"]
purpose = "Tests."
server = "Apache 2.4, PHP 8.2, MariaDB 10.11."
load = "wrk2, 15 requests/s."
conditions = "none"
limits = ["One machine."]
privacy = "The client is the load generator."
maintenance = "None."
license = "CC-BY-4.0"
[[authors]]
family = "Doe"
given = "Jane"
orcid = "0000-0002-1825-0097"
"#;

/// Runs `sysds publish` with what is said, or nothing.
pub fn publish(
    dataset: &Path,
    output: &Path,
    options: &[&str],
    about: Option<&str>,
) -> std::process::Output {
    let said = output.with_extension("toml");
    fs::write(&said, about.unwrap_or_default()).unwrap();
    let mut args = vec![
        "publish",
        dataset.to_str().unwrap(),
        "-o",
        output.to_str().unwrap(),
    ];
    args.extend(["--about", said.to_str().unwrap()]);
    args.extend(options);
    sysds(args)
}

/// Options of a split by label, with parts to train, validate and test with.
pub const BY_LABEL: [&str; 7] = [
    "-q",
    "--split",
    "label",
    "-p",
    "label=normal",
    "-p",
    "valid=0.1",
];

/// As [`publish`], which is expected to succeed.
pub fn published(dataset: &Path, output: &Path, options: &[&str]) {
    let done = publish(dataset, output, options, Some(ABOUT));
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}

fn verified(release: &Path) {
    let done = sysds(["verify", release.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}{}", stderr(&done));
    assert!(said.ends_with("no fault\n"), "{said}");
}

fn labelled(dir: &Path) -> PathBuf {
    let dataset = dir.join("d");
    let traces = [trace("apache-prefork"), trace("apache-lossy")];
    let traces: Vec<&Path> = traces.iter().map(|t| t.as_ref()).collect();
    ingest(
        &traces,
        &dataset,
        &["--label", "normal", "--label", "slow", "--quiet"],
    );
    dataset
}

/// Paths of a release's shards of a table, by split.
fn shards(release: &Path, table: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, shard) in manifest(release)["release"]["shards"].as_object().unwrap() {
        if shard["table"] == table {
            let split = shard["split"].as_str().unwrap().to_owned();
            found.entry(split).or_default().push(release.join(path));
        }
    }
    found
}

/// All rows of some files, in the order of recording and `id`.
fn sorted<'a>(files: impl IntoIterator<Item = &'a PathBuf>, id: &str) -> RecordBatch {
    let batches: Vec<RecordBatch> = files.into_iter().flat_map(|f| rows_of(f)).collect();
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let keys = ["trace_id", id].map(|c| arrow::compute::SortColumn {
        values: all.column_by_name(c).unwrap().clone(),
        options: None,
    });
    let order = lexsort_to_indices(&keys, None).unwrap();
    take_record_batch(&all, &order).unwrap()
}

#[test]
fn a_release_has_every_row_once_in_its_split() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = labelled(dir.path());
    let release = dir.path().join("r");
    published(
        &dataset,
        &release,
        &["--split", "hash", "--shard-size", "200kB", "-q"],
    );
    verified(&release);
    for (table, id) in [
        ("events", "event_id"),
        ("requests", "request_id"),
        ("downstream", "service_id"),
    ] {
        let splits = shards(&release, table);
        let released = sorted(splits.values().flatten(), id);
        let whole = sorted(&files(&dataset, table), id);
        assert_eq!(released.schema(), whole.schema(), "{table}");
        assert!(released == whole, "{table}");
    }
    let requests = shards(&release, "requests");
    let names: Vec<&str> = requests.keys().map(String::as_str).collect();
    assert_eq!(names, ["incomplete", "test", "train"]);
    let ids = |split: &str| -> BTreeSet<(String, i64)> {
        let rows = sorted(&requests[split], "request_id");
        let complete = rows["complete"].as_boolean();
        assert!(
            complete.iter().all(|c| c == Some(split != "incomplete")),
            "{split}"
        );
        let traces = texts(&rows["trace_id"]).into_iter().flatten();
        traces
            .zip(longs(&rows["request_id"]).into_iter().flatten())
            .collect()
    };
    assert_eq!(ids("incomplete").len(), 254);
    // The rule is the query's: what it copies for training is what the release has for training.
    let out = dir.path().join("split");
    let by = [format!("out={}", out.display()), "by=hash".to_owned()];
    let query = sysds([
        "query",
        "split",
        "-d",
        dataset.to_str().unwrap(),
        "-p",
        &by[0],
        "-p",
        &by[1],
    ]);
    assert_eq!(query.status.code(), Some(0), "{}", stderr(&query));
    for split in ["train", "test"] {
        let copied = sorted(
            &[out.join(format!("split={split}/part-00000.parquet"))],
            "request_id",
        );
        let traces = texts(&copied["trace_id"]).into_iter().flatten();
        let copied: BTreeSet<_> = traces
            .zip(longs(&copied["request_id"]).into_iter().flatten())
            .collect();
        assert_eq!(copied, ids(split), "{split}");
    }
    sizes_and_names(&release);
    // And it can be asked as a dataset can.
    let count = |root: &Path| {
        let sql =
            "SELECT count(*) AS n, sum(duration_ns) AS s, count(DISTINCT label) AS l FROM requests";
        let answer = sysds([
            "query",
            "-d",
            root.to_str().unwrap(),
            "-e",
            sql,
            "--format",
            "csv",
        ]);
        assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
        answer.stdout
    };
    assert_eq!(count(&release), count(&dataset));
}

#[test]
fn recordings_are_released_in_the_parts_that_they_are_put_into() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let traces = ["apache-prefork", "apache-keepalive", "apache-lossy"].map(trace);
    let traces: Vec<&Path> = traces.iter().map(|t| t.as_ref()).collect();
    let labels = ["--label", "normal", "--label", "normal", "--label", "slow"];
    ingest(&traces, &dataset, &[&labels[..], &["--quiet"]].concat());
    let (release, other) = (dir.path().join("r"), dir.path().join("other"));
    let said = [
        "--split",
        "parts",
        "--part",
        "train=apache-prefork",
        "--part",
        "valid=apache-keepalive",
        "--part",
        "valid-ood=slow",
    ];
    published(&dataset, &release, &said);
    verified(&release);
    let rows = |release: &Path| -> BTreeMap<String, usize> {
        let splits = shards(release, "requests").into_iter();
        splits
            .map(|(split, files)| (split, sorted(&files, "request_id").num_rows()))
            .collect()
    };
    let expected = [
        ("incomplete", 254),
        ("train", 319),
        ("valid", 12),
        ("valid-ood", 356),
    ];
    assert_eq!(
        rows(&release),
        expected.map(|(split, n)| (split.to_owned(), n)).into()
    );
    // A file of one part is not taken for that of another.
    let valid = release.join("data/requests/slow/valid_ood-00000-of-00001.parquet");
    assert_eq!(shards(&release, "requests")["valid-ood"], [valid]);
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    for part in [
        "  - split: valid_ood\n    path: \"data/requests/*/valid_ood-*.parquet\"",
        "`valid_ood` for `valid-ood`",
        " (slow) |",
    ] {
        assert!(card.contains(part), "no {part:?} in:\n{card}");
    }
    let croissant = fs::read_to_string(release.join("croissant.json")).unwrap();
    assert!(croissant.contains("\"splits/name\": \"valid_ood\""));
    let split = &manifest(&release)["release"]["split"];
    let ids: Vec<&Value> = ["train", "valid", "valid-ood"]
        .map(|part| &split["parts"][part][0])
        .into();
    let recordings = manifest(&release)["recordings"].clone();
    assert_eq!(
        ids,
        (0..3)
            .map(|i| &recordings[i]["trace_id"])
            .collect::<Vec<_>>()
    );
    assert_eq!(split["parameters"], serde_json::json!({}));

    // With pseudonyms, the parts name recordings as the tables do.
    let (key, policy) = (dir.path().join("key"), dir.path().join("policy.toml"));
    fs::write(&key, crate::private::KEY).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&key, mode).unwrap();
    fs::write(&policy, "[time]\nshift = true\n").unwrap();
    let private = dir.path().join("private");
    let anonymous = [
        policy.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
        "-q",
    ];
    let options = [&said[..], &["--anonymize"], &anonymous].concat();
    published(&dataset, &private, &options);
    verified(&private);
    let text = fs::read_to_string(private.join("manifest.json")).unwrap();
    assert!(
        ids.iter().all(|id| !text.contains(id.as_str().unwrap())),
        "{text}"
    );
    let pseudonyms = manifest(&private);
    let train = &pseudonyms["release"]["split"]["parts"]["train"][0];
    assert_eq!(train, &pseudonyms["recordings"][0]["trace_id"]);

    // A file says the same; what it does not name is told, and stays in the release.
    let parts = dir.path().join("parts.toml");
    fs::write(&parts, "train = [\"apache-prefork\"]\ntest = [\"slow\"]\n").unwrap();
    let options = ["--split", "parts", "--parts", parts.to_str().unwrap()];
    let done = publish(&dataset, &other, &options, Some(ABOUT));
    let told = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{told}");
    let unused = recordings[1]["trace_id"].as_str().unwrap();
    assert!(
        told.contains("in no part: 12 requests of 1 recording"),
        "{told}"
    );
    assert!(
        told.contains(&format!("  {unused} (label normal), 12 requests\n")),
        "{told}"
    );
    let expected = [
        ("incomplete", 254),
        ("test", 356),
        ("train", 319),
        ("unused", 12),
    ];
    assert_eq!(
        rows(&other),
        expected.map(|(split, n)| (split.to_owned(), n)).into()
    );
    verified(&other);

    // A recording in another part than the manifest says.
    let path = other.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let moved = text.replace("\"split\": \"test\"", "\"split\": \"valid\"");
    assert_ne!(text, moved);
    fs::write(&path, moved).unwrap();
    let done = sysds(["verify", other.to_str().unwrap()]);
    let found = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(1), "{found}");
    assert!(
        found.contains(
            "split: data/requests/slow/test-00000-of-00001.parquet: is in valid, but its recording"
        ),
        "{found}"
    );
}

/// Shards are named and sized as they should be, and `sha256sum` agrees.
fn sizes_and_names(release: &Path) {
    let train = &shards(release, "events")["train"];
    let of_label = |label: &str| -> Vec<&PathBuf> {
        let folder = release.join("data/events").join(label);
        train.iter().filter(|p| p.starts_with(&folder)).collect()
    };
    let normal = of_label("normal");
    assert!(normal.len() > 2 && of_label("slow").len() > 2, "{train:?}");
    for (i, path) in normal.iter().enumerate() {
        let name = format!("train-{i:05}-of-{:05}.parquet", normal.len());
        assert_eq!(path.file_name().unwrap().to_str(), Some(name.as_str()));
        let bytes = fs::metadata(path).unwrap().len();
        assert!(bytes < 400_000, "{bytes}");
    }
    let done = Command::new("sha256sum")
        .args(["-c", "--quiet", "SHA256SUMS"])
        .current_dir(release)
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn what_nobody_says_is_marked_and_listed() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let release = dir.path().join("r");
    let done = publish(&dataset, &release, &["-q"], None);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let said = stderr(&done);
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    for key in [
        "title",
        "authors",
        "license",
        "url",
        "server",
        "load",
        "privacy",
        "maintenance",
    ] {
        assert!(
            said.contains(&format!("  {key} ")),
            "{key} is not in:\n{said}"
        );
        assert!(card.contains(&format!("> - `{key}`: ")), "{key}");
    }
    assert!(card.contains("**[missing: `server` in dataset.toml]**"));
    assert!(!release.join("LICENSE").exists() && !release.join("CITATION.cff").exists());
    let names: Vec<String> = shards(&release, "requests").into_keys().collect();
    assert_eq!(names, ["full"]);
    verified(&release);

    let full = dir.path().join("full");
    let done = publish(&dataset, &full, &["-q"], Some(ABOUT));
    assert_eq!((done.status.code(), stderr(&done).as_str()), (Some(0), ""));
    let card = fs::read_to_string(full.join("README.md")).unwrap();
    assert!(!card.contains("[missing: ") && card.contains("license: cc-by-4.0\n"));
    let license = fs::read_to_string(full.join("LICENSE")).unwrap();
    assert!(license.contains("Creative Commons Attribution 4.0 International"));
    let cff = fs::read_to_string(full.join("CITATION.cff")).unwrap();
    assert!(cff.contains("family-names: \"Doe\"") && cff.contains("version: \"1.0.0\""));
}

#[test]
fn wrong_calls_say_what_to_do_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let release = dir.path().join("out/r");
    fs::create_dir(dir.path().join("out")).unwrap();
    for (options, part, status) in [
        (
            &["--license", "CC BY 4"][..],
            "not an SPDX licence expression",
            2,
        ),
        (
            &["--split", "hash", "-p", "fraction=much"],
            "$fraction takes a number",
            2,
        ),
        (
            &["--split", "hash", "-p", "weight=1"],
            "no parameter $weight",
            2,
        ),
        (&["-p", "fraction=0.5"], "none is asked for", 2),
        (
            &["--split", "hash", "-p", "fraction=7"],
            "more than 0 and less than 1",
            2,
        ),
        (
            &["--split", "hash", "-p", "fraction=0"],
            "more than 0 and less than 1",
            2,
        ),
        (
            &["--split", "time", "-p", "fraction=nan"],
            "$fraction takes a number",
            2,
        ),
        (
            &["--split", "time", "-p", "gap_ms=-1"],
            "0 or more milliseconds",
            2,
        ),
        (
            &[
                "--split",
                "hash",
                "-p",
                "fraction=0.5",
                "-p",
                "fraction=0.6",
            ],
            "given twice",
            2,
        ),
        (
            &["--split", "label", "-p", "label=zz"],
            "no recording or span has this label",
            2,
        ),
        (&["--split", "label"], "The labels are '' (none).", 2),
        (
            &["--split", "label", "-p", "label="],
            "no request would be in ood",
            2,
        ),
        (&["--split", "recording"], "no request would be in test", 2),
        (
            &["--split", "hash", "-p", "fraction=0.000001"],
            "no request would be in train",
            2,
        ),
        (&["--split", "parts"], "nothing is said of which", 2),
        (
            &[
                "--split",
                "parts",
                "--part",
                "train=apache-keepalive",
                "--part",
                "test=cpu",
            ],
            "cpu is neither the label nor the name",
            2,
        ),
        (
            &["--split", "parts", "--part", "ood=apache-keepalive"],
            "there is no part \"ood\"",
            2,
        ),
        (
            &["--split", "hash", "--part", "train=apache-keepalive"],
            "Add --split parts",
            2,
        ),
        (
            &[
                "--split",
                "parts",
                "--part",
                "train=a",
                "-p",
                "parts=train=b",
            ],
            "given twice",
            2,
        ),
        (
            &["--split", "hash", "-p", "parts=train=apache-keepalive"],
            "and the split is by hash",
            2,
        ),
        (
            &["--split", "recording", "-p", "gap_ms=500"],
            "By recording there are fraction, valid.",
            2,
        ),
        (&["--split", "parts", "--parts", "/nowhere"], "/nowhere", 1),
        (&["--previous", "/nowhere"], "/nowhere", 1),
    ] {
        let done = publish(&dataset, &release, options, Some(ABOUT));
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(status), "{said}");
        assert!(
            said.contains(part) && said.contains("help: "),
            "no {part:?} in:\n{said}"
        );
        let left: Vec<_> = fs::read_dir(dir.path().join("out"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["r.toml"], "{options:?}");
    }
    let done = publish(&dataset, &release, &[], Some("titel = 'x'"));
    assert!(
        stderr(&done).contains("line 1, column 1"),
        "{}",
        stderr(&done)
    );
    let done = sysds(["verify", dir.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("manifest.json"), "{}", stderr(&done));

    // Neither is taken for the other.
    let done = publish(&dataset, &dataset, &["--force"], Some(ABOUT));
    assert!(
        stderr(&done).contains("not replaced by a release"),
        "{}",
        stderr(&done)
    );
    published(&dataset, &release, &["-q"]);
    let done = publish(&release, &dir.path().join("again"), &[], Some(ABOUT));
    assert!(
        stderr(&done).contains("a release already"),
        "{}",
        stderr(&done)
    );
    let more = trace("apache-prefork");
    let args = [
        more.to_str().unwrap(),
        "-o",
        release.to_str().unwrap(),
        "--append",
    ];
    let done = sysds([&["ingest"], &args[..]].concat());
    assert!(
        stderr(&done).contains("a release, which stays as it is"),
        "{}",
        stderr(&done)
    );
    verified(&release);
}

#[test]
fn a_label_may_be_longer_than_a_name_of_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    let label = "x".repeat(300);
    ingest(
        &[&trace("apache-keepalive")],
        &dataset,
        &["--quiet", "--label", &label],
    );
    published(&dataset, &release, &["-q"]);
    verified(&release);
    assert_eq!(manifest(&release)["recordings"][0]["label"], label);
}

#[test]
fn the_version_tells_how_much_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(
        &[&trace("apache-keepalive")],
        &dataset,
        &["--quiet", "--requests", "exchange"],
    );
    let at = |name: &str| dir.path().join(name);
    let version = |name: &str| {
        manifest(&at(name))["release"]["version"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let changes = |name: &str| manifest(&at(name))["release"]["previous"]["changes"].to_string();
    let first = at("first").to_str().unwrap().to_owned();
    published(&dataset, &at("first"), &["-q", "--split", "hash"]);
    assert_eq!(version("first"), "1.0.0");

    // Other shards, the same rows.
    let other = [
        "-q",
        "--split",
        "hash",
        "--shard-size",
        "300kB",
        "--previous",
        &first,
    ];
    published(&dataset, &at("same"), &other);
    assert_eq!(
        (version("same").as_str(), changes("same").as_str()),
        ("1.0.1", "[]")
    );

    // Requests in other splits: a major change, and a lower version is refused.
    let moved = [
        "-q",
        "--split",
        "hash",
        "-p",
        "fraction=0.5",
        "--previous",
        &first,
    ];
    let done = publish(
        &dataset,
        &at("moved"),
        &[&moved[..], &["--version", "1.9.0"]].concat(),
        Some(ABOUT),
    );
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(
        said.contains("moved from train to test") && said.contains("Give --version 2.0.0"),
        "{said}"
    );
    assert!(!at("moved").exists());
    published(&dataset, &at("moved"), &moved);
    assert_eq!(version("moved"), "2.0.0");
    let card = fs::read_to_string(at("moved").join("README.md")).unwrap();
    assert!(card.contains("What changed from 1.0.0 to 2.0.0"));

    // One more recording, with more columns: a minor change.
    let more = trace("apache-prefork");
    let appended = sysds([
        "ingest".as_ref(),
        more.as_os_str(),
        "-o".as_ref(),
        dataset.as_os_str(),
        "--append".as_ref(),
        "-q".as_ref(),
    ]);
    assert_eq!(appended.status.code(), Some(0), "{}", stderr(&appended));
    published(
        &dataset,
        &at("more"),
        &["-q", "--split", "hash", "--previous", &first],
    );
    assert_eq!(version("more"), "1.1.0", "{}", changes("more"));
    assert!(changes("more").contains("is new"), "{}", changes("more"));
    // And back: a recording and columns are gone.
    let more = at("more").to_str().unwrap().to_owned();
    fs::remove_dir_all(&dataset).unwrap();
    ingest(
        &[&trace("apache-keepalive")],
        &dataset,
        &["--quiet", "--requests", "exchange"],
    );
    published(
        &dataset,
        &at("less"),
        &["-q", "--split", "hash", "--previous", &more],
    );
    assert_eq!(version("less"), "2.0.0");
    assert!(changes("less").contains("is gone"), "{}", changes("less"));
}

/// What Croissant 1.1 demands (<https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html>), beyond what
/// `mlcroissant validate` looks at.
#[test]
fn croissant_and_crate_keep_their_specifications() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = labelled(dir.path());
    let release = dir.path().join("r");
    published(
        &dataset,
        &release,
        &["--split", "label", "-q", "--date", "2026-11-25"],
    );
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(release.join(name)).unwrap()).unwrap()
    };
    let croissant = read("croissant.json");
    for key in [
        "@context",
        "name",
        "description",
        "license",
        "url",
        "creator",
        "datePublished",
        "distribution",
        "recordSet",
    ] {
        assert!(!croissant[key].is_null(), "{key} is required");
    }
    assert_eq!(croissant["@type"], "sc:Dataset");
    assert_eq!(
        croissant["conformsTo"],
        "http://mlcommons.org/croissant/1.1"
    );
    assert_eq!(croissant["datePublished"], "2026-11-25");
    assert_eq!(
        croissant["license"],
        "https://spdx.org/licenses/CC-BY-4.0.html"
    );
    assert_eq!(croissant["creator"][0]["@type"], "sc:Person");
    semver_like(croissant["version"].as_str().unwrap());
    let mut ids = BTreeSet::new();
    let mut references = Vec::new();
    walk(&croissant, &mut |node| {
        match (node["@id"].as_str(), node.as_object().unwrap().len()) {
            (Some(id), 1) => references.push(id.to_owned()),
            (Some(id), _) if !id.starts_with("cr:") => {
                assert!(ids.insert(id.to_owned()), "{id} is there twice");
            }
            _ => {}
        }
        if node["@type"] == "cr:Field" && !node["@id"].as_str().unwrap().starts_with("splits/") {
            let has = |key: &str| !node[key].is_null();
            assert!(
                has("subField") != (has("dataType") && has("source")),
                "{node}"
            );
            assert_eq!(has("isArray"), has("arrayShape"), "{node}");
            assert!(has("name") && has("description"), "{node}");
        }
    });
    assert!(references.len() > 100);
    for id in references {
        assert!(ids.contains(&id), "nothing has the id {id}");
    }
    file_objects(&release, &croissant);
    for column in [
        "requests/events/args/filename",
        "events/args/filename",
        "requests/blocked/duration_ns",
    ] {
        assert!(ids.contains(column), "{column}");
    }
    ro_crate(&release, &read("ro-crate-metadata.json"));
}

fn semver_like(version: &str) {
    let numbers: Vec<&str> = version.split('.').collect();
    assert!(
        numbers.len() == 3 && numbers.iter().all(|n| n.parse::<u64>().is_ok()),
        "{version}"
    );
}

/// Calls `look` for each object in a JSON value.
fn walk(value: &Value, look: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            look(value);
            let inner = members.iter().filter(|(key, _)| *key != "@context");
            inner.for_each(|(_, v)| walk(v, look));
        }
        Value::Array(values) => values.iter().for_each(|v| walk(v, look)),
        _ => {}
    }
}

/// Every shard is a file object with its size and checksum, and in the set of its table.
fn file_objects(release: &Path, croissant: &Value) {
    let nodes = croissant["distribution"].as_array().unwrap();
    let objects: Vec<&Value> = nodes
        .iter()
        .filter(|n| n["@type"] == "cr:FileObject")
        .collect();
    let shards = manifest(release)["release"]["shards"]
        .as_object()
        .unwrap()
        .len();
    assert_eq!(objects.len(), shards);
    for object in objects {
        let url = object["contentUrl"].as_str().unwrap();
        let bytes = fs::read(release.join(url)).unwrap();
        assert_eq!(object["contentSize"], format!("{} B", bytes.len()));
        assert_eq!(object["sha256"].as_str().unwrap().len(), 64);
    }
    let sets = nodes.iter().filter(|n| n["@type"] == "cr:FileSet");
    assert_eq!(sets.count(), 4);
}

/// What RO-Crate 1.2 demands of the descriptor, the root and the files.
fn ro_crate(release: &Path, json: &Value) {
    assert_eq!(json["@context"], "https://w3id.org/ro/crate/1.2/context");
    let graph = json["@graph"].as_array().unwrap();
    let node = |id: &str| {
        graph
            .iter()
            .find(|n| n["@id"] == id)
            .unwrap_or_else(|| panic!("{id} is not described"))
    };
    let descriptor = node("ro-crate-metadata.json");
    assert_eq!(
        descriptor["conformsTo"]["@id"],
        "https://w3id.org/ro/crate/1.2"
    );
    assert_eq!(descriptor["about"]["@id"], "./");
    let root = node("./");
    assert_eq!(root["@type"], "Dataset");
    for key in ["name", "description", "datePublished", "license"] {
        assert!(!root[key].is_null(), "{key} is required");
    }
    let ids: BTreeSet<&str> = graph.iter().map(|n| n["@id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), graph.len(), "ids are unique");
    for part in root["hasPart"].as_array().unwrap() {
        let id = part["@id"].as_str().unwrap();
        assert_eq!(node(id)["@type"], "File");
        assert!(release.join(id).is_file(), "{id}");
    }
    walk(json, &mut |value| {
        let members = value.as_object().unwrap();
        if let (1, Some(id)) = (members.len(), value["@id"].as_str())
            && !id.starts_with("https://w3id.org/")
        {
            node(id);
        }
    });
}

/// The parts of a release have files of their own, in which events of one time are: what goes by the order of events finds it.
#[test]
fn lists_of_a_release_that_is_split_are_those_of_its_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    for (traces, split) in [(1, "hash"), (3, "time")] {
        let names = ["apache-prefork", "apache-keepalive", "apache-lossy"];
        let traces: Vec<PathBuf> = names[..traces].iter().map(|name| trace(name)).collect();
        let traces: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
        ingest(&traces, &dataset, &["--quiet", "--force"]);
        published(&dataset, &release, &["--split", split, "--force"]);
        let asked = |of: &Path, what: &[&str]| {
            let of = of.to_str().unwrap();
            let done = sysds([&["query", "-d", of, "--format", "csv"], what].concat());
            assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
            String::from_utf8(done.stdout).unwrap()
        };
        let lists = "SELECT trace_id, request_id, name, phase, tid, ret FROM request_lists ORDER BY trace_id, request_id";
        for what in [&["ngrams"][..], &["top_arguments"], &["-e", lists]] {
            let (expected, found) = (asked(&dataset, what), asked(&release, what));
            assert!(expected.lines().count() > 10);
            assert!(expected == found, "{split}: {what:?}");
        }
    }
}
