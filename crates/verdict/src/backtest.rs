//! Replays a history as if each run were a pull request.

use std::collections::BTreeMap;

use model::{DAY_MS, Outcome, RecordedRun, Signature, TestId};

use crate::odds::{Odds, RunFacts, Seen, judge_run};
use crate::{Baseline, Config};

/// How to replay.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    pub inject: f64,
    pub warm_up_days: f64,
    pub from: Option<model::Timestamp>,
    pub to: Option<model::Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 7,
            inject: 0.05,
            warm_up_days: 30.0,
            from: None,
            to: None,
        }
    }
}

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Truth {
    Unknown,
    Base,
    Real,
    Flake,
    Mixed,
}

struct Hindsight {
    seq: BTreeMap<(u32, TestId), Vec<(i64, bool)>>,
}

fn truth(v: &[(i64, bool)], i: usize) -> Truth {
    let next: Vec<bool> = v[i + 1..].iter().take(5).map(|x| x.1).collect();
    if next.len() < 2 {
        return Truth::Unknown;
    }
    if next.iter().all(|f| *f) {
        return if i > 0 && v[i - 1].1 {
            Truth::Base
        } else {
            Truth::Real
        };
    }
    if !next[0] { Truth::Flake } else { Truth::Mixed }
}

#[derive(Default, Clone, Debug)]
pub struct Tally {
    pub fa: u32,
    pub hit: u32,
    pub flag: u32,
    pub tp: u32,
}

#[derive(Default, Clone, Debug)]
pub struct Outcome2 {
    pub innocent: u32,
    pub injected: u32,
    pub skipped: u32,
    pub red: u32,
    pub reruns: u32,
    pub rules: BTreeMap<&'static str, Tally>,
    pub preds: Vec<(f64, bool)>,
    pub top: Vec<(f64, Option<f64>)>,
    pub top_rr: Vec<(f64, Option<f64>)>,
}

pub fn backtest(config: &Config, options: &Options, runs: &[RecordedRun]) -> Outcome2 {
    let mut jobs: BTreeMap<&str, u32> = BTreeMap::new();
    let mut hs = Hindsight {
        seq: BTreeMap::new(),
    };
    let mut pos: Vec<Vec<usize>> = Vec::new();
    for run in runs {
        let n = jobs.len() as u32;
        let job = *jobs.entry(&run.info.key.job).or_insert(n);
        let mut p = Vec::new();
        for row in &run.rows {
            if row.outcome == Outcome::Skip {
                p.push(0);
                continue;
            }
            let v = hs.seq.entry((job, row.id)).or_default();
            p.push(v.len());
            v.push((run.info.started_at.0, row.outcome.is_failure()));
        }
        pos.push(p);
    }
    let mut real: Vec<(TestId, Signature, &str)> = Vec::new();
    for (r, run) in runs.iter().enumerate() {
        let job = jobs[run.info.key.job.as_str()];
        for (i, row) in run.rows.iter().enumerate() {
            if row.outcome.is_failure()
                && let Some(s) = row.signature
            {
                if truth(&hs.seq[&(job, row.id)], pos[r][i]) == Truth::Real {
                    real.push((row.id, s, run.texts.get(&s).map_or("", String::as_str)));
                }
            }
        }
    }
    let mut out = Outcome2::default();
    let repeats = if runs.len() > 5000 { 1 } else { 40 };
    let mut rngs: Vec<Rng> = (0..repeats)
        .map(|k| Rng(options.seed.wrapping_add(k * 1_000_003)))
        .collect();
    let mut base = Baseline::default();
    let t0 = runs[0].info.started_at.0 + (options.warm_up_days * DAY_MS as f64) as i64;
    for (r, run) in runs.iter().enumerate() {
        let at = run.info.started_at;
        let wanted =
            at.0 >= t0 && options.from.is_none_or(|f| at >= f) && options.to.is_none_or(|f| at < f);
        if wanted {
            for rng in &mut rngs {
                let mut rng = Rng(rng
                    .0
                    .wrapping_add((r as u64).wrapping_mul(0xD134_2543_DE82_EF95)));
                rng.next();
                let rng = &mut rng;
                one(
                    config, options, &hs, &jobs, &pos[r], run, &base, rng, &real, &mut out,
                );
            }
        }
        base.observe(run);
    }
    if std::env::var("DBG").is_ok() {
        eprintln!("{:?}", base.learnt);
        eprintln!(
            "entries {} sigs {} steadiness {}",
            base.entries.len(),
            base.signatures.len(),
            base.learnt.steadiness()
        );
    }
    out
}

#[allow(clippy::too_many_arguments)]
fn one<'a>(
    config: &Config,
    options: &Options,
    hs: &Hindsight,
    jobs: &BTreeMap<&str, u32>,
    pos: &[usize],
    run: &'a RecordedRun,
    base: &Baseline,
    rng: &mut Rng,
    real: &[(TestId, Signature, &'a str)],
    out: &mut Outcome2,
) {
    let job = jobs[run.info.key.job.as_str()];
    let at = run.info.started_at;
    let fails: Vec<usize> = (0..run.rows.len())
        .filter(|i| run.rows[*i].outcome.is_failure())
        .collect();
    let labels: Vec<Truth> = fails
        .iter()
        .map(|i| truth(&hs.seq[&(job, run.rows[*i].id)], pos[*i]))
        .collect();
    if labels
        .iter()
        .any(|l| matches!(l, Truth::Unknown | Truth::Real | Truth::Mixed))
    {
        out.skipped += 1;
        return;
    }
    let mut injected = None;
    if rng.unit() < options.inject {
        let p: Vec<usize> = (0..run.rows.len())
            .filter(|i| run.rows[*i].outcome == Outcome::Pass)
            .collect();
        if !p.is_empty() {
            injected = Some(p[rng.below(p.len())]);
        }
    }
    if injected.is_some() {
        out.injected += 1
    } else {
        out.innocent += 1
    }
    let all: Vec<usize> = fails.iter().copied().chain(injected).collect();
    if all.is_empty() {
        return;
    }
    out.red += 1;
    let bjob = base.job_index(&run.info.key.job);
    let mut blame: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    let mut seen = Vec::new();
    let mut reruns = Vec::new();
    for &i in &all {
        let row = &run.rows[i];
        let v = &hs.seq[&(job, row.id)];
        let g = Some(i) == injected;
        let a = v.partition_point(|x| x.0 < at.0 - 28 * DAY_MS);
        let b = v.partition_point(|x| x.0 < at.0);
        let n = b - a;
        let f = v[a..b].iter().filter(|x| x.1).count();
        let last = (b > a).then(|| v[b - 1].1);
        let again: [bool; 3] = std::array::from_fn(|_| rerun(v, pos[i], at.0, rng) || g);
        let r1 = again[0];
        reruns.push(again);
        let good = n > 0 && (n - f) as f64 / n as f64 >= 0.98;
        let mut add = |rule, yes| {
            if yes {
                blame.entry(rule).or_default().push(i)
            }
        };
        add("any", true);
        add("rate98", good);
        add("prevpass", last == Some(false));
        add("twice", r1);
        add("rate98twice", r1 && good);
        let (signature, text) = if g {
            let pick = (0..5)
                .map(|_| (!real.is_empty()).then(|| real[rng.below(real.len())]))
                .collect::<Vec<_>>();
            let c = pick
                .iter()
                .flatten()
                .find(|c| c.0 != row.id)
                .or(pick[0].as_ref());
            c.map_or((None, ""), |c| (Some(c.1), c.2))
        } else {
            (
                row.signature,
                row.signature
                    .and_then(|s| run.texts.get(&s))
                    .map_or("", String::as_str),
            )
        };
        seen.push(Seen {
            id: row.id,
            signature,
            text,
            touched: 1.0,
            elsewhere: 0.0,
        });
    }
    let prior = base.prior();
    let mut ran = 0;
    let mut expected = 0.0;
    for row in run.rows.iter().filter(|r| r.outcome.ran()) {
        ran += 1;
        expected += bjob
            .and_then(|j| base.entry(row.id, j))
            .map_or(prior.mean(), |e| prior.mean_after(e.rate.counts(at)));
    }
    let facts = RunFacts {
        job: bjob,
        at,
        merge_base: u32::MAX,
        ran,
        expected,
        seen,
    };
    let odds = judge_run(config, base, &facts);
    let (mut top, mut top_rr, mut pi, mut pi_rr) = (0.0f64, 0.0f64, None, None);
    for (k, &i) in all.iter().enumerate() {
        let row = &run.rows[i];
        let g = Some(i) == injected;
        let mut o: Odds = odds[k];
        let p0 = o.p_caused();
        out.preds.push((p0, g));
        if g {
            pi = Some(p0)
        } else {
            top = top.max(p0)
        }
        if p0 >= config.caused_at {
            blame.entry("ours").or_default().push(i)
        }
        let mut used = 0;
        while !o.settled(config) && used < config.max_reruns {
            used += 1;
            o = o.after_rerun(config, reruns[k][used as usize - 1]);
        }
        let p = o.p_caused();
        out.reruns += used;
        if g {
            pi_rr = Some(p)
        } else {
            top_rr = top_rr.max(p)
        }
        if p >= config.caused_at {
            blame.entry("ours3").or_default().push(i)
        }
    }
    out.top.push((top, pi));
    out.top_rr.push((top_rr, pi_rr));
    for (rule, list) in blame {
        let t = out.rules.entry(rule).or_default();
        let hit = injected.is_some_and(|i| list.contains(&i));
        t.flag += 1;
        t.fa += u32::from(list.iter().any(|i| Some(*i) != injected));
        t.hit += u32::from(hit);
    }
}

fn rerun(v: &[(i64, bool)], i: usize, at: i64, rng: &mut Rng) -> bool {
    let a = v.partition_point(|x| x.0 < at - 3 * DAY_MS);
    let b = v.partition_point(|x| x.0 <= at + 3 * DAY_MS);
    let (mut n, mut f) = (0.0, 0.0);
    for (k, x) in v[a..b].iter().enumerate() {
        if a + k != i {
            n += 1.0;
            f += f64::from(u8::from(x.1));
        }
    }
    rng.unit() < (f + 0.02) / (n + 1.0)
}
