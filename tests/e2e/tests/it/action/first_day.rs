//! A new user's first day: the job of README.md, as it stands there, in a repository that has real tests and never heard of Sprag.
//!
//! Needs pytest  and Go on the machine; a language that is not there is skipped with a line.

use std::fs;
use std::process::Command;

use super::on_every_runner;
use super::runner::Runner;
use super::world::{Change, World};
use crate::binary::root;

/// A repository, and how its tests run according to docs/action.md.
struct Newcomer {
    run: &'static str,
    files: &'static str,
    sources: &'static [(&'static str, &'static str)],
    /// The file with the bug of the pull request, before and after.
    right: (&'static str, &'static str),
    wrong: (&'static str, &'static str),
    broken_test: &'static str,
}

const PYTEST: Newcomer = Newcomer {
    run: "pytest --junit-xml=out/pytest.xml",
    files: "out/*.xml",
    sources: &[(
        "test_cart.py",
        "import cart\n\ndef test_total():\n    assert cart.total([2, 3]) == 5\n\ndef test_empty():\n    assert cart.total([]) == 0\n",
    )],
    right: ("cart.py", "def total(prices):\n    return sum(prices)\n"),
    wrong: (
        "cart.py",
        "def total(prices):\n    return sum(prices[1:])\n",
    ),
    broken_test: "test_total",
};

const GO: Newcomer = Newcomer {
    run: "mkdir -p out && go test -json ./... > out/go.json",
    files: "out/*.json",
    sources: &[
        ("go.mod", "module example.invalid/cart\n\ngo 1.21\n"),
        (
            "cart_test.go",
            "package cart\n\nimport \"testing\"\n\nfunc TestTotal(t *testing.T) {\n\tif got := Total(2, 3); got != 5 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n\n\
             func TestEmpty(t *testing.T) {\n\tif Total() != 0 {\n\t\tt.Error(\"not empty\")\n\t}\n}\n",
        ),
    ],
    right: (
        "cart.go",
        "package cart\n\nfunc Total(prices ...int) (sum int) {\n\tfor _, price := range prices {\n\t\tsum += price\n\t}\n\treturn\n}\n",
    ),
    wrong: (
        "cart.go",
        "package cart\n\nfunc Total(prices ...int) (sum int) {\n\tfor _, price := range prices {\n\t\tsum = price\n\t}\n\treturn\n}\n",
    ),
    broken_test: "TestTotal",
};

#[test]
fn with_pytest_from_empty_to_the_first_verdict() {
    if runs("pytest", &["--version"]) {
        on_every_runner(|runner| first_day(runner, &PYTEST));
    }
}

#[test]
fn with_go_from_empty_to_the_first_verdict() {
    if runs("go", &["version"]) {
        on_every_runner(|runner| first_day(runner, &GO));
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    let runs = output.is_ok_and(|output| output.status.success());
    if !runs {
        println!(
            "skipped: no `{program} {}` on this machine",
            arguments.join(" ")
        );
    }
    runs
}

fn first_day(runner: &dyn Runner, newcomer: &Newcomer) {
    let world = World::new();
    for (path, text) in newcomer.sources.iter().chain([&newcomer.right]) {
        world.stage.write(path, text);
    }
    world
        .stage
        .write(".github/workflows/new.yml", &workflow(newcomer));

    // Before there is history: green is green, and says that there is nothing to compare with.
    let early = world.pull();
    let jobs = world.test(runner, "new.yml", &early);
    assert!(jobs[0].green, "{jobs:#?}");
    assert!(!world.states(&early.head).contains(&"failure".to_owned()));

    // As many pushes as the README says.
    for _ in 0..5 {
        let jobs = world.push(runner, "new.yml");
        assert!(jobs[0].green, "{jobs:#?}");
    }

    // The bug.
    let change = with_commit(&world, &early, "bug");
    world.stage.write(newcomer.wrong.0, newcomer.wrong.1);
    let jobs = world.test(runner, "new.yml", &change);
    assert!(!jobs[0].green, "{jobs:#?}");
    let step = jobs[0].step.as_ref().unwrap();
    assert_eq!(step.outputs["conclusion"], "blocked", "{step:#?}");
    assert_eq!(world.states(&change.head), ["failure"]);
    let comments = world.comments(&change);
    assert!(
        comments.len() == 1 && comments[0].contains(newcomer.broken_test),
        "{comments:#?}"
    );

    // The bug mended.
    let change = with_commit(&world, &change, "mend");
    world.stage.write(newcomer.right.0, newcomer.right.1);
    let jobs = world.test(runner, "new.yml", &change);
    assert!(jobs[0].green, "{jobs:#?}");
    assert_eq!(world.states(&change.head), ["success"]);
}

/// The same pull request with another commit.
fn with_commit(world: &World, change: &Change, name: &str) -> Change {
    let head = world.repo.push_commit("fix", &[(name, b"")]);
    Change {
        head,
        ..change.clone()
    }
}

/// The job that README.md shows, with the lines that docs/action.md gives for the tests of this repository.
fn workflow(newcomer: &Newcomer) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let docs = fs::read_to_string(root().join("docs/action.md")).unwrap();
    let row = format!("`{}` | `{}`", newcomer.run, newcomer.files);
    assert!(docs.contains(&row), "docs/action.md does not say {row}");
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (job, _) = rest.split_once("```").unwrap();
    let job = job
        .replace(PYTEST.run, newcomer.run)
        .replace(PYTEST.files, newcomer.files);
    let indented: String = job.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "name: new\non:\n  push:\n    branches: [main]\n  pull_request:\njobs:\n  unit:\n    runs-on: ubuntu-latest\n{indented}"
    )
}
