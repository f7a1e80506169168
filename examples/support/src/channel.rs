//! What a connection's octets go through: the socket as it is, or TLS over the socket.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;

use rustls::Connection;

/// The way between the session and the socket.
///
/// A call does what the socket allows at once, and reads from it once at most, so that nobody is kept past a deadline.
/// `WouldBlock` means that it is to be called again when the socket is ready. A handshake is nothing of its own: it is
/// what the first octet to be read or written waits for.
pub enum Channel {
    /// The socket as it is.
    Plain,
    /// TLS over the socket.
    Tls(Box<Encrypted>),
}

pub struct Encrypted {
    connection: Connection,
    /// How many of the session's octets are encrypted, but not yet in the hands of the socket altogether.
    unsent: usize,
}

impl Channel {
    /// A channel of TLS, from the first octet of the handshake.
    pub fn tls(connection: impl Into<Connection>) -> Self {
        Self::Tls(Box::new(Encrypted { connection: connection.into(), unsent: 0 }))
    }

    /// Begins TLS on a socket that has been plain so far, or goes on with the handshake. `Ok` when that is done.
    pub fn start_tls(
        &mut self,
        socket: &mut (impl Read + Write),
        begin: impl FnOnce() -> io::Result<Self>,
    ) -> io::Result<()> {
        if !self.is_tls() {
            *self = begin()?;
        }
        match self {
            Self::Plain => Err(ErrorKind::Unsupported.into()),
            Self::Tls(tls) => tls.shake_hands(socket),
        }
    }

    /// Whether TLS has begun.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether there is nobody yet on the other side who could wait for a reply.
    pub fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.connection.is_handshaking())
    }

    /// Reads what the session is to see; 0 octets at the end of the stream.
    pub fn read(&mut self, socket: &mut (impl Read + Write), space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain => socket.read(space),
            Self::Tls(tls) => tls.read(socket, space),
        }
    }

    /// Writes what the session has. The octets count as written when the socket has all of them, encrypted; so a call
    /// after `WouldBlock` must begin with the same octets.
    pub fn write(&mut self, socket: &mut (impl Read + Write), slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain => socket.write_vectored(slices),
            Self::Tls(tls) => tls.write(socket, slices),
        }
    }

    /// Whether TLS itself has something to say that the socket hasn't taken.
    pub fn wants_write(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.connection.wants_write())
    }

    /// Says to the peer that nothing follows, where there is a way to say it.
    pub fn say_end(&mut self, socket: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Tls(tls) => {
                tls.connection.send_close_notify(); // queued once, however often it's asked for
                tls.flush(socket)
            }
        }
    }
}

impl Encrypted {
    fn read(&mut self, socket: &mut (impl Read + Write), space: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(space) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            at_hand => return self.end_of_stream(at_hand),
        }
        // A client says the first word of a handshake. What the socket doesn't take now goes out before the next octet does.
        let _ = self.flush(socket);
        self.receive(socket)?;
        let read = self.connection.reader().read(space);
        self.end_of_stream(read)
    }

    fn write(&mut self, socket: &mut (impl Read + Write), slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shake_hands(socket)?;
        if self.unsent == 0 {
            self.unsent = self.connection.writer().write_vectored(slices)?;
        }
        self.flush(socket)?;
        Ok(mem::take(&mut self.unsent))
    }

    fn shake_hands(&mut self, socket: &mut (impl Read + Write)) -> io::Result<()> {
        self.flush(socket)?;
        if self.connection.is_handshaking() && self.receive(socket)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if self.connection.is_handshaking() { Err(ErrorKind::WouldBlock.into()) } else { self.flush(socket) }
    }

    /// Takes what the socket has, and sends what TLS itself answers to it. Gives the octets taken, 0 at the end.
    fn receive(&mut self, socket: &mut (impl Read + Write)) -> io::Result<usize> {
        let octets = self.connection.read_tls(socket)?;
        let processed = self.connection.process_new_packets();
        // An alert, if that failed.
        let _ = self.flush(socket);
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(octets)
    }

    fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.connection.write_tls(socket)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// A client that closes without the alert for it has ended the stream all the same: POP3 says by QUIT what is complete.
    /// But anybody on the way can cut a server off.
    fn end_of_stream(&self, read: io::Result<usize>) -> io::Result<usize> {
        match read {
            Err(error)
                if error.kind() == ErrorKind::UnexpectedEof && matches!(self.connection, Connection::Server(_)) =>
            {
                Ok(0)
            }
            read => read,
        }
    }
}
