//! Which reader reads a recording.
//!
//! The one idea: those who read events see one [`Reader`] and need not know which decoder is behind it. `native` is ours;
//! babeltrace2 stays for what that one declines, and as its judge. A build without the feature `babeltrace2` has only the
//! first.

#[cfg(feature = "babeltrace2")]
use super::babeltrace;
use super::check::Checked;
use super::derive::{self, Derive, Derived, Kernel, Lacking};
use super::event::{EventBatch, EventClass};
use super::select::Selection;
use super::{Source, native};
use crate::error::{Error, Place, Result};

/// Events that are counted at once.
#[cfg(feature = "babeltrace2")]
const COUNTED: usize = 4 * 1024;

/// Which reader is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The native one; babeltrace2 for recordings that it declines.
    #[default]
    Auto,
    /// The native one only.
    Native,
    /// babeltrace2 only.
    Babeltrace2,
}

/// Reads the events of one recording: of one or several CTF traces on one time line.
pub struct Reader {
    decoder: Decoder,
    fallback: Option<String>,
    /// What fills in the heads of events whose contexts do not tell them, where something can.
    derive: Option<Derive>,
    /// Which contexts are missing.
    lacking: Option<Lacking>,
}

enum Decoder {
    Native(Box<native::Reader>),
    #[cfg(feature = "babeltrace2")]
    Babeltrace2(Box<babeltrace::Reader>),
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
    /// [`Error::Input`] where the traces cannot be opened, or the native reader declines them and is the only one;
    /// [`Error::Usage`] where babeltrace2 is asked for and not in this program.
    pub fn open(
        choice: Choice,
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
        choice: Choice,
        checked: Checked,
        keep_going: bool,
        selection: Selection,
    ) -> Result<Self> {
        let declined = match choice {
            Choice::Babeltrace2 => None,
            Choice::Auto | Choice::Native => match native::declines(&checked) {
                None => {
                    let reader = native::Reader::open(checked, keep_going, selection)?;
                    return Ok(Reader {
                        decoder: Decoder::Native(Box::new(reader)),
                        fallback: None,
                        derive: None,
                        lacking: None,
                    });
                }
                Some(why) if choice == Choice::Native => return Err(only_native(&checked, &why)),
                Some(why) => Some(why),
            },
        };
        babeltrace2(checked, keep_going, selection, declined)
    }

    /// Why babeltrace2 reads this recording although the native reader was to be taken where it can.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
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
        of!(&self.decoder, reader => reader.classes())
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
    pub fn damage(&self) -> Vec<Error> {
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
    /// [`Error::Input`] where a stream breaks (without `keep_going`), or an event's time cannot be told.
    pub fn next(&mut self, events: usize, batch: &mut EventBatch) -> Result<bool> {
        match &mut self.derive {
            None => of!(&mut self.decoder, reader => reader.next(events, batch)),
            Some(derive) => derive.next(
                batch,
                |batch| of!(&mut self.decoder, reader => reader.next(events, batch)),
            ),
        }
    }

    /// Decodes every selected event, and counts those of each class, in whatever order is quickest.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn count(self) -> Result<Vec<u64>> {
        match self.decoder {
            Decoder::Native(reader) => reader.count(),
            #[cfg(feature = "babeltrace2")]
            Decoder::Babeltrace2(mut reader) => {
                let mut counts = vec![0; reader.classes().len()];
                let mut batch = EventBatch::default();
                while reader.next(COUNTED, &mut batch)? {
                    for head in &batch.heads {
                        counts[head.class as usize] += 1;
                    }
                }
                Ok(counts)
            }
        }
    }
}

fn only_native(checked: &Checked, why: &str) -> Error {
    let remedy = match cfg!(feature = "babeltrace2") {
        true => "Leave --reader out: babeltrace2 is taken then.",
        false => {
            "Build sysds with babeltrace2, which reads more: cargo install sysds --features babeltrace2."
        }
    };
    Error::input(
        format!("the native reader does not read this trace: {why}"),
        place(checked),
        remedy,
    )
}

/// The folder of the first trace.
fn place(checked: &Checked) -> Place {
    let first = checked.traces.first();
    Place::file(first.map(|t| t.dir.clone()).unwrap_or_default())
}

#[cfg(feature = "babeltrace2")]
fn babeltrace2(
    checked: Checked,
    keep_going: bool,
    selection: Selection,
    fallback: Option<String>,
) -> Result<Reader> {
    let reader = babeltrace::Reader::open(checked, keep_going, selection)?;
    Ok(Reader {
        decoder: Decoder::Babeltrace2(Box::new(reader)),
        fallback,
        derive: None,
        lacking: None,
    })
}

#[cfg(not(feature = "babeltrace2"))]
fn babeltrace2(
    checked: Checked,
    _: bool,
    _: Selection,
    fallback: Option<String>,
) -> Result<Reader> {
    Err(match fallback {
        Some(why) => only_native(&checked, &why),
        None => Error::usage(
            "--reader babeltrace2: this program was built without babeltrace2",
            "Build it with: cargo install sysds --features babeltrace2.",
        ),
    })
}
