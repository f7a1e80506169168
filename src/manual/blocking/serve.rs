//! Serves one client over a blocking stream.

use std::io::{self, Write as _};
use std::time::Instant;

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{
    Action, Authenticate, BoxError, ClientIdentity, CloseReason, Credentials, Deletions, Maildrop, Opened, Refusal,
    Session,
};

use super::transfer::{Stream, TICK, is_passing, transfer};

/// What a host reads the chunks of a message with.
type Reader<H> = <<H as Host>::Maildrop as Maildrop>::Reader;

/// What a server does for one client, beside POP3.
///
/// Errors of the store go through by `?`: they are [reported](Self::report), and the client hears of a temporary failure. What it is to
/// hear instead is an error too, a [`Rejection`](pop3_proto::server::Rejection) of a login or a [`Refusal`] of a message:
/// `Err(Rejection::BadCredentials)?`.
pub trait Host {
    /// What the client is reached by, before TLS and with it: a box, or an enum, where there is TLS.
    type Stream: Stream;
    /// The index of an open maildrop, which also holds its lock.
    type Maildrop: Maildrop;
    /// What is remembered of a SASL exchange between two steps; `()` where there is nothing.
    type Exchange;

    /// Checks who the client is, and opens its maildrop.
    ///
    /// # Errors
    /// A `Rejection` says why the client can't log in. No other error is ever bad credentials.
    fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Self::Maildrop, BoxError>;

    /// Measures a message as the client receives it, so that the maildrop knows its octets from now on. Only where the maildrop
    /// didn't. It may take long: a client that leaves meanwhile isn't noticed unless the host looks at the socket.
    ///
    /// # Errors
    /// A `Refusal` says why it can't be measured, or that nobody waits for it any more, which is a temporary one.
    fn measure(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber) -> Result<(), BoxError> {
        let _ = (maildrop, message);
        Err(Refusal::Temporary.into())
    }

    /// Opens a message: all of it, or a reader of its chunks. For TOP too: the session cuts the message by itself, and asks for
    /// no more chunks than it needs.
    ///
    /// # Errors
    /// A `Refusal` says why the message can't be had.
    fn open(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber)
    -> Result<Opened<Reader<Self>>, BoxError>;

    /// Reads the next chunk of a message; `None` at its end.
    ///
    /// # Errors
    /// The rest can't be had: the connection ends, since the client must not take what it has for the whole.
    fn next_chunk(
        &mut self,
        maildrop: &mut Self::Maildrop,
        reader: &mut Reader<Self>,
    ) -> Result<Option<Bytes>, BoxError> {
        let _ = (maildrop, reader);
        Ok(None)
    }

    /// Removes the messages that the client has marked, now that it has sent QUIT.
    ///
    /// # Errors
    /// It isn't known what is removed: the client hears that not all is.
    fn remove(&mut self, maildrop: &mut Self::Maildrop, deletions: Deletions<'_>) -> Result<Removal, BoxError>;

    /// Takes a step of a SASL exchange. Only of mechanisms that the configuration offers.
    fn authenticate(&mut self, step: Authenticate<'_, Self::Maildrop, Self::Exchange>) {
        step.decline();
    }

    /// Does the TLS handshake, after STLS or first of all, until the deadline at most. Only where the configuration offers STLS, or the
    /// session has [TLS come first](Session::with_implicit_tls).
    ///
    /// # Errors
    /// The handshake has failed: the connection ends.
    fn start_tls(&mut self, stream: Self::Stream, deadline: Option<Instant>) -> io::Result<Self::Stream> {
        let _ = (stream, deadline);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns whether the server is stopping: then the session ends where nobody is hurt, within a second if the client
    /// waits for nothing.
    fn is_stopping(&self) -> bool {
        false
    }

    /// Takes note of an error of the store, for whoever runs the server: the client is told no more than that something has failed.
    /// Whose session it is, the host knows from its login; which message, it says in its own errors. By default it is a line on stderr.
    fn report(&mut self, error: BoxError) {
        let _ = writeln!(io::stderr(), "{error}"); // where nobody reads that, the session goes on
    }

    /// Takes note that the stream has failed, or its handshake. Mostly a client has just gone, and there is nothing to do.
    fn stream_failed(&mut self, _: io::Error) {}
}

/// Serves a client until its session is over, and closes the connection so that the client gets the last response whole. The
/// session then still knows what it has counted.
///
/// A host that hands logins over writes this loop itself.
pub fn serve<H: Host>(
    host: &mut H,
    session: &mut Session<H::Maildrop, H::Exchange>,
    mut stream: H::Stream,
) -> CloseReason {
    let start = Instant::now();
    loop {
        if host.is_stopping() {
            session.stop();
        }
        let now = start.elapsed();
        match session.poll(now) {
            Action::Io(io) => transfer(io, &mut stream, now).unwrap_or_else(|error| host.stream_failed(error)),
            Action::StartTls(tls) => {
                let deadline = tls.deadline().and_then(|deadline| start.checked_add(deadline));
                match stream.flush().and_then(|()| host.start_tls(stream, deadline)) {
                    Ok(secured) => stream = secured,
                    Err(error) => {
                        host.stream_failed(error);
                        return CloseReason::TlsFailed;
                    }
                }
                tls.established(ClientIdentity::Unknown);
            }
            Action::Close(reason) => {
                if reason.is_orderly() {
                    let _ = hang_up(stream); // a client that is gone misses nothing
                }
                return reason;
            }
            other => answer(other, host),
        }
    }
}

/// Answers what a session asks its host, octets and TLS excepted, which are declined.
pub fn answer<H: Host>(action: Action<'_, H::Maildrop, H::Exchange>, host: &mut H) {
    let answered = match action {
        Action::Login(login) => {
            let opened = host.log_in(login.credentials());
            login.answer(opened)
        }
        // There may be many more of them.
        Action::Measure(measure) if host.is_stopping() => return measure.decline(),
        Action::Measure(mut measure) => {
            let (maildrop, message) = measure.maildrop_and_message();
            let measured = host.measure(maildrop, message);
            measure.answer(measured)
        }
        Action::Retrieve(mut retrieve) => {
            let (maildrop, message) = retrieve.maildrop_and_message();
            let opened = host.open(maildrop, message);
            retrieve.answer(opened)
        }
        Action::Body(mut body) => {
            let (maildrop, reader) = body.maildrop_and_reader();
            let chunk = host.next_chunk(maildrop, reader);
            body.answer(chunk)
        }
        Action::Update(mut update) => {
            let (maildrop, deletions) = update.maildrop_and_deletions();
            let removed = host.remove(maildrop, deletions);
            update.answer(removed)
        }
        Action::Authenticate(step) => return host.authenticate(step),
        other => return other.decline(),
    };
    answered.unwrap_or_else(|error| host.report(error));
}

/// Ends the connection so that the client gets all of the last response: a socket that is closed with octets unread may take
/// back what the client hasn't seen yet.
fn hang_up(mut stream: impl Stream) -> io::Result<()> {
    stream.set_timeout(TICK)?;
    stream.shut_down()?;
    let (start, mut is_open) = (Instant::now(), true);
    while is_open && start.elapsed() < TICK {
        is_open = stream.read(&mut [0; 4_096]).map_or_else(|error| is_passing(&error), |octets| octets > 0);
    }
    Ok(())
}
