//! Whose our comments are. Anybody can write a marker, so the author decides, and who we are is known or learned, never guessed.
//!
//! GitHub tells an App by its key what it is called and a person's token by `GET /user`; the token of an installation may ask neither. Its name
//! stands in the answer to whatever it writes: the creator of a status, the App of a check run, the author of a comment.

use crate::call::Call;
use crate::error::{Error, Result};
use crate::facts::{Account, Comment};
use crate::repo::Repo;

impl Repo {
    /// The login that our comments are by; none when only an answer to a write will tell.
    pub(crate) fn login(&self) -> Result<Option<String>> {
        let client = self.github.client();
        let memo = self.github.memo();
        // An answer of GitHub is more than what somebody believes.
        if let Some(known) = memo.login().or_else(|| client.settings.login.clone()) {
            return Ok(Some(known));
        }
        if let Some(app) = client.app_login(self.name())? {
            return Ok(Some(app));
        }
        if client.settings.credentials.is_installation() {
            return Ok(None);
        }
        let asked = self.ask_login()?;
        if let Some(login) = &asked {
            memo.learn_login(login);
        }
        Ok(asked)
    }

    fn ask_login(&self) -> Result<Option<String>> {
        let what = self.what("asking who this token is");
        let call = Call::get("/user".to_owned(), what, "metadata: read");
        match self.ask_json::<Account>(&call) {
            Ok(user) => Ok(Some(user.login)),
            // A token of an installation that does not look like one.
            Err(Error::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a write other than a comment should come first, because its answer says who we are.
    pub(crate) fn has_to_learn(&self) -> bool {
        let settings = &self.github.client().settings;
        settings.login.is_none()
            && settings.credentials.is_installation()
            && self.github.memo().login().is_none()
    }

    /// The author of what we have just written.
    pub(crate) fn learn_login(&self, login: &str) {
        // With its own key an App has a name for each repository that is right already.
        let is_token = !self.github.client().settings.credentials.is_app();
        if is_token && !login.is_empty() {
            self.github.memo().learn_login(login);
        }
    }

    /// Our own oldest comment that holds `marker`. While it is not known who we are, the oldest that a bot wrote: it may be ours, and
    /// [`Repo::apply`] changes it only when it is.
    ///
    /// # Errors
    /// Any [`Error`] of asking GitHub.
    pub fn comment_by_marker(&self, number: u64, marker: &str) -> Result<Option<Comment>> {
        let login = self.login()?;
        let comments = self.comments(number)?;
        let may_be_ours = |comment: &Comment| match &login {
            Some(login) => comment.is_ours(login, marker),
            None => comment.is_by_a_bot(marker),
        };
        let found = comments.into_iter().filter(may_be_ours);
        Ok(found.min_by_key(|comment| comment.id))
    }
}

impl Comment {
    /// Whether it is by `login` and holds `marker`.
    pub fn is_ours(&self, login: &str, marker: &str) -> bool {
        let is_by = !login.is_empty() && self.user.login.eq_ignore_ascii_case(login);
        is_by && self.body.contains(marker)
    }

    /// Whether it is by some App and begins with `marker`: bots quote, and a quote comes later in the text.
    pub(crate) fn is_by_a_bot(&self, marker: &str) -> bool {
        self.user.kind == "Bot" && self.body.starts_with(marker)
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{Account, Comment};

    fn comment(login: &str, kind: &str, body: &str) -> Comment {
        Comment {
            body: body.to_owned(),
            user: Account {
                login: login.to_owned(),
                kind: kind.to_owned(),
            },
            ..Comment::default()
        }
    }

    #[test]
    fn the_author_decides_and_nobody_is_no_author() {
        let ours = |login, body| comment(login, "Bot", body).is_ours("Sprag[bot]", "<!-- m -->");
        assert!(ours("sprag[bot]", "<!-- m --> a"));
        assert!(!ours("other[bot]", "<!-- m --> a"));
        assert!(!ours("sprag[bot]", "a"));
        assert!(!comment("", "User", "<!-- m -->").is_ours("", "<!-- m -->"));
    }

    #[test]
    fn what_a_person_wrote_or_a_bot_quotes_is_no_bot_s_comment() {
        let by_a_bot = |kind, body| comment("x", kind, body).is_by_a_bot("<!-- m -->");
        assert!(by_a_bot("Bot", "<!-- m --> a"));
        assert!(!by_a_bot("Bot", "> <!-- m --> a"));
        assert!(!by_a_bot("User", "<!-- m --> a"));
    }
}
