//! The blocks of a TSDL text as they are written, before they are put together.

use super::model::{ClockClass, EnvValue, Position};
use super::typed::Typed;

/// The root of a field tree, and where it is declared.
pub(super) type Root = Option<(Typed, Position)>;

/// A `stream` block.
#[derive(Default)]
pub(super) struct StreamBlock {
    pub id: Option<u64>,
    pub packet_context: Root,
    pub event_header: Root,
    pub event_context: Root,
}

/// An `event` block.
#[derive(Default)]
pub(super) struct EventBlock {
    pub id: Option<u64>,
    pub stream_id: Option<u64>,
    pub name: Option<String>,
    pub loglevel: Option<i64>,
    pub context: Root,
    pub fields: Root,
}

/// All blocks of a metadata text, each with the place of its keyword.
#[derive(Default)]
pub(super) struct Blocks {
    pub uuid: Option<[u8; 16]>,
    pub packet_header: Root,
    pub env: Vec<(String, EnvValue)>,
    pub clocks: Vec<ClockClass>,
    pub streams: Vec<(StreamBlock, Position)>,
    pub events: Vec<(EventBlock, Position)>,
    pub trace: Option<Position>,
}
