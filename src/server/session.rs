//! One connection of a server, from the greeting to the end.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use super::action::Action;
use super::authorization::{self, Authorization};
use super::body::Body;
use super::close::CloseReason;
use super::config::Config;
use super::login::Login;
use super::maildrop::Maildrop;
use super::measure::Measure;
use super::offers::ClientIdentity;
use super::refusals::GreetingRefusal;
use super::reply::Reply;
use super::retrieve::Retrieve;
use super::starttls::StartTls;
use super::state::{Life, Wait};
use super::terms::{Terms, Work};
use super::transaction;
use super::update::Update;
use crate::buffer::{End, Pipe};
use crate::trace::{Trace, Tracer};
use crate::wire::{DeviationCounts, State, Timestamp};
use crate::{Io, Security, Totals};

/// One connection of a server, from the greeting to the end.
///
/// It owns the maildrop `M` while the client is logged in, and drops it when the session is over or is dropped itself. `E` is
/// what the host remembers of a SASL exchange between two steps.
pub struct Session<M: Maildrop, E = ()> {
    pipe: Pipe,
    terms: Terms,
    life: Life<M, E>,
    /// Whether the host had something to answer at the last poll: then the time since doesn't count against the client.
    asked: bool,
    is_stopping: bool,
}

impl<M: Maildrop> Session<M> {
    /// Creates a session for a connection that has just come in; `security` tells who may listen to it.
    pub fn new(config: Arc<Config>, security: Security) -> Self {
        Self::with_exchange(config, security)
    }
}

impl<M: Maildrop, E> Session<M, E> {
    /// Creates a session whose host remembers an `E` of each SASL exchange, from one step to the next:
    /// [`exchange_and_response`](super::Authenticate::exchange_and_response) lends it. The session drops it when the exchange
    /// is over, however it ends.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use pop3_proto::Security;
    /// # use pop3_proto::server::{Config, Maildrop, Session};
    /// use pop3_proto::wire::Timestamp;
    ///
    /// # fn session<M: Maildrop>(config: Arc<Config>) -> Session<M, Timestamp> {
    /// // For CRAM-MD5, whose challenge is needed again when the client has answered it.
    /// Session::with_exchange(config, Security::Tls)
    /// # }
    /// ```
    pub fn with_exchange(config: Arc<Config>, security: Security) -> Self {
        let terms = Terms::new(config, security);
        let life = Life::Authorization(Authorization::new(None, authorization::Step::first(false)));
        Self { pipe: terms.pipe(), terms, life, asked: false, is_stopping: false }
    }

    /// Creates a session that greets with `-ERR` and closes: because of load, or for a peer that isn't welcome
    /// (RFC 1939 §3).
    pub fn refuse(config: Arc<Config>, reason: GreetingRefusal) -> Self {
        let mut session = Self::with_exchange(config, Security::Cleartext);
        let reply = match reason {
            GreetingRefusal::Temporary => Reply::Temporary,
            GreetingRefusal::Permanent => Reply::Permanent,
            GreetingRefusal::Unwelcome => Reply::Unwelcome,
        };
        session.terms.reply(&mut session.pipe.output, reply);
        session.life = Life::Over(CloseReason::Refused);
        session
    }

    /// Offers APOP with this timestamp, which must be a new one for each connection (RFC 1939 §7); `None` offers none.
    /// Nor is it offered where logging in isn't allowed, or once the session was polled. One that was in the greeting
    /// stays good after STLS.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use pop3_proto::Security;
    /// # use pop3_proto::server::{Config, Maildrop, Session};
    /// use pop3_proto::wire::Timestamp;
    ///
    /// # fn session<M: Maildrop>(config: Arc<Config>, process: u32, counter: u64, random: u64) -> Session<M> {
    /// // The random number comes from a generator that nobody can predict.
    /// let timestamp = Timestamp::new(&format!("<{process}.{counter}.{random:x}@mail.example.org>"));
    /// Session::new(config, Security::Tls).with_timestamp(timestamp.ok())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: impl Into<Option<Timestamp>>) -> Self {
        if let Life::Authorization(authorization) = &mut self.life {
            if !self.pipe.clock.is_running() {
                authorization.timestamp = timestamp.into();
            }
        }
        self
    }

    /// Sets whether TLS comes first, as on port 995 (RFC 8314 §3.1): no by default. Then the first action is [`Action::StartTls`],
    /// and the client is greeted once TLS is established. What the session was created with as its [`Security`] decides nothing then, and
    /// [`Config::login_deadline`] limits the handshake too. Nothing changes once the session was polled.
    ///
    /// A host that does the handshake before it creates the session leaves this alone, and declares [`Security::Tls`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use pop3_proto::Security;
    /// # use pop3_proto::server::{Action, Config, Maildrop, Session};
    /// # fn session<M: Maildrop>(config: Arc<Config>, peer: core::net::SocketAddr, is_port_995: bool) -> Session<M> {
    /// Session::new(config, Security::from_peer_address(peer.ip())).with_implicit_tls(is_port_995)
    /// # }
    /// ```
    #[must_use]
    pub fn with_implicit_tls(mut self, comes_first: bool) -> Self {
        if let Life::Authorization(authorization) = &mut self.life {
            if !self.pipe.clock.is_running() {
                authorization.step = authorization::Step::first(comes_first);
            }
        }
        self
    }

    /// Sets whether the connection has proved who the client is, which offers EXTERNAL (RFC 4422 appendix A). For TLS
    /// that STLS begins, [`StartTls::established`] takes this.
    #[must_use]
    pub fn with_client_identity(mut self, identity: ClientIdentity) -> Self {
        self.terms.identity = identity;
        self
    }

    /// Has `trace` called with each line that the session reads or is about to write, for a log: see [`Trace`]. It is called from
    /// [`poll`](Self::poll) and from the answers to tokens, so it must not wait for anything.
    #[must_use]
    pub fn with_trace(mut self, trace: impl FnMut(Trace<'_>) + Send + 'static) -> Self {
        self.terms.trace = Tracer::new(trace);
        self
    }

    /// Returns the state, or `None` once the session is over.
    pub fn state(&self) -> Option<State> {
        self.life.state()
    }

    /// Lends the host's maildrop while the client is logged in: from the accepted login until the session is over, and the maildrop
    /// dropped with it. So a host may renew the lease of a lock, for example, while it waits for the client.
    pub fn maildrop(&mut self) -> Option<&mut M> {
        self.life.maildrop()
    }

    /// Ends the session where nothing is cut off, because the host wants to stop: where it would wait to
    /// read, so that every command that has come is answered, and a message or a removal that was begun is finished. The
    /// client sees the end of the stream; no message is removed without its QUIT, and the reason is
    /// [`CloseReason::Stopped`].
    ///
    /// The next poll takes it up: a host that waits for its client polls. One that can't wait for all messages to be measured
    /// [declines](super::Measure::decline) the next; one that can't wait for the client to take what is being written drops the
    /// session.
    pub fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// Returns how often the client has broken a rule and was understood all the same.
    pub fn deviations(&self) -> &DeviationCounts {
        &self.terms.deviations
    }

    /// Returns how many messages were sent by RETR with other octets than STAT or LIST has announced by [`Maildrop::octets`]: a store
    /// that counts wrongly, or a message that has changed. Clients show nonsense then, or refuse the message.
    pub fn wrong_sizes(&self) -> u32 {
        self.terms.wrong_sizes
    }

    /// Returns what was done so far, for the line that a host logs at the end: it holds until the session is dropped.
    ///
    /// [`Totals::failed_logins`] are the ones that the host has turned down as
    /// [`Rejection::BadCredentials`](super::Rejection::BadCredentials) (one with a last
    /// [challenge](super::Authenticate::challenge_and_reject) when the client has answered that), and the ones that the session
    /// turns down by itself, so that the host never sees them: a PLAIN that names another identity to act for, and a PLAIN or LOGIN whose
    /// password holds CR or LF. Where the session reads PLAIN and LOGIN by itself, a response without a password, or one that is
    /// malformed, is a bad command and no guess; of other mechanisms the host decides, by
    /// [`Rejection::Malformed`](super::Rejection::Malformed).
    pub fn totals(&self) -> Totals {
        self.pipe.totals(self.terms.counts)
    }

    /// Returns the one thing that must happen next.
    ///
    /// `now` is the time since any fixed moment, the same one at each call. It never fails: a client that misbehaves
    /// gets `-ERR` or is left with [`Action::Close`]. Dropping the action changes nothing, and the next call hands it
    /// out again; so does a call after `Close`.
    ///
    /// The time that a call takes is linear in the octets read since the last one and in the output that it makes, up
    /// to [`Config::output_limit`]; the first STAT or LIST asks the maildrop for the octets of each message, once if they are
    /// known.
    pub fn poll(&mut self, now: Duration) -> Action<'_, M, E> {
        let Self { pipe, terms, life, .. } = self;
        let passed = pipe.clock.tick(now);
        let asked = mem::take(&mut self.asked);
        if !pipe.clock.is_running() {
            pipe.clock.start(terms.config.login_deadline);
        } else if asked {
            pipe.clock.postpone(passed);
        }
        if pipe.end == Some(End::Failed) || pipe.is_unwritable {
            pipe.output.discard();
            life.end(CloseReason::TransportFailed, pipe);
        }
        let written = pipe.output.take_progress();
        life.go_on(asked || written, &mut Work { pipe, terms });
        let wait = life.wait(&mut pipe.output);
        self.asked = wait == Wait::Host;
        if !self.asked {
            if wait == Wait::Line && pipe.output.is_empty() {
                if pipe.end.is_some() {
                    life.end(CloseReason::EndOfStream, pipe);
                } else if self.is_stopping {
                    life.end(CloseReason::Stopped, pipe);
                }
            }
            if pipe.clock.is_expired() {
                let reason = match life {
                    // Without its `+OK` a client that was handed over isn't logged in.
                    Life::Over(CloseReason::HandedOver) if !pipe.output.is_empty() => CloseReason::LoginDeadline,
                    Life::Over(reason) => *reason,
                    Life::Authorization(_) => CloseReason::LoginDeadline,
                    Life::Transaction(_) => CloseReason::Autologout,
                };
                pipe.output.discard();
                life.end(reason, pipe);
            }
        }
        self.action(wait)
    }

    /// Makes the token for what the state waits for.
    fn action(&mut self, wait: Wait) -> Action<'_, M, E> {
        let Self { pipe, terms, life, .. } = self;
        match life {
            Life::Authorization(authorization) => match authorization.step {
                authorization::Step::Login(line, asked) => {
                    Action::Login(Login { pipe, terms, authorization, line, asked })
                }
                authorization::Step::Authenticate(line, asked) => {
                    Action::Authenticate(Login { pipe, terms, authorization, line, asked })
                }
                // What comes after `+OK` is TLS (R-2595-01).
                authorization::Step::StartTls(_) if !pipe.output.is_empty() => Action::Io(Io::write_only(pipe)),
                authorization::Step::StartTls(residue) => {
                    let deadline = pipe.clock.deadline();
                    Action::StartTls(StartTls { step: &mut authorization.step, residue, deadline })
                }
                _ => Action::Io(Io::next(pipe)),
            },
            Life::Transaction(transaction) => match transaction.step {
                transaction::Step::Measure(octets) => {
                    let message = octets.message();
                    Action::Measure(Measure { output: &mut pipe.output, terms, transaction, message })
                }
                transaction::Step::Retrieve(request) => {
                    Action::Retrieve(Retrieve { output: &mut pipe.output, terms, transaction, request })
                }
                transaction::Step::Update => Action::Update(Update { output: &mut pipe.output, terms, transaction }),
                transaction::Step::Stream(ref mut transfer, ref mut reader)
                    if transfer.wants_chunk(&mut pipe.output) =>
                {
                    let maildrop = &mut transaction.open.maildrop;
                    Action::Body(Body { output: &mut pipe.output, transfer, maildrop, reader })
                }
                _ => {
                    debug_assert!(wait == Wait::Line || !pipe.output.is_empty(), "there is something to wait for");
                    Action::Io(Io::next(pipe))
                }
            },
            Life::Over(reason) if pipe.output.is_empty() => Action::Close(*reason),
            Life::Over(_) => Action::Io(Io::write_only(pipe)),
        }
    }

    /// Returns what was read from the client after a login that was [handed over](super::Login::hand_over): commands that it
    /// sent without waiting for the answer to its login, which RFC 2449 §6.6 allows where PIPELINING is announced, the last of
    /// them perhaps in part. They go to the server that serves the client now, before anything that is read from it
    /// later.
    ///
    /// At most as many octets as the input window holds. None where the session isn't over, and none where it is over
    /// for any other reason than [`CloseReason::HandedOver`].
    pub fn into_unread(self) -> Vec<u8> {
        match self.life {
            Life::Over(CloseReason::HandedOver) if self.pipe.output.is_empty() => self.pipe.input.unread().to_vec(),
            _ => Vec::new(),
        }
    }
}

impl<M: Maildrop, E> fmt::Debug for Session<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.life)
            .field("terms", &self.terms)
            .field("pipe", &self.pipe)
            .finish_non_exhaustive()
    }
}
