//! A babeltrace2 filter that stands between one stream of the source and the muxer.
//!
//! Why: an error in one stream ends babeltrace's whole graph, and says neither which packet it was in nor lets the
//! other streams be read to their ends. The guard sees the stream's messages pass, so that it can tell the packet in
//! which the stream broke; and when asked to keep going it ends the broken stream properly (packet end, stream end),
//! so that the muxer goes on with the others.

use super::failure;
use super::fields::text;
use babeltrace2_sys::ffi::bt_message_iterator_class_next_method_status as next_status;
use babeltrace2_sys::ffi::*;
use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

/// A stream that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break {
    /// The stream file, as babeltrace names it.
    pub stream: Option<String>,
    /// Number of the packet, from 0, that could not be read to its end, or whose beginning could not be read.
    pub packet: u64,
    /// What was wrong.
    pub what: String,
}

/// What all guards of a graph share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether a broken stream is ended instead of failing the graph.
    pub keep_going: bool,
    /// The streams that broke so far.
    pub breaks: Vec<Break>,
}

/// One guard's state: it lives as long as its message iterator.
struct State {
    shared: Rc<RefCell<Shared>>,
    upstream: *mut bt_message_iterator,
    /// Borrowed from the last stream beginning; alive as long as the graph.
    stream: *const bt_stream,
    /// A reference of our own to the packet that is open.
    packet: *const bt_packet,
    packets: u64,
    has_clock: bool,
    /// Raw clock value of the last event or packet beginning.
    clock: u64,
    broken: bool,
}

/// Makes the component class of guards. The caller owns the reference.
pub(super) fn class() -> *mut bt_component_class_filter {
    // SAFETY: plain construction; the methods match the types that babeltrace calls them by.
    unsafe {
        let iterator = bt_message_iterator_class_create(Some(next));
        bt_message_iterator_class_set_initialize_method(iterator, Some(begin));
        bt_message_iterator_class_set_finalize_method(iterator, Some(end));
        let class = bt_component_class_filter_create(c"guard".as_ptr(), iterator);
        bt_message_iterator_class_put_ref(iterator);
        bt_component_class_filter_set_initialize_method(class, Some(add_ports));
        class
    }
}

/// Component method: one way in, one way out. `data` is what an `Rc<RefCell<Shared>>` that outlives the graph points to.
unsafe extern "C" fn add_ports(
    component: *mut bt_self_component_filter,
    _: *mut bt_self_component_filter_configuration,
    _: *const bt_value,
    data: *mut std::os::raw::c_void,
) -> bt_component_class_initialize_method_status::Type {
    use bt_component_class_initialize_method_status::*;
    // SAFETY: babeltrace hands a living component.
    let status = unsafe {
        bt_self_component_set_data(component.cast(), data);
        let null = ptr::null_mut();
        bt_self_component_filter_add_input_port(component, c"in".as_ptr(), null, null.cast())
            | bt_self_component_filter_add_output_port(
                component,
                c"out".as_ptr(),
                null,
                null.cast(),
            )
    };
    match status {
        0 => BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK,
        _ => BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_ERROR,
    }
}

unsafe extern "C" fn begin(
    this: *mut bt_self_message_iterator,
    _: *mut bt_self_message_iterator_configuration,
    _: *mut bt_self_component_port_output,
) -> bt_message_iterator_class_initialize_method_status::Type {
    use bt_message_iterator_class_initialize_method_status::*;
    // SAFETY: the component's data is what `add_ports` set: what an `Rc` that outlives the graph points to.
    unsafe {
        let component = bt_self_message_iterator_borrow_component(this);
        let shared: *const RefCell<Shared> = bt_self_component_get_data(component).cast();
        Rc::increment_strong_count(shared);
        let shared = Rc::from_raw(shared);
        let port = bt_self_component_filter_borrow_input_port_by_index(component.cast(), 0);
        let mut upstream = ptr::null_mut();
        if bt_message_iterator_create_from_message_iterator(this, port, &mut upstream) != 0 {
            return BT_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD_STATUS_ERROR;
        }
        let state = Box::new(State {
            shared,
            upstream,
            stream: ptr::null(),
            packet: ptr::null(),
            packets: 0,
            has_clock: false,
            clock: 0,
            broken: false,
        });
        bt_self_message_iterator_set_data(this, Box::into_raw(state).cast());
    }
    BT_MESSAGE_ITERATOR_CLASS_INITIALIZE_METHOD_STATUS_OK
}

unsafe extern "C" fn end(this: *mut bt_self_message_iterator) {
    // SAFETY: the data is the box that `begin` made, or null where `begin` failed.
    unsafe {
        let state: *mut State = bt_self_message_iterator_get_data(this).cast();
        if !state.is_null() {
            let state = Box::from_raw(state);
            bt_packet_put_ref(state.packet);
            bt_message_iterator_put_ref(state.upstream);
        }
    }
}

unsafe extern "C" fn next(
    this: *mut bt_self_message_iterator,
    out: bt_message_array_const,
    capacity: u64,
    count: *mut u64,
) -> next_status::Type {
    // SAFETY: `begin` set the data; babeltrace's arrays hold as many messages as it says.
    unsafe {
        let state = &mut *bt_self_message_iterator_get_data(this).cast::<State>();
        if state.broken {
            return next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END;
        }
        let (mut messages, mut n) = (ptr::null_mut(), 0);
        match bt_message_iterator_next(state.upstream, &mut messages, &mut n) {
            bt_message_iterator_next_status::BT_MESSAGE_ITERATOR_NEXT_STATUS_OK => {
                // source.ctf.fs 2.0 can leave an error with the thread and report success; left there, it would
                // abort the process at the next call that must not see one.
                failure::forget();
                // Every array of messages in a graph has the same capacity.
                assert!(n <= capacity);
                for i in 0..n as usize {
                    let message = *messages.add(i);
                    state.watch(message);
                    *out.add(i) = message;
                }
                *count = n;
                next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_OK
            }
            bt_message_iterator_next_status::BT_MESSAGE_ITERATOR_NEXT_STATUS_END => {
                next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END
            }
            bt_message_iterator_next_status::BT_MESSAGE_ITERATOR_NEXT_STATUS_AGAIN => {
                next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_AGAIN
            }
            _ => state.break_off(this, out, count),
        }
    }
}

impl State {
    /// Notes where in the stream we are.
    unsafe fn watch(&mut self, message: *const bt_message) {
        // SAFETY: each message is asked for what its type has.
        unsafe {
            match bt_message_get_type(message) {
                bt_message_type::BT_MESSAGE_TYPE_EVENT if self.has_clock => {
                    let clock = bt_message_event_borrow_default_clock_snapshot_const(message);
                    self.clock = bt_clock_snapshot_get_value(clock);
                }
                bt_message_type::BT_MESSAGE_TYPE_STREAM_BEGINNING => {
                    self.stream = bt_message_stream_beginning_borrow_stream_const(message);
                    let class = bt_stream_borrow_class_const(self.stream);
                    self.has_clock =
                        !bt_stream_class_borrow_default_clock_class_const(class).is_null();
                }
                bt_message_type::BT_MESSAGE_TYPE_STREAM_END => self.stream = ptr::null(),
                bt_message_type::BT_MESSAGE_TYPE_PACKET_BEGINNING => {
                    self.packet = bt_message_packet_beginning_borrow_packet_const(message);
                    bt_packet_get_ref(self.packet);
                    self.packets += 1;
                    let class = bt_stream_borrow_class_const(self.stream);
                    if bt_stream_class_packets_have_beginning_default_clock_snapshot(class) != 0 {
                        let clock = bt_message_packet_beginning_borrow_default_clock_snapshot_const(
                            message,
                        );
                        self.clock = bt_clock_snapshot_get_value(clock);
                    }
                }
                bt_message_type::BT_MESSAGE_TYPE_PACKET_END => {
                    bt_packet_put_ref(self.packet);
                    self.packet = ptr::null();
                }
                _ => {}
            }
        }
    }

    /// The stream cannot be read on: notes it, and ends it or fails the graph.
    unsafe fn break_off(
        &mut self,
        this: *mut bt_self_message_iterator,
        out: bt_message_array_const,
        count: *mut u64,
    ) -> next_status::Type {
        self.broken = true;
        let mut shared = self.shared.borrow_mut();
        // SAFETY: the stream is alive while its trace is; the messages are made by and for this iterator.
        unsafe {
            let stream = match self.stream.is_null() {
                true => None,
                false => text(bt_stream_get_name(self.stream)),
            };
            shared.breaks.push(Break {
                stream,
                packet: self.packets - u64::from(!self.packet.is_null()),
                what: failure::take(),
            });
            if !shared.keep_going {
                return next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_ERROR;
            }
            let mut n = 0;
            if !self.packet.is_null() {
                *out.add(n) = packet_end(this, self.packet, self.clock);
                n += 1;
            }
            if !self.stream.is_null() {
                *out.add(n) = bt_message_stream_end_create(this, self.stream);
                n += 1;
            }
            *count = n as u64;
            match n {
                0 => next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_END,
                _ => next_status::BT_MESSAGE_ITERATOR_CLASS_NEXT_METHOD_STATUS_OK,
            }
        }
    }
}

unsafe fn packet_end(
    this: *mut bt_self_message_iterator,
    packet: *const bt_packet,
    clock: u64,
) -> *mut bt_message {
    // SAFETY: the packet is alive: the guard holds a reference to it.
    unsafe {
        let class = bt_stream_borrow_class_const(bt_packet_borrow_stream_const(packet));
        match bt_stream_class_packets_have_end_default_clock_snapshot(class) {
            0 => bt_message_packet_end_create(this, packet),
            _ => bt_message_packet_end_create_with_default_clock_snapshot(this, packet, clock),
        }
    }
}
