//! To come.
use crate::api::Route;
pub(super) const ROUTES: &[Route] = &[];
