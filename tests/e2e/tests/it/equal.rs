//! Equal inputs give byte-equal reports, in every rendering (invariant 4).

use std::fs;
use std::path::Path;

use crate::binary;

const PAGES: [&str; 2] = ["page.html", "comment.md"];

/// Imports the history of the case in a folder of its own, judges its red run, and gives what was printed and written. The
/// environment differs as that of two machines does.
fn reports(zone: &str, parts: usize) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/check-verdicts");
    fs::copy(case.join("red.xml"), folder.join("red.xml")).unwrap();
    for rows in parted(
        &fs::read_to_string(case.join("history.csv")).unwrap(),
        parts,
    ) {
        fs::write(folder.join("part.csv"), rows).unwrap();
        let import = ["history", "import", "part.csv", "--history", "file:h"];
        binary::stdout(folder, &import);
    }
    let mut printed = Vec::new();
    for form in [&[][..], &["--json"][..]] {
        let output = binary::command(folder)
            .args(["check", "red.xml", "--history", "file:h"])
            .args(["--at", "2026-03-21T08:00:00Z", "--merge-base", "c0059"])
            .args(["--changed-files", "src/pay/invoice.py"])
            .args(["--html", PAGES[0], "--markdown", PAGES[1]])
            .args(form)
            .env("TZ", zone)
            .output()
            .unwrap();
        assert!(output.status.success(), "no failure of the run blocks");
        printed.push(String::from_utf8(output.stdout).unwrap());
    }
    let written = PAGES.map(|page| fs::read_to_string(folder.join(page)).unwrap());
    printed.extend(written);
    printed
}

/// A CSV in so many parts, cut between runs, each with the header line.
fn parted(csv: &str, parts: usize) -> Vec<String> {
    let (head, rows) = csv.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let run = |row: &&str| row.split(',').next().unwrap().to_owned();
    let mut out = vec![String::new(); parts];
    let mut runs: Vec<String> = rows.iter().map(run).collect();
    runs.dedup();
    for row in &rows {
        let place = runs.iter().position(|known| *known == run(row)).unwrap();
        out[place * parts / runs.len()] += &format!("{row}\n");
    }
    out.iter().map(|rows| format!("{head}\n{rows}")).collect()
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let once = reports("UTC", 1);
    assert!(once.iter().all(|text| text.len() > 200), "{once:#?}");
    assert_eq!(once, reports("Pacific/Apia", 1));
}

#[test]
fn history_imported_in_parts_gives_the_same_report() {
    assert_eq!(reports("UTC", 1), reports("UTC", 3));
}
