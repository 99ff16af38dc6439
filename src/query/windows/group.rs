//! Intervals of one key, so that those around a point are found without looking at the others.

/// Intervals in the order of their beginnings. Both bounds are inside.
#[derive(Debug, Default)]
pub(super) struct Group {
    begins: Vec<i64>,
    ends: Vec<i64>,
    /// Where each came from.
    rows: Vec<u32>,
    /// The order as a balanced tree, whose root is in the middle: for each, the largest end below it.
    reaches: Vec<i64>,
}

impl Group {
    /// The group of intervals, each with its row.
    pub(super) fn new(mut intervals: Vec<(i64, i64, u32)>) -> Group {
        intervals.sort_unstable();
        let mut group = Group {
            begins: intervals.iter().map(|(begin, _, _)| *begin).collect(),
            ends: intervals.iter().map(|(_, end, _)| *end).collect(),
            rows: intervals.iter().map(|(_, _, row)| *row).collect(),
            reaches: vec![i64::MIN; intervals.len()],
        };
        group.reach(0, group.begins.len());
        group
    }

    fn reach(&mut self, from: usize, to: usize) -> i64 {
        if from == to {
            return i64::MIN;
        }
        let root = from.midpoint(to);
        let below = self.reach(from, root).max(self.reach(root + 1, to));
        self.reaches[root] = below.max(self.ends[root]);
        self.reaches[root]
    }

    /// Bytes that an interval takes in a group, and while it is made.
    pub(super) const COST: usize = 2 * size_of::<(i64, i64, u32)>() + size_of::<i64>();

    /// Adds the intervals around `point` to `around`, as end and row.
    pub(super) fn stab(&self, point: i64, around: &mut Vec<(i64, u32)>) {
        self.stab_below(0, self.begins.len(), point, around);
    }

    fn stab_below(&self, from: usize, to: usize, point: i64, around: &mut Vec<(i64, u32)>) {
        let root = from.midpoint(to);
        if from == to || self.reaches[root] < point {
            return;
        }
        self.stab_below(from, root, point, around);
        if self.begins[root] <= point {
            if self.ends[root] >= point {
                around.push((self.ends[root], self.rows[root]));
            }
            self.stab_below(root + 1, to, point, around);
        }
    }

    /// How many begin at `point` or before.
    pub(super) fn begun(&self, point: i64) -> usize {
        self.begins.partition_point(|begin| *begin <= point)
    }

    /// Where the interval with this number begins, if there is one.
    pub(super) fn begin(&self, number: usize) -> Option<i64> {
        self.begins.get(number).copied()
    }

    /// Adds those around `point` among the ones from number `next` on that begin at it or before, and gives the number of
    /// the first that begins after it.
    pub(super) fn advance(
        &self,
        mut next: usize,
        point: i64,
        around: &mut Vec<(i64, u32)>,
    ) -> usize {
        while next < self.begins.len() && self.begins[next] <= point {
            if self.ends[next] >= point {
                around.push((self.ends[next], self.rows[next]));
            }
            next += 1;
        }
        next
    }

    /// The intervals, as begin and end.
    pub(super) fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        self.begins.iter().copied().zip(self.ends.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_in_the_intervals_around_it() {
        let group = Group::new(vec![(5, 9, 0), (1, 20, 1), (9, 9, 2), (10, 12, 3)]);
        let around = |point| {
            let mut around = Vec::new();
            group.stab(point, &mut around);
            let mut rows: Vec<u32> = around.iter().map(|(_, row)| *row).collect();
            rows.sort_unstable();
            rows
        };
        assert!(around(0).is_empty());
        assert_eq!(around(1), [1]);
        assert_eq!(around(9), [0, 1, 2]);
        assert_eq!(around(12), [1, 3]);
        assert!(around(21).is_empty());
        let (mut by_steps, mut next) = (Vec::new(), 0);
        for point in [5, 9] {
            next = group.advance(next, point, &mut by_steps);
        }
        assert_eq!((next, group.begun(9)), (3, 3));
    }
}
