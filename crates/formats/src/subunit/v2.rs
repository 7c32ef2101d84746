//! subunit v2: packets of `0xB3`, flags, length, fields and CRC-32, with arbitrary bytes between.

use std::io::{self, BufRead};

use flate2::Crc;
use model::{Outcome, Place};

use super::Tests;
use crate::{Limits, Sink};

/// The first byte of a packet.
const SIGNATURE: u8 = 0xB3;

/// The longest packet that the specification allows.
const PACKET_BYTES: usize = 4 << 20;

/// Bytes that may be looked at twice because a packet in them was none; beyond, a broken packet is skipped as a whole.
const RESCAN_BYTES: usize = 64 << 20;

/// Why the last packet of a stream may be none.
const CUT: &str = "the stream ends inside a packet";

/// Reads a subunit v2 stream.
pub(crate) fn read(input: &mut dyn BufRead, limits: &Limits, sink: &mut dyn Sink) {
    let mut window = Window {
        input,
        bytes: Vec::new(),
        at: 0,
        offset: 0,
        error: None,
    };
    let mut tests = Tests::new(limits, sink);
    let mut rescan = RESCAN_BYTES;
    let mut broken = Broken::default();
    while window.seek() {
        let offset = window.offset;
        match window.packet() {
            Found::Packet(length) => {
                broken.forget(CUT);
                broken.tell(&mut tests);
                take(window.bytes(length), limits, &mut tests, offset);
                window.skip(length);
            }
            Found::Nothing => window.skip(1),
            Found::Broken(length, why) => {
                broken.note(offset, why);
                let step = if rescan < length { length } else { 1 };
                rescan = rescan.saturating_sub(length);
                window.skip(step);
            }
        }
    }
    broken.tell(&mut tests);
    if let Some(error) = window.error {
        let what = format!("cannot be read further: {error}");
        tests.sink.problem(
            Place::Byte(window.offset),
            what,
            "what was read before stays",
        );
    }
    tests.finish();
}

/// Whether bytes can begin a packet.
pub(crate) fn is_packet(head: &[u8]) -> bool {
    header(head).is_some()
}

/// Whether bytes begin with a packet that is whole and true.
pub(crate) fn is_whole_packet(head: &[u8]) -> bool {
    let packet = header(head).and_then(|(length, _)| head.get(..length));
    packet.is_some_and(|packet| fields(packet).is_some())
}

/// The first packet that was none since the last that was one: one problem stands for the garbage in it.
#[derive(Default)]
struct Broken(Option<(u64, &'static str)>);

impl Broken {
    fn note(&mut self, offset: u64, why: &'static str) {
        self.0.get_or_insert((offset, why));
    }

    /// A packet that is not cut follows: what seemed to be one was other text.
    fn forget(&mut self, why: &str) {
        self.0 = self.0.take().filter(|broken| broken.1 != why);
    }

    fn tell(&mut self, tests: &mut Tests<'_>) {
        if let Some((offset, why)) = self.0.take() {
            let hint = "reading goes on at the next packet";
            tests
                .sink
                .problem(Place::Byte(offset), why.to_owned(), hint);
        }
    }
}

/// What lies at a signature.
enum Found {
    /// A packet of this length.
    Packet(usize),
    /// A byte that happens to be the signature.
    Nothing,
    /// What looks like a packet of this length but is none.
    Broken(usize, &'static str),
}

/// The part of the stream that is in memory: never more than a packet and a buffer.
struct Window<'r> {
    input: &'r mut dyn BufRead,
    bytes: Vec<u8>,
    at: usize,
    offset: u64,
    error: Option<io::Error>,
}

impl Window<'_> {
    fn bytes(&self, length: usize) -> &[u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest)
    }

    fn skip(&mut self, length: usize) {
        self.at += length;
        self.offset += length as u64;
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> bool {
        if self.at > PACKET_BYTES || self.at == self.bytes.len() {
            self.bytes.drain(..self.at.min(self.bytes.len()));
            self.at = 0;
        }
        match self.input.fill_buf() {
            Ok(more) => {
                self.bytes.extend_from_slice(more);
                let read = more.len();
                self.input.consume(read);
                read > 0
            }
            Err(error) => {
                self.error.get_or_insert(error);
                false
            }
        }
    }

    fn need(&mut self, length: usize) -> bool {
        while self.bytes.len() - self.at < length {
            if !self.fill() {
                return false;
            }
        }
        true
    }

    /// Goes to the next signature; false at the end.
    fn seek(&mut self) -> bool {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match memchr::memchr(SIGNATURE, rest) {
                Some(at) => {
                    self.skip(at);
                    return true;
                }
                None => self.skip(rest.len()),
            }
            if !self.fill() {
                return false;
            }
        }
    }

    fn packet(&mut self) -> Found {
        let _all_of_it = self.need(7);
        let Some((length, _)) = header(self.bytes(7)) else {
            return Found::Nothing;
        };
        if !self.need(length) {
            return Found::Broken(0, CUT);
        }
        match fields(self.bytes(length)) {
            Some(_) => Found::Packet(length),
            None => Found::Broken(length, "the checksum of a packet is wrong"),
        }
    }
}

/// Length and flags of a packet, where these bytes can begin one.
fn header(bytes: &[u8]) -> Option<(usize, u16)> {
    let (&[signature, high, low], rest) = bytes.split_first_chunk::<3>()?;
    let flags = u16::from_be_bytes([high, low]);
    if signature != SIGNATURE || flags >> 12 != 2 || flags & 0x0008 != 0 {
        return None;
    }
    let (length, after) = number(rest)?;
    let least = 3 + (rest.len() - after.len()) + 4;
    let length = usize::try_from(length).ok()?;
    (least..=PACKET_BYTES)
        .contains(&length)
        .then_some((length, flags))
}

/// What lies between length and checksum, when the checksum is true.
fn fields(packet: &[u8]) -> Option<&[u8]> {
    let (content, sum) = packet.split_last_chunk::<4>()?;
    let mut crc = Crc::new();
    crc.update(content);
    if crc.sum() != u32::from_be_bytes(*sum) {
        return None;
    }
    let (_length, rest) = number(content.get(3..)?)?;
    Some(rest)
}

/// A number: the two high bits say how many bytes follow.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let extra = usize::from(bytes.first()? >> 6);
    let (number, rest) = bytes.split_at_checked(extra + 1)?;
    let value = number
        .iter()
        .fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
    let mask = u32::MAX.checked_shr(26 - 8 * u32::try_from(extra).ok()?)?;
    Some((value & mask, rest))
}

/// Bytes with their length before them.
fn block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// The fields of a packet that matter.
#[derive(Default)]
struct Packet<'a> {
    at: Option<f64>,
    id: &'a [u8],
    mime: &'a [u8],
    name: &'a [u8],
    content: &'a [u8],
}

fn parse(packet: &[u8]) -> Option<(Packet<'_>, u16)> {
    let (_, flags) = header(packet)?;
    let mut rest = fields(packet)?;
    let mut parsed = Packet::default();
    if flags & 0x0200 != 0 {
        let (seconds, after) = rest.split_first_chunk::<4>()?;
        let (nanos, after) = number(after)?;
        parsed.at = Some(f64::from(u32::from_be_bytes(*seconds)) + f64::from(nanos) / 1e9);
        rest = after;
    }
    if flags & 0x0800 != 0 {
        (parsed.id, rest) = block(rest)?;
    }
    if flags & 0x0080 != 0 {
        let (count, mut after) = number(rest)?;
        for _ in 0..count {
            (_, after) = block(after)?;
        }
        rest = after;
    }
    if flags & 0x0020 != 0 {
        (parsed.mime, rest) = block(rest)?;
    }
    if flags & 0x0040 != 0 {
        (parsed.name, rest) = block(rest)?;
        (parsed.content, _) = block(rest)?;
    }
    Some((parsed, flags))
}

/// Tells what a packet says.
fn take(packet: &[u8], limits: &Limits, tests: &mut Tests<'_>, offset: u64) {
    let Some((packet, flags)) = parse(packet) else {
        let what = "the fields of a packet do not fit its length".to_owned();
        return tests
            .sink
            .problem(Place::Byte(offset), what, "the packet is skipped");
    };
    if packet.id.is_empty() {
        return;
    }
    let id = String::from_utf8_lossy(packet.id);
    let text = packet.mime.is_empty() || packet.mime.starts_with(b"text/");
    if !packet.content.is_empty() && text {
        let content = packet
            .content
            .get(..limits.stack_bytes)
            .unwrap_or(packet.content);
        let content = String::from_utf8_lossy(content);
        tests.attach(&id, &String::from_utf8_lossy(packet.name), &content);
    }
    match flags & 7 {
        2 => tests.begin(&id, packet.at),
        3 | 7 => tests.end(&id, Outcome::Pass, packet.at),
        4 | 6 => tests.end(&id, Outcome::Fail, packet.at),
        5 => tests.end(&id, Outcome::Skip, packet.at),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use flate2::Crc;
    use proptest::prelude::*;

    use super::{is_packet, is_whole_packet, number, read};
    use crate::testing::{corpus, said};

    /// A packet of a status for a test, without any other field.
    fn packet(id: &str, status: u16) -> Vec<u8> {
        let flags = (0x2800 | status).to_be_bytes();
        let length = u8::try_from(3 + 1 + 1 + id.len() + 4).unwrap();
        let mut bytes = vec![
            0xB3,
            flags[0],
            flags[1],
            length,
            u8::try_from(id.len()).unwrap(),
        ];
        bytes.extend(id.as_bytes());
        let mut crc = Crc::new();
        crc.update(&bytes);
        bytes.extend(crc.sum().to_be_bytes());
        bytes
    }

    #[test]
    fn a_real_stream_with_text_in_it_is_read() {
        let Some(bytes) = corpus("gen-subunit/ut.subunit") else {
            return;
        };
        let said = said(read, &bytes);
        assert_eq!(said.counts(), [8, 5, 0, 1]);
        insta::assert_snapshot!(said.text(), @r#"
        suite  2026-11-20T08:55:03.663Z
        fail  | setUpClass (ut.SetUpBroken) 0s <RuntimeError> "class setup" at /home/ci/project1/py/ut.py:17 +stack
        fail  | ut.T › test_err 0.000054836273193359375s <ValueError> "boom" at /home/ci/project1/py/ut.py:5 +stack
        fail  | ut.T › test_fail 0.00003886222839355469s <AssertionError> "1 != 2 : nope" at /home/ci/project1/py/ut.py:4 +stack
        pass  | ut.T › test_pass 0.000034809112548828125s
        skip  | ut.T › test_skip 0.000013113021850585938s "why"
        fail  | ut.T › test_sub 0.00005984306335449219s <AssertionError> "1 == 1" at /home/ci/project1/py/ut.py:14 +stack
        pass  | ut.T › test_xfail 0.000025987625122070313s
        fail  | ut.T › test_xpass 0.0000209808349609375s ""
        "#);
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        assert_eq!(number(&[0x2C]), Some((0x2C, &[][..])));
        assert_eq!(number(&[0x41, 0x56, 7]), Some((0x156, &[7][..])));
        assert_eq!(
            number(&[0xE7, 0xE7, 0x8A, 0xB9]),
            Some((0x27E7_8AB9, &[][..]))
        );
        assert_eq!(number(&[0xC0]), None);
    }

    #[test]
    fn garbage_between_packets_and_a_wrong_checksum_cost_nothing_else() {
        let mut bytes = "ó ó/".as_bytes().to_vec();
        bytes.extend(packet("a", 3));
        let mut wrong = packet("b", 3);
        wrong[5] ^= 1;
        bytes.extend(wrong);
        bytes.extend(packet("c", 2));
        bytes.extend(&packet("d", 3)[..6]);
        let said = said(read, &bytes);
        insta::assert_snapshot!(said.text(), @r#"
        suite 
        pass  | a
        problem byte 16: the checksum of a packet is wrong (reading goes on at the next packet)
        problem byte 36: the stream ends inside a packet (reading goes on at the next packet)
        error  | c "no result: the stream ends while the test runs"
        "#);
    }

    #[test]
    fn a_stream_of_false_signatures_is_read_in_linear_time() {
        // Each byte triple looks like the start of a packet of almost four mebibytes.
        let bytes = [0xB3, 0x28, 0x03, 0xBF, 0xFF, 0xFF].repeat(1 << 20);
        assert!(said(read, &bytes).cases.is_empty());
    }

    #[test]
    fn packets_are_known_by_their_checksum() {
        let mut bytes = packet("a", 3);
        assert!(is_packet(&bytes) && is_whole_packet(&bytes));
        bytes[5] ^= 1;
        assert!(is_packet(&bytes) && !is_whole_packet(&bytes));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(prop_oneof![Just(0xB3_u8), 0x20..0x2F_u8, any::<u8>()], 0..300)) {
            drop(said(read, &bytes));
        }

        #[test]
        fn every_packet_is_counted(tests in proptest::collection::vec((3..8_u16, "[ -~]{0,9}"), 0..30)) {
            let mut bytes = Vec::new();
            for (number, (status, noise)) in tests.iter().enumerate() {
                bytes.extend(packet(&format!("t{number}"), *status));
                bytes.extend(noise.as_bytes());
            }
            let of = |wanted: &[u16]| tests.iter().filter(|test| wanted.contains(&test.0)).count();
            prop_assert_eq!(said(read, &bytes).counts(), [tests.len(), of(&[4, 6]), 0, of(&[5])]);
        }
    }
}
