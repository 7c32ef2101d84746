//! When to ask again, and after how long: pure, so that it can be tested without a network.
//!
//! The rules are GitHub's ("Best practices for using the REST API", "Rate limits for the REST API"): wait what `retry-after` says; else, when
//! nothing remains, until the reset; else a minute for a secondary limit; other failures of the server with doubled, jittered waits.

use std::time::Duration;

use crate::settings::Limits;

/// May the request be sent again when it is not known whether it took effect?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Sending it twice is sending it once.
    Always,
    /// Only when GitHub surely did not act on it; the caller reads back otherwise.
    Unhandled,
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// None: no complete answer.
    pub status: Option<u16>,
    /// The header, in seconds.
    pub retry_after: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `x-ratelimit-reset`, seconds since 1970.
    pub reset: Option<u64>,
    /// The body speaks of a secondary limit or of abuse.
    pub secondary: bool,
}

/// Where we stand with one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Attempts made, at least 1.
    pub attempt: u32,
    /// Time since the first.
    pub spent: Duration,
    /// Seconds since 1970.
    pub now: u64,
    /// From 0 to 1, anything.
    pub jitter: f64,
    /// See [`Again`].
    pub again: Again,
    /// The object was made a moment ago: 404 may mean "not yet".
    pub soon: bool,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The answer is final, good or bad.
    Done,
    /// Ask again after this long.
    Wait(Duration),
    /// Do not ask again.
    GiveUp(Why),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A rate limit until this second since 1970, if known.
    Limited(Option<u64>),
    /// No answer, or failures of the server.
    Unavailable,
}

/// How often a 404 right after a write is asked again.
const NOT_YET: u32 = 3;

/// Decides what follows from an answer or its absence.
pub(crate) fn next(seen: Seen, at: Standing, limits: &Limits) -> Next {
    match seen.status {
        Some(403 | 429) if limited(seen) => wait_for_limit(seen, at, limits),
        Some(404) if at.soon && at.attempt <= NOT_YET => {
            or_done(backoff(Why::Unavailable, at, limits))
        }
        Some(500..=599) | None => match at.again {
            Again::Always => server_failed(seen, at, limits),
            Again::Unhandled => Next::GiveUp(Why::Unavailable),
        },
        Some(_) => Next::Done,
    }
}

/// A 403 may as well be a missing permission, which no waiting cures.
fn limited(seen: Seen) -> bool {
    seen.status == Some(429)
        || seen.retry_after.is_some()
        || seen.remaining == Some(0)
        || seen.secondary
}

fn wait_for_limit(seen: Seen, at: Standing, limits: &Limits) -> Next {
    let until_reset = (seen.remaining == Some(0))
        .then_some(seen.reset)
        .flatten()
        // One second more: clocks differ.
        .map(|reset| reset.saturating_sub(at.now).saturating_add(1));
    let Some(seconds) = seen.retry_after.or(until_reset) else {
        let base = limits.secondary_wait;
        return within(doubled(base, at.attempt), Why::Limited(None), at, limits);
    };
    let until = Some(at.now.saturating_add(seconds));
    let wait = Duration::from_secs(seconds).saturating_add(jittered(limits.first_wait, at.jitter));
    within(wait, Why::Limited(until), at, limits)
}

fn server_failed(seen: Seen, at: Standing, limits: &Limits) -> Next {
    match seen.retry_after {
        Some(seconds) => within(Duration::from_secs(seconds), Why::Unavailable, at, limits),
        None => backoff(Why::Unavailable, at, limits),
    }
}

fn backoff(why: Why, at: Standing, limits: &Limits) -> Next {
    within(wait_after(at.attempt, at.jitter, limits), why, at, limits)
}

/// The wait before a caller with its own loop tries again.
pub(crate) fn wait_after(attempt: u32, jitter: f64, limits: &Limits) -> Duration {
    jittered(
        doubled(limits.first_wait, attempt).min(limits.longest_wait),
        jitter,
    )
}

fn or_done(next: Next) -> Next {
    match next {
        Next::GiveUp(_) => Next::Done,
        Next::Done | Next::Wait(_) => next,
    }
}

fn doubled(base: Duration, attempt: u32) -> Duration {
    base.saturating_mul(1 << attempt.saturating_sub(1).min(16))
}

/// From half of the wait to all of it, so that those who failed together do not come back together.
fn jittered(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.5, 0.5))
}

fn within(wait: Duration, why: Why, at: Standing, limits: &Limits) -> Next {
    let too_long = wait > limits.longest_wait || at.spent.saturating_add(wait) > limits.patience;
    if too_long || at.attempt >= limits.attempts {
        Next::GiveUp(why)
    } else {
        Next::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Again, Next, Seen, Standing, Why, next};
    use crate::settings::Limits;

    const NOW: u64 = 1_800_000_000;

    fn at(attempt: u32) -> Standing {
        Standing {
            attempt,
            spent: Duration::ZERO,
            now: NOW,
            jitter: 0.0,
            again: Again::Always,
            soon: false,
        }
    }

    fn seen(status: u16) -> Seen {
        Seen {
            status: Some(status),
            ..Seen::default()
        }
    }

    fn decide(seen: Seen, at: Standing) -> Next {
        next(seen, at, &Limits::default())
    }

    #[test]
    fn a_missing_permission_is_not_asked_again() {
        assert_eq!(decide(seen(403), at(1)), Next::Done);
    }

    #[test]
    fn retry_after_is_obeyed_also_for_a_post() {
        let answer = Seen {
            retry_after: Some(7),
            ..seen(403)
        };
        let post = Standing {
            again: Again::Unhandled,
            ..at(1)
        };
        assert_eq!(
            decide(answer, post),
            Next::Wait(Duration::from_millis(7_250))
        );
    }

    #[test]
    fn a_used_up_limit_is_waited_for_until_its_reset() {
        let answer = Seen {
            remaining: Some(0),
            reset: Some(NOW + 20),
            ..seen(429)
        };
        assert_eq!(
            decide(answer, at(1)),
            Next::Wait(Duration::from_millis(21_250))
        );
    }

    #[test]
    fn a_limit_beyond_patience_ends_with_its_time() {
        let answer = Seen {
            remaining: Some(0),
            reset: Some(NOW + 3_000),
            ..seen(403)
        };
        assert_eq!(
            decide(answer, at(1)),
            Next::GiveUp(Why::Limited(Some(NOW + 3_001)))
        );
    }

    #[test]
    fn a_secondary_limit_without_a_time_waits_a_minute() {
        let answer = Seen {
            secondary: true,
            ..seen(403)
        };
        assert_eq!(decide(answer, at(1)), Next::Wait(Duration::from_mins(1)));
    }

    #[test]
    fn a_lost_post_is_never_sent_again_blindly() {
        let post = Standing {
            again: Again::Unhandled,
            ..at(1)
        };
        for status in [None, Some(500), Some(502), Some(503), Some(504)] {
            let lost = Seen {
                status,
                ..Seen::default()
            };
            assert_eq!(decide(lost, post), Next::GiveUp(Why::Unavailable));
        }
    }

    #[test]
    fn failures_of_the_server_are_waited_out_with_doubled_waits() {
        let waits: Vec<Next> = (1..=6)
            .map(|attempt| decide(seen(502), at(attempt)))
            .collect();
        let ms = |ms| Next::Wait(Duration::from_millis(ms));
        let end = Next::GiveUp(Why::Unavailable);
        assert_eq!(waits, [ms(250), ms(500), ms(1000), ms(2000), ms(4000), end]);
    }

    #[test]
    fn what_was_just_written_may_not_be_there_yet() {
        let just_written = Standing {
            soon: true,
            ..at(1)
        };
        assert!(matches!(decide(seen(404), just_written), Next::Wait(_)));
        assert_eq!(decide(seen(404), at(1)), Next::Done);
        let late = Standing {
            soon: true,
            ..at(4)
        };
        assert_eq!(decide(seen(404), late), Next::Done);
    }

    proptest! {
        #[test]
        fn waits_stay_within_the_limits_and_end(
            status in proptest::option::of(200_u16..600),
            retry_after in proptest::option::of(any::<u64>()),
            remaining in proptest::option::of(0_u64..3),
            reset in proptest::option::of(any::<u64>()),
            secondary: bool, jitter: f64, spent_ms in 0_u64..1_000_000,
            attempt in 1_u32..100, soon: bool,
        ) {
            let limits = Limits::default();
            let seen = Seen { status, retry_after, remaining, reset, secondary };
            let spent = Duration::from_millis(spent_ms);
            let standing = Standing { attempt, spent, now: NOW, jitter, again: Again::Always, soon };
            if let Next::Wait(wait) = next(seen, standing, &limits) {
                prop_assert!(wait <= limits.longest_wait);
                prop_assert!(spent + wait <= limits.patience);
                prop_assert!(attempt < limits.attempts);
            }
        }

        #[test]
        fn good_answers_and_plain_refusals_are_final(status in (200_u16..500).prop_filter("limits", |s| *s != 429)) {
            prop_assert_eq!(decide(seen(status), at(1)), Next::Done);
        }
    }
}
