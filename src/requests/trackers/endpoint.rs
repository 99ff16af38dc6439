//! What a descriptor that is a socket stands for.

/// One end of a connection, with its number among its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// The server's end of a connection that a client made over the internet protocols: what requests are on.
    Inbound(usize),
    /// The server's end of a downstream connection: whoever has it works for the process at the client's end.
    DownstreamServer(usize),
    /// A socket that may be the client's end of a downstream connection.
    DownstreamClient(usize),
    /// A socket that was open before the trace, by its inode; nobody knows yet what it is the end of.
    Unidentified(i64),
}

impl Endpoint {
    /// Whether a thread that makes a call on it turns to the work of this connection. It does not at the client's end:
    /// a query to its database is part of the work that it is at.
    pub(crate) fn draws_attention(self) -> bool {
        matches!(self, Endpoint::Inbound(_) | Endpoint::DownstreamServer(_))
    }
}
