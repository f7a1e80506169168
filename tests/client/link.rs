//! The client and the server of this crate, joined by pipes.

use std::rc::Rc;
use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::client::{Closed, Config, Error, Feature, Method, Support};
use pop3_proto::message::Removal;
use pop3_proto::server::{self, ClientIdentity, CloseReason, Refusal};
use pop3_proto::wire::{Mechanism, State, Timestamp};
use proptest::prelude::*;

use crate::common::{
    Call, Client, Link, Script, Server, Store, TIMESTAMP, link, mrose, normalise, patient, tricky_messages, user,
};

const LOGIN: &str = "CAPA\r\nUSER mrose\r\nPASS tanstaaf";

/// A client that has fetched all that a store holds, and quit; both sides agree on the end.
fn fetched(store: &Rc<Store>, config: Config, capacity: usize, largest: usize, seed: u64) -> Link {
    let client = Client::new(config.queue(u32::MAX).unwrap(), Security::TrustedLocal);
    let mut link = Link::new(client, Server::patient(store), capacity, largest, seed);
    link.client.say(LOGIN);
    for message in 1..=store.messages.len() {
        link.client.say(&format!("RETR {message}"));
    }
    link.client.say("QUIT");
    link.run();
    assert_eq!(link.client.closed, Some(Ok(Closed::Quit(Removal::All))));
    assert_eq!(link.server.closed, Some(CloseReason::Quit));
    link
}

fn expected(store: &Store) -> Vec<Vec<u8>> {
    store.messages.iter().map(|message| normalise(&message.octets)).collect()
}

#[test]
fn tricky_messages_arrive_exactly_through_pipes_of_any_size() {
    // R-1939-07, R-1939-23, R-2449-16.
    let store = Store::new(tricky_messages());
    for (seed, capacity) in (0..).zip([1, 2, 3, 5, 17, 255, 512, 4_096, 1 << 20]) {
        for pipelining in [false, true] {
            store.chunk.set(capacity % 4 * 5);
            let link = fetched(&store, Config::new().pipelining(pipelining), capacity, capacity, seed);
            assert!(link.client.bodies == expected(&store), "{capacity} {pipelining}");
        }
    }
}

#[test]
fn lines_of_all_lengths_arrive_exactly_after_lines_of_dots() {
    // R-1939-07: a client moves short parts together, and long ones stay where they are
    let dots_before = |length: usize| format!(".\r\n..\r\n{}{}\r\n.", ".".repeat(length % 3), "x".repeat(length));
    let lengths = [0..4, 60..68, 120..140, 250..262, 1_000..1_003];
    let messages: Vec<_> = lengths.into_iter().map(|lengths| lengths.map(dots_before).collect::<String>()).collect();
    let store = Store::new(&messages);
    for (seed, capacity) in (0..).zip([1, 127, 128, 129, 300, 1 << 20]) {
        let link = fetched(&store, Config::new(), capacity, capacity, seed);
        assert!(link.client.bodies == expected(&store), "{capacity}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_message_arrives_exactly_in_any_chunking(
        messages in prop::collection::vec("[a.\r\n\0]{0,60}|(\\.|\r\n|\n|x){0,40}", 0..6),
        capacity in 1_usize..80,
        largest in 1_usize..80,
        window in 512_u32..600,
        chunk in 0_usize..9,
        pipelined in (1_u32..9, 0_u32..90),
        seed in any::<u32>(),
    ) {
        let store = Store::new(&messages);
        store.chunk.set(chunk);
        let config = Config::new().window(window).unwrap().pipelined(pipelined.0, pipelined.1).unwrap();
        let link = fetched(&store, config, capacity, largest, seed.into());
        prop_assert_eq!(&link.client.bodies, &expected(&store));
    }
}

#[test]
fn what_the_client_hears_is_the_same_in_any_chunking() {
    // R-GEN-01
    let store = Store::new(["H: 1\n\n.\nbody\n", "", "..\n"]);
    let heard = |capacity, seed| {
        let mut link = link(&store, capacity, seed);
        link.client.say("CAPA\r\nUSER mrose\r\nPASS tanstaaf\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\nUIDL 3\r\nTOP 1 1");
        link.client.say("RETR 9\r\nRETR 1\r\nDELE 1\r\nLIST\r\nRSET\r\nLAST\r\nAUTH\r\nLANG\r\nCAPA\r\nQUIT");
        link.run();
        (link.client.heard, link.client.bodies, link.client.closed)
    };
    let whole = heard(1 << 16, 0);
    assert_eq!(whole.0.iter().filter(|line| line.ends_with("ends")).count(), 7, "{:#?}", whole.0);
    for (seed, capacity) in (1..40).zip((1..14).cycle()) {
        assert_eq!(heard(capacity, seed), whole);
    }
}

/// A server that offers everything, and takes no password before TLS.
fn secured(store: &Rc<Store>) -> Server {
    let mechanisms = [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER];
    let config = server::Config::new().stls(true);
    let config = mechanisms.into_iter().fold(config, |config, mechanism| config.mechanism(mechanism).unwrap());
    Server::with(store, config, Security::Cleartext)
}

/// A client that has TLS by STLS with such a server, and has asked for CAPA.
fn after_stls(store: &Rc<Store>, capacity: usize, seed: u64) -> Link {
    let client = Client::new(Config::new(), Security::Cleartext);
    let mut link = Link::new(client, secured(store), capacity, capacity, seed);
    link.client.say("CAPA\r\nSTLS\r\nCAPA");
    link.run();
    assert_eq!(link.client.session.security(), Security::Tls);
    assert!(store.calls().iter().any(|call| matches!(call, Call::StartTls(_))));
    link.client.heard.clear();
    link
}

const METHODS: [Method; 6] =
    [Method::User, Method::Plain, Method::Login, Method::CramMd5, Method::XOAuth2, Method::OAuthBearer];

#[test]
fn every_method_logs_in_after_stls() {
    // R-2595-01, R-2595-03, R-5034-01
    for method in METHODS {
        for capacity in [1, 7, 4_096] {
            let store = Store::new(["body\n"]);
            let mut link = after_stls(&store, capacity, capacity as u64);
            // It is offered, so it is taken without being the only one.
            link.client.log_in(user(method, "tanstaaf").methods(&[method]));
            link.client.say("RETR 1\r\nQUIT");
            link.run();
            assert_eq!(link.client.bodies, [b"body\r\n"], "{method:?} {:?}", link.client.heard);
            assert_eq!(link.client.closed, Some(Ok(Closed::Quit(Removal::All))));
        }
    }
}

#[test]
fn a_wrong_secret_fails_by_every_method_and_the_session_goes_on() {
    // R-5034-10, R-3206-02, R-7628-01
    for method in METHODS {
        let store = Store::new(["body\n"]);
        let mut link = after_stls(&store, 3, 1);
        link.client.log_in(mrose(method, "tanstaaf?"));
        link.client.say("RETR 1");
        link.run();
        let heard = link.client.heard.join("\n");
        assert!(heard.contains("-ERR (AUTH) ") && heard.ends_with("RETR not sent"), "{method:?}: {heard}");
        let is_token = matches!(method, Method::XOAuth2 | Method::OAuthBearer);
        assert_eq!(heard.contains(r#"AUTH failure {\"status\":\"invalid_token\"}"#), is_token, "{heard}");
        assert_eq!(link.client.session.state(), Some(State::Authorization));
        link.client.log_in(mrose(method, "tanstaaf"));
        link.client.say("RETR 1\r\nQUIT");
        link.run();
        assert_eq!(link.client.bodies, [b"body\r\n"], "{method:?}");
    }
}

#[test]
fn the_answer_to_a_bearer_failure_is_what_its_mechanism_has() {
    // R-7628-01: 0x01 for the standard, nothing for the vendor's.
    for (method, mechanism, answer) in
        [(Method::OAuthBearer, Mechanism::OAUTHBEARER, b"\x01".as_slice()), (Method::XOAuth2, Mechanism::XOAUTH2, b"")]
    {
        let store = Store::empty();
        let mut link = after_stls(&store, 64, 1);
        link.client.log_in(mrose(method, "wrong"));
        link.run();
        let mut steps = store.calls().into_iter().filter_map(|call| match call {
            Call::Step(stepped, response) => Some((stepped, response)),
            _ => None,
        });
        assert_eq!(steps.next_back(), Some((mechanism, Some(answer.to_vec()))));
    }
}

#[test]
fn apop_logs_in_by_the_timestamp_of_the_greeting() {
    // R-1939-31, R-1939-32
    let store = Store::new(["body\n"]);
    let session = server::Session::with_exchange(Arc::new(patient(server::Config::new())), Security::TrustedLocal);
    let server = Server::of(&store, session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    let mut link = Link::new(Client::new(Config::new(), Security::Cleartext), server, 5, 5, 1);
    link.run();
    link.client.log_in(mrose(Method::Apop, "tanstaaf"));
    link.client.say("RETR 1\r\nQUIT");
    link.run();
    assert_eq!(link.client.bodies, [b"body\r\n"]);
    assert!(store.calls().contains(&Call::Apop(b"mrose".to_vec())));
}

#[test]
fn a_refused_handshake_ends_both_sides() {
    // R-2595-05
    for client_fails in [false, true] {
        let store = Store::empty();
        store.tls.set((!client_fails).then_some(ClientIdentity::Unknown));
        let mut link = Link::new(Client::new(Config::new(), Security::Cleartext), secured(&store), 9, 9, 1);
        link.client.tls = false;
        link.client.say("STLS\r\nCAPA");
        link.run();
        assert_eq!(link.client.closed, Some(Err(Error::TlsFailed)));
        assert!(link.server.closed.is_some());
    }
}

#[test]
fn quit_removes_exactly_what_was_deleted() {
    // R-1939-24, R-1939-25, R-1939-29
    let run = |commands: &str| {
        let store = Store::new(["1", "2", "3", "4"]);
        let mut link = link(&store, 2, 4);
        link.client.say(LOGIN);
        link.client.say(commands);
        link.run();
        link.client.closed = link.client.closed.or_else(|| {
            link.server.run(&[], true);
            None
        });
        (store.removed(), link.client.closed)
    };
    let all = Some(Ok(Closed::Quit(Removal::All)));
    assert_eq!(run("DELE 2\r\nDELE 4\r\nQUIT"), (vec![2, 4], all));
    assert_eq!(run("DELE 2\r\nDELE 2\r\nDELE 9\r\nQUIT"), (vec![2], all));
    assert_eq!(run("DELE 2\r\nRSET\r\nDELE 3\r\nQUIT"), (vec![3], all));
    assert_eq!(run("DELE 1\r\nDELE 2\r\nDELE 3\r\nDELE 4\r\nQUIT"), (vec![1, 2, 3, 4], all));
    assert_eq!(run("RETR 1\r\nQUIT"), (vec![], all));
    assert_eq!(run("DELE 1\r\nNOOP"), (vec![], None));
}

#[test]
fn a_failed_update_is_told_from_a_done_one() {
    // R-1939-30
    for commit in [Removal::NotAll, Removal::Unknown] {
        let store = Store::new(["1", "2"]);
        store.commit.set(commit);
        let mut link = link(&store, 3, 1);
        link.client.say(LOGIN);
        link.client.say("DELE 1\r\nQUIT");
        link.run();
        assert_eq!(link.client.closed, Some(Ok(Closed::Quit(Removal::NotAll))));
        assert!(link.client.heard.last().unwrap().starts_with("QUIT -ERR (SYS/TEMP) "));
    }
}

#[test]
fn a_message_that_fails_on_its_way_is_truncated_and_one_that_vanished_is_not() {
    // R-1939-28, R-GEN-09, R-GEN-10
    let store = Store::new(["1\n2\n3\n", "4\n"]);
    let mut link = link(&store, 3, 1);
    link.client.say(LOGIN);
    link.run();
    store.refusal.set(Some(Refusal::Gone));
    link.client.say("RETR 1");
    link.run();
    assert!(link.client.heard.last().unwrap().starts_with("RETR -ERR"));
    store.refusal.set(None);
    store.chunk.set(2);
    store.fail_after.set(Some(2));
    link.client.say("RETR 1\r\nRETR 2");
    link.run();
    assert_eq!(link.client.closed, Some(Err(Error::Truncated)));
    let message = b"1\r\n2\r\n3\r\n";
    assert!(message.starts_with(&link.client.partial) && link.client.partial.len() < message.len());
    assert!(link.client.bodies.is_empty());
}

#[test]
fn a_silent_autologout_is_an_end_while_idle() {
    // R-1939-12
    let store = Store::new(["1"]);
    let mut link = link(&store, 3, 1);
    link.client.say(LOGIN);
    link.client.say("DELE 1");
    link.run();
    assert_eq!(link.server.wait(601), "");
    link.client.now = link.server.now;
    link.run();
    assert_eq!(link.server.closed, Some(CloseReason::Autologout));
    assert_eq!(link.client.closed, Some(Ok(Closed::WhileIdle)));
    assert_eq!(store.updates(), 0);
}

#[test]
fn too_many_failed_logins_are_a_failed_login() {
    // R-1939-18, R-GEN-06
    let store = Store::empty();
    let server = Server::with(&store, server::Config::new().failed_logins(1).unwrap(), Security::TrustedLocal);
    let mut link = Link::new(Client::new(Config::new(), Security::TrustedLocal), server, 3, 3, 1);
    link.client.log_in(mrose(Method::Plain, "wrong"));
    link.run();
    assert_eq!(link.server.closed, Some(CloseReason::TooManyFailedLogins));
    link.run();
    assert_eq!(link.client.closed, Some(Ok(Closed::AfterFailedLogin)));
}

#[test]
fn the_end_of_the_stream_never_makes_a_short_message_look_whole() {
    // R-GEN-09
    let steps = [
        ("USER mrose", "+OK\r\n"),
        ("PASS tanstaaf", "+OK\r\n"),
        ("RETR 1", "+OK 9 octets\r\n..\r\nH: 1\r\n\r\n..\r\nbody\r\n.\r\n"),
        ("LIST", "+OK\r\n1 9\r\n.\r\n"),
        ("RETR 2", "+OK\r\n.\r\n"),
        ("QUIT", "+OK\r\n"),
    ];
    let octets: usize = steps.iter().map(|(_, answer)| answer.len()).sum();
    for end in 0..=octets {
        let mut script = Script::new(Config::new());
        script.says("+OK\r\n");
        let mut left = end;
        for (command, answer) in steps {
            script.client.say(command);
            script.wrote();
            let heard = left.min(answer.len());
            script.says(&answer[..heard]);
            left -= heard;
            if heard == answer.len() {
                continue;
            }
            let expected = match (command, heard) {
                ("QUIT", 0) => Ok(Closed::Quit(Removal::Unknown)),
                (_, 0) => Err(Error::Disconnected),
                _ => Err(Error::Truncated),
            };
            assert_eq!(script.hangs_up(), expected, "{end}");
            break;
        }
        let whole = [b".\r\nH: 1\r\n\r\n.\r\nbody\r\n".as_slice(), b""];
        assert!(whole.starts_with(&script.client.bodies.iter().map(Vec::as_slice).collect::<Vec<_>>()), "{end}");
        assert_eq!(end == octets, script.client.closed == Some(Ok(Closed::Quit(Removal::All))), "{end}");
    }
}

#[test]
fn a_message_for_utf8_mode_only_says_so() {
    // R-6856-03
    let store = Store::new(["\u{fc}\n"]);
    store.need_utf8.set(1);
    let server = Server::with(&store, server::Config::new().utf8(server::Utf8::Messages), Security::TrustedLocal);
    let mut link = Link::new(Client::new(Config::new(), Security::TrustedLocal), server, 3, 3, 1);
    link.client.say(LOGIN);
    link.client.say("RETR 1");
    link.run();
    assert!(link.client.heard.last().unwrap().starts_with("RETR -ERR (UTF8)"), "{:?}", link.client.heard);
    assert_eq!(link.client.session.support(Feature::Utf8), Support::Yes);
    let server = Server::with(&store, server::Config::new().utf8(server::Utf8::Messages), Security::TrustedLocal);
    store.locked.set(false);
    let mut link = Link::new(Client::new(Config::new(), Security::TrustedLocal), server, 3, 3, 1);
    link.client.say("CAPA\r\nUTF8\r\nUSER mrose\r\nPASS tanstaaf\r\nRETR 1");
    link.run();
    assert!(link.client.session.is_utf8_mode());
    assert_eq!(link.client.bodies, ["\u{fc}\r\n".as_bytes()]);
}
