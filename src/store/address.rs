//! The address of a folder in an object store, as the user writes it: `s3://BUCKET/FOLDER`.

use crate::error::{Error, Result};
use crate::shown::path_text;
use std::path::{Path, PathBuf};
use url::Url;

/// What answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Amazon S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// The addresses of each kind, and the feature by which the program can speak to it.
const KINDS: [(Kind, &[&str], &str, bool); 3] = [
    (Kind::S3, &["s3", "s3a"], "s3", cfg!(feature = "s3")),
    (Kind::Gcs, &["gs"], "gcs", cfg!(feature = "gcs")),
    (
        Kind::Azure,
        &["az", "azure", "adl", "abfs", "abfss"],
        "azure",
        cfg!(feature = "azure"),
    ),
];

/// A folder in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub kind: Kind,
    /// Of the bucket or container: `s3://BUCKET`.
    pub bucket: Url,
    /// The folder in it; empty for all of it.
    pub folder: object_store::path::Path,
}

/// What a user's argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// Something on a disk.
    Disk(PathBuf),
    /// A folder in a store.
    Store(Address),
}

impl Named {
    /// What `argument` names: a URL where it begins as one, else a path.
    ///
    /// # Errors
    /// [`Error::Usage`] for URLs that name no folder, and those of a kind that this build cannot speak to.
    pub(crate) fn of(argument: &Path) -> Result<Named> {
        let disk = || Ok(Named::Disk(argument.to_path_buf()));
        let Some(text) = argument.to_str() else {
            return disk();
        };
        let Some((scheme, _)) = text.split_once("://") else {
            return disk();
        };
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(is_scheme) {
            return disk();
        }
        let url = Url::parse(text).map_err(|e| not_one(text, &e.to_string()))?;
        if url.scheme() == "file" {
            let path = url.to_file_path();
            let path = path.map_err(|()| not_one(text, "of another machine"))?;
            return Ok(Named::Disk(path));
        }
        address(text, url).map(Named::Store)
    }
}

fn address(text: &str, url: Url) -> Result<Address> {
    let known = KINDS
        .iter()
        .find(|(_, schemes, ..)| schemes.contains(&url.scheme()));
    let Some((kind, _, feature, built)) = known else {
        let all: Vec<&str> = KINDS
            .iter()
            .flat_map(|(_, schemes, ..)| *schemes)
            .copied()
            .collect();
        return Err(Error::usage(
            format!("{text}: not a kind of address that this program knows"),
            format!("It knows {}:// and file://, and paths.", all.join("://, ")),
        ));
    };
    if !built {
        return Err(Error::usage(
            format!("{text}: this build of sysds cannot speak to such a store"),
            format!("Build it with the feature {feature}: cargo install --features {feature} …"),
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(not_one(text, "without the name of a bucket"));
    }
    if url.query().is_some() || url.fragment().is_some() || url.password().is_some() {
        return Err(not_one(text, "with more than a bucket and a folder"));
    }
    let folder = object_store::path::Path::from_url_path(url.path());
    let folder = folder.map_err(|e| not_one(text, &e.to_string()))?;
    let mut bucket = url;
    bucket.set_path("");
    Ok(Address {
        kind: *kind,
        bucket,
        folder,
    })
}

fn not_one(text: &str, why: &str) -> Error {
    Error::usage(
        format!("{text}: not the address of a folder: {why}"),
        "Name it as s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER.",
    )
}

impl Address {
    /// How errors and messages call it.
    pub(crate) fn text(&self) -> String {
        match self.folder.as_ref() {
            "" => self.bucket.as_str().to_owned(),
            folder => format!("{}/{folder}", self.bucket),
        }
    }

    /// The object `name` in the folder.
    pub(crate) fn object(&self, name: &Path) -> object_store::path::Path {
        let name = path_text(name);
        let key = match (self.folder.as_ref(), &*name) {
            (folder, "") => folder.to_owned(),
            ("", name) => name.to_owned(),
            (folder, name) => format!("{folder}/{name}"),
        };
        // As it is: the crate would write some characters otherwise, and other programs would not find the object.
        object_store::path::Path::parse(key).unwrap_or_else(|_| self.folder.clone().join(&*name))
    }

    /// The URL of the object `name`.
    pub(crate) fn url(&self, name: &Path) -> String {
        let mut url = self.bucket.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .clear()
                .extend(self.object(name).as_ref().split('/'));
        }
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_known_from_paths() {
        for path in ["web", "/a/b", "a:/b", "s3:/x", "./s3://x", "a b://c", "://"] {
            let named = Named::of(Path::new(path)).unwrap();
            assert_eq!(named, Named::Disk(PathBuf::from(path)), "{path}");
        }
        let file = Named::of(Path::new("file:///data/a%20b")).unwrap();
        assert_eq!(file, Named::Disk(PathBuf::from("/data/a b")));
    }

    #[test]
    #[cfg(feature = "s3")]
    fn a_folder_in_a_bucket() {
        let address = |text: &str| match Named::of(Path::new(text)).unwrap() {
            Named::Store(address) => address,
            Named::Disk(path) => panic!("{path:?}"),
        };
        let web = address("s3://lab/data/web/");
        assert_eq!(
            (web.kind, web.text().as_str()),
            (Kind::S3, "s3://lab/data/web")
        );
        assert_eq!(
            web.object(Path::new("events/trace_id=a/x")).as_ref(),
            "data/web/events/trace_id=a/x"
        );
        assert_eq!(address("s3://lab").text(), "s3://lab");
        let odd = Path::new("events/trace_id=a%3Db c/x");
        assert_eq!(
            web.object(odd).as_ref(),
            "data/web/events/trace_id=a%3Db c/x"
        );
        assert_eq!(
            web.url(odd),
            "s3://lab/data/web/events/trace_id=a%253Db%20c/x"
        );
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (text, why) in [
            ("ftp://a/b", "not a kind of address"),
            ("s3:///b", "bucket"),
            ("s3://a/b?versionId=1", "more than"),
            ("s3://a/b//c", "not the address"),
        ] {
            let e = Named::of(Path::new(text)).unwrap_err().to_string();
            assert!(e.contains(why), "{text}: {e}");
        }
    }
}
