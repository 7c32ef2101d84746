//! Where the API is: which URLs are its own, and which redirects may be followed.

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri};

use crate::call::Call;
use crate::error::{Error, Result, one_line};

/// The base of the API, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or `/api/v3` of a GitHub Enterprise Server.
    prefix: String,
}

impl Address {
    pub(crate) fn new(api_url: &str) -> Result<Self> {
        let unusable = || {
            Error::settings(format!(
                "`{}` is no address of an API (hint: https://api.github.com, or https://HOST/api/v3)",
                one_line(api_url)
            ))
        };
        let parts = api_url.parse::<Uri>().map_err(|_| unusable())?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(unusable());
        };
        let known = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        if !known || authority.as_str().contains('@') {
            return Err(unusable());
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        Ok(Self {
            scheme,
            authority,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// The whole URL of a target below the base.
    pub(crate) fn url(&self, target: &str) -> String {
        format!(
            "{}://{}{}{target}",
            self.scheme, self.authority, self.prefix
        )
    }

    pub(crate) fn uri(&self, target: &str, what: &str) -> Result<Uri> {
        self.url(target)
            .parse()
            .map_err(|_| Error::bad_answer(what, "not an address"))
    }

    /// Whether the token may go there.
    pub(crate) fn is_ours(&self, url: &Uri) -> bool {
        url.scheme() == Some(&self.scheme) && url.authority() == Some(&self.authority)
    }

    /// The target of an absolute URL, which must be one of this API.
    pub(crate) fn own_target(&self, url: &str, what: &str) -> Result<String> {
        let elsewhere = || Error::bad_answer(what, "the next page is elsewhere");
        let uri: Uri = url.parse().map_err(|_| elsewhere())?;
        let path = uri.path_and_query().ok_or_else(elsewhere)?.as_str();
        let target = path.strip_prefix(self.prefix.as_str());
        match target {
            Some(target) if self.is_ours(&uri) && target.starts_with('/') => Ok(target.to_owned()),
            _ => Err(elsewhere()),
        }
    }

    /// Where a redirect leads; none when the answer is no redirect.
    ///
    /// A read may be sent anywhere (without the token, see [`Address::is_ours`]) but never from https to http; a write only within the API, and
    /// only when the method stays.
    pub(crate) fn redirect(
        &self,
        from: &Uri,
        call: &Call,
        status: u16,
        headers: &HeaderMap,
    ) -> Result<Option<Uri>> {
        if !matches!(status, 301 | 302 | 307 | 308) {
            return Ok(None);
        }
        let refused = |why| Err(Error::bad_answer(&call.what, why));
        let Some(to) = headers
            .get("location")
            .and_then(|to| self.resolve(to.to_str().ok()?))
        else {
            return refused("redirected nowhere");
        };
        if from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
            return refused("redirected to an open connection");
        }
        let keeps_method = matches!(status, 307 | 308);
        let allowed = call.is_read() || (keeps_method && self.is_ours(&to));
        if !allowed {
            return refused(
                "redirected (hint: the repository was renamed or moved; use its new name)",
            );
        }
        Ok(Some(to))
    }

    fn resolve(&self, location: &str) -> Option<Uri> {
        if location.starts_with('/') && !location.starts_with("//") {
            return format!("{}://{}{location}", self.scheme, self.authority)
                .parse()
                .ok();
        }
        let uri: Uri = location.parse().ok()?;
        let known = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        (known && uri.authority().is_some()).then_some(uri)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, Uri};

    use super::Address;
    use crate::call::Call;

    fn enterprise() -> Address {
        Address::new("https://ghe.example.org/api/v3/").unwrap()
    }

    fn redirect(method: Method, status: u16, location: &str) -> Result<Option<Uri>, String> {
        let call = Call {
            method,
            ..Call::get("/x".to_owned(), "asking".to_owned(), "")
        };
        let from = Uri::from_static("https://ghe.example.org/api/v3/x");
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_str(location).unwrap());
        enterprise()
            .redirect(&from, &call, status, &headers)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_of_an_enterprise_server_is_kept() {
        assert_eq!(
            enterprise().url("/repos/a/b"),
            "https://ghe.example.org/api/v3/repos/a/b"
        );
    }

    #[test]
    fn pages_stay_within_the_api() {
        let target = |url| enterprise().own_target(url, "").ok();
        assert_eq!(
            target("https://ghe.example.org/api/v3/x?page=2").as_deref(),
            Some("/x?page=2")
        );
        for bad in [
            "https://evil.example/api/v3/x",
            "http://ghe.example.org/api/v3/x",
            "https://ghe.example.org/other",
            "nonsense",
        ] {
            assert_eq!(target(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_token_goes_to_the_api_only() {
        let ours = |url: &str| enterprise().is_ours(&url.parse().unwrap());
        assert!(ours("https://ghe.example.org/anything"));
        assert!(!ours("http://ghe.example.org/anything"));
        assert!(!ours("https://ghe.example.org:8443/anything"));
        assert!(!ours("https://ghe.example.org.evil.example/"));
    }

    #[test]
    fn a_read_follows_a_redirect_anywhere_but_to_an_open_connection() {
        assert_eq!(
            redirect(Method::GET, 302, "https://blob.example/z?sig=1"),
            Ok(Some(Uri::from_static("https://blob.example/z?sig=1")))
        );
        assert_eq!(
            redirect(Method::GET, 301, "/api/v3/repositories/1"),
            Ok(Some(Uri::from_static(
                "https://ghe.example.org/api/v3/repositories/1"
            )))
        );
        assert!(redirect(Method::GET, 302, "http://blob.example/z").is_err());
        assert!(redirect(Method::GET, 302, "ftp://blob.example/z").is_err());
        assert_eq!(redirect(Method::GET, 304, "/y"), Ok(None));
    }

    #[test]
    fn a_write_follows_only_within_the_api_and_with_its_method() {
        assert!(redirect(Method::POST, 307, "https://ghe.example.org/api/v3/y").is_ok());
        assert!(redirect(Method::POST, 307, "https://evil.example/y").is_err());
        assert!(redirect(Method::POST, 301, "https://ghe.example.org/api/v3/y").is_err());
    }

    #[test]
    fn an_address_with_a_name_and_a_password_is_refused() {
        for bad in ["https://a:b@x.example", "ftp://x", "x", "", "/api"] {
            assert!(Address::new(bad).is_err(), "{bad}");
        }
    }
}
