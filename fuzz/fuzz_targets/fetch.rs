//! Plans to fetch from a server that lies: no message is lost, none is fetched for ever, and what is told is true.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::fetch::{Case, run};

fuzz_target!(|case: Case<'_>| run(&case));
