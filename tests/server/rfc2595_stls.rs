//! RFC 2595 §4: STLS, and that nothing gets in before TLS. RFC 8314: what is said without TLS, and what isn't.

use std::time::Duration;

use bytes::Buf;
use pop3_proto::server::{Action, ClientIdentity, CloseReason, Config, Residue, Session, Utf8};
use pop3_proto::wire::{Mechanism, State, Timestamp};
use pop3_proto::{Io, Security};

use crate::common::{Call, GREETING, LOGGED_IN, LOGIN, Server, Store, TIMESTAMP};

const BEGIN: &str = "+OK begin TLS now\r\n";
const UNAVAILABLE: &str = "-ERR command not available\r\n";
const RESIDUE: &str = "-ERR nothing may follow STLS before TLS\r\n";
/// What a client might send after STLS: whole lines, half a line, both, and what is no line at all.
const TAILS: [&str; 7] =
    ["USER mrose\r\n", "USER mro", "USER mrose\r\nPASS tanstaaf\r\nQUI", "QUIT\r\n", "\n", "\r", "\0"];

fn stls() -> Config {
    Config::new().stls(true)
}

/// A server that has greeted.
fn server(config: Config, security: Security) -> Server {
    let mut server = Server::with(&Store::example(), config, security);
    assert_eq!(server.send(""), GREETING);
    server
}

fn capabilities(server: &mut Server) -> Vec<String> {
    server.send("CAPA\r\n").lines().map(str::to_owned).collect()
}

fn offers(server: &mut Server, capability: &str) -> bool {
    capabilities(server).iter().any(|line| line == capability)
}

/// The residues that the host was told of: one for each TLS that it began.
fn handshakes(server: &Server) -> Vec<Residue> {
    let residue = |call| if let Call::StartTls(residue) = call { Some(residue) } else { None };
    server.store.calls().into_iter().filter_map(residue).collect()
}

fn residue(octets: &str) -> Residue {
    let end = octets.rfind('\n').map_or(0, |end| end + 1);
    Residue {
        lines: u32::try_from(octets.matches('\n').count()).unwrap(),
        octets: u32::try_from(octets.len() - end).unwrap(),
    }
}

/// Polls until TLS is to begin, with each write taken octet by octet: what was written.
fn written_until_tls(server: &mut Server) -> Vec<u8> {
    let mut written = Vec::new();
    loop {
        match server.session.poll(server.now) {
            Action::Io(Io::Write(mut write)) => written.push(write.get_u8()),
            Action::StartTls(_) => return written,
            other => panic!("{other:?} after {}", written.escape_ascii()),
        }
    }
}

/// Has the session read `octets`, and nothing else.
fn feed(server: &mut Server, octets: &str) {
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..octets.len()].copy_from_slice(octets.as_bytes());
    read.filled(octets.len());
}

#[test]
fn stls_is_offered_where_it_is_configured_and_there_is_no_tls_yet() {
    // R-2595-01, R-2595-06, R-8314-01, R-8314-03
    for security in [Security::Cleartext, Security::TrustedLocal, Security::Tls, Security::TlsProxy] {
        for configured in [false, true] {
            let offered = configured && matches!(security, Security::Cleartext | Security::TrustedLocal);
            let mut server = server(Config::new().stls(configured), security);
            assert_eq!(offers(&mut server, "STLS"), offered, "{security:?}");
            assert_eq!(server.send("stls\r\n"), if offered { BEGIN } else { UNAVAILABLE }, "{security:?}");
            assert_eq!(handshakes(&server).len(), usize::from(offered), "{security:?}");
        }
    }
}

#[test]
fn stls_takes_no_argument() {
    // R-2595-01, R-1939-02
    let mut server = server(stls(), Security::Cleartext);
    assert_eq!(server.send("STLS now\r\n"), "-ERR too many arguments\r\n");
    assert_eq!(handshakes(&server), []);
    assert_eq!(server.send("STLS \r\n"), BEGIN, "the space and the line end are no residue");
    assert_eq!(handshakes(&server), [Residue::default()]);
}

#[test]
fn stls_has_no_place_after_utf8_after_login_or_after_tls() {
    // R-2595-01, R-6856-02
    for (before, refusal) in
        [("UTF8\r\n", UNAVAILABLE), (LOGIN, "-ERR command not valid in this state\r\n"), ("STLS\r\n", UNAVAILABLE)]
    {
        let mut server = server(stls().utf8(Utf8::Messages), Security::TrustedLocal);
        assert!(offers(&mut server, "STLS"));
        server.send(before);
        let begun = handshakes(&server).len();
        assert!(!offers(&mut server, "STLS"), "{before:?}");
        assert_eq!(server.send("STLS\r\n"), refusal, "{before:?}");
        let after = server.send("STLS\r\nCAPA\r\n");
        assert!(
            after.starts_with(&format!("{refusal}+OK capability list")),
            "it is a bad command like others: {after}"
        );
        assert_eq!(handshakes(&server).len(), begun, "{before:?}");
    }
}

#[test]
fn tls_begins_when_every_reply_is_written_to_its_last_octet_and_nothing_is_read_meanwhile() {
    // R-2595-01
    let mut server = server(stls(), Security::TrustedLocal);
    let capabilities = server.send("CAPA\r\n");
    feed(&mut server, "CAPA\r\nUSER mrose\r\nSTLS\r\n");
    let written = written_until_tls(&mut server);
    assert_eq!(String::from_utf8(written).unwrap(), format!("{capabilities}+OK send PASS\r\n{BEGIN}"));
}

#[test]
fn whatever_comes_after_stls_closes_the_connection_and_is_not_executed() {
    // R-2595-02
    for tail in TAILS {
        let packet = format!("STLS\r\n{tail}");
        for split in 0..=packet.len() {
            let mut server = server(stls(), Security::TrustedLocal);
            // What comes later belongs to TLS, which makes no sense of it.
            server.store.tls.set(None);
            let (first, second) = packet.split_at(split);
            let output = server.send(first) + &server.send(second);
            let after = if split < 6 { tail } else { &first[6..] };
            if after.is_empty() {
                assert_eq!((output.as_str(), server.closed), (BEGIN, Some(CloseReason::TlsFailed)));
                assert_eq!(server.store.calls(), [Call::StartTls(Residue::default())]);
            } else {
                let closed = Some(CloseReason::ResidueAfterStls(residue(after)));
                assert_eq!((output.as_str(), server.closed), (RESIDUE, closed), "{packet:?} {split}");
                assert_eq!(server.store.calls(), [], "{packet:?} {split}");
            }
        }
    }
}

#[test]
fn what_comes_after_stls_may_be_dropped_and_counted_instead() {
    // R-2595-02, R-2595-03
    for tail in TAILS {
        for at in 0..=tail.len() {
            let mut server = server(stls().discard_octets_after_stls(true), Security::TrustedLocal);
            assert_eq!(server.send(format!("STLS\r\n{}", &tail[..at])), BEGIN);
            assert_eq!(server.store.calls(), [Call::StartTls(residue(&tail[..at]))]);
            assert_eq!(residue(&tail[..at]).is_empty(), at == 0);
            // Neither the whole lines nor the half one go on.
            assert_eq!(server.send("se\r\nPASS tanstaaf\r\n"), "-ERR unknown command\r\n-ERR send USER first\r\n");
            assert_eq!(server.send(LOGIN), LOGGED_IN);
            assert_eq!(server.store.calls().len(), 2, "{tail:?} {at}");
        }
    }
}

#[test]
fn a_handshake_that_fails_ends_the_session() {
    // R-2595-05, R-8314-04
    let mut server = server(stls(), Security::Cleartext);
    server.store.tls.set(None);
    assert_eq!(server.send("STLS\r\n"), BEGIN);
    assert_eq!((server.closed, server.session.state()), (Some(CloseReason::TlsFailed), None));
    assert!(!CloseReason::TlsFailed.is_orderly());
    assert_eq!(server.send(LOGIN), "");
    assert_eq!(server.store.calls(), [Call::StartTls(Residue::default())]);
}

#[test]
fn an_end_that_the_client_can_see_is_orderly() {
    // R-8314-04
    for orderly in [
        CloseReason::Quit,
        CloseReason::Refused,
        CloseReason::Autologout,
        CloseReason::LoginDeadline,
        CloseReason::TooManyFailedLogins,
        CloseReason::ResidueAfterStls(Residue::default()),
    ] {
        assert!(orderly.is_orderly(), "{orderly}");
    }
    for cut in [CloseReason::EndOfStream, CloseReason::TlsFailed, CloseReason::MessageFailed] {
        assert!(!cut.is_orderly(), "{cut}");
    }
}

#[test]
fn a_token_that_is_dropped_comes_again_with_the_same_residue() {
    // R-GEN-01
    let mut server = server(stls().discard_octets_after_stls(true), Security::Cleartext);
    feed(&mut server, "STLS\r\nQUIT\r\nNO");
    assert_eq!(written_until_tls(&mut server), BEGIN.as_bytes());
    for _ in 0..3 {
        let Action::StartTls(start) = server.session.poll(server.now) else { panic!() };
        assert_eq!(start.residue(), Residue { lines: 1, octets: 2 });
    }
    assert_eq!(server.send(LOGIN), LOGGED_IN);
}

#[test]
fn the_time_to_log_in_runs_on_through_the_handshake() {
    // R-2595-03, C5
    let seconds = Duration::from_secs;
    let begun = || {
        let mut server = server(stls().login_deadline(seconds(30)), Security::Cleartext);
        server.now = seconds(10);
        feed(&mut server, "STLS\r\n");
        assert_eq!(written_until_tls(&mut server), BEGIN.as_bytes());
        server
    };
    // An endless one.
    let mut server = begun();
    for now in [10, 20, 29] {
        let Action::StartTls(start) = server.session.poll(seconds(now)) else { panic!("{now}") };
        assert_eq!(start.deadline(), Some(seconds(30)), "{now}");
    }
    server.now = seconds(30);
    assert_eq!(server.send(""), "");
    assert_eq!((server.closed, server.store.calls()), (Some(CloseReason::LoginDeadline), vec![]));
    // One that ends in time, or too late.
    for (end, closed) in [(29, None), (30, Some(CloseReason::LoginDeadline))] {
        let mut server = begun();
        let Action::StartTls(start) = server.session.poll(seconds(10)) else { panic!() };
        start.established(ClientIdentity::Unknown);
        server.now = seconds(end);
        assert_eq!(server.send(""), "");
        assert_eq!(server.closed, closed);
        if closed.is_none() {
            assert_eq!(server.deadline(), seconds(30));
        }
    }
}

#[test]
fn there_is_no_second_greeting() {
    // R-2595-03
    let mut server = server(stls(), Security::Cleartext);
    assert_eq!(server.send("STLS\r\n"), BEGIN);
    assert!(matches!(server.session.poll(server.now), Action::Io(Io::Read(_))));
    assert_eq!(server.send("QUIT\r\n"), "+OK bye\r\n");
}

#[test]
fn a_certificate_offers_external_and_logs_nobody_in() {
    // R-2595-04, R-8314-01
    let config = || stls().mechanism(Mechanism::EXTERNAL).unwrap();
    for (identity, offer) in
        [(ClientIdentity::Unknown, "SASL PLAIN"), (ClientIdentity::Verified, "SASL PLAIN EXTERNAL")]
    {
        let mut after_stls = server(config(), Security::Cleartext);
        assert!(!capabilities(&mut after_stls).concat().contains("SASL"));
        after_stls.store.tls.set(Some(identity));
        assert_eq!(after_stls.send("STLS\r\n"), BEGIN);
        let session = Session::with_exchange(config().into(), Security::Tls).with_client_identity(identity);
        let mut from_the_start = Server::of(&Store::example(), session);
        assert_eq!(from_the_start.send(""), GREETING);
        for mut server in [after_stls, from_the_start] {
            assert_eq!(server.session.state(), Some(State::Authorization));
            assert_eq!(server.send("STAT\r\n"), "-ERR command not valid in this state\r\n");
            assert!(offers(&mut server, offer), "{identity:?}");
            let answer = server.send("AUTH EXTERNAL =\r\n");
            let accepted = answer == "+OK maildrop locked and ready\r\n";
            assert_eq!(accepted, identity == ClientIdentity::Verified, "{answer}");
        }
    }
}

/// A server where TLS comes first, whatever the connection is before it.
fn tls_first(config: Config, security: Security) -> Server {
    let session = Session::with_exchange(config.into(), security).with_implicit_tls(true);
    Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()))
}

#[test]
fn where_tls_comes_first_the_client_is_greeted_after_it_as_by_any_session_with_tls() {
    // R-8314-01, R-1939-01
    let script = format!("CAPA\r\nSTLS\r\n{LOGIN}QUIT\r\n");
    let session = Session::with_exchange(stls().into(), Security::Tls);
    let with_tls = session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap());
    let expected = Server::of(&Store::example(), with_tls).send(&script);
    assert!(expected.starts_with(&format!("+OK POP3 server ready {TIMESTAMP}\r\n+OK capability")), "{expected}");
    for security in [Security::Cleartext, Security::TrustedLocal, Security::Tls] {
        for drops in [vec![false], vec![true, false]] {
            let mut server = tls_first(stls(), security);
            server.drops = drops.into();
            assert_eq!(server.send(&script), expected, "{security:?}");
            assert_eq!(handshakes(&server), [Residue::default()]);
            assert_eq!(server.closed, Some(CloseReason::Quit));
        }
    }
}

#[test]
fn where_tls_comes_first_nothing_is_written_or_read_without_it() {
    // R-8314-01
    let mut server = tls_first(Config::new(), Security::TrustedLocal);
    server.store.tls.set(None);
    assert_eq!(server.send(LOGIN), "");
    assert_eq!(server.closed, Some(CloseReason::TlsFailed));
    assert_eq!((server.session.totals().octets_read, server.session.totals().octets_written), (0, 0));
}

#[test]
fn a_handshake_that_comes_first_counts_into_the_time_until_login() {
    // R-8314-01
    let mut server = tls_first(Config::new().login_deadline(Duration::from_secs(9)), Security::Cleartext);
    let Action::StartTls(start) = server.session.poll(Duration::from_secs(5)) else { panic!() };
    assert_eq!(start.deadline(), Some(Duration::from_secs(14)));
    let Action::StartTls(start) = server.session.poll(Duration::from_secs(13)) else { panic!() };
    start.established(ClientIdentity::Unknown);
    let Action::Io(io) = server.session.poll(Duration::from_secs(13)) else { panic!() };
    assert_eq!(io.deadline(), Some(Duration::from_secs(14)), "the greeting and the login have what is left");
    let mut late = tls_first(Config::new().login_deadline(Duration::from_secs(9)), Security::Cleartext);
    assert!(matches!(late.session.poll(Duration::ZERO), Action::StartTls(_)));
    assert!(matches!(late.session.poll(Duration::from_secs(9)), Action::Close(CloseReason::LoginDeadline)));
}

#[test]
fn whether_tls_comes_first_is_settled_by_the_first_poll() {
    let mut server = server(Config::new(), Security::TrustedLocal);
    server.session = server.session.with_implicit_tls(true);
    assert_eq!(server.send("QUIT\r\n"), "+OK bye\r\n");
    let session = Session::with_exchange(Config::new().into(), Security::TrustedLocal).with_implicit_tls(true);
    assert_eq!(Server::of(&Store::example(), session.with_implicit_tls(false)).send(""), GREETING);
}

#[test]
fn no_password_is_asked_for_or_taken_without_a_secure_connection() {
    // R-8314-02, R-8314-03, R-2449-02
    const REFUSED: &str = "-ERR [AUTH] logging in needs a secure connection\r\n";
    let plain = "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n";
    for (security, allowed, secure) in [
        (Security::Cleartext, false, false),
        (Security::Cleartext, true, true),
        (Security::TrustedLocal, false, true),
        (Security::Tls, false, true),
        (Security::TlsProxy, false, true),
    ] {
        let new = || server(stls().cleartext_logins(allowed), security);
        let listed = [offers(&mut new(), "USER"), offers(&mut new(), "SASL PLAIN")];
        assert_eq!(listed, [secure; 2], "{security:?}");
        if secure {
            assert_eq!(new().send(LOGIN), LOGGED_IN);
            assert_eq!(new().send(plain), "+OK maildrop locked and ready\r\n");
        } else {
            let mut server = new();
            assert_eq!(server.send(LOGIN), REFUSED.repeat(2), "at USER, before a password is sent");
            assert_eq!(server.send(format!("AUTH PLAIN\r\n{plain}")), REFUSED.repeat(2));
            assert_eq!(server.store.calls(), []);
            assert_eq!(server.send("STLS\r\n"), BEGIN);
            assert_eq!([offers(&mut server, "USER"), offers(&mut server, "SASL PLAIN")], [true; 2]);
            assert_eq!(server.send(LOGIN), LOGGED_IN);
        }
    }
}
