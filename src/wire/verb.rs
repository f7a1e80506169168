//! The table of commands: what each keyword is, where it is valid, and which of its responses are multi-line.

use core::fmt;

use super::command::Command;

/// The states in which commands are read (RFC 1939 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The client hasn't logged in (RFC 1939 §4).
    Authorization,
    /// The maildrop is open (RFC 1939 §5).
    Transaction,
}

/// The whole table is the one use of this macro; everything that depends on the verb alone is derived from it.
macro_rules! verbs {
    ($($Verb:ident $keyword:literal $authorization:ident $transaction:ident $without:ident $with:ident;)*) => {
        /// The keyword of a command.
        ///
        /// Where it is valid, and whether its `+OK` goes on after the first line, without and with the argument that
        /// may be left out (RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4, RFC 6856 §2 and §3):
        ///
        /// | keyword | AUTHORIZATION | TRANSACTION | multi-line without argument | with |
        /// |---|---|---|---|---|
        $(#[doc = concat!(
            "| `", $keyword, "` | ", stringify!($authorization), " | ", stringify!($transaction), " | ",
            stringify!($without), " | ", stringify!($with), " |"
        )])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Verb {
            $(#[doc = concat!("The keyword of [`Command::", stringify!($Verb), "`].")] $Verb,)*
        }

        impl Verb {
            /// All keywords, RFC 1939 §9's first.
            pub const ALL: [Self; [$($keyword),*].len()] = [$(Self::$Verb),*];

            /// Returns the keyword as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Verb => $keyword,)*
                }
            }

            /// Whether the command has its place in `state`.
            pub const fn is_valid_in(self, state: State) -> bool {
                // A bit for each verb.
                let valid = match state {
                    State::Authorization => 0_u32 $(| (is!($authorization) as u32) << Self::$Verb as u32)*,
                    State::Transaction => 0_u32 $(| (is!($transaction) as u32) << Self::$Verb as u32)*,
                };
                valid >> self as u32 & 1 != 0
            }

            /// Whether `+OK` goes on after its first line, up to a line of one dot, by whether the command [has an
            /// argument](Command::has_argument). Text never matters, and `-ERR` is always one line (RFC 1939 §3).
            pub const fn is_multi_line(self, has_argument: bool) -> bool {
                match self {
                    $(Self::$Verb => if has_argument { is!($with) } else { is!($without) },)*
                }
            }

            /// Splits a line into a keyword of so many octets and what follows it: nothing, or a space and more.
            #[inline]
            fn split_at<const N: usize>(line: &[u8]) -> Option<(Self, &[u8])> {
                let (word, rest) = line.split_first_chunk::<N>()?;
                if rest.first().is_some_and(|&octet| octet != b' ') {
                    return None;
                }
                let verb = match number(word) {
                    $(keyword::$Verb if $keyword.len() == N && (is_letters($keyword) || is_word(word, $keyword)) => {
                        Self::$Verb
                    })*
                    _ => return None,
                };
                Some((verb, rest))
            }
        }

        impl Command<'_> {
            /// Returns the keyword.
            pub const fn verb(&self) -> Verb {
                match self {
                    $(Self::$Verb { .. } => Verb::$Verb,)*
                }
            }
        }

        /// Keywords as one number each.
        #[expect(non_upper_case_globals, reason = "they are named after the verbs")]
        mod keyword {
            $(pub(super) const $Verb: u32 = super::number($keyword.as_bytes());)*
        }
    };
}

macro_rules! is {
    (yes) => {
        true
    };
    (no) => {
        false
    };
}

verbs! {
//                 valid in            multi-line
//                 AUTHOR-  TRANS-     without with
//                 IZATION  ACTION     argument
    User "USER"    yes      no         no      no;
    Pass "PASS"    yes      no         no      no;
    Quit "QUIT"    yes      yes        no      no;
    Stat "STAT"    no       yes        no      no;
    List "LIST"    no       yes        yes     no;
    Retr "RETR"    no       yes        yes     yes;
    Dele "DELE"    no       yes        no      no;
    Noop "NOOP"    no       yes        no      no;
    Rset "RSET"    no       yes        no      no;
    Apop "APOP"    yes      no         no      no;
    Top  "TOP"     no       yes        yes     yes;
    Uidl "UIDL"    no       yes        yes     no;
    Capa "CAPA"    yes      yes        yes     yes;
    Last "LAST"    no       yes        no      no;
    Stls "STLS"    yes      no         no      no;
    Auth "AUTH"    yes      no         yes     no;
    Utf8 "UTF8"    yes      no         no      no;
    Lang "LANG"    yes      yes        yes     no;
}

impl Verb {
    /// Returns the keyword that `line` begins with, whether or not the rest of the line makes sense. It may be in any
    /// case (RFC 1939 §3).
    pub fn from_line(line: &[u8]) -> Option<Self> {
        Self::split(line).map(|(verb, _)| verb)
    }

    /// Splits a line into its keyword and what follows it: nothing, or a space and more.
    #[inline]
    pub(super) fn split(line: &[u8]) -> Option<(Self, &[u8])> {
        Self::split_at::<4>(line).or_else(|| Self::split_at::<3>(line))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns a word of three or four octets as a number that doesn't depend on their case: a letter's upper case is the
/// same octet without 0x20, and no other octet becomes a letter that way.
const fn number(word: &[u8]) -> u32 {
    let octets = match *word {
        [a, b, c, d] => [a, b, c, d],
        [a, b, c] => [0, a, b, c],
        _ => [0; 4],
    };
    u32::from_be_bytes(octets) & 0xDFDF_DFDF
}

/// Whether the number of a keyword is that of no other word.
const fn is_letters(keyword: &str) -> bool {
    let mut octets = keyword.as_bytes();
    while let [octet, after @ ..] = octets {
        if !octet.is_ascii_uppercase() {
            return false;
        }
        octets = after;
    }
    true
}

fn is_word(octets: &[u8], keyword: &str) -> bool {
    octets.eq_ignore_ascii_case(keyword.as_bytes())
}
