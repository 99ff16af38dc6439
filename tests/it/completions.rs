//! What shells and `man` are told of the program.

use crate::common::*;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The commands that the program's own help names.
fn commands() -> BTreeSet<String> {
    let help = sysds(["--help"]).stdout;
    let help = String::from_utf8(help).unwrap();
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let words = listed
        .lines()
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    words
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("sysds.bash");
    fs::write(&script, sysds(["completions", "bash"]).stdout).unwrap();
    let completed = |words: &[&str]| {
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let program = format!(
            ". {}; COMP_WORDS=({}); COMP_CWORD={}; _sysds sysds '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.join(" ") + if last.is_empty() { " ''" } else { "" },
            words.len() - 1,
        );
        let done = Command::new("bash")
            .arg("-c")
            .arg(program)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", stderr(&done));
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(completed(&["sysds", "ing"]).trim(), "ingest");
    assert!(completed(&["sysds", "publish", "--spl"]).contains("--split"));
    let rules = completed(&["sysds", "ingest", "--requests", ""]);
    for rule in ["connection", "exchange", "httpd", "first-close"] {
        assert!(rules.contains(rule), "{rules}");
    }
}

#[test]
fn each_shell_has_a_script_that_names_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let done = sysds(["completions", shell]);
        assert!(done.status.success());
        let script = String::from_utf8(done.stdout).unwrap();
        for command in commands() {
            assert!(script.contains(&command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn each_command_has_a_man_page_with_its_example() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("share/man1");
    let done = sysds(["man".as_ref(), "-o".as_ref(), folder.as_os_str()]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(folder.join("sysds.1").is_file());
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        let page = fs::read_to_string(folder.join(format!("sysds-{command}.1"))).unwrap();
        assert!(page.contains("Example"), "{command}");
        assert!(page.contains("OPTIONS"), "{command}");
    }
    let done = sysds(["man", "-o", "/dev/null"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("/dev/null"), "{}", stderr(&done));
}
