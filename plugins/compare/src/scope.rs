//! Which part of a history is meant when the user does not say.

use std::collections::BTreeSet;

use history::{Lane, Partition};
use model::RunKey;

use crate::error::Error;

/// What is known without asking the history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'a> {
    /// The repository.
    pub(crate) repo: Option<&'a str>,
    /// The base branch.
    pub(crate) branch: Option<&'a str>,
    /// The job.
    pub(crate) job: Option<&'a str>,
}

impl Scope<'_> {
    /// Whether nothing is left to ask the history.
    pub(crate) fn is_known(&self) -> bool {
        self.repo.is_some() && self.branch.is_some() && self.job.is_some()
    }

    /// Sets the parts of `key` that are not known to the only one that the history holds. A part that is known stays, and so does
    /// one that the history does not hold at all: then there is no baseline, and the report says so.
    ///
    /// # Errors
    /// [`Error::Argument`] when the history holds several and `key` names none of them.
    pub(crate) fn fill(&self, key: &mut RunKey, held: &BTreeSet<Partition>) -> Result<(), Error> {
        let base = held.iter().filter(|of| of.lane == Lane::Base);
        let mut left: Vec<&Partition> = base.collect();
        choose("--repo", self.repo, &mut key.repo, &mut left, |of| &of.repo)?;
        choose("--base", self.branch, &mut key.branch, &mut left, |of| {
            &of.branch
        })?;
        choose("--job", self.job, &mut key.job, &mut left, |of| &of.job)
    }
}

fn choose(
    flag: &str,
    known: Option<&str>,
    part: &mut String,
    left: &mut Vec<&Partition>,
    get: impl Fn(&Partition) -> &String,
) -> Result<(), Error> {
    let held: BTreeSet<&String> = left.iter().map(|of| get(of)).collect();
    if known.is_none() && !held.contains(part) {
        match held.len() {
            0 => {}
            1 => held
                .first()
                .into_iter()
                .for_each(|only| part.clone_from(only)),
            _ => return Err(several(flag, &held)),
        }
    }
    left.retain(|of| get(of) == part);
    Ok(())
}

fn several(flag: &str, held: &BTreeSet<&String>) -> Error {
    const NAMED: usize = 12;
    let mut names: Vec<&str> = held.iter().take(NAMED).map(|name| name.as_str()).collect();
    if held.len() > NAMED {
        names.push("...");
    }
    Error::argument(
        format!("the history holds several: {}", names.join(", ")),
        format!("name one with {flag}"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use history::{Lane, Partition};
    use model::RunKey;

    use super::Scope;

    fn held(jobs: &[&str]) -> BTreeSet<Partition> {
        let partition = |job: &&str| Partition {
            lane: Lane::Base,
            repo: "acme/shop".to_owned(),
            branch: "main".to_owned(),
            job: (*job).to_owned(),
        };
        jobs.iter().map(partition).collect()
    }

    fn filled(scope: Scope<'_>, jobs: &[&str]) -> Result<RunKey, String> {
        let mut key = RunKey {
            repo: "local".to_owned(),
            branch: "topic".to_owned(),
            job: scope.job.unwrap_or("default").to_owned(),
            ..RunKey::default()
        };
        scope
            .fill(&mut key, &held(jobs))
            .map(|()| key)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_only_one_is_meant() {
        let key = filled(Scope::default(), &["unit"]).unwrap();
        assert_eq!(
            (key.repo.as_str(), key.branch.as_str(), key.job.as_str()),
            ("acme/shop", "main", "unit")
        );
    }

    #[test]
    fn of_several_one_must_be_named() {
        let error = filled(Scope::default(), &["unit", "e2e"]).unwrap_err();
        assert!(
            error.contains("e2e, unit") && error.contains("--job"),
            "{error}"
        );
        let named = Scope {
            job: Some("e2e"),
            ..Scope::default()
        };
        assert_eq!(filled(named, &["unit", "e2e"]).unwrap().job, "e2e");
    }

    #[test]
    fn what_is_named_stays_even_when_the_history_does_not_hold_it() {
        let named = Scope {
            job: Some("new"),
            ..Scope::default()
        };
        assert_eq!(filled(named, &["unit"]).unwrap().job, "new");
    }
}
