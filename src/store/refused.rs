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

/// What the status in an error of the client's comes after.
const STATUS: &str = "status code: ";
/// What the client says of a connection that ended too early.
const CUT: [&str; 2] = [
    "end of file before message length",
    "connection closed before message completed",
];
/// Where the machines of a cloud ask for the credentials that they have.
const INSTANCE: [&str; 2] = ["169.254.169.254", "metadata.google.internal"];

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

/// How a request is given more time.
fn timeout(kind: Kind) -> &'static str {
    match kind {
        Kind::S3 => "AWS_TIMEOUT",
        Kind::Gcs => "GOOGLE_TIMEOUT",
        Kind::Azure => "AZURE_TIMEOUT",
    }
}

/// The error `e` of a request to `action` the object or folder `path`.
pub(super) fn refused(
    kind: Kind,
    (action, path): (&'static str, &Path),
    e: &object_store::Error,
) -> Error {
    if let object_store::Error::NotFound { .. } = e
        && !is_of_bucket(&causes(e))
    {
        return Error::io(action, path)(io::ErrorKind::NotFound.into());
    }
    let (what, remedy) = meaning(kind, e);
    Error::Store {
        action,
        path: path.to_path_buf(),
        what,
        remedy,
    }
}

/// Whether the bucket itself is missing.
fn is_of_bucket(causes: &[String]) -> bool {
    let code = |cause: &String| NO_BUCKET.iter().any(|code| cause.contains(code));
    causes.iter().any(code)
}

/// What an error means, and what to do about it.
fn meaning(kind: Kind, e: &object_store::Error) -> (String, String) {
    use object_store::Error as Of;
    let whole = causes(e);
    let has = |word: &str| whole.iter().any(|cause| cause.contains(word));
    if is_of_bucket(&whole) {
        let set = endpoint(kind);
        let remedy = format!("Check its name, and {set}; sysds makes no buckets.");
        return ("there is no such bucket".to_owned(), remedy);
    }
    if INSTANCE.iter().any(|host| has(host)) {
        return (
            "there are no credentials: the environment has none, no profile, and this machine no role".to_owned(),
            format!("Set {}.", credentials(kind)),
        );
    }
    match e {
        Of::PermissionDenied { .. } => (
            "the store denies it".to_owned(),
            format!("Give these credentials the right to, or set others: {}.", credentials(kind)),
        ),
        Of::Unauthenticated { .. } => (
            "the store does not know these credentials".to_owned(),
            format!("Set those that it knows: {}.", credentials(kind)),
        ),
        Of::NotSupported { .. } | Of::NotImplemented { .. } => (
            format!("the store cannot do that: {}", last(&whole)),
            "sysds needs a store that puts an object on the condition that it is not there, or has not changed.".to_owned(),
        ),
        _ if has("timed out") => (
            "no answer in time".to_owned(),
            format!(
                "Check that the store can be reached, and its address ({}). Where the line is slow, give each request longer: \
                 {}=120s.",
                endpoint(kind),
                timeout(kind)
            ),
        ),
        _ => (
            last(&whole),
            format!(
                "Check that the store can be reached, its address ({}), and the network; SYSDS_STORE_TRY_SECONDS says how long it \
                 is tried.",
                endpoint(kind)
            ),
        ),
    }
}

/// Whether the store refused a request for what it is, so that the same again would be refused again.
pub(super) fn is_final(e: &object_store::Error) -> bool {
    status_of(e).is_some_and(|status| status.starts_with('4') && !status.starts_with("409"))
}

/// Whether the bytes that were asked for are beyond the end of the object.
pub(super) fn is_beyond(e: &object_store::Error) -> bool {
    status_of(e).is_some_and(|status| status.starts_with("416"))
}

fn status_of(e: &object_store::Error) -> Option<String> {
    let causes = causes(e);
    causes
        .iter()
        .find_map(|cause| status(cause))
        .map(str::to_owned)
}

/// The status in an error of the client's, which is not among its parts that can be seen: `503 Service Unavailable`.
fn status(cause: &str) -> Option<&str> {
    let (_, rest) = cause.split_once(STATUS)?;
    Some(rest.split(':').next().unwrap_or(rest).trim())
}

/// What a store answered, in a few words: its status, and what it says of it in XML.
fn answer(cause: &str) -> Option<String> {
    let status = status(cause);
    let element = |name: &str| {
        let (_, rest) = cause.split_once(&format!("<{name}>"))?;
        let text = rest.split('<').next()?.split_whitespace();
        Some(text.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
    };
    let said = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    };
    match (status, said) {
        (Some(status), Some(said)) => Some(format!("it answers {status} ({said})")),
        (Some(status), None) => Some(format!("it answers {status}")),
        (None, said) => said.map(|said| format!("it answers {said}")),
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
    let has = |word: &&str| causes.iter().any(|cause| cause.contains(*word));
    if CUT.iter().any(has) {
        return "the connection ended in the middle of an answer".to_owned();
    }
    if let Some(answer) = causes.iter().rev().find_map(|cause| answer(cause)) {
        return answer;
    }
    let long = causes.iter().rev().find(|cause| cause.len() > 3);
    let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    long.map(one_line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::Error as Of;

    fn generic(text: &str) -> Of {
        Of::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    fn said(e: &Of) -> String {
        refused(Kind::S3, ("read", Path::new("s3://lab/web")), e).to_string()
    }

    #[test]
    fn an_answer_is_told_without_its_xml() {
        let xml = "Server returned non-2xx status code: 503 Service Unavailable: <?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code>\
                   <Message>Please reduce\n your request rate.</Message></Error>";
        assert_eq!(
            said(&generic(xml)),
            "s3://lab/web: cannot read: it answers 503 Service Unavailable (SlowDown: Please reduce your request rate.)"
        );
        let bare = generic("Server returned non-2xx status code: 500 Internal Server Error: ");
        assert!(said(&bare).ends_with("it answers 500 Internal Server Error"));
    }

    #[test]
    fn a_missing_bucket_is_told_from_a_missing_object() {
        let missing = |text: &str| Of::NotFound {
            path: "web/x".to_owned(),
            source: text.into(),
        };
        let of_bucket =
            missing("status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>");
        assert!(said(&of_bucket).contains("no such bucket"));
        let e = refused(
            Kind::S3,
            ("read", Path::new("s3://lab/web")),
            &missing("404"),
        );
        assert!(crate::foreign::is_absent(&e));
    }

    #[test]
    fn what_would_be_refused_again_is_known() {
        for (status, is) in [
            ("400 Bad Request", true),
            ("409 Conflict", false),
            ("500 X", false),
        ] {
            let e = generic(&format!("Server returned non-2xx status code: {status}: "));
            assert_eq!(is_final(&e), is, "{status}");
        }
        assert!(!is_final(&generic("connection reset")));
    }

    #[test]
    fn what_is_beyond_the_end_of_an_object_is_known() {
        let said = "Server returned non-2xx status code: 416 Range Not Satisfiable: ";
        assert!(is_beyond(&generic(said)));
        assert!(!is_beyond(&generic(
            "an object of 416 bytes: connection reset"
        )));
    }

    #[test]
    fn no_credentials_are_told_from_a_store_that_does_not_answer() {
        let e = generic("Error performing PUT http://169.254.169.254/latest/api/token in 1s");
        assert!(said(&e).contains("no credentials"), "{}", said(&e));
    }
}
