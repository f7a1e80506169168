//! Moves octets between a session and a blocking stream.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;

/// How long a call waits at most, so that its caller can look at other things: whether to stop, for example.
pub const TICK: Duration = Duration::from_secs(1);

/// The least that a socket takes for a timeout: 0 would be none at all.
const SHORTEST: Duration = Duration::from_millis(1);

/// A stream whose waits can be limited.
pub trait Stream: Read + Write {
    /// Limits how long each read and each write waits from now on.
    ///
    /// # Errors
    /// Those of the socket, for 0 among others.
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()>;

    /// Waits until there is something to read, and needs no buffer for that.
    ///
    /// # Errors
    /// Those of the socket, a timeout among them.
    fn wait(&mut self) -> io::Result<()>;

    /// Ends what is written, and sends what is still buffered of it: TLS sends its closing alert, then TCP its FIN.
    ///
    /// # Errors
    /// Those of the socket.
    fn shut_down(&mut self) -> io::Result<()>;
}

impl Stream for &TcpStream {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))?;
        self.set_write_timeout(Some(limit))
    }

    fn wait(&mut self) -> io::Result<()> {
        self.peek(&mut [0]).map(drop)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for TcpStream {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        (&*self).set_timeout(limit)
    }

    fn wait(&mut self) -> io::Result<()> {
        (&*self).wait()
    }

    fn shut_down(&mut self) -> io::Result<()> {
        (&*self).shut_down()
    }
}

impl<S: Stream + ?Sized> Stream for Box<S> {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        (**self).set_timeout(limit)
    }

    fn wait(&mut self) -> io::Result<()> {
        (**self).wait()
    }

    fn shut_down(&mut self) -> io::Result<()> {
        (**self).shut_down()
    }
}

/// Reads or writes once. It waits for that until the session's deadline, but a second at most; where nothing was moved, the
/// next poll hands out the same action, or reports that the time is over. `now` is what the last poll was given.
///
/// # Errors
/// The stream has failed. The session knows that by then, and the next polls return what it means; so the error is only for a
/// log.
pub fn transfer(mut io: Io<'_>, stream: &mut impl Stream, now: Duration) -> io::Result<()> {
    let limit = io.deadline().map_or(TICK, |deadline| deadline.saturating_sub(now).clamp(SHORTEST, TICK));
    let moved = stream.set_timeout(limit).and_then(|()| match &mut io {
        Io::Read(read) => receive(read, stream),
        Io::Write(write) => send(write, stream),
    });
    match moved {
        Ok(octets) => io.moved(octets),
        Err(error) if is_passing(&error) => io.nothing_yet(),
        Err(error) => {
            io.failed();
            return Err(error);
        }
    }
    Ok(())
}

fn receive(read: &mut pop3_proto::Read<'_>, stream: &mut impl Stream) -> io::Result<usize> {
    // The peer may wait for what is still buffered here. If that has failed, the peer may have said why.
    stream.flush().or_else(|error| if is_passing(&error) { Err(error) } else { Ok(()) })?;
    stream.wait()?;
    stream.read(read.space())
}

fn send(write: &pop3_proto::Write<'_>, stream: &mut impl Stream) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); 2];
    let count = write.chunks_vectored(&mut slices);
    match stream.write_vectored(&slices[..count])? {
        0 => Err(ErrorKind::WriteZero.into()),
        octets => Ok(octets),
    }
}

/// Whether a wait is over, and nothing has failed. Systems report a timeout in one way or the other.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
