//! A plan to fetch, carried out for a store over a stream of tokio.

use std::future::{Future, ready};

use pop3_proto::client::{Action, Choice, Fetch, ListedMessage, SendError};
use pop3_proto::server::BoxError;
use pop3_proto::wire::State;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::client::Client;
use crate::Error;
use crate::fetch::{Fetched, Task, Work};

/// The messages of one account, which are stored by unique-id. Another account may have the same unique-ids, for other messages; an
/// account is a name at a host, by whatever port it is reached.
///
/// The methods that do something may be `async fn`s. [`choose`](Self::choose) is asked about each message of a list, and answers at
/// once.
pub trait Store: Send {
    /// A message that has begun, with CRLF line ends. It isn't flushed or shut down before it is [saved](Self::save); to drop it is
    /// to throw away what there is of it. Several are open at the same time: at most [as many](Fetch::ahead) as are asked for in
    /// one go.
    type Message: AsyncWrite + Unpin + Send;

    /// Returns the unique-ids that messages are stored by: all that were [saved](Self::save) by one, in any session, and aren't
    /// forgotten since. They are asked for once a session, at its beginning.
    ///
    /// # Errors
    /// Those of the store. They end the session before anything is fetched.
    fn unique_ids(&mut self) -> impl Future<Output = Result<Vec<Vec<u8>>, BoxError>> + Send;

    /// Returns whether messages are deleted on the server once they are stored. If not, they are fetched once all the same, as
    /// long as they are [stored](Self::unique_ids).
    fn deletes(&self) -> bool {
        true
    }

    /// Chooses what to do with a message, before the first is fetched; `is_stored` tells whether its unique-id is one that a message is
    /// [stored](Self::unique_ids) by. This is the place to look at its octets.
    ///
    /// A message at which every session breaks off keeps those after it from being fetched. A store that remembers which message
    /// [had begun](Self::begin) last when a session broke off chooses [`Choice::Last`] for it in the next one.
    fn choose(&mut self, message: &ListedMessage, is_stored: bool) -> Choice {
        let _ = message;
        match is_stored {
            true if self.deletes() => Choice::Delete,
            true => Choice::Stored,
            false => Choice::Fetch,
        }
    }

    /// Begins a message.
    ///
    /// # Errors
    /// Those of the store. No more messages are asked for then.
    fn begin(&mut self, message: &ListedMessage) -> impl Future<Output = Result<Self::Message, BoxError>> + Send;

    /// Stores a message, which is complete, by its unique-id if it has one that can serve as a name. None is stored by that one: never replace
    /// one by another. Nothing is deleted on the server before [`sync`](Self::sync), but a crash may come before it, so
    /// store by a unique-id only what is whole on the disk. One without a unique-id that stays on the server comes again in each session:
    /// compare its octets with those of the others that are stored without one.
    ///
    /// # Errors
    /// Those of the store. The message stays on the server then.
    fn save(
        &mut self,
        message: Self::Message,
        listed: &ListedMessage,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Waits until no crash may lose what is [saved](Self::save), also what a session before has saved: no message is deleted on
    /// the server before this. That is done for many messages at once, since a disk takes as long for one: at the latest after
    /// 128, or 4 MiB of them, and at the end. A store that waits in `save` has nothing to do here. One with transactions may
    /// collect messages in `save`, take them out here, and insert them all in one: a transaction that is open from one `save` to the next may
    /// be rolled back by the error of one, and the messages before it would be deleted on the server.
    ///
    /// # Errors
    /// Those of the store. What was saved since the last call stays on the server, so none of it may count as stored, now or
    /// later, and no more messages are asked for. Before the first message is fetched they end the session without QUIT.
    fn sync(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        ready(Ok(()))
    }

    /// Takes the header of a message, where [`Choice::Header`] was chosen. It never counts as stored.
    ///
    /// # Errors
    /// Those of the store.
    fn save_header(
        &mut self,
        header: Self::Message,
        listed: &ListedMessage,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = (header, listed);
        ready(Ok(()))
    }

    /// Forgets these unique-ids, and no message: the server may give them to others from now on. Messages that are stored by them get
    /// other names, or none; a store that has saved one otherwise passes over its unique-id. Nothing is saved and not [synced](Self::sync) then.
    ///
    /// # Errors
    /// Those of the store. They end the session without QUIT.
    fn forget(&mut self, unique_ids: &[Vec<u8>]) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Carries a plan out, once the client is logged in, and quits. What is complete is stored before it is deleted, and a
    /// connection that breaks loses nothing, nor does this future where it is dropped: the next session goes on.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where some messages can't be had, stored or deleted; the others are. [`Error::Sink`] where the store
    /// can't forget, or make safe what an earlier session has saved. Others where the session ends early; what is stored by then is deleted in the next one.
    pub async fn fetch<T: Store>(mut self, plan: Fetch, store: &mut T) -> Result<Fetched, Error> {
        if self.session.state() != Some(State::Transaction) {
            return Err(SendError::WrongState.into());
        }
        let stored = store.unique_ids().await.map_err(Error::Sink)?;
        let mut work = Work::<T::Message>::new(plan, stored);
        let (how, error) = loop {
            if let Err(error) = work.plan.advance(&mut self.session) {
                work.sync();
                carry_out(&mut work, store).await.map_err(Error::Sink)?;
                return Err(work.failed(error));
            }
            let lost = self.next().await.err();
            match self.session.poll(self.start.elapsed()) {
                Ok(Action::Event(event)) => {
                    work.observe(&event, |message, is_stored| store.choose(message, is_stored));
                    event.done();
                }
                Ok(Action::Body(body)) => {
                    if let Some(message) = work.last() {
                        let written = message.write_all(body.as_bytes()).await;
                        work.written(body.as_bytes().len(), written);
                    }
                    body.done();
                }
                Ok(Action::Idle(idle)) => {
                    // The plan may wait to be told about what is saved.
                    if !work.sync() {
                        idle.decline();
                    }
                }
                Ok(Action::Closed(closed)) => break (Ok(closed), Error::Closed(closed)),
                Ok(other) => other.decline(),
                Err(error) => break (Err(error), lost.unwrap_or(error.into())),
            }
            carry_out(&mut work, store).await.map_err(Error::Sink)?;
        };
        work.plan.end(&how);
        carry_out(&mut work, store).await.map_err(Error::Sink)?;
        work.sync();
        carry_out(&mut work, store).await.map_err(Error::Sink)?;
        if how.is_ok() {
            let _ = self.stream.shutdown().await; // the server may be gone
        }
        work.result(how, error)
    }
}

/// Has the store do what is to be done.
async fn carry_out<T: Store>(work: &mut Work<T::Message>, store: &mut T) -> Result<(), BoxError> {
    while let Some(task) = work.task() {
        match task {
            Task::Begin(it) => {
                let begun = store.begin(&it).await;
                work.begun(&it, begun);
            }
            Task::Save(it) => {
                let saved = match work.take(&it) {
                    Some(message) => Some(store.save(message, &it).await),
                    None => None,
                };
                work.saved(&it, saved);
            }
            Task::SaveHeader(it) => {
                if let Some(header) = work.take(&it) {
                    let saved = store.save_header(header, &it).await;
                    work.header(&it, saved);
                }
            }
            Task::Sync => {
                let synced = store.sync().await;
                work.synced(synced, store.deletes())?;
            }
            Task::Forget(unique_ids) => store.forget(&unique_ids).await?,
        }
    }
    Ok(())
}
