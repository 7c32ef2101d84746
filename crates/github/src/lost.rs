//! Why there is no complete answer, read from the errors of the libraries below.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::CertificateError;

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Connecting, sending or receiving failed, or took too long.
    Broken(String),
    /// There is no way to the host as this machine is set up; asking again changes nothing.
    Unreachable { why: String, hint: String },
    /// The answer is larger than the limit.
    TooLarge,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => f.write_str(why),
            Self::Unreachable { why, hint } => write!(f, "{why} (hint: {hint})"),
            Self::TooLarge => f.write_str("the answer is too large"),
        }
    }
}

impl StdError for Lost {}

const UNTRUSTED: &str = "SSL_CERT_FILE names a file with the certificates to trust, SSL_CERT_DIR a folder; both take the place of those of the machine";
const NOT_NOW: &str = "look at the clock of this machine and at the dates of the certificate";
const OTHER_NAME: &str = "write the address with the name that the certificate has";

impl Lost {
    /// What went wrong between us and `host`: what our own code said of it, else the innermost cause, because "connection refused" says more than
    /// "client error".
    pub(crate) fn of(error: &(dyn StdError + 'static), host: &str) -> Self {
        let mut cause = error;
        loop {
            if let Some(lost) = cause.downcast_ref::<Self>() {
                return lost.clone();
            }
            if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() {
                return untrusted(why, host);
            }
            match deeper(cause) {
                Some(inner) => cause = inner,
                None => return Self::Broken(cause.to_string()),
            }
        }
    }
}

/// The next cause. `io::Error` passes the error that it holds over when it is asked for its source.
fn deeper<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let held = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match held {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn untrusted(why: &CertificateError, host: &str) -> Lost {
    use CertificateError as Bad;
    let is_of_time = matches!(
        why,
        Bad::Expired
            | Bad::ExpiredContext { .. }
            | Bad::NotValidYet
            | Bad::NotValidYetContext { .. }
    );
    let is_of_name = matches!(
        why,
        Bad::NotValidForName | Bad::NotValidForNameContext { .. }
    );
    let hint = match (is_of_time, is_of_name) {
        (true, _) => NOT_NOW,
        (_, true) => OTHER_NAME,
        _ => UNTRUSTED,
    };
    Lost::Unreachable {
        why: format!("this machine does not trust the certificate of {host}: {why}"),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{CertificateError, Error};

    use super::Lost;

    /// As it comes out of the libraries: wrapped twice.
    fn wrapped(error: CertificateError) -> io::Error {
        let inner = io::Error::new(io::ErrorKind::InvalidData, Error::InvalidCertificate(error));
        io::Error::other(inner)
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_with_what_helps() {
        for (error, helps) in [
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
            (CertificateError::Expired, "clock"),
            (CertificateError::NotValidForName, "name"),
        ] {
            let lost = Lost::of(&wrapped(error), "ghe.example");
            let text = lost.to_string();
            assert!(matches!(lost, Lost::Unreachable { .. }), "{text}");
            assert!(
                text.contains("ghe.example") && text.contains(helps),
                "{text}"
            );
        }
    }

    #[test]
    fn what_our_own_code_said_is_kept() {
        let lost = Lost::Broken("the proxy said no".to_owned());
        assert_eq!(Lost::of(&io::Error::other(lost.clone()), "x"), lost);
    }

    #[test]
    fn the_innermost_cause_is_told() {
        let inner = io::Error::new(io::ErrorKind::ConnectionRefused, "refused");
        let lost = Lost::of(&io::Error::other(inner), "x");
        assert_eq!(lost, Lost::Broken("refused".to_owned()));
    }
}
