//! One comment of ours for each marker, whatever happens on the way.
//!
//! List first, add only when there is none, list again after adding and keep the oldest: two processes that add at the same moment then agree on
//! which one stays. A lost answer is looked for before anything is sent again. What cannot be confirmed is an error, and the next run heals it.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use crate::call::Call;
use crate::effects::{Done, Outcome, is_missing};
use crate::error::{Error, Result, one_line};
use crate::facts::Comment;
use crate::repo::Repo;

const NEEDS: &str = "pull-requests: write";

/// How often a comment that we look at can be deleted by others before we give up.
const ROUNDS: u32 = 3;

/// How often the list is asked again when it does not show yet what we just added.
const NOT_YET: u32 = 4;

/// The comment that should be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub pr: u64,
    pub marker: &'a str,
    pub body: &'a str,
    pub create: bool,
}

impl Repo {
    pub(crate) fn apply_comment(&self, wanted: &Wanted<'_>) -> Outcome {
        let login = self.login()?;
        let login = login.as_deref();
        let remembered = self.github.memo().comments(self.name(), wanted.pr);
        let mut listed = match remembered {
            Some(comments) => comments,
            None => self.list_comments(wanted.pr)?,
        };
        for _ in 0..ROUNDS {
            let ours = match login {
                Some(login) => ours(&listed, login, wanted.marker),
                None => self.none_that_may_be_ours(&listed, wanted)?,
            };
            if ours.is_empty() && !wanted.create {
                return Ok((Done::Unchanged, None));
            }
            if ours.is_empty() {
                self.github.memo().forget_comments(self.name(), wanted.pr);
                return self.add_comment(wanted, login);
            }
            match self.settle(wanted, &ours) {
                // Deleted meanwhile: what we know is old.
                Err(error) if is_missing(&error) => listed = self.list_comments(wanted.pr)?,
                settled => return settled,
            }
        }
        Err(Error::Stale {
            what: self.what(&format!("commenting on #{}", wanted.pr)),
        })
    }

    /// Nothing of ours, for a token that does not know its login yet. A comment of a bot could be ours or not: it is left alone, and so is the
    /// pull request, because a second comment of ours would be as wrong.
    fn none_that_may_be_ours(
        &self,
        listed: &[Comment],
        wanted: &Wanted<'_>,
    ) -> Result<BTreeMap<u64, Comment>> {
        let other = listed
            .iter()
            .find(|comment| comment.is_by_a_bot(wanted.marker));
        match other {
            None => Ok(BTreeMap::new()),
            Some(other) => Err(Error::settings(format!(
                "{}: there is one by {} with our marker, and this token does not tell whether that is its own login (hint: let the commit status be written, \
                 whose answer tells it, or set SPRAG_LOGIN)",
                self.what(&format!("commenting on #{}", wanted.pr)),
                one_line(&other.user.login),
            ))),
        }
    }

    /// The oldest gets the text, the others go.
    fn settle(&self, wanted: &Wanted<'_>, ours: &BTreeMap<u64, Comment>) -> Outcome {
        let Some(oldest) = ours.values().next() else {
            return Ok((Done::Unchanged, None));
        };
        let mut done = Done::Unchanged;
        if !is_same(&oldest.body, wanted.body) {
            self.github.memo().forget_comments(self.name(), wanted.pr);
            self.edit_comment(wanted, oldest.id)?;
            done = Done::Updated;
        }
        for id in ours.keys().skip(1) {
            self.github.memo().forget_comments(self.name(), wanted.pr);
            self.delete_comment(*id)?;
            done = Done::Updated;
        }
        Ok((done, url_of(oldest)))
    }

    fn add_comment(&self, wanted: &Wanted<'_>, login: Option<&str>) -> Outcome {
        let client = self.github.client();
        let rest = format!("/issues/{}/comments", wanted.pr);
        let call = self.write(Method::POST, &rest, &json!({"body": wanted.body}))?;
        let call = call.to(self.what(&format!("commenting on #{}", wanted.pr)), NEEDS);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.ask_json::<Comment>(&call) {
                Ok(added) => {
                    self.learn_login(&added.user.login);
                    return self.confirm(wanted, &added, attempt > 1);
                }
                Err(error) if is_uncertain(&error) => {
                    client.back_off(attempt);
                    let listed = self.list_comments(wanted.pr)?;
                    if let Some(found) = sent(&listed, login, wanted) {
                        return self.confirm(wanted, &found, true);
                    }
                    if attempt >= client.settings.limits.attempts {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lists again after adding. `uncertain`: an earlier attempt may still be on its way, so the list is read once more, later.
    fn confirm(&self, wanted: &Wanted<'_>, added: &Comment, uncertain: bool) -> Outcome {
        let login = added.user.login.as_str();
        if uncertain {
            self.github.client().back_off(2);
        }
        let mut ours = self.list_until_seen(wanted, login, added.id)?;
        ours.entry(added.id).or_insert_with(|| added.clone());
        match self.settle(wanted, &ours) {
            // Ours was the younger and the other process has removed it, or the oldest was removed by hand.
            Err(error) if is_missing(&error) => {
                let ours = self.list_ours(wanted, login)?;
                self.settle(wanted, &ours)?;
            }
            settled => {
                settled?;
            }
        }
        let url = ours.values().next().and_then(url_of);
        Ok((Done::Created, url))
    }

    /// A list that is behind does not show what we added; nor would it show what others added at the same moment.
    fn list_until_seen(
        &self,
        wanted: &Wanted<'_>,
        login: &str,
        id: u64,
    ) -> Result<BTreeMap<u64, Comment>> {
        let mut attempt = 1;
        loop {
            let ours = self.list_ours(wanted, login)?;
            // An older one shows that ours was the younger, perhaps removed already.
            if ours.keys().next().is_some_and(|oldest| *oldest <= id) || attempt >= NOT_YET {
                return Ok(ours);
            }
            self.github.client().back_off(attempt);
            attempt += 1;
        }
    }

    fn list_ours(&self, wanted: &Wanted<'_>, login: &str) -> Result<BTreeMap<u64, Comment>> {
        let listed = self.comments(wanted.pr)?;
        Ok(ours(&listed, login, wanted.marker))
    }

    fn edit_comment(&self, wanted: &Wanted<'_>, id: u64) -> Result<()> {
        let rest = format!("/issues/comments/{id}");
        let call = self.write(Method::PATCH, &rest, &json!({"body": wanted.body}))?;
        let what = self.what(&format!("editing a comment on #{}", wanted.pr));
        self.ask(&call.to(what, NEEDS))?;
        Ok(())
    }

    fn delete_comment(&self, id: u64) -> Result<()> {
        let call = Call::delete(self.at(&format!("/issues/comments/{id}")));
        let call = call.to(self.what("removing a comment that is there twice"), NEEDS);
        match self.ask(&call) {
            Err(error) if !is_missing(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The answer was lost, or is no comment: it may be there.
fn is_uncertain(error: &Error) -> bool {
    error.is_unavailable() || matches!(error, Error::BadAnswer { .. })
}

/// What an attempt without an answer may have left. While our login is not known that is the very text: there was no comment of a bot with our marker
/// when it was sent.
fn sent(listed: &[Comment], login: Option<&str>, wanted: &Wanted<'_>) -> Option<Comment> {
    let is_it = |comment: &&Comment| match login {
        Some(login) => comment.is_ours(login, wanted.marker),
        None => comment.is_by_a_bot(wanted.marker) && is_same(&comment.body, wanted.body),
    };
    let found = listed.iter().filter(is_it);
    found.min_by_key(|comment| comment.id).cloned()
}

fn ours(listed: &[Comment], login: &str, marker: &str) -> BTreeMap<u64, Comment> {
    listed
        .iter()
        .filter(|comment| comment.is_ours(login, marker))
        .map(|comment| (comment.id, comment.clone()))
        .collect()
}

/// GitHub may end lines its own way.
fn is_same(there: &str, wanted: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let text = text.trim_end();
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    there == wanted || lines(there) == lines(wanted)
}

fn url_of(comment: &Comment) -> Option<String> {
    (!comment.html_url.is_empty()).then(|| comment.html_url.clone())
}

#[cfg(test)]
mod tests {
    use super::{is_same, ours};
    use crate::facts::{Account, Comment};

    fn comment(id: u64, login: &str, body: &str) -> Comment {
        Comment {
            id,
            body: body.to_owned(),
            user: Account {
                login: login.to_owned(),
                kind: "Bot".to_owned(),
            },
            ..Comment::default()
        }
    }

    #[test]
    fn a_marker_written_by_others_is_not_ours() {
        let listed = [
            comment(3, "bot", "<!-- m --> a"),
            comment(1, "mallory", "<!-- m --> b"),
            comment(2, "bot", "other"),
            comment(4, "Bot", "<!-- m --> c"),
        ];
        let ids: Vec<u64> = ours(&listed, "bot", "<!-- m -->").into_keys().collect();
        assert_eq!(ids, [3, 4]);
    }

    #[test]
    fn line_ends_make_no_difference() {
        assert!(is_same("a \r\nb\r\n", "a \nb"));
        assert!(!is_same("a", "b"));
    }
}
