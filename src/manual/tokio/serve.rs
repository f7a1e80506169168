//! Serves one client over a stream of tokio.

use std::future::{Future, pending, ready};
use std::io::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{
    Action, Authenticate, BoxError, ClientIdentity, CloseReason, Credentials, Deletions, Maildrop, Opened, Refusal,
    Session,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::transfer::{before, transfer};

/// How long the end of a connection may take.
const LINGER: Duration = Duration::from_secs(1);

/// What a [`Host`] answers for its store: the future of an `async fn` that returns `Result<T, BoxError>`, and may go from thread to
/// thread.
pub trait Answer<T>: Future<Output = Result<T, BoxError>> + Send {}

impl<T, F: Future<Output = Result<T, BoxError>> + Send> Answer<T> for F {}

/// What a host reads the chunks of a message with.
type Reader<H> = <<H as Host>::Maildrop as Maildrop>::Reader;

/// What a server does for one client, beside POP3. The session waits while it does that, and no deadline runs.
///
/// Errors of the store go through by `?`: they are [reported](Self::report), and the client hears of a temporary failure. What it is to
/// hear instead is an error too, a [`Rejection`](pop3_proto::server::Rejection) of a login or a [`Refusal`] of a message:
/// `Err(Rejection::BadCredentials)?`.
///
/// A store that blocks is called in tokio's `block_in_place`, which takes what the arguments borrow, and needs a runtime of several
/// threads. The example `server_tokio` shows what costs less.
pub trait Host: Send {
    /// What the client is reached by, before TLS and with it: a box, or an enum, where there is TLS.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;
    /// The index of an open maildrop, which also holds its lock.
    type Maildrop: Maildrop<Reader: Send> + Send;
    /// What is remembered of a SASL exchange between two steps; `()` where there is nothing.
    type Exchange: Send;

    /// Checks who the client is, and opens its maildrop.
    ///
    /// # Errors
    /// A `Rejection` says why the client can't log in. No other error is ever bad credentials.
    fn log_in(&mut self, credentials: Credentials<'_>) -> impl Answer<Self::Maildrop>;

    /// Measures a message as the client receives it, so that the maildrop knows its octets from now on. Only where the maildrop
    /// didn't. It may take long: a client that leaves meanwhile isn't noticed unless the host looks at the socket.
    ///
    /// # Errors
    /// A `Refusal` says why it can't be measured, or that nobody waits for it any more, which is a temporary one.
    fn measure(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber) -> impl Answer<()> {
        let _ = (maildrop, message);
        ready(Err(Refusal::Temporary.into()))
    }

    /// Opens a message: all of it, or a reader of its chunks. For TOP too: the session cuts the message by itself, and asks for
    /// no more chunks than it needs.
    ///
    /// # Errors
    /// A `Refusal` says why the message can't be had.
    fn open(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber) -> impl Answer<Opened<Reader<Self>>>;

    /// Reads the next chunk of a message; `None` at its end.
    ///
    /// # Errors
    /// The rest can't be had: the connection ends, since the client must not take what it has for the whole.
    fn next_chunk(&mut self, maildrop: &mut Self::Maildrop, reader: &mut Reader<Self>) -> impl Answer<Option<Bytes>> {
        let _ = (maildrop, reader);
        ready(Ok(None))
    }

    /// Removes the messages that the client has marked, now that it has sent QUIT.
    ///
    /// # Errors
    /// It isn't known what is removed: the client hears that not all is.
    fn remove(&mut self, maildrop: &mut Self::Maildrop, deletions: Deletions<'_>) -> impl Answer<Removal>;

    /// Takes a step of a SASL exchange. Only of mechanisms that the configuration offers.
    fn authenticate(
        &mut self,
        step: Authenticate<'_, Self::Maildrop, Self::Exchange>,
    ) -> impl Future<Output = ()> + Send {
        step.decline();
        ready(())
    }

    /// Does the TLS handshake, after STLS or first of all. Only where the configuration offers STLS, or the session has
    /// [TLS come first](Session::with_implicit_tls).
    ///
    /// It is given up at the session's deadline. Where it is to end when the server [stops](Self::stopped), the host sees to that, as
    /// nothing else is asked of it meanwhile.
    ///
    /// # Errors
    /// The handshake has failed: the connection ends.
    fn start_tls(&mut self, stream: Self::Stream) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let _ = stream;
        ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Returns when the server is to stop: then the session ends at the next place where nobody is hurt. It may be asked anew
    /// at any time.
    fn stopped(&mut self) -> impl Future<Output = ()> + Send {
        pending()
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
pub async fn serve<H: Host>(
    host: &mut H,
    session: &mut Session<H::Maildrop, H::Exchange>,
    mut stream: H::Stream,
) -> CloseReason {
    let start = Instant::now();
    let mut is_stopping = false;
    loop {
        match session.poll(start.elapsed()) {
            Action::Io(io) => tokio::select! {
                biased;
                moved = transfer(io, &mut stream, start) => moved.unwrap_or_else(|error| host.stream_failed(error)),
                () = host.stopped(), if !is_stopping => {
                    is_stopping = true;
                    session.stop();
                }
            },
            Action::StartTls(tls) => {
                let handshake = async {
                    stream.flush().await?;
                    host.start_tls(stream).await
                };
                match before(tls.deadline(), start, handshake).await {
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
                    // On the heap, or each connection would have the room for it.
                    let _ = timeout(LINGER, Box::pin(hang_up(stream))).await;
                }
                return reason;
            }
            other => answer(other, host).await,
        }
    }
}

/// Answers what a session asks its host, octets and TLS excepted, which are declined.
pub async fn answer<H: Host>(action: Action<'_, H::Maildrop, H::Exchange>, host: &mut H) {
    let answered = match action {
        Action::Login(login) => {
            let opened = host.log_in(login.credentials()).await;
            login.answer(opened)
        }
        Action::Measure(mut measure) => {
            let (maildrop, message) = measure.maildrop_and_message();
            // There may be many more of them, so the first question is whether to stop.
            let measured = tokio::select! {
                biased;
                () = host.stopped() => Err(Refusal::Temporary.into()),
                () = ready(()) => host.measure(maildrop, message).await,
            };
            measure.answer(measured)
        }
        Action::Retrieve(mut retrieve) => {
            let (maildrop, message) = retrieve.maildrop_and_message();
            let opened = host.open(maildrop, message).await;
            retrieve.answer(opened)
        }
        Action::Body(mut body) => {
            let (maildrop, reader) = body.maildrop_and_reader();
            let chunk = host.next_chunk(maildrop, reader).await;
            body.answer(chunk)
        }
        Action::Update(mut update) => {
            let (maildrop, deletions) = update.maildrop_and_deletions();
            let removed = host.remove(maildrop, deletions).await;
            update.answer(removed)
        }
        Action::Authenticate(step) => return host.authenticate(step).await,
        other => return other.decline(),
    };
    answered.unwrap_or_else(|error| host.report(error));
}

/// Ends the connection so that the client gets all of the last response: a socket that is closed with octets unread may take
/// back what the client hasn't seen yet.
async fn hang_up(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.shutdown().await?;
    while stream.read(&mut [0; 512]).await? > 0 {}
    Ok(())
}
