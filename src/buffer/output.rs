//! What is to be written: text of our own, then one chunk of the caller's.

use alloc::vec::Vec;

use bytes::{Buf, Bytes};
use zeroize::Zeroize;

use crate::part::{part, part_mut};
use crate::wire::{LineEnds, MAX_RESPONSE_LINE, Stuffer};

/// Output that is bounded by the size of its text buffer and one chunk of a message.
///
/// Responses and listings are text. Of a chunk, runs of 2,048 octets and more are written without being copied; shorter
/// ones, and the dots and line ends between them, are appended to the text, since each write ends with a run. So is a
/// chunk that fits into the text as a whole. For a long chunk of short runs the text grows beyond its size, so that it
/// leaves in one write.
///
/// It has its memory only while something is to be written, and what is beyond its size only while a message is.
pub(crate) struct Output {
    pub(super) text: Vec<u8>,
    pub(super) written: usize,
    /// How many octets at the end of the text may not leave yet.
    pub(super) waiting: usize,
    /// Whether what is written is wiped, since it may be a secret.
    pub(super) wipes: bool,
    size: usize,
    chunk: Bytes,
    /// The front of the chunk that goes out as it is, after the text.
    run: usize,
    /// What is left out of the chunk after the run.
    held: usize,
    stuffer: Stuffer,
    /// Whether a message was begun and isn't ended.
    is_in_message: bool,
    /// How many octets of messages have gone into the text and the run, with CRLF line ends and without the dots that were
    /// added; for a client, how many it has taken.
    pub(crate) message_octets: u64,
    progressed: bool,
}

/// Runs of fewer octets are copied: the write that each of them would end costs more.
const LONG: usize = 2_048;

/// Where runs have fewer octets on the average, they are copied without being found first.
const SHORT: usize = 256;

/// The octets of the line that ends a message.
const END_LINE: usize = ".\r\n".len();

/// The most octets that end a message: what is held back of it, an end of its last line, and the end line.
const END: usize = "\r\r\n.\r\n".len();

/// How large the text grows for a long chunk of short runs, if its size isn't larger: for 64 KiB of lines of eight octets and
/// more, the first line of the response, and its end.
const LARGEST: usize = 65_536 + 65_536 / ADDED + 1_024;

/// One octet in so many is taken to be added to a chunk of short runs.
const ADDED: usize = 8;

/// How many octets are copied before the next search for a long run.
const STRETCH: usize = 4_096;

impl Output {
    /// The least size: one response finds room after another.
    pub(crate) const MIN_SIZE: u32 = 1024;

    /// What a response line and the end line after a listing need.
    const ROOM: usize = MAX_RESPONSE_LINE + 3;

    pub(crate) const fn new(size: usize) -> Self {
        Self {
            text: Vec::new(),
            written: 0,
            waiting: 0,
            wipes: false,
            size,
            chunk: Bytes::new(),
            run: 0,
            held: 0,
            stuffer: Stuffer::new(LineEnds::Unknown),
            is_in_message: false,
            message_octets: 0,
            progressed: false,
        }
    }

    /// Whether a response line and an end line may be appended to the text; reserves memory for them.
    #[inline]
    pub(crate) fn has_room(&mut self) -> bool {
        self.chunk.is_empty() && self.has_room_for_text()
    }

    #[inline]
    fn has_room_for_text(&mut self) -> bool {
        // A challenge or a message may have made it larger than its size.
        self.text.len() + Self::ROOM <= self.size
            && (self.text.capacity() - self.text.len() >= Self::ROOM || self.grow(0, self.size) >= Self::ROOM)
    }

    /// Whether the end of a message may be appended to the text; reserves memory for it.
    #[inline]
    pub(crate) fn has_room_for_end(&mut self) -> bool {
        self.chunk.is_empty() && (self.text.capacity() - self.text.len() >= END || self.has_room_for_text())
    }

    /// Makes room for so many octets of a message, with what is added to them, beside a response line and an end line, as
    /// far as `limit` allows. Returns how much room there is.
    fn grow(&mut self, octets: usize, limit: usize) -> usize {
        let needed = self.text.len() + octets + octets / ADDED + Self::ROOM;
        // What is appended piece by piece doubles the memory, from 1,024 octets up to the size.
        let doubled = needed.next_power_of_two().clamp(Self::MIN_SIZE as usize, self.size);
        let wanted = needed.max(doubled).min(limit);
        if self.text.is_empty() && self.text.capacity() < wanted {
            // Nothing is to be copied, so there needn't be two at a time.
            self.text = Vec::new();
        }
        // Beyond the size it grows once, and what was added is more than it is in most messages where that isn't enough.
        if self.text.capacity() < wanted && self.text.capacity() <= self.size {
            self.text.reserve_exact(wanted - self.text.len());
        }
        self.text.capacity().min(limit).saturating_sub(self.text.len())
    }

    /// Whether nothing is to be written.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.chunk.is_empty()
    }

    /// The text, to be appended to while [`Output::has_room`] is true: a response line each time.
    #[inline]
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Begins the content of a message.
    pub(crate) fn begin(&mut self, line_ends: LineEnds) {
        self.stuffer = Stuffer::new(line_ends);
        self.is_in_message = true;
    }

    /// Takes the next chunk of the message; the one before must be written.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
        self.run = 0;
        self.held = 0;
        self.fill();
    }

    /// Ends the content of the message.
    pub(crate) fn end(&mut self) {
        let end = self.stuffer.end();
        self.message_octets += (end.len() - END_LINE) as u64;
        self.text.extend_from_slice(end);
        self.is_in_message = false;
    }

    /// Forgets what is left of the chunk and of the message.
    pub(crate) fn abandon(&mut self) {
        self.push(Bytes::new());
        self.is_in_message = false;
    }

    /// Forgets everything that isn't written.
    pub(crate) fn discard(&mut self) {
        self.abandon();
        self.wipe();
        self.text = Vec::new();
        self.written = 0;
        self.waiting = 0;
    }

    /// Overwrites the text where it may be a secret.
    pub(super) fn wipe(&mut self) {
        if self.wipes {
            self.text.zeroize();
        }
    }

    /// Appends short runs to the text until there is a long one, no room, or no more chunk.
    pub(crate) fn fill(&mut self) {
        if self.run > 0 {
            return;
        }
        let (dots, text) = (self.stuffer.dots(), self.text.len());
        let fits = |used: usize| used + self.chunk.len() + self.chunk.len() / ADDED + Self::ROOM <= self.size;
        let (fits, largest) = (fits(text), if fits(0) { self.size } else { self.size.max(LARGEST) });
        let mut done = 0;
        // How many of the last runs were short. Two in a row are taken for the rule, one for an exception.
        let mut short_runs = 0;
        while done < self.chunk.len() {
            let left = self.chunk.len() - done;
            let mut room = self.grow(if fits { left } else { left.min(STRETCH) }, self.size);
            if done > 0 && room < Self::ROOM + LONG && largest > self.size {
                // There was no long run so far, so what is left is taken to have none.
                room = self.grow(left, largest);
            }
            if room < Self::ROOM {
                break;
            }
            let rest = part(&self.chunk, done..);
            if short_runs >= 2 {
                let before = self.text.len();
                // What is written is at most twice as long, and two octets that were held back.
                let fitting = (room - 2 - Stuffer::COPY_SLACK) / 2;
                let stretch = rest.len().min(fitting).min(STRETCH);
                self.stuffer.copy(part(rest, ..stretch), &mut self.text);
                done += stretch;
                // With few additions the runs are long enough now.
                let added = (self.text.len() - before).saturating_sub(stretch);
                short_runs = if added * SHORT > stretch { 2 } else { 0 };
                continue;
            }
            let piece = self.stuffer.next(rest);
            self.text.extend_from_slice(piece.insert);
            if piece.run > room - Self::ROOM || (piece.run >= LONG && !fits) {
                done += piece.skip;
                self.run = piece.run;
                self.held = piece.held;
                break;
            }
            self.text.extend_from_slice(part(rest, piece.skip..piece.skip + piece.run));
            done += piece.consumed();
            short_runs = if piece.run < SHORT { short_runs + 1 } else { 0 };
        }
        let octets = (self.text.len() - text + self.run) as u64;
        self.message_octets += octets - u64::from(self.stuffer.dots().wrapping_sub(dots));
        self.chunk.advance(done);
        if self.chunk.is_empty() {
            // Even an empty one keeps all of the caller's memory.
            self.chunk = Bytes::new();
        }
    }

    /// Whether something was written since the last call.
    pub(crate) fn take_progress(&mut self) -> bool {
        core::mem::take(&mut self.progressed)
    }

    /// Gives the memory back if nothing is in it.
    pub(crate) fn release(&mut self) {
        if self.text.is_empty() {
            self.text = Vec::new();
        }
    }

    fn unwritten_text(&self) -> &[u8] {
        part(&self.text, self.written..self.text.len() - self.waiting)
    }

    fn unwritten_run(&self) -> &[u8] {
        part(&self.chunk, ..self.run)
    }
}

/// What can be written now: the text and the run after it.
impl Buf for Output {
    fn remaining(&self) -> usize {
        self.text.len() - self.waiting - self.written + self.run
    }

    fn chunk(&self) -> &[u8] {
        let text = self.unwritten_text();
        if text.is_empty() { self.unwritten_run() } else { text }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let parts = [self.unwritten_text(), self.unwritten_run()];
        let mut parts = parts.into_iter().filter(|part| !part.is_empty());
        slices.iter_mut().zip(&mut parts).map(|(slice, part)| *slice = std::io::IoSlice::new(part)).count()
    }

    /// Drops octets from the front: all there are, if `octets` is more.
    fn advance(&mut self, octets: usize) {
        self.progressed |= octets > 0;
        let of_text = octets.min(self.text.len() - self.waiting - self.written);
        if self.wipes {
            part_mut(&mut self.text, self.written..self.written + of_text).zeroize();
        }
        self.written += of_text;
        if self.written == self.text.len() {
            if self.text.capacity() > self.size && !self.is_in_message {
                // A challenge or a message has made it so large.
                self.text = Vec::new();
            }
            self.text.clear();
            self.written = 0;
        }
        let of_run = (octets - of_text).min(self.run);
        if of_run > 0 {
            self.chunk.advance(of_run);
            self.run -= of_run;
            if self.run == 0 {
                self.chunk.advance(self.held);
                self.held = 0;
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.wipe();
    }
}
