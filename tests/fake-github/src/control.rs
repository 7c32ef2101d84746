//! `/_control/*`: the fake by HTTP, for who runs it as a process.

use crate::call::Request;
use crate::page::Sent;
use crate::pipeline::Core;
use crate::reply::Reply;

/// Answers a request to the control endpoints.
pub(crate) fn answer(_core: &Core, _request: &Request, _path: &str) -> Sent {
    Sent::of(Reply::not_found())
}
