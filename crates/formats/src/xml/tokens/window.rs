//! How the window of the tokenizer moves over the stream.

use std::io::ErrorKind;

use super::Tokens;

/// Below this much room at its end the window is moved to the front before more is read.
pub(super) const ROOM: usize = 16 << 10;

impl Tokens<'_> {
    /// Reads more into the window; false at the end of the stream or when the window may not grow.
    pub(super) fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.make_room();
        let Some(room) = self.buf.get_mut(self.end..).filter(|room| room.len() >= 4) else {
            return false;
        };
        loop {
            match self.input.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return false;
                }
                Ok(n) => {
                    self.end += n;
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    let at = self.base + self.end as u64;
                    let what = format!("reading stopped: {error}");
                    self.defects.push((at, what, "what came before is kept"));
                    return false;
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.buf.len() - self.end >= ROOM {
            return;
        }
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < ROOM && self.buf.len() < self.longest {
            self.buf.resize((self.buf.len() * 2).min(self.longest), 0);
        }
    }

    /// Reads until the window holds `len` bytes; fewer only at the end.
    pub(super) fn ensure(&mut self, len: usize) {
        while self.end - self.start < len && self.fill() {}
    }
}
