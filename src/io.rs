//! The tokens that move octets, the same for both sessions.

use core::task::Poll;
use core::time::Duration;

use bytes::Buf;

use crate::buffer::{End, Pipe};

/// Octets are to be moved between the session and its peer.
///
/// Both `server::Action::Io` and `client::Action::Io` hold it, so
/// one function over a transport serves both sides.
#[derive(Debug)]
#[must_use = "the session waits for octets to be moved"]
pub enum Io<'a> {
    /// Octets from the peer are wanted.
    Read(Read<'a>),
    /// Octets for the peer are ready.
    Write(Write<'a>),
}

impl<'a> Io<'a> {
    #[inline]
    pub(crate) fn read(pipe: &'a mut Pipe) -> Self {
        Self::Read(Read::new(pipe))
    }

    #[inline]
    pub(crate) fn write(pipe: &'a mut Pipe) -> Self {
        Self::Write(Write { pipe, may_read: true })
    }

    /// A write while there is something to write, else a read.
    #[inline]
    pub(crate) fn next(pipe: &'a mut Pipe) -> Self {
        if pipe.output.is_empty() { Self::read(pipe) } else { Self::write(pipe) }
    }

    /// Octets for the peer, which are to be written before anything else is read.
    pub(crate) fn write_only(pipe: &'a mut Pipe) -> Self {
        Self::Write(Write { pipe, may_read: false })
    }

    /// Takes the first `octets` as moved, which are those of the space of a read, where 0 is the end of the stream (see
    /// [`Read::filled`]), or of the chunks of a write, where 0 changes nothing.
    pub fn moved(self, octets: usize) {
        match self {
            Self::Read(read) => read.filled(octets),
            Self::Write(mut write) => write.advance(octets),
        }
    }

    /// Reports that nothing can be moved at the moment: see [`Read::nothing_yet`]. Of a write the same octets come again.
    pub fn nothing_yet(self) {
        if let Self::Read(read) = self {
            read.nothing_yet();
        }
    }

    /// Reports that the transport has failed: see [`Read::failed`] and [`Write::failed`].
    pub fn failed(self) {
        match self {
            Self::Read(read) => read.failed(),
            Self::Write(write) => write.failed(),
        }
    }

    /// Reports what has come of moving octets: [`moved`](Self::moved), [`nothing_yet`](Self::nothing_yet) where that is pending, or
    /// [`failed`](Self::failed).
    ///
    /// # Errors
    /// The error of `moved`, for a log: the next polls return what it means.
    pub fn answer<E>(self, moved: Poll<Result<usize, E>>) -> Poll<Result<(), E>> {
        match &moved {
            Poll::Ready(Ok(octets)) => self.moved(*octets),
            Poll::Ready(Err(_)) => self.failed(),
            Poll::Pending => self.nothing_yet(),
        }
        moved.map_ok(drop)
    }

    /// Returns when to poll again though nothing was moved: see [`Read::deadline`].
    pub fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Read(read) => read.deadline(),
            Self::Write(write) => write.deadline(),
        }
    }
}

/// Octets from the peer are wanted.
///
/// There is nothing left to write then, and the peer may wait for what was written. So a transport that buffers what it is
/// given, as many a TLS stream does, is flushed before anybody waits to read from it: otherwise both sides wait for ever.
#[derive(Debug)]
#[must_use = "the session waits for octets from its peer"]
pub struct Read<'a> {
    pipe: &'a mut Pipe,
    /// How much space this token has handed out: no octet of an earlier read may count as one of this one.
    space: usize,
}

impl<'a> Read<'a> {
    #[inline]
    pub(crate) fn new(pipe: &'a mut Pipe) -> Self {
        Self { pipe, space: 0 }
    }

    /// Returns where to read into, never empty.
    ///
    /// The session has memory for it from this call until what was read is dealt with, or until it is told that there is
    /// [nothing yet](Self::nothing_yet). A host of many idle connections calls it only when a socket is readable.
    pub fn space(&mut self) -> &mut [u8] {
        let space = self.pipe.input.space();
        debug_assert!(!space.is_empty(), "a read of nothing would pass for the end of the stream");
        self.space = space.len();
        space
    }

    /// Takes the first `octets` of the space as read; 0 means that the peer has ended its stream. No more than the space
    /// is taken, and nothing where no space was asked for.
    ///
    /// Over TLS, only the closing alert ends the stream. A connection that ends without it has [failed](Self::failed):
    /// anybody on the way can cut it.
    pub fn filled(self, octets: usize) {
        if octets == 0 || self.space > 0 {
            self.pipe.filled(octets.min(self.space));
        }
    }

    /// Reports that the transport is gone, both ways: a reset, a route that is lost, an end of the connection without
    /// TLS's closing alert, any error that won't pass.
    ///
    /// That isn't `filled(0)`: a peer that ends its stream has sent all that it wanted to send and may still read, while a
    /// transport that fails may have lost anything. A server then ends with
    /// [`CloseReason::TransportFailed`](crate::server::CloseReason::TransportFailed), and removes no message that wasn't
    /// removed before. A client's next poll returns [`Error::TransportFailed`](crate::client::Error::TransportFailed)
    /// unless more is known, such as [`Closed::Quit`](crate::client::Closed::Quit) after QUIT.
    pub fn failed(self) {
        self.pipe.end = Some(End::Failed);
    }

    /// Reports that there is nothing to read at the moment: the session gives its memory back, so that an idle one has
    /// none. Otherwise this is the same as dropping the token.
    pub fn nothing_yet(self) {
        self.pipe.give_back();
    }

    /// Returns when to poll again though nothing was read, on the clock that `now` comes from; `None` where there is no
    /// limit.
    ///
    /// As a socket's timeout, `deadline - now` may be 0, which most sockets treat as no timeout at all: read without
    /// waiting then, or with the shortest timeout there is.
    pub fn deadline(&self) -> Option<Duration> {
        self.pipe.clock.deadline()
    }
}

/// Octets for the peer are ready: write what [`chunk`](Buf::chunk) returns, all of it or a part, then
/// [`advance`](Buf::advance). Both are methods of `bytes::Buf`, which the caller imports (`bytes` is a dependency of its own).
///
/// There may be more when these are written; a vectored write gets two slices at the most. A token that comes again begins
/// with the same octets. Advance it by what the next layer has taken, be that the socket or TLS. A transport that buffers
/// is flushed at the next [`Read`], before a TLS handshake, and at the end.
///
/// A server's writes divide neither the first line of a response, nor the last line end of a message and the line that ends
/// the response.
#[derive(Debug)]
#[must_use = "the session waits for its peer to take octets"]
pub struct Write<'a> {
    pipe: &'a mut Pipe,
    may_read: bool,
}

impl<'a> Write<'a> {
    /// Reports that the transport takes no more octets: an error that won't pass. Nothing more is written.
    ///
    /// A server's session ends, as after [`Read::failed`]. A client's reads on until the stream ends or a read fails too,
    /// since what the server sent before may still be there, and say why.
    pub fn failed(self) {
        self.pipe.is_unwritable = true;
    }

    /// Returns when to poll again though nothing was written: see [`Read::deadline`].
    pub fn deadline(&self) -> Option<Duration> {
        self.pipe.clock.deadline()
    }

    /// Reads instead; `None` where the session takes no more octets before these are written, which happens on a server
    /// only.
    ///
    /// Where the transport takes nothing at the moment, the peer may be waiting for its own octets to be taken: a caller
    /// that can wait for both waits for both, so neither side ever blocks the other for good. A client's caller doesn't
    /// need to: what a client writes ahead of responses keeps within
    /// [`Config::pipelined`](crate::client::Config::pipelined), which fits into the buffers of any socket.
    pub fn into_read(self) -> Option<Read<'a>> {
        (self.may_read && self.pipe.input.has_space()).then(|| Read::new(self.pipe))
    }
}

impl Buf for Write<'_> {
    fn remaining(&self) -> usize {
        self.pipe.output.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.pipe.output.chunk()
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        self.pipe.output.chunks_vectored(slices)
    }

    fn advance(&mut self, octets: usize) {
        self.pipe.written(octets);
    }
}
