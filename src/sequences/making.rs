//! Making sequences: the two passes, and the folder that is put in place when all is written.

use super::chosen::{self, Request};
use super::codes;
use super::counted::{Counting, Counts};
use super::decoded::{Decoded, Decoder};
use super::downstream::Downstream;
use super::lists::{self, Writing};
use super::manifest::{self, FORMAT, LeftOut, MANIFEST, Manifest, Part};
use super::merged::{Merged, Reading};
use super::options::{Control, Options, Reach};
use super::parts::Source;
use super::shards::Shards;
use super::sweep::{Sweep, Taker};
use super::vocabulary;
use crate::dataset::aside::{self, Aside};
use crate::dataset::manifest::{DataFile, describe_file, measured};
use crate::dataset::parents::Parents;
use crate::dataset::{self, tables, within};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::process::threads;
use crate::publish::release::data_sha256;
use crate::publish::rows::by_recording;
use crate::shown::path_text;
use crate::split::names::TRAIN;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// The folder of the sequences.
const DATA: &str = "data";
/// Batches that are read ahead.
const AHEAD: usize = 2;

/// A recording.
struct Recording {
    /// Its files of `events`.
    events: Vec<String>,
    downstream: Downstream,
    requests: Vec<Request>,
}

/// Makes sequences.
///
/// # Errors
/// [`Error::Usage`] for options that do not fit and where there is nothing to train with, [`Error::Input`] where the source
/// is not whole, [`Error::Io`] and [`Error::Columns`] where a file cannot be read or written, [`Error::Interrupted`]. Nothing
/// is left in each case.
pub(crate) fn make(options: &Options, control: &mut Control) -> Result<Manifest> {
    refuse_what_is_there(&options.output)?;
    within::refuse(&options.output)?;
    let source = Source::open(options, control)?;
    let parts = source.names();
    let Some(train) = parts.iter().position(|part| part == TRAIN) else {
        return Err(nothing_to_train_with(options));
    };
    let mut left_out = LeftOut::default();
    let recordings = recordings(&source, options, &parts, &mut left_out)?;
    let of_train = |request: &Request| request.part == train;
    if !recordings.iter().any(|r| r.requests.iter().any(of_train)) {
        return Err(nothing_to_train_with(options));
    }
    let mut parents = Parents::create(aside::folder(&options.output))?;
    let aside = Aside::beside(&options.output)?;
    let dir = aside.path().to_path_buf();
    let data = dir.join(DATA);
    fs::create_dir_all(&data).map_err(Error::io("create", &data))?;
    let of_manifest = source.manifest.recordings.iter();
    let mut meter = Meter {
        done: 0,
        total: of_manifest.map(|recording| recording.events).sum::<u64>() * 2,
        control,
    };
    let (words, decoder) = words((&source, options), &recordings, (train, &dir), &mut meter)?;
    let schema = lists::schema(options.arguments);
    let made = Made {
        parts: vec![Part::default(); parts.len()],
        left_out,
        shards: Shards::new(&data, schema, options.shard_bytes, &parts),
    };
    let (mut told_of, files, left_out) =
        write((&source, options), &recordings, decoder, made, &mut meter)?;
    for (part, files) in told_of.iter_mut().zip(files) {
        let files = files.iter().map(|file| describe_file(&dir, file));
        part.files = files.collect::<Result<_>>()?;
    }
    let parts = (parts.into_iter().zip(told_of).collect(), left_out);
    let manifest = told((options, &source), words, parts)?;
    let text = serde_json::to_string_pretty(&manifest).expect("manifests are JSON");
    aside::write_text(&dir.join(MANIFEST), &(text + "\n"))?;
    aside.put_in_place(&dir, false)?;
    parents.keep();
    Ok(manifest)
}

/// Refuses a target that holds something.
fn refuse_what_is_there(output: &Path) -> Result<()> {
    let refused = |what: &str| {
        Err(Error::usage(
            format!("{}: {what}", path_text(output)),
            "Choose another name with -o; nothing is replaced, and nothing is added to what is there.",
        ))
    };
    match foreign::kind(output)? {
        None => Ok(()),
        Some(Kind::Folder) if foreign::entries(output)?.is_empty() => Ok(()),
        Some(_) => refused("exists already"),
    }
}

fn nothing_to_train_with(options: &Options) -> Error {
    Error::usage(
        format!(
            "{}: no request is in the part {TRAIN}, so that there is no vocabulary",
            path_text(options.source.path())
        ),
        "Split it in another way, or leave out fewer by --skip-first: sysds query split says what there is.",
    )
}

/// What is said of the vocabulary.
struct Words {
    sizes: BTreeMap<String, u64>,
    file: DataFile,
}

fn told(
    (options, source): (&Options, &Source),
    words: Words,
    (parts, left_out): (BTreeMap<String, Part>, LeftOut),
) -> Result<Manifest> {
    let (_, manifest_sha256) = measured(&options.source, Path::new(dataset::MANIFEST), &|| Ok(()))?;
    let split = options.split.as_ref();
    let parameters = split
        .into_iter()
        .flat_map(|split| split.parameters.iter().cloned());
    let kind = if source.version.is_some() {
        "release"
    } else {
        "dataset"
    };
    Ok(Manifest {
        format: FORMAT,
        sysds: env!("CARGO_PKG_VERSION").to_owned(),
        source: manifest::Source {
            kind: kind.to_owned(),
            version: source.version.clone(),
            manifest_sha256,
            data_sha256: source
                .version
                .as_ref()
                .map(|_| data_sha256(&source.manifest)),
            split: split.map(|split| split.name.clone()),
            parameters: parameters.collect(),
        },
        reach: options.reach.name().to_owned(),
        events: options.kinds.text(),
        arguments: options.arguments,
        max_length: options.longest,
        skip_first: options.skip,
        codes: codes::ALL
            .map(|(name, code)| (name.to_owned(), code))
            .into(),
        vocabulary: words.sizes,
        words: words.file,
        parts,
        left_out,
    })
}

/// The recordings, with the requests that become sequences.
fn recordings(
    source: &Source,
    options: &Options,
    parts: &[String],
    left_out: &mut LeftOut,
) -> Result<Vec<Recording>> {
    let (root, manifest) = (&source.dataset.root, &source.manifest);
    let events = by_recording(root, manifest, tables::EVENTS)?;
    let requests = by_recording(root, manifest, tables::REQUESTS)?;
    let downstream = by_recording(root, manifest, tables::DOWNSTREAM)?;
    let all = events.into_iter().zip(requests).zip(downstream).enumerate();
    all.map(|(number, ((events, requests), downstream))| {
        let downstream = match options.reach {
            Reach::Causal => Downstream::read(root, &downstream)?,
            Reach::Own | Reach::Window => Downstream::default(),
        };
        let of = (number, requests.as_slice());
        let requests = chosen::choose((source, options), of, (&downstream, parts), left_out)?;
        Ok(Recording {
            events,
            downstream,
            requests,
        })
    })
    .collect()
}

/// The first pass: the vocabulary, written into the folder `dir`, and what decodes by it.
fn words(
    (source, options): (&Source, &Options),
    recordings: &[Recording],
    (train, dir): (usize, &Path),
    meter: &mut Meter,
) -> Result<(Words, Decoder)> {
    let mut counts = Counts::default();
    let decoder = Decoder::new(options);
    let decoder = read(source, recordings, decoder, meter, |events, meter| {
        for recording in recordings {
            let requests = &recording.requests;
            let mut counting = Counting {
                requests,
                train,
                counts: &mut counts,
            };
            sweep((requests, options), events, meter, &mut counting)?;
        }
        Ok(())
    })?;
    let (vocabulary, codes) = vocabulary::made(&decoder.words, &counts, options.path_words);
    if vocabulary.sizes(false)["call"] == 0 {
        return Err(Error::usage(
            format!(
                "--events {}: no training request has an event of this name",
                options.kinds.text()
            ),
            "Names are those of the column name of events, as openat or sched_switch: sysds query syscall_histogram lists calls.",
        ));
    }
    let file = dir.join(vocabulary::FILE);
    vocabulary.write(&file)?;
    let words = Words {
        sizes: vocabulary.sizes(options.arguments),
        file: describe_file(dir, &file)?,
    };
    Ok((words, decoder.with_codes(codes)))
}

/// What is made in the second pass.
struct Made {
    parts: Vec<Part>,
    left_out: LeftOut,
    shards: Shards,
}

/// The second pass: the sequences. What is said of each part, with its files, and what is in none.
fn write(
    (source, options): (&Source, &Options),
    recordings: &[Recording],
    decoder: Decoder,
    mut made: Made,
    meter: &mut Meter,
) -> Result<(Vec<Part>, Vec<Vec<PathBuf>>, LeftOut)> {
    read(source, recordings, decoder, meter, |events, meter| {
        for (recording, of) in recordings.iter().zip(&source.manifest.recordings) {
            let mut writing = Writing::new(
                &recording.requests,
                &of.trace_id,
                (&mut made.parts, &mut made.left_out),
                &mut made.shards,
            );
            sweep((&recording.requests, options), events, meter, &mut writing)?;
            writing.finish()?;
        }
        Ok(())
    })?;
    let files = made.shards.finish()?;
    Ok((made.parts, files, made.left_out))
}

/// How far the work is.
struct Meter<'a, 'c> {
    done: u64,
    total: u64,
    control: &'a mut Control<'c>,
}

/// Events that were read ahead; nothing comes after the last of each recording.
type Steps = Receiver<Option<Decoded>>;

/// The next events of a recording.
fn next(steps: &Steps, meter: &mut Meter) -> Result<Option<Decoded>> {
    meter.control.go_on()?;
    // Where the reader has failed, it says so itself.
    let events = steps.recv().unwrap_or_default();
    if let Some(events) = &events {
        meter.done += events.rows as u64;
        (meter.control.progress)(meter.done, meter.total);
    }
    Ok(events)
}

/// The events of a recording go by its requests.
fn sweep(
    (requests, options): (&[Request], &Options),
    events: &Steps,
    meter: &mut Meter,
    taker: &mut impl Taker,
) -> Result<()> {
    let mut sweep = Sweep::new(requests, options.reach, options.longest);
    while let Some(events) = next(events, meter)? {
        sweep.pass(&events, taker)?;
    }
    sweep.finish(taker)
}

/// Goes over all recordings once; a thread reads and decodes ahead of `work`.
fn read(
    source: &Source,
    recordings: &[Recording],
    decoder: Decoder,
    meter: &mut Meter,
    work: impl FnOnce(&Steps, &mut Meter) -> Result<()>,
) -> Result<Decoder> {
    let interrupted = Arc::clone(&meter.control.interrupted);
    let (full, steps) = sync_channel(AHEAD);
    thread::scope(|scope| {
        let read = move || {
            decode_all(source, recordings, decoder, &interrupted, |e| {
                full.send(e).is_ok()
            })
        };
        let reader = threads::spawn_scoped(scope, "read", read)?;
        let worked = work(&steps, meter);
        drop(steps);
        let decoder = threads::joined(reader)?;
        worked.map(|()| decoder)
    })
}

/// Reads all events; `send` says whether more are wanted.
fn decode_all(
    source: &Source,
    recordings: &[Recording],
    mut decoder: Decoder,
    interrupted: &AtomicBool,
    send: impl Fn(Option<Decoded>) -> bool,
) -> Result<Decoder> {
    let root = &source.dataset.root;
    for recording in recordings {
        let mut merged = Merged::open(root, &recording.events, &decoder)?;
        let mut reading = Reading {
            decoder: &mut decoder,
            downstream: &recording.downstream,
            interrupted,
        };
        while let Some(events) = merged.next(&mut reading)? {
            if !send(Some(events)) {
                return Ok(decoder);
            }
        }
        if !send(None) {
            break;
        }
    }
    Ok(decoder)
}
