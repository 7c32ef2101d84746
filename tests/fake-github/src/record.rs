//! What was asked, what was answered, and what broke the contract.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::call::Request;

/// A request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Logged {
    /// When it came, in milliseconds since 1970.
    pub at: i64,
    /// In capitals.
    pub method: String,
    /// With the query.
    pub path: String,
    /// The HTTP status; 0 when the connection ended without one.
    pub status: u16,
    /// The name of the token, never its secret; empty without a token.
    pub token: String,
    /// What was made to go wrong, empty when nothing.
    pub fault: String,
}

/// Who broke the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The client.
    Request,
    /// The fake.
    Answer,
}

/// A request or an answer that GitHub's description does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// In capitals.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Who broke it.
    pub side: Side,
    /// JSON pointer and message.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Request => "request",
            Side::Answer => "answer",
        };
        write!(
            formatter,
            "{} {} {side}: {}",
            self.method, self.path, self.what
        )
    }
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) log: Vec<Logged>,
    pub(crate) violations: Vec<Violation>,
    /// Operations that were asked for, as `METHOD /template`.
    pub(crate) operations: BTreeSet<String>,
}

impl Record {
    pub(crate) fn violation(&mut self, request: &Request, side: Side, what: String) {
        let (method, path) = (request.method.clone(), request.target());
        self.violations.push(Violation {
            method,
            path,
            side,
            what,
        });
    }

    pub(crate) fn served(&mut self, operation: &str) {
        if !self.operations.contains(operation) {
            self.operations.insert(operation.to_owned());
        }
    }
}
