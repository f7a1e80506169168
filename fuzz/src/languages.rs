//! The languages of a server, and how to know each by its texts.

use std::sync::OnceLock;

use pop3_proto::server::{Catalogue, Reply};
use pop3_proto::wire::ResponseCode;

/// A language that is none of the crate's: each of its texts is the English one with a mark before it.
pub struct Spoken {
    pub tag: &'static str,
    description: &'static str,
    mark: &'static str,
    /// Whether each text is as long as a line may be.
    long: bool,
}

pub const ENGLISH: Spoken = Spoken { tag: "en", description: "English", mark: "", long: false };
/// What is spoken in the place of English; it has to be ASCII.
pub const FIRST: Spoken = Spoken { tag: "en-x-first", description: "", mark: "first", long: false };
pub const SECOND: Spoken = Spoken { tag: "de", description: "Deutsch \u{e4}", mark: "\u{e4}", long: false };
pub const THIRD: Spoken = Spoken { tag: "x-3", description: "", mark: "\u{20ac}", long: true };

impl Spoken {
    /// The text of a reply.
    pub fn text(&self, reply: Reply) -> String {
        let text = [self.mark, reply.english()].join(" ");
        let text = text.trim().to_owned();
        if !self.long {
            return text;
        }
        let code = match reply {
            // The code is the host's.
            Reply::Refused => ResponseCode::MAX_OCTETS + 3,
            reply => reply.code().map_or(0, |code| code.as_str().len() + 3),
        };
        let tag = if reply == Reply::Language { self.tag.len() + 1 } else { 0 };
        let digits = usize::from(reply == Reply::LoginDelaySeconds);
        let others = reply.status().as_str().len() + code + tag + digits + " \r\n".len();
        text.clone() + &"y".repeat(512 - others - text.len())
    }

    /// Whether a text is in this language.
    pub fn says(&self, text: &[u8]) -> bool {
        let marks = [FIRST.mark, SECOND.mark, THIRD.mark];
        let mark = marks.into_iter().find(|mark| text.starts_with(mark.as_bytes())).unwrap_or_default();
        mark == self.mark
    }

    /// The line that LANG lists.
    pub fn listing(&self) -> String {
        [self.tag, self.description].join(" ").trim().to_owned()
    }

    fn catalogue(&self) -> Catalogue {
        let empty = Catalogue::new(self.tag, self.description).expect("a language");
        Reply::ALL.iter().copied().fold(empty, |texts, reply| texts.text(reply, &self.text(reply)).expect("a text"))
    }
}

/// The catalogues of the first, the second and the third language.
pub fn catalogues() -> &'static [Catalogue; 3] {
    static CATALOGUES: OnceLock<[Catalogue; 3]> = OnceLock::new();
    CATALOGUES.get_or_init(|| [FIRST.catalogue(), SECOND.catalogue(), THIRD.catalogue()])
}
