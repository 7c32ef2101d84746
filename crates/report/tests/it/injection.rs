//! Names, messages and paths of a pull request act nowhere and stay readable everywhere: in comments, summaries, check runs,
//! annotations, statuses, on the terminal and in the log of a runner.
use model::{Change, ChangeKind, Failure, Finding, Place, Problem, Report, TestName, Verdict};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use pulldown_cmark::{Event, Options, Parser};
use report::{Gaps, MarkdownOptions, Part, Style, merged};

use crate::fixture;

/// A report of one job in which every text that a pull request can choose is `text`.
fn saying(text: &str, job: &str) -> Report {
    let findings = [
        fixture::caused(),
        fixture::suspect(),
        fixture::broken_base(),
        fixture::flake(),
    ];
    let findings = (0..)
        .zip(findings)
        .map(|(i, finding)| told(finding, i, text));
    let mut report = fixture::with(findings.collect());
    text.clone_into(&mut report.headline);
    text.clone_into(&mut report.subject.base);
    text.clone_into(&mut report.subject.merge_base);
    let run = &mut report.subject.run;
    text.clone_into(&mut run.key.repo);
    text.clone_into(&mut run.commit);
    run.key.job = format!("{job} {text}");
    report.subject.runs_missing = 2;
    report.changes = vec![Change {
        id: TestName::new(text, None, text).id(),
        test: TestName::new(text, None, text),
        kind: ChangeKind::Fixed,
        because: text.to_owned(),
        base_seconds: None,
        seconds: None,
    }];
    report.problems = vec![Problem {
        file: text.to_owned(),
        place: Place::Line(1),
        what: text.to_owned(),
        hint: text.to_owned(),
    }];
    report
}

fn told(mut finding: Finding, i: usize, text: &str) -> Finding {
    // A name of its own for each, so that no row takes in another.
    finding.test = TestName::new(text, Some(text), &format!("{text} {i}"));
    finding.id = finding.test.id();
    finding.failure = Some(Failure {
        kind: Some(text.to_owned()),
        stack: text.to_owned(),
        file: Some("src/a.py".to_owned()),
        line: Some(1),
        message: text.to_owned(),
    });
    let evidence = &mut finding.evidence;
    text.clone_into(&mut evidence.because);
    text.clone_into(&mut evidence.would_change);
    evidence.touched = vec![text.to_owned()];
    for cell in &mut evidence.grid {
        text.clone_into(&mut cell.job);
    }
    for run in [&mut evidence.last_failure, &mut evidence.last_pass]
        .into_iter()
        .flatten()
    {
        text.clone_into(&mut run.run);
        text.clone_into(&mut run.commit);
    }
    finding
}

/// Every page of Markdown that GitHub is given.
fn pages(text: &str) -> [String; 4] {
    let parts = [Part::of(&saying(text, "a")), Part::of(&saying(text, "b"))];
    let gaps = Gaps {
        missing: vec![text.to_owned()],
        damaged: vec![(text.to_owned(), report::read_part(b"{").unwrap_err())],
        unknown: vec![text.to_owned()],
    };
    let options = MarkdownOptions::default();
    let all = merged(&parts, &gaps);
    let check = report::check_run(&all, &options);
    [
        report::comment(&all, &options),
        report::summary(&all, &options),
        check.summary,
        check.text,
    ]
}

/// The elements of a page, texts left out.
fn elements(page: &str) -> Vec<String> {
    let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
    Parser::new_ext(page, options)
        .filter_map(|event| match event {
            Event::Text(_) | Event::Code(_) | Event::SoftBreak => None,
            other => Some(format!("{other:?}")),
        })
        .collect()
}

/// What GitHub would turn into something else in the texts of a page, which it looks through after the Markdown is done.
fn acting(page: &str) -> Option<String> {
    let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
    let mut text = String::new();
    for event in Parser::new_ext(page, options) {
        match event {
            Event::Text(words) => text.push_str(&words),
            Event::Start(pulldown_cmark::Tag::CodeBlock(_)) => text.push('\u{1}'),
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => text.push('\u{2}'),
            // What stands beside code stands beside a letter, not beside a blank.
            Event::Code(_) => text.push('x'),
            _ => text.push('\n'),
        }
    }
    let outside: String = text
        .split('\u{1}')
        .map(|part| part.rsplit('\u{2}').next().unwrap())
        .collect::<Vec<_>>()
        .join("\n");
    outside
        .split_whitespace()
        .find(|word| acts(word))
        .map(str::to_owned)
}

fn acts(word: &str) -> bool {
    let next = |sign: char, fits: fn(char) -> bool| {
        word.match_indices(sign)
            .any(|(at, _)| word[at + sign.len_utf8()..].starts_with(fits))
    };
    let hex = word
        .split(|c: char| !c.is_ascii_hexdigit())
        .any(|run| run.len() >= 7);
    let lower = word.to_lowercase();
    let emoji = word.split(':').collect::<Vec<_>>();
    let emoji = emoji.len() > 2
        && emoji[1..emoji.len() - 1]
            .iter()
            .any(|name| !name.is_empty());
    next('@', char::is_alphanumeric)
        || next('#', |c| c.is_ascii_digit())
        || lower.contains("gh-")
        || lower.contains("www.")
        || lower.contains("://")
        || word.contains(['$', '^', '\u{202e}', '\u{200b}', '\x1b'])
        || (word.contains('~') && word != "~")
        || hex
        || emoji
}

#[test]
fn the_check_of_these_tests_sees_what_acts() {
    for text in [
        "a @b",
        "x #1",
        "GH-1",
        "www.a.b",
        "https://a",
        "1187c0f",
        ":tada:",
        "$a$",
        "[^1] ~a~",
    ] {
        let changes = elements(text) != elements("word");
        assert!(changes || acting(text).is_some(), "{text}");
        assert_eq!(acting(&format!("`` {text} ``")), None, "{text}");
        assert_eq!(acting(&format!("```\n{text}\n```\n")), None, "{text}");
    }
    assert_ne!(elements("- [ ] a"), elements("- a"));
    assert_ne!(elements("> [!NOTE]\n> a"), elements("a"));
}

/// Texts that were made to act, each by itself.
const HOSTILE: [&str; 34] = [
    "@everyone and @acme/team, cc:@octocat",
    "fixes #1, GH-1, acme/shop#2, JIRA-12",
    "https://evil.example www.evil.example evil@example.org ftp://a.b mailto:a@b.c",
    "1187c0ffee77aa42 deadbeef acme@1187c0ffee 0123456789abcdef0123456789abcdef01234567",
    "<script>alert(1)</script><img src=x onerror=alert(1)> <b>bold</b>",
    "<!-- sprag-compare --> <!-- sprag-compare-unit --> --> <!--",
    "| a | b |\n|---|---|\n| c | d |",
    "\\| \\` \\\\",
    "` `` ``` ```` ~~~ ``````",
    "```text\n```\n# heading\n```mermaid\ngraph TD\n```",
    "</details></summary><details open><summary>x</summary>",
    "user\u{202e}gpj.exe \u{2066}isolate\u{2069} \u{200f}rtl",
    "zero\u{200b}width\u{200d}joiner\u{feff}bom\u{ad}soft\u{2060}word",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;https://evil\x07link \u{9b}2J",
    "::error file=a,line=1::boom",
    "\n::set-output name=conclusion::clear\n::stop-commands::x\n::add-mask::a",
    "\r::error::a\r\n\t ::warning::b\u{a0}::notice::c\u{2028}::debug::d\u{85}::error::e",
    "##[group]x\n##[error]y ##[set-env name=PATH;]z ###[command]",
    "##vso[task.setvariable variable=x]y ##teamcity[message text='x']",
    "%0A::error::x%0D%0A::set-output name=a::b %25 %3A%2C",
    ":tada: :+1: :rocket:",
    "![image](https://evil.example/x.png) [link](https://evil.example) [ref][1]\n\n[1]: https://evil.example",
    "text[^1]\n\n[^1]: a footnote",
    "$\\sqrt{x}$ $$y$$ $`z`$ ~~gone~~ H~2~O x^2^",
    "- [ ] task\n- [x] done",
    "> [!WARNING]\n> quote",
    "# heading\n\n---\n\n1. one\n\n    code\n\n***",
    "&lt;b&gt; &#64;all &commat;all &#x23;1 &amp;lt; &colon;tada&colon;",
    "**bold** _em_ __strong__ *x* ***y***",
    "Q\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}algo",
    "\0nul \x08bs \x7fdel \u{fffd}",
    "#0969DA rgb(9,105,218) {{x}} {% y %} <%= z %>",
    "\u{1f9ea}\u{1f3f4}\u{e0067}\u{e007f} \u{10ffff} \u{3164}filler",
    "HTTPS://EVIL.EXAMPLE WWW.EVIL.EXAMPLE @EVERYONE gh-1 xmpp:a@b",
];

#[test]
fn every_text_gives_the_elements_of_a_harmless_one_and_nothing_acts() {
    let harmless = pages("word").map(|page| elements(&page));
    for text in HOSTILE {
        for (page, expected) in pages(text).iter().zip(&harmless) {
            assert_eq!(&elements(page), expected, "{text:?}\n{page}");
            assert_eq!(acting(page), None, "{text:?}\n{page}");
        }
    }
}

#[test]
fn the_marker_stands_once_and_first() {
    for text in HOSTILE {
        for page in pages(text) {
            assert!(page.matches("<!--").count() <= 1, "{page}");
            assert!(!page.get(4..).unwrap().contains("<!--"), "{page}");
        }
    }
}

#[test]
fn a_line_of_a_megabyte_is_cut() {
    for text in [
        "x".repeat(1 << 20),
        "@a ".repeat(350_000),
        "|`<!--".repeat(200_000),
        "\u{1f9ea}".repeat(300_000),
    ] {
        for page in pages(&text) {
            assert!(page.len() < 100_000, "{}", page.len());
            assert_eq!(acting(&page), None);
        }
        let style = Style {
            color: false,
            width: 80,
        };
        assert!(report::terminal(&saying(&text, "a"), &style).len() < 100_000);
    }
}

#[test]
fn what_is_shown_of_hostile_texts_can_be_read() {
    let shown = |text: &str| {
        let report = fixture::with(vec![told(fixture::caused(), 1, text)]);
        let page = report::markdown(&report, &MarkdownOptions::default());
        let row = page
            .lines()
            .find(|line| line.contains("**caused**"))
            .unwrap()
            .to_owned();
        let name = row.split(" | ").next().unwrap().trim_start_matches("| ");
        name.replace(" 1`", "`")
            .split(" › ")
            .next()
            .unwrap()
            .to_owned()
    };
    let all: Vec<String> = HOSTILE.iter().map(|text| shown(text)).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    `@everyone and @acme/team, cc:@octocat`
    `fixes #1, GH-1, acme/shop#2, JIRA-12`
    `https://evil.example www.evil.example evil@example.org ftp://a.b mailto:a@b.c`
    `1187c0ffee77aa42 deadbeef acme@1187c0ffee 0123456789abcdef0123456789abcdef01234567`
    `<script>alert(1)</script><img src=x onerror=alert(1)> <b>bold</b>`
    `<! -- sprag-compare --> <! -- sprag-compare-unit --> --> <! --`
    &#124;`  a  `&#124;`  b  `&#124;`␊`&#124;`---`&#124;`---`&#124;`␊`&#124;`  c  `&#124;`  d  `&#124;`  1 `
    `\`&#124;``  \` \\ 1 ``
    ``````` ` `` ``` ```` ~~~ `````` 1 ```````
    ```` ```text␊```␊# heading␊```mermaid␊graph TD␊``` 1 ````
    `</details></summary><details open><summary>x</summary>`
    `user<U+202E>gpj.exe <U+2066>isolate<U+2069> <U+200F>rtl`
    `zero<U+200B>width<U+200D>joiner<U+FEFF>bom<U+00AD>soft<U+2060>word`
    `␛[31mred␛[0m ␛]0;title␇ ␛]8;;https://evil␇link <U+009B>2J`
    `::error file=a,line=1::boom`
    `::set-output name=conclusion::clear␊::stop-commands::x␊::add-mask::a`
    `::error::a␍␊␉ ::warning::b ::notice::c<U+2028>::debug::d<U+0085>::error::e`
    `# #[group]x␊# #[error]y # #[set-env name=PATH;]z ## #[command]`
    `# #vso[task.setvariable variable=x]y # #teamcity[message text='x']`
    `%0A::error::x%0D%0A::set-output name=a::b %25 %3A%2C`
    `:tada: :+1: :rocket:`
    `![image](https://evil.example/x.png) [link](https://evil.example) [ref][1]␊␊[1]: https://evil.example`
    `text[^1]␊␊[^1]: a footnote`
    ``$\sqrt{x}$ $$y$$ $`z`$ ~~gone~~ H~2~O x^2^``
    `- [ ] task␊- [x] done`
    `> [!WARNING]␊> quote`
    `# heading␊␊---␊␊1. one␊␊    code␊␊***`
    `&lt;b&gt; &#64;all &commat;all &#x23;1 &amp;lt; &colon;tada&colon;`
    `**bold** _em_ __strong__ *x* ***y***`
    `Q́̂̃<U+0304><U+0305><U+0306><U+0307>algo`
    `␀nul ␈bs ␡del �`
    `#0969DA rgb(9,105,218) {{x}} {% y %} <%= z %>`
    `🧪🏴<U+E0067><U+E007F> 􏿿 <U+3164>filler`
    `HTTPS://EVIL.EXAMPLE WWW.EVIL.EXAMPLE @EVERYONE gh-1 xmpp:a@b`
    ");
}

/// All that a step prints, and all that it may print.
fn log(text: &str) -> String {
    let report = saying(text, "a");
    let style = Style {
        color: false,
        width: 80,
    };
    let part = Part::of(&report);
    let all = [part];
    let all = merged(&all, &Gaps::default());
    [
        report::terminal(&report, &style),
        report::harmless(text),
        report::status(&all),
        pages(text).join("\n"),
        remarks(&report::annotations(&all)),
        report::json(&fixture::with(vec![told(
            fixture::caused(),
            1,
            text.get(..text.floor_char_boundary(2000)).unwrap(),
        )])),
    ]
    .join("\n")
}

/// Annotations as `--dry-run` might print them.
fn remarks(annotations: &[model::Annotation]) -> String {
    let text = |a: &model::Annotation| format!("{}\n{}\n{}", a.title, a.message, a.raw);
    annotations.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// Whether the runner of GitHub takes a line for a command: `::` after any blanks with a second `::`, or `##[` anywhere (its
/// `ActionCommand.cs`); or Azure's or `TeamCity`'s agent does.
fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("::")
        || ["##[", "##vso[", "##teamcity["]
            .iter()
            .any(|start| line.contains(start))
}

/// As the runner reads lines, and as a stricter reader might.
fn commands(log: &str) -> Vec<&str> {
    let ends = [
        '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}',
    ];
    log.split(ends).filter(|line| is_command(line)).collect()
}

#[test]
fn no_line_that_is_printed_is_a_command() {
    for text in HOSTILE {
        let log = log(text);
        assert_eq!(commands(&log), Vec::<&str>::new(), "{text:?}");
        assert!(
            !log.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']),
            "{text:?}"
        );
    }
}

#[test]
fn annotations_are_the_only_commands_and_hold_their_texts() {
    for text in HOSTILE {
        let report = saying(text, "a");
        let parts = [Part::of(&report)];
        let all = merged(&parts, &Gaps::default());
        let annotations = report::annotations(&all);
        let printed = report::workflow_commands(&annotations);
        assert_eq!(annotations.len(), 4);
        assert_eq!(commands(&printed).len(), 4, "{printed}");
        for line in printed.lines() {
            let (properties, _) = line.trim_start_matches("::").split_once("::").unwrap();
            assert_eq!(properties.split(',').count(), 4, "{line}");
        }
        for annotation in annotations {
            let shown = annotation.title + &annotation.message + &annotation.raw;
            assert!(
                !shown.contains(['\x1b', '\r', '\u{9b}', '\u{202e}', '\0']),
                "{text:?}"
            );
        }
    }
}

const TOKENS: &str = "(@all|@a/b|#1|GH-1|a/b#2|https://|www\\.|evil\\.org|a@b\\.c|deadbeef|1187c0f|<!--|-->|<b>|</details>|</summary>|\\|\
    |`|```|~~~|\\\\|\\*\\*|__|\\[x\\]|\\(y\\)|!\\[|\\[\\^1\\]|:tada:|\\$|\\$\\$|- \\[ \\] |# |> |1\\. |&#64;|&lt;|\u{202e}|\u{200b}|\u{feff}|\x1b\\[1m|::error::|::|##\\[|%0A|\
    \n|\r|\t| |word|x|\u{e9}|\u{1f9ea}|\u{301}|\u{2028}|\u{85}|[!-~]){1,24}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_mixture_gives_the_elements_of_a_harmless_text(text in TOKENS) {
        // A text without anything to see leaves its place empty.
        let text = format!("w{text}");
        for (page, harmless) in pages(&text).iter().zip(pages("word")) {
            prop_assert_eq!(elements(page), elements(&harmless), "{}", page);
            prop_assert_eq!(acting(page), None, "{}", page);
            prop_assert!(page.matches("<!--").count() <= 1);
        }
    }

    #[test]
    fn no_mixture_makes_a_line_of_the_log_a_command(text in TOKENS) {
        let log = log(&text);
        prop_assert_eq!(commands(&log), Vec::<&str>::new());
    }
}

#[test]
fn a_verdict_of_every_kind_is_harmless_too() {
    for verdict in Verdict::ALL {
        let mut report = saying("@all | `x` <b>", "a");
        for finding in &mut report.findings {
            finding.verdict = verdict;
        }
        let page = report::markdown(&report, &MarkdownOptions::default());
        assert_eq!(acting(&page), None, "{page}");
    }
}
