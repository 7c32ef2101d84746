//! Near-equality of two texts: the bounded edit distance.

/// Bytes of each text that are compared.
const COMPARED_BYTES: usize = 512;

/// Whether the edit distance (insertions, deletions, substitutions of bytes) of the first 512 bytes of two texts is below `share` of their
/// mean length.
///
/// Ukkonen's banded dynamic programme (Information and Control 64, 1985): the time grows with length times bound. A count of
/// bytes rules most pairs out first, because the distance is at least half of the difference of the counts.
pub fn near(a: &str, b: &str, share: f64) -> bool {
    let (a, b) = (head(a), head(b));
    let bound = share * (a.len() + b.len()) as f64 / 2.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 512 times the share"
    )]
    let most = (bound.ceil().max(1.0) as usize).saturating_sub(1);
    least_distance(a, b) <= most && banded_distance(a, b, most).is_some()
}

fn head(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(..COMPARED_BYTES).unwrap_or(bytes)
}

/// A lower bound of the distance from the counts of bytes.
fn least_distance(a: &[u8], b: &[u8]) -> usize {
    let mut counts = [0_i32; 256];
    for byte in a {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    for byte in b {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count -= 1;
        }
    }
    let more: i32 = counts.iter().filter(|c| **c > 0).sum();
    let less: i32 = counts.iter().filter(|c| **c < 0).map(|c| -c).sum();
    usize::try_from(more.max(less)).unwrap_or(0)
}

/// The edit distance when it is at most `most`.
fn banded_distance(a: &[u8], b: &[u8], most: usize) -> Option<usize> {
    let far = most + 1;
    let mut row: Vec<usize> = (0..=b.len()).map(|j| j.min(far)).collect();
    for (i, x) in a.iter().enumerate() {
        let (from, to) = (i.saturating_sub(most), (i + most + 1).min(b.len()));
        let mut diagonal = row.get(from).copied().unwrap_or(far);
        let mut left = if from == 0 { (i + 1).min(far) } else { far };
        if let Some(first) = row.get_mut(from) {
            *first = left;
        }
        let mut best = left;
        let band = row.iter_mut().skip(from + 1).zip(b.iter().skip(from));
        for (up, y) in band.take(to.saturating_sub(from)) {
            let changed = diagonal + usize::from(x != y);
            diagonal = *up;
            left = changed.min(left + 1).min(*up + 1).min(far);
            *up = left;
            best = best.min(left);
        }
        if let Some(beyond) = row.get_mut(to + 1) {
            *beyond = far;
        }
        if best >= far {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{banded_distance, near};

    fn full_distance(a: &[u8], b: &[u8]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let changed = diagonal + usize::from(x != y);
                diagonal = row[j + 1];
                row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn texts_that_differ_in_a_word_of_twenty_are_near() {
        let a = "expected the worker to be closed after its nanny was restarted but it was running";
        assert!(near(a, &a.replace("running", "paused"), 0.1));
        assert!(!near(a, "no such file or directory", 0.1));
        assert!(!near("ab", "cd", 0.1));
        assert!(near("", "", 0.1));
    }

    proptest! {
        #[test]
        fn the_band_never_changes_a_distance_within_it(a in "[abc]{0,24}", b in "[abc]{0,24}", most in 0_usize..12) {
            let full = full_distance(a.as_bytes(), b.as_bytes());
            let banded = banded_distance(a.as_bytes(), b.as_bytes(), most);
            prop_assert_eq!(banded, (full <= most).then_some(full));
        }
    }
}
