//! What the session asks of the host's maildrop.

use core::convert::Infallible;

use crate::message::{MessageNumber, UniqueId, UniqueIdBuffer};
use crate::wire::{Expire, LineEnds, LoginDelay, Verb};

/// A maildrop that is open for one session: look-ups in an index that the host has made.
///
/// The session owns the value from [`Login::accept`](super::Login::accept) on, lends it back where mail is to be
/// measured, read or removed, or [at any time](super::Session::maildrop), and drops it when the session is over, however
/// it ends. So tie the exclusive lock that RFC 1939 §4 asks for to the value, and it is released in time.
///
/// What these look-ups return must stay the same for the whole session: messages are numbered from 1, and mail that
/// arrives later has no number until the next session (RFC 1939 §4).
pub trait Maildrop {
    /// A message that is being read: what [`Retrieve::begin`](super::Retrieve::begin) takes and
    /// [`Body::reader`](super::Body::reader) lends back. Use `()` if messages are always sent in one piece.
    type Reader;

    /// How many messages there are. Asked once, at login.
    fn count(&self) -> u32;

    /// The octets of a message as it goes over the wire, as [`WireSize`](crate::wire::WireSize) counts them; `None`
    /// while they aren't known.
    ///
    /// Asked by STAT and LIST; DELE and RSET ask too, where STAT or LIST was answered before. This is a look-up: it is called while
    /// the session is [polled](super::Session::poll), so it reads no message. Where the octets aren't known yet, the session asks
    /// the host to [measure](super::Measure) this message, and then the maildrop again, which remembers them. Once it was `Some` it
    /// stays so, with the same octets.
    ///
    /// RFC 1939 §11 wants it exact. An estimate breaks nothing here, but some clients show nonsense, reject a message
    /// as over a limit although it isn't, or reserve too little memory.
    fn octets(&self, message: MessageNumber) -> Option<u64>;

    /// Whether the index vouches that [`octets`](Self::octets) are what RETR sends. No by default.
    ///
    /// Once STAT or LIST was answered the session compares them for each message that is sent, and
    /// [`Session::wrong_sizes`](super::Session::wrong_sizes) counts where they differ. Where they are vouched for, a debug build
    /// panics then, so that a test finds it.
    fn octets_are_exact(&self) -> bool {
        false
    }

    /// The unique-id of a message, the same in each session and no other message's; `None` if it has no valid one.
    ///
    /// Asked by UIDL, and at login unless [`unique_ids_are_checked`](Maildrop::unique_ids_are_checked).
    /// [`UniqueIds`](crate::message::UniqueIds) makes valid and distinct ones out of any names.
    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>>;

    /// Returns the unique-id of a message, computed into `buffer` if the store keeps no text of it, such as a number or several of
    /// them. By default it is what [`unique_id`](Self::unique_id) returns; a maildrop that overrides this is asked only this.
    fn compute_unique_id<'a>(&'a self, message: MessageNumber, buffer: &'a mut UniqueIdBuffer) -> Option<UniqueId<'a>> {
        let _ = buffer;
        self.unique_id(message)
    }

    /// Whether a command is permitted to this client: on this message, if the command names one, or else at all. What isn't is
    /// answered `-ERR [SYS/PERM]`, so that a maildrop that is read-only or shared doesn't promise what fails at QUIT. Asked for STAT, LIST,
    /// RETR, DELE, RSET, TOP, UIDL and LAST; a listing has all messages whatever is permitted on them. All is permitted by default.
    fn permits(&self, verb: Verb, message: Option<MessageNumber>) -> bool {
        let _ = (verb, message);
        true
    }

    /// Whether the index vouches that each message has a unique-id, and no two have the same, as
    /// [`UniqueIds`](crate::message::UniqueIds) does.
    ///
    /// Otherwise the login hashes and sorts them to find out, in 20 octets of memory a message, given back at once.
    fn unique_ids_are_checked(&self) -> bool {
        false
    }

    /// Whether the store vouches for CRLF line ends in a message, which makes sending it cheaper. Asked by RETR and
    /// TOP.
    fn line_ends(&self, message: MessageNumber) -> LineEnds {
        let _ = message;
        LineEnds::Unknown
    }

    /// Whether a message can't be sent as it is to a client that hasn't sent UTF8, since its header or address fields
    /// are UTF-8 (RFC 6855's `message/global`). Then LIST, RETR and TOP of it are answered `-ERR [UTF8]` (RFC 6856 §5).
    ///
    /// A host that has a stand-in for such clients returns `false`, and sends that:
    /// [`Login::is_utf8_mode`](super::Login::is_utf8_mode) tells which of the two is wanted.
    fn needs_utf8(&self, message: MessageNumber) -> bool {
        let _ = message;
        false
    }

    /// LOGIN-DELAY for this user, to be announced in the place of [`Config::login_delay`](super::Config::login_delay).
    fn login_delay(&self) -> Option<LoginDelay> {
        None
    }

    /// EXPIRE for this user, to be announced in the place of [`Config::expire`](super::Config::expire). 0 days count as
    /// `None`: [`Config::remove_retrieved`](super::Config::remove_retrieved) announces them.
    fn expire(&self) -> Option<Expire> {
        None
    }
}

/// For a host that opens no maildrop, since it [hands every login over](super::Login::hand_over). No message is ever
/// asked for then, and the compiler knows it: such an action is answered by `match *retrieve.maildrop() {}`.
impl Maildrop for Infallible {
    type Reader = Self;

    fn count(&self) -> u32 {
        match *self {}
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        match *self {}
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        match *self {}
    }
}
