//! How the recordings of each label were made, by the manifest and the event classes: nothing else is read.
//!
//! An event class counts as recorded where the metadata declares it, since a tracer declares those that it was told to
//! record; whether an event of it came depends on what happened.

use super::facts::{Aspect, Fact, Value};
use super::labels::{label, labels};
use super::rows::Compared;
use crate::dataset::classes::Classes;
use crate::dataset::manifest::{Manifest, Recording};
use crate::trace::event::EventClass;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one recording.
struct Known<'a> {
    recording: &'a Recording,
    classes: BTreeMap<&'a str, &'a EventClass>,
    /// Those of the classes that have events.
    occurring: Vec<&'a str>,
    contexts: BTreeSet<String>,
}

/// Holds the recordings of each label against those of each other one; `classes` are in the order of the recordings.
pub(crate) fn conditions(manifest: &Manifest, classes: &[Classes]) -> Compared {
    let (labels, more) = labels(manifest);
    let known = manifest.recordings.iter().zip(classes).map(known);
    let mut of_labels: Vec<Vec<Known>> = labels.iter().map(|_| Vec::new()).collect();
    for known in known {
        let own = label(known.recording);
        if let Some(at) = labels.iter().position(|label| *label == own) {
            of_labels[at].push(known);
        }
    }
    let mut facts = shares(Aspect::EventClass, &of_labels, |k| {
        k.classes.keys().map(|name| (*name).to_owned()).collect()
    });
    // Those that matter come first.
    let occurring = of_labels.iter().flatten().flat_map(|k| &k.occurring);
    let occurring: BTreeSet<&str> = occurring.copied().collect();
    facts.sort_by_key(|fact| !occurring.contains(fact.what.as_str()));
    facts.extend(fields(&of_labels));
    facts.extend(shares(Aspect::Context, &of_labels, |k| k.contexts.clone()));
    facts.extend(words(&of_labels));
    facts.extend(numbers(&of_labels));
    // What was lost may have been of any class: of a choice of them nobody knows the share.
    let chosen = !manifest.options.events.is_empty();
    facts.retain(|fact| fact.aspect != Aspect::Lost || !chosen);
    let mut compared = Compared::of_facts(&labels, &facts);
    if chosen {
        let what = "the share of lost events, since not all classes were ingested (--events)";
        compared.missing.push(what.to_owned());
    }
    if more > 0 {
        compared
            .missing
            .push(format!("{more} labels beyond the first {}", labels.len()));
    }
    compared
}

fn known<'a>((recording, classes): (&'a Recording, &'a Classes)) -> Known<'a> {
    let occurring = classes.classes.iter().filter(|c| c.in_events);
    let occurring = occurring.map(|c| c.class.full_name.as_str()).collect();
    let declared = classes.classes.iter().map(|c| &c.class);
    let classes: BTreeMap<&str, &EventClass> = declared
        .map(|class| (class.full_name.as_str(), class))
        .collect();
    let context = classes.values().flat_map(|class| &class.context);
    let mut contexts: BTreeSet<String> = context.map(|field| field.name.clone()).collect();
    // Those that have columns of their own are not among the fields; what lacked them is noted.
    let derived = recording.derived.unwrap_or_default();
    let own = [
        ("tid", derived.tid),
        ("pid", derived.pid),
        ("procname", derived.procname),
    ];
    contexts.extend(
        own.iter()
            .filter(|(_, filled)| filled.is_none())
            .map(|(n, _)| (*n).to_owned()),
    );
    Known {
        recording,
        classes,
        occurring,
        contexts,
    }
}

/// How many recordings of each label have each of some names.
fn shares(
    aspect: Aspect,
    of_labels: &[Vec<Known>],
    names: impl Fn(&Known) -> BTreeSet<String>,
) -> Vec<Fact> {
    let mut counts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (label, recordings) in of_labels.iter().enumerate() {
        for name in recordings.iter().flat_map(&names) {
            counts
                .entry(name)
                .or_insert_with(|| vec![0; of_labels.len()])[label] += 1;
        }
    }
    let facts = counts.into_iter().map(|(what, counts)| Fact {
        aspect,
        what,
        values: counts
            .iter()
            .zip(of_labels)
            .map(|(n, recordings)| Value::Share(*n, recordings.len()))
            .collect(),
    });
    facts.collect()
}

/// The fields of each event class that several labels have.
fn fields(of_labels: &[Vec<Known>]) -> Vec<Fact> {
    let mut forms: BTreeMap<&str, Vec<BTreeMap<String, usize>>> = BTreeMap::new();
    for (label, recordings) in of_labels.iter().enumerate() {
        for (name, class) in recordings.iter().flat_map(|k| &k.classes) {
            let of_class = forms
                .entry(name)
                .or_insert_with(|| vec![BTreeMap::new(); of_labels.len()]);
            let fields: Vec<String> = class
                .payload
                .iter()
                .map(|f| format!("{} {:?}", f.name, f.ty))
                .collect();
            *of_class[label].entry(fields.join(", ")).or_default() += 1;
        }
    }
    let several = forms.into_iter().filter(|(_, of_labels)| {
        let all: BTreeSet<&String> = of_labels.iter().flat_map(|forms| forms.keys()).collect();
        all.len() > 1
    });
    let facts = several.map(|(name, of_labels)| {
        // The forms go by numbers: what they are stands in the event classes.
        let all: BTreeSet<String> = of_labels
            .iter()
            .flat_map(|forms| forms.keys().cloned())
            .collect();
        let all: Vec<String> = all.into_iter().collect();
        let numbered = |forms: &BTreeMap<String, usize>| {
            let numbered = forms.iter().map(|(form, n)| {
                let at = all.iter().position(|f| f == form).unwrap_or_default();
                (format!("form {}", at + 1), *n)
            });
            Value::Words(numbered.collect())
        };
        Fact {
            aspect: Aspect::Field,
            what: name.to_owned(),
            values: of_labels.iter().map(numbered).collect(),
        }
    });
    facts.collect()
}

/// What is told in words: versions, options, machines.
fn words(of_labels: &[Vec<Known>]) -> Vec<Fact> {
    type Told = fn(&Recording) -> Option<String>;
    let all: [(Aspect, &str, Told); 9] = [
        (Aspect::Tracer, "", tracer),
        (Aspect::Option, "kernel events", |r| {
            Some(listed(&r.recorded.as_ref()?.session.kernel_events))
        }),
        (Aspect::Option, "user events", |r| {
            Some(listed(&r.recorded.as_ref()?.session.user_events))
        }),
        (Aspect::Option, "contexts", |r| {
            Some(listed(&r.recorded.as_ref()?.session.contexts))
        }),
        (Aspect::Option, "bytes of a sub-buffer", |r| {
            Some(r.recorded.as_ref()?.session.subbuf_size.to_string())
        }),
        (Aspect::Option, "sub-buffers", |r| {
            Some(r.recorded.as_ref()?.session.num_subbuf.to_string())
        }),
        (Aspect::Kernel, "", kernel),
        (Aspect::Cpus, "", |r| cpus(r).map(|n| n.to_string())),
        (Aspect::Memory, "", |r| {
            Some(r.recorded.as_ref()?.machine.memory_bytes.to_string())
        }),
    ];
    let facts = all.into_iter().map(|(aspect, what, told)| {
        let values = of_labels.iter().map(|recordings| {
            let mut words: BTreeMap<String, usize> = BTreeMap::new();
            for word in recordings.iter().filter_map(|k| told(k.recording)) {
                *words.entry(word).or_default() += 1;
            }
            Value::Words(words)
        });
        Fact {
            aspect,
            what: what.to_owned(),
            values: values.collect(),
        }
    });
    facts.collect()
}

fn listed(words: &[String]) -> String {
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(" "),
    }
}

/// A value of a recording's environment.
fn environment<'a>(recording: &'a Recording, key: &str) -> Option<&'a str> {
    let mut env = recording.sources.iter().flat_map(|s| &s.env);
    let found = env.find(|(k, _)| k == key);
    found
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

fn tracer(recording: &Recording) -> Option<String> {
    let tracers = recording.tracers();
    (!tracers.is_empty()).then(|| tracers.join(" and "))
}

fn kernel(recording: &Recording) -> Option<String> {
    let of = |key| environment(recording, key);
    let words: Vec<&str> = [of("sysname"), of("kernel_release"), of("kernel_version")]
        .into_iter()
        .flatten()
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// CPUs that were traced: a tracer has a stream for each, in each of its channels.
fn cpus(recording: &Recording) -> Option<usize> {
    let mut streams: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    for (at, source) in recording.sources.iter().enumerate() {
        for stream in &source.streams {
            *streams.entry((at, stream.class_id)).or_default() += 1;
        }
    }
    streams.into_values().max()
}

/// Quantities of all recordings of a label.
fn numbers(of_labels: &[Vec<Known>]) -> Vec<Fact> {
    type Quantity = fn(&[Known]) -> Option<f64>;
    let all: [(Aspect, Quantity); 4] = [
        (Aspect::Lost, |recordings| {
            let losses = recordings.iter().flat_map(|k| &k.recording.losses);
            let lost: u64 = losses.map(|l| l.discarded_events).sum();
            let events: u64 = recordings.iter().map(|k| k.recording.events).sum();
            (events + lost > 0).then(|| 100.0 * lost as f64 / (events + lost) as f64)
        }),
        (Aspect::Rate, |recordings| {
            let events: u64 = recordings.iter().map(|k| k.recording.events).sum();
            let seconds = seconds(recordings);
            (seconds > 0.0).then(|| events as f64 / seconds)
        }),
        (Aspect::Length, |recordings| {
            Some(seconds(recordings) / recordings.len() as f64)
        }),
        (Aspect::Recordings, |recordings| {
            Some(recordings.len() as f64)
        }),
    ];
    let facts = all.into_iter().map(|(aspect, quantity)| Fact {
        aspect,
        what: String::new(),
        values: of_labels
            .iter()
            .map(|r| Value::Number(quantity(r)))
            .collect(),
    });
    facts.collect()
}

fn seconds(recordings: &[Known]) -> f64 {
    let spans = recordings.iter().filter_map(|k| {
        let (first, last) = (k.recording.first_ns?, k.recording.last_ns?);
        Some(i128::from(last) - i128::from(first))
    });
    spans.sum::<i128>() as f64 / 1e9
}
