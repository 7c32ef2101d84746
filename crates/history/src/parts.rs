//! Parts of one answer: jobs that finish apart leave what they found, so that the last of them can put it together.
//!
//! A part is a small object of a few days: `v1/parts/date=DAY/group=GROUP/job=JOB`. A job writes its own part first and reads all of them
//! after that, so of jobs that finish together at least the last one sees every part.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::Timestamp;

use crate::{Error, ErrorKind, Result, history::History, key::encode};

/// The longest part that is kept.
pub const MOST_PART_BYTES: usize = 1 << 20;

/// Days after which a part is dropped.
const KEPT_DAYS: f64 = 3.0;

/// Parts of one group, by the encoded name of their job.
pub type Parts = BTreeMap<String, Bytes>;

impl History {
    /// Leaves the part of a job for its group (a run of a workflow, say), in place of an earlier one, and gives all parts of the group, this one included.
    /// Parts that are older than three days are dropped on the way.
    ///
    /// # Errors
    /// As [`History::keep_part`].
    pub fn put_part(&self, of: (&str, &str), bytes: &[u8], now: Timestamp) -> Result<Parts> {
        self.keep_part(of, bytes, (now, KEPT_DAYS))
    }

    /// As [`History::put_part`], for a number of days.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the part is longer than [`MOST_PART_BYTES`]; [`ErrorKind::ReadOnly`]; when the store fails.
    pub fn keep_part(
        &self,
        (group, job): (&str, &str),
        bytes: &[u8],
        (now, days): (Timestamp, f64),
    ) -> Result<Parts> {
        if bytes.len() > MOST_PART_BYTES {
            let why = format!(
                "a part has at most {MOST_PART_BYTES} bytes, this one has {}",
                bytes.len()
            );
            return Err(Error::new("cannot keep part", job, ErrorKind::Input(why)));
        }
        // A part goes three days after the day in its key.
        let day = now.plus_days(days - KEPT_DAYS);
        let place = format!("/group={}/{}", encode(group), encode(job));
        let key = format!("{PARTS}/date={}{place}", day.date());
        self.batch("add a part", |history| {
            history.drop_parts(|of| is_old(of, now) || (of.ends_with(&place) && of != key))?;
            history.store.replace(&key, bytes)?;
            history.parts(group)
        })
    }

    /// All parts of a group; of a job that left two the newer one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parts(&self, group: &str) -> Result<Parts> {
        let wanted = format!("/group={}/", encode(group));
        let mut parts = Parts::new();
        for object in self.store.list(PARTS)? {
            let Some((_, job)) = object.key.split_once(&wanted) else {
                continue;
            };
            match self.store.get(&object.key) {
                Ok(bytes) => drop(parts.insert(job.to_owned(), bytes)),
                // It got too old in between.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    }

    fn drop_parts(&self, doomed: impl Fn(&str) -> bool) -> Result<()> {
        for object in self.store.list(PARTS)? {
            if doomed(&object.key) {
                self.store.delete(&object.key)?;
            }
        }
        Ok(())
    }
}

const PARTS: &str = "v1/parts";

fn is_old(key: &str, now: Timestamp) -> bool {
    let oldest = format!("{PARTS}/date={}", now.plus_days(-KEPT_DAYS).date());
    *key < *oldest
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use crate::{History, MOST_PART_BYTES};

    const NOW: Timestamp = Timestamp(1_795_132_800_000);

    #[test]
    fn parts_of_a_group_come_together_and_go_after_days() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::init(folder.path().to_str().unwrap(), NOW).unwrap();
        let put = |group, job, text: &str, now| {
            history
                .put_part((group, job), text.as_bytes(), now)
                .unwrap()
        };
        assert_eq!(put("run 1", "unit", "a", NOW).len(), 1);
        put("run 2", "unit", "x", NOW);
        put("run 1", "unit", "b", NOW.plus_days(1.0));
        let all = put("run 1", "lint", "c", NOW.plus_days(1.0));
        let texts: Vec<_> = all
            .iter()
            .map(|(job, b)| (job.as_str(), b.as_ref()))
            .collect();
        assert_eq!(
            texts,
            [("lint", &b"c"[..]), ("unit", &b"b"[..])],
            "the newer part of a job counts"
        );
        put("run 3", "unit", "y", NOW.plus_days(4.0));
        assert_eq!(history.parts("run 2").unwrap().len(), 0);
        assert_eq!(history.parts("run 1").unwrap().len(), 2);
    }

    #[test]
    fn a_part_can_be_kept_for_longer_and_is_replaced_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::init(folder.path().to_str().unwrap(), NOW).unwrap();
        let texts = |history: &History| -> Vec<Vec<u8>> {
            let parts = history.parts("run 1").unwrap();
            parts.into_values().map(|bytes| bytes.to_vec()).collect()
        };
        history
            .keep_part(("run 1", "unit"), b"red", (NOW, 30.0))
            .unwrap();
        history
            .put_part(("run 2", "unit"), b"x", NOW.plus_days(29.0))
            .unwrap();
        assert_eq!(texts(&history), [b"red"]);
        history
            .put_part(("run 1", "unit"), b"green", NOW.plus_days(29.0))
            .unwrap();
        assert_eq!(texts(&history), [b"green"]);
        history
            .put_part(("run 2", "unit"), b"x", NOW.plus_days(34.0))
            .unwrap();
        assert!(texts(&history).is_empty());
    }

    #[test]
    fn a_part_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::init(folder.path().to_str().unwrap(), NOW).unwrap();
        let long = vec![b'x'; MOST_PART_BYTES + 1];
        assert!(history.put_part(("g", "j"), &long, NOW).is_err());
    }
}
