//! The `lttng` command: runs it, reads its list of sessions, and says what it said where it fails.
//!
//! The list is asked for in LTTng's machine interface (XML, since 2.5): what it prints for people changes from version to
//! version; in 2.15 and 2.16 it is another text altogether.
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
pub(super) fn lttng<S: AsRef<OsStr>>(words: &[S], verbose: bool) -> Result<String> {
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
        // Nor the machine interface's answer, which has nothing in it then.
        .filter(|l| !l.is_empty() && !l.starts_with('<'))
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

/// What helps where no session daemon runs.
const START: &str =
    "Start the daemon: systemctl start lttng-sessiond, or lttng-sessiond --daemonize as root.";

/// What helps against what lttng complains of.
fn remedy(said: &str) -> &'static str {
    let known = [
        ("No session daemon", START),
        // What 2.16 says to `list` where there is no daemon.
        ("Failed to list recording sessions", START),
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
pub(super) fn version(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    words.find(|w| {
        let mut parts = w.split('.');
        parts.clone().count() >= 2 && parts.all(|p| p.parse::<u32>().is_ok())
    })
}

/// The words that ask for the list of sessions, or with a session's name for all about it, in XML.
pub(super) const LIST: [&str; 3] = ["--mi", "xml", "list"];

/// Names of the sessions in what [`LIST`] gives.
pub(super) fn sessions(xml: &str) -> Vec<String> {
    let mut names = Vec::new();
    each_leaf(xml, |path, text| {
        if let [.., "session", "name"] = path {
            names.push(text.to_owned());
        }
    });
    names
}

/// What the channels in what [`LIST`] gives for a session have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lost {
    /// `discarded_events`, of all channels.
    pub events: u64,
    /// `lost_packets`.
    pub packets: u64,
}

/// Sums up the losses of a session's channels; nothing where the text does not tell of any channel's.
pub(super) fn lost(xml: &str) -> Option<Lost> {
    let mut lost = Lost::default();
    let (mut told, mut understood) = (false, true);
    each_leaf(xml, |path, text| {
        let sum = match path {
            [.., "channel", "attributes", "discarded_events"] => &mut lost.events,
            [.., "channel", "attributes", "lost_packets"] => &mut lost.packets,
            _ => return,
        };
        told = true;
        match text.trim().parse::<u64>() {
            Ok(n) => *sum += n,
            Err(_) => understood = false,
        }
    });
    (told && understood).then_some(lost)
}

/// Calls `leaf` for each element of LTTng's XML that has a text and no elements, with the names of those that it is in
/// and its own, and its text.
///
/// This reads what LTTng writes: elements, attributes and the five entities; no comments, no CDATA.
fn each_leaf(xml: &str, mut leaf: impl FnMut(&[&str], &str)) {
    let mut path: Vec<&str> = Vec::new();
    let mut opened = false;
    let mut text = "";
    for part in xml.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap_or((part, ""));
        if tag.starts_with('/') {
            if opened {
                leaf(&path, &unescaped(text));
            }
            path.pop();
            opened = false;
        } else if !tag.starts_with('?') && !tag.ends_with('/') {
            path.push(tag.split_whitespace().next().unwrap_or_default());
            opened = true;
            text = after;
        } else {
            opened = false;
        }
    }
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        // Last: what it gives is no entity.
        ("&amp;", "&"),
    ];
    let replaced = |text: String, (name, char): (&str, &str)| text.replace(name, char);
    entities.into_iter().fold(text.to_owned(), replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What LTTng 2.13 prints, and with `trace_format` what 2.16 prints.
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<command \
        xmlns=\"https://lttng.org/xml/ns/lttng-mi\" schemaVersion=\"4.3\"><name>list</name><output><sessions>";
    const TAIL: &str = "</sessions></output></command>\n";

    #[test]
    fn sessions_are_listed_by_name() {
        let text = format!(
            "{HEAD}<session><name>sysds-12-34</name><path>/tmp/x</path><enabled>true</enabled></session>\
             <session><name>my &lt;own&gt; &amp;amp; 1</name><path>/home/me</path><trace_format>CTF_2</trace_format>\
             <enabled>false</enabled><snapshot_mode>0</snapshot_mode></session>{TAIL}"
        );
        assert_eq!(sessions(&text), ["sysds-12-34", "my <own> &amp; 1"]);
        let none = HEAD.replace("<sessions>", "<sessions/>") + "</output></command>";
        assert!(sessions(&none).is_empty());
        assert!(sessions("").is_empty() && sessions("<a").is_empty());
    }

    #[test]
    fn losses_of_all_channels_are_summed_up() {
        let channel = |name: &str, events: &str, packets: &str| {
            format!(
                "<channel><name>{name}</name><enabled>true</enabled><attributes><overwrite_mode>DISCARD</overwrite_mode>\
                 <subbuffer_size>4096</subbuffer_size><discarded_events>{events}</discarded_events>\
                 <lost_packets>{packets}</lost_packets></attributes><events><event><name>every:tick</name>\
                 <type>TRACEPOINT</type><exclusions/></event></events></channel>"
            )
        };
        let session = |channels: &[String]| {
            let (one, rest) = channels.split_at(channels.len().min(1));
            format!(
                "{HEAD}<session><name>sysds-1-2</name><path>/root/out/trace</path><domains>\
                 <domain><type>KERNEL</type><channels>{}</channels></domain>\
                 <domain><type>UST</type><process_attr_trackers/><channels>{}</channels><map_channels/></domain>\
                 </domains></session>{TAIL}",
                one.concat(),
                rest.concat()
            )
        };
        let channels = [
            channel("sysds", "9049", "0"),
            channel("sysds", "1", "0"),
            channel("other", "0", "3"),
        ];
        let expected = Lost {
            events: 9050,
            packets: 3,
        };
        assert_eq!(lost(&session(&channels)), Some(expected));
        assert_eq!(lost(&session(&[])), None);
        assert_eq!(lost(&session(&[channel("c", "many", "0")])), None);
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
