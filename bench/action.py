#!/usr/bin/env python3
"""What one step of the Action costs: calls to GitHub, time at 100 ms a call, peak memory. The GitHub is the fake of this repository.

    cargo build --release -p sprag-compare && cargo build -p fake-github
    bench/action.py --binary target/release/sprag-compare --fake target/debug/fake-github

Twelve pushes of 5,000 tests are recorded on a branch; then a pull request with one broken test is compared, for the first time and again, and one that is green.
Prints a row each, the calls of the first comparison in order, and what GitHub's description does not allow (nothing).
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from check import TESTS  # noqa: E402

TOKEN, REPO, PUSHES = "ghs_of_a_step", "acme/shop", 12


def results(path, broken):
    """One green run, or one in which a test fails."""
    rng = random.Random(len(str(path)))
    with path.open("w") as out:
        out.write("<testsuites>")
        for suite in range(50):
            name = f"org.acme.module{suite}.SomeLongSuiteNameTest"
            out.write(f'<testsuite name="{name}">')
            for test in range(TESTS // 50):
                head = f'<testcase classname="{name}" name="test_{test}_does_a_rather_long_thing" time="{rng.lognormvariate(-3.5, 1):.3f}"'
                fails = broken and (suite, test) == (7, 7)
                out.write(f'{head}><failure message="AssertionError: 3 is not 4">at X.java:3</failure></testcase>' if fails else head + "/>")
            out.write("</testsuite>")
        out.write("</testsuites>")


class Fake:
    """A GitHub on this machine, with a branch and three pull requests."""

    def __init__(self, program, latency):
        files = {"src/shop.py": "x = 1\n"}
        pulls = [{"head": name, "title": name, "author": "ann", "files": {f"src/{name}.py": "y = 2\n"}} for name in ("red", "green")]
        permissions = {"contents": "write", "pull-requests": "write", "statuses": "write"}
        seed = {"tokens": [{"secret": TOKEN, "permissions": permissions}], "repos": {REPO: {"branches": {"main": files}, "pulls": pulls}}}
        self.seed = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(seed, self.seed)
        self.seed.flush()
        command = [program, "--seed", self.seed.name, "--latency-ms", str(latency), "--no-limits"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1].rstrip("/")

    def ask(self, what, method="GET"):
        request = urllib.request.Request(f"{self.url}/_control/{what}", method=method)
        return json.load(urllib.request.urlopen(request))

    def pull(self, head):
        issues = self.ask("state")["repos"][REPO]["issues"]
        return next((int(number), issue) for number, issue in issues.items() if issue["title"] == head)


def step(binary, fake, folder, event, run, file):
    """One step: wall seconds, peak MB and the calls that it made."""
    (folder / "event.json").write_text(json.dumps(event[1]))
    fake.ask("log", "DELETE")
    environment = {
        "PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true", "GITHUB_API_URL": fake.url, "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": REPO,
        "GITHUB_EVENT_NAME": event[0], "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_RUN_ID": str(run), "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_JOB": "unit", "GITHUB_WORKFLOW": "tests", "GITHUB_REF_NAME": "main", "GITHUB_SHA": f"{run:040x}", "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "GITHUB_SERVER_URL": fake.url,
    }
    begin = time.perf_counter()
    child = subprocess.Popen([binary, "action", "--files", file], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    calls = [f"{entry['method']} {entry['path']}" for entry in fake.ask("log")]
    return wall, usage.ru_maxrss / 1024, calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--fake", required=True)
    parser.add_argument("--latency-ms", type=int, default=100)
    args = parser.parse_args()
    binary = str(pathlib.Path(args.binary).resolve())
    fake = Fake(args.fake, args.latency_ms)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            compare(binary, fake, pathlib.Path(scratch))
        print("\nviolations of GitHub's description:", fake.ask("violations"))
    finally:
        fake.process.terminate()


def compare(binary, fake, folder):
    (folder / ".git").mkdir()  # a checkout, so that no configuration has to be fetched
    results(folder / "green.xml", False)
    results(folder / "red.xml", True)
    repository = {"full_name": REPO, "default_branch": "main"}
    print(f"binary {os.path.getsize(binary):,} bytes\n\n| step | calls | time | peak memory |\n|---|---|---|---|")

    def row(what, *step_of):
        wall, peak, calls = step(binary, fake, folder, *step_of)
        print(f"| {what} | {len(calls)} | {wall:.2f} s | {peak:.0f} MB |")
        return calls

    for run in range(PUSHES):
        *_, push = step(binary, fake, folder, ("push", {"repository": repository}), 100 + run, "green.xml")
    row("push to main", ("push", {"repository": repository}), 200, "green.xml")

    def event(head):
        number, issue = fake.pull(head)
        side = lambda branch, sha: {"ref": branch, "sha": sha, "repo": {"full_name": REPO}}
        base = fake.ask("state")["repos"][REPO]["branches"]["main"]["sha"]
        pull = {"number": number, "base": side("main", base), "head": side(head, issue["head"]["sha"])}
        return "pull_request", {"repository": repository, "pull_request": pull}

    first = row("pull request, red, first comment", event("red"), 300, "red.xml")
    row("pull request, red, again", event("red"), 301, "red.xml")
    row("pull request, green", event("green"), 302, "green.xml")
    print("\nthe first comment:", *first, sep="\n  ")


if __name__ == "__main__":
    main()
