//! RFC 1939 §4 and §7: AUTHORIZATION, with USER and PASS.

use std::rc::Rc;

use pop3_proto::Security;
use pop3_proto::message::MessageNumber;
use pop3_proto::server::{BrokenMaildrop, CloseReason, Config, Rejection};
use pop3_proto::wire::State;

use crate::common::{Call, GREETING, LOGGED_IN, LOGIN, Server, Store};

const NO_NAME: &str = "-ERR send USER first\r\n";
const SEND_PASS: &str = "+OK send PASS\r\n";
const WRONG: &str = "-ERR [AUTH] wrong name or password\r\n";

/// A server whose greeting is gone.
fn server(store: &Rc<Store>) -> Server {
    let mut server = Server::patient(store);
    assert_eq!(server.send(""), GREETING);
    server
}

#[test]
fn user_and_pass_open_the_maildrop() {
    // R-1939-18
    let store = Store::example();
    let mut server = server(&store);
    assert_eq!(server.session.state(), Some(State::Authorization));
    assert_eq!(server.send(LOGIN), LOGGED_IN);
    assert_eq!(server.session.state(), Some(State::Transaction));
    assert!(store.locked.get());
}

#[test]
fn the_commands_of_transaction_are_refused_before_login() {
    // R-1939-10, R-1939-13
    let store = Store::example();
    let mut server = server(&store);
    for command in ["STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0", "UIDL", "UIDL 1"] {
        assert_eq!(server.send(format!("{command}\r\n")), "-ERR command not valid in this state\r\n", "{command}");
    }
    assert_eq!(store.calls(), []);
    assert_eq!(server.send(LOGIN), LOGGED_IN, "and nothing has changed");
}

#[test]
fn the_commands_of_authorization_are_refused_after_login() {
    // R-1939-10
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    let digest = "0".repeat(32);
    for command in ["USER mrose", "PASS tanstaaf", &format!("APOP mrose {digest}")] {
        assert_eq!(server.send(format!("{command}\r\n")), "-ERR command not valid in this state\r\n", "{command}");
    }
    assert_eq!(store.logins().len(), 1);
}

#[test]
fn user_is_answered_alike_for_every_name_and_the_host_is_not_asked() {
    // R-1939-14, R-1939-36
    let store = Store::example();
    let mut server = server(&store);
    for name in ["mrose", "nobody", "a", "x y", "mrose+tag"] {
        assert_eq!(server.send(format!("USER {name}\r\n")), SEND_PASS);
    }
    assert_eq!(store.calls(), []);
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    // R-1939-36
    let mut server = server(&Store::example());
    assert_eq!(server.send("USER nobody\r\nPASS tanstaaf\r\n"), format!("{SEND_PASS}{WRONG}"));
    assert_eq!(server.send("USER mrose\r\nPASS wrong\r\n"), format!("{SEND_PASS}{WRONG}"));
}

#[test]
fn a_second_user_replaces_the_first() {
    // R-1939-14
    let store = Store::example();
    let mut server = server(&store);
    assert_eq!(server.send("USER nobody\r\nUSER mrose\r\nPASS tanstaaf\r\n"), format!("{SEND_PASS}{LOGGED_IN}"));
    assert_eq!(store.logins(), [("mrose".to_owned(), "tanstaaf".to_owned())]);
}

#[test]
fn a_user_that_fails_forgets_the_earlier_name() {
    // R-1939-14, R-1939-15
    for failed in ["USER", "USER ", "user", "USER \u{7}", "USER a\0", "USER a\rb"] {
        let store = Store::example();
        let mut server = server(&store);
        let output = server.send(format!("USER mrose\r\n{failed}\r\nPASS tanstaaf\r\n"));
        assert!(output.ends_with(NO_NAME), "{failed:?}: {output}");
        assert_eq!(store.calls(), [], "{failed:?}");
    }
}

#[test]
fn a_user_over_the_line_limit_forgets_the_earlier_name() {
    // R-1939-15, R-2449-05
    let store = Store::example();
    let mut server = server(&store);
    let output = server.send(format!("USER nobody\r\nUSER {}\r\nPASS tanstaaf\r\n", "m".repeat(3000)));
    assert_eq!(output, format!("{SEND_PASS}-ERR line too long\r\n{NO_NAME}"));
}

#[test]
fn pass_without_a_name_is_refused_and_the_host_is_not_asked() {
    // R-1939-15
    let store = Store::example();
    assert_eq!(server(&store).send("PASS tanstaaf\r\n"), NO_NAME);
    assert_eq!(store.calls(), []);
}

#[test]
fn a_name_is_forgotten_at_pass_whatever_comes_of_it() {
    // R-1939-15
    for pass in ["PASS wrong", "PASS", "PASS ", "PASS a\0"] {
        let store = Store::example();
        let mut server = server(&store);
        let output = server.send(format!("USER mrose\r\n{pass}\r\nPASS tanstaaf\r\n"));
        assert!(output.ends_with(NO_NAME), "{pass:?}: {output}");
        assert!(!store.locked.get());
    }
}

#[test]
fn a_name_is_forgotten_at_apop() {
    // R-1939-15
    for apop in ["APOP mrose 00000000000000000000000000000000", "APOP mrose 00", "APOP"] {
        let mut server = Server::with_timestamp(&Store::example(), crate::common::TIMESTAMP);
        let output = server.send(format!("USER mrose\r\n{apop}\r\nPASS tanstaaf\r\n"));
        assert!(output.ends_with(NO_NAME), "{apop:?}: {output}");
    }
}

#[test]
fn capa_between_user_and_pass_keeps_the_name() {
    // R-1939-15, C6
    let mut server = server(&Store::example());
    let output = server.send("USER mrose\r\nCAPA\r\nPASS tanstaaf\r\n");
    assert!(output.ends_with("\r\n.\r\n+OK maildrop locked and ready\r\n"), "{output}");
}

#[test]
fn a_password_reaches_the_host_octet_by_octet() {
    // R-1939-16
    for password in ["tan staaf", " leading", "trailing ", "  two  ", " ", "a\tb", "=", "*", "PASS x", "\u{fc}"] {
        let store = Store::example();
        server(&store).send(format!("USER mrose\r\nPASS {password}\r\n"));
        assert_eq!(store.logins(), [("mrose".to_owned(), password.to_owned())]);
        assert!(!store.locked.get(), "nothing was cut off {password:?}");
    }
    let store = Store::example();
    server(&store).send("USER mrose\r\nPASS tanstaaf \r\n");
    assert!(!store.locked.get(), "a trailing space belongs to the password");
}

#[test]
fn a_name_reaches_the_host_octet_by_octet() {
    // R-1939-17
    for name in ["mrose+tag", "m rose", " mrose", "mrose ", "MROSE", "mrose@example.org", "mrose%a", "\u{fc}"] {
        let store = Store::example();
        server(&store).send(format!("USER {name}\r\nPASS tanstaaf\r\n"));
        assert_eq!(store.logins(), [(name.to_owned(), "tanstaaf".to_owned())]);
        assert!(!store.locked.get(), "{name:?} isn't mrose");
    }
}

#[test]
fn an_empty_password_never_reaches_the_host() {
    // R-1939-16
    for pass in ["PASS", "PASS ", "pass"] {
        let store = Store::example();
        let output = server(&store).send(format!("USER mrose\r\n{pass}\r\n"));
        assert_eq!(output, format!("{SEND_PASS}-ERR [AUTH] the password is empty\r\n"));
        assert_eq!(store.calls(), []);
    }
}

#[test]
fn quit_before_login_does_not_enter_update() {
    // R-1939-20
    for before in ["", "USER mrose\r\n", "USER mrose\r\nPASS wrong\r\n"] {
        let store = Store::example();
        let mut server = server(&store);
        let output = server.send(format!("{before}QUIT\r\n"));
        assert!(output.ends_with("+OK bye\r\n"), "{output}");
        assert_eq!(server.closed, Some(CloseReason::Quit));
        assert_eq!(server.session.state(), None);
        assert_eq!(store.updates(), 0);
    }
}

#[test]
fn a_rejected_login_leaves_the_session_in_authorization() {
    // R-1939-18
    let store = Store::example();
    let mut server = server(&store);
    store.rejection.set(Some(Rejection::Temporary));
    server.send(LOGIN);
    assert_eq!(server.session.state(), Some(State::Authorization));
    store.rejection.set(None);
    assert_eq!(server.send(LOGIN), LOGGED_IN);
}

#[test]
fn a_busy_maildrop_is_free_as_soon_as_the_other_session_is_gone() {
    // R-1939-18, R-2449-11
    let store = Store::example();
    let mut first = Server::logged_in(&store);
    let mut second = server(&store);
    assert_eq!(second.send(LOGIN), format!("{SEND_PASS}-ERR [IN-USE] maildrop is in use by another session\r\n"));
    first.send_and_hang_up("");
    assert_eq!(second.send(LOGIN), LOGGED_IN);
}

#[test]
fn a_maildrop_with_one_unique_id_twice_is_not_opened() {
    // R-1939-27, C10
    let store = Store::identified(["a", "b", "c", "b", "a"]);
    let mut server = server(&store);
    let output = server.send(LOGIN);
    assert!(output.contains("-ERR [SYS/PERM]"), "{output}");
    assert_eq!(server.session.state(), Some(State::Authorization));
    assert_eq!(store.calls().last(), Some(&Call::Dropped));
}

#[test]
fn a_maildrop_with_a_message_without_a_unique_id_is_not_opened() {
    // R-1939-27
    for unique_ids in [["a", "b c"], ["a", ""]] {
        let store = Store::identified(unique_ids);
        let mut server = server(&store);
        assert!(server.send(LOGIN).ends_with("-ERR [SYS/TEMP] temporary failure, try again later\r\n"));
        assert_eq!(server.session.state(), Some(State::Authorization));
        let message = MessageNumber::new(2).unwrap();
        assert_eq!(store.broken.get(), Some(BrokenMaildrop::NoUniqueId { message }));
    }
}

#[test]
fn the_host_learns_which_messages_share_a_unique_id() {
    // C10
    let number = |number| MessageNumber::new(number).unwrap();
    let twice = |first, second| Some(BrokenMaildrop::SameUniqueId { first: number(first), second: number(second) });
    let cases = [("abcde", None), ("abcda", twice(1, 5)), ("ebcbd", twice(2, 4)), ("aa", twice(1, 2))];
    for (unique_ids, broken) in cases {
        let store = Store::identified(unique_ids.split("").filter(|id| !id.is_empty()));
        server(&store).send(LOGIN);
        assert_eq!(store.broken.get(), broken, "{unique_ids}");
    }
}

#[test]
fn passwords_are_refused_in_the_clear_before_one_is_sent() {
    // R-8314-02
    let store = Store::example();
    let mut server = Server::with(&store, Config::new(), Security::Cleartext);
    let refused = "-ERR [AUTH] logging in needs a secure connection\r\n";
    assert_eq!(server.send("USER mrose\r\n"), format!("{GREETING}{refused}"));
    assert_eq!(server.send("PASS tanstaaf\r\n"), refused);
    assert_eq!(server.send(format!("APOP mrose {}\r\n", "0".repeat(32))), refused);
    assert_eq!(store.calls(), []);
}

#[test]
fn passwords_are_taken_where_the_host_says_that_it_is_safe_or_allowed() {
    // R-8314-02, R-8314-03
    let may = Config::new().cleartext_logins(true);
    for (config, security) in [
        (Config::new(), Security::TrustedLocal),
        (Config::new(), Security::Tls),
        (Config::new(), Security::TlsProxy),
        (may, Security::Cleartext),
    ] {
        let mut server = Server::with(&Store::example(), config, security);
        assert_eq!(server.send(LOGIN), format!("{GREETING}{LOGGED_IN}"), "{security:?}");
    }
}

#[test]
fn anything_but_capa_between_user_and_pass_makes_the_name_forgotten() {
    // R-1939-15, C6
    for (between, forgotten) in
        [("CAPA", false), ("NOOP", true), ("FOO", true), ("", true), ("STAT", true), ("CAPA x", true)]
    {
        let output = server(&Store::example()).send(format!("USER mrose\r\n{between}\r\nPASS tanstaaf\r\n"));
        assert_eq!(output.ends_with(NO_NAME), forgotten, "{between:?}: {output}");
    }
}

#[test]
fn capa_between_user_and_pass_can_be_switched_off() {
    // R-1939-15, C6
    let config = Config::new().pass_directly_after_user(true);
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    assert!(server.send("USER mrose\r\nCAPA\r\nPASS tanstaaf\r\n").ends_with(NO_NAME));
    assert!(server.send("USER mrose\r\nPASS tanstaaf\r\n").ends_with("+OK maildrop locked and ready\r\n"));
}
