//! Names of the tables of a dataset: each is the table's folder, its key in the manifest, and its name in SQL.
//!
//! They are texts and not an enum, because SQL, the manifest and a dataset's folder may name tables that this version does
//! not make.

/// Every event.
pub const EVENTS: &str = "events";
/// The requests, with their own events.
pub const REQUESTS: &str = "requests";
/// What other processes did for requests.
pub const DOWNSTREAM: &str = "downstream";
/// What the tracer discarded.
pub const LOSSES: &str = "losses";

/// All tables that an ingest makes.
pub const ALL: [&str; 4] = [EVENTS, REQUESTS, DOWNSTREAM, LOSSES];

/// The column of a table's list, for each list that its rows have, that every row has and that is never null: its path in
/// Parquet. It tells how many elements there are, where other columns are lacking.
pub(crate) fn donors(table: &str) -> &'static [&'static str] {
    match table {
        REQUESTS => &["events.list.element.event_id"],
        _ => &[],
    }
}
