//! The commands that are tried, and a place for each run: inputs that all runs share, and a folder `out` of its own.

use crate::small;
use crate::tree::copy;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command to try.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// Its words; paths are relative to the place.
    pub words: &'static [&'static str],
    /// What it makes, below `out`; nothing where it only prints.
    pub target: Option<&'static str>,
    /// What stands there before: something of `in`.
    pub before: Option<&'static str>,
    /// The words of the next run, where what it makes is there already.
    pub again: &'static [&'static str],
    /// The exit status where nothing fails.
    pub status: i32,
    /// The file by whose rename it takes effect, where that is not the target itself.
    pub commit: Option<&'static str>,
}

/// A command that only prints.
pub const fn prints(name: &'static str, words: &'static [&'static str]) -> Case {
    Case {
        name,
        words,
        target: None,
        before: None,
        again: words,
        status: 0,
        commit: None,
    }
}

const fn makes(
    name: &'static str,
    words: &'static [&'static str],
    target: &'static str,
    again: &'static [&'static str],
) -> Case {
    Case {
        name,
        words,
        target: Some(target),
        before: None,
        again,
        status: 0,
        commit: None,
    }
}

const fn replaces(
    name: &'static str,
    words: &'static [&'static str],
    target: &'static str,
    before: &'static str,
    again: &'static [&'static str],
) -> Case {
    Case {
        before: Some(before),
        ..makes(name, words, target, again)
    }
}

const FORCE: &[&str] = &["ingest", "in/b", "-o", "out/d", "--force"];
const JOBS: &[&str] = &["ingest", "in/a", "in/b", "-o", "out/d", "--jobs", "2"];
const JOBS_FORCE: &[&str] = &[
    "ingest", "in/a", "in/b", "-o", "out/d", "--jobs", "2", "--force",
];
const SPLIT: &[&str] = &[
    "publish",
    "in/d",
    "-o",
    "out/r",
    "--about",
    "in/about.toml",
    "--license",
    "CC-BY-4.0",
    "--date",
    "2026-01-01",
    "--split",
    "hash",
    "--force",
];
const ANONYMIZE: &[&str] = &[
    "publish",
    "in/d",
    "-o",
    "out/r",
    "--license",
    "CC-BY-4.0",
    "--date",
    "2026-01-01",
    "--anonymize",
    "in/policy.toml",
    "--key",
    "in/key",
    "--force",
];

/// All of them.
pub const CASES: &[Case] = &[
    makes(
        "ingest",
        &["ingest", "in/a", "in/b", "-o", "out/d", "--jobs", "1"],
        "out/d",
        &["ingest", "in/a", "in/b", "-o", "out/d", "--force"],
    ),
    makes("ingest --jobs 2", JOBS, "out/d", JOBS_FORCE),
    replaces(
        "ingest --jobs 2 --force",
        JOBS_FORCE,
        "out/d",
        "in/d",
        JOBS_FORCE,
    ),
    replaces("ingest --force", FORCE, "out/d", "in/d", FORCE),
    Case {
        commit: Some("out/d/manifest.json"),
        ..replaces(
            "ingest --append",
            &["ingest", "in/b", "-o", "out/d", "--append"],
            "out/d",
            "in/d",
            FORCE,
        )
    },
    makes(
        "ingest --append, the first",
        &["ingest", "in/b", "-o", "out/d", "--append"],
        "out/d",
        FORCE,
    ),
    Case {
        commit: Some("out/d/manifest.json"),
        ..replaces(
            "compact",
            &["compact", "out/d"],
            "out/d",
            "in/e",
            &["clean", "out/d", "--older-than", "0"],
        )
    },
    Case {
        status: 3,
        ..makes(
            "ingest --keep-going",
            &["ingest", "in/damaged", "-o", "out/d", "--keep-going"],
            "out/d",
            &[
                "ingest",
                "in/damaged",
                "-o",
                "out/d",
                "--keep-going",
                "--force",
            ],
        )
    },
    prints("inspect trace", &["inspect", "in/a"]),
    prints("inspect --count", &["inspect", "in/a", "--count"]),
    prints("inspect dataset", &["inspect", "in/d"]),
    prints(
        "query",
        &[
            "query",
            "-d",
            "in/d",
            "-e",
            "SELECT name, count(*) AS n FROM events GROUP BY name ORDER BY name",
            "--format",
            "csv",
        ],
    ),
    prints("query file.sql", &["query", "in/latency.sql", "-d", "in/d"]),
    replaces(
        "query -o",
        &[
            "query",
            "-d",
            "in/d",
            "-e",
            "SELECT * FROM events ORDER BY event_id",
            "-o",
            "out/x.json",
            "--format",
            "json",
        ],
        "out/x.json",
        "in/about.toml",
        &[
            "query",
            "-d",
            "in/d",
            "-e",
            "SELECT * FROM events ORDER BY event_id",
            "-o",
            "out/x.json",
            "--format",
            "json",
        ],
    ),
    makes(
        "query -o parquet",
        &[
            "query",
            "-d",
            "in/d",
            "-e",
            "SELECT * FROM events ORDER BY event_id",
            "-o",
            "out/x.parquet",
            "--format",
            "parquet",
        ],
        "out/x.parquet",
        &[
            "query",
            "-d",
            "in/d",
            "-e",
            "SELECT * FROM events ORDER BY event_id",
            "-o",
            "out/x.parquet",
            "--format",
            "parquet",
        ],
    ),
    makes(
        "query COPY",
        &[
            "query",
            "in/split.sql",
            "-d",
            "in/d",
            "-p",
            "out=out/s",
            "--memory",
            "64M",
        ],
        "out/s",
        &[
            "query",
            "in/split.sql",
            "-d",
            "in/d",
            "-p",
            "out=out/s2",
            "--memory",
            "64M",
        ],
    ),
    makes(
        "publish",
        &[
            "publish",
            "in/d",
            "-o",
            "out/r",
            "--license",
            "CC-BY-4.0",
            "--date",
            "2026-01-01",
        ],
        "out/r",
        &[
            "publish",
            "in/d",
            "-o",
            "out/r",
            "--license",
            "CC-BY-4.0",
            "--date",
            "2026-01-01",
            "--force",
        ],
    ),
    replaces("publish --split --force", SPLIT, "out/r", "in/r", SPLIT),
    makes("publish --anonymize", ANONYMIZE, "out/r", ANONYMIZE),
    makes(
        "publish --previous",
        &[
            "publish",
            "in/d",
            "-o",
            "out/r",
            "--license",
            "CC-BY-4.0",
            "--date",
            "2026-01-01",
            "--previous",
            "in/r",
        ],
        "out/r",
        &[
            "publish",
            "in/d",
            "-o",
            "out/r",
            "--license",
            "CC-BY-4.0",
            "--date",
            "2026-01-01",
            "--previous",
            "in/r",
            "--force",
        ],
    ),
    prints("verify", &["verify", "in/r"]),
    replaces(
        "report",
        &["report", "in/d", "-o", "out/x.html"],
        "out/x.html",
        "in/about.toml",
        &["report", "in/d", "-o", "out/x.html"],
    ),
];

const ABOUT: &str = "title = \"Small\"\nprivacy = \"None.\"\n[[authors]]\nname = \"A lab\"\n";
const KEY: &str = "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5";
const POLICY: &str = "[names]\nprocesses = \"key\"\n";

/// A folder in which the commands run.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// Makes the inputs.
    pub fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir };
        let input = place.path("in");
        small::write(&input.join("a"), 1, 12);
        small::write(&input.join("b"), 2, 7);
        small::write(&input.join("damaged"), 3, 12);
        small::write_more(&input.join("more"), 4, 7);
        let stream = input.join("damaged/kernel/channel_1");
        let cut = fs::metadata(&stream).unwrap().len() - 100;
        File::options()
            .write(true)
            .open(&stream)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        for name in ["split.sql", "latency.sql"] {
            fs::copy(queries.join(name), input.join(name)).unwrap();
        }
        for (name, text) in [("about.toml", ABOUT), ("key", KEY), ("policy.toml", POLICY)] {
            fs::write(input.join(name), text).unwrap();
        }
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(input.join("key"), private).unwrap();
        for words in [
            &["ingest", "in/a", "-o", "in/d"][..],
            &["ingest", "in/a", "-o", "in/e"],
            &["ingest", "in/more", "-o", "in/e", "--append"],
            &[
                "publish",
                "in/d",
                "-o",
                "in/r",
                "--license",
                "CC-BY-4.0",
                "--date",
                "2026-01-01",
            ],
        ] {
            let done = place.command(words).output().unwrap();
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{words:?}: {said}");
        }
        place
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its path, with a slash.
    pub fn root(&self) -> String {
        format!("{}/", self.dir.path().display())
    }

    /// Puts in place what stands there before a run of `case`.
    pub fn reset(&self, case: &Case) {
        for name in ["out", "tmp"] {
            let dir = self.path(name);
            if dir.exists() {
                fs::remove_dir_all(&dir).unwrap();
            }
            fs::create_dir(&dir).unwrap();
        }
        if let (Some(target), Some(before)) = (case.target, case.before) {
            copy(&self.path(before), &self.path(target));
        }
    }

    /// The program with these words.
    pub fn command(&self, words: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysds"));
        command
            .args(words)
            .current_dir(self.dir.path())
            // For `record`: see `recording`.
            .env("PATH", format!("{}:{path}", self.path("lab/bin").display()))
            .env("TMPDIR", self.path("tmp"))
            .env_remove("RUST_BACKTRACE");
        command
    }
}
