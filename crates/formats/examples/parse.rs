//! Counts result files in one of several ways; `bench/parse.py` runs it and measures.
//!
//! `parse tally FILE...` reads files as `inspect` does, one thread a file; `parse collect FILE...` builds the run that `check`
//! judges; `parse loop FILE` runs a bare quick-xml event loop that keeps nothing: the floor.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench: it stops at what it did not expect, and prints figures"
)]

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use formats::{Collector, Limits, Tally};
use quick_xml::Reader;
use quick_xml::events::Event;

fn tally(path: &str) -> Tally {
    let mut tally = Tally::default();
    let mut file = File::open(Path::new(path)).unwrap();
    formats::read(path, &mut file, &Limits::default(), &mut tally);
    tally
}

fn tally_all(paths: &[String]) {
    let files = std::thread::scope(|scope| {
        let threads: Vec<_> = paths
            .iter()
            .map(|path| scope.spawn(|| tally(path)))
            .collect();
        let tallies = threads.into_iter().map(|thread| thread.join().unwrap());
        tallies.flat_map(Tally::into_files).collect::<Vec<_>>()
    });
    for file in files {
        let c = file.counted;
        println!(
            "{} suites {} tests {} passed {} failed {} errors {} skipped {} flaked {:.3} s {} problems",
            c.suites,
            c.tests,
            c.passed,
            c.failed,
            c.errors,
            c.skipped,
            c.flaked,
            c.seconds,
            file.problems.len()
        );
    }
}

fn collect(paths: &[String]) {
    let mut collector = Collector::default();
    for path in paths {
        let mut file = File::open(path).unwrap();
        formats::read(path, &mut file, &Limits::default(), &mut collector);
    }
    let (run, problems) = collector.finish();
    println!("{} tests {} problems", run.results.len(), problems.len());
}

fn bare_loop(path: &str) {
    let file = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let mut reader = Reader::from_reader(file);
    let mut buffer = Vec::new();
    let mut events = 0_u64;
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(_) => events += 1,
            Err(error) => {
                println!("stopped: {error}");
                break;
            }
        }
        buffer.clear();
    }
    println!("{events} events");
}

/// The peak resident size of this process, where the system says it.
fn peak_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((mode, paths)) if mode == "tally" => tally_all(paths),
        Some((mode, paths)) if mode == "collect" => collect(paths),
        Some((mode, [path])) if mode == "loop" => bare_loop(path),
        _ => println!("usage: parse tally|collect|loop FILE..."),
    }
    if let Some(peak) = peak_kilobytes() {
        println!("VmHWM {peak}");
    }
}
