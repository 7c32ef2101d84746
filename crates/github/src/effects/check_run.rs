//! Check runs: found by name and external id, written with their annotations in batches.
//!
//! Annotations are added by every update and can never be removed, so what is there is read before more is sent. Two processes that make the same check
//! run at the same moment leave two; both then get the same answer.

use http::Method;
use model::{Annotation, AnnotationLevel, CheckConclusion, Effect};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::effects::{Done, Outcome};
use crate::error::{Error, Result};
use crate::facts::{Check, or_default};
use crate::repo::Repo;

const NEEDS: &str = "checks: write";

/// Annotations of one request.
const BATCH: usize = 50;

/// The check run that should be there.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    sha: &'a str,
    name: &'a str,
    external_id: &'a str,
    conclusion: Option<CheckConclusion>,
    title: &'a str,
    summary: &'a str,
    text: &'a str,
    annotations: &'a [Annotation],
    url: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(effect: &'a Effect) -> Option<Self> {
        let Effect::CheckRun {
            sha,
            name,
            external_id,
            conclusion,
            title,
            summary,
            text,
            annotations,
            url,
        } = effect
        else {
            return None;
        };
        Some(Self {
            sha,
            name,
            external_id,
            conclusion: *conclusion,
            title,
            summary,
            text,
            annotations,
            url: url.as_deref(),
        })
    }

    fn status(&self) -> &'static str {
        self.conclusion.map_or("in_progress", |_| "completed")
    }

    fn is_shown_by(&self, check: &Check) -> bool {
        let conclusion = self.conclusion.map(CheckConclusion::as_str);
        let url = self.url.is_none_or(|url| url == check.details_url);
        check.status == self.status()
            && check.conclusion.as_deref() == conclusion
            && same_text(&check.output.title, self.title)
            && same_text(&check.output.summary, self.summary)
            && same_text(&check.output.text, self.text)
            && url
    }

    fn body(&self, annotations: &[Annotation]) -> Value {
        let mut output = json!({"title": self.title, "summary": self.summary});
        let mut body = json!({
            "name": self.name,
            "external_id": self.external_id,
            "status": self.status(),
        });
        if let Some(output) = output.as_object_mut() {
            if !self.text.is_empty() {
                output.insert("text".to_owned(), self.text.into());
            }
            if !annotations.is_empty() {
                let all = annotations.iter().map(annotation_body).collect();
                output.insert("annotations".to_owned(), Value::Array(all));
            }
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("output".to_owned(), output);
            if let Some(conclusion) = self.conclusion {
                body.insert("conclusion".to_owned(), conclusion.as_str().into());
            }
            if let Some(url) = self.url {
                body.insert("details_url".to_owned(), url.into());
            }
        }
        body
    }
}

impl Repo {
    pub(crate) fn apply_check_run(&self, effect: &Effect) -> Outcome {
        let wanted = Wanted::of(effect).ok_or_else(|| Error::settings("no check run"))?;
        let there = self.find_checks(&wanted)?;
        if there.is_empty() {
            let made = self.make_check(&wanted)?;
            return Ok((Done::Created, url_of(&made)));
        }
        let url = there.first().and_then(url_of);
        let done = self.settle_checks(&wanted, &there)?;
        Ok((done, url))
    }

    /// Those of this name and external id, oldest first.
    fn find_checks(&self, wanted: &Wanted<'_>) -> Result<Vec<Check>> {
        let mut checks = self.check_runs_named(wanted.sha, Some(wanted.name))?;
        checks.retain(|check| check.name == wanted.name && check.external_id == wanted.external_id);
        checks.sort_by_key(|check| check.id);
        Ok(checks)
    }

    fn make_check(&self, wanted: &Wanted<'_>) -> Result<Check> {
        let client = self.github.client();
        let first = wanted.annotations.chunks(BATCH).next().unwrap_or_default();
        let mut body = wanted.body(first);
        if let Some(body) = body.as_object_mut() {
            body.insert("head_sha".to_owned(), wanted.sha.into());
        }
        let call = self.write(Method::POST, "/check-runs", &body)?;
        let call = call.to(self.what("making a check run"), NEEDS);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.ask_json::<Check>(&call) {
                Ok(made) => {
                    if !made.app.slug.is_empty() {
                        self.learn_login(&format!("{}[bot]", made.app.slug));
                    }
                    return self.finish_check(wanted, made);
                }
                Err(error) if error.is_unavailable() => {
                    client.back_off(attempt);
                    if let Some(found) = self.find_checks(wanted)?.into_iter().next() {
                        return self.finish_check(wanted, found);
                    }
                    if attempt >= client.settings.limits.attempts {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The annotations that did not fit, then a look whether somebody made the same.
    fn finish_check(&self, wanted: &Wanted<'_>, made: Check) -> Result<Check> {
        self.converge(wanted, &made)?;
        let all = self.find_checks(wanted)?;
        let others: Vec<Check> = all
            .into_iter()
            .filter(|check| check.id != made.id)
            .collect();
        self.settle_others(wanted, &others)?;
        Ok(made)
    }

    fn settle_checks(&self, wanted: &Wanted<'_>, there: &[Check]) -> Result<Done> {
        let Some((first, others)) = there.split_first() else {
            return Ok(Done::Unchanged);
        };
        let mut done = self.converge(wanted, first)?;
        if self.settle_others(wanted, others)? {
            done = Done::Updated;
        }
        Ok(done)
    }

    /// GitHub shows one of several; none of them may say something else. Whether anything was changed.
    fn settle_others(&self, wanted: &Wanted<'_>, others: &[Check]) -> Result<bool> {
        let mut changed = false;
        for other in others.iter().filter(|other| !wanted.is_shown_by(other)) {
            let call = self.patch_check(wanted, other.id, &[])?;
            self.ask(&call)?;
            changed = true;
        }
        Ok(changed)
    }

    /// Sends what differs and the annotations that are missing, batch by batch.
    fn converge(&self, wanted: &Wanted<'_>, check: &Check) -> Result<Done> {
        let client = self.github.client();
        let mut shown = wanted.is_shown_by(check);
        let mut missing = self.missing(wanted, check)?;
        let mut done = Done::Unchanged;
        let mut attempt = 0;
        while !shown || !missing.is_empty() {
            let batch = missing.get(..BATCH).unwrap_or(&missing);
            let call = self.patch_check(wanted, check.id, batch)?;
            match self.ask(&call) {
                Ok(_) => {
                    missing.drain(..batch.len());
                    shown = true;
                    done = Done::Updated;
                }
                Err(error) if error.is_unavailable() => {
                    attempt += 1;
                    if attempt >= client.settings.limits.attempts {
                        return Err(error);
                    }
                    client.back_off(attempt);
                    missing = without(wanted.annotations, &self.annotations(check.id)?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn missing(&self, wanted: &Wanted<'_>, check: &Check) -> Result<Vec<Annotation>> {
        if wanted.annotations.is_empty() || check.output.annotations_count == 0 {
            return Ok(wanted.annotations.to_vec());
        }
        Ok(without(wanted.annotations, &self.annotations(check.id)?))
    }

    fn annotations(&self, id: u64) -> Result<Vec<There>> {
        let rest = format!("/check-runs/{id}/annotations");
        let target = self.at_query(&rest, &[("per_page", Some("100"))]);
        self.list::<Vec<There>>(target, "reading the annotations of a check run", NEEDS)
            .all()
    }

    /// An update with annotations must not be sent twice: they would be there twice.
    fn patch_check(&self, wanted: &Wanted<'_>, id: u64, batch: &[Annotation]) -> Result<Call> {
        let rest = format!("/check-runs/{id}");
        let call = self.write(Method::PATCH, &rest, &wanted.body(batch))?;
        let call = call.to(self.what("updating a check run"), NEEDS).soon();
        let again = if batch.is_empty() {
            call.again
        } else {
            crate::policy::Again::Unhandled
        };
        Ok(Call { again, ..call })
    }
}

/// An annotation as GitHub shows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct There {
    path: String,
    start_line: u64,
    end_line: u64,
    #[serde(deserialize_with = "or_default")]
    annotation_level: String,
    #[serde(deserialize_with = "or_default")]
    title: String,
    #[serde(deserialize_with = "or_default")]
    message: String,
}

impl There {
    fn is(&self, wanted: &Annotation) -> bool {
        self.path == wanted.path
            && (self.start_line, self.end_line) == (wanted.start_line, wanted.end_line)
            && self.annotation_level == AnnotationLevel::as_str(wanted.level)
            && same_text(&self.title, &wanted.title)
            && same_text(&self.message, &wanted.message)
    }
}

/// What is wanted and not there, each as often as it is wanted.
fn without(wanted: &[Annotation], there: &[There]) -> Vec<Annotation> {
    let mut there = there.to_vec();
    let mut missing = Vec::new();
    for annotation in wanted {
        match there.iter().position(|one| one.is(annotation)) {
            Some(index) => drop(there.swap_remove(index)),
            None => missing.push(annotation.clone()),
        }
    }
    missing
}

/// GitHub may trim and end lines its own way.
fn same_text(there: &str, wanted: &str) -> bool {
    there == wanted || there.trim().lines().eq(wanted.trim().lines())
}

fn annotation_body(annotation: &Annotation) -> Value {
    let mut body = json!({
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level.as_str(),
        "message": annotation.message,
    });
    if let Some(body) = body.as_object_mut() {
        for (key, text) in [
            ("title", &annotation.title),
            ("raw_details", &annotation.raw),
        ] {
            if !text.is_empty() {
                body.insert(key.to_owned(), text.as_str().into());
            }
        }
    }
    body
}

fn url_of(check: &Check) -> Option<String> {
    (!check.html_url.is_empty()).then(|| check.html_url.clone())
}
