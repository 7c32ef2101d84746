//! Which connections go through a proxy: by the variables and the rules of curl, so that whatever fetched the binary and the binary go the same way.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret as _, SecretString};

use crate::lost::Lost;

/// The proxies of this machine. Without any, every connection is direct.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Given>,
    https: Option<Given>,
    no: String,
}

/// A variable and its value, which may hold a password.
#[derive(Clone, Debug)]
struct Given {
    variable: &'static str,
    value: SecretString,
}

/// A proxy to go through.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Scheme, host and port.
    pub uri: Uri,
    /// `Proxy-Authorization`, marked so that no debug output shows it.
    pub auth: Option<HeaderValue>,
    /// Where it was named.
    pub variable: &'static str,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.uri.authority().map_or("", |host| host.as_str());
        write!(f, "the proxy {host} (of {})", self.variable)
    }
}

impl Proxies {
    /// Reads `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, each also in capitals, from what `variable` knows. As with curl the small
    /// letters go first, an empty value is none, and loopback is no exception unless `no_proxy` says so.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.trim().is_empty())?;
                Some((name, value))
            })
        };
        let given = |names| {
            first(names).map(|(variable, value)| Given {
                variable,
                value: SecretString::from(value.trim()),
            })
        };
        let all = given(["all_proxy", "ALL_PROXY"]);
        Self {
            http: given(["http_proxy", "HTTP_PROXY"]).or_else(|| all.clone()),
            https: given(["https_proxy", "HTTPS_PROXY"]).or(all),
            no: first(["no_proxy", "NO_PROXY"]).map_or_else(String::new, |(_, value)| value),
        }
    }

    /// The proxy on the way to `to`; none for a direct connection.
    pub(crate) fn route(&self, to: &Uri) -> Result<Option<Proxy>, Lost> {
        let given = match to.scheme_str() {
            Some("https") => &self.https,
            _ => &self.http,
        };
        match given {
            Some(given) if !self.is_exempt(to) => given.proxy(to).map(Some),
            _ => Ok(None),
        }
    }

    fn is_exempt(&self, to: &Uri) -> bool {
        // The star stands alone and means every host, addresses too.
        if self.no.trim() == "*" {
            return true;
        }
        let commas = self.no.split_whitespace().collect::<Vec<_>>().join(",");
        let rules = Matcher::builder().all("http://any").no(commas).build();
        rules.intercept(to).is_none()
    }
}

impl Given {
    fn proxy(&self, to: &Uri) -> Result<Proxy, Lost> {
        let value = self.value.expose_secret();
        let found = Matcher::builder().all(value).build().intercept(to);
        let proxy = found.and_then(|found| {
            // A `#` or `/` in a password ends the host for whoever reads the address.
            let is_whole = found.basic_auth().is_some() || !value.contains('@');
            is_whole.then_some(Proxy {
                uri: with_port(found.uri())?,
                auth: found.basic_auth().cloned(),
                variable: self.variable,
            })
        });
        proxy.ok_or_else(|| Lost::Unreachable {
            why: format!("{} names no proxy that can be used", self.variable),
            hint: "write http://HOST:PORT or http://NAME:PASSWORD@HOST:PORT with % codes for special characters; SOCKS is not spoken".to_owned(),
        })
    }
}

/// The ports that curl takes when none is given. None for a scheme that is not spoken.
fn with_port(proxy: &Uri) -> Option<Uri> {
    let (scheme, port) = match proxy.scheme_str()? {
        "http" => ("http", 1080),
        "https" => ("https", 443),
        _ => return None,
    };
    let (host, port) = (proxy.host()?, proxy.port_u16().unwrap_or(port));
    format!("{scheme}://{host}:{port}").parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::{Proxies, Proxy};

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn route(variables: &[(&str, &str)], to: &str) -> Option<Proxy> {
        let to: Uri = to.parse().unwrap();
        proxies(variables).route(&to).unwrap()
    }

    fn host(variables: &[(&str, &str)], to: &str) -> String {
        route(variables, to).map_or_else(String::new, |proxy| proxy.uri.to_string())
    }

    const API: &str = "https://api.github.com/repos";

    #[test]
    fn each_scheme_has_its_variable_and_all_is_for_the_rest() {
        let given = [("https_proxy", "http://a:1"), ("ALL_PROXY", "http://b:2")];
        assert_eq!(host(&given, API), "http://a:1/");
        assert_eq!(host(&given, "http://ghe.example/"), "http://b:2/");
        assert_eq!(host(&[("HTTP_PROXY", "http://a:1")], API), "");
        assert_eq!(host(&[], API), "");
    }

    #[test]
    fn small_letters_go_first_and_empty_is_none() {
        let both = |small| [("https_proxy", small), ("HTTPS_PROXY", "http://big:1")];
        assert_eq!(host(&both("http://small:1"), API), "http://small:1/");
        assert_eq!(host(&both(" "), API), "http://big:1/");
    }

    #[test]
    fn scheme_and_port_may_be_left_out_as_with_curl() {
        for (given, proxy) in [
            ("proxy.example:3128", "http://proxy.example:3128/"),
            ("proxy.example", "http://proxy.example:1080/"),
            ("https://proxy.example", "https://proxy.example:443/"),
            ("http://[::1]:3128/", "http://[::1]:3128/"),
        ] {
            assert_eq!(host(&[("HTTPS_PROXY", given)], API), proxy);
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_and_networks() {
        let goes_direct = |no: &str, to: &str| {
            let given = [("ALL_PROXY", "http://p:1"), ("NO_PROXY", no)];
            route(&given, to).is_none()
        };
        for (no, to) in [
            ("*", API),
            ("*", "http://127.0.0.1:8080/"),
            ("github.com", API),
            (".github.com", API),
            ("x.example, API.GitHub.com", API),
            ("x.example api.github.com", API),
            ("127.0.0.1", "http://127.0.0.1:8080/"),
            ("127.0.0.0/8", "http://127.0.0.1:8080/"),
            ("localhost", "http://localhost:8080/"),
            ("::1", "http://[::1]:8080/"),
        ] {
            assert!(goes_direct(no, to), "{no} {to}");
        }
        for (no, to) in [
            ("", "http://127.0.0.1:8080/"),
            ("localhost", "http://127.0.0.1:8080/"),
            ("127.0.0.1", "http://127.0.0.2/"),
            ("hub.com", API),
            ("api.github.com.example", API),
        ] {
            assert!(!goes_direct(no, to), "{no} {to}");
        }
    }

    #[test]
    fn name_and_password_become_a_header_that_nothing_shows() {
        let given = [("HTTPS_PROXY", "http://jo:hu%40sh@p:1")];
        let proxy = route(&given, API).unwrap();
        let auth = proxy.auth.clone().unwrap();
        assert_eq!(auth, "Basic am86aHVAc2g=");
        let shown = format!("{proxy} {proxy:?} {:?}", proxies(&given));
        assert!(!shown.contains("hu") && !shown.contains("am86"), "{shown}");
        assert_eq!(proxy.to_string(), "the proxy p:1 (of HTTPS_PROXY)");
    }

    #[test]
    fn what_names_no_proxy_is_said_and_never_shown() {
        for bad in [
            "http://",
            "socks5://hush:1",
            "ftp://hush:1",
            "http://jo:12#hush@p:1",
            "http://jo:12/hush@p:1",
            "http://hu sh:1",
        ] {
            let to: Uri = API.parse().unwrap();
            let error = proxies(&[("HTTPS_PROXY", bad)]).route(&to).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("HTTPS_PROXY"), "{bad}: {shown}");
            assert!(!shown.contains("hush") && !shown.contains("jo"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics_or_shows_itself(value in "\\PC{0,30}", no in "\\PC{0,30}") {
            let value = format!("http://hush:{value}@p:1");
            let given = [("ALL_PROXY", value.as_str()), ("NO_PROXY", &no)];
            let routed = proxies(&given).route(&API.parse().unwrap());
            let shown = format!("{routed:?}");
            prop_assert!(!shown.contains("hush"), "{}", shown);
        }
    }
}
