//! What failures said: per test, and over all tests.

use model::{RecordedRun, RecordedTest, Signature, Timestamp};
use serde::{Deserialize, Serialize};
use stats::decay_factor;

use super::Baseline;
use super::learnt::TextOrigin;

/// Signatures kept for one test.
pub(super) const TEXTS_PER_TEST: usize = 12;

/// Signatures kept in all; the ones longest unseen go first.
pub(super) const SIGNATURES_KEPT: usize = 2048;

/// Bytes of a text that are kept: what the signature is made of.
pub(super) const TEXT_BYTES: usize = 512;

/// Bytes of all texts that are kept; the ones longest unseen go first. The counts of their signatures stay.
pub(super) const TEXT_BYTES_KEPT: usize = 128 << 10;

/// Half-life of the counts of texts, in days. Longer than that of rates: a test keeps its ways of failing.
pub(super) const TEXT_HALF_LIFE_DAYS: f64 = 60.0;

/// Days in which a text of another test counts as one of now.
pub(crate) const RECENT_TEXT_DAYS: f64 = 2.0;

/// What one test said when it failed, over all jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestTexts {
    /// Failures and flakes with a text, decayed as of `at`.
    pub total: f32,
    /// The moment for which `total` and every count hold.
    pub at: Timestamp,
    /// The newest signatures and how often they came, decayed; at most [`TEXTS_PER_TEST`].
    pub texts: Vec<TextCount>,
}

/// How often a test failed with one signature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextCount {
    /// The signature.
    pub signature: Signature,
    /// Decayed count as of [`TestTexts::at`].
    pub count: f32,
}

impl TestTexts {
    /// The decayed count of all failures with a text, as of `at`.
    pub(crate) fn total_at(&self, at: Timestamp) -> f64 {
        let days = at.days_since(self.at).max(0.0);
        f64::from(self.total) * decay_factor(days, TEXT_HALF_LIFE_DAYS)
    }

    /// The decayed count of a signature and of all, as of `at`.
    pub fn counts(&self, signature: Signature, at: Timestamp) -> (f64, f64) {
        let keep = decay_factor(at.days_since(self.at).max(0.0), TEXT_HALF_LIFE_DAYS);
        let known = self.texts.iter().find(|t| t.signature == signature);
        let count = known.map_or(0.0, |t| f64::from(t.count));
        (count * keep, f64::from(self.total) * keep)
    }
}

/// What is known of one signature over all tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SignatureState {
    /// The text, as recorded, bounded; empty when it was let go for newer ones.
    pub text: String,
    /// The kind of failure that the text names (an exception class, ...), hashed; 0 when it names none.
    pub kind: i64,
    /// How many failures and flakes had it.
    pub seen: u32,
    /// How many of those were the first of this text for their test: a text of many tests says little about one.
    pub tests: u32,
    /// How many failures with it passed in the next run of their test.
    pub passing: u32,
    /// How many failures with it began a failure that lasted.
    pub lasting: u32,
    /// When it was seen last.
    pub last_at: Timestamp,
}

impl Baseline {
    /// Counts the text of a failure or flake, for its test and over all.
    pub(super) fn observe_text(&mut self, row: &RecordedTest, run: &RecordedRun, at: Timestamp) {
        let Some(signature) = row.signature else {
            return;
        };
        let test = self.test_texts.entry(row.id).or_default();
        let earlier = test.texts.iter().any(|t| t.signature == signature);
        let (_, total) = test.counts(signature, at);
        test.add(signature, at);
        let origin = match self.signatures.get(&signature) {
            _ if earlier => TextOrigin::Known,
            Some(s) if at.days_since(s.last_at) <= RECENT_TEXT_DAYS => TextOrigin::Recent,
            Some(_) => TextOrigin::Borrowed,
            None => TextOrigin::New,
        };
        let said = || run.texts.get(&signature).map_or("", String::as_str);
        let state = self.signatures.entry(signature);
        let state = state.or_insert_with(|| SignatureState::of(said()));
        if state.text.is_empty() {
            state.text = bounded(said());
        }
        state.seen = state.seen.saturating_add(1);
        state.tests = state.tests.saturating_add(u32::from(!earlier));
        state.last_at = state.last_at.max(at);
        self.learnt.learn_text(total, origin);
    }

    /// Drops texts that were not seen since `oldest`, and the longest unseen of too many.
    pub(super) fn forget_texts(&mut self, oldest: Timestamp) {
        self.test_texts.retain(|_, texts| texts.at >= oldest);
        let mut cut = oldest;
        if self.signatures.len() > SIGNATURES_KEPT {
            let mut times: Vec<_> = self.signatures.values().map(|s| s.last_at).collect();
            times.sort_unstable();
            let excess = times.len().saturating_sub(SIGNATURES_KEPT);
            cut = cut.max(times.get(excess).copied().unwrap_or(oldest));
        }
        self.signatures.retain(|_, state| state.last_at >= cut);
    }

    /// Lets the texts go that were not seen for the longest time, of more than are kept.
    pub(super) fn bound_texts(&mut self) {
        let lengths = self.signatures.values().map(|state| state.text.len());
        if lengths.sum::<usize>() <= TEXT_BYTES_KEPT {
            return;
        }
        let mut states: Vec<&mut SignatureState> = self.signatures.values_mut().collect();
        states.sort_by_key(|state| std::cmp::Reverse(state.last_at));
        let mut bytes = 0;
        for state in states {
            bytes += state.text.len();
            if bytes > TEXT_BYTES_KEPT {
                state.text = String::new();
            }
        }
    }
}

fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES);
    text.get(..end).unwrap_or_default().to_owned()
}

impl TestTexts {
    fn add(&mut self, signature: Signature, at: Timestamp) {
        let keep = decay_factor(at.days_since(self.at).max(0.0), TEXT_HALF_LIFE_DAYS);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counts need no double precision"
        )]
        let keep = keep as f32;
        self.at = self.at.max(at);
        self.total = self.total * keep + 1.0;
        for text in &mut self.texts {
            text.count *= keep;
        }
        match self.texts.iter_mut().find(|t| t.signature == signature) {
            Some(known) => known.count += 1.0,
            None => self.push(signature),
        }
    }

    /// Adds a signature; of too many the rarest goes, the oldest of equals.
    fn push(&mut self, signature: Signature) {
        if self.texts.len() >= TEXTS_PER_TEST {
            let counts = self.texts.iter().enumerate();
            let rarest = counts.min_by(|a, b| a.1.count.total_cmp(&b.1.count));
            if let Some((place, _)) = rarest {
                self.texts.remove(place);
            }
        }
        self.texts.push(TextCount {
            signature,
            count: 1.0,
        });
    }
}

impl SignatureState {
    fn of(text: &str) -> Self {
        Self {
            kind: kind_of(text),
            text: bounded(text),
            ..Self::default()
        }
    }
}

/// The kind of failure that a text names, hashed: its first word, without a path of modules in front and up to the first
/// character that no name has. `0` for a text that begins with none.
pub(crate) fn kind_of(text: &str) -> i64 {
    let name_end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == ':'))
        .unwrap_or(text.len());
    let path = text
        .get(..name_end)
        .unwrap_or("")
        .trim_end_matches([':', '.']);
    let name = path.rsplit(['.', ':']).next().unwrap_or("");
    let name = name.trim_matches(|c: char| c.is_numeric());
    if name.is_empty() {
        return 0;
    }
    Signature::of(name).0
}

#[cfg(test)]
mod tests {
    use model::{Outcome, RecordedRun, RecordedTest, Signature, TestId, Timestamp};

    use super::TEXT_BYTES_KEPT;
    use crate::Baseline;

    /// A run of one test.
    fn run(n: u32, outcome: Outcome, text: &str) -> RecordedRun {
        let mut run = RecordedRun::default();
        run.info.started_at = Timestamp(i64::from(n) * 3_600_000);
        let signature = outcome.is_failure().then(|| Signature::of(text));
        run.texts = signature
            .map(|s| (s, text.to_owned()))
            .into_iter()
            .collect();
        run.rows = vec![RecordedTest {
            id: TestId(1),
            outcome,
            flaked: false,
            duration_ms: Some(n),
            signature,
        }];
        run
    }

    #[test]
    fn the_texts_longest_unseen_are_let_go_and_come_back_with_their_failure() {
        let mut base = Baseline::default();
        // Digits would be masked.
        let text = |n: u32| {
            format!(
                "{:a>512}",
                format!("{n:b}").replace('0', "x").replace('1', "y")
            )
        };
        let kept = u32::try_from(TEXT_BYTES_KEPT / 512).unwrap();
        for n in 0..kept + 3 {
            base.observe(&run(n, Outcome::Fail, &text(n)));
        }
        let has = |base: &Baseline, n| !base.signatures[&Signature::of(&text(n))].text.is_empty();
        assert_eq!(
            [1, 2, 3, kept].map(|n| has(&base, n)),
            [false, false, true, true]
        );
        assert_eq!(
            base.signatures.len(),
            TEXT_BYTES_KEPT / 512 + 3,
            "counts stay"
        );
        base.observe(&run(kept + 3, Outcome::Fail, &text(1)));
        assert_eq!([1, 3, 4].map(|n| has(&base, n)), [true, false, true]);
    }

    #[test]
    fn durations_and_ended_rows_of_a_quiet_test_are_let_go() {
        let mut base = Baseline::default();
        base.observe(&run(0, Outcome::Fail, "no"));
        let trouble = |base: &Baseline| base.entries[&(TestId(1), 0)].trouble.clone().unwrap();
        assert!(trouble(&base).streaks[0].signature.is_some());
        for n in 1..32 {
            base.observe(&run(n, Outcome::Pass, ""));
        }
        let last = trouble(&base);
        assert!(
            last.recent
                .iter()
                .all(|recent| recent.duration_ms.is_some())
        );
        assert_eq!(
            (last.streaks[0].signature, last.streaks[0].chance),
            (None, 0)
        );
        base.observe(&run(32, Outcome::Pass, ""));
        let quiet = trouble(&base);
        assert!(
            quiet
                .recent
                .iter()
                .all(|recent| recent.duration_ms.is_none())
        );
        assert_eq!(quiet.recent.len(), 32);
    }
}
