//! TLS by rustls, over a blocking stream.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::ops::DerefMut;
use std::time::{Duration, Instant};

use adapter::blocking::{Stream, TICK};
use rustls::{ConnectionCommon, SideData, StreamOwned};

/// TLS over another stream: with the feature `rustls` of the adapter.
#[derive(Debug)]
pub struct Tls<C, S: Read + Write>(StreamOwned<C, S>);

impl<C, D, S> Tls<C, S>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
    S: Stream,
{
    /// Does the handshake of a `ServerConnection` or a `ClientConnection`, on a new stream or after STLS. It is given up at the
    /// deadline: a peer that sends an octet now and then doesn't move that.
    ///
    /// # Errors
    /// The handshake has failed, or the time is over.
    pub fn shake_hands(connection: C, stream: S, deadline: Option<Instant>) -> io::Result<Self> {
        let mut tls = StreamOwned::new(connection, stream);
        tls.sock.set_timeout(TICK)?;
        while tls.conn.is_handshaking() || tls.conn.wants_write() {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(ErrorKind::TimedOut.into());
            }
            match step(&mut tls.conn, &mut tls.sock) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                stepped => stepped?,
            }
        }
        Ok(Self(tls))
    }
}

/// Writes once, or reads once where there is nothing to write.
fn step<D: SideData>(connection: &mut ConnectionCommon<D>, stream: &mut impl Stream) -> io::Result<()> {
    if connection.wants_write() {
        return connection.write_tls(stream).map(drop);
    }
    match receive(connection, stream)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Reads once, and decrypts what is whole. Returns the octets that were read, 0 at the end.
fn receive<D: SideData>(connection: &mut ConnectionCommon<D>, stream: &mut impl Stream) -> io::Result<usize> {
    let octets = connection.read_tls(stream)?;
    if let Err(error) = connection.process_new_packets() {
        let _ = connection.write_tls(stream); // the alert that says why
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    Ok(octets)
}

impl<C, D, S> Stream for Tls<C, S>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
    S: Stream,
{
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        self.0.sock.set_timeout(limit)
    }

    fn wait(&mut self) -> io::Result<()> {
        // What is decrypted already can be read at once.
        if self.0.conn.wants_read() { self.0.sock.wait() } else { Ok(()) }
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.0.conn.send_close_notify();
        self.0.flush()?;
        self.0.sock.shut_down()
    }
}

impl<C, D, S> Read for Tls<C, S>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
    S: Stream,
{
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let StreamOwned { conn, sock } = &mut self.0; // whose own way to read would write first
        if conn.wants_read() {
            // Once: a peer that drips a record must not keep anybody past a deadline.
            receive(conn, sock)?;
        }
        conn.reader().read(space)
    }
}

impl<C, D, S> Write for Tls<C, S>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: SideData,
    S: Stream,
{
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
