//! Rate limits.

use std::collections::{BTreeMap, VecDeque};

use crate::fault::{primary_limit, secondary_limit};
use crate::reply::Reply;
use crate::state::{Kind, Token};

/// How many requests a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests an hour of every token; `None`: as on github.com, by the kind of the token.
    pub per_hour: Option<u32>,
    /// Requests a minute that make content which notifies people (comments, reviews, pull requests); `None`: any number.
    pub content_per_minute: Option<u32>,
}

impl Limits {
    /// Those of github.com: 1,000 an hour for all `GITHUB_TOKEN`s together, for others 5,000, nobody 60; 80 pieces of content a minute.
    pub const fn github() -> Self {
        Self {
            per_hour: None,
            content_per_minute: Some(80),
        }
    }
}

impl Default for Limits {
    /// Room for tests that write without end.
    fn default() -> Self {
        Self {
            per_hour: Some(1_000_000),
            content_per_minute: None,
        }
    }
}

const HOUR: i64 = 3600;
const MINUTE: i64 = 60;

#[derive(Debug, Default)]
struct Bucket {
    used: u32,
    reset: i64,
}

/// Who used what.
#[derive(Debug)]
pub(crate) struct Limiter {
    pub(crate) limits: Limits,
    buckets: BTreeMap<String, Bucket>,
    content: BTreeMap<String, VecDeque<i64>>,
}

/// Whose budget a request is paid from.
#[derive(Clone, Debug)]
pub(crate) struct Payer {
    key: String,
    limit: u32,
}

impl Payer {
    pub(crate) fn new(token: Option<&Token>, limits: Limits) -> Self {
        let (key, own) = match token {
            None => ("nobody".to_owned(), 60),
            Some(token) if token.kind == Kind::Actions => ("every GITHUB_TOKEN".to_owned(), 1_000),
            Some(token) => (token.name.clone(), 5_000),
        };
        Self {
            key,
            limit: limits.per_hour.unwrap_or(own),
        }
    }
}

/// What a caller has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) limit: u32,
    pub(crate) used: u32,
    /// Seconds since 1970.
    pub(crate) reset: i64,
}

impl Budget {
    pub(crate) fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    pub(crate) fn headers(&self) -> [(&'static str, String); 5] {
        [
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining().to_string()),
            ("x-ratelimit-used", self.used.to_string()),
            ("x-ratelimit-reset", self.reset.to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ]
    }
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            buckets: BTreeMap::new(),
            content: BTreeMap::new(),
        }
    }

    fn bucket(&mut self, payer: &Payer, now: i64) -> &mut Bucket {
        let bucket = self.buckets.entry(payer.key.clone()).or_default();
        if bucket.reset <= now {
            *bucket = Bucket {
                used: 0,
                reset: now + HOUR,
            };
        }
        bucket
    }

    /// What is left, without paying.
    pub(crate) fn look(&mut self, payer: &Payer, now: i64) -> Budget {
        let bucket = self.bucket(payer, now);
        Budget {
            limit: payer.limit,
            used: bucket.used,
            reset: bucket.reset,
        }
    }

    /// Pays for a request.
    ///
    /// # Errors
    /// GitHub's answer when nothing is left.
    pub(crate) fn pay(&mut self, payer: &Payer, now: i64) -> Result<(), Reply> {
        let limit = payer.limit;
        let bucket = self.bucket(payer, now);
        if bucket.used >= limit {
            return Err(primary_limit(bucket.reset));
        }
        bucket.used += 1;
        Ok(())
    }

    /// Gives a request back: 304 costs nothing.
    pub(crate) fn refund(&mut self, payer: &Payer, now: i64) {
        let bucket = self.bucket(payer, now);
        bucket.used = bucket.used.saturating_sub(1);
    }

    /// Counts a piece of content.
    ///
    /// # Errors
    /// GitHub's answer when there were too many within a minute.
    pub(crate) fn create(&mut self, payer: &Payer, now: i64) -> Result<(), Reply> {
        let Some(most) = self.limits.content_per_minute else {
            return Ok(());
        };
        let times = self.content.entry(payer.key.clone()).or_default();
        times.retain(|time| now - time < MINUTE);
        if times.len() >= most as usize {
            let wait = times.front().map_or(MINUTE, |first| first + MINUTE - now);
            return Err(secondary_limit().header("retry-after", wait.to_string()));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payer(limit: u32) -> Payer {
        Payer {
            key: "t".to_owned(),
            limit,
        }
    }

    #[test]
    fn what_is_used_up_comes_back_after_an_hour() {
        let mut limiter = Limiter::new(Limits::github());
        let payer = payer(2);
        assert!(limiter.pay(&payer, 0).is_ok() && limiter.pay(&payer, 10).is_ok());
        let refused = limiter.pay(&payer, 20).unwrap_err();
        assert_eq!(refused.status, 403);
        assert!(
            refused
                .headers
                .contains(&("x-ratelimit-reset", "3600".to_owned()))
        );
        assert!(limiter.pay(&payer, 3600).is_ok());
    }

    #[test]
    fn content_is_counted_over_the_last_minute() {
        let mut limiter = Limiter::new(Limits {
            per_hour: None,
            content_per_minute: Some(2),
        });
        let payer = payer(9);
        assert!(limiter.create(&payer, 0).is_ok() && limiter.create(&payer, 30).is_ok());
        let refused = limiter.create(&payer, 40).unwrap_err();
        assert_eq!(refused.headers, [("retry-after", "20".to_owned())]);
        assert!(limiter.create(&payer, 60).is_ok());
    }
}
