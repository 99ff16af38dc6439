//! Rows that hold lists.
//!
//! A row of `requests` is as large as hundreds of plain ones, since a structure takes memory for each of its members also
//! where it is null. To decode such rows, to divide them and to encode them again takes far longer than anything else that
//! a query does, and mostly nothing is done to the lists: they are written as they were read. So a `COPY` whose query only
//! hands lists on is carried out on the other columns, with the numbers of rows in place of the lists ([`passed`],
//! [`numbered`]), and the lists of the rows that come out go from file to file as they are ([`copied`], [`lists`],
//! [`output`]). Whatever else is done with such rows is done with few at a time ([`settings`]).

mod copied;
mod lists;
mod numbered;
mod origin;
mod output;
mod passed;
mod settings;
#[cfg(test)]
mod tests;

pub(super) use copied::Copied;
pub(super) use origin::Origin;
pub(super) use settings::{PAGE, ROW_GROUP, of_structures, set};
