//! Replays CSV histories: `cargo run --release -p verdict --example backtest_csv -- FILE.csv.gz [first|second]`.
#![allow(missing_docs)]
use std::collections::BTreeMap;
use std::io::Read;

use model::*;

fn fields(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![];
    let mut row = vec![];
    let mut cell = String::new();
    let mut quoted = false;
    let mut it = text.chars().peekable();
    while let Some(c) = it.next() {
        if quoted {
            if c == '"' {
                if it.peek() == Some(&'"') {
                    cell.push('"');
                    it.next();
                } else {
                    quoted = false;
                }
            } else {
                cell.push(c);
            }
            continue;
        }
        match c {
            '"' => quoted = true,
            ',' => row.push(std::mem::take(&mut cell)),
            '\r' => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

fn load(path: &str) -> Vec<RecordedRun> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let rows = fields(&text);
    let head: BTreeMap<&str, usize> = rows[0]
        .iter()
        .enumerate()
        .map(|(i, h)| (h.as_str(), i))
        .collect();
    let mut runs: BTreeMap<(String, String), (Timestamp, Vec<TestResult>)> = BTreeMap::new();
    for row in &rows[1..] {
        let get = |h: &str| row[head[h]].as_str();
        let outcome = match get("outcome") {
            "pass" => Outcome::Pass,
            "fail" => Outcome::Fail,
            "error" => Outcome::Error,
            _ => Outcome::Skip,
        };
        let mut attempt = Attempt::of(outcome);
        if outcome.is_failure() && !get("message").is_empty() {
            attempt.failure = Some(Failure::of(get("message")));
        }
        let at = Timestamp::parse(get("time")).unwrap();
        let run = runs
            .entry((get("job").into(), get("run").into()))
            .or_insert((at, vec![]));
        run.0 = at;
        run.1.push(TestResult {
            test: TestName::new("", None, get("test")),
            attempts: vec![attempt],
        });
    }
    let mut out: Vec<RecordedRun> = runs
        .into_iter()
        .map(|((job, run), (at, results))| {
            let info = RunInfo {
                key: RunKey {
                    repo: "r".into(),
                    branch: "main".into(),
                    job,
                    run,
                    attempt: 1,
                },
                started_at: at,
                partial: true,
                ..Default::default()
            };
            RecordedRun::of(
                info,
                &TestRun {
                    results,
                    started_at: None,
                },
            )
        })
        .collect();
    out.sort_by_key(|r| r.info.started_at);
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runs = load(&args[1]);
    let (a, b) = (
        runs[0].info.started_at,
        runs[runs.len() - 1].info.started_at,
    );
    let mid = Timestamp((a.0 + b.0) / 2);
    let mut o = verdict::Options::default();
    match args.get(2).map(String::as_str) {
        Some("first") => o.to = Some(mid),
        Some("second") => o.from = Some(mid),
        _ => {}
    }
    if let Some(s) = args.get(3) {
        o.seed = s.parse().unwrap();
    }
    let config: verdict::Config = std::env::var("CFG").map_or_else(
        |_| verdict::Config::default(),
        |c| serde_json::from_str(&c).unwrap(),
    );
    let t = std::time::Instant::now();
    let r = verdict::backtest(&config, &o, &runs);
    let total = f64::from(r.innocent + r.injected);
    let verbose = std::env::var("V").is_ok();
    if verbose {
        println!(
            "{} runs {} innocent {} injected {} skipped {} red {} rr/red {:.2}  {:.1}s",
            args[1].rsplit('/').next().unwrap(),
            runs.len(),
            r.innocent,
            r.injected,
            r.skipped,
            r.red,
            f64::from(r.reruns) / f64::from(r.red),
            t.elapsed().as_secs_f64()
        );
        for (rule, x) in &r.rules {
            println!(
                "{rule:12} fa {:6.2} recall {:.3} precision {:.3}",
                100.0 * f64::from(x.fa) / total,
                f64::from(x.hit) / f64::from(r.injected),
                f64::from(x.hit) / f64::from(x.flag)
            );
        }
        for th in [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99] {
            let fa = r.top.iter().filter(|x| x.0 >= th).count();
            let hit = r
                .top
                .iter()
                .filter(|x| x.1.is_some_and(|p| p >= th))
                .count();
            println!(
                "  at {th}: fa {:.2} recall {:.3}",
                100.0 * fa as f64 / total,
                hit as f64 / f64::from(r.injected)
            );
        }
    }
    let full = |top: &[(f64, Option<f64>)], want: f64| {
        let mut p: Vec<f64> = top.iter().filter_map(|x| x.1).collect();
        p.sort_by(f64::total_cmp);
        let k = ((1.0 - want) * p.len() as f64) as usize;
        let th = p.get(k).copied().unwrap_or(0.0);
        let fa = top.iter().filter(|x| x.0 >= th).count();
        (th, 100.0 * fa as f64 / total)
    };
    let show = |n: &str| {
        r.rules.get(n).map_or("fa 0 rec 0".to_string(), |x| {
            format!(
                "fa {:.2} rec {:.3}",
                100.0 * f64::from(x.fa) / total,
                f64::from(x.hit) / f64::from(r.injected)
            )
        })
    };
    let a = full(&r.top, 0.95);
    let b = full(&r.top, 0.4);
    let c = full(&r.top_rr, 0.96);
    println!(
        "{:28} inj {} | no-rr {} | rr3 {} rr/red {:.2} | fa@.95 {:.2} (th {:.3}) fa@.40 {:.2} (th {:.3}) rr fa@.96 {:.2} | r98x2 {} twice {} r98 {}",
        args[1]
            .rsplit('/')
            .next()
            .unwrap()
            .chars()
            .take(28)
            .collect::<String>(),
        r.injected,
        show("ours"),
        show("ours3"),
        f64::from(r.reruns) / f64::from(r.red),
        a.1,
        a.0,
        b.1,
        b.0,
        c.1,
        show("rate98twice"),
        show("twice"),
        show("rate98")
    );
    let (mut ece, mut brier) = (0.0, 0.0);
    for b in 0..10 {
        let inb: Vec<_> = r
            .preds
            .iter()
            .filter(|p| ((p.0 * 10.0) as usize).min(9) == b)
            .collect();
        if inb.is_empty() {
            continue;
        }
        let n = inb.len() as f64;
        let mp = inb.iter().map(|p| p.0).sum::<f64>() / n;
        let my = inb.iter().filter(|p| p.1).count() as f64 / n;
        ece += n / r.preds.len() as f64 * (mp - my).abs();
        if verbose {
            println!("  bin {b}: n {n} mean {mp:.3} true {my:.3}");
        }
    }
    for p in &r.preds {
        brier += (p.0 - f64::from(u8::from(p.1))).powi(2);
    }
    println!("ece {ece:.4} brier {:.4}", brier / r.preds.len() as f64);
}
