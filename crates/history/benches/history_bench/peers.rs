//! `SQLite` and `PostgreSQL` holding the same rows: one job of 6,000 tests, 90 days, by their own command-line tools, where they are on this
//! machine. One process each, as our own figures beside them.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use history::Scan;

use crate::{
    Args,
    generate::{DAYS, Generator},
    ours::{baseline_scan, day, generator},
};

/// A figure of a peer: name, `SQLite`, `PostgreSQL`.
pub(crate) type Peer = (&'static str, String, String);

const JOB: usize = 6;
const REPEAT: usize = 5;

pub(crate) fn run(args: &Args) -> Vec<Peer> {
    if !args.peers {
        return Vec::new();
    }
    let folder = tempfile::tempdir().unwrap();
    let generator = generator(args.rows);
    let csv = folder.path().join("rows.csv");
    let rows = write_rows(&generator, &csv);
    let scan = baseline_scan(&generator).1;
    let ids = folder.path().join("ids.csv");
    write_ids(&scan, &ids);
    let sqlite = sqlite(folder.path(), rows).unwrap_or_default();
    let postgres = postgres(folder.path(), rows).unwrap_or_default();
    let names = [
        "bytes/row compacted",
        "ingest of runs, 1 thread",
        BASELINE,
        ONE_JOB,
    ];
    let figure = |list: &[String], at: usize| {
        list.get(at)
            .cloned()
            .unwrap_or_else(|| "not on this machine".to_owned())
    };
    let peers = names.iter().enumerate();
    peers
        .map(|(at, name)| (*name, figure(&sqlite, at), figure(&postgres, at)))
        .collect()
}

pub(crate) const BASELINE: &str = "baseline of 5,000 tests, 14 days, 1 thread";
pub(crate) const ONE_JOB: &str = "regression scan of one job, 37 days, 1 thread";

fn write_rows(generator: &Generator, path: &Path) -> u64 {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut rows = 0;
    for run in generator.runs(JOB, 0..DAYS) {
        for row in &run.rows {
            rows += 1;
            writeln!(
                out,
                "{JOB},{},{},{},{},{},{}",
                row.id.0,
                run.info.started_at.0,
                run.info.key.run,
                row.outcome.code(),
                u8::from(row.flaked),
                row.duration_ms.unwrap_or(0)
            )
            .unwrap();
        }
    }
    rows
}

fn write_ids(scan: &Scan, path: &Path) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    scan.ids
        .iter()
        .for_each(|id| writeln!(out, "{}", id.0).unwrap());
}

/// The baseline and the regression query, in the SQL of both.
fn queries() -> [String; 2] {
    let sums =
        "count(*) filter (where outcome<3), count(*) filter (where outcome in (1,2)), sum(flaked)";
    let (from, until, cut) = (day(DAYS - 14).0, day(DAYS).0, day(DAYS - 7).0);
    let old = day(DAYS - 37).0;
    [
        format!(
            "select count(*), sum(a), sum(b), sum(c) from (select test, {} from rows join ids using (test) where job={JOB} and ts>={from} and ts<{until} group by test) q;",
            named(sums)
        ),
        format!(
            "select count(*), sum(a), sum(b), sum(c) from (select test, ts>={cut}, {} from rows where job={JOB} and ts>={old} and ts<{until} group by 1,2) q;",
            named(sums)
        ),
    ]
}

fn named(sums: &str) -> String {
    let names = ["a", "b", "c"];
    let parts = sums
        .split(", count")
        .collect::<Vec<_>>()
        .join(";count")
        .replace(", sum", ";sum");
    let parts = parts
        .split(';')
        .zip(names)
        .map(|(sum, name)| format!("{sum} as {name}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn sqlite(folder: &Path, rows: u64) -> Option<Vec<String>> {
    let db = folder.join("rows.sqlite");
    let create = format!(
        "pragma journal_mode=wal; pragma synchronous=normal;\n\
         create table rows(job int, test int, ts int, run int, outcome int, flaked int, ms int, primary key(job,test,ts,run)) without rowid;\n\
         create table ids(test integer primary key);\n.timer on\nbegin;\n.mode csv\n.import {} rows\n.import {} ids\ncommit;\nanalyze;\n",
        folder.join("rows.csv").display(),
        folder.join("ids.csv").display()
    );
    let clock = std::time::Instant::now();
    script("sqlite3", &[db.to_str()?], &create)?;
    let took = clock.elapsed().as_secs_f64();
    let size = std::fs::metadata(&db).ok()?.len();
    let mut figures = vec![
        format!("{:.1}", size as f64 / rows as f64),
        format!("{:.2} M rows/s", rows as f64 / took / 1e6),
    ];
    for query in queries() {
        let text = format!(
            "pragma cache_size=-400000; pragma mmap_size=4000000000;\n.timer on\n{}",
            format!("{query}\n").repeat(REPEAT)
        );
        let out = script("sqlite3", &[db.to_str()?], &text)?;
        let times = out.lines().filter_map(|line| {
            let real = line.strip_prefix("Run Time: real ")?.split(' ').next()?;
            real.parse::<f64>().ok().map(|s| s * 1e3)
        });
        figures.push(median(times.collect()));
    }
    Some(figures)
}

fn median(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    times
        .get(times.len() / 2)
        .map_or_else(String::new, |ms| format!("{ms:.1} ms"))
}

/// Runs a tool on a script; its output, or nothing when it is not there.
fn script(tool: &str, given: &[&str], text: &str) -> Option<String> {
    let mut child = Command::new(tool)
        .args(given)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let out = child.wait_with_output().ok()?;
    String::from_utf8(out.stdout).ok()
}

fn postgres(folder: &Path, rows: u64) -> Option<Vec<String>> {
    // It refuses to run as root.
    let data = std::env::temp_dir().join(format!("sprag-bench-pg-{}", std::process::id()));
    std::fs::create_dir_all(&data).ok()?;
    let is_root = script("id", &["-u"], "").is_some_and(|id| id.trim() == "0");
    if is_root
        && !Command::new("chown")
            .args(["postgres", data.to_str()?])
            .status()
            .ok()?
            .success()
    {
        return None;
    }
    let server = Server { data, is_root };
    server.run(
        "initdb",
        &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"],
    )?;
    let options = format!(
        "-k {} -h '' -c shared_buffers=400MB -c max_parallel_workers_per_gather=0 -c max_wal_size=4GB",
        server.data.display()
    );
    server.run("pg_ctl", &["-w", "-o", &options, "start"])?;
    let figures = server.figures(folder, rows);
    server.run("pg_ctl", &["-m", "immediate", "stop"]);
    let _removed = std::fs::remove_dir_all(&server.data);
    figures
}

struct Server {
    data: std::path::PathBuf,
    is_root: bool,
}

impl Server {
    fn run(&self, tool: &str, given: &[&str]) -> Option<()> {
        let data = self.data.to_str()?;
        let mut all = if self.is_root {
            vec!["-u", "postgres", "--", tool]
        } else {
            vec![]
        };
        all.extend(["-D", data]);
        all.extend(given);
        let program = if self.is_root { "runuser" } else { tool };
        let status = Command::new(program)
            .args(all)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.ok()?.success().then_some(())
    }

    fn sql(&self, text: &str) -> Option<String> {
        script(
            "psql",
            &["-h", self.data.to_str()?, "-U", "postgres", "-Atq"],
            text,
        )
    }

    fn figures(&self, folder: &Path, rows: u64) -> Option<Vec<String>> {
        let load = format!(
            "create table rows(job int, test bigint, ts bigint, run bigint, outcome smallint, flaked int, ms int);\n\
             create table ids(test bigint primary key);\n\\copy rows from '{}' csv\n\\copy ids from '{}' csv\n\
             create index on rows(job,test,ts) include (outcome,flaked);\n",
            folder.join("rows.csv").display(),
            folder.join("ids.csv").display()
        );
        let clock = std::time::Instant::now();
        self.sql(&load)?;
        let took = clock.elapsed().as_secs_f64();
        self.sql("vacuum analyze;")?;
        let size: f64 = self
            .sql("select pg_total_relation_size('rows');")?
            .trim()
            .parse()
            .ok()?;
        let mut figures = vec![
            format!("{:.1}", size / rows as f64),
            format!("{:.2} M rows/s", rows as f64 / took / 1e6),
        ];
        for query in queries() {
            let out = self.sql(&format!(
                "\\timing on\n{}",
                format!("{query}\n").repeat(REPEAT)
            ))?;
            let times = out.lines().filter_map(|line| {
                line.strip_prefix("Time: ")?
                    .split(' ')
                    .next()?
                    .parse::<f64>()
                    .ok()
            });
            figures.push(median(times.collect()));
        }
        Some(figures)
    }
}
