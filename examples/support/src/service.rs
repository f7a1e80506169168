//! What the example servers are beside their way to wait: what they offer, and who may log in how.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pop3_proto::Totals;
use pop3_proto::server::{Authenticate, CloseReason, Config, Credentials, Rejection, Session, Utf8};
use rustls::ServerConfig;

use crate::accounts::{Account, Accounts};
use crate::args::Args;
use crate::mailbox::Mailbox;
use crate::report::report;
use crate::sasl::{Exchange, Outcome, Sasl};
use crate::timestamps::Timestamps;
use crate::{german, listening};

/// The most octets of responses that wait for a client: many short messages go out at once, and the chunks of a long one, which are
/// longer than this, aren't copied if they needn't be changed.
const OUTPUT: u32 = 48 * 1024;

/// What all connections of a server share.
pub struct Service {
    config: Arc<Config>,
    accounts: Accounts,
    sasl: Sasl,
    timestamps: Timestamps,
    tls: Option<Arc<ServerConfig>>,
    require_tls: bool,
    log: bool,
}

impl Service {
    /// The service that the arguments describe.
    pub fn new(args: &Args) -> io::Result<Self> {
        let accounts = Accounts::new(args)?;
        let sasl = Sasl::new(&accounts)?;
        let (tls, require_tls) = (args.listening.tls()?, args.listening.require_tls);
        let config = Arc::new(config(tls.is_some(), require_tls, &sasl)?);
        Ok(Self { config, accounts, sasl, timestamps: Timestamps::default(), tls, require_tls, log: args.log })
    }

    /// Who may log in.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// How to speak TLS, if there is a certificate.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.clone()
    }

    /// A session for a new connection.
    pub fn session(&self, implicit_tls: bool, peer: SocketAddr) -> Session<Mailbox, Exchange> {
        let session = Session::with_exchange(Arc::clone(&self.config), listening::security_of(peer, self.require_tls));
        session.with_implicit_tls(implicit_tls).with_timestamp(self.timestamps.next())
    }

    /// The account of a client, if it is who it says.
    pub fn verify(&self, credentials: &Credentials<'_>) -> Result<Arc<Account>, Rejection> {
        self.accounts.verify(credentials)
    }

    /// Takes a step of a SASL exchange. Returns it where that has shown who the client is, so that its maildrop is to be opened.
    pub fn authenticate<'a>(
        &self,
        mut step: Authenticate<'a, Mailbox, Exchange>,
    ) -> Option<(Authenticate<'a, Mailbox, Exchange>, Arc<Account>)> {
        let mechanism = step.mechanism();
        let (exchange, response) = step.exchange_and_response();
        match self.sasl.step(mechanism, exchange, response, &self.accounts) {
            Outcome::Challenge(octets) => step.challenge(&octets).unwrap_or_else(report),
            Outcome::ChallengeAndReject(octets) => {
                step.challenge_and_reject(&octets, Rejection::BadCredentials).unwrap_or_else(report);
            }
            Outcome::Accept(account) => return Some((step, account)),
            Outcome::Reject(rejection) => step.reject(rejection),
        }
        None
    }

    /// Writes the line of a session that is over, if there is a log.
    pub fn log(&self, peer: SocketAddr, account: Option<&str>, reason: CloseReason, totals: Totals) {
        if self.log {
            let account = account.map_or_else(|| "-".into(), |account| format!("{account:?}"));
            report(format_args!("peer={peer} account={account} reason=\"{reason}\" {totals}"));
        }
    }
}

/// What a server offers: every mechanism that there is, UTF-8, German, and STLS if it has a certificate.
///
/// Names and passwords may be any octets, so it isn't said that they are UTF-8.
fn config(stls: bool, require_tls: bool, sasl: &Sasl) -> io::Result<Config> {
    let config = Config::new().stls(stls).utf8(Utf8::Messages).output_limit(OUTPUT).map_err(io::Error::other)?;
    let mut config = config.language(german::german().map_err(io::Error::other)?).map_err(io::Error::other)?;
    for mechanism in sasl.mechanisms() {
        config = listening::offer(config, mechanism, require_tls)?;
    }
    Ok(config)
}
