//! Servers and clients over blocking streams, against each other and against servers that follow a script.

mod common;
#[expect(unreachable_pub, reason = "it is `adapter`'s, too")]
#[path = "../../../src/manual/blocking/tls.rs"]
mod tls;

use std::cell::Cell;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use adapter::blocking::{Client, Host, Stream, serve, transfer};
use adapter::{Error, Opened};
use bytes::Bytes;
use pop3_proto::client::{self, Closed, LoginFailure, Retry, SendError};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Action, BoxError, CloseReason, Config, Credentials, Deletions, Session};
use pop3_proto::wire::{Command, Verb};
use pop3_proto::{Io, Security};
#[cfg(feature = "rustls")]
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};

use common::{Chunks, Open, Store, left, store};
use tls::Tls;

/// What a client is reached by.
type Boxed = Box<dyn Stream + Send>;

/// A server for one client.
struct Connection {
    store: Store,
    stopping: Arc<AtomicBool>,
    stops_when_measuring: bool,
    reports: Vec<String>,
}

impl Host for Connection {
    type Stream = Boxed;
    type Maildrop = Open;
    type Exchange = ();

    fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Open, BoxError> {
        common::log_in(&self.store, &credentials)
    }

    fn measure(&mut self, maildrop: &mut Open, message: MessageNumber) -> Result<(), BoxError> {
        if self.stops_when_measuring {
            self.stopping.store(true, Ordering::Relaxed);
        }
        common::measure(maildrop, message)
    }

    fn open(&mut self, maildrop: &mut Open, message: MessageNumber) -> Result<Opened<Chunks>, BoxError> {
        common::open(maildrop, message)
    }

    fn next_chunk(&mut self, _: &mut Open, chunks: &mut Chunks) -> Result<Option<Bytes>, BoxError> {
        common::next_chunk(chunks)
    }

    fn remove(&mut self, maildrop: &mut Open, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        common::remove(maildrop, deletions)
    }

    fn start_tls(&mut self, stream: Boxed, deadline: Option<Instant>) -> io::Result<Boxed> {
        let connection = ServerConnection::new(common::server_tls()).map_err(io::Error::other)?;
        Ok(Box::new(Tls::shake_hands(connection, stream, deadline)?))
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
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
    address: SocketAddr,
    store: Store,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<(CloseReason, Vec<String>)>,
}

impl Server {
    fn new(messages: &[&'static str]) -> Self {
        Self::with_config(messages, Config::new(), Security::TrustedLocal)
    }

    fn with_config(messages: &[&'static str], config: Config, security: Security) -> Self {
        Self::with_session(messages, Session::new(Arc::new(config), security))
    }

    /// As on port 995.
    fn with_implicit_tls(messages: &[&'static str], config: Config) -> Self {
        let session = Session::new(Arc::new(config), Security::Cleartext);
        Self::with_session(messages, session.with_implicit_tls(true))
    }

    fn with_session(messages: &[&'static str], mut session: Session<Open>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (store, stopping) = (store(messages), Arc::<AtomicBool>::default());
        let address = listener.local_addr().unwrap();
        let mut host = Connection {
            store: Arc::clone(&store),
            stopping: Arc::clone(&stopping),
            stops_when_measuring: messages.contains(&"stop"),
            reports: Vec::new(),
        };
        let thread = thread::spawn(move || {
            let socket = listener.accept().unwrap().0;
            let reason = serve(&mut host, &mut session, Box::new(socket));
            (reason, host.reports)
        });
        Self { address, store, stopping, thread }
    }

    fn client(&self) -> Client<TcpStream> {
        let mut client = Client::connect(self.address).unwrap();
        client.log_in(&mut common::login("tanstaaf")).unwrap();
        client
    }

    /// How it has ended, what it has reported, and what is left of the messages.
    fn end(self) -> (CloseReason, Vec<String>, Vec<&'static str>) {
        let (reason, reports) = self.thread.join().unwrap();
        (reason, reports, left(&self.store))
    }
}

/// The client's half of a handshake.
fn shake_hands(stream: Boxed, deadline: Option<Instant>) -> io::Result<Boxed> {
    let (config, name) = common::client_tls();
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    Ok(Box::new(Tls::shake_hands(connection, stream, deadline)?))
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn retr<S: Stream>(client: &mut Client<S>, message: u32) -> Result<String, Error> {
    let mut octets = Vec::new();
    client.retr(number(message), &mut octets)?;
    Ok(String::from_utf8(octets).unwrap())
}

#[test]
fn a_client_reads_deletes_and_quits() {
    let server = Server::new(&["Subject: one\n\n.\nfirst\n", "Subject: two\r\n\r\nsec|ond\r\n", "Subject: three\n\n"]);
    let mut client = server.client();
    let stat = client.stat().unwrap();
    assert_eq!((stat.messages, stat.octets), (3, 26 + 24 + 18));
    assert_eq!(client.list().unwrap().iter().map(|entry| entry.octets).collect::<Vec<_>>(), [26, 24, 18]);
    let ids = client.uidl().unwrap();
    assert_eq!(ids[1], (number(2), b"1".to_vec()));
    assert_eq!(retr(&mut client, 1).unwrap(), "Subject: one\r\n\r\n.\r\nfirst\r\n");
    assert_eq!(retr(&mut client, 2).unwrap(), "Subject: two\r\n\r\nsecond\r\n", "in two chunks");
    let mut header = Vec::new();
    client.top(number(1), 1, &mut header).unwrap();
    assert_eq!(header, b"Subject: one\r\n\r\n.\r\n");
    client.dele(number(1)).unwrap();
    assert_eq!(client.quit().unwrap(), Removal::All);
    let (reason, reports, left) = server.end();
    assert_eq!((reason, left.len()), (CloseReason::Quit, 2));
    assert_eq!(reports, Vec::<String>::new());
}

#[test]
fn a_client_that_drops_its_connection_deletes_nothing() {
    let server = Server::new(&["a\n", "b\n"]);
    let mut client = server.client();
    client.dele(number(1)).unwrap();
    drop(client);
    let (reason, _, left) = server.end();
    assert_eq!((reason, left.len()), (CloseReason::EndOfStream, 2));
}

#[test]
fn a_wrong_password_is_refused_and_another_may_be_tried() {
    let server = Server::new(&[]);
    let mut client = Client::connect(server.address).unwrap();
    match client.log_in(&mut common::login("tans")).unwrap_err() {
        Error::Login(error) => {
            assert_eq!(error.retry(), Some(Retry::AskUser));
            let line = "AUTH PLAIN: -ERR [AUTH] wrong name or password; the server offers PLAIN, USER";
            assert_eq!(error.to_string(), line);
        }
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert_eq!(client.stat().unwrap().messages, 0);
    assert!(client.list().unwrap().is_empty() && client.uidl().unwrap().is_empty());
    assert_eq!(client.quit().unwrap(), Removal::All);
}

#[test]
fn what_a_server_refuses_is_an_error_and_the_client_goes_on() {
    let server = Server::new(&["a\n"]);
    let mut client = server.client();
    let refused = |result: Result<(), Error>, expected| match result.unwrap_err() {
        Error::Refused { verb, .. } => assert_eq!(verb, Some(expected)),
        other => panic!("{other:?}"),
    };
    refused(retr(&mut client, 2).map(drop), Verb::Retr);
    refused(client.top(number(2), 0, &mut io::sink()), Verb::Top);
    refused(client.dele(number(2)), Verb::Dele);
    assert_eq!(retr(&mut client, 1).unwrap(), "a\r\n");
    assert!(matches!(client.log_in(&mut common::login("tanstaaf")), Err(Error::Login(_))), "once is enough");
    client.quit().unwrap();
}

#[test]
fn a_message_that_can_not_be_read_to_its_end_is_never_taken_for_whole() {
    let server = Server::new(&["a|b|c"]);
    let mut client = server.client();
    match retr(&mut client, 1) {
        // A reset may come instead.
        Err(Error::Session(client::Error::Truncated, _) | Error::Transport(_)) => {}
        other => panic!("{other:?}"),
    }
    let (reason, reports, left) = server.end();
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

#[test]
fn an_error_of_the_store_is_reported_once_and_is_temporary_for_the_client() {
    let server = Server::new(&["a!", "b\n"]);
    let mut client = Client::connect(server.address).unwrap();
    match client.log_in(&mut common::login("disk")).unwrap_err() {
        Error::Login(error) => assert_eq!(error.retry(), Some(Retry::Later), "{error}"),
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert_eq!(refusal(client.stat()), Retry::Later);
    assert_eq!(refusal(client.top(number(1), 0, &mut io::sink())), Retry::Later);
    client.top(number(2), 0, &mut io::sink()).unwrap();
    client.dele(number(1)).unwrap();
    assert_eq!(client.quit().unwrap(), Removal::NotAll);
    let (reason, reports, left) = server.end();
    assert_eq!((reason, left.len()), (CloseReason::Quit, 2));
    assert_eq!(reports, ["the disk fails"; 4]);
}

#[test]
fn what_the_client_is_to_hear_is_no_error_of_the_store() {
    let server = Server::new(&["a?", "b\n"]);
    let mut client = Client::connect(server.address).unwrap();
    match client.log_in(&mut common::login("tans")).unwrap_err() {
        Error::Login(error) => assert_eq!(error.retry(), Some(Retry::AskUser)),
        other => panic!("{other:?}"),
    }
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert_eq!(refusal(client.stat()), Retry::Later);
    assert_eq!(refusal(client.top(number(1), 0, &mut io::sink())), Retry::Stop);
    client.quit().unwrap();
    let (reason, reports, _) = server.end();
    assert_eq!((reason, reports), (CloseReason::Quit, Vec::new()));
}

#[test]
fn stls_protects_the_password() {
    let server = Server::with_config(&["a\n"], Config::new().stls(true), Security::Cleartext);
    let stream: Boxed = Box::new(TcpStream::connect(server.address).unwrap());
    let client = Client::new(stream, Security::Cleartext, Arc::new(client::Config::new()));
    let mut client = client.log_in_over_tls(&mut common::login("tanstaaf").stls(), shake_hands).unwrap();
    assert_eq!(client.session().security(), Security::Tls);
    assert_eq!(retr(&mut client, 1).unwrap(), "a\r\n");
    client.dele(number(1)).unwrap();
    assert_eq!(client.quit().unwrap(), Removal::All);
    let (reason, reports, left) = server.end();
    assert_eq!((reason, left.len()), (CloseReason::Quit, 0));
    assert_eq!(reports, Vec::<String>::new());
}

#[cfg(feature = "rustls")]
#[test]
fn a_client_connects_over_tls_in_one_call() {
    let (tls, name) = common::client_tls();
    let mut login = common::login("tanstaaf").stls();
    let server = Server::with_config(&["a\n"], Config::new().stls(true), Security::Cleartext);
    let mut client = Client::connect_stls(server.address, name.clone(), Arc::clone(&tls), &mut login).unwrap();
    assert_eq!((client.session().security(), retr(&mut client, 1).unwrap().as_str()), (Security::Tls, "a\r\n"));
    client.quit().unwrap();
    let server = Server::with_implicit_tls(&["a\n"], Config::new());
    let mut client = Client::connect_tls(server.address, name, tls).unwrap();
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert_eq!(retr(&mut client, 1).unwrap(), "a\r\n");
    client.quit().unwrap();
}

#[cfg(feature = "rustls")]
#[test]
fn a_server_with_the_certificate_of_another_hears_no_password() {
    let (tls, name) = (common::client_tls().0, ServerName::try_from("mail.example.com").unwrap());
    let mut login = common::login("tanstaaf").stls();
    let server = Server::with_config(&["a\n"], Config::new().stls(true), Security::Cleartext);
    let failed = Client::connect_stls(server.address, name.clone(), Arc::clone(&tls), &mut login).err();
    assert!(matches!(failed, Some(Error::Transport(_))), "{failed:?}");
    assert_eq!(server.end().0, CloseReason::TlsFailed);
    let server = Server::with_implicit_tls(&["a\n"], Config::new());
    assert!(Client::connect_tls(server.address, name, tls).is_err());
    assert_eq!(server.end().0, CloseReason::TlsFailed);
    // Without STLS nothing leaves either.
    let (tls, name) = common::client_tls();
    let server = Server::with_config(&["a\n"], Config::new(), Security::Cleartext);
    let failed = Client::connect_stls(server.address, name, tls, &mut common::login("tanstaaf").stls()).err();
    assert!(matches!(failed, Some(Error::Login(_))), "{failed:?}");
}

#[test]
fn no_password_leaves_where_others_may_listen() {
    let server = Server::with_config(&[], Config::new().stls(true), Security::Cleartext);
    let socket = TcpStream::connect(server.address).unwrap();
    let mut client = Client::new(socket, Security::Cleartext, Arc::new(client::Config::new()));
    match client.log_in(&mut common::login("tanstaaf")).unwrap_err() {
        Error::Login(error) => assert_eq!(error.failure, LoginFailure::NeedsTls),
        other => panic!("{other:?}"),
    }
    client.quit().unwrap();
}

#[test]
fn a_handshake_is_given_up_at_the_deadline_though_octets_drip_in() {
    let config = Config::new().stls(true).login_deadline(Duration::from_millis(600));
    let server = Server::with_config(&[], config, Security::Cleartext);
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket.write_all(b"STLS\r\n").unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
    assert!(lines.nth(1).unwrap().unwrap().starts_with("+OK"));
    // The beginning of a record that would be long.
    for octet in [0x16, 3, 1, 0x10, 0].into_iter().chain([1; 200]) {
        if socket.write_all(&[octet]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let (reason, reports, _) = server.end();
    assert_eq!((reason, reports), (CloseReason::TlsFailed, vec!["the stream: timed out".to_owned()]));
}

#[test]
fn tls_may_come_first() {
    let server = Server::with_implicit_tls(&["a\n"], Config::new());
    let stream = shake_hands(Box::new(TcpStream::connect(server.address).unwrap()), None).unwrap();
    let mut client = Client::new(stream, Security::Tls, Arc::new(client::Config::new()));
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    client.dele(number(1)).unwrap();
    assert_eq!(client.quit().unwrap(), Removal::All);
    let (reason, reports, left) = server.end();
    assert_eq!((reason, reports, left), (CloseReason::Quit, Vec::new(), Vec::new()));
}

#[test]
fn a_handshake_that_comes_first_and_never_comes_is_given_up_at_the_deadline() {
    let server = Server::with_implicit_tls(&["a\n"], Config::new().login_deadline(Duration::from_millis(300)));
    let mut socket = TcpStream::connect(server.address).unwrap();
    let mut said = Vec::new();
    let _ = socket.read_to_end(&mut said);
    assert_eq!(said, b"", "nobody is greeted without TLS");
    let (reason, reports, _) = server.end();
    assert_eq!((reason, reports), (CloseReason::TlsFailed, vec!["the stream: timed out".to_owned()]));
}

#[test]
fn a_client_without_tls_gets_nowhere_where_tls_comes_first() {
    let server = Server::with_implicit_tls(&["a\n"], Config::new().stls(true));
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket.write_all(b"USER mrose\r\nPASS tanstaaf\r\nDELE 1\r\nQUIT\r\n").unwrap();
    let mut said = Vec::new();
    let _ = socket.read_to_end(&mut said); // an alert, and then a reset perhaps
    assert!(!said.windows(3).any(|octets| octets == b"+OK"), "{}", said.escape_ascii());
    let (reason, reports, left) = server.end();
    assert_eq!((reason, reports, left.len()), (CloseReason::TlsFailed, vec!["the stream: invalid data".to_owned()], 1));
}

#[test]
fn a_silent_client_is_closed_at_the_deadline() {
    let config = Config::new().login_deadline(Duration::from_millis(200));
    let server = Server::with_config(&[], config, Security::TrustedLocal);
    let socket = TcpStream::connect(server.address).unwrap();
    let lines: Vec<_> = BufReader::new(socket).lines().map(Result::unwrap).collect();
    assert!(matches!(&lines[..], [greeting] if greeting.starts_with("+OK")), "{lines:?}");
    assert_eq!(server.end().0, CloseReason::LoginDeadline);
}

#[test]
fn a_server_that_stops_lets_an_idle_client_go() {
    let server = Server::new(&["a\n"]);
    let mut client = server.client();
    server.stopping.store(true, Ordering::Relaxed);
    let (reason, _, left) = server.end();
    assert_eq!((reason, left.len()), (CloseReason::Stopped, 1));
    assert!(matches!(client.stat(), Err(Error::Closed(Closed::WhileIdle) | Error::Session(..) | Error::Transport(_))));
}

#[test]
fn a_message_that_can_not_be_measured_fails_stat_and_list_alone() {
    let server = Server::new(&["a\n", "?", "c\n"]);
    let mut client = server.client();
    let is_later = |error| matches!(error, Error::Refused { retry: Retry::Later, .. });
    assert!(is_later(client.stat().unwrap_err()) && is_later(client.list().unwrap_err()));
    assert_eq!(client.uidl().unwrap().len(), 3);
    client.dele(number(2)).unwrap();
    assert_eq!(client.stat().unwrap().octets, 6);
    client.quit().unwrap();
}

#[test]
fn a_server_that_stops_measures_no_more_messages() {
    let server = Server::new(&["stop", "two"]);
    let mut client = server.client();
    assert!(matches!(client.stat(), Err(Error::Refused { retry: Retry::Later, .. })));
    assert_eq!(server.end().0, CloseReason::Stopped);
}

#[test]
fn the_last_response_arrives_though_the_client_has_sent_more() {
    let server = Server::new(&[]);
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket.write_all(b"QUIT\r\n").unwrap();
    let ended = server.thread.join().unwrap().0;
    assert_eq!(ended, CloseReason::Quit);
    // Had the server closed with these unread, its response might be gone.
    let server = Server::new(&[]);
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket.write_all(b"QUIT\r\n").and_then(|()| socket.write_all(&b"NOOP\r\n".repeat(5_000))).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    socket.read_to_string(&mut said).unwrap();
    assert!(said.ends_with("+OK bye\r\n"), "{said:?}");
}

/// A server that answers each line with the next of these, and closes after the last.
fn script(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut socket = BufReader::new(listener.accept().unwrap().0);
        for (index, answer) in answers.iter().enumerate() {
            socket.get_mut().write_all(answer.as_bytes()).unwrap();
            if index + 1 < answers.len() {
                socket.read_line(&mut String::new()).unwrap();
            }
        }
    });
    address
}

#[test]
fn a_server_that_does_not_want_to_serve_says_why() {
    let mut client = Client::connect(script(&["-ERR [SYS/TEMP] too busy\r\n"])).unwrap();
    match client.log_in(&mut common::login("tanstaaf")).unwrap_err() {
        Error::Login(error) => assert_eq!(error.to_string(), "the server: -ERR [SYS/TEMP] too busy"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(client.stat(), Err(Error::Send(SendError::Over))));
}

/// A login by USER and PASS to a server without CAPA.
const LOGIN: [&str; 4] = ["+OK hello\r\n", "-ERR what?\r\n", "+OK\r\n", "+OK\r\n"];

#[test]
fn a_message_with_an_unstuffed_dot_is_not_taken_for_whole() {
    const ANSWERS: &[&str] =
        &[LOGIN[0], LOGIN[1], LOGIN[2], LOGIN[3], "+OK\r\none\r\n.\r\ntwo\r\n.\r\n", "+OK 1 12\r\n"];
    let mut client = Client::connect(script(ANSWERS)).unwrap();
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert!(matches!(retr(&mut client, 1), Err(Error::Session(client::Error::Protocol(_), _))));
}

#[test]
fn a_message_after_which_stat_is_not_answered_is_unproven() {
    const ANSWERS: &[&str] =
        &[LOGIN[0], LOGIN[1], LOGIN[2], LOGIN[3], "+OK\r\none\r\n.\r\n", "+OK what?\r\n", "+OK 1 5\r\n"];
    let mut client = Client::connect(script(ANSWERS)).unwrap();
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    assert!(matches!(retr(&mut client, 1), Err(Error::Unreadable(_) | Error::Unproven(_))));
    assert_eq!(client.stat().unwrap().octets, 5, "the client goes on");
}

#[test]
fn a_connection_that_is_cut_is_an_error_of_the_call() {
    const ANSWERS: &[&str] = &[LOGIN[0], LOGIN[1], LOGIN[2], LOGIN[3], "+OK\r\none\r\n"];
    let mut client = Client::connect(script(ANSWERS)).unwrap();
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    let error = retr(&mut client, 1).unwrap_err();
    assert!(matches!(error, Error::Session(..) | Error::Transport(_)), "{error:?}");
}

#[test]
fn a_sink_that_fails_does_not_put_the_client_out_of_step() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = Server::new(&["a\n", "b\n"]);
    let mut client = server.client();
    assert!(matches!(client.retr(number(1), &mut Full), Err(Error::Sink(_))));
    assert_eq!(retr(&mut client, 2).unwrap(), "b\r\n");
    client.quit().unwrap();
}

/// A stream that takes nothing, and notes what is asked of it.
#[derive(Default)]
struct Stuck {
    calls: Vec<&'static str>,
}

impl Read for Stuck {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.calls.push("read");
        Ok(0)
    }
}

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.calls.push("write");
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.calls.push("flush");
        Ok(())
    }
}

impl Stream for Stuck {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        assert!(!limit.is_zero(), "a socket takes 0 for no limit");
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        self.calls.push("wait");
        Err(ErrorKind::WouldBlock.into())
    }

    fn shut_down(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_write_of_nothing_is_a_failure() {
    let mut stream = Stuck::default();
    let mut session = Session::<Open>::new(Arc::new(Config::new()), Security::TrustedLocal);
    let Action::Io(io) = session.poll(Duration::ZERO) else { panic!("a greeting") };
    let error = transfer(io, &mut stream, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    assert!(matches!(session.poll(Duration::ZERO), Action::Close(CloseReason::TransportFailed)));
}

#[test]
fn a_read_flushes_first_and_has_no_window_before_there_is_something() {
    let mut stream = Stuck::default();
    let mut session = client::Session::new(Arc::new(client::Config::new()), Security::TrustedLocal);
    let Ok(client::Action::Io(io @ Io::Read(_))) = session.poll(Duration::ZERO) else { panic!("the greeting is due") };
    transfer(io, &mut stream, Duration::from_secs(1_000)).unwrap();
    assert_eq!(stream.calls, ["flush", "wait"]);
}

/// A socket that takes nothing more once it is broken, while what has come can be read.
struct Breaking {
    socket: TcpStream,
    is_broken: Rc<Cell<bool>>,
}

impl Read for Breaking {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.socket.read(space)
    }
}

impl Write for Breaking {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.is_broken.get() { Err(ErrorKind::BrokenPipe.into()) } else { self.socket.write(octets) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Breaking {
    fn set_timeout(&mut self, limit: Duration) -> io::Result<()> {
        self.socket.set_timeout(limit)
    }

    fn wait(&mut self) -> io::Result<()> {
        self.socket.wait()
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.socket.shut_down()
    }
}

#[test]
fn what_a_server_says_is_heard_over_tls_though_nothing_can_be_written() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (go_on, is_broken) = (mpsc::channel(), Rc::<Cell<bool>>::default());
    thread::spawn(move || {
        let connection = ServerConnection::new(common::server_tls()).unwrap();
        let mut stream = Tls::shake_hands(connection, listener.accept().unwrap().0, None).unwrap();
        for said in ["+OK hello\r\n", "-ERR too late\r\n"] {
            stream.write_all(said.as_bytes()).unwrap();
            go_on.1.recv().unwrap();
        }
    });
    let (config, name) = common::client_tls();
    let socket = Breaking { socket, is_broken: Rc::clone(&is_broken) };
    let mut stream = Tls::shake_hands(ClientConnection::new(config, name).unwrap(), socket, None).unwrap();
    let mut session = client::Session::new(Arc::new(client::Config::new()), Security::Tls);
    let mut last = String::new();
    while !last.contains("too late") {
        match session.poll(Duration::ZERO).unwrap() {
            client::Action::Io(io) => drop(transfer(io, &mut stream, Duration::ZERO)),
            client::Action::Event(event) => {
                last = format!("{:?}", event.kind());
                event.done();
            }
            client::Action::Idle(_) => {
                is_broken.set(true);
                go_on.0.send(()).unwrap();
                session.send(&Command::Capa).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_plan_begins_tls_where_it_is_offered() {
    for (stls, expected) in [(true, Security::Tls), (false, Security::TrustedLocal)] {
        let server = Server::with_config(&["a\n"], Config::new().stls(stls), Security::TrustedLocal);
        let stream: Boxed = Box::new(TcpStream::connect(server.address).unwrap());
        let client = Client::new(stream, Security::TrustedLocal, Arc::new(client::Config::new()));
        let client = client.log_in_over_tls(&mut common::login("tanstaaf").stls_if_offered(), shake_hands).unwrap();
        assert_eq!(client.session().security(), expected);
        client.quit().unwrap();
    }
}

#[test]
fn a_plan_that_begins_tls_where_nobody_does_the_handshake_says_so() {
    let server = Server::with_config(&[], Config::new().stls(true), Security::TrustedLocal);
    let mut client = Client::connect(server.address).unwrap();
    let error = client.log_in(&mut common::login("tanstaaf").stls()).unwrap_err();
    assert!(matches!(error, Error::NoHandshake), "{error:?}");
}

#[test]
fn an_error_names_the_command_whose_response_was_due() {
    const ANSWERS: &[&str] = &[LOGIN[0], LOGIN[1], LOGIN[2], LOGIN[3], "+OK\r\none\r\n"];
    let mut client = Client::connect(script(ANSWERS)).unwrap();
    client.log_in(&mut common::login("tanstaaf")).unwrap();
    let error = retr(&mut client, 1).unwrap_err();
    if let Error::Session(..) = error {
        assert!(error.to_string().starts_with("RETR: "), "{error}");
    }
}

#[test]
fn a_peer_that_drips_a_record_of_tls_does_not_move_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    thread::spawn(move || {
        let connection = ServerConnection::new(common::server_tls()).unwrap();
        let mut socket = listener.accept().unwrap().0;
        let tls = Tls::shake_hands(connection, socket.try_clone().unwrap(), None).unwrap();
        // A record of 8 KiB, of which an octet comes now and then.
        for octet in [0x17, 3, 3, 0x20, 0].into_iter().chain([1; 1_000]) {
            if socket.write_all(&[octet]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        drop(tls);
    });
    let (config, name) = common::client_tls();
    let stream = Tls::shake_hands(ClientConnection::new(config, name).unwrap(), socket, None).unwrap();
    let config = client::Config::new().reply_deadline(Duration::from_millis(400));
    let mut client = Client::new(stream, Security::Tls, Arc::new(config));
    let start = Instant::now();
    let error = client.stat().unwrap_err();
    assert!(matches!(error, Error::Session(client::Error::TimedOut, _) | Error::Send(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn a_plan_that_is_over_ends_nothing() {
    let server = Server::new(&["a\n"]);
    let mut client = Client::connect(server.address).unwrap();
    let mut login = common::login("tanstaaf");
    client.log_in(&mut login).unwrap();
    client.dele(number(1)).unwrap();
    assert!(matches!(client.log_in(&mut login), Err(Error::PlanOver)));
    assert_eq!(client.stat().unwrap().messages, 0);
    drop(client);
    assert_eq!(server.end().2.len(), 1, "nothing is deleted without quit()");
}
