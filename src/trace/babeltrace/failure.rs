//! Errors of babeltrace2, turned into sentences.
//!
//! babeltrace leaves a chain of causes with the thread. The first cause is the one that says what happened in the
//! trace; the later ones tell which component passed it on. Addresses in memory mean nothing to a user and are cut out.

use super::fields::text;
use babeltrace2_sys::ffi::*;

/// Takes the thread's error, if there is one, and says what its first cause was.
pub(super) fn take() -> String {
    // SAFETY: the error belongs to us once taken, and its causes live until it is released.
    unsafe {
        let error = bt_current_thread_take_error();
        if error.is_null() {
            return "babeltrace2 gave no reason".to_owned();
        }
        let first = (0..bt_error_get_cause_count(error))
            .map(|i| bt_error_borrow_cause_by_index(error, i))
            .find_map(|cause| text(bt_error_cause_get_message(cause)));
        bt_error_release(error);
        first.map_or_else(|| "babeltrace2 gave no reason".to_owned(), |m| readable(&m))
    }
}

/// Releases the thread's error, if there is one.
pub(super) fn forget() {
    // SAFETY: the error belongs to us once taken.
    unsafe {
        let error = bt_current_thread_take_error();
        if !error.is_null() {
            bt_error_release(error);
        }
    }
}

/// The message without `…-addr=0x…` parts.
fn readable(message: &str) -> String {
    let Some((what, details)) = message.split_once(": ") else {
        return message.trim_end_matches('.').to_owned();
    };
    let kept: Vec<&str> = details
        .split(", ")
        .filter(|part| !part.contains("-addr=0x"))
        .collect();
    match kept.is_empty() {
        true => what.to_owned(),
        false => format!("{what}: {}", kept.join(", ").trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn addresses_are_cut_out() {
        assert_eq!(
            readable("Invalid CTF magic number: msg-it-addr=0x55d1, magic=ffffffff"),
            "Invalid CTF magic number: magic=ffffffff"
        );
        assert_eq!(readable("Cannot do it: x-addr=0x1"), "Cannot do it");
        assert_eq!(readable("Plain."), "Plain");
    }
}
