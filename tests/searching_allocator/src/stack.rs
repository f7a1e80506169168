//! What is left on a stack.

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::ffi::c_void;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::{ptr, slice};

/// Enough for what a test runs, and a multiple of the pages of all systems.
const OCTETS: usize = 1 << 18;
const PAGE: usize = 1 << 14;

/// Memory for a stack.
struct Memory(*mut u8);

impl Memory {
    const LAYOUT: Layout = match Layout::from_size_align(OCTETS, PAGE) {
        Ok(layout) => layout,
        Err(_) => panic!("no layout"),
    };

    fn new() -> Self {
        // SAFETY: the layout isn't empty.
        let start = unsafe { System.alloc_zeroed(Self::LAYOUT) };
        assert!(!start.is_null(), "no memory");
        Self(start)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory comes from there, with this layout, and no thread uses it any more.
        unsafe { System.dealloc(self.0, Self::LAYOUT) };
    }
}

/// A call, and what came of it.
struct Call<F> {
    run: Option<F>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Calls `run` so far down that what the end of the thread needs of the stack doesn't reach its frames.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is the stack that is meant")]
fn deep_down(run: impl FnOnce()) {
    let mut above = [0_u8; OCTETS / 4];
    black_box(&mut above);
    run();
    black_box(&mut above);
}

extern "C" fn start<F: FnOnce()>(call: *mut c_void) -> *mut c_void {
    // SAFETY: `stack_after` passes its own call, and waits for this thread before it uses that again.
    let call = unsafe { &mut *call.cast::<Call<F>>() };
    if let Some(run) = call.run.take() {
        call.panic = catch_unwind(AssertUnwindSafe(|| deep_down(run))).err();
    }
    ptr::null_mut()
}

/// Calls `run` on a fresh stack of 256 KiB full of zeros, in a thread of its own, and returns the stack as it is afterwards.
///
/// It holds whatever functions kept on it, and didn't wipe. A secret that is looked for there shouldn't be captured by
/// value.
///
/// # Panics
/// If `run` panics, or the system has no thread.
pub fn stack_after<F: FnOnce() + Send>(run: F) -> Vec<u8> {
    let memory = Memory::new();
    let mut call = Call { run: Some(run), panic: None };
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are initialised before they are used. The stack and the call outlive the thread, since it is
    // waited for; what `run` borrows does as well, and may be sent to a thread.
    unsafe {
        assert_eq!(libc::pthread_attr_init(attributes.as_mut_ptr()), 0);
        assert_eq!(libc::pthread_attr_setstack(attributes.as_mut_ptr(), memory.0.cast(), OCTETS), 0);
        let call = (&raw mut call).cast();
        assert_eq!(libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), start::<F>, call), 0);
        assert_eq!(libc::pthread_join(thread.assume_init(), ptr::null_mut()), 0);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    if let Some(panic) = call.panic {
        resume_unwind(panic);
    }
    // SAFETY: all of it was zeroed, and the thread that has written to it is over.
    unsafe { slice::from_raw_parts(memory.0, OCTETS) }.to_vec()
}
