//! What a plugin wants to be so on GitHub: desired states, never commands.
//!
//! An effect is plain data, so a plugin can be tested by what it returns, `--dry-run` can print it, and applying it
//! twice changes nothing. `crates/github` makes effects true and knows the limits of GitHub.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One desired state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// A pull request has exactly one comment of ours that holds `marker`, and its text is `body`.
    Comment {
        /// Number of the pull request.
        pr: u64,
        /// What tells this comment from every other of the same author; part of `body`, usually in an HTML comment.
        marker: String,
        /// Markdown, at most 65,536 characters.
        body: String,
        /// False: only edit a comment that is there, never add one.
        create: bool,
    },
    /// A pull request carries a label, or does not.
    Label {
        /// Number of the pull request.
        pr: u64,
        /// At most 50 characters.
        name: String,
        /// Whether the pull request has it.
        present: bool,
        /// Six hexadecimal digits without `#`; used only when the repository lacks the label.
        color: String,
        /// At most 100 characters; used only when the repository lacks the label.
        description: String,
    },
    /// The newest status of a commit under `context` is this one.
    Status {
        /// The commit, 40 hexadecimal digits.
        sha: String,
        /// What it is called in the list of checks: `sprag/compare`.
        context: String,
        /// What it says.
        state: StatusState,
        /// One line; shortened to 140 characters when it is longer.
        description: String,
        /// Where its "Details" lead.
        url: Option<String>,
    },
    /// A commit has a check run of this name and external id, with this content.
    ///
    /// GitHub cannot remove annotations: those of an earlier version stay. Another `external_id` makes another check run.
    CheckRun {
        /// The commit, 40 hexadecimal digits.
        sha: String,
        /// What it is called in the list of checks.
        name: String,
        /// Tells runs of one name apart: the run of the workflow that made it.
        external_id: String,
        /// None: still in progress.
        conclusion: Option<CheckConclusion>,
        /// The line above the summary, at most 255 characters.
        title: String,
        /// Markdown, at most 65,535 characters and bytes.
        summary: String,
        /// Markdown below the summary, at most 65,535 characters and bytes; empty for none.
        text: String,
        /// At places in files of the commit; any number.
        annotations: Vec<Annotation>,
        /// Where its "Details" lead.
        url: Option<String>,
    },
}

/// What a commit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// Nothing blocks.
    Success,
    /// Something blocks.
    Failure,
    /// It could not be decided. Blocks where the status is required.
    Error,
    /// Not known yet. Blocks where the status is required.
    Pending,
}

/// How a check run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckConclusion {
    /// Nothing blocks.
    Success,
    /// Something blocks.
    Failure,
    /// Neither; does not block where the check is required.
    Neutral,
    /// It was not needed; does not block where the check is required.
    Skipped,
    /// It was stopped.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// A person has to decide.
    ActionRequired,
}

/// A remark at lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Annotation {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// From 1.
    pub start_line: u64,
    /// At or after `start_line`.
    pub end_line: u64,
    /// How it is shown.
    pub level: AnnotationLevel,
    /// At most 255 characters; empty for none.
    pub title: String,
    /// At most 64 kB; never empty.
    pub message: String,
    /// Shown when unfolded, at most 64 kB; empty for none.
    pub raw: String,
}

/// How an annotation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnnotationLevel {
    /// For information.
    Notice,
    /// Worth a look.
    Warning,
    /// Wrong.
    Failure,
}

impl StatusState {
    /// GitHub's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Pending => "pending",
        }
    }
}

impl CheckConclusion {
    /// GitHub's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::ActionRequired => "action_required",
        }
    }
}

impl AnnotationLevel {
    /// GitHub's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What `--dry-run` prints: a line that says what would be so, then the text, indented so that no line of it can pass for a
/// line of ours or for a command to a runner.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment {
                pr, body, create, ..
            } => {
                let verb = if *create { "have" } else { "edit" };
                write!(f, "{verb} the comment on #{pr}")?;
                indented(f, body)
            }
            Self::Label {
                pr, name, present, ..
            } => {
                let verb = if *present { "set" } else { "remove" };
                write!(f, "{verb} label {} on #{pr}", Line(name))
            }
            Self::Status {
                sha,
                context,
                state,
                description,
                ..
            } => {
                let (context, description) = (Line(context), Line(description));
                let (sha, state) = (Line(sha), state.as_str());
                write!(f, "set status {context} of {sha} to {state}: {description}")
            }
            Self::CheckRun { .. } => self.fmt_check_run(f),
        }
    }
}

impl Effect {
    fn fmt_check_run(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::CheckRun {
            sha,
            name,
            conclusion,
            title,
            summary,
            text,
            annotations,
            ..
        } = self
        else {
            return Ok(());
        };
        let state = conclusion.map_or("in progress", CheckConclusion::as_str);
        let (name, sha, title) = (Line(name), Line(sha), Line(title));
        let count = annotations.len();
        write!(f, "set check run {name} of {sha} to {state}: {title}")?;
        write!(f, " ({count} annotations)")?;
        indented(f, summary)?;
        indented(f, text)
    }
}

/// Text of others on a single line: control characters become spaces.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        self.0.chars().try_for_each(|c| write!(f, "{}", shown(c)))
    }
}

/// The bar keeps a line that starts with `::` from being a command to a runner.
fn indented(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.lines()
        .try_for_each(|line| write!(f, "\n  | {}", Line(line)))
}

#[cfg(test)]
mod tests {
    use super::{Annotation, AnnotationLevel, CheckConclusion, Effect, StatusState};

    fn comment() -> Effect {
        Effect::Comment {
            pr: 7,
            marker: "<!-- sprag:compare -->".to_owned(),
            body: "<!-- sprag:compare -->\n::set-output name=a::b\r\u{1b}[31m".to_owned(),
            create: true,
        }
    }

    #[test]
    fn no_line_of_a_printed_effect_can_act_on_a_runner_or_a_terminal() {
        assert_eq!(
            comment().to_string(),
            "have the comment on #7\n  | <!-- sprag:compare -->\n  | ::set-output name=a::b  [31m"
        );
    }

    #[test]
    fn a_status_is_one_line() {
        let status = Effect::Status {
            sha: "abc".to_owned(),
            context: "sprag/compare".to_owned(),
            state: StatusState::Failure,
            description: "2 of 5\nlook caused".to_owned(),
            url: None,
        };
        assert_eq!(
            status.to_string(),
            "set status sprag/compare of abc to failure: 2 of 5 look caused"
        );
    }

    #[test]
    fn a_check_run_says_how_many_annotations_it_carries() {
        let check = Effect::CheckRun {
            sha: "abc".to_owned(),
            name: "sprag/compare".to_owned(),
            external_id: "1".to_owned(),
            conclusion: Some(CheckConclusion::TimedOut),
            title: "t".to_owned(),
            summary: "s".to_owned(),
            text: String::new(),
            annotations: vec![Annotation {
                path: "a.py".to_owned(),
                start_line: 1,
                end_line: 1,
                level: AnnotationLevel::Failure,
                title: String::new(),
                message: "m".to_owned(),
                raw: String::new(),
            }],
            url: None,
        };
        assert_eq!(
            check.to_string(),
            "set check run sprag/compare of abc to timed_out: t (1 annotations)\n  | s"
        );
    }

    #[test]
    fn effects_survive_json() {
        let json = serde_json::to_string(&comment()).unwrap();
        assert!(json.starts_with(r#"{"effect":"comment""#));
        assert_eq!(serde_json::from_str::<Effect>(&json).unwrap(), comment());
    }
}
