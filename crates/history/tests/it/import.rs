//! Old data comes in whole, once, whatever is wrong with single lines.

use std::path::PathBuf;

use history::{Filter, History, ImportOptions, Imported, Progress};
use model::Outcome;

use crate::sample::START;

fn options() -> ImportOptions {
    ImportOptions {
        now: START,
        repo: "org/repo".to_owned(),
        branch: "main".to_owned(),
        job: "default".to_owned(),
        partial: false,
    }
}

fn import(history: &History, text: &str) -> Imported {
    let bytes = text.as_bytes();
    history
        .import_from(bytes, "old.csv", &options(), &mut |_| {})
        .unwrap()
}

fn empty() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().unwrap();
    let history = History::init(folder.path().to_str().unwrap(), START).unwrap();
    (folder, history)
}

#[test]
fn bad_lines_are_told_and_nothing_else_is_lost() {
    let (_folder, history) = empty();
    let text = "\u{FEFF}run,time,branch,job,test,outcome,message,colour\n\
        1,2026-01-01T00:00:00Z,main,j,a,pass,,red\n\
        1,2026-01-01T00:00:00Z,main,j,b,maybe,\n\
        1,yesterday,main,j,c,pass,\n\
        ,2026-01-01T00:00:00Z,main,j,c,pass,\n\
        1,2026-01-01T00:00:00Z\n\
        1,2026-01-01T00:00:00Z,main,j,\"d, the\nsecond\",fail,\"no, \"\"never\"\"\"\n";
    let done = import(&history, text);
    assert_eq!((done.runs, done.rows, done.bad_lines), (1, 2, 4));
    let told: Vec<String> = done.problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    old.csv:3: `maybe` is no outcome (hint: pass, fail, error, skip or flake)
    old.csv:4: not a time: `yesterday` (hint: write 2026-11-20T10:00:00Z)
    old.csv:5: it has no run (hint: the line was left out)
    old.csv:6: it has no test (hint: the line was left out)
    ");
    let filter = Filter {
        with_names: true,
        with_texts: true,
        ..Filter::default()
    };
    let run = history.runs(&filter).unwrap().next().unwrap();
    let failed = run
        .rows
        .iter()
        .find(|row| row.outcome == Outcome::Fail)
        .unwrap();
    assert_eq!(run.names[&failed.id].name, "d, the\nsecond");
    assert_eq!(run.texts[&failed.signature.unwrap()], "no, \"never\"");
}

#[test]
fn ndjson_says_the_same_as_csv() {
    let (_a, from_csv) = empty();
    let (_b, from_json) = empty();
    import(
        &from_csv,
        "run,time,job,test,outcome,message,duration_s,pr\n7,2026-01-01,j,t,flake,boom,1.5,12\n",
    );
    import(
        &from_json,
        r#"{"run":7,"time":"2026-01-01","job":"j","test":"t","outcome":"flake","message":"boom","duration_s":1.5,"pr":12,"url":null}"#,
    );
    let read = |history: &History| {
        history
            .runs(&Filter::default())
            .unwrap()
            .collect::<Vec<_>>()
    };
    assert_eq!(read(&from_csv), read(&from_json));
    assert_eq!(read(&from_csv)[0].rows[0].duration_ms, Some(1500));
    assert_eq!(read(&from_csv)[0].info.pr, Some(12));
}

#[test]
fn a_file_without_the_columns_is_refused_with_a_hint() {
    let (_folder, history) = empty();
    let refused = history.import_from(&b"a,b\n1,2\n"[..], "x.csv", &options(), &mut |_| {});
    insta::assert_snapshot!(refused.unwrap_err(), @"cannot import `x.csv`: its first line has no column `run` (hint: the columns are run,time,branch,job,test,outcome,message,repo,commit,tree,suite,class,duration_s,pr,attempt,url,partial,signature)");
    assert!(
        history
            .import_from(&b""[..], "x.csv", &options(), &mut |_| {})
            .is_err()
    );
}

/// A file of the shared data; `None` with a line on the terminal when the data is not there.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var("SPRAG_SHARED").unwrap_or_else(|_| "../../../shared".to_owned());
    let path = PathBuf::from(root).join("data/histories").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

#[test]
fn a_real_history_comes_in_whole_and_once() {
    let Some(path) = shared("dune-common_debian_11_gcc-10-20.csv.gz") else {
        return;
    };
    let (_folder, history) = empty();
    let mut told = Progress::default();
    let done = history
        .import(&path, &options(), &mut |now| told = now)
        .unwrap();
    assert_eq!((done.rows, done.bad_lines), (33_849, 0));
    assert!(told.rows > 30_000 && told.bytes <= told.of_bytes);
    let again = history.import(&path, &options(), &mut |_| {}).unwrap();
    assert_eq!((again.runs, again.known_runs), (0, done.runs));
    let rows: usize = history
        .runs(&Filter::default())
        .unwrap()
        .map(|run| run.rows.len())
        .sum();
    assert_eq!(
        rows, 33_849,
        "35,140 lines, of which 1,291 are second attempts"
    );
}

fn rows_of(n: u32) -> String {
    let header = "run,time,test,outcome,message\n".to_owned();
    (0..n).fold(header, |text, n| {
        format!("{text}{},2026-01-01T00:00:00Z,test {n},pass,\n", n / 100)
    })
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_file_that_was_cut_off_is_told_and_kept_as_far_as_it_goes() {
    let whole = gzip(&rows_of(20_000));
    let (_folder, history) = empty();
    let cut = &whole[..whole.len() / 2];
    let done = history
        .import_from(cut, "old.csv.gz", &options(), &mut |_| {})
        .unwrap();
    assert!(done.cut && done.rows > 1000, "{} rows", done.rows);
    insta::assert_snapshot!(done.problems[0].what, @"it ends too early: it was cut off");
    let runs: Vec<_> = history.runs(&Filter::default()).unwrap().collect();
    let partial: Vec<bool> = runs.iter().map(|run| run.info.partial).collect();
    assert_eq!(partial.iter().filter(|partial| **partial).count(), 1);
    let lines = (0..9).map(|n| {
        let row = r#"{"run":"1","time":"2026-01-01","outcome":"pass","test":"#;
        format!("{row}\"{n}\"}}")
    });
    let json = lines.collect::<Vec<_>>().join("\n");
    let whole = gzip(&json);
    let (_folder, history) = empty();
    let done = history
        .import_from(
            &whole[..whole.len() - 9],
            "old.ndjson.gz",
            &options(),
            &mut |_| {},
        )
        .unwrap();
    assert!(done.cut && done.rows > 0);
}

#[test]
fn an_unclosed_quote_is_told_with_its_line() {
    let (_folder, history) = empty();
    let text = format!(
        "{}9,2026-01-01T00:00:00Z,\"test,pass,\n{}",
        rows_of(3),
        "9,b\n".repeat(9)
    );
    let done = import(&history, &text);
    assert_eq!((done.cut, done.rows, done.runs), (true, 3, 1));
    insta::assert_snapshot!(done.problems[0], @"old.csv:5: its quote is never closed, so the rest of the file is one cell (hint: what was read before is kept)");
}

#[test]
fn input_without_an_end_is_refused() {
    for byte in [0, b'x', b'"', b'{'] {
        let (_folder, history) = empty();
        let endless = std::io::repeat(byte);
        let read = history.import_from(endless, "zero", &options(), &mut |_| {});
        assert!(read.is_err() || read.unwrap().cut);
    }
}
