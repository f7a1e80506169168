//! A tokio socket for code that reads and writes at once or not at all.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use tokio::net::TcpStream;

/// A socket as far as it is ready: what would have to wait is an error.
pub(crate) struct Ready<'a>(pub(crate) &'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(space)
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.try_write(octets)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether there is nothing to do but to wait until the socket is ready.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
