//! The address of a cluster, as the user writes it: `df://HOST:PORT,HOST:PORT`.

use crate::error::{Error, Result};
use url::Url;

/// The scheme of such addresses.
const SCHEME: &str = "df://";
/// The port of executors, where none is named.
const PORT: u16 = 50050;

/// The executors that `text` names, each once.
///
/// # Errors
/// [`Error::Usage`] where it names none.
pub(super) fn executors(text: &str) -> Result<Vec<Url>> {
    let Some(hosts) = text.strip_prefix(SCHEME) else {
        return Err(not_one(text, "it does not begin with df://"));
    };
    let mut all = Vec::new();
    for host in hosts.trim_end_matches('/').split(',') {
        let url = executor(text, host.trim())?;
        if !all.contains(&url) {
            all.push(url);
        }
    }
    Ok(all)
}

fn executor(text: &str, host: &str) -> Result<Url> {
    let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#']);
    let url = plain.then(|| Url::parse(&format!("http://{host}")));
    let Some(Ok(mut url)) = url else {
        return Err(not_one(text, &format!("'{host}' is not HOST or HOST:PORT")));
    };
    // A URL does not tell the port of its scheme.
    let named = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    let port = match (url.port(), named) {
        (Some(port), _) | (None, Some(Ok(port))) => port,
        (None, _) => PORT,
    };
    if url.set_port(Some(port)).is_err() || port == 0 {
        return Err(not_one(text, &format!("'{host}' has no port")));
    }
    Ok(url)
}

fn not_one(text: &str, why: &str) -> Error {
    Error::usage(
        format!("{text}: not the address of a cluster: {why}"),
        format!("Name its executors: df://HOST1:{PORT},HOST2:{PORT}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        let all = executors(text).unwrap();
        all.iter()
            .map(|url| {
                format!(
                    "{}:{}",
                    url.host_str().unwrap(),
                    url.port_or_known_default().unwrap()
                )
            })
            .collect()
    }

    #[test]
    fn executors_are_hosts_with_ports() {
        assert_eq!(named("df://a"), ["a:50050"]);
        assert_eq!(named("df://a:7,b,a:7/"), ["a:7", "b:50050"]);
        assert_eq!(named("df://[::1]:80,[::1]"), ["[::1]:80", "[::1]:50050"]);
    }

    #[test]
    fn what_names_no_executor_is_refused() {
        for text in [
            "", "a:7", "http://a", "df://", "df://a,", "df://a/b", "df://a:x", "df://u@a",
        ] {
            assert!(executors(text).is_err(), "{text}");
        }
    }
}
