#!/usr/bin/env python3
"""Parsing, side by side: the bare quick-xml event loop, Sprag, and two parsers of PyPI.

bench/parse.py [--shared DIR] [--dir DIR] [--rounds N] [--sizes 100M|full]

Makes files with gen_junit.py, then prints CPU seconds (user + system, median of the rounds), the ratio to the bare loop, and
peak memory. Python peers run when they are installed: pip install junitparser test-results-parser
"""
import argparse, importlib.util, json, os, statistics, subprocess, sys

P = argparse.ArgumentParser()
P.add_argument("--shared", default=os.environ.get("SPRAG_SHARED", "../shared"))
P.add_argument("--dir", default="target/bench")
P.add_argument("--rounds", type=int, default=3)
P.add_argument("--no-peers", action="store_true")
P.add_argument("--only", default="")
A = P.parse_args()
HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = [("mixed", "1G"), ("mixed", "100M"), ("cases", "100M"), ("stdout", "100M"), ("hugenode", "100M")]
JUNITPARSER = """
import sys, junitparser
x = junitparser.JUnitXml.fromfile(sys.argv[1])
suites = x if isinstance(x, junitparser.JUnitXml) else [x]
print(sum(1 for s in suites for c in s))
print([l for l in open('/proc/self/status') if 'VmHWM' in l][0].replace('VmHWM:', 'VmHWM'))
"""
CODECOV = """
import sys, test_results_parser as t
f = getattr(t, 'parse_junit_xml', None)
data = open(sys.argv[1], 'rb').read()
print(len(f(data).testruns))
print([l for l in open('/proc/self/status') if 'VmHWM' in l][0].replace('VmHWM:', 'VmHWM'))
"""


def measure(command):
    """CPU seconds, peak MB, the first line of output, and whether it went well."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = child.stdout.read()
    _, status, use = os.wait4(child.pid, 0)
    child.returncode = status
    lines = text.strip().splitlines() or [""]
    peak = use.ru_maxrss / 1024  # counts this process too, as the child starts as its copy
    if lines[-1].startswith("VmHWM"):
        peak = int(lines.pop().split()[1]) / 1024
    return use.ru_utime + use.ru_stime, peak, lines[-1:], status == 0


def rounds(command, n):
    runs = [measure(command) for _ in range(n)]
    return statistics.median(r[0] for r in runs), max(r[1] for r in runs), runs[0][2][0], runs[0][3]


def row(path, name, command, floor, n):
    cpu, rss, said, well = rounds(command, n)
    ratio = f"{cpu / floor:.2f}" if floor else "1.00"
    print(f"| {os.path.basename(path)} | {name} | {cpu:.2f} | {ratio} | {rss:.0f} | {said[:90] if well else 'fails: ' + said[:60]} |", flush=True)
    return cpu


def main():
    build = ["cargo", "build", "--quiet", "--release", "-p", "formats", "--example", "parse"]
    subprocess.run(build, check=True)
    binary = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release/examples/parse")
    os.makedirs(A.dir, exist_ok=True)
    print("| file | reader | CPU s | of bare loop | peak MB | result |\n|---|---|---|---|---|---|")
    for shape, size in SHAPES:
        path = os.path.join(A.dir, f"{shape}-{size}.xml")
        if A.only and A.only not in path:
            continue
        if not os.path.exists(path):
            made = subprocess.run([sys.executable, os.path.join(A.shared, "tools/gen_junit.py"), path, "--size", size, "--shape", shape], check=True, stdout=subprocess.PIPE, text=True)
            open(path + ".json", "w").write(made.stdout)
        with open(path, "rb") as f:  # a warm page cache for all alike
            while f.read(1 << 24):
                pass
        truth = json.load(open(path + ".json"))
        floor = row(path, "bare quick-xml loop", [binary, "loop", path], None, A.rounds)
        row(path, "sprag", [binary, "tally", path], floor, A.rounds)
        row(path, "sprag, two files at once", [binary, "tally", path, path], floor, 1)
        if not A.no_peers:
            n = 1 if size == "1G" else A.rounds
            if importlib.util.find_spec("junitparser"):
                row(path, "junitparser", [sys.executable, "-c", JUNITPARSER, path], floor, n)
            if importlib.util.find_spec("test_results_parser"):
                row(path, "test-results-parser", [sys.executable, "-c", CODECOV, path], floor, n)
        print("| | truth | | | |", {k: truth[k] for k in ("suites", "tests", "failed", "errors", "skipped", "flaky", "time")}, "|", flush=True)


main()
