//! babeltrace2's own component classes `source.ctf.fs` and `filter.utils.muxer`, put together from their methods.
//!
//! Why not through babeltrace's plugin search: a built-in plugin is an object file that no symbol refers to, known only
//! by the linker sections that it adds to. Out of a static archive a linker never takes such a file. The methods
//! themselves are ordinary symbols of the archives that `babeltrace2-sys` links, so the classes are made of them, as
//! babeltrace's `plugins/ctf/plugin.c` and `plugins/utils/plugin.c` do.

use babeltrace2_sys::ffi::*;
use std::os::raw::c_void;

type SourceStatus = bt_component_class_initialize_method_status::Type;
type IteratorStatus = bt_message_iterator_class_initialize_method_status::Type;
type NextStatus = bt_message_iterator_class_next_method_status::Type;

unsafe extern "C" {
    fn ctf_fs_init(
        component: *mut bt_self_component_source,
        config: *mut bt_self_component_source_configuration,
        params: *const bt_value,
        data: *mut c_void,
    ) -> SourceStatus;
    fn ctf_fs_finalize(component: *mut bt_self_component_source);
    fn ctf_fs_iterator_init(
        iterator: *mut bt_self_message_iterator,
        config: *mut bt_self_message_iterator_configuration,
        port: *mut bt_self_component_port_output,
    ) -> IteratorStatus;
    fn ctf_fs_iterator_finalize(iterator: *mut bt_self_message_iterator);
    fn ctf_fs_iterator_next(
        iterator: *mut bt_self_message_iterator,
        messages: bt_message_array_const,
        capacity: u64,
        count: *mut u64,
    ) -> NextStatus;
    fn muxer_init(
        component: *mut bt_self_component_filter,
        config: *mut bt_self_component_filter_configuration,
        params: *const bt_value,
        data: *mut c_void,
    ) -> SourceStatus;
    fn muxer_finalize(component: *mut bt_self_component_filter);
    fn muxer_input_port_connected(
        component: *mut bt_self_component_filter,
        port: *mut bt_self_component_port_input,
        other: *const bt_port_output,
    ) -> bt_component_class_port_connected_method_status::Type;
    fn muxer_msg_iter_init(
        iterator: *mut bt_self_message_iterator,
        config: *mut bt_self_message_iterator_configuration,
        port: *mut bt_self_component_port_output,
    ) -> IteratorStatus;
    fn muxer_msg_iter_finalize(iterator: *mut bt_self_message_iterator);
    fn muxer_msg_iter_next(
        iterator: *mut bt_self_message_iterator,
        messages: bt_message_array_const,
        capacity: u64,
        count: *mut u64,
    ) -> NextStatus;
}

/// `source.ctf.fs`. The caller owns the reference.
pub(super) fn ctf_fs() -> *mut bt_component_class_source {
    // SAFETY: plain construction; each method is set where babeltrace's own plugin sets it.
    unsafe {
        let iterator = bt_message_iterator_class_create(Some(ctf_fs_iterator_next));
        bt_message_iterator_class_set_initialize_method(iterator, Some(ctf_fs_iterator_init));
        bt_message_iterator_class_set_finalize_method(iterator, Some(ctf_fs_iterator_finalize));
        let class = bt_component_class_source_create(c"fs".as_ptr(), iterator);
        bt_message_iterator_class_put_ref(iterator);
        bt_component_class_source_set_initialize_method(class, Some(ctf_fs_init));
        bt_component_class_source_set_finalize_method(class, Some(ctf_fs_finalize));
        class
    }
}

/// `filter.utils.muxer`. The caller owns the reference.
pub(super) fn muxer() -> *mut bt_component_class_filter {
    // SAFETY: as above.
    unsafe {
        let iterator = bt_message_iterator_class_create(Some(muxer_msg_iter_next));
        bt_message_iterator_class_set_initialize_method(iterator, Some(muxer_msg_iter_init));
        bt_message_iterator_class_set_finalize_method(iterator, Some(muxer_msg_iter_finalize));
        let class = bt_component_class_filter_create(c"muxer".as_ptr(), iterator);
        bt_message_iterator_class_put_ref(iterator);
        bt_component_class_filter_set_initialize_method(class, Some(muxer_init));
        bt_component_class_filter_set_finalize_method(class, Some(muxer_finalize));
        bt_component_class_filter_set_input_port_connected_method(
            class,
            Some(muxer_input_port_connected),
        );
        class
    }
}
