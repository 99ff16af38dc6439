//! Anonymizing: what a release says in the place of what a trace tells of persons and machines.
//!
//! ```text
//!  policy, key ─► Anonymizer ◄─ schemas/*.json (columns), schemas/arguments.toml (arguments): what a value holds
//!                     │
//!  batch ─► walk ─► events (which event is a row?) ─► table ─► values ─► numbers, addresses, texts ─► batch
//!                     └─ decided (what an exit's entry said)      └─► told (what nobody has classified)
//! ```
//!
//! It fails closed: a value stays, or becomes a pseudonym that can be joined, where the contract, the table of arguments or
//! the policy says what it holds. Any other number is left out, any other text becomes a pseudonym as a whole, and whoever
//! publishes is told. Pseudonyms are keyed and one-to-one: equal values become equal ones, in every column and in every
//! release that is made with the same key, so that the tables still fit together.
//!
//! `key` is the secret, `policy` says what is kept, `anonymizer` holds what all parts need, `rewriting` is the order of the work,
//! `times` says how far each recording is moved in time, `borders` where the spans that have labels then are, `manifest` goes over the manifest, `audit` lists what is left.

pub(crate) mod addresses;
mod anonymizer;
mod arrays;
pub(crate) mod audit;
mod borders;
mod checked;
mod decided;
mod events;
mod fate;
mod forms;
mod kept_path;
pub(crate) mod key;
mod lists;
mod manifest;
mod numbers;
pub(crate) mod policy;
mod record_metadata;
mod rewriting;
mod table;
mod text_values;
mod texts;
mod times;
mod told;
mod values;
mod walk;

pub(crate) use anonymizer::Anonymizer;
