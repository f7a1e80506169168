//! The ways in which input may break a rule and still be understood.

use core::fmt;

/// One way of breaking a rule of the RFCs that a lenient reader understands all the same.
///
/// Nothing that this crate sends ever needs one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Deviation {
    /// A line ends with LF alone instead of CRLF (RFC 1939 §3).
    BareLineFeed,
    /// Spaces repeat before a number, or trail after the last argument (RFC 1939 §3).
    ExtraSpaces,
    /// A name or a password holds octets of 0x80 and above (RFC 1939 §3).
    EightBitCredentials,
    /// A password holds control octets other than CR, LF and NUL (RFC 1939 §3).
    ControlInPassword,
    /// An APOP digest has upper-case hexadecimal digits (RFC 1939 §7).
    UpperCaseDigest,
    /// A response line, or a line of a listing, has more than 512 octets (RFC 1939 §3).
    LongLine,
    /// A status indicator isn't in upper case (RFC 1939 §3).
    LowerCaseStatus,
    /// A response code follows other text (RFC 2449 §8).
    LateCode,
    /// A unique-id has more than 70 octets, or others than 0x21 to 0x7E (RFC 1939 §7).
    OddUniqueId,
    /// A challenge is a `+` without a space (RFC 5034 §4).
    BareChallenge,
}

impl Deviation {
    /// All deviations.
    pub const ALL: [Self; 10] = [
        Self::BareLineFeed,
        Self::ExtraSpaces,
        Self::EightBitCredentials,
        Self::ControlInPassword,
        Self::UpperCaseDigest,
        Self::LongLine,
        Self::LowerCaseStatus,
        Self::LateCode,
        Self::OddUniqueId,
        Self::BareChallenge,
    ];

    /// Returns a name for logs and metrics that stays the same in later releases.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare-line-feed",
            Self::ExtraSpaces => "extra-spaces",
            Self::EightBitCredentials => "eight-bit-credentials",
            Self::ControlInPassword => "control-in-password",
            Self::UpperCaseDigest => "upper-case-digest",
            Self::LongLine => "long-line",
            Self::LowerCaseStatus => "lower-case-status",
            Self::LateCode => "late-code",
            Self::OddUniqueId => "odd-unique-id",
            Self::BareChallenge => "bare-challenge",
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of deviations.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviationSet(u16);

impl DeviationSet {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set of all deviations.
    pub const ALL: Self = Self((1 << Deviation::ALL.len()) - 1);

    /// What both sessions accept unless their configuration says otherwise: all that can't be taken for something else. Not
    /// in it are [`LowerCaseStatus`](Deviation::LowerCaseStatus) and [`LateCode`](Deviation::LateCode).
    pub const DEFAULT: Self = Self::ALL.without(Deviation::LowerCaseStatus).without(Deviation::LateCode);

    /// Returns this set and `deviation`.
    #[must_use]
    pub const fn with(self, deviation: Deviation) -> Self {
        Self(self.0 | 1 << deviation as u16)
    }

    /// Returns this set without `deviation`.
    #[must_use]
    pub const fn without(self, deviation: Deviation) -> Self {
        Self(self.0 & !(1 << deviation as u16))
    }

    /// Whether `deviation` is in it.
    pub const fn contains(self, deviation: Deviation) -> bool {
        self.0 & 1 << deviation as u16 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Returns what is in it.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL.into_iter().filter(move |&deviation| self.contains(deviation))
    }
}

impl Extend<Deviation> for DeviationSet {
    fn extend<I: IntoIterator<Item = Deviation>>(&mut self, deviations: I) {
        *self = deviations.into_iter().fold(*self, Self::with);
    }
}

impl FromIterator<Deviation> for DeviationSet {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Self {
        deviations.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for DeviationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A value that was read, and what had to be overlooked to understand it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parsed<T> {
    /// The value.
    pub value: T,
    /// The rules that the octets break.
    pub deviations: DeviationSet,
}

/// How often each deviation was accepted.
///
/// `Display` and `Debug` name those that were: `bare-line-feed 3, extra-spaces 1`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviationCounts([u16; Deviation::ALL.len()]);

impl DeviationCounts {
    /// Returns how often `deviation` was accepted; stays at 65,535 once there.
    pub fn count_of(&self, deviation: Deviation) -> u32 {
        self.0.get(deviation as usize).map_or(0, |&count| count.into())
    }

    #[inline]
    pub(crate) fn count(&mut self, accepted: DeviationSet) {
        if !accepted.is_empty() {
            self.count_each(accepted);
        }
    }

    #[cold]
    fn count_each(&mut self, accepted: DeviationSet) {
        for deviation in accepted.iter() {
            self.add(deviation, 1);
        }
    }

    /// Counts a deviation that was accepted so many times.
    pub(crate) fn add(&mut self, deviation: Deviation, times: usize) {
        if let Some(count) = self.0.get_mut(deviation as usize) {
            *count = count.saturating_add(u16::try_from(times).unwrap_or(u16::MAX));
        }
    }
}

/// Nothing, where none was accepted.
impl fmt::Display for DeviationCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = Deviation::ALL.into_iter().filter(|deviation| self.count_of(*deviation) > 0);
        counted.enumerate().try_for_each(|(at, deviation)| {
            write!(f, "{}{deviation} {}", if at > 0 { ", " } else { "" }, self.count_of(deviation))
        })
    }
}

impl fmt::Debug for DeviationCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviationCounts({self})")
    }
}
