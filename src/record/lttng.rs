//! The `lttng` command: runs it, reads its list of sessions, and says what it said where it fails.
//!
//! Everything goes through the command and not through liblttng-ctl, so that the program runs where LTTng is not, and so
//! that what it does can be repeated by hand: `--verbose` shows each call.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Runs `lttng` with these words and gives what it printed.
///
/// # Errors
/// [`Error::Tracer`] with the words and what it said, where it is missing or its status is not 0.
pub fn lttng<S: AsRef<OsStr>>(words: &[S], verbose: bool) -> Result<String> {
    let line = || {
        let words = words.iter().map(|w| w.as_ref().to_string_lossy());
        format!("lttng {}", words.collect::<Vec<_>>().join(" "))
    };
    if verbose {
        crate::say!("+ {}", line());
    }
    // In its own process group: a Ctrl-C is for sysds, which then ends the session in order.
    let mut command = Command::new("lttng");
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let output = command
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| {
            Error::tracer(
                format!("cannot run lttng: {e}"),
                "Install LTTng's tools (on Debian and Ubuntu: apt-get install lttng-tools).",
            )
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let said: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    Err(Error::tracer(
        format!(
            "`{}` failed ({}): {}",
            line(),
            output.status,
            said.join("; ")
        ),
        remedy(&said.join("\n")),
    ))
}

/// What helps against what lttng complains of.
fn remedy(said: &str) -> &'static str {
    let known = [
        (
            "No session daemon",
            "Start the daemon: systemctl start lttng-sessiond, or lttng-sessiond --daemonize as root.",
        ),
        (
            "Kernel tracer not available",
            "Load the modules: modprobe lttng-tracer, then restart lttng-sessiond. Where they are missing: apt-get install lttng-modules-dkms.",
        ),
        (
            "Not enough memory",
            "Make the buffers smaller with --subbuf-size and --num-subbuf.",
        ),
        (
            "ernel",
            "Run it as root, or as a member of the group tracing while root's lttng-sessiond runs; see dmesg for the kernel's reasons.",
        ),
    ];
    let found = known.iter().find(|(words, _)| said.contains(words));
    found.map_or(
        "Try the command by hand; --verbose shows all of them.",
        |(_, remedy)| remedy,
    )
}

/// The version in what `lttng --version` prints: `lttng (LTTng Trace Control) 2.13.9 - Nordicité`.
pub fn version(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    words.find(|w| {
        let mut parts = w.split('.');
        parts.clone().count() >= 2 && parts.all(|p| p.parse::<u32>().is_ok())
    })
}

/// Names of the sessions in what `lttng list` prints: `  1) NAME [active]`, also `(/path) [inactive]` before 2.12.
pub fn sessions(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let (number, rest) = line.trim_start().split_once(") ")?;
        number.parse::<u32>().ok()?;
        let name = rest.rsplit_once(" [").map_or(rest, |(name, _)| name);
        let name = name.split_once(" (").map_or(name, |(name, _)| name);
        Some(name.trim().to_owned())
    });
    names.collect()
}

/// What the channels in what `lttng list SESSION` prints have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// `Discarded events: N`, of all channels.
    pub events: u64,
    /// `Lost packets: N`.
    pub packets: u64,
}

/// Sums up the losses of a session's channels; nothing where the text does not tell of any channel's.
pub fn lost(text: &str) -> Option<Lost> {
    let mut lost = Lost::default();
    let mut channels = 0;
    for line in text.lines().map(str::trim) {
        if let Some(n) = line.strip_prefix("Discarded events:") {
            lost.events += n.trim().parse::<u64>().ok()?;
            channels += 1;
        }
        if let Some(n) = line.strip_prefix("Lost packets:") {
            lost.packets += n.trim().parse::<u64>().ok()?;
            channels += 1;
        }
    }
    (channels > 0).then_some(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_listed_by_name() {
        let text = "\
Available recording sessions:
  1) sysds-12-34 [active]
    Trace output: /tmp/1) not a session

  2) my own [inactive]
    Trace output: /home/me/lttng-traces/x


Use lttng list <session_name> for more details
";
        assert_eq!(sessions(text), ["sysds-12-34", "my own"]);
        assert_eq!(
            sessions("  1) auto-1 (/root/lttng-traces/auto-1) [inactive]\n"),
            ["auto-1"]
        );
        assert!(sessions("Currently no available recording session\n").is_empty());
    }

    #[test]
    fn losses_of_all_channels_are_summed_up() {
        let text = "\
Recording session sysds-1-2: [inactive]
    Trace output: /root/out/trace

=== Domain: Linux kernel ===

Channels:
-------------
- sysds: [enabled]

    Attributes:
      Event-loss mode:  discard
      Sub-buffer size:  1048576 bytes
      Sub-buffer count: 8

    Statistics:
      Discarded events: 9049

    Recording event rules:
      * (type: syscall) [enabled]

=== Domain: User space ===

- sysds: [enabled]

    Statistics:
      Discarded events: 1
- other: [enabled]

    Statistics:
      Lost packets: 3
";
        let expected = Lost {
            events: 9050,
            packets: 3,
        };
        assert_eq!(lost(text), Some(expected));
        assert_eq!(lost("Recording session x: [inactive]\n"), None);
        assert_eq!(lost("Discarded events: many"), None);
    }

    #[test]
    fn versions_are_told_from_names() {
        let of = |text| version(text).map(str::to_owned);
        assert_eq!(
            of("lttng (LTTng Trace Control) 2.13.9 - Nordicité").as_deref(),
            Some("2.13.9")
        );
        assert_eq!(of("lttng version 2.14.0-rc1").as_deref(), None);
        assert_eq!(
            of("lttng (LTTng Trace Control) 2.9").as_deref(),
            Some("2.9")
        );
    }
}
