//! The arguments of `sprag-compare`: parsed text, nothing decided.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::action::inputs::Inputs;

/// Compare a run with history: which failures did this change cause?
#[derive(Debug, Parser)]
#[command(
    name = "sprag-compare",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Count what result files say: suites, tests, passed, failed, errors, skipped, flaked, seconds, problems
    Inspect(Inspect),
    /// Record the results of a run in a history
    Record(Record),
    /// Compare the results of a run with a history and give every failure a verdict
    Check(Check),
    /// Replay a history as if each run were a pull request: what would Sprag have said?
    Backtest(Backtest),
    /// Look after a history
    #[command(subcommand)]
    History(HistoryVerb),
    /// Fill a history from the artifacts of earlier workflow runs
    Backfill(Backfill),
    /// One step of a GitHub workflow: inputs come from the environment (see action.yml)
    Action(Box<Inputs>),
}

/// Arguments of `backfill`.
#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// Where to record
    #[command(flatten)]
    pub(crate) store: Store,
    /// Branch whose runs are recorded [default: the default branch of the repository]
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Only runs of the workflow of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// Artifacts that hold results; what the first `*` stands for is the job
    #[arg(
        long,
        value_name = "GLOB",
        env = "SPRAG_ARTIFACTS",
        default_value = "sprag-results-*"
    )]
    pub(crate) artifacts: String,
    /// How many days to look back
    #[arg(long, default_value_t = 60)]
    pub(crate) days: u32,
    /// How many workflow runs to look at, the newest first
    #[arg(long, default_value_t = 500)]
    pub(crate) runs: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Files, folders or globs (`**` crosses folders, `!` excludes); the format is found from the content
    #[arg(required = true, value_name = "FILE|GLOB")]
    pub(crate) files: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a history is.
#[derive(Debug, Default, Args)]
pub(crate) struct Store {
    /// The history: `file:PATH` or a path, `git:BRANCH`, or `git:URL#BRANCH`
    #[arg(
        long = "history",
        value_name = "STORE",
        env = "SPRAG_HISTORY",
        default_value = "file:.sprag-history"
    )]
    pub(crate) history: String,
}

/// What identifies a run. Everything left out is taken from the CI environment, then from git.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The run (default: from the CI environment and git)")]
pub(crate) struct RunArgs {
    /// Repository, `owner/name`
    #[arg(long)]
    pub(crate) repo: Option<String>,
    /// Job, with its matrix values
    #[arg(long)]
    pub(crate) job: Option<String>,
    /// Commit under test
    #[arg(long)]
    pub(crate) commit: Option<String>,
    /// Run id of the CI system
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Attempt of the run, from 1
    #[arg(long)]
    pub(crate) attempt: Option<u32>,
    /// Pull request number
    #[arg(long)]
    pub(crate) pr: Option<u64>,
    /// Address where a person reads the run
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The run lists only some of its tests, so that a missing test says nothing
    #[arg(long)]
    pub(crate) partial: bool,
}

/// Arguments of `record`.
#[derive(Debug, Default, Args)]
pub(crate) struct Record {
    /// Result files, folders or globs
    #[arg(value_name = "FILE|GLOB")]
    pub(crate) files: Vec<String>,
    /// The same, as a flag
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    pub(crate) results: Vec<String>,
    /// Where to record
    #[command(flatten)]
    pub(crate) store: Store,
    /// What the run is
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Branch that ran; for a pull request the branch it wants to join
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Tree of the commit
    #[arg(long)]
    pub(crate) tree: Option<String>,
    /// When the run started (RFC 3339, a date, or seconds since 1970); default: the files' own time, else now
    #[arg(long)]
    pub(crate) time: Option<String>,
    /// Old results: every folder that holds files is one run, its time is its name (a date or time) or the files' own
    #[arg(long)]
    pub(crate) run_per_folder: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `check`.
#[derive(Debug, Default, Args)]
pub(crate) struct Check {
    /// Result files, folders or globs
    #[arg(value_name = "FILE|GLOB")]
    pub(crate) files: Vec<String>,
    /// The same, as a flag
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    pub(crate) results: Vec<String>,
    /// What to compare with
    #[command(flatten)]
    pub(crate) store: Store,
    /// What the run is
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Base branch
    #[arg(long)]
    pub(crate) base: Option<String>,
    /// Commit where the change left the base
    #[arg(long, value_name = "SHA")]
    pub(crate) merge_base: Option<String>,
    /// Changed files: a file with one path a line, or paths separated by commas
    #[arg(long, value_name = "LIST")]
    pub(crate) changed_files: Option<String>,
    /// Judge as of this moment: nothing recorded later is used
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Verdicts that block, separated by commas; `nothing` for none [default: caused,new-test,outage]
    #[arg(long, value_name = "VERDICTS")]
    pub(crate) fail_on: Option<String>,
    /// Configuration file [default: .sprag.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write one HTML page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<String>,
    /// Also write Markdown for a comment
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<String>,
}

/// Arguments of `backtest`.
#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// What to replay
    #[command(flatten)]
    pub(crate) store: Store,
    /// Repository [default: the only one in the history]
    #[arg(long)]
    pub(crate) repo: Option<String>,
    /// Base branch [default: the only one in the history, else main]
    #[arg(long)]
    pub(crate) base: Option<String>,
    /// Seed of the injected breaks and of the drawn reruns
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Share of runs that get an injected break
    #[arg(long, default_value_t = 0.05)]
    pub(crate) inject: f64,
    /// Judge only runs in this window, `FROM..TO` (either may be empty); earlier runs still teach
    #[arg(long, value_name = "FROM..TO")]
    pub(crate) window: Option<String>,
    /// Configuration file [default: .sprag.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The verbs of `history`.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryVerb {
    /// What the history holds
    Stat(HistoryArgs),
    /// Prove with checksums that nothing is lost, doubled or damaged
    Verify(HistoryArgs),
    /// Merge run files into days and months, and apply retention
    Compact(HistoryCompact),
    /// Rebuild the snapshots that checks read
    Snapshot(HistoryArgs),
    /// The recorded outcomes of one test
    Show(HistoryShow),
    /// Write all rows as CSV or as one JSON object a line
    Export(HistoryExport),
    /// Bring in rows from CSV or NDJSON, gzip or not
    Import(HistoryImport),
}

/// Arguments shared by the verbs of `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// The history
    #[command(flatten)]
    pub(crate) store: Store,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `history compact`.
#[derive(Debug, Args)]
pub(crate) struct HistoryCompact {
    /// The history
    #[command(flatten)]
    pub(crate) common: HistoryArgs,
    /// Drop runs older than this many days, failures and all; 0 keeps them for ever
    #[arg(long, value_name = "DAYS")]
    pub(crate) keep_days: Option<u32>,
    /// Keep every row as it was recorded for this many days; later every outcome stays, and durations as sums by day; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub(crate) full_days: Option<u32>,
    /// Keep every outcome for this many days; later months keep only what failed; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub(crate) outcome_days: Option<u32>,
    /// Keep runs of pull requests for this many days; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub(crate) pr_days: Option<u32>,
    /// The configuration, if it is not .sprag.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
}

/// Arguments of `history show`.
#[derive(Debug, Args)]
pub(crate) struct HistoryShow {
    /// A test: its id, its full name, or a part of its name
    #[arg(value_name = "TEST")]
    pub(crate) test: String,
    /// The history
    #[command(flatten)]
    pub(crate) common: HistoryArgs,
}

/// A format of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// Arguments of `history export`.
#[derive(Debug, Args)]
pub(crate) struct HistoryExport {
    /// The history
    #[command(flatten)]
    pub(crate) store: Store,
    /// The format
    #[arg(value_enum, default_value = "csv")]
    pub(crate) rows: RowFormat,
    /// The same, as a flag
    #[arg(long, value_enum)]
    pub(crate) format: Option<RowFormat>,
    /// Where to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<String>,
}

/// Arguments of `history import`.
#[derive(Debug, Args)]
pub(crate) struct HistoryImport {
    /// FILE.csv, FILE.ndjson, either with .gz
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// The history
    #[command(flatten)]
    pub(crate) store: Store,
    /// Repository of the rows [default: from the CI environment or git, else `local`]
    #[arg(long)]
    pub(crate) repo: Option<String>,
    /// The runs list only some of their tests: the truncated-run guard is off for them
    #[arg(long)]
    pub(crate) partial: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
