//! Lists, page by page, by `Link` only.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::repo::Repo;

/// More pages than any list that is read here has for good reasons.
const MOST_PAGES: usize = 50;

/// The body of a page.
pub trait Page: DeserializeOwned {
    /// What the list is of.
    type Item;
    /// What stands on this page.
    fn items(self) -> Vec<Self::Item>;
}

impl<T: DeserializeOwned> Page for Vec<T> {
    type Item = T;
    fn items(self) -> Vec<T> {
        self
    }
}

/// The pages of a list, each read when it is asked for. Ends after the last page or the first error.
pub struct Pages<P> {
    repo: Repo,
    next: Option<Call>,
    left: usize,
    page: std::marker::PhantomData<fn() -> P>,
}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl<P: Page> Pages<P> {
    pub(crate) fn new(repo: Repo, first: Call) -> Self {
        Self {
            repo,
            next: Some(first),
            left: MOST_PAGES,
            page: std::marker::PhantomData,
        }
    }

    /// For lists without a natural end: at most this many pages, without an error at the end.
    pub fn at_most(self, pages: usize) -> std::iter::Take<Self> {
        self.take(pages)
    }

    /// The whole list.
    ///
    /// # Errors
    /// The first error; [`Error::TooLarge`] when the list has more pages than is sensible.
    pub fn all(self) -> Result<Vec<P::Item>> {
        let mut all = Vec::new();
        for page in self {
            all.extend(page?);
        }
        Ok(all)
    }

    fn turn(&mut self, call: &Call) -> Result<Vec<P::Item>> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::TooLarge {
            what: call.what.clone(),
            limit: MOST_PAGES as u64,
            unit: "pages",
        })?;
        let answer = self.repo.ask(call)?;
        let page: P = answer.json(&call.what)?;
        if let Some(url) = answer.next_page() {
            let target = self.repo.github.client().own_target(&url, &call.what)?;
            let call = call.clone();
            self.next = Some(Call { target, ..call });
        }
        Ok(page.items())
    }
}

impl<P: Page> Iterator for Pages<P> {
    type Item = Result<Vec<P::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        let call = self.next.take()?;
        Some(self.turn(&call))
    }
}
