#!/usr/bin/env python3
"""Times whole processes of sprag-compare: start, record and check of a run of 5,000 tests against 50 recorded runs.

    cargo build --release -p sprag-compare
    bench/check.py --binary target/release/sprag-compare

Prints the median wall time and the peak memory of each, over --rounds. Makes its data from a fixed seed in a temporary folder.
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

TESTS, RUNS, NEWER = 5_000, 50, 10


def results(path, rng):
    """One run: fifty suites of a hundred tests, one failure in a thousand."""
    with path.open("w") as out:
        out.write("<testsuites>")
        for suite in range(50):
            name = f"org.acme.module{suite}.SomeLongSuiteNameTest"
            out.write(f'<testsuite name="{name}">')
            for test in range(TESTS // 50):
                head = f'<testcase classname="{name}" name="test_{test}_does_a_rather_long_thing[{test % 7}-True]" time="{rng.lognormvariate(-3.5, 1):.3f}"'
                if rng.random() < 0.001:
                    stack = "at org.acme.X.y(X.java:3)\n" * 30
                    out.write(f'{head}><failure message="AssertionError: expected {rng.randint(0, 9)} but was x in {name}">{stack}</failure></testcase>')
                else:
                    out.write(head + "/>")
            out.write("</testsuite>")
        out.write("</testsuites>")


def timed(command, folder):
    """Wall seconds and peak kilobytes of one process."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - begin, usage.ru_maxrss, child.returncode


def report(what, samples):
    wall = statistics.median(sample[0] for sample in samples) * 1000
    peak = max(sample[1] for sample in samples) / 1024
    print(f"| {what} | {wall:.1f} ms | {min(s[0] for s in samples) * 1000:.1f} ms | {peak:.0f} MB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    binary = str(pathlib.Path(args.binary).resolve())
    rng = random.Random(5)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        common = ["--history", "file:history", "--repo", "acme/shop", "--job", "unit"]
        record = lambda run, file: [binary, "record", file, *common, "--branch", "main", "--run", str(run), "--commit", f"c{run}",
                                    "--time", f"2026-10-{1 + run // 2:02}T{run % 2 * 12:02}:00:00Z"]
        for run in range(RUNS + NEWER + 1):
            results(folder / f"run{run}.xml", rng)
        for run in range(RUNS):
            subprocess.run(record(run, f"run{run}.xml"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([binary, "history", "compact", "--history", "file:history"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        check = [binary, "check", f"run{RUNS + NEWER}.xml", *common, "--base", "main", "--at", "2026-11-02T00:00:00Z"]
        size = os.path.getsize(binary)
        print(f"binary {size:,} bytes\n\n| process | median | best | peak memory |\n|---|---|---|---|")
        report("start (`--version`)", [timed([binary, "--version"], folder) for _ in range(args.rounds)])
        report(f"`check` of {TESTS:,} tests, snapshot of {RUNS} runs", [timed(check, folder) for _ in range(args.rounds)])
        samples = [timed(record(run, f"run{run}.xml"), folder) for run in range(RUNS, RUNS + NEWER)]
        report(f"`record` of {TESTS:,} tests", samples)
        report(f"`check`, {NEWER} run files newer than the snapshot", [timed(check, folder) for _ in range(args.rounds)])


if __name__ == "__main__":
    main()
