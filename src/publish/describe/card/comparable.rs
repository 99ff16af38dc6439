//! The card's section on what tells labels apart though it says nothing of the server.

use crate::publish::describe::markdown::inline;
use crate::publish::describe::metadata::ReleaseMetadata;
use std::fmt::Write;

/// How many sentences and rows the card has; `sysds compare` has all.
const TOLD: usize = 60;

pub(super) fn comparable(text: &mut String, metadata: &ReleaseMetadata) {
    let compared = metadata.compared;
    if compared.rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "## Whether labels can be compared\n");
    let warnings = compared.warnings.iter().take(TOLD);
    for warning in warnings {
        let _ = writeln!(text, "- {}", inline(warning));
    }
    if compared.warnings.is_empty() {
        let _ = writeln!(
            text,
            "The recordings of all labels were made in the same way, and no plain figure of a request tells its label."
        );
    }
    text.push('\n');
    let mut figures = compared
        .rows
        .iter()
        .filter_map(|row| Some((row, row.auroc?)));
    let first: Vec<_> = figures.by_ref().take(TOLD).collect();
    if first.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "How well one figure of a request alone tells its label (area under the ROC curve; 0.5 tells nothing, 1 tells\n\
         always), over the complete requests of each two labels:\n\n\
         | label | other label | figure | in the first | in the other | AUROC | more in |\n|---|---|---|---|---|---|---|"
    );
    for (row, auroc) in first {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {auroc:.3} | {} |",
            inline(&row.a),
            inline(&row.b),
            inline(&row.what),
            inline(&row.in_a),
            inline(&row.in_b),
            inline(row.more_in.as_deref().unwrap_or_default())
        );
    }
    let more = figures.count();
    let more = match more {
        0 => String::new(),
        n => format!(" It has {n} rows more."),
    };
    let _ = writeln!(
        text,
        "\n`sysds compare` prints this, and how recordings were made.{more}\n"
    );
}
