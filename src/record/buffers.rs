//! How large the tracer's buffers are: a channel has a ring of sub-buffers for each CPU, in memory that cannot be swapped.
//!
//! Too small, and the tracer discards events under load; too large, and the traced server lacks the memory. Where the
//! user does not say, the rings take an eighth of the memory that is available, and at most 64 MiB for each CPU.

use crate::error::{Error, Result};

/// Sub-buffers of a ring, where the user does not say.
const NUMBER: u64 = 8;
/// Smallest and largest sub-buffer that is chosen.
const SIZES: (u64, u64) = (256 << 10, 8 << 20);
/// Smallest that is taken from the user: a page.
const PAGE: u64 = 4096;

/// The rings of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffers {
    /// Bytes of a sub-buffer; a power of two.
    pub size: u64,
    /// Sub-buffers for each CPU; a power of two.
    pub number: u64,
}

impl Buffers {
    /// What fits `channels` channels with rings for `cpus` CPUs into `available` bytes of memory, with what is asked for.
    ///
    /// # Errors
    /// [`Error::Usage`] for numbers that LTTng does not take, or that need more than half of the memory.
    pub(super) fn choose(
        (size, number): (Option<u64>, Option<u64>),
        channels: u64,
        cpus: u64,
        available: u64,
    ) -> Result<Buffers> {
        check("--subbuf-size", size, PAGE)?;
        check("--num-subbuf", number, 2)?;
        let rings = channels * cpus.max(1);
        let number = number.unwrap_or(NUMBER);
        let fair = power_of_two_up_to(available / 8 / rings / number);
        let size = size.unwrap_or(fair.clamp(SIZES.0, SIZES.1));
        let total = size.saturating_mul(number).saturating_mul(rings);
        if total > available / 2 {
            return Err(Error::usage(
                format!(
                    "the tracer's buffers would take {} MiB, {number} of {} KiB for each of {cpus} CPUs; {} MiB are available",
                    total >> 20,
                    size >> 10,
                    available >> 20
                ),
                "Make them smaller with --subbuf-size and --num-subbuf: half of the memory is left to the server.",
            ));
        }
        Ok(Buffers { size, number })
    }
}

fn check(option: &str, value: Option<u64>, least: u64) -> Result<()> {
    match value {
        Some(n) if !n.is_power_of_two() || n < least => Err(Error::usage(
            format!("{option} {n}: not a power of two from {least} on"),
            format!("Give {}.", n.max(least).next_power_of_two()),
        )),
        _ => Ok(()),
    }
}

fn power_of_two_up_to(n: u64) -> u64 {
    n.checked_ilog2().map_or(0, |bits| 1 << bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(asked: (Option<u64>, Option<u64>), cpus: u64, mib: u64) -> Result<Buffers> {
        Buffers::choose(asked, 1, cpus, mib << 20)
    }

    #[test]
    fn rings_grow_with_the_memory_up_to_a_bound() {
        let of = |cpus, mib| choose((None, None), cpus, mib).unwrap();
        let buffers = |size, number| Buffers { size, number };
        assert_eq!(of(2, 1800), buffers(8 << 20, 8));
        assert_eq!(of(2, 512), buffers(4 << 20, 8));
        assert_eq!(of(2, 20), buffers(256 << 10, 8), "the least");
        assert_eq!(of(64, 1 << 18), buffers(8 << 20, 8), "the most");
        assert!(
            choose((None, None), 64, 100).is_err(),
            "no room even for the least"
        );
        let two = Buffers::choose((None, None), 2, 2, 512 << 20).unwrap();
        assert_eq!(two, buffers(2 << 20, 8), "two channels share");
    }

    #[test]
    fn what_is_asked_for_is_kept_or_refused() {
        let kept = choose((Some(1 << 20), Some(4)), 2, 1024).unwrap();
        assert_eq!((kept.size, kept.number), (1 << 20, 4));
        let e = choose((Some(1_000_000), None), 2, 1024).unwrap_err();
        assert!(e.to_string().contains("--subbuf-size 1000000"), "{e}");
        assert!(e.remedy().contains("1048576"), "{}", e.remedy());
        assert!(choose((None, Some(1)), 2, 1024).is_err());
        let e = choose((Some(64 << 20), Some(8)), 2, 1024).unwrap_err();
        assert!(e.to_string().contains("1024 MiB, 8 of 65536 KiB"), "{e}");
    }
}
