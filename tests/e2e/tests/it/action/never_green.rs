//! What could turn a status green though something failed or was not looked at.

use fake_github::{Description, Fault, Lag, Options, What, When};

use super::bare::Bare;
use super::world::{Change, GREEN, RED, World};
use super::{all, history_by_pair, on_every_runner, on_our_runner, one_comment};
use crate::binary;

#[test]
fn tests_that_crash_beside_green_results_are_not_green() {
    on_every_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.stage.results(&[GREEN]);
        world.stage.write("prepared/crash", "");
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, false, "undecided");
        assert_eq!(world.states(&change.head), ["pending"]);
    });
}

#[test]
fn an_answer_that_cannot_be_recorded_is_not_replaced_by_those_that_are() {
    on_our_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.test(runner, "matrix.yml", &change);
        assert_eq!(world.states(&change.head).last().unwrap(), "success");
        world.fake.faults(vec![refused("PUT *contents*")]);
        world.stage.results(&[RED]);
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, false, "blocked");
        assert_eq!(world.states(&change.head).last().unwrap(), "failure");
        // Green, but nobody knows what others may have found.
        world.stage.results(&[GREEN]);
        world.test(runner, "one-step.yml", &change);
        assert_eq!(world.states(&change.head).last().unwrap(), "pending");
    });
}

#[test]
fn a_green_answer_does_not_outlive_a_history_that_cannot_be_read() {
    on_our_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.test(runner, "one-step.yml", &change);
        world.fake.faults(vec![refused("GET *contents*")]);
        world.stage.results(&[RED]);
        let jobs = world.test(runner, "one-step.yml", &change);
        all(&jobs, false, "undecided");
        assert_eq!(world.states(&change.head), ["success", "pending"]);
    });
}

fn refused(on: &str) -> Fault {
    Fault {
        on: on.to_owned(),
        when: When::Every,
        what: What::Status {
            status: 403,
            retry_after: None,
        },
    }
}

#[test]
fn two_pull_requests_of_one_commit_have_one_status_and_a_comment_each() {
    on_our_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.stage.results(&[RED]);
        world.test(runner, "one-step.yml", &change);
        world.repo.push_commit("release", &[("r.txt", b"r")]);
        let second = Change {
            number: world.repo.add_pull_of(change.number, "release"),
            ..change.clone()
        };
        world.stage.results(&[GREEN]);
        world.test(runner, "one-step.yml", &second);
        assert!(
            !world.states(&change.head).contains(&"success".to_owned()),
            "the commit still breaks a test on its way to main"
        );
        assert!(one_comment(&world, &change).contains("removes"));
        assert_eq!(world.comments(&second), [""; 0]);
    });
}

#[test]
fn a_fork_that_wants_to_join_two_branches_with_one_commit_is_not_decided() {
    on_our_runner(|runner| {
        let world = history_by_pair();
        let change = world.fork_pull();
        world.repo.push_commit("release", &[("r.txt", b"r")]);
        world.repo.add_pull_of(change.number, "release");
        let tests = world.test(runner, "tests.yml", &change);
        world.after(runner, "pull_request", &change, &tests);
        assert_eq!(world.states(&change.head), ["pending"]);
    });
}

#[test]
fn a_merge_queue_whose_tests_run_without_rights_gets_its_status() {
    on_every_runner(|runner| {
        for (results, green) in [(GREEN, true), (RED, false)] {
            let world = history_by_pair();
            let base = world.repo.head("main").unwrap();
            let head = world
                .repo
                .push_commit("gh-readonly-queue/main/pr-7", &[("queued.txt", b"queued")]);
            let group = Change {
                number: 0,
                base,
                head: head.clone(),
                from: super::payload::REPOSITORY.to_owned(),
            };
            world.stage.results(&[results]);
            let tests = world.queue(&Bare, "tests.yml", &head);
            let jobs = world.after(runner, "merge_group", &group, &tests);
            all(&jobs, green, if green { "clear" } else { "blocked" });
            let state = if green { "success" } else { "failure" };
            assert_eq!(world.states(&head), [state]);
        }
    });
}

#[test]
fn a_dry_run_of_a_branch_records_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("run.xml"), GREEN).unwrap();
    let mut action = binary::command(scratch.path());
    action
        .args(["action", "--dry-run", "TRUE", "--files", "run.xml"])
        .args(["--history", "file:history"])
        .envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
        ])
        .envs([
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_RUN_ID", "1"),
            ("GITHUB_JOB", "unit"),
        ]);
    let output = action.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("would record 3 tests"),
        "{said}"
    );
    assert!(!scratch.path().join("history").exists());
}

#[test]
fn another_github_gets_the_same_answers() {
    let enterprise = Options {
        description: Description::Ghes317,
        ..Options::default()
    };
    // Everything that is written is seen half a second later.
    let late = Options {
        lag: Lag {
            reads: 0,
            millis: 500,
        },
        ..Options::default()
    };
    for (options, workflow) in [(enterprise, "one-step.yml"), (late, "matrix.yml")] {
        let world = World::with_history_on(options, workflow);
        let change = world.pull();
        // Of a matrix the first job is red, so that the others could paint it over.
        world.stage.results(&[RED, GREEN]);
        world.test(&Bare, workflow, &change);
        assert_eq!(world.states(&change.head).last().unwrap(), "failure");
        assert!(one_comment(&world, &change).contains("removes"));
    }
}

#[test]
fn a_run_that_is_repaired_by_running_it_again_is_green() {
    on_every_runner(|runner| {
        // Either nothing was left, not even the name of a job, or an artifact beside which the rerun puts another of its name.
        for first in [&[][..], &[RED]] {
            let world = history_by_pair();
            let change = world.fork_pull();
            world.stage.results(first);
            let tests = world.test(&Bare, "tests.yml", &change);
            world.after(runner, "pull_request", &change, &tests);
            assert_eq!(world.states(&change.head), ["failure"]);
            world.stage.results(&[GREEN]);
            world.test(&Bare, "tests.yml", &change);
            // Looked at twice, as when somebody runs sprag.yml again.
            for _ in 0..2 {
                let jobs = world.after_rerun(runner, &change);
                all(&jobs, true, "clear");
            }
            assert_eq!(world.states(&change.head).last().unwrap(), "success");
            assert!(world.comments(&change).len() <= 1);
        }
    });
}

#[test]
fn a_closed_pull_request_does_not_hold_back_another_of_its_commit() {
    on_our_runner(|runner| {
        let world = World::with_history("one-step.yml");
        let change = world.pull();
        world.repo.push_commit("release", &[("r.txt", b"r")]);
        world.stage.results(&[RED]);
        let wrong = Change {
            number: world.repo.add_pull_of(change.number, "release"),
            ..change.clone()
        };
        world.test(runner, "one-step.yml", &wrong);
        assert_eq!(world.states(&change.head), ["failure"]);
        world.stage.results(&[GREEN]);
        world.test(runner, "one-step.yml", &change);
        assert_eq!(world.states(&change.head).last().unwrap(), "failure");
        world.repo.close(wrong.number);
        world.test(runner, "one-step.yml", &change);
        assert_eq!(world.states(&change.head).last().unwrap(), "success");
    });
}

#[test]
fn a_push_that_failed_beside_green_results_is_recorded_as_one_that_lacks_some() {
    on_our_runner(|runner| {
        let world = history_by_pair();
        world.stage.results(&[GREEN]);
        let mut tests = world.push(&Bare, "tests.yml");
        tests[0].green = false;
        let jobs = world.after(runner, "push", &super::main_of(&world), &tests);
        all(&jobs, true, "recorded");
        assert!(
            jobs[0].log.contains("no artifact has a failing test"),
            "{}",
            jobs[0].log
        );
    });
}
