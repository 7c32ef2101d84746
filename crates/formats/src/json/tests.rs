use std::io::BufReader;

use proptest::prelude::*;

use super::{Broken, Got, Json, Kind};

/// Reads a document and writes it back: what the reader understood.
fn echo(json: &mut Json<'_>) -> Got<String> {
    let mut out = String::new();
    match json.kind()? {
        Kind::Object => {
            json.object(|json, key| {
                let value = echo(json)?;
                out.extend([key.as_str(), "=", &value, " "]);
                Ok(())
            })?;
            Ok(format!("{{{out}}}"))
        }
        Kind::Array => {
            json.array(|json| {
                out += &echo(json)?;
                out += " ";
                Ok(())
            })?;
            Ok(format!("[{out}]"))
        }
        Kind::Text => Ok(json.text(1000)?.unwrap_or_default()),
        Kind::Scalar => Ok(json.text(1000)?.unwrap_or_else(|| "~".to_owned())),
    }
}

fn read(text: &[u8]) -> Got<String> {
    // One byte at a time: every token is split between two reads.
    echo(&mut Json::document(
        &mut BufReader::with_capacity(1, text),
        64,
    ))
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#" {"a": [1, -2.5e1, "x\n\"\u00e9\ud83d\ude00", true, null], "b": {}, "a": []}"#;
    assert_eq!(
        read(text.as_bytes()).as_deref(),
        Ok("{a=[1 -25 x\n\"é😀 ~ ~ ] b={} a=[] }")
    );
}

#[test]
fn what_writers_get_wrong_is_forgiven() {
    assert_eq!(
        read(b"[NaN, Infinity, 1e999, 1,]").as_deref(),
        Ok("[~ ~ ~ 1 ]")
    );
    assert_eq!(
        read(br#"["\ud800", "\ud800x", "\ud800\ud800\udc00", "\udc00"]"#).as_deref(),
        Ok("[\u{FFFD} \u{FFFD}x \u{FFFD}\u{10000} \u{FFFD} ]")
    );
    assert_eq!(read(b"\"\xFF\x01\"").as_deref(), Ok("\u{FFFD}\u{1}"));
}

#[test]
fn damage_is_named() {
    assert_eq!(read(b"{\"a\": [1, 2"), Err(Broken::End));
    assert_eq!(
        read(b"[1 2]"),
        Err(Broken::Bad("no `,` between two members"))
    );
    assert_eq!(
        read(b"[x]"),
        Err(Broken::Bad("neither a value nor a number"))
    );
    assert_eq!(
        read(b"[,]"),
        Err(Broken::Bad("neither a value nor a number"))
    );
}

#[test]
fn what_lies_too_deep_is_skipped_and_said() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    let mut input = deep.as_bytes();
    let mut json = Json::document(&mut input, 3);
    assert_eq!(echo(&mut json).as_deref(), Ok("[[[[] ] ] ]"));
    assert!(json.too_deep);
}

#[test]
fn a_string_is_kept_to_the_limit_and_never_cut_inside_a_character() {
    let mut input = "\"ééé\" 7".as_bytes();
    let mut json = Json::document(&mut input, 3);
    assert_eq!(json.text(3), Ok(Some("é".to_owned())));
    assert_eq!(json.number(), Ok(Some(7.0)));
}

#[test]
fn a_million_open_brackets_are_skipped_in_constant_memory() {
    let mut input = BufReader::new(std::io::Read::take(std::io::repeat(b'['), 1 << 20));
    let mut json = Json::document(&mut input, 3);
    assert_eq!(json.skip(), Err(Broken::End));
    assert_eq!((json.offset, json.text.capacity()), (1 << 20, 0));
}

#[test]
fn a_broken_line_does_not_touch_the_next() {
    let mut input = "{\"a\": \"x\n\n  {\"a\": 1}\nplain\n".as_bytes();
    let mut json = Json::lines(&mut input, 3);
    assert_eq!(json.next_line(), Ok(Some(true)));
    assert_eq!(
        echo(&mut json),
        Err(Broken::Bad("the line ends inside a string"))
    );
    assert_eq!(json.next_line(), Ok(Some(true)));
    assert_eq!(echo(&mut json).as_deref(), Ok("{a=1 }"));
    assert_eq!(json.next_line(), Ok(Some(false)));
    assert_eq!((json.line, json.rest_of_line(3).as_deref()), (4, Ok("pla")));
    assert_eq!(json.next_line(), Ok(None));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(read(&bytes));
    }

    #[test]
    fn arbitrary_json_like_text_never_panics(text in r#"[\[\]{}",:\\u0-9a-f \n]{0,200}"#) {
        drop(read(text.as_bytes()));
    }

    #[test]
    fn every_string_of_serde_json_is_read_back(text in any::<String>()) {
        let written = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(read(written.as_bytes()), Ok(text.chars().collect()));
    }
}
