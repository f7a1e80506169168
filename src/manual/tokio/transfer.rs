//! Moves octets between a session and a stream of tokio.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::{Io, Read, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

/// A stream of tokio, whatever it is: a socket, or TLS over one. A [`BoxedStream`] may become the other, which STLS needs.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Any stream. Where a client is made of one, name the type, `let stream: BoxedStream = Box::new(socket)`, since it isn't found otherwise.
pub type BoxedStream = Box<dyn Stream>;

/// Reads or writes once, when the stream is ready for it, and waits for that until the session's deadline. While it waits to read
/// there is no window. Where nothing was moved, the next poll of the session hands out the same action, or reports that the
/// time is over. `start` is the moment that the time of its polls counts from.
///
/// Nothing is lost where this future is dropped.
///
/// # Errors
/// The stream has failed. The session knows that by then, and the next polls return what it means; so the error is only for a
/// log.
pub async fn transfer<S>(io: Io<'_>, stream: &mut S, start: Instant) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = io.deadline().and_then(|deadline| start.checked_add(deadline));
    let mut io = Some(io);
    let moved = poll_fn(|context| {
        // Woken: the stream is ready, and the session is polled anew.
        let Some(mut io) = io.take() else { return Poll::Ready(Ok(())) };
        let moved = match &mut io {
            Io::Read(read) => receive(read, Pin::new(stream), context),
            Io::Write(write) => send(write, Pin::new(stream), context),
        };
        io.answer(moved)
    });
    match deadline {
        Some(deadline) => timeout_at(deadline, moved).await.unwrap_or(Ok(())),
        None => moved.await,
    }
}

/// Waits for a handshake until the session's deadline, if it has one, which counts from `start`.
///
/// # Errors
/// Those of the handshake, or the time is over.
pub async fn before<S>(
    deadline: Option<Duration>,
    start: Instant,
    handshake: impl Future<Output = io::Result<S>>,
) -> io::Result<S> {
    match deadline.and_then(|deadline| start.checked_add(deadline)) {
        Some(deadline) => timeout_at(deadline, handshake).await?,
        None => handshake.await,
    }
}

fn receive<S: AsyncRead + AsyncWrite>(
    read: &mut Read<'_>,
    mut stream: Pin<&mut S>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    // The peer may wait for what the stream still buffers. If that has failed, the peer may have said why.
    let _ = ready!(stream.as_mut().poll_flush(context));
    let mut space = ReadBuf::new(read.space());
    ready!(stream.poll_read(context, &mut space))?;
    Poll::Ready(Ok(space.filled().len()))
}

fn send<S: AsyncWrite>(write: &Write<'_>, stream: Pin<&mut S>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); 2];
    let count = write.chunks_vectored(&mut slices);
    match ready!(stream.poll_write_vectored(context, &slices[..count]))? {
        0 => Poll::Ready(Err(ErrorKind::WriteZero.into())),
        octets => Poll::Ready(Ok(octets)),
    }
}
