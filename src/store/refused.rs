//! What an error of a store means, and what to do about it.

use super::address::Kind;
use crate::error::Error;
use std::error::Error as _;
use std::io;
use std::path::Path;

/// Codes by which stores say that the bucket or container itself is not there.
const NO_BUCKET: [&str; 3] = [
    "NoSuchBucket",
    "ContainerNotFound",
    "The specified bucket does not exist",
];

/// What a user can set so that a store of this kind lets him in.
fn credentials(kind: Kind) -> &'static str {
    match kind {
        Kind::S3 => "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        Kind::Gcs => "GOOGLE_APPLICATION_CREDENTIALS",
        Kind::Azure => "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    }
}

/// How the address of another server than the usual one is set.
fn endpoint(kind: Kind) -> &'static str {
    match kind {
        Kind::S3 => "AWS_ENDPOINT_URL and AWS_REGION",
        Kind::Gcs => "GOOGLE_SERVICE_ACCOUNT",
        Kind::Azure => "AZURE_STORAGE_ENDPOINT",
    }
}

/// The error `e` of a request to `action` the object or folder `path`.
pub(super) fn refused(
    kind: Kind,
    (action, path): (&'static str, &Path),
    e: &object_store::Error,
) -> Error {
    use object_store::Error as Of;
    let store = |what: String, remedy: String| Error::Store {
        action,
        path: path.to_path_buf(),
        what,
        remedy,
    };
    let whole = causes(e);
    if NO_BUCKET
        .iter()
        .any(|code| whole.iter().any(|cause| cause.contains(code)))
    {
        return store(
            "there is no such bucket".to_owned(),
            format!(
                "Check its name, and {}; sysds makes no buckets.",
                endpoint(kind)
            ),
        );
    }
    match e {
        Of::NotFound { .. } => Error::io(action, path)(io::ErrorKind::NotFound.into()),
        Of::PermissionDenied { .. } => store(
            "the store denies it".to_owned(),
            format!("Give these credentials the right to, or set others: {}.", credentials(kind)),
        ),
        Of::Unauthenticated { .. } => store(
            "the store does not know these credentials".to_owned(),
            format!("Set those that it knows: {}.", credentials(kind)),
        ),
        Of::NotSupported { .. } | Of::NotImplemented { .. } => store(
            format!("the store cannot do that: {}", last(&whole)),
            "sysds needs a store that puts an object on the condition that it is not there, or has not changed.".to_owned(),
        ),
        _ => store(
            last(&whole),
            format!("Check that the store can be reached, its address ({}), and the network.", endpoint(kind)),
        ),
    }
}

/// What an error says, and what caused it, and so on.
fn causes(e: &object_store::Error) -> Vec<String> {
    let mut all = vec![e.to_string()];
    let mut cause = e.source();
    while let Some(e) = cause {
        all.push(e.to_string());
        cause = e.source();
    }
    all
}

/// The words nearest to the cause.
fn last(causes: &[String]) -> String {
    let long = causes.iter().rev().find(|cause| cause.len() > 3);
    let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    long.map(one_line).unwrap_or_default()
}
