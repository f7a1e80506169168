//! A secret that a client sends, and a challenge that it receives: both are gone once the login is over.

use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, CramMd5, Host};
use pop3_proto::client::{Action, Closed, Config, InitialResponsePolicy, Method, Session};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Command, Mechanism, Name, Password};
use pop3_proto::{Io, Security};
use searching_allocator::Search;

use super::client_talk::{CHALLENGE, How, Talk, Way, login, way};
use super::{ENDS, SECRET, SIZES, apop_digest, encoded};

fn search() -> Search {
    let cram = CramMd5::new(Name::new("mrose").unwrap(), CHALLENGE.as_bytes(), SECRET.as_bytes()).digest;
    super::search(&[CHALLENGE], &[apop_digest(), cram])
}

/// Each way to log in, with each end that a server can give it.
fn ways() -> Vec<Way> {
    use InitialResponsePolicy::{Always, Auto, Never};
    let mut ways = Vec::new();
    let own = Mechanism::new("X-OWN").unwrap();
    for last in ["+OK", "-ERR [AUTH] no", "-ERR"] {
        ways.extend([
            way(How::Login(Method::User), Auto, &["+OK", last]),
            way(How::Login(Method::Apop), Auto, &[last]),
            way(How::Login(Method::CramMd5), Auto, &["+ #", last]),
            way(How::Login(Method::Login), Auto, &["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", last]),
            way(How::Login(Method::Plain), Auto, &[last]),
            way(How::Login(Method::Plain), Never, &["+ ", last]),
            way(How::Login(Method::XOAuth2), Always, &[last]),
            way(How::Login(Method::XOAuth2), Never, &["+", last]),
            way(How::Login(Method::OAuthBearer), Always, &[last]),
            way(How::Login(Method::OAuthBearer), Never, &["+ ", last]),
        ]);
        let responses = vec![format!("?{SECRET}"), format!("??{SECRET}{SECRET}")];
        for policy in [Always, Never] {
            let first = Some(SECRET.to_owned());
            let begins: &[&str] = if policy == Always { &[] } else { &["+ "] };
            let how = How::Exchange(own, first, responses.clone());
            ways.push(way(how, policy, &[begins, &["+ #", "+ #", last]].concat()));
        }
        ways.push(way(How::Exchange(own, None, responses), Auto, &["+ #", "+ ", last]));
    }
    let first = Some(SECRET.to_owned());
    ways.extend([
        way(How::Login(Method::User), Auto, &["-ERR"]),
        // The first message isn't asked for.
        way(How::Login(Method::Plain), Never, &["-ERR"]),
        way(How::Login(Method::Plain), Never, &["+ #", "-ERR"]),
        way(How::Login(Method::XOAuth2), Auto, &["+ #", "-ERR"]),
        way(How::Login(Method::OAuthBearer), Never, &["+ ", "+ #", "-ERR"]),
        // The challenge isn't base64, or there is one too many.
        way(How::Login(Method::CramMd5), Auto, &["+ #!", "-ERR"]),
        way(How::Login(Method::CramMd5), Auto, &["+ #", "+ #", "-ERR"]),
        way(How::Exchange(own, first, Vec::new()), Never, &["+ #", "-ERR"]),
    ]);
    ways
}

#[test]
fn no_login_leaves_its_secret_in_memory() {
    // R-GEN-07
    let search = search();
    for way in ways() {
        for (stls, pipelining) in [(false, false), (false, true), (true, false), (true, true)] {
            if stls && matches!(way.how, How::Login(Method::Apop)) {
                // The timestamp came in the clear.
                continue;
            }
            for size in SIZES {
                let talk = Talk { size, stls, pipelining, ..Talk::new(&way) };
                assert_eq!(talk.search(&search).closed, Some(Closed::Quit(Removal::All)), "{talk:?}");
            }
        }
    }
}

#[test]
fn no_login_that_is_cut_off_leaves_its_secret_in_memory() {
    // R-GEN-07
    let search = search();
    for way in ways() {
        for size in [usize::MAX, 11] {
            let talk = Talk { size, pipelining: size == 11, ..Talk::new(&way) };
            for octets in 150..talk.search(&search).octets {
                for end in ENDS {
                    Talk { end, octets, ..talk }.search(&search);
                }
            }
        }
    }
}

#[test]
fn a_session_that_is_dropped_with_a_token_leaves_no_secret_in_memory() {
    // R-GEN-07
    let search = search();
    for way in ways() {
        for size in SIZES {
            let talk = Talk { size, pipelining: size == 11, ..Talk::new(&way) };
            for actions in 0..talk.search(&search).actions {
                Talk { actions, ..talk }.search(&search);
            }
        }
    }
}

#[test]
fn a_window_that_grows_for_a_challenge_leaves_none_of_it() {
    // R-GEN-07, R-5034-05
    let search = search();
    for challenge in [
        format!("{CHALLENGE}{}", "x".repeat(3_000)),
        format!("{}{CHALLENGE}", "x".repeat(3_000)),
        format!("{}{CHALLENGE}{}", "x".repeat(300), "x".repeat(300)),
    ] {
        let text = format!("+ {}", encoded(challenge));
        let own = Mechanism::new("X-OWN").unwrap();
        let long = format!("{SECRET}{}", "x".repeat(2_000));
        for last in ["+OK", "-ERR"] {
            for policy in [InitialResponsePolicy::Never, InitialResponsePolicy::Always] {
                let how = How::Exchange(own, Some(long.clone()), vec![long.clone()]);
                let way = way(how, policy, &[&text, last]);
                for size in [usize::MAX, 200] {
                    let talk = Talk { size, ..Talk::new(&way) };
                    let octets = talk.search(&search).octets;
                    for (at, octets) in (150..octets).step_by(167).enumerate() {
                        Talk { octets, end: ENDS[at % ENDS.len()], ..talk }.search(&search);
                    }
                }
            }
        }
    }
}

/// A session that has read the greeting.
fn greeted(config: Config, security: Security) -> Box<Session> {
    let mut session = Box::new(Session::new(config.into(), security));
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(Duration::ZERO) else { panic!("no read") };
    read.space()[..5].copy_from_slice(b"+OK\r\n");
    read.filled(5);
    let Ok(Action::Event(event)) = session.poll(Duration::ZERO) else { panic!("no event") };
    event.done();
    session
}

#[test]
fn a_queue_that_grows_leaves_no_secret() {
    // R-GEN-07
    let search = search();
    for before in [0, 1, 30, 41] {
        search.run(|| {
            let mut session = greeted(Config::new(), Security::Tls);
            for _ in 0..before {
                session.send(&Command::Capa).unwrap();
            }
            session.send(&Command::Pass { password: Password::new(SECRET).unwrap() }).unwrap();
            for _ in 0..200 {
                session.send(&Command::Capa).unwrap();
            }
            assert!(search.in_use().is_some());
            drop(session);
        });
        assert_eq!(search.freed(), None, "{before}");
    }
}

#[test]
fn a_response_that_goes_ahead_of_a_queued_password_leaves_no_copy_of_it() {
    // R-GEN-07
    let search = search();
    search.run(|| {
        let mut session = greeted(Config::new(), Security::Tls);
        session.authenticate(Mechanism::new("X-OWN").unwrap()).unwrap();
        session.send(&Command::Pass { password: Password::new(SECRET).unwrap() }).unwrap();
        let mut challenge: &[u8] = b"+ YQ==\r\n";
        loop {
            match session.poll(Duration::ZERO).unwrap() {
                Action::Io(Io::Write(mut write)) => write.advance(usize::MAX),
                Action::Io(Io::Read(_)) if challenge.is_empty() => break,
                Action::Io(Io::Read(mut read)) => {
                    read.space()[..challenge.len()].copy_from_slice(challenge);
                    read.filled(challenge.len());
                    challenge = b"";
                }
                Action::Challenge(challenge) => challenge.respond("a response"),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(search.freed(), None);
}

#[test]
fn what_may_not_be_sent_is_not_kept() {
    // R-GEN-07, R-8314-02
    let search = search();
    let password = Password::new(SECRET).unwrap();
    search.run(|| {
        let mut session = greeted(Config::new(), Security::Cleartext);
        session.send(&Command::Pass { password }).unwrap_err();
        for method in [Method::User, Method::Plain, Method::XOAuth2, Method::OAuthBearer] {
            let mut login = login(method);
            login.advance(&mut session);
            assert!(login.outcome().unwrap().is_err());
            assert_eq!(search.in_use(), None);
        }
        assert_eq!(search.in_use(), None);
        let mut session = greeted(Config::new().queue(510).unwrap(), Security::Tls);
        while session.send(&Command::Capa).is_ok() {}
        session.send(&Command::Pass { password }).unwrap_err();
        for method in [Method::User, Method::Plain, Method::XOAuth2, Method::OAuthBearer] {
            let mut login = login(method);
            login.advance(&mut session);
            // It waits for room, and holds what it is to send.
            assert!(login.outcome().is_none());
            assert!(search.in_use().is_some());
            drop(login);
        }
        assert_eq!(search.in_use(), None);
    });
    assert_eq!(search.freed(), None);
}

#[test]
fn a_plan_forgets_its_secret_once_it_is_over_and_keeps_none_in_an_error() {
    // R-GEN-07: some servers repeat what they didn't understand.
    let search = search();
    let repeats = |text: String| format!("-ERR what is {text}, {}?", encoded(format!("?{SECRET}")));
    for (method, answers) in [
        (Method::Plain, vec!["+ ".to_owned(), repeats(SECRET.to_owned())]),
        (Method::Login, vec!["+ ".to_owned(), "+ ".to_owned(), repeats(encoded(SECRET))]),
        (Method::XOAuth2, vec!["+ ".to_owned(), "+ e30=".to_owned(), repeats(SECRET.repeat(2))]),
        (Method::CramMd5, vec!["-ERR".to_owned()]),
        (Method::External, vec!["-ERR".to_owned()]),
    ] {
        search.run(|| {
            let mut session = greeted(Config::new(), Security::Tls);
            let mut login = Box::new(login(method));
            let mut answers = answers.iter();
            let (mut down, mut outcome) = ("", None);
            while outcome.is_none() {
                login.advance(&mut session);
                outcome = login.outcome();
                match session.poll(Duration::ZERO).unwrap() {
                    Action::Io(Io::Write(mut write)) => {
                        write.advance(usize::MAX);
                        down = answers.next().unwrap();
                    }
                    Action::Io(Io::Read(mut read)) => {
                        read.space()[..down.len()].copy_from_slice(down.as_bytes());
                        read.space()[down.len()..][..2].copy_from_slice(b"\r\n");
                        read.filled(down.len() + 2);
                    }
                    Action::Event(event) => {
                        login.observe(&event);
                        event.done();
                    }
                    Action::Challenge(challenge) => login.answer(challenge),
                    _ => {}
                }
            }
            let error = outcome.unwrap().unwrap_err();
            let shown = format!("{error} {error:?} {login:?}");
            drop(session);
            assert_eq!(search.in_use(), None, "{method}: {shown}");
        });
    }
}

#[test]
fn a_plan_that_is_dropped_at_any_time_leaves_no_secret() {
    // R-GEN-07
    let search = search();
    search.run(|| {
        drop(login(Method::User));
        drop(login(Method::XOAuth2).host(Host::new("pop.example").unwrap(), None));
        drop(login(Method::User).library(Mechanism::GSSAPI, Some(SECRET.as_bytes())));
        let mut plan = Box::new(login(Method::XOAuth2));
        plan.new_token(BearerToken::new(SECRET).unwrap());
        drop(plan.library(Mechanism::GSSAPI, Some(SECRET.as_bytes())).library(Mechanism::GSSAPI, None));
    });
    assert_eq!(search.freed(), None);
}
