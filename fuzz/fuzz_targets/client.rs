//! A client's session against any server: what a naive client would say, ask for and write, and the same as when
//! everything is read and written at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::client::case::Case;
use pop3_proto_fuzz::client::drive::{Run, run};

fuzz_target!(|case: Case<'_>| {
    let in_steps = run(&case, &case.steps);
    let at_once = run(&case, &[]);
    if !in_steps.races && !at_once.races {
        same(&in_steps, &at_once);
    }
});

/// The schedule makes no difference, but for how much is written before something fails.
fn same(a: &Run, b: &Run) {
    assert!(a.log == b.log, "the schedule shows to the caller");
    let fails = a.log.last().is_some_and(|last| last.starts_with(b"Err"));
    let both = if fails { a.output.len().min(b.output.len()) } else { a.output.len().max(b.output.len()) };
    assert!(a.output.get(..both) == b.output.get(..both), "the schedule shows in the output");
}
