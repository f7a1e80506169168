//! Servers and clients over streams of tokio.

mod common;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use adapter::tokio::{BoxedStream, Client, Host, serve, transfer};
use adapter::{Error, Opened};
use allocation_counter::measure;
use bytes::Bytes;
use pop3_proto::client::{self, Closed, Login, Retry};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Action, BoxError, CloseReason, Config, Credentials, Deletions, Rejection, Session};
use pop3_proto::wire::Verb;
use pop3_proto::{Io, Security};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use common::{Chunks, Open, Store, left, store};

/// A server for one client.
struct Connection {
    store: Store,
    stop: watch::Sender<bool>,
    stops_when_measuring: bool,
    reports: Vec<String>,
}

impl Host for Connection {
    type Stream = BoxedStream;
    type Maildrop = Open;
    type Exchange = ();

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Open, BoxError> {
        common::log_in(&self.store, &credentials)
    }

    async fn measure(&mut self, maildrop: &mut Open, message: MessageNumber) -> Result<(), BoxError> {
        tokio::task::yield_now().await;
        if self.stops_when_measuring {
            self.stop.send_replace(true);
        }
        common::measure(maildrop, message)
    }

    async fn open(&mut self, maildrop: &mut Open, message: MessageNumber) -> Result<Opened<Chunks>, BoxError> {
        common::open(maildrop, message)
    }

    async fn next_chunk(&mut self, _: &mut Open, chunks: &mut Chunks) -> Result<Option<Bytes>, BoxError> {
        tokio::task::yield_now().await;
        common::next_chunk(chunks)
    }

    async fn remove(&mut self, maildrop: &mut Open, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        tokio::task::yield_now().await;
        common::remove(maildrop, deletions)
    }

    async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
        Ok(Box::new(TlsAcceptor::from(common::server_tls()).accept(stream).await?))
    }

    fn stopped(&mut self) -> impl Future<Output = ()> + Send {
        let mut stopping = self.stop.subscribe();
        async move { drop(stopping.wait_for(|stopping| *stopping).await) }
    }

    fn report(&mut self, error: BoxError) {
        self.reports.push(error.to_string());
    }

    fn stream_failed(&mut self, error: io::Error) {
        self.reports.push(format!("the stream: {}", error.kind()));
    }
}

/// A server that runs, for one client.
struct Server {
    address: std::net::SocketAddr,
    store: Store,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<(CloseReason, Vec<String>)>,
}

impl Server {
    async fn new(messages: &[&'static str]) -> Self {
        Self::with_config(messages, Config::new(), Security::TrustedLocal).await
    }

    async fn with_config(messages: &[&'static str], config: Config, security: Security) -> Self {
        Self::with_session(messages, Session::new(Arc::new(config), security)).await
    }

    /// As on port 995.
    async fn with_implicit_tls(messages: &[&'static str], config: Config) -> Self {
        let session = Session::new(Arc::new(config), Security::Cleartext);
        Self::with_session(messages, session.with_implicit_tls(true)).await
    }

    async fn with_session(messages: &[&'static str], mut session: Session<Open>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (store, stop) = (store(messages), watch::Sender::new(false));
        let address = listener.local_addr().unwrap();
        let mut host = Connection {
            store: Arc::clone(&store),
            stop: stop.clone(),
            stops_when_measuring: messages.contains(&"stop"),
            reports: Vec::new(),
        };
        let task = tokio::spawn(async move {
            let socket = listener.accept().await.unwrap().0;
            let reason = serve(&mut host, &mut session, Box::new(socket)).await;
            (reason, host.reports)
        });
        Self { address, store, stop, task }
    }

    async fn client(&self) -> Client<TcpStream> {
        let mut client = Client::connect(self.address).await.unwrap();
        client.log_in(&mut common::login("tanstaaf")).await.unwrap();
        client
    }

    /// How it has ended, what it has reported, and what is left of the messages.
    async fn end(self) -> (CloseReason, Vec<String>, Vec<&'static str>) {
        let (reason, reports) = self.task.await.unwrap();
        (reason, reports, left(&self.store))
    }
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

/// The client's half of a handshake.
async fn shake_hands(stream: BoxedStream) -> io::Result<BoxedStream> {
    let (config, name) = common::client_tls();
    Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
}

async fn retr<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>, message: u32) -> Result<String, Error> {
    let mut octets = Vec::new();
    client.retr(number(message), &mut octets).await?;
    Ok(String::from_utf8(octets).unwrap())
}

#[tokio::test]
async fn a_client_reads_deletes_and_quits() {
    let server = Server::new(&["Subject: one\n\n.\nfirst\n", "Subject: two\r\n\r\nsec|ond\r\n", ""]).await;
    let mut client = server.client().await;
    let stat = client.stat().await.unwrap();
    assert_eq!((stat.messages, stat.octets), (3, 26 + 24));
    assert_eq!(client.list().await.unwrap().iter().map(|entry| entry.octets).collect::<Vec<_>>(), [26, 24, 0]);
    assert_eq!(client.uidl().await.unwrap()[1], (number(2), b"1".to_vec()));
    assert_eq!(retr(&mut client, 1).await.unwrap(), "Subject: one\r\n\r\n.\r\nfirst\r\n");
    assert_eq!(retr(&mut client, 2).await.unwrap(), "Subject: two\r\n\r\nsecond\r\n", "in two chunks");
    let mut header = Vec::new();
    client.top(number(1), 1, &mut header).await.unwrap();
    assert_eq!(header, b"Subject: one\r\n\r\n.\r\n");
    client.dele(number(1)).await.unwrap();
    assert_eq!(client.quit().await.unwrap(), Removal::All);
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, left.len()), (CloseReason::Quit, 2));
    assert_eq!(reports, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_can_not_be_measured_fails_stat_and_list_alone() {
    let server = Server::new(&["a\n", "?", "c\n"]).await;
    let mut client = server.client().await;
    let is_later = |error| matches!(error, Error::Refused { retry: Retry::Later, .. });
    assert!(is_later(client.stat().await.unwrap_err()) && is_later(client.list().await.unwrap_err()));
    assert_eq!(client.uidl().await.unwrap().len(), 3);
    client.dele(number(2)).await.unwrap();
    assert_eq!(client.stat().await.unwrap().octets, 6);
    client.quit().await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_measures_no_more_messages() {
    let server = Server::new(&["stop", "two"]).await;
    let mut client = server.client().await;
    assert!(matches!(client.stat().await, Err(Error::Refused { retry: Retry::Later, .. })));
    assert_eq!(server.end().await.0, CloseReason::Stopped);
}

#[tokio::test]
async fn what_a_server_refuses_is_an_error_and_the_client_goes_on() {
    let server = Server::new(&["a\n"]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let refused = |result: Result<(), Error>, expected| match result.unwrap_err() {
        Error::Refused { verb, .. } => assert_eq!(verb, Some(expected)),
        other => panic!("{other:?}"),
    };
    match client.log_in(&mut common::login("tans")).await.unwrap_err() {
        Error::Login(error) => assert_eq!(error.retry(), Some(Retry::AskUser)),
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).await.unwrap();
    refused(retr(&mut client, 2).await.map(drop), Verb::Retr);
    refused(client.dele(number(2)).await, Verb::Dele);
    assert_eq!(retr(&mut client, 1).await.unwrap(), "a\r\n");
    client.quit().await.unwrap();
}

#[tokio::test]
async fn a_message_that_can_not_be_read_to_its_end_is_never_taken_for_whole() {
    let server = Server::new(&["a|b|c"]).await;
    let mut client = server.client().await;
    let error = retr(&mut client, 1).await.unwrap_err();
    assert!(matches!(error, Error::Session(client::Error::Truncated, _) | Error::Transport(_)), "{error:?}");
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, left.len()), (CloseReason::MessageFailed, 1));
    assert_eq!(reports, ["the disk fails"]);
}

/// What a client is to do about a refusal.
fn refusal<T>(result: Result<T, Error>) -> Retry {
    match result {
        Err(Error::Refused { retry, .. }) => retry,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it isn't refused"),
    }
}

#[tokio::test]
async fn an_error_of_the_store_is_reported_once_and_is_temporary_for_the_client() {
    let server = Server::new(&["a!", "b\n"]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    match client.log_in(&mut common::login("disk")).await.unwrap_err() {
        Error::Login(error) => assert_eq!(error.retry(), Some(Retry::Later), "{error}"),
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).await.unwrap();
    assert_eq!(refusal(client.stat().await), Retry::Later);
    assert_eq!(refusal(client.top(number(1), 0, &mut tokio::io::sink()).await), Retry::Later);
    client.top(number(2), 0, &mut tokio::io::sink()).await.unwrap();
    client.dele(number(1)).await.unwrap();
    assert_eq!(client.quit().await.unwrap(), Removal::NotAll);
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, left.len()), (CloseReason::Quit, 2));
    assert_eq!(reports, ["the disk fails"; 4]);
}

#[tokio::test]
async fn what_the_client_is_to_hear_is_no_error_of_the_store() {
    let server = Server::new(&["a?", "b\n"]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    match client.log_in(&mut common::login("tans")).await.unwrap_err() {
        Error::Login(error) => assert_eq!(error.retry(), Some(Retry::AskUser)),
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).await.unwrap();
    assert_eq!(refusal(client.stat().await), Retry::Later);
    assert_eq!(refusal(client.top(number(1), 0, &mut tokio::io::sink()).await), Retry::Stop);
    client.quit().await.unwrap();
    let (reason, reports, _) = server.end().await;
    assert_eq!((reason, reports), (CloseReason::Quit, Vec::new()));
}

#[tokio::test]
async fn stls_protects_the_password() {
    let server = Server::with_config(&["a\n"], Config::new().stls(true), Security::Cleartext).await;
    let stream: BoxedStream = Box::new(TcpStream::connect(server.address).await.unwrap());
    let client = Client::new(stream, Security::Cleartext, Arc::new(client::Config::new()));
    let mut client = client.log_in_over_tls(&mut common::login("tanstaaf").stls(), shake_hands).await.unwrap();
    assert_eq!(client.session().security(), Security::Tls);
    assert_eq!(retr(&mut client, 1).await.unwrap(), "a\r\n");
    client.dele(number(1)).await.unwrap();
    assert_eq!(client.quit().await.unwrap(), Removal::All);
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, left.len()), (CloseReason::Quit, 0));
    assert_eq!(reports, Vec::<String>::new());
}

#[tokio::test]
async fn a_handshake_is_given_up_at_the_deadline() {
    let config = Config::new().stls(true).login_deadline(Duration::from_millis(300));
    let server = Server::with_config(&[], config, Security::Cleartext).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"STLS\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(Duration::from_secs(10), socket.read_to_end(&mut said)).await.expect("the deadline comes");
    let (reason, reports, _) = server.end().await;
    assert_eq!((reason, reports), (CloseReason::TlsFailed, vec!["the stream: timed out".to_owned()]));
}

#[tokio::test]
async fn tls_may_come_first() {
    let server = Server::with_implicit_tls(&["a\n"], Config::new()).await;
    let stream = shake_hands(Box::new(TcpStream::connect(server.address).await.unwrap())).await.unwrap();
    let mut client = Client::new(stream, Security::Tls, Arc::new(client::Config::new()));
    client.log_in(&mut common::login("tanstaaf")).await.unwrap();
    client.dele(number(1)).await.unwrap();
    assert_eq!(client.quit().await.unwrap(), Removal::All);
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, reports, left), (CloseReason::Quit, Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_handshake_that_comes_first_and_never_comes_is_given_up_at_the_deadline() {
    let config = Config::new().login_deadline(Duration::from_millis(300));
    let server = Server::with_implicit_tls(&["a\n"], config).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(Duration::from_secs(10), socket.read_to_end(&mut said)).await.expect("the deadline comes");
    assert_eq!(said, b"", "nobody is greeted without TLS");
    let (reason, reports, _) = server.end().await;
    assert_eq!((reason, reports), (CloseReason::TlsFailed, vec!["the stream: timed out".to_owned()]));
}

#[tokio::test]
async fn a_client_without_tls_gets_nowhere_where_tls_comes_first() {
    let server = Server::with_implicit_tls(&["a\n"], Config::new().stls(true)).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"USER mrose\r\nPASS tanstaaf\r\nDELE 1\r\nQUIT\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = socket.read_to_end(&mut said).await; // an alert, and then a reset perhaps
    assert!(!said.windows(3).any(|octets| octets == b"+OK"), "{}", said.escape_ascii());
    let (reason, reports, left) = server.end().await;
    assert_eq!((reason, reports, left.len()), (CloseReason::TlsFailed, vec!["the stream: invalid data".to_owned()], 1));
}

#[tokio::test]
async fn a_silent_client_is_closed_at_the_deadline() {
    let config = Config::new().login_deadline(Duration::from_millis(200));
    let server = Server::with_config(&[], config, Security::TrustedLocal).await;
    let mut said = String::new();
    TcpStream::connect(server.address).await.unwrap().read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "+OK POP3 server ready\r\n");
    assert_eq!(server.end().await.0, CloseReason::LoginDeadline);
}

#[tokio::test]
async fn a_server_that_stops_lets_an_idle_client_go_at_once() {
    let server = Server::new(&["a\n"]).await;
    let mut client = server.client().await;
    server.stop.send_replace(true);
    let (reason, _, left) = timeout(Duration::from_secs(10), server.end()).await.unwrap();
    assert_eq!((reason, left.len()), (CloseReason::Stopped, 1));
    let error = client.stat().await.unwrap_err();
    assert!(matches!(error, Error::Closed(Closed::WhileIdle) | Error::Session(..) | Error::Transport(_)), "{error:?}");
}

#[tokio::test]
async fn a_transfer_that_is_dropped_loses_nothing() {
    let (mut server, mut client) = duplex(64);
    let mut session = Session::<Open>::new(Arc::new(Config::new()), Security::TrustedLocal);
    let start = Instant::now();
    let mut said = Vec::new();
    // Each transfer is dropped after its first poll, whether it has moved something or not.
    for turn in 0..400 {
        match session.poll(start.elapsed()) {
            Action::Io(io) => {
                let _ = timeout(Duration::ZERO, transfer(io, &mut server, start)).await;
            }
            Action::Login(login) => login.reject(Rejection::BadCredentials),
            other => panic!("{other:?}"),
        }
        if turn == 5 {
            client.write_all(b"USER mrose\r\nPASS wrong\r\nCAPA\r\n").await.unwrap();
        }
        let mut octets = [0; 3];
        if let Ok(Ok(count)) = timeout(Duration::ZERO, client.read(&mut octets)).await {
            said.extend_from_slice(&octets[..count]);
        }
    }
    let said = String::from_utf8(said).unwrap();
    let (greeting, rest) = said.split_once("\r\n").unwrap();
    assert!(greeting.starts_with("+OK"), "{said:?}");
    assert!(rest.starts_with("+OK send PASS\r\n-ERR [AUTH] wrong name or password\r\n+OK "), "{said:?}");
    assert!(rest.ends_with("\r\n.\r\n"), "{said:?}");
}

#[tokio::test]
async fn a_read_that_waits_holds_no_window() {
    let (mut server, _client) = duplex(64);
    let mut session = client::Session::new(Arc::new(client::Config::new()), Security::TrustedLocal);
    let start = Instant::now();
    let Ok(client::Action::Io(io @ Io::Read(_))) = session.poll(Duration::ZERO) else { panic!("the greeting is due") };
    let mut transfer = pin!(transfer(io, &mut server, start));
    let mut context = Context::from_waker(Waker::noop());
    let memory = measure(|| assert!(transfer.as_mut().poll(&mut context).is_pending()));
    assert!(memory.bytes_max >= 65_536, "it has tried to read, {memory:?}");
    assert!(memory.bytes_current < 1_024, "{memory:?}");
}

/// Logs in over TLS if that is offered, and says how secure the connection is then.
async fn log_in_over_tls(server: &Server, login: Login) -> Result<Security, Error> {
    let stream: BoxedStream = Box::new(TcpStream::connect(server.address).await.unwrap());
    let client = Client::new(stream, Security::TrustedLocal, Arc::new(client::Config::new()));
    let client = client.log_in_over_tls(&mut { login }, shake_hands).await?;
    let security = client.session().security();
    client.quit().await.unwrap();
    Ok(security)
}

#[tokio::test]
async fn a_plan_begins_tls_where_it_is_offered() {
    for (stls, expected) in [(true, Security::Tls), (false, Security::TrustedLocal)] {
        let server = Server::with_config(&["a\n"], Config::new().stls(stls), Security::TrustedLocal).await;
        let login = common::login("tanstaaf").stls_if_offered();
        assert_eq!(log_in_over_tls(&server, login).await.unwrap(), expected);
        let server = Server::with_config(&["a\n"], Config::new().stls(stls), Security::TrustedLocal).await;
        assert_eq!(log_in_over_tls(&server, common::login("tanstaaf").stls()).await.is_ok(), stls);
    }
}

#[tokio::test]
async fn a_plan_that_begins_tls_where_nobody_does_the_handshake_says_so() {
    let server = Server::with_config(&[], Config::new().stls(true), Security::TrustedLocal).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let error = client.log_in(&mut common::login("tanstaaf").stls()).await.unwrap_err();
    assert!(matches!(error, Error::NoHandshake), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_silent_after_stls_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream: BoxedStream = Box::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
    let silent = tokio::spawn(async move {
        let mut socket = listener.accept().await.unwrap().0;
        socket.write_all(b"+OK\r\n+OK go\r\n").await.unwrap();
        socket
    });
    let config = client::Config::new().reply_deadline(Duration::from_millis(300));
    let client = Client::new(stream, Security::Cleartext, Arc::new(config));
    let mut login = common::login("tanstaaf").stls();
    let logged_in = client.log_in_over_tls(&mut login, shake_hands);
    let error = timeout(Duration::from_secs(20), logged_in).await.expect("the deadline comes").err().unwrap();
    assert!(matches!(error, Error::Transport(_) | Error::Session(..)), "{error:?}");
    drop(silent.await);
}

#[tokio::test]
async fn what_is_left_of_a_call_that_was_dropped_is_not_taken_for_the_answer_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (input, mut output) = listener.accept().await.unwrap().0.into_split();
        let mut lines = BufReader::new(input).lines();
        output.write_all(b"+OK hello\r\n").await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer = match &*line {
                "CAPA" => "-ERR\r\n",
                "STAT" => "+OK 2 30\r\n",
                "RETR 1" => {
                    output.write_all(b"+OK\r\nfirst, front\r\n").await.unwrap();
                    tokio::time::sleep(Duration::from_millis(400)).await;
                    "first, rest\r\n.\r\n"
                }
                "RETR 2" => "+OK\r\nsecond\r\n.\r\n",
                "UIDL" => "+OK\r\n1 a\r\n2 b\r\n.\r\n",
                _ => "+OK\r\n",
            };
            output.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut client = Client::connect(address).await.unwrap();
    client.log_in(&mut common::login("tanstaaf")).await.unwrap();
    let mut first = Vec::new();
    assert!(timeout(Duration::from_millis(100), client.retr(number(1), &mut first)).await.is_err());
    assert_eq!(retr(&mut client, 2).await.unwrap(), "second\r\n");
    assert_eq!(client.uidl().await.unwrap().len(), 2);
}
