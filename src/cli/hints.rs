//! Errors in words, with what an option of the program would do about one: the words for each [`Hint`] of the library.

use crate::error::{Error, Hint};

/// Says on stderr what went wrong, and what to do about it.
pub fn explain(error: &Error) {
    crate::say!("{}: {error}", error.heading());
    let remedy = remedy(error);
    if !remedy.is_empty() {
        crate::say!("  help: {remedy}");
    }
}

/// What the user can do about an error; empty where nothing sensible can be said.
fn remedy(error: &Error) -> String {
    let words = [error.remedy(), error.hint().map_or("", option).to_owned()];
    let said = words.into_iter().filter(|words| !words.is_empty());
    said.collect::<Vec<_>>().join(" ")
}

fn option(hint: Hint) -> &'static str {
    match hint {
        Hint::KeepGoing => "With --keep-going all that comes before is kept.",
        Hint::ReadNatively => "Leave --reader out.",
        Hint::BuildWithBabeltrace2 => {
            "Build it with: cargo build --release --features babeltrace2. Or leave --reader out."
        }
        Hint::LabelAllOrEach => {
            "Give --label once for all of them, or once for each TRACE, in their order."
        }
        Hint::OmitLabel => "Leave --label out, or make the dataset anew.",
        Hint::SameLabel => "Give both the same --label.",
        Hint::SameTimes => "Give the same --begin and --end, or make another dataset.",
        Hint::SelectLess => {
            "Choose which events are read with --events GLOB, or which arguments get columns with --columns GLOB."
        }
        Hint::OtherDisk => "Or write to another disk.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Place, Remedy};

    #[test]
    fn options_come_behind_what_can_be_done_anyway() {
        let both = Remedy::with("Copy it again.", Hint::KeepGoing);
        let error = Error::damaged("cut off", Place::file("ch_0"), both);
        assert_eq!(
            remedy(&error),
            "Copy it again. With --keep-going all that comes before is kept."
        );
        let error = Error::usage("no", Hint::ReadNatively);
        assert_eq!(remedy(&error), "Leave --reader out.");
        assert_eq!(remedy(&Error::usage("no", "Do.")), "Do.");
        assert_eq!(remedy(&Error::Interrupted), "");
    }
}
