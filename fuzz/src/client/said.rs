//! What a client says: commands as the crate has them, beside the lines that they should be.

use pop3_proto::auth::apop;
use pop3_proto::client::{InitialResponsePolicy, SendError, Session, Ticket};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Language, Mechanism, Name, Opening, Password, Timestamp, Verb};

use super::case::Say;
use super::model::{Exchange, Model, Sent};
use crate::sasl;

/// What stands in each secret, and nowhere else.
pub const SECRET: &str = "SECRETsecret";

/// What the documents say of mechanisms: the opening, and whether a listener gets hold of something to log in with.
const MECHANISMS: [(&str, Opening, bool); 8] = [
    ("PLAIN", Opening::Client, true),
    ("LOGIN", Opening::Either, true),
    ("CRAM-MD5", Opening::Server, false),
    ("EXTERNAL", Opening::Client, false),
    ("XOAUTH2", Opening::Client, true),
    ("OAUTHBEARER", Opening::Client, true),
    ("SCRAM-SHA-256", Opening::Client, false),
    // Nobody knows it, so the worst is to be assumed.
    ("X-OWN", Opening::Either, true),
];

/// Says it, to the session and to the model, and checks that both refuse it or neither.
pub fn say(session: &mut Session, model: &mut Model<'_>, what: Say) {
    let message = MessageNumber::new(1 + u32::from(what.number)).expect("a number");
    let n = message.get();
    let name = if what.what % 32 == 22 { "x".repeat(240 + usize::from(what.number % 16)) } else { "mrose".to_owned() };
    let name = if what.what % 32 == 23 { "m\u{fc}ller".to_owned() } else { name };
    let named = Name::new(&name).expect("a name");
    let password = Password::new(SECRET).expect("a password");
    let (command, line) = match what.what % 32 {
        0 | 22 | 23 => (Command::User { name: named }, format!("USER {name}")),
        1 | 24 => (Command::Pass { password }, format!("PASS {SECRET}")),
        2 => (Command::Stat, "STAT".to_owned()),
        3 => (Command::List { message: None }, "LIST".to_owned()),
        4 => (Command::List { message: Some(message) }, format!("LIST {n}")),
        5 | 25 => (Command::Retr { message }, format!("RETR {n}")),
        6 => (Command::Top { message, lines: n.into() }, format!("TOP {n} {n}")),
        7 => (Command::Uidl { message: None }, "UIDL".to_owned()),
        8 => (Command::Uidl { message: Some(message) }, format!("UIDL {n}")),
        9 => (Command::Dele { message }, format!("DELE {n}")),
        10 => (Command::Noop, "NOOP".to_owned()),
        11 => (Command::Rset, "RSET".to_owned()),
        12 => (Command::Quit, "QUIT".to_owned()),
        13 | 26 => (Command::Capa, "CAPA".to_owned()),
        14 => (Command::Stls, "STLS".to_owned()),
        15 => (Command::Utf8, "UTF8".to_owned()),
        16 => (Command::Lang { language: None }, "LANG".to_owned()),
        17 => (Command::Lang { language: Some(Language::Default) }, "LANG *".to_owned()),
        18 => (Command::Auth { arguments: None }, "AUTH".to_owned()),
        19 => (Command::Last, "LAST".to_owned()),
        20 => {
            // Before the greeting nobody knows whether there is one.
            let other = Timestamp::new("<a@b>").expect("a timestamp");
            let digest = apop::digest(session.timestamp().unwrap_or(&other), SECRET.as_bytes());
            let line = format!("APOP mrose {}", String::from_utf8_lossy(&digest.to_hex()));
            (Command::Apop { name: Name::new("mrose").expect("a name"), digest }, line)
        }
        31 => return withdraw(session, model, n as usize),
        _ => return authenticate(session, model, what),
    };
    let refused = model.refuses(&line, command.verb());
    let sent = session.send(&command);
    if let Some(ticket) = said(sent, &refused) {
        model.send(Sent::new(ticket, command.verb(), line, None));
    }
}

/// Takes one of the commands back that aren't answered, if that can be done.
fn withdraw(session: &mut Session, model: &mut Model<'_>, number: usize) {
    let Some(sent) = model.queue.get(number % model.queue.len().max(1)) else { return };
    let ticket = sent.ticket;
    assert_eq!(session.withdraw(ticket), model.withdraw(ticket), "{ticket:?}");
}

/// Begins an exchange, with a first message or without.
fn authenticate(session: &mut Session, model: &mut Model<'_>, what: Say) {
    let (name, opening, cleartext) = MECHANISMS[usize::from(what.number % 8)];
    let mechanism = Mechanism::new(name).expect("a mechanism");
    let first = match what.number >> 3 & 7 {
        0 if cleartext => format!("\0mrose\0{SECRET}"),
        0 | 1 => String::new(),
        2 => "long ".repeat(50),
        // Just as long as a line may be, and some octets more.
        length @ 3..6 => "x".repeat(170 + usize::from(length)),
        _ => return begin(session.authenticate(mechanism), model, name, cleartext, None, &[]),
    };
    let refused: &[_] = if opening == Opening::Server { &[SendError::NoInitialResponse] } else { &[] };
    let begun = session.authenticate_with(mechanism, first.as_bytes());
    begin(begun, model, name, cleartext, Some(first.into_bytes()), refused);
}

fn begin(
    begun: Result<Ticket, SendError>,
    model: &mut Model<'_>,
    name: &'static str,
    cleartext: bool,
    first: Option<Vec<u8>>,
    refused: &[SendError],
) {
    let text = first.as_ref().map(|first| match sasl::encode(first) {
        empty if empty.is_empty() => "=".to_owned(),
        text => text,
    });
    let whole = text.map(|text| format!("AUTH {name} {text}"));
    let whole = whole.filter(|line| match model.case.settings.policy() {
        InitialResponsePolicy::Auto => model.announces("SASL") && line.len() + 2 <= 255,
        InitialResponsePolicy::Never => false,
        InitialResponsePolicy::Always => true,
    });
    let token_is_sent = whole.is_some();
    let line = whole.unwrap_or_else(|| format!("AUTH {name}"));
    let refused = [refused, &model.refuses_exchange(&line, cleartext)].concat();
    if let Some(ticket) = said(begun, &refused) {
        let initial = first.filter(|_| !token_is_sent);
        let messages = usize::from(token_is_sent);
        let exchange =
            Exchange { name, initial, messages, failures: 0, goes_on: false, token_is_sent, cancelled: false };
        model.send(Sent::new(ticket, Verb::Auth, line, Some(exchange)));
    }
}

/// The ticket if it is sent; if not, it is for one of these reasons.
fn said(sent: Result<Ticket, SendError>, refused: &[SendError]) -> Option<Ticket> {
    match sent {
        Ok(_) => assert!(refused.is_empty(), "sent in spite of {refused:?}"),
        Err(error) => assert!(refused.contains(&error), "{error:?}, but {refused:?}"),
    }
    sent.ok()
}
