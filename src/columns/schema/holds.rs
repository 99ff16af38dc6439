//! What a column, an argument or a word of the manifest holds, in one vocabulary.
//!
//! The contract (`schemas/*.json`) says it of every column, `schemas/arguments.toml` of every argument that is known. It
//! decides what `publish --anonymize` does with a value. What nobody has classified has no `Holds`, and does not stay.

use serde::Deserialize;

/// What values tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Codes, flags, modes, states, priorities, errors, words of the dataset itself.
    NothingPersonal,
    /// An id that the dataset gives: of an event, a request, a connection.
    Id,
    /// A number of bytes or things, or a place in a file.
    Size,
    /// A file descriptor, or another small number that a process has for a thing of its own.
    Descriptor,
    /// A length of time.
    Duration,
    /// A port.
    Port,
    /// A place in memory.
    Memory,
    /// What a person called a recording.
    Label,
    /// A process, or a group of processes where it is negative.
    Process,
    /// A thread.
    Thread,
    /// A user or a group of users.
    User,
    /// A number of which only matters whether it is the same: an inode, a key, a namespace.
    Handle,
    /// A network address.
    Address,
    /// An address of a network card.
    Hardware,
    /// A file name.
    Path,
    /// The name of a thread.
    ThreadName,
    /// The name of a machine.
    Host,
    /// A text that may say anything.
    Text,
    /// A text that is mostly one of the words in the table, as the type of a file system.
    Word,
    /// A trace's id.
    Trace,
    /// The name of a stream's file.
    Stream,
    /// A moment, as a column of times.
    Time,
    /// A moment in seconds since the Unix epoch.
    TimeS,
    /// A moment in nanoseconds since the Unix epoch.
    TimeNs,
    /// What must not be told in any form, as a checksum over addresses.
    Secret,
    /// What the table of arguments says of it for the event that it belongs to, as of `ret`.
    Argument,
    /// A structure, or a list of structures: its members say what they hold.
    Members,
}

impl Holds {
    /// Whether numbers of this kind tell nothing of persons and machines.
    pub fn stays(self) -> bool {
        use Holds::*;
        matches!(
            self,
            NothingPersonal | Id | Size | Descriptor | Duration | Port | Memory | Label
        )
    }

    /// Whether it is said of texts.
    pub fn is_text(self) -> bool {
        use Holds::*;
        matches!(
            self,
            Address | Hardware | Path | ThreadName | Host | Text | Word | Trace | Stream
        )
    }
}
