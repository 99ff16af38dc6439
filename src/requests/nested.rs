//! Events of a request in encoded form: carried along while the request is open, and turned into columns when it is
//! written.

/// Events of a request in encoded form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nested {
    bytes: Vec<u8>,
    count: usize,
}

/// One of a request's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedEvent<'a> {
    /// Its class.
    pub class: u32,
    /// Its thread.
    pub tid: i32,
    /// Its position in the trace.
    pub event_id: i64,
    /// Nanoseconds since the start of the request.
    pub offset_ns: i64,
    /// Nanoseconds since its entry, for an exit that has one.
    pub duration_ns: Option<i64>,
    /// Its encoded values.
    pub values: &'a [u8],
}

/// Bytes of an encoded event without its values.
const HEAD: usize = 36;
const NO_DURATION: i64 = i64::MIN;

impl Nested {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that they take.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all events from the one numbered `count` on, whose bytes begin at `size`.
    pub fn truncate(&mut self, count: usize, size: usize) {
        self.count = count;
        self.bytes.truncate(size);
    }

    /// Appends an event.
    pub fn push(&mut self, event: NestedEvent) {
        let out = &mut self.bytes;
        out.reserve(HEAD + event.values.len());
        out.extend_from_slice(&event.class.to_le_bytes());
        out.extend_from_slice(&event.tid.to_le_bytes());
        out.extend_from_slice(&event.event_id.to_le_bytes());
        out.extend_from_slice(&event.offset_ns.to_le_bytes());
        out.extend_from_slice(&event.duration_ns.unwrap_or(NO_DURATION).to_le_bytes());
        out.extend_from_slice(&(event.values.len() as u32).to_le_bytes());
        out.extend_from_slice(event.values);
        self.count += 1;
    }

    /// The events in order.
    pub fn iter(&self) -> impl Iterator<Item = NestedEvent<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (head, tail) = rest.split_at(HEAD);
            let word = |i: usize| i32::from_le_bytes(head[i..i + 4].try_into().expect("4 bytes"));
            let long = |i: usize| i64::from_le_bytes(head[i..i + 8].try_into().expect("8 bytes"));
            let (values, tail) = tail.split_at(word(32) as usize);
            rest = tail;
            Some(NestedEvent {
                class: word(0) as u32,
                tid: word(4),
                event_id: long(8),
                offset_ns: long(16),
                duration_ns: Some(long(24)).filter(|d| *d != NO_DURATION),
                values,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_events_come_back_as_they_went_in() {
        let events = [
            NestedEvent {
                class: 3,
                tid: -1,
                event_id: 1 << 40,
                offset_ns: 0,
                duration_ns: None,
                values: &[],
            },
            NestedEvent {
                class: u32::MAX,
                tid: 7,
                event_id: 2,
                offset_ns: 5,
                duration_ns: Some(-3),
                values: b"abc",
            },
        ];
        let mut nested = Nested::default();
        assert!(nested.is_empty());
        events.iter().for_each(|e| nested.push(*e));
        assert_eq!(nested.iter().collect::<Vec<_>>(), events);
        assert_eq!(nested.len(), 2);
        let first = HEAD;
        nested.truncate(1, first);
        assert_eq!(nested.iter().collect::<Vec<_>>(), events[..1]);
    }
}
