//! `sysds report`, as a browser shows it: headless Chromium loads the page, draws every chart and has nothing to say on
//! its console.

use crate::common::*;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The page's document after its scripts ran, and what Chromium said.
fn loaded(page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let done = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--enable-logging=stderr",
            "--window-size=1200,900",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = stderr(&done);
    (String::from_utf8(done.stdout).unwrap(), said)
}

/// How many charts a page has to draw, and how many it drew; nothing on the console.
fn drawn(page: &Path) -> (usize, usize, String) {
    let (document, said) = loaded(page);
    let console: Vec<&str> = said.lines().filter(|l| l.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:?}");
    let figures = document.matches("<figure class=\"chart\"").count();
    let charts = document.matches("role=\"img\"").count();
    (figures, charts, document)
}

fn report(dataset: &Path, page: &Path) {
    let args = [
        "report".as_ref(),
        dataset.as_os_str(),
        "-o".as_ref(),
        page.as_os_str(),
    ];
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(stderr(&done), "");
}

#[test]
fn every_chart_is_drawn_from_the_real_traces() {
    let dir = tempfile::tempdir().unwrap();
    for (trace_name, charts) in [
        ("apache-prefork", 12),
        ("apache-keepalive", 11),
        ("apache-lossy", 12),
    ] {
        let dataset = dir.path().join(trace_name);
        ingest(&[&trace(trace_name)], &dataset, &["--quiet"]);
        let page = dir.path().join("report.html");
        report(&dataset, &page);
        let text = fs::read_to_string(&page).unwrap();
        // Addresses in it are names of standards and of the library's home, never of something to load.
        assert!(
            !text.contains("src=\"") && !text.contains("@import") && !text.contains("url(http")
        );
        assert!(text.len() < 1_000_000, "{} bytes", text.len());
        if has("chromium", &["--version"]) {
            let (figures, drawn, document) = drawn(&page);
            assert_eq!((figures, drawn), (charts, charts), "{trace_name}");
            assert_eq!(
                document.contains(">The tracer lost nothing"),
                trace_name != "apache-lossy"
            );
        }
    }
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 4, "nothing beside the page");
}

#[test]
fn several_labels_have_charts_of_their_own_and_names_are_no_markup() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir
        .path()
        .join("</title><script>alert(1)</script>")
        .join("d\"<b>&amp;");
    let dataset = Path::new(&dataset.display().to_string().replace("</", "<")).to_path_buf();
    let traces = [trace("apache-prefork"), trace("apache-keepalive")];
    let traces = [traces[0].as_path(), traces[1].as_path()];
    let label = "</script><img src=x onerror=alert(1)>";
    ingest(
        &traces,
        &dataset,
        &["--quiet", "--label", label, "--label", "plain"],
    );
    let page = dir.path().join("report.html");
    report(&dataset, &page);
    let text = fs::read_to_string(&page).unwrap();
    assert!(!text.contains("<img") && !text.contains("<b>"));
    assert_eq!(text.matches("</script>").count(), 3);
    if has("chromium", &["--version"]) {
        let (figures, drawn, document) = drawn(&page);
        assert_eq!(figures, drawn);
        // Two distributions, the comparison of labels, and two recordings over time.
        assert!(figures > 14, "{figures}");
        assert!(!document.contains("<img"));
    }
}

#[test]
fn a_page_that_cannot_be_made_leaves_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("report.html");
    fs::write(&page, "old").unwrap();
    let args = [
        "report".as_ref(),
        dir.path().as_os_str(),
        "-o".as_ref(),
        page.as_os_str(),
    ];
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        stderr(&done).contains("not a sysds dataset"),
        "{}",
        stderr(&done)
    );
    assert_eq!(fs::read_to_string(&page).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
