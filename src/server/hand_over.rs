//! A login that is handed over: another server serves the client from there, as behind a proxy.

use alloc::vec::Vec;

use super::action::CloseReason;
use super::authorization::Login;
use super::connection::Connection;
use super::exchange::Authenticate;
use super::maildrop::Maildrop;
use super::reply::Reply;
use super::{Phase, Session};

impl<M: Maildrop> Login<'_, M> {
    /// Lets the client in, to be served by another server from here: the host has logged in for it there, say, and is
    /// about to splice both connections.
    ///
    /// The client is sent `+OK`, and then comes [`Action::Close`](super::Action::Close) with
    /// [`CloseReason::HandedOver`], after which the connection stays open. Nothing is read meanwhile, and nothing that
    /// came after the login is looked at: [`Session::into_unread`] has it, for the server that goes on. If the client
    /// doesn't take its `+OK` in time, the reason is [`CloseReason::LoginDeadline`] instead, and the session isn't
    /// handed over.
    ///
    /// What the client was told before must hold afterwards, since it need not ask again: what CAPA announced, TOP,
    /// UIDL and PIPELINING always among it, what UTF8 switched on and which language LANG chose. So a host that hands
    /// over should offer no UTF8 and no LANG, and announce only what all the servers that it hands over to have in
    /// common.
    pub fn hand_over(self) {
        self.connection.end_login(self.input);
        self.connection.hand_over();
    }
}

impl<M: Maildrop> Authenticate<'_, M> {
    /// Ends the exchange and lets the client in, to be served by another server from here, as
    /// [`Login::hand_over`](super::Login::hand_over) does.
    pub fn hand_over(self) {
        self.connection.end_login(self.input);
        *self.exchange = None;
        self.connection.hand_over();
    }
}

impl Connection {
    /// What stands behind the login belongs to another server, so there is nothing left to do but to write.
    fn hand_over(&mut self) {
        self.good(Reply::LoggedIn);
        self.close(CloseReason::HandedOver);
    }
}

impl<M: Maildrop> Session<M> {
    /// What was read from the client after a login that was [handed over](Login::hand_over): commands that it sent
    /// without waiting for the answer to its login, which RFC 2449 §6.6 allows where PIPELINING is announced, the last of
    /// them perhaps in part. They go to the server that serves the client now, before anything that is read from it
    /// later.
    ///
    /// At most as many octets as the input window holds. None where the session isn't over, and none where it is over
    /// for any other reason than [`CloseReason::HandedOver`].
    pub fn into_unread(self) -> Vec<u8> {
        let is_over = matches!(self.phase, Phase::Over) && self.connection.output.is_empty();
        if is_over && self.connection.closing == Some(CloseReason::HandedOver) {
            self.input.octets().to_vec()
        } else {
            Vec::new()
        }
    }
}
