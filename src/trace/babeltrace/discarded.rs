//! What babeltrace2's messages say of discarded events and packets.

use babeltrace2_sys::ffi::*;

/// What such a message tells.
pub(super) struct Discarded {
    pub stream: *const bt_stream,
    /// Nanoseconds since the clock's origin, where the message tells.
    pub begin: Option<i64>,
    /// As `begin`.
    pub end: Option<i64>,
    pub events: Option<u64>,
    pub packets: Option<u64>,
}

impl Discarded {
    /// What a message of discarded events tells.
    ///
    /// # Safety
    /// `message` is such a message, and alive.
    pub(super) unsafe fn events(message: *const bt_message) -> Self {
        // SAFETY: as the message's type says; snapshots only where the stream class has them.
        unsafe {
            let stream = bt_message_discarded_events_borrow_stream_const(message);
            let class = bt_stream_borrow_class_const(stream);
            let timed = bt_stream_class_discarded_events_have_default_clock_snapshots(class) != 0;
            let mut n = 0;
            let known = bt_message_discarded_events_get_count(message, &mut n)
                == bt_property_availability::BT_PROPERTY_AVAILABILITY_AVAILABLE;
            let span = timed.then(|| {
                (
                    bt_message_discarded_events_borrow_beginning_default_clock_snapshot_const(
                        message,
                    ),
                    bt_message_discarded_events_borrow_end_default_clock_snapshot_const(message),
                )
            });
            Discarded::new(stream, span, known.then_some(n), None)
        }
    }

    /// What a message of discarded packets tells.
    ///
    /// # Safety
    /// `message` is such a message, and alive.
    pub(super) unsafe fn packets(message: *const bt_message) -> Self {
        // SAFETY: as above.
        unsafe {
            let stream = bt_message_discarded_packets_borrow_stream_const(message);
            let class = bt_stream_borrow_class_const(stream);
            let timed = bt_stream_class_discarded_packets_have_default_clock_snapshots(class) != 0;
            let mut n = 0;
            let known = bt_message_discarded_packets_get_count(message, &mut n)
                == bt_property_availability::BT_PROPERTY_AVAILABILITY_AVAILABLE;
            let span = timed.then(|| {
                (
                    bt_message_discarded_packets_borrow_beginning_default_clock_snapshot_const(
                        message,
                    ),
                    bt_message_discarded_packets_borrow_end_default_clock_snapshot_const(message),
                )
            });
            Discarded::new(stream, span, None, known.then_some(n))
        }
    }

    unsafe fn new(
        stream: *const bt_stream,
        span: Option<(*const bt_clock_snapshot, *const bt_clock_snapshot)>,
        events: Option<u64>,
        packets: Option<u64>,
    ) -> Self {
        let ns = |snapshot| {
            let mut ns = 0;
            // SAFETY: the snapshot belongs to the message at hand.
            (unsafe { bt_clock_snapshot_get_ns_from_origin(snapshot, &mut ns) } == 0).then_some(ns)
        };
        Discarded {
            stream,
            begin: span.and_then(|(begin, _)| ns(begin)),
            end: span.and_then(|(_, end)| ns(end)),
            events,
            packets,
        }
    }
}
