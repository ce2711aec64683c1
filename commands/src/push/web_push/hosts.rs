//! Which push services browsers may name. An endpoint is a URL that a client gives us to call: without a
//! list, it would make us call whatever it wants, also inside our own network.

use hyper::Uri;
use thiserror::Error;

/// Those of Chrome and all that is built on it, Firefox, Edge and Safari.
const DEFAULT: [&str; 4] = [
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
];

/// Where browsers may be reached.
#[derive(Debug, Clone)]
pub struct PushHosts(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Over https, at its port.
    Host(String),
    /// Likewise; any host whose name ends so, from the dot on.
    Below(String),
    /// As it is, unencrypted: `http://host:port`. For tests.
    Plain(String),
}

/// An entry that is no host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be hosts like push.example or *.push.example, with commas between them")]
pub struct InvalidPushHost;

impl Default for PushHosts {
    fn default() -> Self {
        Self(DEFAULT.iter().filter_map(|it| rule(it, false)).collect())
    }
}

impl PushHosts {
    /// Reads a list with commas. `plain`: it may name unencrypted services, as `http://host:port`.
    ///
    /// # Errors
    ///
    /// When an entry is no host.
    pub fn parse(list: &str, plain: bool) -> Result<Self, InvalidPushHost> {
        let rules = list.split(',').map(|it| rule(it.trim(), plain).ok_or(InvalidPushHost));
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `endpoint` is at one of them.
    pub(in crate::push) fn allow(&self, endpoint: &str) -> bool {
        let Ok(uri) = endpoint.parse::<Uri>() else { return false };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return false;
        };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().to_ascii_lowercase();
        let is_secure = scheme == "https" && authority.port_u16().is_none_or(|it| it == 443);
        self.0.iter().any(|rule| match rule {
            Rule::Host(it) => is_secure && host == *it,
            Rule::Below(it) => is_secure && host.strip_suffix(it).is_some_and(|it| !it.is_empty()),
            Rule::Plain(it) => format!("{scheme}://{authority}") == *it,
        })
    }

    /// Whether one of them is unencrypted.
    pub(super) fn has_plain(&self) -> bool {
        self.0.iter().any(|it| matches!(it, Rule::Plain(_)))
    }
}

fn rule(entry: &str, plain: bool) -> Option<Rule> {
    if let Some(authority) = entry.strip_prefix("http://").filter(|_| plain) {
        return (!authority.contains('/')).then(|| Rule::Plain(entry.to_owned()));
    }
    let name = entry.strip_prefix("*.").unwrap_or(entry).to_ascii_lowercase();
    let label =
        |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    // A name without a dot, or a number, is no push service on the internet.
    let is_name = name.contains('.')
        && name.split('.').all(label)
        && name.bytes().any(|it| it.is_ascii_alphabetic());
    if !is_name {
        return None;
    }
    Some(if entry.starts_with("*.") { Rule::Below(format!(".{name}")) } else { Rule::Host(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_reached_where_their_makers_have_them() {
        let hosts = PushHosts::default();
        for endpoint in [
            "https://fcm.googleapis.com/fcm/send/abc",
            "https://FCM.googleapis.com:443/wp/abc",
            "https://updates.push.services.mozilla.com/wpush/v2/abc",
            "https://wns2-par02p.notify.windows.com/w/?token=abc",
            "https://web.push.apple.com/abc",
        ] {
            assert!(hosts.allow(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn nothing_else_is_called() {
        let hosts = PushHosts::default();
        for endpoint in [
            "http://fcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://fcm.googleapis.com.evil.example/x",
            "https://evilfcm.googleapis.com/x",
            "https://fcm.googleapis.com@evil.example/x",
            "https://evil.example@fcm.googleapis.com/x",
            "https://evil.example/fcm.googleapis.com",
            "https://evil.example#fcm.googleapis.com",
            "https://notify.windows.com/x",
            "https://.notify.windows.com/x",
            "https://xnotify.windows.com/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://localhost/x",
            "ftp://fcm.googleapis.com/x",
            "//fcm.googleapis.com/x",
            "/x",
            "",
        ] {
            assert!(!hosts.allow(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn a_list_of_ones_own_takes_the_place_of_the_default() {
        let hosts = PushHosts::parse("push.example, *.push.example", false).unwrap();
        assert!(hosts.allow("https://push.example/1"));
        assert!(hosts.allow("https://eu.push.example/1"));
        assert!(!hosts.allow("https://fcm.googleapis.com/1"));
        for bad in ["", "push.example,", "*", "*.", "localhost", "10.0.0.1", "https://push.example"]
        {
            assert_eq!(PushHosts::parse(bad, false).unwrap_err(), InvalidPushHost, "{bad}");
        }
    }

    #[test]
    fn an_unencrypted_service_is_for_tests_alone() {
        assert!(PushHosts::parse("http://127.0.0.1:9", false).is_err());
        let hosts = PushHosts::parse("http://127.0.0.1:9", true).unwrap();
        assert!(hosts.allow("http://127.0.0.1:9/x"));
        assert!(!hosts.allow("http://127.0.0.1:90/x"));
        assert!(!hosts.allow("https://127.0.0.1:9/x"));
    }
}
