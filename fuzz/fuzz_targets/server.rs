//! A session with any client, any host and any schedule: what a naive server would say, and the same as when everything
//! is done at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::case::Case;
use pop3_proto_fuzz::drive::run;
use pop3_proto_fuzz::model;
use pop3_proto_fuzz::record::Run;

fuzz_target!(|case: Case<'_>| {
    let run_in_steps = run(&case, &case.steps);
    model::check(&case, &run_in_steps);
    let run_at_once = run(&case, &[]);
    model::check(&case, &run_at_once);
    if !case.schedule_shows() {
        same(&run_in_steps, &run_at_once);
    }
});

/// The schedule makes no difference, but for how far a run gets.
fn same(a: &Run, b: &Run) {
    let both = a.output.len().min(b.output.len());
    assert!(a.output[..both] == b.output[..both], "the schedule shows in the output");
    let calls = a.calls.len().min(b.calls.len()).saturating_sub(1);
    assert!(
        a.calls.iter().zip(&b.calls).take(calls).all(|(a, b)| a.asked == b.asked),
        "the schedule shows to the host"
    );
    if a.complete && b.complete {
        assert_eq!((a.output.len(), a.calls.len(), a.closed), (b.output.len(), b.calls.len(), b.closed));
    }
}
