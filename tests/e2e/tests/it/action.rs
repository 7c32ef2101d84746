//! The Action as it is shipped: the workflows of `examples/workflows`, unchanged, against a GitHub on this machine.
//!
//! Every case runs on the runner of these tests, and on `act` where that is installed. What is asserted is what people see: the colour
//! of the job, the status, the comments, the history branch. Nothing may break the contract of GitHub's API.

mod act;
mod bare;
mod expression;
mod first_day;
mod never_green;
mod payload;
mod runner;
mod world;

use fake_github::{Fault, What, When};
use serde_json::json;

use act::Act;
use bare::Bare;
use runner::{Job, Runner};
use world::{Change, GREEN, RED, Rights, World};

/// The runners of this machine.
fn runners() -> Vec<Box<dyn Runner>> {
    let mut runners: Vec<Box<dyn Runner>> = vec![Box::new(Bare)];
    match Act::find() {
        Some(act) => runners.push(Box::new(act)),
        None => println!(
            "skipped: no act on this machine (`go install github.com/nektos/act@v0.2.87`, or SPRAG_ACT)"
        ),
    }
    runners
}

fn on_every_runner(case: impl Fn(&dyn Runner)) {
    for runner in runners() {
        println!("on {}", runner.name());
        case(runner.as_ref());
    }
}

/// Cases that act cannot show: it gives the jobs of a matrix one result, and says nothing of the steps of a red job that has no other.
fn on_our_runner(case: impl Fn(&dyn Runner)) {
    case(&Bare);
}

#[test]
fn a_push_to_main_grows_the_history() {
    on_every_runner(|runner| {
        let world = World::new();
        world.stage.results(&[GREEN]);
        let jobs = world.push(runner, "one-step.yml");
        all(&jobs, true, "recorded");
        assert!(!world.repo.branch_files("sprag-history").is_empty());
    });
}

#[test]
fn a_push_whose_tests_fail_stays_red_and_is_recorded() {
    on_every_runner(|runner| {
        let world = World::new();
        world.stage.results(&[RED]);
        let jobs = world.push(runner, "one-step.yml");
        all(&jobs, false, "recorded");
    });
}

#[test]
fn a_green_pull_request_gets_a_green_status_and_no_comment() {
    on_every_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, true, "clear");
        assert_eq!(world.states(&change.head), ["success"]);
        assert_eq!(world.comments(&change), [""; 0]);
    });
}

#[test]
fn a_test_that_the_change_breaks_is_red_until_it_is_mended() {
    on_every_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.stage.results(&[RED]);
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, false, "blocked");
        assert_eq!(output(&jobs[0], "failures"), "1");
        assert_eq!(world.states(&change.head), ["failure"]);
        let said = one_comment(&world, &change);
        assert!(said.contains("removes"), "{said}");

        let head = world.repo.push_commit("fix", &[("mended.txt", b"mended")]);
        let change = Change { head, ..change };
        world.stage.results(&[GREEN]);
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, true, "clear");
        assert_eq!(world.states(&change.head), ["success"]);
        assert!(
            one_comment(&world, &change) != said,
            "the comment is brought up to date"
        );
    });
}

#[test]
fn a_comment_of_another_bot_with_our_marker_is_left_alone() {
    on_every_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        let marker = "<!-- sprag-compare-sprag/compare -->";
        world.fake.app("mimic", &["pull-requests: write"]);
        let theirs = format!("{marker}\nmine");
        (world.repo).add_comment(change.number, "mimic[bot]", &theirs);
        world.stage.results(&[GREEN]);
        world.test(runner, "one-step.yml", &change);
        assert_eq!(
            world.repo.comments(change.number).len(),
            1,
            "nothing to say"
        );
        world.stage.results(&[RED]);
        world.test(runner, "one-step.yml", &change);
        let comments = world.repo.comments(change.number);
        assert_eq!(comments.len(), 2, "{comments:#?}");
        assert_eq!(comments[0]["body"], theirs);
        assert!(comments[1]["body"].as_str().unwrap().starts_with(marker));
    });
}

#[test]
fn a_job_whose_tests_crash_is_not_green() {
    on_every_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.stage.results(&[]);
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, false, "blocked");
        assert_eq!(world.states(&change.head), ["failure"]);
    });
}

#[test]
fn a_failure_before_there_is_history_is_never_green() {
    on_every_runner(|runner| {
        let world = World::new();
        let change = world.pull();
        world.stage.results(&[RED]);
        let jobs = world.test(runner, "one-step.yml", &change);
        assert!(!jobs[0].green, "{jobs:#?}");
        assert!(!world.states(&change.head).contains(&"success".to_owned()));
    });
}

#[test]
fn a_fork_that_tests_itself_decides_its_job_and_writes_nothing() {
    on_every_runner(|runner| {
        for (results, green) in [(RED, false), (GREEN, true)] {
            let world = World::with_history("one-step.yml");
            let before = world.repo.head("sprag-history");
            let change = world.fork_pull();
            world.stage.results(&[results]);
            let jobs = world.test(runner, "one-step.yml", &change);
            all(&jobs, green, if green { "clear" } else { "blocked" });
            assert_eq!(world.states(&change.head), [""; 0]);
            assert_eq!(world.comments(&change), [""; 0]);
            assert_eq!(world.repo.head("sprag-history"), before);
            let summary = jobs[0].step.as_ref().unwrap().summary.as_deref();
            assert!(
                summary.is_some_and(|text| text.contains("3")),
                "{summary:?}"
            );
        }
    });
}

#[test]
fn a_token_that_may_only_read_costs_the_comment_not_the_answer() {
    on_every_runner(|runner| {
        for (results, green) in [(RED, false), (GREEN, true)] {
            let world = World::with_history("one-step.yml");
            let change = world.pull();
            world.stage.results(&[results]);
            let jobs = world.test_with(runner, "one-step.yml", &change, Rights::ReadOnly);
            all(&jobs, green, if green { "clear" } else { "blocked" });
            assert_eq!(world.comments(&change), [""; 0]);
        }
    });
}

#[test]
fn the_results_of_a_fork_are_picked_up_with_write_rights() {
    on_every_runner(|runner| {
        for (results, green) in [(RED, false), (GREEN, true)] {
            let world = history_by_pair();
            let change = world.fork_pull();
            world.stage.results(&[results]);
            let tests = world.test(runner, "tests.yml", &change);
            assert_eq!(tests[0].green, green, "{tests:#?}");
            assert_eq!(world.states(&change.head), [""; 0]);
            let jobs = world.after(runner, "pull_request", &change, &tests);
            all(&jobs, green, if green { "clear" } else { "blocked" });
            assert_eq!(
                world.states(&change.head),
                [if green { "success" } else { "failure" }]
            );
            assert_eq!(world.comments(&change).len(), usize::from(!green));
        }
    });
}

#[test]
fn a_fork_whose_run_left_no_results_is_not_green() {
    on_every_runner(|runner| {
        let world = history_by_pair();
        let change = world.fork_pull();
        world.stage.results(&[]);
        let tests = world.test(runner, "tests.yml", &change);
        let jobs = world.after(runner, "pull_request", &change, &tests);
        all(&jobs, false, "blocked");
        assert_eq!(world.states(&change.head), ["failure"]);
    });
}

#[test]
fn a_fork_whose_head_moved_on_gets_no_answer_for_the_old_one() {
    on_every_runner(|runner| {
        let world = history_by_pair();
        let change = world.fork_pull();
        let tests = world.test(runner, "tests.yml", &change);
        let forged = Change {
            head: world.repo.head("main").unwrap(),
            ..change.clone()
        };
        world.after(runner, "pull_request", &forged, &tests);
        assert_eq!(world.states(&change.head), [""; 0]);
        assert_eq!(world.states(&forged.head), [""; 0]);
        assert_eq!(world.comments(&change), [""; 0]);
    });
}

#[test]
fn a_matrix_makes_one_comment_and_one_status() {
    on_every_runner(|runner| {
        let world = World::with_history("matrix.yml");
        let change = world.pull();
        world.stage.results(&[GREEN, RED, GREEN]);
        let jobs = world.test(runner, "matrix.yml", &change);
        // act paints all jobs of a matrix in one colour, so look at the steps.
        let is_red = |job: &&Job| job.step.as_ref().is_some_and(|step| !step.green);
        let red: Vec<&str> = jobs
            .iter()
            .filter(is_red)
            .map(|job| job.name.as_str())
            .collect();
        assert_eq!((jobs.len(), red.len()), (3, 1), "{jobs:#?}");
        assert_eq!(world.states(&change.head).last().unwrap(), "failure");
        let said = one_comment(&world, &change);
        assert!(said.contains(red[0]), "{said}");
    });
}

#[test]
fn a_matrix_is_green_when_its_last_job_is_and_not_before() {
    on_every_runner(|runner| {
        let world = World::with_history("matrix.yml");
        let change = world.pull();
        let jobs = world.test(runner, "matrix.yml", &change);
        all(&jobs, true, "clear");
        let states = world.states(&change.head);
        // act does not say how many jobs a matrix has (`strategy.job-total`), so there every job believes that it is the only one.
        let waits = runner.name() != "act";
        assert_eq!(states[0] == "pending", waits, "{states:?}");
        assert_eq!(states.last().unwrap(), "success");
        assert_eq!(world.comments(&change), [""; 0]);
    });
}

#[test]
fn a_merge_queue_gets_its_status() {
    on_every_runner(|runner| {
        let world = World::with_history("merge-queue.yml");
        for (results, green) in [(GREEN, true), (RED, false)] {
            let head = world.repo.push_commit(
                &format!("gh-readonly-queue/main/{green}"),
                &[("queued.txt", b"queued")],
            );
            world.stage.results(&[results]);
            let jobs = world.queue(runner, "merge-queue.yml", &head);
            all(&jobs, green, if green { "clear" } else { "blocked" });
            assert_eq!(
                world.states(&head),
                [if green { "success" } else { "failure" }]
            );
        }
    });
}

#[test]
fn a_job_that_left_nothing_keeps_the_flake_of_another_from_being_green() {
    on_every_runner(|runner| {
        let world = World::new();
        // `removes` fails by itself half of the time.
        for results in [GREEN, RED].into_iter().cycle().take(16) {
            world.stage.results(&[results]);
            let tests = world.push(&Bare, "tests.yml");
            world.after(&Bare, "push", &main_of(&world), &tests);
        }
        let change = world.fork_pull();
        world.stage.results(&[RED]);
        let mut tests = world.test(runner, "tests.yml", &change);
        let lint = Job {
            name: "lint (3.12)".to_owned(),
            ..tests[0].clone()
        };
        tests.push(lint);
        world.after(runner, "pull_request", &change, &tests);
        assert_eq!(world.states(&change.head), ["pending"]);
        let said = one_comment(&world, &change);
        assert!(said.contains("lint (3.12)"), "{said}");

        // Run again, lint is green: what is left is the flake.
        let tests = world.test(runner, "tests.yml", &change);
        world.after(runner, "pull_request", &change, &tests);
        assert_eq!(world.states(&change.head), ["pending", "success"]);
    });
}

#[test]
fn a_run_that_failed_beside_green_results_is_not_green() {
    on_every_runner(|runner| {
        let world = history_by_pair();
        let change = world.fork_pull();
        world.stage.results(&[GREEN]);
        let mut tests = world.test(runner, "tests.yml", &change);
        // Another job of the run failed and left no artifact.
        tests[0].green = false;
        world.after(runner, "pull_request", &change, &tests);
        assert!(!world.states(&change.head).contains(&"success".to_owned()));
    });
}

#[test]
fn a_github_that_refuses_everything_is_no_green_answer() {
    on_every_runner(|runner| {
        for (results, green) in [(RED, false), (GREEN, true)] {
            let world = World::with_history("one-step.yml");
            let change = world.pull();
            world.stage.results(&[results]);
            world.fake.faults(vec![Fault {
                on: "* *".to_owned(),
                when: When::Every,
                what: What::Status {
                    status: 401,
                    retry_after: None,
                },
            }]);
            let jobs = world.test(runner, "one-step.yml", &change);
            // Undecided ends as the tests did, with a warning: a required status stays open.
            all(&jobs, green, "undecided");
            assert_eq!(world.states(&change.head), [""; 0]);
        }
    });
}

#[test]
fn a_backfill_makes_history_of_what_earlier_runs_left() {
    on_every_runner(|runner| {
        let world = World::new();
        world.stage.results(&[GREEN]);
        for _ in 0..6 {
            world.push(&Bare, "tests.yml");
            world.finished("push", "success", "main", &main_of(&world));
        }
        let inputs = json!({"artifacts": "sprag-results-*", "days": "60"});
        let payload = payload::workflow_dispatch(inputs);
        let jobs = world.on_main(runner, "backfill.yml", ("workflow_dispatch", payload));
        assert!(jobs[0].green, "{jobs:#?}");

        let change = world.fork_pull();
        world.stage.results(&[RED]);
        let tests = world.test(&Bare, "tests.yml", &change);
        let jobs = world.after(&Bare, "pull_request", &change, &tests);
        all(&jobs, false, "blocked");
        assert_eq!(output(&jobs[0], "failures"), "1");
    });
}

/// What main itself is, as a change.
fn main_of(world: &World) -> Change {
    let head = world.repo.head("main").unwrap();
    Change {
        number: 0,
        base: head.clone(),
        head,
        from: payload::REPOSITORY.to_owned(),
    }
}

/// History that the two workflows for forks made.
fn history_by_pair() -> World {
    let world = World::new();
    world.stage.results(&[GREEN]);
    for _ in 0..6 {
        let tests = world.push(&Bare, "tests.yml");
        let jobs = world.after(&Bare, "push", &main_of(&world), &tests);
        all(&jobs, true, "recorded");
    }
    world
}

/// Asserts on every job: its colour, and what this action made of it.
#[track_caller]
fn all(jobs: &[Job], green: bool, conclusion: &str) {
    assert!(!jobs.is_empty());
    for job in jobs {
        let said = format!("{} said {}", job.name, job.log);
        assert_eq!(job.green, green, "{said}");
        assert_eq!(output(job, "conclusion"), conclusion, "{said}");
    }
}

#[track_caller]
fn output<'a>(job: &'a Job, name: &str) -> &'a str {
    let step = job.step.as_ref().expect("the action ran");
    step.outputs.get(name).map_or("", String::as_str)
}

#[track_caller]
fn one_comment(world: &World, change: &Change) -> String {
    let comments = world.comments(change);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    comments.concat()
}
