//! Keys of objects: how hostile names become folders that cannot leave the lake and cannot collide.

use model::{RunInfo, RunKey, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The folder of layout version 1.
pub(crate) const ROOT: &str = "v1";

/// The folder of the commit log.
pub(crate) const COMMITS: &str = "v1/commit";

/// The longest encoded part that stands as it is; a longer one is cut and gets its hash. File systems allow 255 bytes.
const LONGEST_PART: usize = 120;

/// How much of an over-long part stays readable.
const READABLE_PART: usize = 80;

/// Which runs: those of the base, or those of pull requests. Kept apart, so that no baseline ever reads broken code.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Runs of a branch itself.
    #[default]
    Base,
    /// Runs of pull requests that want to join the branch.
    Pr,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Base, Self::Pr];

    /// The lane of a run.
    pub fn of(info: &RunInfo) -> Self {
        if info.pr.is_some() {
            Self::Pr
        } else {
            Self::Base
        }
    }

    /// The folder of its run files.
    pub(crate) fn runs(self) -> &'static str {
        match self {
            Self::Base => "v1/runs",
            Self::Pr => "v1/runs-pr",
        }
    }

    /// The folder of its compacted files.
    pub(crate) fn compact(self) -> &'static str {
        match self {
            Self::Base => "v1/compact",
            Self::Pr => "v1/compact-pr",
        }
    }

    /// The folder of its daily counts.
    pub(crate) fn cells(self) -> &'static str {
        match self {
            Self::Base => "v1/cells",
            Self::Pr => "v1/cells-pr",
        }
    }
}

/// One job of one branch of one repository, in one lane: the unit that is compacted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition {
    /// Base or pull requests.
    pub lane: Lane,
    /// The repository.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The job.
    pub job: String,
}

impl Partition {
    /// The partition of a run.
    pub fn of(info: &RunInfo) -> Self {
        let RunKey {
            repo, branch, job, ..
        } = &info.key;
        Self {
            lane: Lane::of(info),
            repo: repo.clone(),
            branch: branch.clone(),
            job: job.clone(),
        }
    }

    /// `repo=../branch=../job=..`, encoded.
    pub(crate) fn folders(&self) -> String {
        format!(
            "repo={}/branch={}/job={}",
            encode(&self.repo),
            encode(&self.branch),
            encode(&self.job)
        )
    }

    pub(crate) fn runs_folder(&self) -> String {
        format!("{}/{}", self.lane.runs(), self.folders())
    }
}

/// The key of a run's file: it follows from the run alone.
pub(crate) fn run_object(info: &RunInfo) -> String {
    format!(
        "{}/date={}/{}",
        Partition::of(info).runs_folder(),
        info.started_at.date(),
        run_file_name(&info.key)
    )
}

pub(crate) fn run_file_name(key: &RunKey) -> String {
    format!("{}-{}.parquet", encode(&key.run), key.attempt)
}

/// The key of a commit.
pub(crate) fn commit_object(number: u64) -> String {
    format!("{COMMITS}/{number:020}.json")
}

/// A name that no other object has: when it was made and 64 random bits.
pub(crate) fn unique_name(now: Timestamp) -> String {
    let made = now.0.max(0);
    format!("{made:013}-{:016x}", crate::store::random())
}

/// When an object of a [`unique_name`] was made.
pub(crate) fn made_at(key: &str) -> Option<Timestamp> {
    let name = key.rsplit('/').next()?;
    let (made, _random) = name.split_once('-')?;
    made.parse().ok().map(Timestamp)
}

/// One part of a key. Only `a-z 0-9 _ - .` (the dot not at an end) stand for themselves, all other bytes are percent-encoded:
/// capitals too, because some file systems do not tell them from small letters. The empty text is a lone `~`; an over-long part is
/// cut and ends in `~` and its XXH3-128. `~` stands nowhere else, so two different texts never give one part.
pub(crate) fn encode(text: &str) -> String {
    if text.is_empty() {
        return "~".to_owned();
    }
    let last = text.len() - 1;
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let plain = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')
            || (byte == b'.' && at != 0 && at != last);
        if plain {
            out.push(char::from(byte));
        } else {
            push_encoded(byte, &mut out);
        }
    }
    if out.len() > LONGEST_PART {
        out.truncate(READABLE_PART);
        return format!("{out}~{:032x}", xxh3_128(text.as_bytes()));
    }
    out
}

fn push_encoded(byte: u8, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    out.push('%');
    out.push(digit(byte >> 4));
    out.push(digit(byte & 15));
}

#[cfg(test)]
mod tests {
    use super::{encode, made_at, run_object, unique_name};
    use model::{RunInfo, RunKey, Timestamp};
    use proptest::prelude::*;

    #[test]
    fn keys_are_readable_where_they_can_be() {
        let info = RunInfo {
            key: RunKey {
                repo: "dask/distributed".to_owned(),
                branch: "main".to_owned(),
                job: "Ubuntu-3.12 queue=1".to_owned(),
                run: "gh/1?x".to_owned(),
                attempt: 2,
            },
            started_at: Timestamp::parse("2026-11-20").unwrap(),
            ..RunInfo::default()
        };
        insta::assert_snapshot!(run_object(&info), @"v1/runs/repo=dask%2Fdistributed/branch=main/job=%55buntu-3.12%20queue%3D1/date=2026-11-20/gh%2F1%3Fx-2.parquet");
    }

    #[test]
    fn dots_and_long_names_are_tamed() {
        assert_eq!(encode(".."), "%2E%2E");
        assert_eq!(encode(""), "~");
        assert_eq!(encode("~"), "%7E");
        let (a, b) = ("x".repeat(5000), "x".repeat(5001));
        assert_ne!(encode(&a), encode(&b));
        assert!(encode(&a).len() <= 120);
    }

    #[test]
    fn a_unique_name_says_when_it_was_made() {
        let name = format!(
            "v1/names/{}.parquet",
            unique_name(Timestamp(1_700_000_000_123))
        );
        assert_eq!(made_at(&name), Some(Timestamp(1_700_000_000_123)));
    }

    proptest! {
        #[test]
        fn different_texts_have_different_parts_on_any_file_system(a in any::<String>(), b in any::<String>()) {
            prop_assume!(a != b);
            prop_assert_ne!(encode(&a).to_lowercase(), encode(&b).to_lowercase());
        }

        #[test]
        fn a_part_is_one_plain_part(a in any::<String>()) {
            let part = encode(&a);
            prop_assert!(part.bytes().all(|b| b.is_ascii_alphanumeric() || b"%~_-.".contains(&b)));
            prop_assert!(!part.starts_with('.') && !part.ends_with('.') && !part.is_empty());
        }
    }
}
