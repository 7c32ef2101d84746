//! What the failure text says: P(this text | C) / P(this text | the test fails by itself).

use model::{Timestamp, mask};

use super::Seen;
use crate::baseline::{RECENT_TEXT_DAYS, SignatureState, TestTexts, kind_of};
use crate::{Baseline, Config};

/// Weight of the learnt share of known texts against the test's own variety, in failures.
const VARIETY_WEIGHT: f64 = 4.0;

/// Texts in all at least, so that one text of a young history is not "most texts".
const LEAST_TEXTS: f64 = 200.0;

/// The likelihood ratio of the text; 1 when the failure says nothing.
pub(super) fn odds(config: &Config, base: &Baseline, at: Timestamp, seen: &Seen<'_>) -> f64 {
    let Some(signature) = seen.signature else {
        return 1.0;
    };
    let texts = base.test_texts.get(&seen.id);
    let known_rate = known_rate(base, at, texts);
    let (count, total) = texts.map_or((0.0, 0.0), |t| t.counts(signature, at));
    let count = if count > 0.0 {
        count
    } else {
        near_count(config, base, at, seen)
    };
    let everywhere = base.signatures.get(&signature);
    if count > 0.0 {
        let all = LEAST_TEXTS + base.learnt.texts();
        let share = everywhere.map_or(0.0, |s| f64::from(s.tests)) / all;
        let own = known_rate * count / total.max(count);
        return (0.5 * share + config.known_caused) / own.max(1e-6);
    }
    let new = 1.0 / (1.0 - known_rate).max(0.005);
    let fate = base.learnt.fate_odds(everywhere, kind_of(seen.text));
    new * novelty(config, base, at, everywhere) * fate
}

/// P(a failure by itself has a text that this test had before): Good's (1953) estimate of what is unseen from the variety of
/// texts so far, shrunk to the share that the repository teaches for tests with as many failures.
fn known_rate(base: &Baseline, at: Timestamp, texts: Option<&TestTexts>) -> f64 {
    let Some(texts) = texts else { return 0.0 };
    let total = texts.total_at(at);
    if total < 0.5 {
        return 0.0;
    }
    let distinct = texts.texts.len() as f64;
    let learnt = base.learnt.known_rate(total);
    let unseen = (distinct - 1.0) + VARIETY_WEIGHT * (1.0 - learnt);
    1.0 - unseen / (total.max(distinct) + VARIETY_WEIGHT)
}

/// For a text that is new to the test: whether another test has it just now, had it before, or none ever had.
fn novelty(
    config: &Config,
    base: &Baseline,
    at: Timestamp,
    everywhere: Option<&SignatureState>,
) -> f64 {
    let borrowed = base.learnt.borrowed_text.rate(0.5, 10.0);
    let recent = base.learnt.recent_text.rate(0.3, 10.0).min(0.95 * borrowed);
    let now = |s: &SignatureState| at.days_since(s.last_at) <= RECENT_TEXT_DAYS;
    match everywhere {
        None => 0.5 / (1.0 - borrowed).max(0.05),
        Some(state) if now(state) => config.recent_caused / recent.max(0.05),
        Some(_) => (0.5 - config.recent_caused) / (borrowed - recent).max(0.02),
    }
}

/// How often the test failed with a text that is nearly this one: masked texts within the bounded edit distance.
fn near_count(config: &Config, base: &Baseline, at: Timestamp, seen: &Seen<'_>) -> f64 {
    let Some(texts) = base.test_texts.get(&seen.id) else {
        return 0.0;
    };
    let now = mask(seen.text);
    let near = texts.texts.iter().filter(|known| {
        let state = base.signatures.get(&known.signature);
        let text = state
            .map(|state| &state.text)
            .filter(|text| !text.is_empty());
        text.is_some_and(|text| stats::near(&now, &mask(text), config.near_share))
    });
    near.map(|known| texts.counts(known.signature, at).0).sum()
}
