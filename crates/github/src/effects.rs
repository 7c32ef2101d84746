//! Making effects true: compare, write only what differs, read back what is uncertain.

mod check_run;
mod comment;
mod label;
mod limits;
mod status;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

use model::Effect;

use crate::error::{Error, Result};
use crate::repo::Repo;

/// Effects that are applied side by side. GitHub asks for few writes at a time.
const SIDE_BY_SIDE: usize = 4;

/// What became of one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What was done, or why not.
    pub result: Result<Done>,
    /// Where it can be seen, if GitHub said so.
    pub url: Option<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Something new was made.
    Created,
    /// Something that was there was changed or removed.
    Updated,
    /// It was so already.
    Unchanged,
    /// Nothing: [`crate::Settings::dry_run`].
    WouldDo,
}

/// What was done and where it can be seen.
pub(crate) type Outcome = Result<(Done, Option<String>)>;

impl Repo {
    /// Makes effects true, side by side where they touch different things; the answers are in the order of the effects.
    ///
    /// Applying twice changes nothing. What [`Repo::comments`], [`Repo::labels_of`] and [`Repo::statuses`] read through this [`crate::Github`]
    /// during the last half minute is not read again. A status whose predecessor was not read is written without looking: GitHub shows the
    /// newest one of a context, so the state is the same.
    pub fn apply(&self, effects: &[Effect]) -> Vec<Applied> {
        if self.github.client().settings.dry_run {
            return effects
                .iter()
                .map(|_| applied(Ok((Done::WouldDo, None))))
                .collect();
        }
        let results = Mutex::new(BTreeMap::new());
        let (first, then) = self.in_two(groups(effects), effects);
        self.apply_groups(first, effects, &results);
        self.apply_groups(then, effects, &results);
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.into_values().collect()
    }

    /// What has to be written first because it tells whose comments are ours, and the rest.
    fn in_two(
        &self,
        groups: Vec<Vec<usize>>,
        effects: &[Effect],
    ) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        if !self.has_to_learn() {
            return (groups, Vec::new());
        }
        let is_comment = |group: &Vec<usize>| {
            let first = group.first().and_then(|index| effects.get(*index));
            matches!(first, Some(Effect::Comment { .. }))
        };
        let (comments, others) = groups.into_iter().partition(is_comment);
        (others, comments)
    }

    fn apply_groups(
        &self,
        groups: Vec<Vec<usize>>,
        effects: &[Effect],
        results: &Mutex<BTreeMap<usize, Applied>>,
    ) {
        let helpers = groups.len().min(SIDE_BY_SIDE).saturating_sub(1);
        let queue = Mutex::new(groups);
        let work = || {
            while let Some(group) = take(&queue) {
                for index in group {
                    let Some(effect) = effects.get(index) else {
                        continue;
                    };
                    let one = applied(self.apply_one(effect));
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.insert(index, one);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..helpers {
                // A thread that cannot be started is one helper less.
                let _helper = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
    }

    fn apply_one(&self, effect: &Effect) -> Outcome {
        limits::check(effect)?;
        match effect {
            Effect::Comment {
                pr,
                marker,
                body,
                create,
            } => self.apply_comment(&comment::Wanted {
                pr: *pr,
                marker,
                body,
                create: *create,
            }),
            Effect::Label {
                pr,
                name,
                present,
                color,
                description,
            } => {
                let wanted = label::Wanted {
                    pr: *pr,
                    name,
                    color,
                    description,
                };
                if *present {
                    self.add_label(&wanted)
                } else {
                    self.remove_label(&wanted)
                }
            }
            Effect::Status { .. } => self.apply_status(effect),
            Effect::CheckRun { .. } => self.apply_check_run(effect),
        }
    }
}

fn applied(outcome: Outcome) -> Applied {
    match outcome {
        Ok((done, url)) => Applied {
            result: Ok(done),
            url,
        },
        Err(error) => Applied {
            result: Err(error),
            url: None,
        },
    }
}

fn take(queue: &Mutex<Vec<Vec<usize>>>) -> Option<Vec<usize>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// Effects on one thing stay in their order, in one thread.
fn groups(effects: &[Effect]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, effect) in effects.iter().enumerate() {
        groups.entry(target(effect)).or_default().push(index);
    }
    groups.into_values().collect()
}

fn target(effect: &Effect) -> String {
    match effect {
        Effect::Comment { pr, marker, .. } => format!("comment {pr} {marker}"),
        Effect::Label { pr, .. } => format!("label {pr}"),
        Effect::Status { sha, context, .. } => format!("status {sha} {context}"),
        Effect::CheckRun {
            sha,
            name,
            external_id,
            ..
        } => format!("check {sha} {name} {external_id}"),
    }
}

/// The object is gone, or the token may not see it: the caller looks again.
fn is_missing(error: &Error) -> bool {
    error.is_not_found() || matches!(error, Error::Denied { status: 404, .. })
}

#[cfg(test)]
mod tests {
    use model::Effect;

    use super::groups;

    fn label(pr: u64, name: &str) -> Effect {
        Effect::Label {
            pr,
            name: name.to_owned(),
            present: true,
            color: "ffffff".to_owned(),
            description: String::new(),
        }
    }

    #[test]
    fn effects_on_one_thing_stay_in_order() {
        let effects = [label(1, "a"), label(2, "b"), label(1, "a")];
        assert_eq!(groups(&effects), [vec![0, 2], vec![1]]);
    }
}
