//! The card's section on what models tell: the figures of an experiment on the same data.

use crate::publish::describe::markdown::{code, inline};
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::publish::figures::{Estimate, Experiment, Figures, OverSeeds, Share};
use crate::publish::release::FIGURES;
use std::fmt::Write;

pub(super) fn models(text: &mut String, metadata: &ReleaseMetadata) {
    let Some(given) = metadata.figures else {
        return;
    };
    let figures = &given.figures;
    let of = &figures.experiment;
    let length = of.max_length.map_or("not cut off".to_owned(), |n| {
        format!("cut off after {n} events")
    });
    let _ = writeln!(
        text,
        "## What models tell\n\n\
         Each method learned from `train` alone, and gives every request a score, how novel it is: reach {}, events {},\n\
         {} arguments, {length}; size {}, seeds {}.\n",
        code(&of.reach.0),
        code(&of.events.0),
        if of.arguments { "with" } else { "without" },
        code(&of.size_name.0),
        seeds(of, ", "),
    );
    areas(text, figures);
    next_calls(text, figures);
    let _ = writeln!(
        text,
        "Made by {}; all figures are in\n`{FIGURES}`.\n",
        code(&command(figures, &metadata.folder))
    );
}

/// The table of areas, and how to read it.
fn areas(text: &mut String, figures: &Figures) {
    let _ = writeln!(
        text,
        "How well the score tells the requests of each label in `test-ood` (their number) from those in `test`: area under the\n\
         ROC curve in %, mean ± standard deviation over the seeds, and the interval of 95 % of {} resamples. 50 is chance, and an\n\
         interval that holds it tells nothing apart; below 50 the label's requests look *less* novel than normal ones.\n",
        figures.resamples
    );
    let names = figures.behaviours.iter();
    let heads = names.map(|(name, of)| format!("{} ({})", inline(&name.0), of.test_requests));
    let heads: Vec<String> = heads.collect();
    let _ = writeln!(
        text,
        "| method | {} |\n|---|{}",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for (_, method) in &figures.methods {
        let behaviours = figures.behaviours.iter();
        let cells = behaviours.map(|(name, of)| {
            let told = method.told(name);
            told.map_or(String::new(), |told| area(told.auroc, of.test_requests))
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(
            text,
            "| {} | {} |",
            inline(&method.title.0),
            cells.join(" | ")
        );
    }
    text.push('\n');
}

/// Requests of which there must be as many for an interval to say something, as for the experiment itself.
const FEWEST: u64 = 10;

fn area(of: Estimate, requests: u64) -> String {
    let mark = match (of.low..=of.high).contains(&0.5) {
        _ if requests < FEWEST => " (too few requests to say)",
        true => " (not told apart)",
        false => "",
    };
    let (low, high) = (100.0 * of.low, 100.0 * of.high);
    format!("{} [{low:.1}, {high:.1}]{mark}", percent(of.of))
}

fn percent(of: OverSeeds) -> String {
    let deviation = of.deviation.map(|Share(d)| format!(" ± {:.1}", 100.0 * d));
    let Share(mean) = of.mean;
    format!("{:.1}{}", 100.0 * mean, deviation.unwrap_or_default())
}

/// How often the next call was foretold, by methods that foretell one.
fn next_calls(text: &mut String, figures: &Figures) {
    let methods = figures.methods.iter();
    let rows = methods.filter_map(|(_, method)| {
        let (entries, all) = (method.accuracy_entries?, method.accuracy_all?);
        let title = inline(&method.title.0);
        Some(format!(
            "| {title} | {} | {} |\n",
            percent(entries),
            percent(all)
        ))
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "How often the next call in `test` is foretold, in %: where it enters a system call, and on all events and ends, of which\n\
         exits are easy, because most follow their entries:\n\n\
         | method | on entries | on all |\n|---|---|---|\n{rows}"
    );
}

fn seeds(of: &Experiment, between: &str) -> String {
    let seeds: Vec<String> = of.seeds.iter().map(u64::to_string).collect();
    seeds.join(between)
}

/// The command that made the figures, as far as they tell it.
fn command(figures: &Figures, folder: &str) -> String {
    let of = &figures.experiment;
    let methods: Vec<String> = figures
        .methods
        .iter()
        .map(|(name, _)| word(&name.0))
        .collect();
    let length = of.max_length.map(|n| format!(" --max-length {n}"));
    let arguments = if of.arguments { " --arguments" } else { "" };
    format!(
        "python -m sysds.experiment {} -o results --reach {} --events {}{arguments}{} --size {} --seeds {} --methods {}",
        word(folder),
        word(&of.reach.0),
        word(&of.events.0),
        length.unwrap_or_default(),
        word(&of.size_name.0),
        seeds(of, ","),
        methods.join(",")
    )
}

/// A text as one word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,/".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
