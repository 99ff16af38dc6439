//! Where decoded values go: into the encoded values of events, and into the head of the event at hand.

use super::names::Names;
use super::plan::Dest;
use crate::trace::event::{UNKNOWN, no_text};

/// Where decoded values go.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Encoded values of events, one after the other (see [`event`](crate::trace::event)).
    pub values: Vec<u8>,
    /// Head fields of the event at hand.
    pub pid: i32,
    /// As `pid`.
    pub tid: i32,
    /// As `pid`.
    pub cpu: i32,
    /// Its process name: where in `names`.
    pub procname: Option<u32>,
    /// Process names, each once.
    pub names: Names,
}

impl Output {
    /// Begins an event of a packet of this CPU.
    #[inline]
    pub(crate) fn begin(&mut self, cpu: i32) {
        (self.cpu, self.pid, self.tid, self.procname) = (cpu, UNKNOWN, UNKNOWN, None);
    }

    #[inline]
    pub(super) fn integer(&mut self, dest: Dest, value: u64) {
        match dest {
            Dest::Values => self.values.extend_from_slice(&value.to_le_bytes()),
            Dest::Pid => self.pid = value as i32,
            Dest::Tid => self.tid = value as i32,
            Dest::Cpu => self.cpu = i32::try_from(value).unwrap_or(UNKNOWN),
            Dest::Nowhere | Dest::Procname => {}
        }
    }

    pub(super) fn text(&mut self, dest: Dest, text: &[u8]) {
        match dest {
            Dest::Values => {
                self.count(text.len());
                self.values.extend_from_slice(text);
            }
            Dest::Procname => self.procname = Some(self.names.number(text)),
            _ => {}
        }
    }

    /// Bytes that stand where a text should, and are none whatever they look like.
    #[cold]
    pub(super) fn no_text(&mut self, dest: Dest, bytes: &[u8]) {
        match dest {
            Dest::Values => {
                self.values.extend_from_slice(&no_text(bytes.len()));
                self.values.extend_from_slice(bytes);
            }
            Dest::Procname => {
                let shown: String = bytes.iter().map(|b| format!("\\x{b:02x}")).collect();
                self.procname = Some(self.names.number(shown.as_bytes()));
            }
            _ => {}
        }
    }

    #[inline]
    pub(super) fn count(&mut self, n: usize) {
        // What is counted takes bytes of a window, or is limited.
        self.values.extend_from_slice(&(n as u32).to_le_bytes());
    }
}
