//! The area under the ROC curve of one figure between any two of several groups, exactly.
//!
//! It is the share of pairs, one of each group, in which that of the first has the greater value; equal values count half
//! (Mann and Whitney's U over the number of pairs). Values are met in rising order, each with how often each group has it,
//! so what is kept does not grow with them: for each two groups twice the U, which is a whole number.

/// Values in rising order, and what was found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranks {
    /// How many values each group has below the present one.
    below: Vec<u64>,
    /// How many are equal to it.
    equal: Vec<u64>,
    /// The present value.
    value: Option<i64>,
    /// Twice the U of each group (rows) over each other one.
    twice: Vec<Vec<u128>>,
    /// The sum of each group's values.
    sums: Vec<i128>,
}

/// How well a figure tells one group from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Auroc {
    /// The share of pairs in which that of the one group has more; 0.5 where it tells nothing.
    pub of: f64,
}

impl Ranks {
    /// Without a value of so many groups.
    pub(super) fn new(groups: usize) -> Self {
        Ranks {
            below: vec![0; groups],
            equal: vec![0; groups],
            value: None,
            twice: vec![vec![0; groups]; groups],
            sums: vec![0; groups],
        }
    }

    /// So many times `value` in a group. Values do not fall.
    pub(super) fn add(&mut self, value: i64, group: usize, times: u64) {
        debug_assert!(
            self.value.is_none_or(|before| before <= value),
            "values rise"
        );
        if self.value != Some(value) {
            self.end_value();
            self.value = Some(value);
        }
        self.equal[group] += times;
        self.sums[group] += i128::from(value) * i128::from(times);
    }

    fn end_value(&mut self) {
        for (group, row) in self.twice.iter_mut().enumerate() {
            let own = u128::from(self.equal[group]);
            if own == 0 {
                continue;
            }
            for (other, twice) in row.iter_mut().enumerate() {
                *twice += own * (2 * u128::from(self.below[other]) + u128::from(self.equal[other]));
            }
        }
        for (below, equal) in self.below.iter_mut().zip(&mut self.equal) {
            *below += std::mem::take(equal);
        }
    }

    /// All values were added.
    pub(super) fn finish(mut self) -> Self {
        self.end_value();
        self
    }

    /// How well values tell group `a` from group `b`, after [`Ranks::finish`]; nothing where one has no value.
    pub(super) fn auroc(&self, a: usize, b: usize) -> Option<Auroc> {
        let pairs = u128::from(self.below[a]) * u128::from(self.below[b]);
        (pairs > 0).then(|| Auroc {
            of: self.twice[a][b] as f64 / (2.0 * pairs as f64),
        })
    }

    /// How many values a group has, after [`Ranks::finish`].
    pub(super) fn count(&self, group: usize) -> u64 {
        self.below[group]
    }

    /// The mean of a group's values, after [`Ranks::finish`].
    pub(super) fn mean(&self, group: usize) -> Option<f64> {
        let count = self.below[group];
        (count > 0).then(|| self.sums[group] as f64 / count as f64)
    }
}

impl Auroc {
    /// Of the one that has it `has` of `of` times against another: a value that is there or not.
    pub(super) fn of_presence(
        (has_a, of_a): (u64, u64),
        (has_b, of_b): (u64, u64),
    ) -> Option<Self> {
        let mut ranks = Ranks::new(2);
        ranks.add(0, 0, of_a.saturating_sub(has_a));
        ranks.add(0, 1, of_b.saturating_sub(has_b));
        ranks.add(1, 0, has_a);
        ranks.add(1, 1, has_b);
        ranks.finish().auroc(0, 1)
    }

    /// How well it tells them apart, whichever has more: from 0.5 to 1.
    pub(super) fn apart(self) -> f64 {
        self.of.max(1.0 - self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// By looking at each pair.
    fn naive(a: &[i64], b: &[i64]) -> f64 {
        let pair = |x: &i64, y: &i64| match x.cmp(y) {
            std::cmp::Ordering::Greater => 2,
            std::cmp::Ordering::Equal => 1,
            std::cmp::Ordering::Less => 0,
        };
        let twice: u64 = a
            .iter()
            .flat_map(|x| b.iter().map(move |y| pair(x, y)))
            .sum();
        twice as f64 / (2 * a.len() * b.len()) as f64
    }

    fn ranked(groups: &[Vec<i64>]) -> Ranks {
        let mut all: Vec<(i64, usize)> = Vec::new();
        for (group, values) in groups.iter().enumerate() {
            all.extend(values.iter().map(|value| (*value, group)));
        }
        all.sort_unstable();
        let mut ranks = Ranks::new(groups.len());
        all.into_iter()
            .for_each(|(value, group)| ranks.add(value, group, 1));
        ranks.finish()
    }

    #[test]
    fn it_is_what_every_pair_says() {
        let mut random = Random(7);
        for round in 0..300 {
            let spread = [1, 2, 5, 100, 1 << 40][round % 5];
            let mut group = || -> Vec<i64> {
                let n = random.below(30) as usize;
                (0..n)
                    .map(|_| random.below(spread) as i64 - (spread / 2) as i64)
                    .collect()
            };
            let groups = [group(), group(), group()];
            let ranks = ranked(&groups);
            for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 1)] {
                let found = ranks.auroc(a, b);
                match groups[a].is_empty() || groups[b].is_empty() {
                    true => assert_eq!(found, None),
                    false => assert_eq!(found.unwrap().of, naive(&groups[a], &groups[b])),
                }
            }
            for (i, values) in groups.iter().enumerate() {
                let mean = values.iter().sum::<i64>() as f64 / values.len() as f64;
                assert_eq!(ranks.mean(i), (!values.is_empty()).then_some(mean));
            }
        }
    }

    #[test]
    fn presence_is_a_figure_of_two_values() {
        let made =
            |has: u64, of: u64| -> Vec<i64> { (0..of).map(|i| i64::from(i < has)).collect() };
        for (a, b) in [
            ((3, 5), (1, 4)),
            ((0, 5), (4, 4)),
            ((2, 2), (3, 3)),
            ((0, 1), (0, 9)),
        ] {
            let found = Auroc::of_presence(a, b).unwrap();
            assert_eq!(found.of, naive(&made(a.0, a.1), &made(b.0, b.1)));
        }
        assert_eq!(Auroc::of_presence((0, 0), (1, 2)), None);
        let low = Auroc::of_presence((0, 5), (4, 4)).unwrap();
        assert_eq!((low.of, low.apart()), (0.0, 1.0));
    }

    #[test]
    fn many_equal_values_are_counted_at_once() {
        let mut ranks = Ranks::new(2);
        ranks.add(1, 0, 1 << 40);
        ranks.add(1, 1, 1 << 40);
        ranks.add(2, 1, 1 << 40);
        let ranks = ranks.finish();
        assert_eq!(ranks.auroc(0, 1).unwrap().of, 0.25);
        assert_eq!(ranks.mean(1), Some(1.5));
    }
}
