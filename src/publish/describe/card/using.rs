//! The begin of the card: what is not filled in yet, and how to load the data.

use crate::dataset::tables;
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::publish::release::FULL;
use crate::split::names::word;
use std::fmt::Write;

pub(super) fn gaps(text: &mut String, metadata: &ReleaseMetadata) {
    if metadata.gaps.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "> **Not filled in yet** (`dataset.toml`, then publish again):"
    );
    for gap in metadata.gaps {
        let _ = writeln!(text, "> - `{}`: {}", gap.key, gap.what);
    }
    text.push('\n');
}

pub(super) fn load(text: &mut String, metadata: &ReleaseMetadata) {
    let split = match metadata.manifest.splits(tables::REQUESTS).first() {
        Some((name, ..)) => word(name),
        None => FULL.to_owned(),
    };
    let path = metadata.shards_of(tables::EVENTS, "*").replace("*-*", "*");
    let _ = writeln!(
        text,
        "## Use\n\n\
         ```python\n\
         from datasets import load_dataset                            # pip install datasets\n\
         requests = load_dataset(\"PATH_OR_NAME\", \"requests\", split=\"{split}\")\n\
         requests[0][\"events\"][0][\"args\"]                             # the arguments of its first call\n\
         import pyarrow.dataset as ds                                 # one argument of all events, without the others\n\
         ds.dataset(\"PATH/data/events\").to_table(columns={{\"file\": ds.field(\"args\", \"filename\")}})\n\
         ```\n\n\
         In SQL: `duckdb -c \"SELECT name, count(*) FROM 'PATH/{path}' GROUP BY ALL\"`. To check what you have:\n\
         `sha256sum -c SHA256SUMS`, or everything that can be wrong with `sysds verify PATH`.\n"
    );
}
