//! Threads that may not be had, and that may panic: both are errors.
//!
//! `std::thread::spawn` panics where the system has no thread left, and a thread that waits for another that was never
//! started waits for ever. So threads are started here, before anything waits for them.

use crate::error::{Error, Result};
use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;
use std::thread::{self, Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Starts a thread.
///
/// # Errors
/// [`Error::Io`] where the system gives none.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    named(name).spawn(work).map_err(none(name))
}

/// Starts a thread with a stack of so many bytes.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_with<T: Send + 'static>(
    name: &str,
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    named(name)
        .stack_size(stack)
        .spawn(work)
        .map_err(none(name))
}

/// Starts a thread of a scope.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_scoped<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<ScopedJoinHandle<'s, T>> {
    named(name).spawn_scoped(scope, work).map_err(none(name))
}

fn named(name: &str) -> Builder {
    Builder::new().name(name.to_owned())
}

/// Makes the error of a thread that could not be started.
fn none(name: &str) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = format!("thread {name}");
    move |e| Error::io("start", Path::new(&path))(e)
}

/// What a thread of a scope gives when it ends; its panic goes on here.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    let joined = thread.join();
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What a thread that has ended gives.
///
/// # Errors
/// [`Error::Fault`] where it panicked.
pub fn ended<T>(joined: thread::Result<T>) -> Result<T> {
    joined.map_err(|panic| fault(&*panic))
}

/// A panic as an error.
pub fn fault(panic: &(dyn Any + Send)) -> Error {
    Error::Fault { what: words(panic) }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no more is known").to_owned()
}

/// Whether these are the words of a panic by which libraries refuse values that are too long for their offsets, or for the
/// address space: an input's doing, which is told as an error.
pub fn is_too_long(words: &str) -> bool {
    ["offset overflow", "capacity overflow"]
        .iter()
        .any(|w| words.contains(w))
}

/// Whether a panic is of a query's values that are too long: nobody needs to know where.
pub fn is_of_values(panic: &(dyn Any + Send)) -> bool {
    let of_query = matches!(thread::current().name(), Some("query" | "sql"));
    of_query && is_too_long(&words(panic))
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or the words of its panic, which nobody else is told of: for libraries that panic where an error is due.
///
/// # Errors
/// The words of the panic.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    done.map_err(|panic| words(&*panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_panic_is_nothing_but_its_words() {
        assert_eq!(quietly(|| 7), Ok(7));
        let e = quietly(|| -> u8 { panic!("offset {}", 7) });
        assert_eq!(e, Err("offset 7".to_owned()));
        assert!(!QUIET.get());
    }

    #[test]
    fn a_panic_of_a_thread_is_an_error_with_its_words() {
        let thread = spawn("test", || -> u8 { panic!("seven {}", 7) }).unwrap();
        let e = ended(thread.join()).unwrap_err();
        assert!(e.to_string().contains("seven 7"), "{e}");
        assert_eq!(e.exit_status(), 1);
    }
}
