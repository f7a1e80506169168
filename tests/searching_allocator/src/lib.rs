//! A global allocator that finds secrets in memory: in each block that is given back, and in all that are in use.
//!
//! A test that links this crate has this allocator. It allocates as the system's does until [`Search::run`] is called;
//! then it searches each block for the secret's traces before it is given back, and notes what it finds. It neither
//! panics nor allocates itself.
//!
//! # What is searched
//! A block counts if it is allocated by the thread that runs the search, while it runs, and outside [`pause`]. So the
//! test holds its own copies of the secret, in what it sends and in what it expects, in memory that it has before the
//! search starts, in static memory, or in blocks that it allocates in a pause; no matter where it gives them back.
//!
//! - The whole of a block is searched, beyond the length of a vector too.
//! - `realloc` always moves the block, since any allocator may do that: the old block is given back as it was. This finds
//!   vectors that grow or shrink while they hold a secret.
//! - A new block is full of zeros, so nothing is found that was left by somebody else.
//!
//! Stacks aren't searched, nor are static memory and what other allocators have. What a call leaves on the stack is returned
//! by [`stack_after`].
//!
//! # What is found
//! A trace of a secret is any 24 octets in a row of it. Fewer may be on the stack, where registers are kept for a moment, and
//! come along in the padding of a value that moves from there to a block: no program can help that. Give a search all the
//! forms that the secret takes, such as base64, and make secrets long, and of octets that nothing else holds.

#[cfg(unix)]
mod stack;

#[cfg(unix)]
pub use stack::stack_after;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::ptr;

struct Searching;

#[global_allocator]
static ALLOCATOR: Searching = Searching;

thread_local! {
    /// The search that this thread runs, or null.
    static CURRENT: Cell<*const Search> = const { Cell::new(ptr::null()) };
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

/// How many octets in a row of a secret are a trace of it.
pub const TRACE: usize = 24;

/// How many octets are looked up at a time.
const PIECE: usize = 8;

/// The most blocks that are in use at a time while a search runs.
const BLOCKS: usize = 1_024;

/// A search for the traces of secrets.
#[derive(Debug)]
pub struct Search {
    /// All pieces of the secrets as numbers, in order: a trace is a row of them, each an octet further.
    pieces: Vec<u64>,
    /// Whether a piece ends with these two octets: most octets of most blocks need no closer look.
    ends: Vec<bool>,
    /// The blocks in use. It has its memory from the start, and never grows.
    blocks: RefCell<Vec<Block>>,
    /// Whether there were more blocks than are kept.
    overflown: Cell<bool>,
    freed: Cell<Option<Found>>,
}

/// A block in use.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: *const u8,
    octets: usize,
}

/// Where a trace was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// How many octets the block has.
    pub block: usize,
    /// How many octets of it come before the trace.
    pub at: usize,
    /// The end of the trace.
    pub last: [u8; PIECE],
}

impl Search {
    /// A search for all traces of these secrets, or forms of secrets.
    pub fn of<T: AsRef<[u8]>>(secrets: impl IntoIterator<Item = T>) -> Self {
        let (mut pieces, mut ends) = (Vec::new(), vec![false; 1 << 16]);
        for secret in secrets {
            for piece in secret.as_ref().windows(PIECE) {
                let number = piece.iter().fold(0, |number, octet| add(number, *octet));
                pieces.push(number);
                ends[end(number)] = true;
            }
        }
        pieces.sort_unstable();
        Self {
            pieces,
            ends,
            blocks: RefCell::new(Vec::with_capacity(BLOCKS)),
            overflown: Cell::new(false),
            freed: Cell::new(None),
        }
    }

    /// Runs `test`, and searches meanwhile. Another search that runs already is suspended.
    ///
    /// It overwrites the free part of the stack first: values that are moved into a block bring what an earlier test has
    /// left there along, in their padding.
    ///
    /// Blocks that are still in use afterwards aren't searched any more. A block that is allocated here mustn't be given
    /// back by another thread before this returns.
    pub fn run<R>(&self, test: impl FnOnce() -> R) -> R {
        // A test that fails leaves no pointer to a search that is gone.
        struct Restore<'a>(&'a Search, *const Search, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                CURRENT.set(self.1);
                PAUSED.set(self.2);
                self.0.blocks.borrow_mut().clear();
            }
        }
        let _restore = Restore(self, CURRENT.replace(self), PAUSED.replace(false));
        scrub_stack();
        call(test)
    }

    /// The first trace in a block that was given back, in any [`run`](Self::run).
    ///
    /// # Panics
    /// If the search lost track of the blocks, since more than 1,024 were in use.
    pub fn freed(&self) -> Option<Found> {
        assert!(!self.overflown.get(), "there were more blocks than can be searched");
        self.freed.get()
    }

    /// The first trace in a block that is in use, inside of [`run`](Self::run); outside there are no blocks.
    ///
    /// # Panics
    /// As [`freed`](Self::freed).
    pub fn in_use(&self) -> Option<Found> {
        assert!(!self.overflown.get(), "there were more blocks than can be searched");
        self.blocks.borrow().iter().find_map(|block| self.find(*block))
    }

    /// The first trace in a block.
    fn find(&self, block: Block) -> Option<Found> {
        const PART: usize = 64;
        // How many pieces came one after the other.
        let (mut last, mut row) = (0, 0);
        for start in (0..block.octets).step_by(PART) {
            let mut part = [0; PART];
            let octets = PART.min(block.octets - start);
            // SAFETY: the block is allocated, and as long as that: it is taken off the list before it is given back. All
            // of it was zeroed at first. Padding that was written over that may be undefined by the letter; no memory
            // safety depends on what is read.
            unsafe { ptr::copy_nonoverlapping(block.start.add(start), part.as_mut_ptr(), octets) };
            if part == [0; PART] {
                // Most memory is like this, and the test isn't optimised.
                (last, row) = (0, 0);
                continue;
            }
            for (at, octet) in part.iter().take(octets).enumerate() {
                last = add(last, *octet);
                let is_piece = self.ends[end(last)] && self.pieces.binary_search(&last).is_ok();
                row = if is_piece { row + 1 } else { 0 };
                if row + PIECE > TRACE {
                    let at = (start + at + 1).saturating_sub(TRACE);
                    return Some(Found { block: block.octets, at, last: last.to_be_bytes() });
                }
            }
        }
        None
    }

    fn allocated(&self, block: Block) {
        match self.blocks.try_borrow_mut() {
            Ok(mut blocks) if blocks.len() < BLOCKS => blocks.push(block),
            _ => self.overflown.set(true),
        }
    }

    fn given_back(&self, start: *const u8) {
        let Ok(mut blocks) = self.blocks.try_borrow_mut() else { return self.overflown.set(true) };
        let Some(at) = blocks.iter().position(|block| block.start == start) else { return };
        let block = blocks.swap_remove(at);
        if self.freed.get().is_none() {
            self.freed.set(self.find(block));
        }
    }
}

/// Runs `part` of a test. What is allocated in it isn't searched, there or later.
pub fn pause<R>(part: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            PAUSED.set(self.0);
        }
    }
    let _restore = Restore(PAUSED.replace(true));
    part()
}

/// Calls `test` in a frame of its own, on the part of the stack that was overwritten.
#[inline(never)]
fn call<R>(test: impl FnOnce() -> R) -> R {
    test()
}

/// Overwrites the stack as far as a test is likely to use it.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is the stack that is meant")]
fn scrub_stack() {
    black_box(&mut [0_u8; 1 << 15]);
}

/// The last eight octets, after one more.
fn add(last: u64, octet: u8) -> u64 {
    last << 8 | u64::from(octet)
}

/// The last two of eight octets.
fn end(last: u64) -> usize {
    (last & 0xFFFF) as usize
}

/// Calls `note` with the search that this thread runs.
fn with_current(note: impl FnOnce(&Search)) {
    let current = CURRENT.get();
    // SAFETY: it is null or points to a search that is borrowed by a call of `Search::run`, which sets it back at its end.
    if let Some(search) = unsafe { current.as_ref() } {
        note(search);
    }
}

// SAFETY: all memory comes from the system's allocator, and goes back to it with the layout that it came with. `realloc` is
// the trait's own, which allocates, copies, and gives back.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises is what is asked for.
        unsafe { self.alloc_zeroed(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let start = unsafe { System.alloc_zeroed(layout) };
        if !start.is_null() && !PAUSED.get() {
            with_current(|search| search.allocated(Block { start, octets: layout.size() }));
        }
        start
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        with_current(|search| search.given_back(start));
        // SAFETY: as above.
        unsafe { System.dealloc(start, layout) };
    }
}
