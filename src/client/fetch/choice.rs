//! What a caller chooses.

/// What to do with a message that is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Choice {
    /// Fetch it.
    Fetch,
    /// Fetch it after all others: an earlier session broke off at it, and the others shouldn't have to wait for it.
    Last,
    /// Fetch its header alone, by TOP, in its turn. [`Progress::Header`](super::Progress::Header) follows, and nothing
    /// deletes the message in this session.
    Header,
    /// Don't fetch it now: it stays on the server, stored or not. The answer of a store that can't tell what it has.
    Keep,
    /// It is stored already, and stays on the server. Where its unique-id is listed for another message too, it isn't known
    /// which of them is stored, and both are fetched.
    Stored,
    /// Delete it without fetching it. It is stored already: an earlier session has left it on the server, or its QUIT was
    /// lost. Where its unique-id is listed for another message too, both are fetched instead.
    ///
    /// A unique-id is unique within one maildrop only, and only while its message is there: choose this for what was
    /// stored out of the same account and isn't [forgotten](super::Progress::Removed), or mail that was never fetched is
    /// deleted.
    Delete,
}
