//! What fills the columns of the tables.
//!
//! Each table names its columns, and says of each what fills it; when it opens, that is checked against its contract.
//! A new column is an entry in `schemas/TABLE.json` and a line in the file of the table.
//!
//! | file | what it owns |
//! |---|---|
//! | [`events`], [`requests`], [`downstream`], [`losses`] | the tables |
//! | `work`, `request_events` | columns of requests and of what others did for them; the events inside requests |
//! | `event_chunk`, `gatherers` | a chunk of rows of `events`; threads that fill several |
//! | `request_group`, `spans` | a row group of requests; in which labelled part of the recording each lies |
//! | `columns`, `rows`, `value`, `words` | columns by name |
//! | [`links`] | to which request, or work of others, an event belongs |
//! | [`mismatch`] | how a table can differ from its contract |
//! | [`plans`], [`values`], `gathered` | the fields of events, class by class, into columns |

mod columns;
pub mod downstream;
mod event_chunk;
pub mod events;
mod gathered;
mod gatherers;
pub mod links;
pub mod losses;
pub mod mismatch;
mod part;
pub mod plans;
mod request_events;
mod request_group;
pub mod requests;
mod rows;
mod spans;
#[cfg(test)]
mod tests;
mod value;
pub mod values;
mod words;
mod work;
