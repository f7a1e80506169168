//! The keywords of commands.

use core::fmt;

/// The keyword of a command.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Verb {
    User,
    Pass,
    Quit,
    Stat,
    List,
    Retr,
    Dele,
    Noop,
    Rset,
    Apop,
    Top,
    Uidl,
    Capa,
    Last,
    Stls,
    Auth,
    Utf8,
    Lang,
}

impl Verb {
    /// All keywords, RFC 1939 §9's first.
    pub const ALL: [Self; 18] = [
        Self::User,
        Self::Pass,
        Self::Quit,
        Self::Stat,
        Self::List,
        Self::Retr,
        Self::Dele,
        Self::Noop,
        Self::Rset,
        Self::Apop,
        Self::Top,
        Self::Uidl,
        Self::Capa,
        Self::Last,
        Self::Stls,
        Self::Auth,
        Self::Utf8,
        Self::Lang,
    ];

    /// The keyword as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Pass => "PASS",
            Self::Quit => "QUIT",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Retr => "RETR",
            Self::Dele => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Apop => "APOP",
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::Capa => "CAPA",
            Self::Last => "LAST",
            Self::Stls => "STLS",
            Self::Auth => "AUTH",
            Self::Utf8 => "UTF8",
            Self::Lang => "LANG",
        }
    }

    /// The keyword of a line, whether or not the rest of the line makes sense.
    pub fn of(line: &[u8]) -> Option<Self> {
        Self::split(line).map(|(verb, _)| verb)
    }

    /// Splits a line into its keyword and what follows it: nothing, or a space and more.
    #[inline]
    pub(super) fn split(line: &[u8]) -> Option<(Self, &[u8])> {
        if let Some((word, rest)) = line.split_first_chunk::<4>() {
            if rest.first().is_none_or(|&octet| octet == b' ') {
                // A letter's upper case is the same octet without 0x20, and no other octet becomes a letter that way.
                let verb = match u32::from_be_bytes(*word) & 0xDFDF_DFDF {
                    keyword::USER => Self::User,
                    keyword::PASS => Self::Pass,
                    keyword::QUIT => Self::Quit,
                    keyword::STAT => Self::Stat,
                    keyword::LIST => Self::List,
                    keyword::RETR => Self::Retr,
                    keyword::DELE => Self::Dele,
                    keyword::NOOP => Self::Noop,
                    keyword::RSET => Self::Rset,
                    keyword::APOP => Self::Apop,
                    keyword::UIDL => Self::Uidl,
                    keyword::CAPA => Self::Capa,
                    keyword::LAST => Self::Last,
                    keyword::STLS => Self::Stls,
                    keyword::AUTH => Self::Auth,
                    keyword::LANG => Self::Lang,
                    // A digit without 0x20 is something else.
                    keyword::UTF if word.ends_with(b"8") => Self::Utf8,
                    _ => return Self::split_top(line),
                };
                return Some((verb, rest));
            }
        }
        Self::split_top(line)
    }

    fn split_top(line: &[u8]) -> Option<(Self, &[u8])> {
        let (word, rest) = line.split_first_chunk::<3>()?;
        let is_top = word.eq_ignore_ascii_case(b"TOP") && rest.first().is_none_or(|&octet| octet == b' ');
        is_top.then_some((Self::Top, rest))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Keywords of four letters, as one number each.
mod keyword {
    pub(super) const USER: u32 = u32::from_be_bytes(*b"USER");
    pub(super) const PASS: u32 = u32::from_be_bytes(*b"PASS");
    pub(super) const QUIT: u32 = u32::from_be_bytes(*b"QUIT");
    pub(super) const STAT: u32 = u32::from_be_bytes(*b"STAT");
    pub(super) const LIST: u32 = u32::from_be_bytes(*b"LIST");
    pub(super) const RETR: u32 = u32::from_be_bytes(*b"RETR");
    pub(super) const DELE: u32 = u32::from_be_bytes(*b"DELE");
    pub(super) const NOOP: u32 = u32::from_be_bytes(*b"NOOP");
    pub(super) const RSET: u32 = u32::from_be_bytes(*b"RSET");
    pub(super) const APOP: u32 = u32::from_be_bytes(*b"APOP");
    pub(super) const UIDL: u32 = u32::from_be_bytes(*b"UIDL");
    pub(super) const CAPA: u32 = u32::from_be_bytes(*b"CAPA");
    pub(super) const LAST: u32 = u32::from_be_bytes(*b"LAST");
    pub(super) const STLS: u32 = u32::from_be_bytes(*b"STLS");
    pub(super) const AUTH: u32 = u32::from_be_bytes(*b"AUTH");
    pub(super) const LANG: u32 = u32::from_be_bytes(*b"LANG");
    pub(super) const UTF: u32 = u32::from_be_bytes([b'U', b'T', b'F', b'8' & 0xDF]);
}
