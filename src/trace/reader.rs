//! Which reader reads a recording, and what both need after decoding.
//!
//! The one idea: those who read events see one [`Reader`] and need not know which decoder is behind it. `native` is ours;
//! babeltrace2 is its judge. A build without the feature `babeltrace2` has only the first.

use super::Source;
#[cfg(feature = "babeltrace2")]
use super::babeltrace::{self, BabeltraceReader};
use super::call_names::CallNames;
use super::check::Checked;
use super::derive::{self, Derive, Derived, Kernel, Lacking};
use super::event::{EventBatch, EventClass};
use super::native::NativeReader;
use super::select::Selection;
use crate::error::{Damage, Result};

/// Events that are counted at once.
const COUNTED: usize = 4 * 1024;

/// Which reader is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReaderChoice {
    /// The native one.
    #[default]
    Native,
    /// babeltrace2.
    Babeltrace2,
}

/// Reads the events of one recording: of one or several CTF traces on one time line.
pub struct Reader {
    decoder: Decoder,
    /// What fills in the heads of events whose contexts do not tell them, where something can.
    derive: Option<Derive>,
    /// Which contexts are missing.
    lacking: Option<Lacking>,
    /// Gives events names that their classes do not tell, where there are such.
    names: Option<CallNames>,
}

enum Decoder {
    Native(Box<NativeReader>),
    #[cfg(feature = "babeltrace2")]
    Babeltrace2(Box<BabeltraceReader>),
}

/// A [`Reader`] that may go to another thread: the native one. What babeltrace2 opened stays with the thread that did it,
/// because it counts references to its objects without a lock.
pub struct MovableReader {
    decoder: Box<NativeReader>,
    derive: Option<Derive>,
    lacking: Option<Lacking>,
    names: Option<CallNames>,
}

impl MovableReader {
    /// The reader, in the thread that reads.
    pub fn into_reader(self) -> Reader {
        Reader {
            decoder: Decoder::Native(self.decoder),
            derive: self.derive,
            lacking: self.lacking,
            names: self.names,
        }
    }
}

/// Calls a method of whichever reader there is.
macro_rules! of {
    ($decoder:expr, $reader:ident => $call:expr) => {
        match $decoder {
            Decoder::Native($reader) => $call,
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2($reader) => $call,
        }
    };
}

impl Reader {
    /// Opens a recording that was checked, to read what is selected with the reader of `choice`. All event classes are known then. With
    /// `keep_going`, a stream that breaks ends there, and the others are read on; see [`Reader::damage`].
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) where the traces cannot be opened;
    /// [`Error::Usage`](crate::error::Error::Usage) where babeltrace2 is asked for and not in this program.
    pub fn open(
        choice: ReaderChoice,
        checked: Checked,
        keep_going: bool,
        mut selection: Selection,
    ) -> Result<Self> {
        let kernel = Kernel::of(&checked);
        if kernel.is_some() {
            let needed = derive::ARGUMENTS.map(str::to_owned);
            selection.needed.extend(needed);
        }
        let all = selection.clone();
        let mut reader = Reader::decoding(choice, checked, keep_going, selection)?;
        if let Some(kernel) = kernel {
            let taken = reader.classes().iter().filter(|c| all.takes(c));
            let can = kernel.can_be_told(taken, reader.contexts());
            let derive = || Derive::new(kernel.lacking, reader.classes(), |c| kernel.has(c));
            (reader.derive, reader.lacking) = (can.then(derive), Some(kernel.lacking));
        }
        Ok(reader)
    }

    /// A reader that leaves events as their traces tell them.
    fn decoding(
        choice: ReaderChoice,
        checked: Checked,
        keep_going: bool,
        selection: Selection,
    ) -> Result<Self> {
        let selected = selection.clone();
        let decoder = match choice {
            ReaderChoice::Native => {
                let reader = NativeReader::open(checked, keep_going, selection)?;
                Decoder::Native(Box::new(reader))
            }
            ReaderChoice::Babeltrace2 => babeltrace2(checked, keep_going, selection)?,
        };
        let (classes, sources) = of!(&decoder, reader => (reader.classes(), reader.sources()));
        Ok(Reader {
            names: CallNames::new(classes, &sources, &selected),
            decoder,
            derive: None,
            lacking: None,
        })
    }

    /// Whether another thread may have it; see [`MovableReader`].
    pub fn is_movable(&self) -> bool {
        matches!(self.decoder, Decoder::Native(_))
    }

    /// For another thread, if that may have it.
    pub fn movable(self) -> Option<MovableReader> {
        match self.decoder {
            Decoder::Native(decoder) => Some(MovableReader {
                decoder,
                derive: self.derive,
                lacking: self.lacking,
                names: self.names,
            }),
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2(_) => None,
        }
    }

    /// Has at most so many threads decode, from the first batch on; as many as there are CPUs, if this is not called.
    /// babeltrace2 decodes in the thread that reads.
    pub fn decode_with(&mut self, threads: usize) {
        match &mut self.decoder {
            Decoder::Native(reader) => reader.decode_with(threads),
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2(_) => {}
        }
    }

    /// The name and version of the decoder, as the manifest tells it.
    pub fn name(&self) -> String {
        match &self.decoder {
            Decoder::Native(_) => "native".to_owned(),
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2(_) => format!("babeltrace2 {}", babeltrace::version()),
        }
    }

    /// What was learned when the recording was checked.
    pub fn checked(&self) -> &Checked {
        of!(&self.decoder, reader => reader.checked())
    }

    /// All event classes of the traces, whether such events occur or not.
    pub fn classes(&self) -> &[EventClass] {
        match &self.names {
            Some(names) => names.classes(),
            None => of!(&self.decoder, reader => reader.classes()),
        }
    }

    /// Names of the context fields that events carry, sorted.
    pub fn contexts(&self) -> &[String] {
        of!(&self.decoder, reader => reader.contexts())
    }

    /// What the CTF traces say of themselves.
    pub fn sources(&self) -> Vec<Source> {
        of!(&self.decoder, reader => reader.sources())
    }

    /// What could not be read: streams that broke so far (at most one without `keep_going`), and what the check found
    /// and left out.
    pub fn damage(&self) -> Vec<Damage> {
        of!(&self.decoder, reader => reader.damage())
    }

    /// How many events so far got their thread, process and name from other events, since some kernel events have no
    /// contexts that tell them; `None` where all have.
    pub fn derived(&self) -> Option<Derived> {
        let nothing = self.lacking.map(Derived::nothing_of);
        self.derive.as_ref().map(Derive::derived).or(nothing)
    }

    /// Fills `batch`, which is cleared first, with at least `events` events, or with fewer at the end or where they are
    /// very large. Returns false when there was nothing more.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::error::Error::Damaged) where a stream breaks (without `keep_going`),
    /// [`Error::Input`](crate::error::Error::Input) where an event's time cannot be told.
    pub fn next(&mut self, events: usize, batch: &mut EventBatch) -> Result<bool> {
        let (decoder, names) = (&mut self.decoder, &mut self.names);
        let mut decoded = |batch: &mut EventBatch| named(decoder, names.as_mut(), events, batch);
        match &mut self.derive {
            None => decoded(batch),
            Some(derive) => derive.next(batch, decoded),
        }
    }

    /// Decodes every selected event, and counts those of each class, in whatever order is quickest; and what could not be
    /// read, as [`Reader::damage`] tells it. Both are what reading in order gives.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn count(mut self) -> Result<(Vec<u64>, Vec<Damage>)> {
        if let Some(mut counts) = self.count_quickly() {
            counts.resize(self.classes().len(), 0);
            return Ok((counts, self.damage()));
        }
        let mut counts = vec![0; self.classes().len()];
        let mut batch = EventBatch::default();
        while self.next(COUNTED, &mut batch)? {
            for head in &batch.heads {
                counts[head.class as usize] += 1;
            }
        }
        Ok((counts, self.damage()))
    }

    /// The same without order, where that can be done.
    fn count_quickly(&self) -> Option<Vec<u64>> {
        if self.names.as_ref().is_some_and(CallNames::selects) {
            return None;
        }
        match &self.decoder {
            Decoder::Native(reader) => reader.count(),
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2(_) => None,
        }
    }
}

/// Fills `batch` from `decoder`, with the names that its classes do not tell. A batch of which naming left nothing is
/// passed over.
fn named(
    decoder: &mut Decoder,
    mut names: Option<&mut CallNames>,
    events: usize,
    batch: &mut EventBatch,
) -> Result<bool> {
    loop {
        if !of!(&mut *decoder, reader => reader.next(events, batch))? {
            return Ok(false);
        }
        if let Some(names) = &mut names {
            names.name(batch);
        }
        let nothing = batch.heads.is_empty() && batch.losses.is_empty();
        if !nothing || !batch.new_procnames.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(feature = "babeltrace2")]
fn babeltrace2(checked: Checked, keep_going: bool, selection: Selection) -> Result<Decoder> {
    let reader = BabeltraceReader::open(checked, keep_going, selection)?;
    Ok(Decoder::Babeltrace2(Box::new(reader)))
}

#[cfg(not(feature = "babeltrace2"))]
fn babeltrace2(_: Checked, _: bool, _: Selection) -> Result<Decoder> {
    Err(crate::error::Error::usage(
        "this program was built without babeltrace2",
        crate::error::Hint::BuildWithBabeltrace2,
    ))
}
