//! Tasks that several threads do at the same time, with what one thread would give that does one after the other.
//!
//! The one idea: results come in the order of the tasks, and so does the error: where a task fails, those after it stop,
//! but those before it go on, since one of them may fail, too, and would have failed first.

use crate::error::{Error, Result};
use crate::process::threads::{ended, spawn_scoped};
use std::iter::Enumerate;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use std::vec::IntoIter;

/// How often the thread that waits looks.
const TICK: Duration = Duration::from_millis(100);

/// Tells a task whether it is to stop, because one before it has failed.
pub(super) struct Stop<'a> {
    number: usize,
    /// Number of the first task that has failed.
    failed: &'a AtomicUsize,
}

impl Stop<'_> {
    /// Goes on.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where a task before has failed.
    pub(super) fn check(&self) -> Result<()> {
        match self.failed.load(Ordering::Relaxed) < self.number {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// Does `work` for each of `tasks`, in as many threads of this name, or as many of them as the system gives. This thread
/// calls `meanwhile` every so often.
///
/// # Errors
/// That of the first task in their order that fails; [`Error::Fault`] where it panics; [`Error::Io`] where the system gives no
/// thread.
pub(super) fn abreast<T: Send, R: Send>(
    (name, threads): (&str, usize),
    tasks: Vec<T>,
    work: impl Fn(T, &Stop) -> Result<R> + Sync,
    mut meanwhile: impl FnMut(),
) -> Result<Vec<R>> {
    let mut done: Vec<Option<Result<R>>> = tasks.iter().map(|_| None).collect();
    let threads = threads.clamp(1, tasks.len().max(1));
    let (queue, failed) = (
        Mutex::new(tasks.into_iter().enumerate()),
        AtomicUsize::new(usize::MAX),
    );
    thread::scope(|scope| -> Result<()> {
        let (results, finished) = channel();
        for number in 0..threads {
            let (queue, failed, work, results) = (&queue, &failed, &work, results.clone());
            let started = spawn_scoped(scope, name, move || run(queue, failed, work, &results));
            match started {
                Ok(_) => {}
                Err(error) if number == 0 => return Err(error),
                Err(_) => break,
            }
        }
        drop(results);
        loop {
            match finished.recv_timeout(TICK) {
                Ok((number, result)) => done[number] = Some(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            meanwhile();
        }
    })?;
    let done = done.into_iter();
    done.map(|result| result.expect("no thread ends before there is no task"))
        .collect()
}

/// A thread: does one task after the other.
fn run<T, R>(
    queue: &Mutex<Enumerate<IntoIter<T>>>,
    failed: &AtomicUsize,
    work: &impl Fn(T, &Stop) -> Result<R>,
    results: &Sender<(usize, Result<R>)>,
) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((number, task)) = next else { return };
        let stop = Stop { number, failed };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            stop.check()?;
            work(task, &stop)
        }));
        let result = ended(worked).and_then(|result| result);
        if result.is_err() {
            failed.fetch_min(number, Ordering::Relaxed);
        }
        // Whoever asked waits until there are no more.
        let _ = results.send((number, result));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        for threads in [1, 2, 9] {
            let tasks: Vec<u64> = (0..20).collect();
            let work = |task: u64, _: &Stop| {
                thread::sleep(Duration::from_millis(20 - task));
                Ok(task * task)
            };
            let squares = abreast(("test", threads), tasks, work, || {}).unwrap();
            assert_eq!(squares, (0..20).map(|n| n * n).collect::<Vec<_>>());
        }
        let none = abreast(("test", 3), Vec::<u8>::new(), |task, _| Ok(task), || {});
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn tasks_are_done_at_the_same_time() {
        let meet = Barrier::new(3);
        let work = |task: u8, _: &Stop| {
            meet.wait();
            Ok(task)
        };
        let done = abreast(("test", 3), vec![1, 2, 3], work, || {});
        assert_eq!(done.unwrap(), [1, 2, 3]);
    }

    #[test]
    fn the_first_in_order_that_fails_is_told_and_those_after_it_stop() {
        let (later_failed, both_begun) = (AtomicUsize::new(0), Barrier::new(2));
        let work = |task: usize, stop: &Stop| match task {
            // Fails last of all, when the one after it has failed and the last one was stopped by that.
            1 => {
                while later_failed.load(Ordering::SeqCst) < 2 {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(Error::Fault {
                    what: "one".to_owned(),
                })
            }
            2 => {
                both_begun.wait();
                later_failed.fetch_add(1, Ordering::SeqCst);
                panic!("two")
            }
            3 => {
                both_begun.wait();
                while stop.check().is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
                later_failed.fetch_add(1, Ordering::SeqCst);
                Err(Error::Interrupted)
            }
            _ => Ok(task),
        };
        let failed = abreast(("test", 4), vec![0, 1, 2, 3], work, || {});
        assert!(matches!(failed, Err(Error::Fault { what }) if what == "one"));
    }

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let work = |_: u8, _: &Stop| -> Result<u8> { panic!("seven {}", 7) };
        let failed = abreast(("test", 1), vec![0], work, || {}).unwrap_err();
        assert!(failed.to_string().contains("seven 7"), "{failed}");
    }
}
