//! A history on a branch of the fake GitHub, whose every request and answer is checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use fake_github::{FakeGithub, Fault, Options, What, When};
use github::{Credentials, Github, Limits, Settings};
use history::{BaselineOf, BranchStore, Filter, History, Needed, Pace, Recorded};
use model::{
    Attempt, Outcome, RecordedRun, RunInfo, RunKey, TestName, TestResult, TestRun, Timestamp,
};

use super::ApiRemote;

const NOW: Timestamp = Timestamp(1_795_132_800_000);
const BRANCH: &str = "sprag-history";

const QUICK: Pace = Pace {
    pause: Duration::from_millis(20),
    longest_pause: Duration::from_secs(2),
    patience: Duration::from_mins(5),
    lease: Duration::from_secs(2),
};

struct World {
    fake: FakeGithub,
    token: String,
}

impl World {
    fn new() -> Self {
        let fake = FakeGithub::start(Options::default());
        fake.repo("acme/shop")
            .push_commit("main", &[("a.txt", b"a".as_slice())]);
        let token = fake.token(&["contents: write"]);
        Self { fake, token }
    }

    /// A history as a new process opens it.
    fn history_of(&self, token: &str) -> history::Result<History> {
        let remote = Box::new(self.remote(token));
        let store = BranchStore::new(remote, QUICK, host::now);
        History::init_in(Arc::new(store), NOW)
    }

    fn remote(&self, token: &str) -> ApiRemote {
        let settings = Settings {
            api_url: self.fake.url(),
            credentials: Credentials::Token(token.into()),
            limits: Limits {
                first_wait: Duration::from_millis(5),
                longest_wait: Duration::from_millis(200),
                attempts: 4,
                ..Limits::default()
            },
            ..Settings::default()
        };
        let repo = Github::new(settings).unwrap().repo("acme/shop").unwrap();
        ApiRemote::new(repo, BRANCH)
    }

    /// A history as a recorder of the base opens it.
    fn recorder(&self) -> history::Result<History> {
        let remote = Box::new(self.remote(&self.token));
        let store = BranchStore::for_files(remote, QUICK, host::now);
        History::init_in(Arc::new(store), NOW)
    }

    fn history(&self) -> History {
        self.history_of(&self.token).unwrap()
    }

    /// What was asked since the last time, without the answers' sizes.
    fn asked(&self) -> Vec<String> {
        let log = self.fake.log();
        self.fake.clear_log();
        log.iter()
            .map(|line| format!("{} {}", line.method, line.path))
            .collect()
    }
}

fn run(n: u32, pr: Option<u64>) -> RecordedRun {
    let info = RunInfo {
        key: RunKey {
            repo: "acme/shop".to_owned(),
            branch: "main".to_owned(),
            job: "unit".to_owned(),
            run: format!("{n}"),
            attempt: 1,
        },
        started_at: NOW.plus_days(-f64::from(n) / 50.0),
        commit: format!("{n:040x}"),
        pr,
        ..RunInfo::default()
    };
    let result = |t: u32| TestResult {
        test: TestName::new("suite", None, &format!("test_{t}")),
        attempts: vec![Attempt::of(if (t + n).is_multiple_of(9) {
            Outcome::Fail
        } else {
            Outcome::Pass
        })],
    };
    RecordedRun::of(
        info,
        &TestRun {
            results: (0..20).map(result).collect(),
            started_at: None,
        },
    )
}

fn numbers(history: &History) -> BTreeSet<u32> {
    let proof = history.verify().unwrap();
    assert_eq!((proof.problems, proof.doubled_runs), (vec![], 0));
    let mut read = history.runs(&Filter::default()).unwrap();
    let runs: Vec<RecordedRun> = read.by_ref().collect();
    assert_eq!(read.finish().unwrap(), []);
    let all: BTreeSet<u32> = runs
        .iter()
        .map(|run| run.info.key.run.parse().unwrap())
        .collect();
    assert_eq!(all.len(), runs.len());
    all
}

#[test]
fn a_check_asks_twice_and_a_pull_request_is_recorded_with_one_call() {
    let world = World::new();
    for n in 0..3 {
        assert_eq!(
            world.history().record_at(&run(n, None), NOW).unwrap(),
            Recorded::New
        );
    }
    world.asked();
    let history = world.history();
    let of = BaselineOf {
        repo: "acme/shop".to_owned(),
        branch: "main".to_owned(),
        at: NOW.plus_days(0.1),
    };
    let ids: Vec<_> = run(1, None).rows.iter().map(|row| row.id).collect();
    let read = history
        .baseline(
            &of,
            Some(&Needed {
                ids: &ids,
                job: Some("unit"),
            }),
        )
        .unwrap();
    assert_eq!((read.from_snapshot, read.runs_read), (true, 0));
    history.record_at(&run(100, Some(7)), NOW).unwrap();
    let asked = world.asked();
    let kinds: Vec<&str> = asked
        .iter()
        .map(|line| line.split("/acme/shop").next().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["GET /repos", "GET /repos", "PUT /repos"],
        "{asked:?}"
    );
    assert_eq!(numbers(&world.history()), BTreeSet::from([0, 1, 2, 100]));
    world.fake.assert_clean();
}

#[test]
fn squashing_leaves_one_commit_and_everything_in_it() {
    let world = World::new();
    for n in 0..4 {
        world.history().record_at(&run(n, None), NOW).unwrap();
        world
            .history()
            .put_part(("run", &format!("job {n}")), b"part", NOW)
            .unwrap();
    }
    assert!(world.history().squash(0).unwrap());
    assert_eq!(world.fake.repo("acme/shop").commits_of(BRANCH).len(), 1);
    assert_eq!(numbers(&world.history()), (0..4).collect());
    assert_eq!(world.history().parts("run").unwrap().len(), 4);
    world.history().record_at(&run(9, None), NOW).unwrap();
    assert_eq!(numbers(&world.history()).len(), 5);
    world.fake.assert_clean();
}

fn status(status: u16) -> What {
    What::Status {
        status,
        retry_after: None,
    }
}

fn first(on: &str, times: u64, what: What) -> Fault {
    Fault {
        on: on.to_owned(),
        when: When::First(times),
        what,
    }
}

#[test]
fn a_head_that_a_replica_does_not_have_yet_is_not_made_anew() {
    let world = World::new();
    for n in 0..3 {
        world.history().record_at(&run(n, None), NOW).unwrap();
        world
            .history()
            .record_at(&run(10 + n, Some(7)), NOW)
            .unwrap();
    }
    let history = world.history();
    for times in 1..4 {
        let lag = first("GET */contents/v1/head", times, status(404));
        world.fake.faults(vec![lag]);
        let n = u32::try_from(times).unwrap();
        history.record_at(&run(20 + n, None), NOW).unwrap();
        world
            .history()
            .record_at(&run(30 + n, Some(7)), NOW)
            .unwrap();
    }
    world.fake.faults(vec![]);
    let all = [0..3, 10..13, 21..24, 31..34];
    assert_eq!(
        numbers(&world.history()),
        all.into_iter().flatten().collect()
    );
}

#[test]
fn objects_that_a_replica_does_not_have_yet_are_asked_for_again() {
    let world = World::new();
    world.history().record_at(&run(0, None), NOW).unwrap();
    let late = [
        "GET */git/blobs/*",
        "GET */git/commits/*",
        "GET */git/trees/*",
    ];
    let late = late.map(|on| first(on, 2, status(404)));
    world.fake.faults(late.to_vec());
    world.history().record_at(&run(1, None), NOW).unwrap();
    assert_eq!(numbers(&world.history()), (0..2).collect());
}

#[test]
fn a_refused_move_gives_the_lock_back_at_once() {
    for (refusal, may_write) in [(422, true), (409, true), (403, false), (404, false)] {
        let world = World::new();
        world.history().record_at(&run(0, None), NOW).unwrap();
        let once = first("PATCH *", 1, status(refusal));
        world.fake.faults(vec![once]);
        let start = Instant::now();
        let squashed = world.history().squash(0);
        world.history().record_at(&run(1, Some(7)), NOW).unwrap();
        assert!(start.elapsed() < QUICK.lease, "{refusal}");
        match squashed {
            Ok(done) => assert!(done && may_write, "{refusal}"),
            Err(error) => assert!(error.is_read_only() && !may_write, "{refusal}"),
        }
    }
}

#[test]
fn a_token_that_can_only_read_is_told_so() {
    let world = World::new();
    world.history().record_at(&run(1, None), NOW).unwrap();
    let reader = world.fake.token(&["contents: read"]);
    let history = world.history_of(&reader).unwrap();
    assert_eq!(numbers(&history), BTreeSet::from([1]));
    assert!(
        history
            .record_at(&run(2, Some(3)), NOW)
            .unwrap_err()
            .is_read_only()
    );
    assert!(
        history
            .record_at(&run(3, None), NOW)
            .unwrap_err()
            .is_read_only()
    );
    assert_eq!(numbers(&world.history()), BTreeSet::from([1]));
}

/// What a person does when the other side is away: the same again.
fn retried<T>(work: impl Fn() -> history::Result<T>) -> T {
    loop {
        match work() {
            Ok(done) => return done,
            Err(error) if error.is_unavailable() => {}
            refused => return refused.unwrap(),
        }
    }
}

fn storm(world: &World, writers: u32) {
    thread::scope(|scope| {
        for n in 0..writers {
            scope.spawn(move || {
                let pr = (n % 2 == 0).then_some(7);
                retried(|| world.history_of(&world.token)?.record_at(&run(n, pr), NOW));
                if n % 8 == 0 {
                    // Refused while another one squashes, or with a fault: the next one will.
                    let _tried = world
                        .history_of(&world.token)
                        .and_then(|history| history.squash(0));
                }
            });
        }
    });
    world.fake.faults(vec![]);
    assert_eq!(numbers(&world.history()), (0..writers).collect());
    world.fake.assert_clean();
}

#[test]
fn fifty_recorders_and_squashers_at_once_all_land() {
    storm(&World::new(), 50);
}

#[test]
fn fifty_recorders_of_the_base_at_once_cost_few_calls() {
    let world = World::new();
    world.history().record_at(&run(1000, None), NOW).unwrap();
    world.asked();
    thread::scope(|scope| {
        for n in 0..50 {
            let world = &world;
            scope.spawn(move || {
                let history = world.recorder().unwrap();
                history.record_at(&run(n, None), NOW).unwrap();
                history.squash(crate::remote::SQUASH_ABOVE).unwrap();
            });
        }
    });
    let asked = world.asked();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in &asked {
        let (method, path) = line.split_once(" /repos/acme/shop/").unwrap();
        let kind: Vec<&str> = path.split('/').take(2).collect();
        *kinds
            .entry(format!("{method} {}", kind.join("/")))
            .or_default() += 1;
    }
    println!("{} calls for 50 recorders: {kinds:?}", asked.len());
    assert!(asked.len() <= 50 * 28, "one alone needs 10");
    let mut all: BTreeSet<u32> = (0..50).collect();
    all.insert(1000);
    assert_eq!(numbers(&world.history()), all);
    world.fake.assert_clean();
}

#[test]
fn recorders_and_squashers_lose_nothing_when_answers_are_lost_and_refused() {
    let world = World::new();
    world.history().record_at(&run(1000, None), NOW).unwrap();
    let chance = |probability, seed| When::Chance { probability, seed };
    world.fake.faults(vec![
        Fault {
            on: "PUT *".to_owned(),
            when: chance(0.1, 1),
            what: What::ResetAfterHandling,
        },
        Fault {
            on: "PUT *".to_owned(),
            when: chance(0.1, 2),
            what: status(409),
        },
        Fault {
            on: "PATCH *".to_owned(),
            when: chance(0.1, 3),
            what: What::ResetAfterHandling,
        },
        Fault {
            on: "PATCH *".to_owned(),
            when: chance(0.1, 4),
            what: status(502),
        },
        Fault {
            on: "POST *".to_owned(),
            when: chance(0.05, 5),
            what: status(422),
        },
        Fault {
            on: "POST *".to_owned(),
            when: chance(0.05, 6),
            what: What::Reset,
        },
        Fault {
            on: "GET *".to_owned(),
            when: chance(0.05, 7),
            what: What::Truncated,
        },
    ]);
    let writers = 16;
    thread::scope(|scope| {
        for n in 0..writers {
            let world = &world;
            scope.spawn(move || {
                retried(|| {
                    world
                        .history_of(&world.token)?
                        .record_at(&run(n, (n % 2 == 0).then_some(7)), NOW)
                });
                if n % 4 == 0 {
                    let _tried = world
                        .history_of(&world.token)
                        .and_then(|history| history.squash(0));
                }
            });
        }
    });
    world.fake.faults(vec![]);
    let mut all: BTreeSet<u32> = (0..writers).collect();
    all.insert(1000);
    assert_eq!(numbers(&world.history()), all);
    world.fake.assert_clean();
}
