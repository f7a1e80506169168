//! What a session was seen to do.

use pop3_proto::message::Removal;
use pop3_proto::server::{ClientIdentity, CloseReason, Refusal, Rejection, Residue};

use crate::store::Ids;

/// What became of a session.
#[derive(Default, Debug)]
pub struct Run {
    pub output: Vec<u8>,
    /// Where in the output a write token had nothing more.
    pub seams: Vec<usize>,
    pub calls: Vec<Call>,
    /// How many octets of the client were read, after each read.
    pub reads: Vec<usize>,
    /// How many octets of the client were read.
    pub taken: usize,
    pub closed: Option<CloseReason>,
    /// What was left for somebody else.
    pub unread: Vec<u8>,
    /// Whether all that was read is answered, and all answers are in the output.
    pub complete: bool,
}

/// What the host was asked, when, and what it answered.
#[derive(Debug)]
pub struct Call {
    /// How many octets of the client were read by then.
    pub taken: usize,
    /// How many octets of output were written by then.
    pub written: usize,
    pub asked: Asked,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Who the client is if there is TLS, or nothing if it failed.
    StartTls {
        residue: Residue,
        identity: Option<ClientIdentity>,
    },
    Login {
        name: Vec<u8>,
        password: Option<Vec<u8>>,
        utf8: bool,
        admission: Admission,
    },
    /// A step of an exchange; `steps` were remembered before.
    Step {
        mechanism: String,
        response: Option<Vec<u8>>,
        steps: u32,
        utf8: bool,
        outcome: Outcome,
    },
    Measure {
        message: u32,
        measured: Measured,
    },
    Retrieve {
        message: u32,
        lines: Option<u64>,
        delivery: Delivery,
    },
    Update {
        deletions: Vec<u32>,
        commit: Removal,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    Accepted(Ids),
    Broken(Ids),
    HandedOver,
    Rejected(Rejection),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Challenge(Vec<u8>),
    TooLong,
    Ended(Admission),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measured {
    Done,
    /// The host said so, and its maildrop knew nothing.
    NotDone,
    Refused(Refusal),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    Refused(Refusal),
    /// What was handed over so far, and whether the host said that it was all, or that it failed.
    Content {
        pushed: Vec<u8>,
        ended: bool,
        failed: bool,
    },
}
