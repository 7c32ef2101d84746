//! Text as GitHub-flavoured Markdown that means nothing but itself.
//!
//! GitHub turns mentions, issue numbers, commits and addresses into links after it has rendered the Markdown, so neither
//! a backslash nor an entity stops it; a code span does. Words that could mean something therefore become code spans.

use crate::text::line;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// In a cell of a table, where `|` ends the cell even inside a code span.
    Cell,
    /// Anywhere else inside a line.
    Line,
}

/// A name as a code span of at most `limit` characters; nothing for an empty name.
pub(crate) fn code(text: &str, limit: usize, spot: Spot) -> String {
    let text = unmarked(&line(text, limit));
    match spot {
        Spot::Line => span(&text),
        // An entity between two spans: every parser cuts cells at bare `|` only.
        Spot::Cell => text.split('|').map(span).collect::<Vec<_>>().join("&#124;"),
    }
}

/// A text that starts no HTML comment: what looks for a hidden marker anywhere in a page finds ours only.
fn unmarked(text: &str) -> String {
    text.replace("<!--", "<! --")
}

/// Lines as a code block, with more backticks around it than in it; nothing for no lines.
pub(crate) fn fenced(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let text = unmarked(&lines.join("\n"));
    let fence = "`".repeat(3.max(longest_run(&text) + 1));
    format!("{fence}text\n{text}\n{fence}\n\n")
}

/// A code span, with more backticks around it than in it.
fn span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let blank = |edge: Option<char>| edge.is_some_and(|c| c == '`' || c == ' ');
    let padded = blank(text.chars().next()) || blank(text.chars().next_back());
    let pad = if padded { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The most backticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence: words that mean nothing to GitHub as they are, all others as code spans.
pub(crate) fn prose(text: &str, spot: Spot) -> String {
    let text = line(text, 1000);
    let words: Vec<String> = text.split_whitespace().map(|w| word(w, spot)).collect();
    words.join(" ")
}

fn word(word: &str, spot: Spot) -> String {
    match word {
        "<" => return "&lt;".to_owned(),
        ">" => return "&gt;".to_owned(),
        _ => {}
    }
    let core = word
        .trim_start_matches('(')
        .trim_end_matches([',', ';', ':', ')', '.']);
    if is_plain(core) && !is_emoji(word) {
        return word.to_owned();
    }
    let (before, after) = word.split_once(core).unwrap_or_default();
    // Our own sentences quote names in backticks; the code span says as much.
    let quoted = core
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    let name = quoted.filter(|name| !name.is_empty()).unwrap_or(core);
    format!("{before}{}{after}", code(name, 1000, spot))
}

/// Whether a word is only letters, digits and harmless punctuation, and no address, commit or key of an issue.
fn is_plain(word: &str) -> bool {
    let harmless =
        |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-.,;:()%'\"".contains(c);
    word.chars().all(harmless) && !is_address(word) && !is_commit(word) && !is_key(word)
}

/// `www.example.org`, `mail:x`, `:smile:`: a dot or a colon with a letter beside it.
fn is_address(word: &str) -> bool {
    let after_sign = |sign| {
        word.split(sign)
            .skip(1)
            .any(|part: &str| part.starts_with(char::is_alphabetic))
    };
    after_sign('.') || after_sign(':') || word.to_ascii_lowercase().contains("www")
}

/// `:100:`, also within a word.
fn is_emoji(word: &str) -> bool {
    let mut parts = word.split(':').skip(1).peekable();
    while let Some(part) = parts.next() {
        if !part.is_empty() && parts.peek().is_some() {
            return true;
        }
    }
    false
}

/// Seven or more hex digits in a row: GitHub links them when a commit starts so.
fn is_commit(word: &str) -> bool {
    let runs = word.split(|c: char| !c.is_ascii_hexdigit());
    runs.map(str::len).any(|digits| digits >= 7)
}

/// `GH-1`, `JIRA-12`: letters, a hyphen, a number; at the start of a line a hyphen or a number makes a list.
fn is_key(word: &str) -> bool {
    let Some((letters, rest)) = word.split_once('-') else {
        return false;
    };
    letters.is_empty()
        || (letters.chars().any(char::is_alphabetic) && rest.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{Spot, code, prose};
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        for text in [
            "never failed in 412 runs on main in 14 days, up to 2026-11-20 10:00 UTC",
            "3 reruns of this test on this commit: that should settle it (from 4,812 runs)",
        ] {
            assert_eq!(prose(text, Spot::Cell), text);
        }
        assert_eq!(prose("> 99 % this PR", Spot::Line), "&gt; 99 % this PR");
    }

    #[test]
    fn what_github_would_act_on_becomes_code() {
        let shown = prose(
            "ask @all (#1, GH-1, a/b#2), www.x.org, a@b.c, 1187c0f, :tada:, it_s, <b>",
            Spot::Line,
        );
        insta::assert_snapshot!(shown, @r#"ask `@all` (`#1`, `GH-1`, `a/b#2`), `www.x.org`, `a@b.c`, `1187c0f`, `:tada`:, `it_s`, `<b>`"#);
    }

    #[test]
    fn a_pipe_cannot_end_a_cell() {
        assert_eq!(
            code("a|b\\|`c", 99, Spot::Cell),
            "`a`&#124;`b\\`&#124;`` `c ``"
        );
    }

    fn every_extension() -> Options {
        Options::all() - Options::ENABLE_SMART_PUNCTUATION
    }

    /// What a text looks like in the second cell of a table, and whether the table stayed a table.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all but a few elements of Markdown are wrong here"
    )]
    fn cell_of(markdown: &str) -> Option<String> {
        let table = format!("| a | b | c |\n| --- | --- | --- |\n| x | {markdown} | z |\n");
        let (mut cells, mut out) = (0, String::new());
        for event in Parser::new_ext(&table, every_extension()) {
            match event {
                Event::Start(Tag::TableCell) => cells += 1,
                Event::Text(text) | Event::Code(text) if cells == 5 => out.push_str(&text),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow)
                | Event::End(
                    TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell,
                ) => {}
                Event::Text(_) if cells != 5 => {}
                _ => return None,
            }
        }
        (cells == 6).then_some(out)
    }

    fn without_quotes(text: &str) -> String {
        let kept = |c: &char| !c.is_whitespace() && *c != '`';
        text.chars().filter(kept).collect()
    }

    /// Text that GitHub would act on after rendering, outside of code.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all but a few elements of Markdown are wrong here"
    )]
    fn acts(markdown: &str) -> bool {
        Parser::new_ext(markdown, every_extension()).any(|event| match event {
            Event::Text(text) => {
                text.contains(['@', '#']) || text.contains("www.") || text.contains("://")
            }
            Event::Code(_) | Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => false,
            _ => true,
        })
    }

    const HOSTILE: &str = "([-@#|`\\\\<>*_\\[\\]()!&~:/.+=$^\"' a-c1-3\u{202e}\u{200b}\u{e9}]|GH-1|www\\.|https://|<!--|&lt;|@all|\n){0,40}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn hostile_text_is_only_text_and_code_and_loses_nothing(text in HOSTILE) {
            let shown = crate::text::line(&text, 1000);
            for markdown in [code(&text, 1000, Spot::Cell), prose(&text, Spot::Cell)] {
                let cell = cell_of(&markdown);
                prop_assert_eq!(cell.map(|c| without_quotes(&c)), Some(without_quotes(&shown)), "{}", markdown);
            }
            for markdown in [code(&text, 1000, Spot::Line), prose(&text, Spot::Line)] {
                prop_assert!(!acts(&format!("**x** {markdown}").replace("**x** ", "x ")), "{}", markdown);
            }
        }

        #[test]
        fn any_text_at_all_stays_in_its_cell(text in any::<String>()) {
            prop_assert!(cell_of(&code(&text, 1000, Spot::Cell)).is_some());
            prop_assert!(cell_of(&prose(&text, Spot::Cell)).is_some());
        }
    }
}
