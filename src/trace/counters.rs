//! What packets' counters say of losses: the one place where it is decided, for both readers.
//!
//! The one idea: `events_discarded` and `packet_seq_num` count from the stream's begin and only grow. A value below one
//! that was seen is not believed: LTTng-UST writes 0 into the context of single packets, and the counter has not begun
//! anew, since the next packet goes on where it was. What was lost is the difference to the highest value that was seen,
//! since the last packet that was believed. A counter of few bits wraps: a value that lies less than half of its range
//! ahead of the highest one is ahead of it, any other behind. So the sum of a stream's losses is the last counter less
//! the first.

use super::ctf::metadata::model::{Role, StreamClass};

/// One counter of a stream; `T` is how the caller tells time.
#[derive(Debug, Clone)]
pub struct Counter<T> {
    bits: u32,
    /// Whether 0 behind a higher value is never a wrap, as the value that a tracer writes where it knows none.
    zero_is_unknown: bool,
    highest: Option<u64>,
    /// End of the last packet that was believed, where others came behind it.
    since: Option<Option<T>>,
}

/// What a packet's value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is the stream's first.
    First,
    /// Nothing was counted, or the value is not believed.
    Nothing,
    /// So much was counted since the end of the last packet that was believed.
    Counted(u64, Option<T>),
}

impl<T: Copy> Counter<T> {
    /// `events_discarded` of packets of this class.
    pub fn of_events(class: &StreamClass) -> Self {
        Self::of(class, Role::Discarded, true)
    }

    /// `packet_seq_num` of packets of this class.
    pub fn of_packets(class: &StreamClass) -> Self {
        Self::of(class, Role::SequenceNumber, false)
    }

    fn of(class: &StreamClass, role: Role, zero_is_unknown: bool) -> Self {
        let context = class.packet_context.as_deref();
        let field = context.and_then(|root| root.find(&|i| i.roles.has(role)));
        Counter {
            bits: field.map_or(64, |integer| integer.size),
            zero_is_unknown,
            highest: None,
            since: None,
        }
    }

    /// Takes in the value of the next packet; `before` is the end of the packet before it.
    pub fn see(&mut self, value: u64, before: Option<T>) -> Seen<T> {
        let Some(highest) = self.highest else {
            self.highest = Some(value);
            return Seen::First;
        };
        let range = u64::MAX >> (64 - self.bits);
        let ahead = value.wrapping_sub(highest) & range;
        let behind = ahead > range / 2 || self.zero_is_unknown && value & range == 0;
        if behind && ahead != 0 {
            self.since.get_or_insert(before);
            return Seen::Nothing;
        }
        self.highest = Some(value);
        let since = self.since.take().unwrap_or(before);
        match ahead {
            0 => Seen::Nothing,
            _ => Seen::Counted(ahead, since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the values of packets that end at 1, 2, … say.
    fn counted(bits: u32, zero_is_unknown: bool, values: &[u64]) -> Vec<Seen<u64>> {
        let mut counter = Counter {
            bits,
            zero_is_unknown,
            highest: None,
            since: None,
        };
        let values = values.iter().zip(0..);
        values
            .map(|(value, end)| counter.see(*value, Some(end)))
            .collect()
    }

    #[test]
    fn a_lower_value_is_no_new_begin() {
        use Seen::*;
        assert_eq!(
            counted(64, true, &[0, 1000, 0, 0, 1010, 1010, 990, 1011]),
            [
                First,
                Counted(1000, Some(1)),
                Nothing,
                Nothing,
                Counted(10, Some(2)),
                Nothing,
                Nothing,
                Counted(1, Some(6)),
            ]
        );
        // Nothing was lost while a packet said 0.
        assert_eq!(
            counted(64, true, &[7, 0, 7, 9]),
            [First, Nothing, Nothing, Counted(2, Some(3))]
        );
    }

    #[test]
    fn a_counter_of_few_bits_wraps() {
        use Seen::*;
        let top = u64::from(u32::MAX);
        assert_eq!(
            counted(32, true, &[top - 5, 3, 0, 4]),
            [First, Counted(9, Some(1)), Nothing, Counted(1, Some(2))]
        );
        // A sequence number of 0 is the one behind the last.
        assert_eq!(
            counted(32, false, &[top, 0, 1, 5]),
            [
                First,
                Counted(1, Some(1)),
                Counted(1, Some(2)),
                Counted(4, Some(3))
            ]
        );
        assert_eq!(counted(32, true, &[3_000_000_000, 0])[1], Nothing);
        assert_eq!(counted(64, false, &[1 << 40, 5])[1], Nothing);
    }
}
