//! A client and a server, joined by pipes that hold little: all messages arrive as they are, and both end in agreement.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::pair::{Case, run};

fuzz_target!(|case: Case<'_>| run(&case));
