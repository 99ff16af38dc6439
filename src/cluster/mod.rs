//! SQL on several machines: executors carry out parts of a plan, and the machine that asks has what comes out.
//!
//! There is no master. Who asks reads the footers, makes the plan as for itself alone, cuts it where rows change places
//! ([`spread`]), and sends each executor its part; executors pass rows to one another and to who asked. The crate
//! `datafusion-distributed` does the cutting and the passing; here is what it cannot know: which of our operators may run
//! in parts ([`tasks`], [`recordings`]), that executors see the same dataset ([`terms`], [`session`]), that no thread's end
//! is taken for the end of the rows ([`panics`], [`watched`]), what failed on which executor ([`trouble`], [`telling`]), and
//! what becomes of a statement whose executor is lost ([`run`]). Views, temporary tables and everything that is written stay with who asks.

mod address;
mod channels;
mod executors;
mod machines;
mod panics;
#[cfg(test)]
mod planned;
mod planner;
mod reads;
mod recordings;
mod run;
mod scalars;
mod serve;
mod session;
mod spread;
mod stays;
mod tasks;
mod telling;
mod terms;
mod trouble;
mod version;
mod watched;
mod window_keys;

pub(crate) use machines::named;
pub(crate) use serve::serve;
