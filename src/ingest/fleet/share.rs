//! A share of a list: every Nth of it, as one of N tasks of a scheduler takes them.

use std::fmt;
use std::str::FromStr;

/// The share of number `number` of `of`; numbers count from 0, as those of array jobs can and those of indexed jobs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    number: usize,
    of: usize,
}

impl Share {
    /// What is in it, of all.
    pub(crate) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let share = all.into_iter().skip(self.number).step_by(self.of);
        share.collect()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a share is K/N, as 0/10 to 9/10".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let [number, of] = [number, of].map(str::parse::<usize>);
        let (number, of) = (number.map_err(|_| wrong())?, of.map_err(|_| wrong())?);
        match number < of {
            true => Ok(Share { number, of }),
            false if of == 0 => Err(wrong()),
            false => Err(format!("of {of} shares, the last is {}/{of}", of - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_together_all() {
        let all: Vec<usize> = (0..23).collect();
        for of in [1, 2, 7, 23, 40] {
            let shares = (0..of).map(|number| format!("{number}/{of}").parse::<Share>().unwrap());
            let mut together: Vec<usize> = shares.flat_map(|s| s.of(all.clone())).collect();
            together.sort_unstable();
            assert_eq!(together, all, "{of}");
        }
        for wrong in ["", "1", "1/", "/2", "-1/2", "0/0", "2/2", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
