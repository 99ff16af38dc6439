//! The page: the template with everything in it.
//!
//! Data go in as JSON inside a `<script type="application/json">`, where the browser runs nothing and only `</script` and
//! `<!--` could end or change the element; so `<`, `>` and `&` are written as `\u003c` and the like. The drawing puts text
//! into the page as text nodes only. Behind that, the page's own Content-Security-Policy allows no script but the two whose
//! hashes it names, no request to anywhere, no form and no frame.

use super::questions::Answers;
use crate::compare::Compared;
use crate::dataset::manifest::{Manifest, Recording};
use crate::split::SplitRule;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("page/template.html");
const STYLE: &str = include_str!("page/style.css");
/// Observable Plot with what it needs of D3, and their licences at its head.
const PLOT: &str = include_str!("page/plot.js");
/// Our own drawing, one script.
const CHARTS: &str = concat!(
    include_str!("page/format.js"),
    include_str!("page/charts.js"),
    include_str!("page/main.js")
);

/// What the page is about, beside the answers of the queries.
pub(super) struct About<'a> {
    /// What to call it.
    pub name: &'a str,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// How its requests are split, where it is a release.
    pub split: Option<SplitRule>,
    /// How its labels compare.
    pub compared: Compared,
}

/// The page.
pub(super) fn page(about: &About, answers: &Answers) -> String {
    let data = in_script(&data(about, answers));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}' 'sha256-{}'; style-src 'unsafe-inline'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(PLOT),
        hash(CHARTS)
    );
    let parts = [
        ("NAME", html(about.name)),
        ("POLICY", policy),
        ("STYLE", STYLE.to_owned()),
        ("DATA", data),
        ("PLOT", PLOT.to_owned()),
        ("CHARTS", CHARTS.to_owned()),
    ];
    let mut page = String::with_capacity(PLOT.len() * 2);
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (key, after) = after
            .split_once("}}")
            .expect("a marker of the template ends");
        page.push_str(before);
        let part = parts.iter().find(|(k, _)| *k == key);
        page.push_str(&part.expect("a marker of the template has a part").1);
        rest = after;
    }
    page + rest
}

fn data(about: &About, answers: &Answers) -> Value {
    let manifest = about.manifest;
    let unanswered = answers.unanswered.iter();
    json!({
        "name": about.name,
        "tool": manifest.tool,
        "created": manifest.created,
        "options": manifest.options,
        "events": manifest.events,
        "requests": manifest.requests,
        "incomplete_requests": manifest.incomplete_requests,
        "discarded_events": manifest.discarded_events,
        "discarded_packets": manifest.discarded_packets,
        "damaged": manifest.damaged,
        "recordings": manifest.recordings.iter().map(recording).collect::<Vec<_>>(),
        "span_ms": answers.span_ms,
        "answers": answers.rows,
        "split": about.split,
        "compared": about.compared,
        "unanswered": unanswered.map(|u| json!({"query": u.query, "why": u.why})).collect::<Vec<_>>(),
    })
}

/// A recording; its times as text, since a JavaScript number cannot hold them to the nanosecond.
fn recording(recording: &Recording) -> Value {
    let time = |ns: Option<i64>| ns.map(|ns| ns.to_string());
    let env = recording.sources.first().map(|s| &s.env);
    json!({
        "trace_id": recording.trace_id,
        "label": recording.label,
        "spans": recording.spans.iter().map(|span| json!({
            "label": span.label,
            "begin_ns": span.begin_ns.to_string(),
            "end_ns": span.end_ns.to_string(),
        })).collect::<Vec<_>>(),
        "first_ns": time(recording.first_ns),
        "last_ns": time(recording.last_ns),
        "events": recording.events,
        "requests": recording.requests,
        "incomplete_requests": recording.incomplete_requests,
        "discarded_events": recording.losses.iter().map(|l| l.discarded_events).sum::<u64>(),
        "discarded_packets": recording.losses.iter().map(|l| l.discarded_packets).sum::<u64>(),
        "losses": recording.losses,
        "damage": recording.damage,
        "env": env.map(|env| env.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()),
    })
}

/// JSON that stays data inside a script element.
fn in_script(value: &Value) -> String {
    let text = value.to_string();
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Text as HTML.
fn html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// SHA-256 in base64, as a Content-Security-Policy names an inline script.
fn hash(script: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // Of the empty text, as `openssl dgst -sha256 -binary | base64` gives it.
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn nothing_in_data_ends_the_script() {
        let nasty = json!({"path": "</script><script>alert(1)</script><!-- & \u{2028}"});
        let text = in_script(&nasty);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), nasty);
        assert_eq!(html("<b a=\"\">&"), "&lt;b a=&quot;&quot;&gt;&amp;");
    }

    #[test]
    fn neither_our_scripts_nor_our_style_end_their_elements() {
        for script in [PLOT, CHARTS] {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        assert!(!STYLE.contains("</style"));
    }
}
