//! RFC 2595 §4: what was said in the clear leaves no trace after TLS (R-2595-03), but for the server's
//! own timestamp.

use pop3_proto::Security;
use pop3_proto::server::{Catalogue, ClientIdentity, CloseReason, Config, Reply, Residue, Session, Utf8};
use pop3_proto::wire::{Deviation, Mechanism, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{Call, GREETING, LOGGED_IN, Server, Store, TIMESTAMP};

const BEGIN: &str = "+OK begin TLS now\r\n";
const UNAVAILABLE: &str = "-ERR command not available\r\n";

fn timestamp() -> Timestamp {
    Timestamp::new(TIMESTAMP).unwrap()
}

#[test]
fn every_count_begins_anew_after_tls() {
    // R-2595-03, R-GEN-06
    let wrong = "USER mrose\r\nPASS wrong\r\n";
    for (before, after, last, reason) in [
        (wrong.repeat(2), wrong.repeat(2), wrong, CloseReason::TooManyFailedLogins),
        ("X\r\n".repeat(9), "X\r\n".repeat(9), "X\r\n", CloseReason::TooManyBadCommands),
        ("CAPA\r\n".repeat(9), "CAPA\r\n".repeat(10), "CAPA\r\n", CloseReason::TooManyCommandsBeforeLogin),
        ("CAPA\n".into(), "LANG\n".into(), "QUIT\n", CloseReason::Quit),
    ] {
        let config = Config::new().stls(true).commands_before_login(10).unwrap();
        let mut server = Server::with(&Store::example(), config, Security::TrustedLocal);
        server.send("");
        assert!(server.send(before + "STLS\r\n").ends_with(BEGIN));
        assert_eq!(server.session.deviations().count_of(Deviation::BareLineFeed), 0);
        server.send(after);
        assert_eq!(server.closed, None, "{reason}");
        server.send(last);
        assert_eq!(server.closed, Some(reason));
    }
}

#[test]
fn the_timestamp_of_the_greeting_is_good_for_apop_after_stls() {
    // R-1939-34, R-2595-03: it is the server's own word, and real clients log in so
    let apop = "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n";
    let wrong = "APOP mrose c4c9334bac560ecc979e58001b3e22fc\r\n";
    for tls in [false, true] {
        let session =
            Session::with_exchange(Config::new().stls(true).into(), Security::TrustedLocal).with_timestamp(timestamp());
        let mut server = Server::of(&Store::example(), session);
        assert_eq!(server.send(""), format!("+OK POP3 server ready {TIMESTAMP}\r\n"));
        if tls {
            assert_eq!(server.send("STLS\r\n"), BEGIN, "no second greeting");
        }
        assert_eq!(server.send(wrong), "-ERR [AUTH] wrong name or password\r\n");
        assert_eq!(server.send(apop).lines().last(), LOGGED_IN.lines().last());
    }
}

#[test]
fn a_timestamp_that_was_not_in_the_greeting_is_good_for_nothing_after_stls() {
    // R-1939-34, R-8314-02: where nobody may log in in the clear, there is none
    let apop = "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n";
    let config = Config::new().stls(true).into();
    let session = Session::with_exchange(config, Security::Cleartext).with_timestamp(timestamp());
    let mut server = Server::of(&Store::example(), session);
    assert_eq!(server.send(""), GREETING);
    assert!(server.send(apop).starts_with("-ERR [AUTH] "));
    server.send("STLS\r\n");
    assert_eq!(server.send(apop), UNAVAILABLE);
    assert_eq!(server.store.calls(), [Call::StartTls(Residue::default())], "nobody was asked");
}

/// Everything on, and limits that are soon reached.
fn config() -> Config {
    let german = Catalogue::new("de", "").unwrap().text(Reply::SendPassword, "PASS, bitte").unwrap();
    let config = Config::new().stls(true).utf8(Utf8::Messages).language(german).unwrap().cleartext_logins(true);
    let config = [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::EXTERNAL]
        .into_iter()
        .fold(config, |config, mechanism| config.mechanism(mechanism).unwrap());
    let config = config.bad_commands(4, 4).unwrap().commands_before_login(12).unwrap().failed_logins(3).unwrap();
    config.command_line_limit(255).unwrap().output_limit(1024).unwrap().sasl_line_limit(12_288).unwrap()
}

/// What a client says in the clear: commands, halves of commands, exchanges that are left in one way or another.
fn said_in_the_clear() -> impl Strategy<Value = String> {
    let good =
        "USER (mrose|m x|\u{fc})|LANG( de)?|CAPA|capa |AUTH|AUTH (PLAIN|LOGIN|CRAM-MD5)(\r\n\\*)?|AUTH LOGIN bXJvc2U=";
    let bad = "USER |PASS (tan|wrong)|NOPE|STAT|AUTH X|AUTH PLAIN =|AUTH PLAIN\r\n(!|x{400})|x{300}|APOP mrose [0-9a-fA-F]{32}";
    let line = prop_oneof![6 => good, 2 => bad, 1 => "UTF8"];
    (line, prop::option::weighted(0.2, any::<Index>()), "\r?\n").prop_map(|(line, half, end)| {
        let letters = half.map_or(usize::MAX, |half| half.index(line.len()));
        line.chars().take(letters).collect::<String>() + &end
    })
}

/// A line that it says after TLS, or three.
const LINE: &str = "(USER mrose|PASS (tanstaaf|wrong)|CAPA|LANG|LANG de|UTF8|AUTH|AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\
    |AUTH EXTERNAL =|AUTH LOGIN|AUTH CRAM-MD5|bXJvc2U=|dGFuc3RhYWY=|\\*|STAT|DELE 1|LIST|STLS|NOPE||APOP a [0-9a-f]{32}\
    |APOP mrose c4c9334bac560ecc979e58001b3e22f[bc]\
    |x{200,300}|USER mrose\r\nPASS tanstaaf\r\nDELE 2|QUIT)\r?\n";

/// What can be seen of a session: what it wrote, what it asked its host, how often it was lenient, how it ended, and
/// all that it shows of itself but for the totals, which are for the host alone.
type Seen = (Vec<u8>, Vec<Call>, [u32; Deviation::ALL.len()], Option<CloseReason>, String);

fn seen(server: &mut Server) -> Seen {
    let deviations = Deviation::ALL.map(|deviation| server.session.deviations().count_of(deviation));
    let output = std::mem::take(&mut server.output);
    let shown = format!("{:?}", server.session);
    let (before, counts) = shown.split_once("counts: Counts {").unwrap();
    let (_, after) = counts.split_once('}').unwrap();
    (output, server.store.calls(), deviations, server.closed, format!("{before}{after}"))
}

/// A server that waits for TLS no longer: it has it. `None` if the client was cut off before it came to that.
fn after_stls(said: &str, security: Security, identity: ClientIdentity, reads: usize) -> Option<Server> {
    let session = Session::with_exchange(config().into(), security).with_timestamp(timestamp());
    let mut server = Server::of(&Store::example(), session.with_client_identity(ClientIdentity::Verified));
    server.store.tls.set(Some(identity));
    server.reads = reads.into();
    server.send(said);
    let is_utf8 = said.lines().any(|line| line == "UTF8");
    // The first ones may be taken for responses in an exchange.
    for _ in 0..3 {
        let reply = server.send("STLS\r\n");
        if server.store.calls().contains(&Call::StartTls(Residue::default())) {
            assert!(reply.ends_with(BEGIN), "{reply}");
            server.store.calls.borrow_mut().clear();
            return Some(server);
        }
        assert!(!reply.contains(BEGIN), "{reply}");
    }
    assert!(server.closed.is_some() || is_utf8, "{said:?} was in the way of STLS");
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn after_stls_a_session_is_like_one_that_has_had_tls_from_the_start(
        said in prop::collection::vec(said_in_the_clear(), 0..7),
        local in any::<bool>(), verified in any::<bool>(),
        reads in 1_usize..40, window in 1_usize..300,
        conversation in prop::collection::vec(LINE, 0..16), hang_up in any::<bool>()
    ) {
        // R-2595-03, R-6856-02
        let security = if local { Security::TrustedLocal } else { Security::Cleartext };
        let identity = if verified { ClientIdentity::Verified } else { ClientIdentity::Unknown };
        let upgraded = after_stls(&said.concat(), security, identity, reads);
        prop_assume!(upgraded.is_some());
        let mut upgraded = upgraded.unwrap();
        let mut fresh = Server::of(
            &Store::example(),
            Session::with_exchange(config().into(), Security::Tls).with_client_identity(identity).with_timestamp(timestamp()),
        );
        prop_assert_eq!(fresh.send(""), format!("+OK POP3 server ready {TIMESTAMP}\r\n"));
        prop_assert_eq!(seen(&mut upgraded), seen(&mut fresh));
        for server in [&mut upgraded, &mut fresh] {
            server.reads = reads.into();
            server.window = window.into();
            server.run(conversation.concat().as_bytes(), hang_up);
        }
        prop_assert_eq!(seen(&mut upgraded), seen(&mut fresh));
    }
}
