//! The babeltrace2 graph: CTF source → one guard per stream → muxer → our sink, and the turning of its crank.

use super::guard::{self, Shared};
use super::{classes, failure};
use crate::error::{Error, Place, Result};
use babeltrace2_sys::ffi::*;
use std::cell::RefCell;
use std::ffi::CString;
use std::os::raw::{c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::rc::Rc;

/// Takes the messages that come out of the muxer.
pub(super) trait Sink {
    /// One message; alive only during the call.
    ///
    /// # Safety
    /// `message` is a living message.
    unsafe fn message(&mut self, message: *const bt_message) -> Result<()>;
}

/// A graph over the CTF traces of one recording.
pub(super) struct Graph<S> {
    graph: *mut bt_graph,
    /// What the guards found. The guards' components hold its address.
    pub shared: Rc<RefCell<Shared>>,
    /// The sink, at an address that the simple sink component holds.
    pub sink: Box<SinkState<S>>,
}

/// The sink and its message iterator.
pub(super) struct SinkState<S> {
    iterator: *mut bt_message_iterator,
    pub sink: S,
    error: Option<Error>,
}

/// Whether the graph has more to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Messages were delivered; there may be more.
    More,
    /// There is nothing more.
    End,
}

impl<S: Sink> Graph<S> {
    /// Builds the graph over `groups` of CTF trace folders (those that hold `metadata`). Each group is one trace in
    /// babeltrace's eyes: folders of one UUID, which a rotation has split.
    pub(super) fn new(groups: &[Vec<PathBuf>], keep_going: bool, sink: S) -> Result<Self> {
        let place = || Place::file(&groups[0][0]);
        let mut built = Graph {
            graph: ptr::null_mut(),
            shared: Rc::new(RefCell::new(Shared {
                keep_going,
                breaks: Vec::new(),
            })),
            sink: Box::new(SinkState {
                iterator: ptr::null_mut(),
                sink,
                error: None,
            }),
        };
        // SAFETY: plain construction by babeltrace's documented calls; every status is checked, `Drop` frees the graph.
        unsafe {
            bt_logging_set_global_level(bt_logging_level::BT_LOGGING_LEVEL_NONE);
            built.graph = bt_graph_create(0);
            let muxer = built.add_muxer(&place())?;
            let guards = guard::class();
            let mut streams = 0;
            for (number, traces) in groups.iter().enumerate() {
                let source = built.add_source(number, traces)?;
                for i in 0..bt_component_source_get_output_port_count(source) {
                    let out = bt_component_source_borrow_output_port_by_index_const(source, i);
                    built.add_stream(streams, out, guards, muxer, &Place::file(&traces[0]))?;
                    streams += 1;
                }
            }
            bt_component_class_filter_put_ref(guards);
            let end = built.add_sink(&place())?;
            built.connect(
                bt_component_filter_borrow_output_port_by_index_const(muxer, 0),
                bt_component_sink_borrow_input_port_by_index_const(end, 0),
                &place(),
            )?;
        }
        Ok(built)
    }

    /// Lets one batch of messages through to the sink.
    pub(super) fn turn(&mut self) -> Result<Status> {
        // SAFETY: the graph is whole: `new` built it.
        let status = unsafe { bt_graph_run_once(self.graph) };
        if let Some(error) = self.sink.error.take() {
            failure::forget();
            return Err(error);
        }
        match status {
            bt_graph_run_once_status::BT_GRAPH_RUN_ONCE_STATUS_OK
            | bt_graph_run_once_status::BT_GRAPH_RUN_ONCE_STATUS_AGAIN => Ok(Status::More),
            bt_graph_run_once_status::BT_GRAPH_RUN_ONCE_STATUS_END => Ok(Status::End),
            _ => Err(broken_graph(&Place::default())),
        }
    }

    /// Puts a guard between the port of stream number `number` and the muxer.
    unsafe fn add_stream(
        &mut self,
        number: u64,
        out: *const bt_port_output,
        guards: *mut bt_component_class_filter,
        muxer: *const bt_component_filter,
        place: &Place,
    ) -> Result<()> {
        // SAFETY: the components are alive; a guard has one port each way, the muxer always one free port more.
        unsafe {
            let guard = self.add_guard(guards, number, place)?;
            let guard_in = bt_component_filter_borrow_input_port_by_index_const(guard, 0);
            let guard_out = bt_component_filter_borrow_output_port_by_index_const(guard, 0);
            self.connect(out, guard_in, place)?;
            let muxer_in = bt_component_filter_borrow_input_port_by_index_const(muxer, number);
            self.connect(guard_out, muxer_in, place)
        }
    }

    unsafe fn add_source(
        &mut self,
        number: usize,
        traces: &[PathBuf],
    ) -> Result<*const bt_component_source> {
        let place = Place::file(&traces[0]);
        let name = CString::new(format!("source-{number}")).expect("no NUL in it");
        let mut component = ptr::null();
        // SAFETY: values and classes are alive until released below.
        unsafe {
            let params = bt_value_map_create();
            let mut inputs = ptr::null_mut();
            bt_value_map_insert_empty_array_entry(params, c"inputs".as_ptr(), &mut inputs);
            for trace in traces {
                bt_value_array_append_string_element(inputs, c_path(trace)?.as_ptr());
            }
            let class = classes::ctf_fs();
            let status = bt_graph_add_source_component(
                self.graph,
                class,
                name.as_ptr(),
                params,
                bt_logging_level::BT_LOGGING_LEVEL_NONE,
                &mut component,
            );
            bt_value_put_ref(params);
            bt_component_class_source_put_ref(class);
            checked(status, &place)?;
        }
        Ok(component)
    }

    unsafe fn add_muxer(&mut self, place: &Place) -> Result<*const bt_component_filter> {
        let mut component = ptr::null();
        // SAFETY: as in `add_source`.
        unsafe {
            let class = classes::muxer();
            let status = bt_graph_add_filter_component(
                self.graph,
                class,
                c"muxer".as_ptr(),
                ptr::null(),
                bt_logging_level::BT_LOGGING_LEVEL_NONE,
                &mut component,
            );
            bt_component_class_filter_put_ref(class);
            checked(status, place)?;
        }
        Ok(component)
    }

    unsafe fn add_guard(
        &mut self,
        class: *mut bt_component_class_filter,
        number: u64,
        place: &Place,
    ) -> Result<*const bt_component_filter> {
        let name = CString::new(format!("guard-{number}")).expect("no NUL in it");
        let shared = Rc::as_ptr(&self.shared).cast_mut();
        let mut component = ptr::null();
        // SAFETY: what `shared` points to outlives the graph: see `Drop`.
        unsafe {
            let status = bt_graph_add_filter_component_with_initialize_method_data(
                self.graph,
                class,
                name.as_ptr(),
                ptr::null(),
                shared.cast(),
                bt_logging_level::BT_LOGGING_LEVEL_NONE,
                &mut component,
            );
            checked(status, place)?;
        }
        Ok(component)
    }

    unsafe fn add_sink(&mut self, place: &Place) -> Result<*const bt_component_sink> {
        let state: *mut SinkState<S> = &mut *self.sink;
        let mut component = ptr::null();
        // SAFETY: `sink` stays at its address, and outlives the graph: see `Drop`.
        unsafe {
            let status = bt_graph_add_simple_sink_component(
                self.graph,
                c"sink".as_ptr(),
                Some(take_iterator::<S>),
                Some(consume::<S>),
                None,
                state.cast(),
                &mut component,
            );
            checked(status, place)?;
        }
        Ok(component)
    }

    unsafe fn connect(
        &mut self,
        out: *const bt_port_output,
        into: *const bt_port_input,
        place: &Place,
    ) -> Result<()> {
        // SAFETY: both ports belong to components of this graph.
        checked(
            unsafe { bt_graph_connect_ports(self.graph, out, into, ptr::null_mut()) },
            place,
        )
    }
}

impl<S> Drop for Graph<S> {
    fn drop(&mut self) {
        // SAFETY: the graph's components use `shared` and `sink`, which are dropped after this.
        unsafe { bt_graph_put_ref(self.graph) };
        // An error that nobody took would stay with the thread.
        failure::forget();
    }
}

unsafe extern "C" fn take_iterator<S>(
    iterator: *mut bt_message_iterator,
    state: *mut c_void,
) -> bt_graph_simple_sink_component_initialize_func_status::Type {
    // SAFETY: `state` is what `add_sink` gave.
    unsafe { (*state.cast::<SinkState<S>>()).iterator = iterator };
    bt_graph_simple_sink_component_initialize_func_status::BT_GRAPH_SIMPLE_SINK_COMPONENT_INITIALIZE_FUNC_STATUS_OK
}

unsafe extern "C" fn consume<S: Sink>(
    iterator: *mut bt_message_iterator,
    state: *mut c_void,
) -> bt_graph_simple_sink_component_consume_func_status::Type {
    use bt_graph_simple_sink_component_consume_func_status as to_graph;
    use bt_message_iterator_next_status as from_upstream;
    let (mut messages, mut n) = (ptr::null_mut(), 0);
    // SAFETY: `state` is what `add_sink` gave; babeltrace's array holds `n` messages, each ours to release.
    unsafe {
        let state = &mut *state.cast::<SinkState<S>>();
        match bt_message_iterator_next(iterator, &mut messages, &mut n) {
            from_upstream::BT_MESSAGE_ITERATOR_NEXT_STATUS_OK => {}
            from_upstream::BT_MESSAGE_ITERATOR_NEXT_STATUS_END => {
                return to_graph::BT_GRAPH_SIMPLE_SINK_COMPONENT_CONSUME_FUNC_STATUS_END;
            }
            from_upstream::BT_MESSAGE_ITERATOR_NEXT_STATUS_AGAIN => {
                return to_graph::BT_GRAPH_SIMPLE_SINK_COMPONENT_CONSUME_FUNC_STATUS_AGAIN;
            }
            _ => return to_graph::BT_GRAPH_SIMPLE_SINK_COMPONENT_CONSUME_FUNC_STATUS_ERROR,
        }
        for i in 0..n as usize {
            let message = *messages.add(i);
            if state.error.is_none() {
                state.error = state.sink.message(message).err();
            }
            bt_message_put_ref(message);
        }
        match state.error {
            None => to_graph::BT_GRAPH_SIMPLE_SINK_COMPONENT_CONSUME_FUNC_STATUS_OK,
            Some(_) => to_graph::BT_GRAPH_SIMPLE_SINK_COMPONENT_CONSUME_FUNC_STATUS_ERROR,
        }
    }
}

fn checked(status: c_int, place: &Place) -> Result<()> {
    match status {
        0 => Ok(()),
        _ => Err(broken_graph(place)),
    }
}

fn broken_graph(place: &Place) -> Error {
    Error::input(
        failure::take(),
        place.clone(),
        "Check the trace with `babeltrace2 TRACE`; it may be damaged, or not CTF 1.8.",
    )
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::usage("a path has a NUL byte in it", "Check the path."))
}
