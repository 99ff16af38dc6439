//! The licence of a release: an SPDX expression, the texts behind it, and what others call it.
//!
//! Expressions, names and texts are those of the SPDX licence list, through the crate `spdx`.

use crate::error::{Error, Result};
use spdx::{Expression, LicenseItem};
use std::collections::BTreeMap;

/// Licences by the names that Hugging Face gives them where these are not the SPDX identifiers in small letters.
const HUGGING_FACE: [(&str, &str); 7] = [
    ("ODbL-1.0", "odbl"),
    ("GPL-2.0-only", "gpl-2.0"),
    ("GPL-3.0-only", "gpl-3.0"),
    ("LGPL-3.0-only", "lgpl-3.0"),
    ("AGPL-3.0-only", "agpl-3.0"),
    ("GFDL-1.3-only", "gfdl"),
    ("PDDL-1.0", "pddl"),
];
/// Licences whose SPDX identifiers in small letters Hugging Face knows, of those that data come under.
const SAME: [&str; 17] = [
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-3.0",
    "CC-BY-NC-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-4.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0",
];

/// A licence that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct License {
    /// The expression.
    pub expression: String,
    /// Identifier, full name and text of each licence and exception in it.
    parts: BTreeMap<&'static str, (&'static str, &'static str)>,
}

impl License {
    /// Reads an SPDX expression, as `CC-BY-4.0` or `CC-BY-4.0 OR MIT`.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is none, or names a licence without a text on the SPDX list.
    pub(crate) fn read(text: &str) -> Result<License> {
        let text = text.trim();
        let expression = Expression::parse(text).map_err(|e| {
            let like = spdx::imprecise_license_id(text).map(|(id, _)| id.name);
            Error::usage(
                format!("{text}: not an SPDX licence expression: {}", e.reason),
                match like {
                    Some(name) => format!("Did you mean {name}?"),
                    None => "Write an identifier of https://spdx.org/licenses, as CC-BY-4.0, CC0-1.0 or \
                             CDLA-Permissive-2.0."
                        .to_owned(),
                },
            )
        })?;
        let mut parts = BTreeMap::new();
        for requirement in expression.requirements() {
            let LicenseItem::Spdx { id, .. } = &requirement.req.license else {
                return Err(Error::usage(
                    format!("{text}: a licence of your own has no text that can be shipped"),
                    "Name a licence of https://spdx.org/licenses.",
                ));
            };
            parts.insert(id.name, (id.full_name, id.text()));
            let addition = requirement.req.addition.as_ref();
            if let Some(exception) = addition.and_then(|a| a.id()) {
                parts.insert(exception.name, (exception.name, exception.text()));
            }
        }
        Ok(License {
            expression: text.to_owned(),
            parts,
        })
    }

    /// The file LICENSE.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("SPDX-License-Identifier: {}\n", self.expression);
        for (id, (name, words)) in &self.parts {
            text.push_str(&format!("\n{name} ({id})\n\n{}\n", words.trim()));
        }
        text
    }

    /// The full name, where it is one licence.
    pub(crate) fn name(&self) -> String {
        match self.parts.len() {
            1 => self.parts.values().map(|p| p.0.to_owned()).collect(),
            _ => self.expression.clone(),
        }
    }

    /// Addresses of the licences on the SPDX list.
    pub(crate) fn urls(&self) -> Vec<String> {
        let ids = self.parts.keys();
        ids.map(|id| format!("https://spdx.org/licenses/{id}.html"))
            .collect()
    }

    /// What Hugging Face calls it; `None` where it has no name for it.
    pub(crate) fn hugging_face(&self) -> Option<String> {
        let id = self.expression.as_str();
        let other = HUGGING_FACE.iter().find(|(spdx, _)| *spdx == id);
        match other {
            Some((_, name)) => Some((*name).to_owned()),
            None => SAME.contains(&id).then(|| id.to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_bring_their_texts() {
        let one = License::read("CC-BY-4.0").unwrap();
        assert!(
            one.text()
                .contains("Creative Commons Attribution 4.0 International")
        );
        assert_eq!(one.hugging_face().as_deref(), Some("cc-by-4.0"));
        assert_eq!(one.urls(), ["https://spdx.org/licenses/CC-BY-4.0.html"]);
        let two = License::read("MIT OR CC0-1.0").unwrap();
        assert!(two.text().contains("Permission is hereby granted"));
        assert!(two.text().contains("CC0 1.0 Universal"));
        assert_eq!(two.hugging_face(), None);
    }

    #[test]
    fn what_is_no_licence_is_refused_with_what_is_like_it() {
        let e = License::read("Apache 2").unwrap_err();
        assert!(e.remedy().contains("Apache-2.0"), "{}", e.remedy());
        assert!(License::read("LicenseRef-ours").is_err());
    }
}
