//! What is known of a value when its turn comes: what it holds, and who says so.

use super::events::Rows;
use super::table::Rule;
use crate::columns::schema::holds::Holds;

/// An argument, by its name after those of the structures that it is in; whether it is a context's, and a text.
pub(super) type ArgumentPlace = (String, bool, bool);

/// What a value holds, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fate {
    /// What it holds; nothing where nobody says it.
    pub holds: Option<Holds>,
    /// Whether texts may stay: where the contract or the policy says it, and not the table of arguments.
    pub texts: bool,
}

impl Fate {
    /// As the table of arguments says.
    pub(super) fn of(holds: Option<Holds>) -> Self {
        Fate {
            holds,
            texts: false,
        }
    }

    /// As the contract or the policy says.
    pub(super) fn said(holds: Holds) -> Self {
        Fate {
            holds: Some(holds),
            texts: true,
        }
    }

    /// Whether numbers stay, and texts where they may.
    pub(super) fn stays(self) -> bool {
        self.holds.is_some_and(Holds::stays)
    }
}

/// What the values of an array hold.
pub(super) enum Choice<'a> {
    /// All the same.
    One(Fate),
    /// It depends on the event, by its number.
    Events(&'a [Fate], &'a Rows),
    /// An argument of events.
    Arguments {
        /// What is known of it, by the number of the event.
        known: &'a [Known],
        /// The events.
        rows: &'a Rows,
        /// Whether it is a field of a context.
        context: bool,
        /// Whether it is what the call returned.
        returned: bool,
    },
}

impl Choice<'_> {
    /// What the value at a place holds.
    pub(super) fn fate(&self, at: usize) -> Fate {
        match self {
            Choice::One(fate) => *fate,
            Choice::Events(fates, rows) => fates[rows.number(at) as usize],
            Choice::Arguments {
                known,
                rows,
                context,
                ..
            } => {
                let number = if *context { 0 } else { rows.number(at) };
                match &known[number as usize] {
                    Known::Said(Rule::Is(holds)) => Fate::of(Some(*holds)),
                    Known::Said(Rule::By(by)) => Fate::of(Some(by.holds(rows.decider(at, &by.by)))),
                    Known::Policy(holds) => Fate::said(*holds),
                    Known::Unasked | Known::Nothing(_) => Fate::of(None),
                }
            }
        }
    }

    /// Whether a call returned this for an error or for nothing, which tells nothing.
    pub(super) fn is_error(&self, at: usize, value: i64) -> bool {
        let Choice::Arguments {
            returned: true,
            known,
            rows,
            ..
        } = self
        else {
            return false;
        };
        if rows.is_entry(at) {
            return false;
        }
        // fcntl may return a group of processes, which is negative: only the numbers of errors are errors then.
        let either = matches!(known[rows.number(at) as usize], Known::Said(Rule::By(_)));
        let restarts = !either && (-530..=-512).contains(&value);
        value == 0 || (-133..0).contains(&value) || restarts
    }
}

/// What is known of an argument of an event, once it has been looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// Not looked up.
    Unasked,
    /// The table says it.
    Said(Rule),
    /// The policy says it.
    Policy(Holds),
    /// Nobody has classified it; whether that is noted.
    Nothing(bool),
}
