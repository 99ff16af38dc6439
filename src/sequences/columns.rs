//! Events as columns of numbers: what a batch is decoded to, and what a request takes runs of.
//!
//! The first pass has the columns of words only, and those as numbers of words; the second has all, as they are written.

use std::ops::Range;

/// Some events. All columns that are used are of equal length: those of words in both passes, the others in the second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Numbers of words in the first pass, codes in the second; so are `process` and `flags`, and the components of `paths`.
    pub call: Vec<i32>,
    /// Name of the thread.
    pub process: Vec<i32>,
    /// 1 for an entry, 2 for an exit, 3 for neither.
    pub phase: Vec<i32>,
    /// Nanoseconds since the Unix epoch.
    pub time: Vec<i64>,
    /// Process and thread; -1 where the trace does not tell.
    pub pid: Vec<i32>,
    pub tid: Vec<i32>,
    /// 0 for what returns nothing, 1 success, 2 failure.
    pub outcome: Vec<i32>,
    /// Number of the error, 0 for none.
    pub errno: Vec<i32>,
    /// Where arguments are asked for.
    pub arguments: Option<Arguments>,
}

/// Arguments of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// As [`codes::descriptor`](super::codes::descriptor) has it.
    pub fd: Vec<i32>,
    /// Bytes; -1 for none.
    pub size: Vec<i64>,
    pub flags: Vec<i32>,
    pub paths: Paths,
}

/// Lists of components, one for each event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paths {
    /// Where the components of each end.
    pub ends: Vec<usize>,
    pub components: Vec<i32>,
}

impl Paths {
    /// Adds a list.
    pub(super) fn push(&mut self, components: impl IntoIterator<Item = i32>) {
        self.components.extend(components);
        self.ends.push(self.components.len());
    }

    /// Where the components of the lists of a run are.
    pub(super) fn of(&self, run: &Range<usize>) -> Range<usize> {
        let end = |lists: usize| lists.checked_sub(1).map_or(0, |last| self.ends[last]);
        end(run.start)..end(run.end)
    }

    fn append(&mut self, from: &Paths, run: &Range<usize>) {
        let (components, before) = (from.of(run), self.components.len());
        let shifted = from.ends[run.clone()]
            .iter()
            .map(|end| end - components.start + before);
        self.ends.extend(shifted);
        self.components
            .extend_from_slice(&from.components[components]);
    }
}

impl Columns {
    /// None, with arguments or without.
    pub(super) fn new(arguments: bool) -> Self {
        Columns {
            arguments: arguments.then(Arguments::default),
            ..Columns::default()
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.call.len()
    }

    /// Adds a run of others, of the columns that they have.
    pub(super) fn append(&mut self, from: &Columns, run: &Range<usize>) {
        add(&mut self.call, &from.call, run);
        add(&mut self.process, &from.process, run);
        add(&mut self.phase, &from.phase, run);
        add(&mut self.time, &from.time, run);
        add(&mut self.pid, &from.pid, run);
        add(&mut self.tid, &from.tid, run);
        add(&mut self.outcome, &from.outcome, run);
        add(&mut self.errno, &from.errno, run);
        if let (Some(to), Some(from)) = (&mut self.arguments, &from.arguments) {
            add(&mut to.fd, &from.fd, run);
            add(&mut to.size, &from.size, run);
            add(&mut to.flags, &from.flags, run);
            to.paths.append(&from.paths, run);
        }
    }

    /// Adds a mark: what stands before and after the events.
    pub(super) fn mark(&mut self, code: i32) {
        self.call.push(code);
        self.process.push(code);
        self.phase.push(0);
        self.time.push(0);
        self.pid.push(-1);
        self.tid.push(-1);
        self.outcome.push(0);
        self.errno.push(0);
        if let Some(arguments) = &mut self.arguments {
            arguments.fd.push(code);
            arguments.size.push(-1);
            arguments.flags.push(code);
            arguments.paths.push([]);
        }
    }
}

fn add<T: Copy>(to: &mut Vec<T>, from: &[T], run: &Range<usize>) {
    to.extend_from_slice(from.get(run.clone()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_paths_keep_their_components() {
        let mut from = Paths::default();
        from.push([1, 2]);
        from.push([]);
        from.push([3]);
        let mut to = Paths::default();
        to.push([9]);
        to.append(&from, &(1..3));
        to.append(&from, &(0..1));
        assert_eq!(to.components, [9, 3, 1, 2]);
        assert_eq!(to.ends, [1, 1, 2, 4]);
        assert_eq!(to.of(&(1..3)), 1..2);
    }
}
