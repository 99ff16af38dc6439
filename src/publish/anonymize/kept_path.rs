//! Directories whose names stay: `/a/directory`, or `/a/directory/**` for all that is below.

use std::str::FromStr;

/// A directory that keeps its name, and those of what it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptPath {
    components: Vec<String>,
    below: bool,
}

impl FromStr for KeptPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, below) = match text.strip_suffix("/**") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let components: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        let sound = components
            .iter()
            .all(|c| !matches!(&**c, "" | "." | "..") && !c.contains('*'));
        if text == "/**" {
            return Err(format!(
                "{text} would keep every file name; name the directories that tell nothing, as /usr/**"
            ));
        }
        match text.starts_with('/') && sound {
            true => Ok(KeptPath { components, below }),
            false => Err(format!(
                "{text}: write /a/directory, or /a/directory/** for all that is below"
            )),
        }
    }
}

impl KeptPath {
    /// Whether the last of `path`'s components, under those before it, keeps its name.
    pub(crate) fn keeps(&self, path: &[&str]) -> bool {
        let common = self.components.iter().zip(path).all(|(a, b)| a == b);
        common && (path.len() <= self.components.len() || self.below)
    }
}
