//! Object stores: where datasets and releases can be besides a disk.
//!
//! The requests, their retries and the credentials are those of the crate `object_store`. Here is what it lacks for this
//! program: addresses as users write them (`address`), clients as their environment and profiles have them (`environment`,
//! `profile`), requests by threads which know nothing of asynchronous work (`client`, `waiting`), objects as files that are
//! read in ranges (`object`) and of which the store is asked once (`remembering`), the putting of objects (`writing`), and
//! what an error means and what to do about it (`refused`).
//!
//! A store has no folders and no rename: an object is there whole, or not at all. So what is written there is never half
//! there, and a change of several objects is one put of the object that names the others, on the condition that nobody
//! else has put it meanwhile.

pub(crate) mod address;
pub(crate) mod client;
mod environment;
pub(crate) mod object;
#[cfg(feature = "s3")]
mod profile;
mod refused;
mod remembering;
mod waiting;
pub(crate) mod writing;
