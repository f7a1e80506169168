//! A socket that knows its timeout.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use adapter::blocking::Stream;

/// A socket whose timeout is set only where it changes, which is near a deadline. To set it for each read and each write is
/// most of the system calls of a session.
pub(crate) struct Socket<'a> {
    socket: &'a TcpStream,
    timeout: Option<Duration>,
}

impl<'a> Socket<'a> {
    pub(crate) fn new(socket: &'a TcpStream) -> Self {
        Self { socket, timeout: None }
    }
}

impl Stream for Socket<'_> {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        if self.timeout != Some(limit) {
            self.timeout = None; // of the two that a socket has, only one may be set
            self.socket.set_timeout(limit)?;
            self.timeout = Some(limit);
        }
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        self.socket.wait()
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.socket.shut_down()
    }
}

impl Read for Socket<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.socket.read(space)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.socket.write(octets)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
