//! Labels: those that a repository lacks are made with their colour and meaning first.

use http::Method;
use serde_json::json;

use crate::call::{Call, encode};
use crate::effects::{Done, Outcome};
use crate::error::{Error, Result};
use crate::facts::Label;
use crate::repo::{Repo, found};

const NEEDS: &str = "pull-requests: write";

/// The label that should be there, or should not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub pr: u64,
    pub name: &'a str,
    pub color: &'a str,
    pub description: &'a str,
}

impl Repo {
    pub(crate) fn add_label(&self, wanted: &Wanted<'_>) -> Outcome {
        if self.has_label(wanted)? {
            return Ok((Done::Unchanged, None));
        }
        self.make_label(wanted)?;
        self.github.memo().forget_labels(self.name(), wanted.pr);
        let rest = format!("/issues/{}/labels", wanted.pr);
        let call = self.write(Method::POST, &rest, &json!({"labels": [wanted.name]}))?;
        let what = self.what(&format!("labelling #{}", wanted.pr));
        // A label is there or not: adding twice is adding once.
        self.ask(&call.to(what, NEEDS).repeatable().soon())?;
        Ok((Done::Created, None))
    }

    pub(crate) fn remove_label(&self, wanted: &Wanted<'_>) -> Outcome {
        if !self.has_label(wanted)? {
            return Ok((Done::Unchanged, None));
        }
        self.github.memo().forget_labels(self.name(), wanted.pr);
        let rest = format!("/issues/{}/labels/{}", wanted.pr, encode(wanted.name));
        let what = self.what(&format!("removing a label of #{}", wanted.pr));
        match self.ask(&Call::delete(self.at(&rest)).to(what, NEEDS)) {
            // An earlier attempt or somebody else was faster.
            Err(error) if error.is_not_found() => Ok((Done::Unchanged, None)),
            Err(error) => Err(error),
            Ok(_) => Ok((Done::Updated, None)),
        }
    }

    fn has_label(&self, wanted: &Wanted<'_>) -> Result<bool> {
        let remembered = self.github.memo().labels(self.name(), wanted.pr);
        let labels = match remembered {
            Some(labels) => labels,
            None => self.labels_of(wanted.pr)?,
        };
        Ok(labels.iter().any(|label| is_same(&label.name, wanted.name)))
    }

    fn make_label(&self, wanted: &Wanted<'_>) -> Result<()> {
        let rest = format!("/labels/{}", encode(wanted.name));
        let known: Option<Label> = found(self.read(&rest, "reading a label", NEEDS))?;
        if known.is_some() {
            return Ok(());
        }
        let body = json!({
            "name": wanted.name,
            "color": wanted.color.to_ascii_lowercase(),
            "description": wanted.description,
        });
        let call = self.write(Method::POST, "/labels", &body)?;
        let call = call.to(self.what("making a label"), "issues: write");
        match self.ask(&call.repeatable()) {
            // It is there already: by an attempt whose answer was lost, or by somebody else.
            Err(Error::Refused {
                status: 422, why, ..
            }) if why.contains("already_exists") => Ok(()),
            other => other.map(drop),
        }
    }
}

/// GitHub does not tell upper from lower case in the name of a label.
fn is_same(there: &str, wanted: &str) -> bool {
    there.to_lowercase() == wanted.to_lowercase()
}
