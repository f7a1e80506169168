//! RFC 6856 §3: LANG, and the texts that it chooses from.

use std::rc::Rc;

use pop3_proto::Security;
use pop3_proto::message::Removal;
use pop3_proto::server::{Catalogue, CatalogueError, Config, ConfigError, Refusal, Rejection, Reply, Session, Utf8};
use pop3_proto::wire::{
    Deviation, DeviationSet, InvalidText, MAX_RESPONSE_LINE, Mechanism, ResponseCode, Text, Timestamp, Verb,
};

use crate::common::{GREETING, LOGGED_IN, LOGIN, Server, Store, TIMESTAMP};

const ENGLISH: &str = "+OK en language changed\r\n";
const GERMAN: &str = "+OK de ab jetzt auf Deutsch\r\n";
const UNAVAILABLE: &str = "-ERR command not available\r\n";

fn german() -> Catalogue {
    [
        (Reply::Language, "ab jetzt auf Deutsch"),
        (Reply::Languages, "Sprachen"),
        (Reply::UnknownLanguage, "die Sprache kann ich nicht"),
        (Reply::WrongState, "das geht gerade nicht"),
        (Reply::Bye, "tsch\u{fc}ss"),
        (Reply::Noop, "nichts getan"),
    ]
    .into_iter()
    .fold(Catalogue::new("de", "Deutsch").unwrap(), |catalogue, (reply, text)| catalogue.text(reply, text).unwrap())
}

fn with_german() -> Config {
    crate::common::patient(Config::new()).language(german()).unwrap()
}

/// A server that has greeted.
fn server(config: Config, security: Security) -> Server {
    let mut server = Server::with(&Store::example(), config, security);
    assert_eq!(server.send(""), GREETING);
    server
}

/// The same server before and after login.
fn in_both_states(config: &Config) -> [Server; 2] {
    let mut logged_in = server(config.clone(), Security::Tls);
    assert_eq!(logged_in.send(LOGIN), LOGGED_IN);
    [server(config.clone(), Security::Tls), logged_in]
}

#[test]
fn without_an_argument_the_languages_are_listed() {
    // R-6856-07
    let config = with_german().language(Catalogue::new("pt-BR", "Portugu\u{ea}s do Brasil").unwrap()).unwrap();
    let config = config.language(Catalogue::new("sv", "").unwrap()).unwrap();
    let list = "en English\r\nde Deutsch\r\npt-BR Portugu\u{ea}s do Brasil\r\nsv\r\n.\r\n";
    for mut server in in_both_states(&config) {
        assert_eq!(server.send("LANG\r\n"), format!("+OK list of languages follows\r\n{list}"));
        server.send("LANG de\r\n");
        assert_eq!(server.send("lang\r\n"), format!("+OK Sprachen\r\n{list}"), "whatever is spoken");
    }
}

#[test]
fn a_tag_in_any_case_chooses_a_language_and_a_star_the_first_one() {
    // R-6856-07
    for mut server in in_both_states(&with_german()) {
        for line in ["LANG de", "lang DE", "LANG dE", "LANG  de "] {
            assert_eq!(server.send(format!("{line}\r\n")), GERMAN, "{line}");
            assert_eq!(server.send("LANG *\r\n"), ENGLISH);
        }
        assert_eq!(server.send("LANG de\r\nLANG EN\r\n"), format!("{GERMAN}{ENGLISH}"));
    }
}

#[test]
fn an_unknown_tag_is_refused_and_the_language_stays() {
    // R-6856-07
    for mut server in in_both_states(&with_german()) {
        for tag in ["fr", "d", "deu", "de-AT", "i-default"] {
            assert_eq!(server.send(format!("LANG {tag}\r\n")), "-ERR language not available\r\n", "{tag}");
        }
        server.send("LANG de\r\n");
        for line in ["LANG fr", "LANG de-AT"] {
            assert_eq!(server.send(format!("{line}\r\n")), "-ERR die Sprache kann ich nicht\r\n", "{line}");
        }
        // R-1939-10: a malformed one changes nothing either
        assert_eq!(server.send("LANG d_e\r\n"), "-ERR that is no language tag\r\n");
        assert_eq!(server.send("LANG en fr\r\n"), "-ERR too many arguments\r\n");
        assert_eq!(server.send("LANG de\r\n"), GERMAN);
    }
}

#[test]
fn lang_is_refused_where_there_is_only_one_language() {
    // R-6856-07
    let german = Config::new().default_language(german_in_ascii()).unwrap();
    for (config, refused) in [(Config::new(), UNAVAILABLE), (german, "-ERR gibt es hier nicht\r\n")] {
        for mut server in in_both_states(&crate::common::patient(config)) {
            for line in ["LANG", "LANG *", "LANG en", "LANG de"] {
                assert_eq!(server.send(format!("{line}\r\n")), refused, "{line}");
            }
        }
    }
}

fn german_in_ascii() -> Catalogue {
    Catalogue::new("de", "Deutsch").unwrap().text(Reply::Unavailable, "gibt es hier nicht").unwrap()
}

#[test]
fn the_default_language_is_spoken_first_and_chosen_by_a_star() {
    // R-6856-07
    let config = Config::new().default_language(german_in_ascii()).unwrap().language(Catalogue::english()).unwrap();
    let mut server = server(config, Security::Tls);
    assert_eq!(server.send("UTF8\r\n"), "-ERR gibt es hier nicht\r\n");
    assert_eq!(server.send("LANG\r\n"), "+OK list of languages follows\r\nde Deutsch\r\nen English\r\n.\r\n");
    assert_eq!(server.send("LANG en\r\nUTF8\r\n"), format!("{ENGLISH}{UNAVAILABLE}"));
    assert_eq!(server.send("LANG *\r\n"), "+OK de language changed\r\n");
}

#[test]
fn the_language_survives_the_login() {
    // R-6856-07
    for login in [LOGIN, "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"] {
        let mut server = server(with_german(), Security::Tls);
        server.send("LANG de\r\n");
        assert!(server.send(login).ends_with("+OK maildrop locked and ready\r\n"));
        assert_eq!(server.send("NOOP\r\n"), "+OK nichts getan\r\n");
    }
}

#[test]
fn the_language_does_not_survive_stls() {
    // R-2595-03
    let mut server = server(with_german().stls(true), Security::Cleartext);
    assert_eq!(server.send("LANG de\r\nNOOP\r\n"), format!("{GERMAN}-ERR das geht gerade nicht\r\n"));
    assert_eq!(server.send("STLS\r\n"), "+OK begin TLS now\r\n");
    assert_eq!(server.send("NOOP\r\n"), "-ERR command not valid in this state\r\n");
    assert_eq!(server.send("LANG de\r\n"), GERMAN, "but it may be chosen again");
}

#[test]
fn texts_may_be_utf8_once_their_language_is_chosen() {
    // R-6856-07
    let mut server = server(with_german(), Security::Tls);
    assert_eq!(server.send("LANG de\r\nQUIT\r\n"), format!("{GERMAN}+OK tsch\u{fc}ss\r\n"));
}

#[test]
fn lang_and_capa_between_user_and_pass_keep_the_name() {
    // R-1939-15, C6
    let lines = ["LANG", "LANG de", "LANG *", "LANG fr", "CAPA"];
    for line in lines {
        for (strict, kept) in [(false, true), (true, false)] {
            let mut server = server(with_german().pass_directly_after_user(strict), Security::Tls);
            let output = server.send(format!("USER mrose\r\n{line}\r\nPASS tanstaaf\r\n"));
            assert_eq!(output.ends_with("+OK maildrop locked and ready\r\n"), kept, "{line}: {output}");
            assert_eq!(output.ends_with("-ERR send USER first\r\n"), !kept, "{line}: {output}");
        }
    }
}

/// Says of each reply only its name.
fn names() -> Catalogue {
    Reply::ALL.iter().copied().fold(Catalogue::new("x-names", "").unwrap(), |catalogue, reply| {
        let text = if reply == Reply::LoginDelaySeconds { Reply::SECONDS.to_owned() } else { format!("{reply:?}") };
        catalogue.text(reply, &text).unwrap()
    })
}

/// A server that has most commands, and speaks a language.
fn speaking(language: &str, store: &Rc<Store>, config: Config, security: Security) -> Server {
    let config = config.language(names()).unwrap().mechanism(Mechanism::CRAM_MD5).unwrap().stls(true);
    let session =
        Session::with_exchange(config.accepted(DeviationSet::DEFAULT.without(Deviation::ExtraSpaces)).into(), security);
    let mut server = Server::of(store, session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.send(format!("LANG {language}\r\n"));
    server
}

/// What short-lived servers say.
fn said_by_many(language: &str) -> String {
    let of = |config, security, lines: &[&str]| {
        let mut server = speaking(language, &Store::example(), config, security);
        lines.iter().map(|lines| server.send(lines)).collect::<String>()
    };
    let store = Store::example();
    store.commit.set(Removal::NotAll);
    let mut failing = speaking(language, &store, Config::new(), Security::Tls);
    let said = [
        of(Config::new(), Security::Cleartext, &["USER mrose\r\n", "STLS\r\n"]),
        of(Config::new(), Security::Cleartext, &["STLS\r\nQUIT\r\n"]),
        of(Config::new(), Security::Tls, &["X\r\n".repeat(10).as_str()]),
        of(Config::new(), Security::Tls, &["GET / HTTP/1.1\r\n"]),
        of(
            Config::new().commands_before_login(10).unwrap(),
            Security::Tls,
            &["CAPA\r\n", "CAPA\r\n".repeat(9).as_str()],
        ),
        of(
            Config::new().utf8(Utf8::MessagesAndNames),
            Security::Tls,
            &["UTF8\r\n", "AUTH PLAIN AP8A/w==\r\n", "QUIT\r\n"],
        ),
        of(Config::new(), Security::Tls, &[LOGIN, "DELE 1\r\nQUIT\r\n"]),
        failing.send(format!("{LOGIN}DELE 1\r\nQUIT\r\n")),
    ];
    said.concat()
}

/// What one server says that is asked for much.
fn said_by_one(language: &str) -> String {
    let malformed = "X\r\nUSER\r\nQUIT 1\r\nAPOP a b\r\nAUTH !\r\nLANG !\r\nUSER a\tb\r\nNO\0OP\r\nCAPA \r\n";
    let exchanges = "AUTH\r\nAUTH GSSAPI\r\nAUTH CRAM-MD5 x\r\nAUTH PLAIN !\r\nAUTH PLAIN =\r\nAUTH PLAIN\r\n*\r\n";
    let store = Store::example();
    store.need_utf8.set(1);
    let mut server = speaking(language, &store, crate::common::patient(Config::new()), Security::Tls);
    let mut said = server.send(format!("{malformed}{exchanges}{}\r\n", "x".repeat(3000)));
    said += &server.send("LANG\r\nLANG fr\r\nUTF8\r\nNOOP\r\nPASS\r\nPASS x\r\n");
    for reason in [
        Rejection::BadCredentials,
        Rejection::InUse,
        Rejection::LoginDelay { seconds: None },
        Rejection::LoginDelay { seconds: Some(0) },
        Rejection::LoginDelay { seconds: Some(u32::MAX) },
        Rejection::Temporary,
        Rejection::Permanent,
    ] {
        store.rejection.set(Some(reason));
        said += &server.send(LOGIN);
    }
    store.rejection.set(None);
    said += &server.send(format!("{LOGIN}LIST\r\nUIDL\r\nRETR 2\r\nRETR 1\r\nRETR 0\r\nRETR 9\r\nLIST x\r\n"));
    store.forbidden.set(Some(Verb::Rset));
    said += &server.send("RSET\r\n");
    store.forbidden.set(None);
    store.refusal.set(Some(Refusal::Gone));
    store.commit.set(Removal::NotAll);
    said + &server.send("RETR 2\r\nDELE 2\r\nDELE 2\r\nRSET\r\nNOOP\r\nUSER x\r\nLAST\r\nCAPA\r\nDELE 2\r\nQUIT\r\n")
}

#[test]
fn each_response_that_has_a_text_has_it_from_the_language_that_is_spoken() {
    // R-6856-07, R-GEN-08
    let said_by = |language| said_by_many(language) + &said_by_one(language);
    let (english, named) = (said_by("en"), said_by("x-names"));
    let mut seen = std::collections::HashSet::new();
    assert_eq!(english.lines().count(), named.lines().count());
    for (english, named) in english.lines().zip(named.lines()) {
        let reply = Reply::ALL.iter().copied().find(|reply| {
            let code = reply.code().map(|code| format!(" [{code}]")).unwrap_or_default();
            let text = Some(reply.english()).filter(|text| !text.is_empty()).map(|text| format!(" {text}"));
            english == format!("{}{code}{}", reply.status().as_str(), text.unwrap_or_default())
        });
        match reply {
            Some(reply) => {
                assert_eq!(named.rsplit(' ').next().unwrap(), format!("{reply:?}"), "{english}");
                assert_eq!(named.split(' ').next(), english.split(' ').next());
                seen.insert(reply);
            }
            None if english.contains("try again in") => {
                let seconds = named.strip_prefix("-ERR [LOGIN-DELAY] ").unwrap();
                assert!(english.ends_with(&format!(" try again in {seconds} s")), "{english}: {named}");
            }
            None => assert_eq!(english, named, "what isn't text stays"),
        }
    }
    let unseen: Vec<_> = Reply::ALL.iter().copied().filter(|reply| !seen.contains(reply)).collect();
    assert_eq!(
        unseen,
        [Reply::Language, Reply::Unwelcome, Reply::LoginDelaySeconds, Reply::Refused],
        "these are said otherwise"
    );
}

#[test]
fn a_text_that_could_break_a_line_or_pass_for_a_code_is_refused() {
    // R-2449-07, R-1939-05
    let refused = |text| german().text(Reply::Bye, text).unwrap_err();
    for text in ["a\r\nb", "a\rb", "a\nb", "\0", "\t", "\u{7f}", "a\u{1b}[0m"] {
        assert_eq!(refused(text), CatalogueError::Text(InvalidText), "{text:?}");
        assert!(Catalogue::new("de", text).is_err(), "{text:?}");
    }
    for text in ["[", "[AUTH] nein", "  [x]"] {
        assert_eq!(refused(text), CatalogueError::Text(InvalidText), "{text:?}");
        assert!(Catalogue::new("de", text).is_err(), "{text:?}");
    }
    assert!(german().text(Reply::Bye, "bis bald [sic]").is_ok());
}

#[test]
fn a_line_of_512_octets_is_the_longest() {
    // R-1939-05
    for &reply in Reply::ALL {
        let code = reply.code().map_or(0, |code| code.as_str().len() + 3);
        let tag = if reply == Reply::Language { " de".len() } else { 0 };
        let mut room = MAX_RESPONSE_LINE - "\r\n".len() - reply.status().as_str().len() - code - tag - " ".len();
        let mut front = "";
        if reply == Reply::LoginDelaySeconds {
            // Ten digits at the most.
            room -= 10;
            front = Reply::SECONDS;
        }
        if reply == Reply::Refused {
            // The host's code is yet to come.
            room -= ResponseCode::MAX_OCTETS + " []".len();
        }
        // Two octets each, so a limit in characters would be another one.
        let text = |octets: usize| format!("{front}{}{}", "\u{fc}".repeat(octets / 2), "x".repeat(octets % 2));
        assert!(german().text(reply, &text(room)).is_ok(), "{reply:?}");
        assert_eq!(german().text(reply, &text(room + 1)).unwrap_err(), CatalogueError::TooLong, "{reply:?}");
    }
    let description = MAX_RESPONSE_LINE - "de \r\n".len();
    assert!(Catalogue::new("de", &"x".repeat(description)).is_ok());
    assert_eq!(Catalogue::new("de", &"x".repeat(description + 1)).unwrap_err(), CatalogueError::TooLong);
}

#[test]
fn the_longest_lines_are_sent_whole() {
    // R-1939-05
    let longest = |octets: usize| format!("{}{}", Reply::SECONDS, "x".repeat(octets));
    let catalogue =
        german().text(Reply::LoginDelaySeconds, &longest(512 - 2 - "-ERR [LOGIN-DELAY] ".len() - 10)).unwrap();
    let catalogue = catalogue.text(Reply::Language, &"y".repeat(512 - 2 - "+OK de ".len())).unwrap();
    let mut server = server(Config::new().output_limit(1024).unwrap().language(catalogue).unwrap(), Security::Tls);
    assert_eq!(server.send("LANG de\r\n"), format!("+OK de {}\r\n", "y".repeat(503)));
    server.store.rejection.set(Some(Rejection::LoginDelay { seconds: Some(u32::MAX) }));
    let output = server.send(LOGIN);
    let (_, line) = output.split_once("\r\n").unwrap();
    assert_eq!(line, format!("-ERR [LOGIN-DELAY] 4294967295{}\r\n", "x".repeat(481)));
    assert_eq!(line.len(), MAX_RESPONSE_LINE);
}

#[test]
fn the_seconds_of_a_login_delay_are_said_once() {
    // R-2449-10
    let text = |text| german().text(Reply::LoginDelaySeconds, text).map(|_| ());
    for refused in ["", "later", "{seconds", "{ seconds }", "{SECONDS}", "{seconds} {seconds}"] {
        assert_eq!(text(refused), Err(CatalogueError::Seconds), "{refused:?}");
    }
    for taken in ["{seconds}", "in {seconds} Sekunden", "noch {seconds}", "{{seconds}}"] {
        assert_eq!(text(taken), Ok(()), "{taken:?}");
    }
    assert!(german().text(Reply::LoginDelay, "sp\u{e4}ter").is_ok(), "the other text says none");
}

#[test]
fn a_tag_stands_for_one_language() {
    // R-6856-07
    let other = |tag| Catalogue::new(tag, "").unwrap();
    for tag in ["de", "DE", "en", "En"] {
        assert_eq!(with_german().language(other(tag)).unwrap_err(), ConfigError::RepeatedLanguage, "{tag}");
    }
    assert_eq!(with_german().default_language(other("dE")).unwrap_err(), ConfigError::RepeatedLanguage);
    assert!(with_german().default_language(other("EN")).is_ok(), "it takes the place of the other");
    for tag in ["", "*", "d_e", "de-", "abcdefghi", "de AT", &"a-".repeat(32)] {
        assert!(matches!(Catalogue::new(tag, ""), Err(CatalogueError::Tag(_))), "{tag:?}");
    }
}

#[test]
fn what_is_spoken_first_is_ascii() {
    // R-6856-07, R-1939-04
    assert_eq!(Config::new().default_language(german()).unwrap_err(), ConfigError::NotAscii);
    assert!(Config::new().default_language(german_in_ascii()).is_ok());
}

#[test]
fn there_are_256_languages_at_the_most_and_each_can_be_chosen() {
    // R-6856-07, R-GEN-04
    let description = "x".repeat(500);
    let language = |n: usize| Catalogue::new(&format!("x-{n}"), &description).unwrap();
    let config = Config::new().output_limit(1024).unwrap();
    let config = (1..=255).fold(config, |config, n| config.language(language(n)).unwrap());
    assert_eq!(config.clone().language(language(256)).unwrap_err(), ConfigError::TooManyLanguages);
    let mut server = server(config, Security::Tls);
    let list: Vec<_> = (1..=255).map(|n| format!("x-{n} {description}\r\n")).collect();
    assert_eq!(
        server.send("LANG\r\n"),
        format!("+OK list of languages follows\r\nen English\r\n{}.\r\n", list.concat())
    );
    assert_eq!(server.send("LANG x-255\r\n"), "+OK x-255 language changed\r\n");
}

#[test]
fn a_catalogue_knows_its_tag_and_its_description() {
    let catalogue = german();
    assert_eq!((catalogue.tag().as_str(), catalogue.description().map(Text::as_str)), ("de", Some("Deutsch")));
    assert_eq!(Catalogue::new("sv", "").unwrap().description(), None);
    assert_eq!(Catalogue::english().tag().as_str(), "en");
}
