//! Which events and fields of a recording are read: the rest is passed over as cheaply as the reader can.
//!
//! What is left out is left out everywhere: events that are not selected are as if the tracer had not recorded them.

use super::event::EventClass;
use glob::Pattern;

/// What is selected; everything by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Events whose name (the tracer's or the bare one) fits one of these; all where there is none.
    pub events: Vec<Pattern>,
    /// Events from this time on, nanoseconds since the Unix epoch.
    pub begin: Option<i64>,
    /// Events before this time.
    pub end: Option<i64>,
    /// Payload fields whose name fits one of these; all where there is none.
    pub columns: Vec<Pattern>,
    /// Names of payload fields that are decoded in any case, because something goes by them.
    pub needed: Vec<String>,
}

impl Selection {
    /// Whether events of this class are selected.
    pub fn takes(&self, class: &EventClass) -> bool {
        let fits = |p: &Pattern| p.matches(&class.full_name) || p.matches(&class.name);
        self.events.is_empty() || self.events.iter().any(fits)
    }

    /// Whether events of this time are selected.
    #[inline]
    pub fn takes_time(&self, timestamp: i64) -> bool {
        self.begin.is_none_or(|begin| timestamp >= begin)
            && self.end.is_none_or(|end| timestamp < end)
    }

    /// Whether some event between these times, both included, can be selected.
    pub fn takes_span(&self, begin: i64, end: i64) -> bool {
        self.begin.is_none_or(|from| end >= from) && self.end.is_none_or(|to| begin < to)
    }

    /// Whether payload fields of this name get columns.
    pub fn stores(&self, field: &str) -> bool {
        self.columns.is_empty() || self.columns.iter().any(|p| p.matches(field))
    }

    /// Whether payload fields of this name are decoded.
    pub fn decodes(&self, field: &str) -> bool {
        self.stores(field) || self.needed.iter().any(|n| n == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_times_and_fields_are_selected() {
        let pattern = |text: &str| Pattern::new(text).unwrap();
        let all = Selection::default();
        let some = Selection {
            events: vec![pattern("sched_*"), pattern("openat")],
            begin: Some(10),
            end: Some(20),
            columns: vec![pattern("prev_*")],
            needed: vec!["fd".to_owned()],
        };
        for (name, taken) in [
            ("sched_switch", true),
            ("syscall_exit_openat", true),
            ("syscall_exit_read", false),
        ] {
            let class = EventClass::new(name, vec![], vec![]);
            assert!(all.takes(&class));
            assert_eq!(some.takes(&class), taken, "{name}");
        }
        assert_eq!(
            [9, 10, 19, 20].map(|t| some.takes_time(t)),
            [false, true, true, false]
        );
        assert!(some.takes_span(0, 10) && some.takes_span(19, 30) && some.takes_span(0, 99));
        assert!(!some.takes_span(0, 9) && !some.takes_span(20, 30));
        assert!(some.stores("prev_tid") && !some.stores("fd") && some.decodes("fd"));
        assert!(!some.decodes("next_tid") && all.stores("next_tid"));
    }
}
