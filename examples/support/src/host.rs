//! What the example servers are beside their way to wait: accounts, TLS, and an answer to whatever a session asks its host.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pop3_proto::server::{Action, Config, Rejection, Session, Utf8};
use pop3_proto::wire::Properties;
use rustls::{ServerConfig, ServerConnection};

use crate::accounts::Accounts;
use crate::args::Args;
use crate::channel::Channel;
use crate::mailbox::{Attended, Client, Mailbox, Message};
use crate::report::report;
use crate::sasl::{Exchange, Outcome, Sasl};
use crate::timestamps::Timestamps;
use crate::{german, listening};

/// What all connections of a server share.
pub struct Host {
    config: Arc<Config>,
    accounts: Accounts,
    sasl: Sasl,
    timestamps: Timestamps,
    tls: Option<Arc<ServerConfig>>,
    require_tls: bool,
}

impl Host {
    /// The host that the arguments describe.
    pub fn new(args: &Args) -> io::Result<Self> {
        let accounts = Accounts::new(args)?;
        let sasl = Sasl::new(&accounts).map_err(io::Error::other)?;
        let (tls, require_tls) = (args.listening.tls()?, args.listening.require_tls);
        let config = Arc::new(config(tls.is_some(), require_tls, &sasl)?);
        Ok(Self { config, accounts, sasl, timestamps: Timestamps::default(), tls, require_tls })
    }

    /// Who may log in.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// What a new connection goes through: TLS from the first octet where that is spoken, else the plain socket.
    pub fn channel(&self, implicit_tls: bool) -> io::Result<Channel> {
        match self.tls.as_ref().filter(|_| implicit_tls) {
            Some(config) => Ok(Channel::tls(ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?)),
            None => Ok(Channel::Plain),
        }
    }

    /// A session for a new connection.
    pub fn session<C: Client>(&self, channel: &Channel, peer: SocketAddr) -> Session<Attended<C>, Exchange> {
        let security = listening::security_of(channel.is_tls(), peer, self.require_tls);
        Session::with_exchange(Arc::clone(&self.config), security).with_timestamp(self.timestamps.next())
    }

    /// Answers what a session asks its host. The store's work blocks. `client` makes the client that a maildrop is opened for.
    pub fn answer<C: Client>(&self, action: Action<'_, Attended<C>, Exchange>, client: impl FnOnce() -> C) {
        let attended = |mailbox: Mailbox| mailbox.attended_by(client());
        match action {
            Action::Login(login) => match self.accounts.open(&login.credentials()) {
                // A maildrop that can't be served: the client has been told, and somebody here should know.
                Ok(mailbox) => login.accept(attended(mailbox)).unwrap_or_else(report),
                Err(rejection) => login.reject(rejection),
            },
            Action::Authenticate(mut step) => {
                let mechanism = step.mechanism();
                let (exchange, response) = step.exchange_and_response();
                match self.sasl.step(mechanism, exchange, response, &self.accounts) {
                    Outcome::Challenge(octets) => step.challenge(&octets).unwrap_or_else(report),
                    Outcome::ChallengeAndReject(octets) => {
                        step.challenge_and_reject(&octets, Rejection::BadCredentials).unwrap_or_else(report);
                    }
                    Outcome::Accept(mailbox) => step.accept(attended(mailbox)).unwrap_or_else(report),
                    Outcome::Reject(rejection) => step.reject(rejection),
                }
            }
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.message();
                match retrieve.maildrop().mailbox.read(message) {
                    Ok(Message::Memory(octets)) => retrieve.send(octets),
                    Ok(Message::File(reading)) => retrieve.begin(reading),
                    Err(refusal) => retrieve.refuse(refusal),
                }
            }
            Action::Body(mut body) => match body.reader().next_chunk() {
                Ok(Some(chunk)) => body.push(chunk),
                Ok(None) => body.end(),
                Err(trouble) => {
                    report(trouble);
                    body.fail();
                }
            },
            Action::Update(mut update) => {
                let (maildrop, deletions) = update.maildrop_and_deletions();
                let removal = maildrop.mailbox.expunge(deletions);
                update.finish(removal);
            }
            // Octets and TLS are the program's.
            other => other.decline(),
        }
    }
}

/// What a server offers: every mechanism that there is, UTF-8, German, and STLS if it has a certificate.
///
/// Names and passwords may be any octets, so it isn't said that they are UTF-8.
fn config(stls: bool, require_tls: bool, sasl: &Sasl) -> io::Result<Config> {
    let config = Config::new().stls(stls).utf8(Utf8::Messages);
    let mut config = config.language(german::german().map_err(io::Error::other)?).map_err(io::Error::other)?;
    for mechanism in sasl.mechanisms() {
        config = match mechanism.properties() {
            // Those that send no password are good enough in the clear, unless everything has to go through TLS.
            Some(properties) if require_tls => {
                config.mechanism_with(mechanism, Properties { cleartext: true, ..properties })
            }
            _ => config.mechanism(mechanism),
        }
        .map_err(io::Error::other)?;
    }
    Ok(config)
}
