//! What a plan has to tell.

use core::fmt;

use super::listed::ListedMessage;
use crate::client::retry::Retry;
use crate::message::MessageNumber;

/// What has come of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "QUIT waits until the fate of each complete message is decided"]
pub enum Progress {
    /// The lists have ended, and the caller was asked about each message.
    Listed {
        /// How many messages are to be fetched, those included of which only the header is.
        to_fetch: usize,
        /// How many are to be deleted without being fetched.
        to_delete: usize,
        /// Whether the server has listed all its messages by unique-id, and each line could be read. Then forget all
        /// unique-ids that the caller wasn't asked about: their messages are gone, and a server may give them to others.
        /// After anything else forget none of them. [Repeated](ListedMessage::repeated_id) ones are to be forgotten in any
        /// case.
        is_complete: bool,
    },
    /// A line of the list can't be read, so there may be a message that this plan doesn't know of, and no message is
    /// deleted by [`Choice::Delete`](super::Choice::Delete) in this session. Where the line has a message number, that
    /// message is fetched as one without a unique-id.
    Unreadable(Option<MessageNumber>),
    /// STAT counts so many more messages than the list has: these can't be fetched. No message is deleted by
    /// [`Choice::Delete`](super::Choice::Delete) in this session, as one of them may have its unique-id.
    Unlisted(u32),
    /// The list is too long: this message stays on the server for another session. No message is deleted by
    /// [`Choice::Delete`](super::Choice::Delete) in this one.
    LeftOut(MessageNumber),
    /// UIDL or LIST was refused, so the plan ends here: nothing is fetched, and nothing deleted. The event has the server's
    /// text.
    ///
    /// Where the server answers UIDL like this each time, it has no unique-ids: [`Fetch::nothing_stored`](super::Fetch::nothing_stored) and
    /// [`Fetch::without_unique_ids`](super::Fetch::without_unique_ids) go without.
    ListRefused(Retry),
    /// The parts of this message follow, or those of its header. The one that began before it has ended.
    Begins(ListedMessage),
    /// The header of this message is complete, which the caller has [chosen](super::Choice::Header). It isn't the message:
    /// don't store it by a name that counts as stored. Nothing is to be decided.
    Header(ListedMessage),
    /// This message is complete, and the server's answers have shown so: store it, by its
    /// [unique-id](ListedMessage::unique_id) if it has one, and call [`Fetch::delete`](super::Fetch::delete) or
    /// [`Fetch::keep`](super::Fetch::keep).
    Complete(ListedMessage),
    /// What came of this message, or of its header, isn't known to be all of it, nor to be this message: throw it away. The message
    /// stays on the server.
    ///
    /// These come in the order in which they were asked for. The last of those that [`Fetch::end`](super::Fetch::end) tells about is
    /// the one that the session broke at, of which nothing may have come, not even that it [begins](Self::Begins). Ask for that one
    /// [last](super::Choice::Last) in the next session, so that the others don't wait for it. But where it was asked for last already,
    /// and others too, ask for those before it: one of them may only have met with a failure of the connection.
    Unproven(ListedMessage),
    /// STAT isn't answered as at the beginning, so nothing is deleted in this session. Most likely the server has sent a line
    /// of one dot inside a message as it was, and what follows that is taken for responses:
    /// [`Unproven`](Self::Unproven) follows for each message that has begun and isn't complete. QUIT might carry out a deletion all the same, so
    /// [`advance`](super::Fetch::advance) fails after this: close the connection. Only where STAT counts as many messages, in fewer
    /// octets, the plan ends with QUIT.
    OutOfStep,
    /// This message can't be fetched; the rest can.
    Refused(ListedMessage, Retry),
    /// This message isn't deleted, whatever QUIT is answered: the server has refused DELE. Or, with nothing to do about
    /// it, another message with the same unique-id wasn't [deleted](super::Fetch::delete), or isn't in this plan; or may not be, in
    /// a plan that [lists what is new](super::Fetch::after_known).
    NotDeleted(ListedMessage, Option<Retry>),
    /// QUIT was answered `+OK`, so this message is gone, and the server may give its unique-id to another one. Forget that,
    /// whether it was [its own](ListedMessage::unique_id) or [repeated](ListedMessage::repeated_id). Where it has none, an earlier session
    /// may have listed it with one, which may be any: forget all.
    ///
    /// It comes once for each line of the list that names this message.
    Removed(ListedMessage),
}

/// For a log. A unique-id isn't shown.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed { to_fetch, to_delete, .. } => {
                write!(f, "messages to fetch: {to_fetch}, to delete: {to_delete}")
            }
            Self::Unreadable(None) => f.write_str("a line of the list can't be read"),
            Self::Unreadable(Some(message)) => write!(f, "message {message}: its line of the list can't be read"),
            Self::Unlisted(messages) => write!(f, "messages that are counted and not listed: {messages}"),
            Self::LeftOut(message) => write!(f, "message {message}: the list is too long"),
            Self::ListRefused(retry) => write!(f, "nothing is listed: {retry}"),
            Self::Begins(listed) => write!(f, "message {}: it begins", listed.message),
            Self::Header(listed) => write!(f, "message {}: its header is complete", listed.message),
            Self::Complete(listed) => write!(f, "message {}: it is complete", listed.message),
            Self::Unproven(listed) => write!(f, "message {}: it may not be whole", listed.message),
            Self::OutOfStep => f.write_str("STAT isn't answered as at the beginning: nothing is deleted"),
            Self::Refused(listed, retry) => write!(f, "message {}: not fetched: {retry}", listed.message),
            Self::NotDeleted(listed, Some(retry)) => write!(f, "message {}: not deleted: {retry}", listed.message),
            Self::NotDeleted(listed, None) => {
                write!(f, "message {}: not deleted: others have its unique-id, or may have it", listed.message)
            }
            Self::Removed(listed) => write!(f, "message {}: it is gone", listed.message),
        }
    }
}
