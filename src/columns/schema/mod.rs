//! What a table is: the published contract, and the columns that the fields of a trace come to.
//!
//! | file | what it owns |
//! |---|---|
//! | [`contract`] | the contract of the tables, `schemas/*.json`, as Arrow fields |
//! | [`holds`] | what values tell of, in one vocabulary |
//! | [`kind`], [`layout`], `names` | which columns the fields of events get, and what they are called |
//! | [`route`] | the way of a field's values into these columns |
//! | [`types`], [`describe`] | their Arrow types and metadata |
//! | [`united`], `merge`, [`widen`] | one schema for a table whose files lack columns, and their rows in it |

pub mod contract;
pub mod describe;
pub mod holds;
pub mod kind;
pub mod layout;
pub(crate) mod merge;
mod names;
pub mod route;
pub mod types;
pub mod united;
pub mod widen;
