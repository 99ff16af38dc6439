//! The profiles of Amazon's tools, `~/.aws/credentials` and `~/.aws/config`, which the crate `object_store` does not read.
//!
//! The rules are those of the SDKs: `AWS_PROFILE` (or `AWS_DEFAULT_PROFILE`) names the profile, else it is `default`; the files
//! are elsewhere where `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` say so; in `config` a profile is called
//! `[profile NAME]`; what the credentials' file says goes before the other; what the environment says goes before both.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is set in a profile that a client needs.
const KEYS: [&str; 5] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "region",
    "endpoint_url",
];

/// What is set in a profile whose credentials are made by one of Amazon's tools.
const OF_TOOLS: [&str; 5] = [
    "credential_process",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "login_session",
];

/// The profile that the user named, or `None` for the usual one.
fn named(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"))
}

/// What the user's profile sets, by the names of its files. `variable` tells the environment.
pub(super) fn settings(variable: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let profile = named(variable).unwrap_or_else(|| "default".to_owned());
    let file = |variable_name: &str, usual: &str| -> Option<PathBuf> {
        let elsewhere = variable(variable_name).map(PathBuf::from);
        elsewhere.or_else(|| Some(Path::new(&variable("HOME")?).join(".aws").join(usual)))
    };
    let text = |path: Option<PathBuf>| path.and_then(|path| std::fs::read_to_string(path).ok());
    let config = text(file("AWS_CONFIG_FILE", "config")).unwrap_or_default();
    let credentials = text(file("AWS_SHARED_CREDENTIALS_FILE", "credentials")).unwrap_or_default();
    let mut found = section(&config, |name| {
        name.strip_prefix("profile ")
            .map_or(name == "default" && profile == "default", |name| {
                name.trim() == profile
            })
    });
    found.extend(section(&credentials, |name| name == profile));
    found
}

/// Whether the profile that the user named is there, and has keys that this program can use.
///
/// # Errors
/// [`Error::Usage`] where it is not, or one of Amazon's tools has to make its keys.
pub(super) fn check(variable: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let (profile, found) = (named(variable), settings(variable));
    if variable("AWS_ACCESS_KEY_ID").is_some() || found.contains_key("aws_access_key_id") {
        return Ok(());
    }
    let shown = profile.as_deref().unwrap_or("default");
    if let Some(tool) = OF_TOOLS.iter().find(|key| found.contains_key(**key)) {
        return Err(Error::usage(
            format!(
                "the profile {shown} has no keys of its own, but {tool}, which only Amazon's tools know to use"
            ),
            format!(
                "Have them make keys for the environment: eval \"$(aws configure export-credentials --profile {shown} --format env)\""
            ),
        ));
    }
    match profile {
        Some(profile) if found.is_empty() => Err(Error::usage(
            format!(
                "AWS_PROFILE={profile}: no such profile in ~/.aws/credentials and ~/.aws/config"
            ),
            "Name one that is there (aws configure list-profiles), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )),
        _ => Ok(()),
    }
}

/// What the sections say whose names `chosen` takes.
fn section(text: &str, chosen: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut inside = false;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        // What is set below another setting is indented.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(name) = line
            .trim_end()
            .strip_prefix('[')
            .and_then(|l| l.strip_suffix(']'))
        {
            inside = chosen(name.trim());
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && (KEYS.contains(&key.trim()) || OF_TOOLS.contains(&key.trim()))
        {
            found.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_that_is_named_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let config = "[default]\nregion = us-east-1\n# no\n[profile lab]\nregion=eu-north-1\nendpoint_url = http://lab:9000\n\
                      s3 =\n  region = never\n[profile lab2]\nregion = x\n";
        std::fs::write(at("config"), config).unwrap();
        let credentials = "[default]\naws_access_key_id=a\n[lab]\naws_access_key_id = b\naws_secret_access_key = c=d\n";
        std::fs::write(at("credentials"), credentials).unwrap();
        let with = |profile: Option<&str>| {
            settings(&|name| match name {
                "AWS_PROFILE" => profile.map(str::to_owned),
                "AWS_CONFIG_FILE" => Some(at("config")),
                "AWS_SHARED_CREDENTIALS_FILE" => Some(at("credentials")),
                _ => None,
            })
        };
        let pairs = |found: BTreeMap<String, String>| {
            found
                .into_iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            pairs(with(None)),
            ["aws_access_key_id=a", "region=us-east-1"]
        );
        assert_eq!(
            pairs(with(Some("lab"))),
            [
                "aws_access_key_id=b",
                "aws_secret_access_key=c=d",
                "endpoint_url=http://lab:9000",
                "region=eu-north-1"
            ]
        );
        assert!(with(Some("none")).is_empty());
    }

    #[test]
    fn a_profile_that_has_no_keys_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        std::fs::write(
            &config,
            "[profile lab]\nsso_session = a\nregion = x\n[profile bare]\nregion = y\n",
        )
        .unwrap();
        let with = |profile: Option<&str>, key: Option<&str>| {
            check(&|name| match name {
                "AWS_PROFILE" => profile.map(str::to_owned),
                "AWS_ACCESS_KEY_ID" => key.map(str::to_owned),
                "AWS_CONFIG_FILE" => config.to_str().map(str::to_owned),
                _ => None,
            })
        };
        let told = |profile: &str| with(Some(profile), None).unwrap_err().to_string();
        assert!(told("lab").contains("sso_session"), "{}", told("lab"));
        assert!(told("none").contains("no such profile"));
        // The machine may have a role.
        assert!(with(Some("bare"), None).is_ok() && with(None, None).is_ok());
        assert!(with(Some("lab"), Some("key")).is_ok());
    }
}
