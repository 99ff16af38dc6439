//! What is written of each operator.

use datafusion_proto::protobuf::{JoinFilter, PhysicalExprNode, Schema};

/// One of them.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Operator {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// Which there are.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Calls(Calls),
    #[prost(message, tag = "2")]
    WindowJoin(Box<WindowJoin>),
    #[prost(message, tag = "3")]
    RequestLists(Shaped),
    #[prost(message, tag = "4")]
    RequestArguments(Shaped),
    #[prost(message, tag = "5")]
    LinkedArguments(Shaped),
    #[prost(message, tag = "6")]
    Unclaimed(Unclaimed),
}

/// What hands on the rows of its input.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Unclaimed {}

/// What follows from its columns alone.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Shaped {
    #[prost(message, optional, tag = "1")]
    pub schema: Option<Schema>,
}

/// What pairs system calls.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Calls {
    #[prost(message, optional, tag = "1")]
    pub schema: Option<Schema>,
    #[prost(uint64, repeated, tag = "2")]
    pub input: Vec<u64>,
    #[prost(message, repeated, tag = "3")]
    pub columns: Vec<CallColumn>,
    #[prost(map = "int64, string", tag = "4")]
    pub errnos: std::collections::HashMap<i64, String>,
}

/// A column of calls.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CallColumn {
    /// Which event has its value: the place among [`ORDER`](super::calls::ORDER).
    #[prost(uint32, tag = "1")]
    pub of: u32,
    #[prost(uint64, optional, tag = "2")]
    pub from: Option<u64>,
}

/// A join of points with the intervals that they are in.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WindowJoin {
    #[prost(message, optional, tag = "1")]
    pub schema: Option<Schema>,
    /// What must be equal, of the interval's row.
    #[prost(message, repeated, tag = "2")]
    pub keys: Vec<PhysicalExprNode>,
    /// The same of the point's row, in the same order.
    #[prost(message, repeated, tag = "3")]
    pub others: Vec<PhysicalExprNode>,
    #[prost(bool, tag = "4")]
    pub nulls_are_equal: bool,
    #[prost(message, optional, tag = "5")]
    pub begin: Option<PhysicalExprNode>,
    #[prost(bool, tag = "6")]
    pub begin_open: bool,
    #[prost(message, optional, tag = "7")]
    pub end: Option<PhysicalExprNode>,
    #[prost(bool, tag = "8")]
    pub end_open: bool,
    #[prost(message, optional, tag = "9")]
    pub point: Option<PhysicalExprNode>,
    #[prost(message, optional, tag = "10")]
    pub rest: Option<JoinFilter>,
    #[prost(message, repeated, tag = "11")]
    pub output: Vec<datafusion_proto::protobuf::ColumnIndex>,
    /// What the scan of points is told, shared with it.
    #[prost(message, repeated, tag = "12")]
    pub wanted: Vec<PhysicalExprNode>,
    /// What is asked of rows with intervals.
    #[prost(message, repeated, tag = "13")]
    pub asked: Vec<PhysicalExprNode>,
}
