//! The manual: why each default is what it is, and how the pieces are put together. [`adapters`] has the code that binds sessions to streams.
//!
//! # A server's limits
//! Each limit is set so that an honest client never reaches it and a dishonest one does.
//!
//! | setting | default | why |
//! |---|---|---|
//! | [`command_line_limit`] | 2,048 octets | RFC 2449 §4 asks for 255; tokens that some clients put into PASS have more than 1,000. One window of that size is cheap. |
//! | [`sasl_line_limit`] | 65,536 octets | RFC 5034 §4 asks for 12,288; Kerberos tickets with many groups have tens of thousands. The window grows to it only while such a line comes in. |
//! | [`output_limit`] | 16,384 octets | some 700 lines of a listing, or all responses to a burst, in one write; less than what a TCP socket buffers anyway |
//! | [`login_deadline`] | 120 s | a person types a password into the client, not into the connection. RFC 1939 §3 has only the autologout timer, but half-open logins are what attackers hold in thousands. |
//! | [`autologout`] | 600 s | the least that RFC 1939 §3 allows: a maildrop that stays locked keeps its owner out |
//! | [`failed_logins`] | 3 | a mistyped password, a second one, and then it is guessing. Reconnecting is cheap for a person; what it costs a guesser is for the host to decide, as it knows the addresses. |
//! | [`bad_commands`] | 10, then 20 | before login a person in a terminal may mistype some, and after login a client that probes for extensions needs some. Empty lines don't count. An HTTP request before login isn't a mistake: it comes from a browser that a web page made connect, with commands in the request's body, so its first line closes the connection. |
//! | [`commands_before_login`] | 50 | the longest honest dialogue (CAPA, STLS, CAPA, a few mechanisms, LANG, UTF8, USER, PASS) is about 15 |
//!
//! A limit ends a connection with one `-ERR` and a [`CloseReason`] that tells which. It never removes a message.
//!
//! # A server's switches
//! | setting | default | why |
//! |---|---|---|
//! | [`cleartext_logins`] | no | RFC 8314 §4 calls cleartext obsolete. USER is refused, so that the password isn't sent at all; so are APOP, and mechanisms that send a password or a token. CRAM-MD5, SCRAM and the like aren't, unless [`mechanism_with`](crate::server::Config::mechanism_with) offers them as `cleartext`. |
//! | [`stls`] | no | the host must be able to do TLS; a switch that is on without it would make clients fail |
//! | [`discard_octets_after_stls`] | no | such octets were put there by somebody between client and server, or by a client that doesn't wait; both are better found out |
//! | [`mechanism`] | PLAIN | RFC 5034 §4 demands it, and with TLS it is what clients use. LOGIN does the same in two steps, for old clients only. |
//! | [`sasl_passwords_as_logins`] | yes | a host that can answer USER and PASS can answer PLAIN and LOGIN: one place that checks passwords is safer than two |
//! | [`list_mechanisms_by_auth`] | yes | some old clients ask so instead of by CAPA, and it gives nothing away that CAPA doesn't |
//! | [`utf8`] | not offered | only a store knows which of its messages need it, and a host that offers it must prepare names and passwords |
//! | [`language`] | English only | |
//! | [`pass_directly_after_user`] | no | real clients send CAPA in between |
//! | [`accepted`](crate::server::Config::accepted) | [all that a client can show](crate::wire::DeviationSet::DEFAULT) | each deviation that is accepted is one that real clients show, and none can shift where a line ends |
//! | [`remove_retrieved`], [`expire`], [`login_delay`], [`last`] | off | policies of a site, which the client must be told |
//! | [`implementation`] | not announced | it tells attackers more than it tells users |
//!
//! # A server's store
//! - **Errors** of the store are no answers to a client. Each `answer` of a token takes a `Result` with any error, tells the client that it is
//!   temporary, and gives the error back for a log; a [`Rejection`](crate::server::Rejection) or a
//!   [`Refusal`](crate::server::Refusal) in it is what the client hears instead.
//! - **Octets** are those on the wire, with CRLF line ends and without stuffing. Count them once, when a message is delivered, by
//!   [`WireSize`](crate::wire::WireSize) over the chunks that you store, and keep the number beside the message: a maildrop that has to read all
//!   messages for STAT makes a client wait for minutes. What isn't counted yet is counted when [`Measure`](crate::server::Measure) asks
//!   for it, one message at a time: look between two of them, and between the chunks of a long one, whether the client is still there and the
//!   server isn't stopping, and refuse where nobody waits any more.
//! - **A lock** belongs into the maildrop, whose `Drop` releases it: the session drops it before the response to QUIT leaves, and
//!   however else it ends. `Drop` can't await. A store with an async interface sends a message from `drop` to a task that releases the
//!   lock, or spawns one; and its lock has a lease as well, since a process can be killed.
//! - **Without a lock** two sessions may delete at once, and either may find that a message is gone: refuse it as
//!   [`Gone`](crate::server::Refusal::Gone), and let `remove` count a message that is gone as removed. RFC 1939 §4 asks for the lock all
//!   the same, as message numbers must not move during a session; what is in the maildrop when it is opened stays its index.
//! - **What isn't permitted**, in a maildrop that is read-only or shared, is refused at once by
//!   [`Maildrop::permits`](crate::server::Maildrop::permits), before it fails at QUIT.
//! - **Unique-ids** last: a client fetches all mail again when they change. A number that grows and is never given to a second message is the best
//!   of them; [`UniqueIds`](crate::message::UniqueIds) makes valid ones of any names.
//!
//! # A client's errors
//! | what comes | what it means | what to do |
//! |---|---|---|
//! | [`Error`](crate::client::Error) from `poll`, or the transport's own | nothing that was marked is deleted, unless QUIT was sent; a message that isn't shown to be complete isn't | connect again |
//! | [`Closed::Quit`](crate::client::Closed::Quit) with `Unknown` | the deletions may have happened or not | list by unique-id next time |
//! | [`Retry::AskUser`](crate::client::Retry::AskUser) | wrong name or password | ask, and don't try again with the same: servers lock accounts |
//! | [`Retry::NewToken`](crate::client::Retry::NewToken) | the token has expired | get another, at once |
//! | [`Retry::Soon`](crate::client::Retry::Soon) | another session has the maildrop | after 30 s, then twice as long each time |
//! | [`Retry::Wait`](crate::client::Retry::Wait) | LOGIN-DELAY | after what the capabilities announce, else 10 minutes |
//! | [`Retry::Later`](crate::client::Retry::Later), [`Retry::Unknown`](crate::client::Retry::Unknown) at a login that has worked before | trouble that passes | after a minute, then twice as long each time, an hour at most |
//! | [`Retry::Stop`](crate::client::Retry::Stop) | somebody must repair it | report it, and try once a day |
//! | [`Retry::Utf8Mode`](crate::client::Retry::Utf8Mode) | the message is in UTF-8 | log in again, with UTF8 before that |
//!
//! # More commands than the queue takes
//! [`send`](crate::client::Session::send) refuses what has no room with [`QueueFull`](crate::client::SendError::QueueFull), and nothing is lost by that: keep
//! what is left, and send more whenever an event completes a command. The session does the pipelining. This returns the headers of
//! all messages of a session that has logged in:
//!
//! ```
//! use std::error::Error;
//! use std::net::TcpStream;
//! use std::time::Instant;
//!
//! use adapter::blocking::transfer;
//! use pop3_proto::client::{Action, Command, EventKind, MessageNumber, SendError, Session};
//!
//! fn headers(session: &mut Session, socket: &mut TcpStream, messages: u32) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
//!     let start = Instant::now();
//!     let mut left = (1..=messages).filter_map(MessageNumber::new).peekable();
//!     let mut headers = Vec::new();
//!     let mut answered = 0;
//!     while answered < messages {
//!         while let Some(&message) = left.peek() {
//!             match session.send(&Command::Top { message, lines: 0 }) {
//!                 Ok(_) => drop(left.next()),
//!                 Err(SendError::QueueFull) => break,
//!                 Err(error) => return Err(error.into()),
//!             }
//!         }
//!         let now = start.elapsed();
//!         match session.poll(now)? {
//!             Action::Io(io) => transfer(io, socket, now)?,
//!             Action::Event(event) => {
//!                 match event.kind() {
//!                     EventKind::Begins(_) => headers.push(Vec::new()),
//!                     EventKind::Failed(response) => {
//!                         return Err(response.text().escape_ascii().to_string().into());
//!                     }
//!                     _ => {}
//!                 }
//!                 answered += u32::from(event.completes());
//!                 event.done();
//!             }
//!             Action::Body(body) => {
//!                 headers.last_mut().ok_or("a body before its response")?.extend_from_slice(body.as_bytes());
//!                 body.done();
//!             }
//!             Action::Closed(closed) => return Err(closed.to_string().into()),
//!             other => other.decline(),
//!         }
//!     }
//!     Ok(headers)
//! }
//! #
//! # use std::io::{BufRead, BufReader, Write};
//! # const MESSAGES: u32 = 5_000;
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let mut socket = TcpStream::connect(listener.local_addr()?)?;
//! # let server = BufReader::new(listener.accept()?.0);
//! # let thread = std::thread::spawn(move || {
//! #     let mut to = server.get_ref().try_clone().unwrap();
//! #     to.write_all(b"+OK\r\n").unwrap();
//! #     for line in server.lines().map(Result::unwrap) {
//! #         let answer = match line.split(' ').collect::<Vec<_>>()[..] {
//! #             ["CAPA"] => "+OK\r\nPIPELINING\r\nTOP\r\n.\r\n".into(),
//! #             ["TOP", number, _] => format!("+OK\r\nSubject: {number}\r\n\r\n.\r\n"),
//! #             _ => "+OK\r\n".into(),
//! #         };
//! #         to.write_all(answer.as_bytes()).unwrap();
//! #     }
//! # });
//! # use pop3_proto::client::{Config, Name, Password, Security};
//! # let mut session = Session::new(Config::new().into(), Security::TrustedLocal);
//! # let mut pass = None;
//! # for command in [Command::Capa, Command::User { name: Name::new("mrose")? }, Command::Pass { password: Password::new("tanstaaf")? }] {
//! #     pass = Some(session.send(&command)?);
//! # }
//! # loop {
//! #     match session.poll(std::time::Duration::ZERO)? {
//! #         Action::Io(io) => transfer(io, &mut socket, std::time::Duration::ZERO)?,
//! #         Action::Event(event) => {
//! #             let is_in = event.ticket() == pass && event.completes();
//! #             event.done();
//! #             if is_in {
//! #                 break;
//! #             }
//! #         }
//! #         other => panic!("{other:?}"),
//! #     }
//! # }
//! # let headers = headers(&mut session, &mut socket, MESSAGES)?;
//! # assert_eq!(headers.len(), MESSAGES as usize);
//! # assert_eq!(headers[4_999], b"Subject: 5000\r\n\r\n");
//! # drop(socket);
//! # thread.join().unwrap();
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # TLS
//! There are two ways, and in both of them [`Action::StartTls`](crate::server::Action::StartTls) asks for the handshake. On port 995 TLS
//! comes first: call [`with_implicit_tls`](crate::server::Session::with_implicit_tls), and the action comes before the greeting. RFC 8314
//! §3 prefers it, as nothing is ever sent in the clear. On port 110 the client sends STLS: offer it with [`stls`]. The token comes when
//! the last octet of the `+OK` is written, and no read is asked for in between, so whatever is on the transport belongs
//! to TLS. Afterwards the session is as good as new: only the configuration, the deadline and the server's own timestamp
//! for APOP are kept.
//!
//! Where something else does the handshake, before there is a session, create it with [`Security::Tls`], and limit the time that the
//! handshake takes.
//!
//! A host that reads ahead, into a buffer of its own, has one more duty: what is in that buffer when the token comes
//! was sent in the clear, and the session hasn't seen it. It belongs to the handshake, and must never be given to the
//! session afterwards. A host that reads straight into [`Read::space`](crate::Read::space) has no such duty.
//!
//! The host's duties: TLS 1.2 at least (RFC 8314 §4); the handshake given up at the token's deadline; a closing alert
//! at the end if [`CloseReason::is_orderly`] is true; and the truth in [`Security`]. [`Security::TrustedLocal`] is for
//! what nobody else can listen to, not for a network that is believed to be good.
//!
//! # Transports that buffer
//! A TLS stream, a `BufWriter`, a compressing tunnel: what such a transport was given may not be on its way yet. The client
//! then waits for the response and the host for the next command, until a deadline ends it. So flush at each
//! [`Read`](crate::Read), which comes only when there is nothing left to write; at
//! [`StartTls`](crate::server::Action::StartTls), before the handshake; and at [`Close`](crate::server::Action::Close).
//! [`adapters`] has it. A transport that writes through, such as a TCP socket,
//! needs none of this.
//!
//! # SASL
//! The session does what all mechanisms have in common: names, lines, base64, `=`, the empty challenge, `*`, limits,
//! and what may be used without TLS. A step that only the host can answer is an
//! [`Authenticate`](crate::server::Authenticate) token with the decoded response; the host's own state of the exchange,
//! which [`Session::with_exchange`](crate::server::Session::with_exchange) gives its type, is lent with it. [`auth::sasl`](crate::auth::sasl) has the
//! messages of PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER, EXTERNAL and ANONYMOUS.
//!
//! SCRAM, Kerberos (GSSAPI) and others come from a SASL library that does no I/O of its own: the library's session
//! object is what is remembered of the exchange, its `step` takes the response and gives the challenge, and its verdict is the answer.
//! `examples/support/src/sasl.rs` in the repository does this for SCRAM-SHA-256. For a mechanism that this crate doesn't
//! know, [`mechanism_with`](crate::server::Config::mechanism_with) declares who sends first and whether it is safe
//! without TLS. Two things to keep in mind:
//!
//! - A verdict of success that comes with final data for the client takes two steps here: the data is a challenge, the
//!   client's empty response follows, and then the client is accepted (RFC 5034 §4).
//! - Security layers aren't supported: configure the library to negotiate none, as TLS does that work.
//!
//! OAUTHBEARER and XOAUTH2 fail in two steps as well: a challenge with a
//! [`BearerFailure`](crate::auth::sasl::BearerFailure), and `-ERR` when the client has answered it (RFC 7628 §3.2.3).
//! [`challenge_and_reject`](crate::server::Authenticate::challenge_and_reject) does both in one call.
//!
//! A host that offers more than one such mechanism remembers an enum, and boxes what is large: the session
//! stores it inline. The host learns that the client has cancelled when what it remembers is dropped.
//!
//! # UTF-8 and languages
//! With [`utf8`] a client may ask for messages as they are, before it logs in. A message whose header needs UTF-8 is
//! flagged by [`Maildrop::needs_utf8`](crate::server::Maildrop::needs_utf8) and refused to other clients with
//! `-ERR [UTF8]`. Alternatively the host sends them a stand-in of its own making and flags nothing.
//!
//! [`language`] takes a [`Catalogue`](crate::server::Catalogue), made once at start. All texts are checked there, so no
//! translation can break a response.
//!
//! # Behind a proxy
//! [`proxy_protocol`](crate::proxy_protocol) reads the PROXY header of a load balancer before the session begins; only the host knows
//! which peers to believe. The header gives the addresses and whether TLS was used: from that follows
//! [`Security::TlsProxy`] or [`Security::Cleartext`]. The command XCLIENT, with which some proxies send the same inside
//! the session, is left out: it would need a state before the greeting, a check at every command whether the peer is
//! trusted, and escapes of its own, for something that the header does better.
//!
//! # Being a proxy
//! A host may log in for its client at another server, and let that server go on: the [client's half](crate::client) of
//! this crate sends the name and password again there, [`Login::hand_over`](crate::server::Login::hand_over) ends the
//! session here, and the host splices both connections. `examples/tokio/proxy_tokio.rs` in the repository does this.
//!
//! - The host's [`Session`](crate::server::Session) is one of [`Infallible`](core::convert::Infallible), which is a
//!   [`Maildrop`](crate::server::Maildrop) that is never opened.
//! - A client that has seen PIPELINING may have sent more commands right after its login. The session doesn't look at
//!   them: [`into_unread`](crate::server::Session::into_unread) has them, and the backend gets them first.
//! - What the client was told before login must hold after it. Offer neither [`utf8`] nor a [`language`], as the
//!   backend would know of neither; announce no [`expire`], [`login_delay`] or [`implementation`], which are the
//!   backend's; and where a backend may lack TOP, UIDL, PIPELINING or response codes, don't announce that either
//!   ([`announce_pipelining`](crate::server::Config::announce_pipelining) and its siblings).
//! - A login that can't be sent again can't be offered: no APOP and no CRAM-MD5, since they prove to this server alone
//!   that the client knows a password.
//! - The backend's refusal becomes a [`Rejection`](crate::server::Rejection) of the same kind: `[IN-USE]` isn't a wrong
//!   password. [`Retry`](crate::client::Retry) tells which it is; no code means the credentials, unless the
//!   backend announces AUTH-RESP-CODE. A backend that doesn't answer is
//!   [`Rejection::Temporary`](crate::server::Rejection::Temporary).
//! - From [`CloseReason::HandedOver`] on the host keeps no deadline for the client: the backend's autologout is the one
//!   that counts, so its end must end the client's connection too.
//!
//! # A client's settings
//! | setting | default | why |
//! |---|---|---|
//! | [`window`] | 65,536 octets | a message comes in parts of this size at most, so a store is called some 16 times for a mebibyte; it is there only while something comes in |
//! | [`line_limit`](crate::client::Config::line_limit) | 8,192 octets | RFC 2449 §4 has 512; some servers write long texts and long lists of mechanisms |
//! | [`sasl_line_limit`](crate::client::Config::sasl_line_limit) | 65,536 octets | tokens and tickets make long lines; RFC 5034 §4 asks for 12,288 |
//! | [`listing_entries`](crate::client::Config::listing_entries) | 16,777,216 | far more than anybody keeps in a maildrop; a list that never ends would keep a client busy for ever |
//! | [`queue`] | 8,192 octets | some 500 commands, so that a list of messages to delete can be sent in one go |
//! | [`pipelined`] | 64 commands, 1,024 octets | enough to hide any network's delay, and less than the smallest buffer of a socket, so that a client that doesn't read while it writes can't block itself |
//! | [`pipelining`] | yes | only where the server announces it, which no server does by mistake; the switch is for a server that can't do it all the same |
//! | [`reply_deadline`] | 120 s | a server may have to open a maildrop of a million messages before it answers PASS. It is counted anew with each octet, and a caller that was busy past it may look for octets once more. |
//! | [`cleartext_secrets`] | no | RFC 8314 §4. For connections that don't leave the machine, use [`Security::TrustedLocal`]. |
//! | [`require_tls`](crate::client::Config::require_tls) | no | the session can't know whether a server must have TLS; whoever knows it says so, and then nothing that logs in leaves without it, whatever is offered |
//! | [`initial_response`] | automatic | saves a round trip; [never](crate::client::InitialResponsePolicy::Never) and [always](crate::client::InitialResponsePolicy::Always) are for servers that know only one way |
//! | [`accepted`](crate::client::Config::accepted) | see [`client::Config`](crate::client::Config) | what real servers do is accepted, if it can't be taken for anything else |
//!
//! # How a client logs in
//! A [`Login`](crate::client::Login) carries the caller's policy out. What it does by default, and what may be decided otherwise:
//!
//! | policy | default | why |
//! |---|---|---|
//! | [`methods`](crate::client::Login::methods) | [`Method::PASSWORD`](crate::client::Method::PASSWORD) or [`TOKEN`](crate::client::Method::TOKEN) | all that needs no library, but for APOP: whoever controls the timestamp learns about the password |
//! | [`library`](crate::client::Login::library) | none | SCRAM is better than all others: take it where there is a library for it, as in `examples/support/src/client/scram.rs` |
//! | [`stls`](crate::client::Login::stls), [`stls_if_offered`](crate::client::Login::stls_if_offered) | neither | the caller must be able to do a handshake; without TLS no password goes to where others listen |
//! | CAPA before the login | yes, [unless](crate::client::Login::without_capa) it isn't wanted | the methods are in it |
//! | CAPA after the login | where it was answered before | RFC 2449 §5: values may differ; some servers list less, or UIDL only then |
//! | the next method | after a refusal that isn't about the password | a user who is asked for a password that is right looks for a new one |
//! | methods that prove or send the password | 2 at the most | servers lock accounts after a few failures; and a false server that turns digests down is to get no password where others listen |
//!
//! # Where RFC 2449's grammar isn't followed
//! Its printed grammar allows less than its text, and the text counts: the texts of responses may hold spaces, a space
//! stands between a response code and the text, a timestamp holds no `>`, and no printed range runs up to DEL (0x7F).
//!
//! # Logs
//! - [`with_trace`](crate::server::Session::with_trace) of both sessions hands out each command and each response, whole, with its verb, and
//!   nothing that is or may be a secret: `Display` of a [`Trace`](crate::Trace) is a line for a log.
//! - [`totals`](crate::server::Session::totals) of both count what was done: messages, octets, failed logins. They hold until the session is dropped,
//!   so the line at the end of a connection is made of them and of the [`CloseReason`]. How long it took is for the host to
//!   measure.
//! - [`deviations`](crate::server::Session::deviations) count what was overlooked.
//! - [`CloseReason`], [`Reply`](crate::server::Reply), [`Rejection`](crate::server::Rejection),
//!   [`Refusal`](crate::server::Refusal), [`Response`](crate::wire::Response) and the errors implement `Display`. No `Debug` of this
//!   crate shows a secret.
//!
//! [`window`]: crate::client::Config::window
//! [`queue`]: crate::client::Config::queue
//! [`pipelined`]: crate::client::Config::pipelined
//! [`pipelining`]: crate::client::Config::pipelining
//! [`reply_deadline`]: crate::client::Config::reply_deadline
//! [`cleartext_secrets`]: crate::client::Config::cleartext_secrets
//! [`initial_response`]: crate::client::Config::initial_response
//! [`command_line_limit`]: crate::server::Config::command_line_limit
//! [`sasl_line_limit`]: crate::server::Config::sasl_line_limit
//! [`output_limit`]: crate::server::Config::output_limit
//! [`login_deadline`]: crate::server::Config::login_deadline
//! [`autologout`]: crate::server::Config::autologout
//! [`failed_logins`]: crate::server::Config::failed_logins
//! [`bad_commands`]: crate::server::Config::bad_commands
//! [`commands_before_login`]: crate::server::Config::commands_before_login
//! [`cleartext_logins`]: crate::server::Config::cleartext_logins
//! [`stls`]: crate::server::Config::stls
//! [`discard_octets_after_stls`]: crate::server::Config::discard_octets_after_stls
//! [`mechanism`]: crate::server::Config::mechanism
//! [`sasl_passwords_as_logins`]: crate::server::Config::sasl_passwords_as_logins
//! [`list_mechanisms_by_auth`]: crate::server::Config::list_mechanisms_by_auth
//! [`utf8`]: crate::server::Config::utf8
//! [`language`]: crate::server::Config::language
//! [`pass_directly_after_user`]: crate::server::Config::pass_directly_after_user
//! [`remove_retrieved`]: crate::server::Config::remove_retrieved
//! [`expire`]: crate::server::Config::expire
//! [`login_delay`]: crate::server::Config::login_delay
//! [`last`]: crate::server::Config::last
//! [`implementation`]: crate::server::Config::implementation
//! [`CloseReason`]: crate::server::CloseReason
//! [`CloseReason::HandedOver`]: crate::server::CloseReason::HandedOver
//! [`CloseReason::is_orderly`]: crate::server::CloseReason::is_orderly
//! [`Security`]: crate::Security
//! [`Security::Tls`]: crate::Security::Tls
//! [`Security::TlsProxy`]: crate::Security::TlsProxy
//! [`Security::Cleartext`]: crate::Security::Cleartext
//! [`Security::TrustedLocal`]: crate::Security::TrustedLocal

pub mod adapters;
