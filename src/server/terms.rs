//! What holds in every state: the configuration, what was agreed on, and what is counted.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::catalogue::Catalogue;
use super::close::CloseReason;
use super::config::{Config, Utf8};
use super::http;
use super::offers::ClientIdentity;
use super::reply::Reply;
use crate::Security;
use crate::buffer::{Defect, Input, Line, Output, Pipe};
use crate::part::part;
use crate::totals::Counts;
use crate::trace::Tracer;
use crate::wire::{
    Command, CommandError, Deviation, DeviationCounts, DeviationSet, Language, Mechanisms, Parsed, State, Verb,
};

/// The part of a session that is the same in every state, beside its pipe.
pub(super) struct Terms {
    pub(super) config: Arc<Config>,
    pub(super) security: Security,
    pub(super) identity: ClientIdentity,
    /// Whether the client has sent UTF8.
    pub(super) utf8: bool,
    /// Which language is in use: 0 for the default one, else one more than its place among the others.
    language: u8,
    pub(super) deviations: DeviationCounts,
    /// What was done before STLS too: it decides nothing here.
    pub(super) counts: Counts,
    /// How many messages had other octets than were announced.
    pub(super) wrong_sizes: u32,
    pub(super) trace: Tracer,
    /// The command that is answered, for the trace.
    verb: Option<Verb>,
    bad_commands_in_a_row: u32,
}

/// Without the configuration, which is the same for all.
impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("security", &self.security)
            .field("identity", &self.identity)
            .field("utf8", &self.utf8)
            .field("language", &self.language)
            .field("deviations", &self.deviations)
            .field("counts", &self.counts)
            .field("bad_commands_in_a_row", &self.bad_commands_in_a_row)
            .finish_non_exhaustive()
    }
}

/// What happens instead of the next step when a command doesn't lead to one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instead {
    /// The client is answered.
    Answer(Reply),
    /// The client is answered, and the command counts as a bad one: malformed, unknown or out of place (R-GEN-06).
    Bad(Reply),
    /// The client may try again after so many seconds.
    TryAgain(u32),
    /// The client is answered, and the session is over.
    Close(Reply, CloseReason),
}

impl From<Reply> for Instead {
    fn from(reply: Reply) -> Self {
        Self::Answer(reply)
    }
}

/// What the functions of a state are given beside its own data.
pub(super) struct Work<'a> {
    pub(super) pipe: &'a mut Pipe,
    pub(super) terms: &'a mut Terms,
}

impl Work<'_> {
    /// Begins anew after STLS: everything is as the configuration has it, and nothing that was sent or agreed on in the clear
    /// is left (R-2595-03). Only the deadline runs on, and what the host counts and sees, which decides nothing.
    pub(super) fn renew(&mut self, identity: ClientIdentity) {
        let fresh = Terms::new(Arc::clone(&self.terms.config), Security::Tls);
        let (counts, trace) = (self.terms.counts, mem::take(&mut self.terms.trace));
        *self.terms = Terms { identity, counts, trace, ..fresh };
        self.pipe.renew(self.terms.pipe());
    }
}

impl Terms {
    pub(super) fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            config,
            security,
            identity: ClientIdentity::Unknown,
            utf8: false,
            language: 0,
            deviations: DeviationCounts::default(),
            counts: Counts::default(),
            wrong_sizes: 0,
            trace: Tracer::default(),
            verb: None,
            bad_commands_in_a_row: 0,
        }
    }

    /// A pipe with nothing in it.
    pub(super) fn pipe(&self) -> Pipe {
        let limit = self.config.command_line_limit;
        Pipe::new(Input::of_commands(limit), Output::new(self.config.output_limit as usize))
    }

    /// Whether USER, PASS and APOP are allowed (R-8314-02).
    pub(super) fn may_log_in(&self) -> bool {
        self.security.is_secure() || self.config.cleartext_logins
    }

    /// Whether STLS would be followed in AUTHORIZATION (R-2595-01, R-6856-02, R-8314-03).
    pub(super) fn offers_stls(&self) -> bool {
        self.config.stls && !self.utf8 && matches!(self.security, Security::Cleartext | Security::TrustedLocal)
    }

    /// The mechanisms that AUTH takes, if there is any.
    pub(super) fn mechanisms(&self) -> Option<Mechanisms<'_>> {
        self.config.offers.allowed(self.may_log_in(), self.identity)
    }

    /// Whether LANG is offered.
    pub(super) fn has_languages(&self) -> bool {
        !self.config.languages.is_empty()
    }

    /// The texts of the language in use.
    #[inline]
    pub(super) fn catalogue(&self) -> &Catalogue {
        let other = usize::from(self.language).checked_sub(1).map(|at| self.config.languages.get(at));
        debug_assert!(!matches!(other, Some(None)), "there is a language at each place that LANG has chosen");
        other.flatten().unwrap_or(&self.config.default_language)
    }

    /// Chooses a language, if there is such a one.
    pub(super) fn speak(&mut self, language: Language<'_>) -> Result<(), Reply> {
        let at = match language {
            Language::Default => Some(0),
            Language::Tag(tag) => self.config.all_languages().position(|catalogue| catalogue.tag() == tag),
        };
        self.language = at.and_then(|at| u8::try_from(at).ok()).ok_or(Reply::UnknownLanguage)?;
        Ok(())
    }

    /// Writes the first line of a response.
    #[inline]
    pub(super) fn respond(&mut self, output: &mut Output, write: impl FnOnce(&Self, &mut Vec<u8>)) {
        let text = output.text();
        let start = text.len();
        write(self, text);
        if self.trace.is_on() {
            self.trace.response(self.verb, part(text, start..));
        }
    }

    #[inline]
    pub(super) fn reply(&mut self, output: &mut Output, reply: Reply) {
        self.respond(output, |terms, text| text.extend_from_slice(terms.catalogue().line(reply).as_bytes()));
    }

    /// A reply that ends the row of bad commands.
    #[inline]
    pub(super) fn good(&mut self, output: &mut Output, reply: Reply) {
        self.bad_commands_in_a_row = 0;
        self.reply(output, reply);
    }

    /// A good reply of one line: `+OK`, a space, and what `write` writes.
    #[inline]
    pub(super) fn good_line(&mut self, output: &mut Output, write: impl FnOnce(&mut Vec<u8>)) {
        self.bad_commands_in_a_row = 0;
        self.respond(output, |_, text| {
            text.extend_from_slice(b"+OK ");
            write(text);
        });
    }

    /// Answers a command that leads to no step; the error is why the session is over, if it is.
    pub(super) fn settle(&mut self, output: &mut Output, state: State, instead: Instead) -> Result<(), CloseReason> {
        let (reply, reason) = match instead {
            Instead::Answer(reply) => (reply, None),
            Instead::TryAgain(seconds) => {
                self.respond(output, |terms, text| terms.catalogue().put_login_delay(seconds, text));
                return Ok(());
            }
            Instead::Close(reply, reason) => (reply, Some(reason)),
            Instead::Bad(reply) => {
                self.bad_commands_in_a_row = self.bad_commands_in_a_row.saturating_add(1);
                let limit = match state {
                    State::Authorization => self.config.bad_commands_before_login,
                    State::Transaction => self.config.bad_commands_after_login,
                };
                if self.bad_commands_in_a_row < limit {
                    (reply, None)
                } else {
                    (Reply::TooManyBadCommands, Some(CloseReason::TooManyBadCommands))
                }
            }
        };
        self.reply(output, reply);
        reason.map_or(Ok(()), Err)
    }

    /// Whether the last commands were bad.
    pub(super) fn is_in_bad_row(&self) -> bool {
        self.bad_commands_in_a_row > 0
    }

    /// Shows a line that isn't looked at as a command.
    pub(super) fn show_unread(&mut self) {
        self.verb = None;
        self.trace.command(&[], None);
    }

    /// Shows the line that a command was parsed from, and returns the command if nothing is wrong with either.
    #[inline]
    pub(super) fn accept<'p, 'a>(
        &mut self,
        parsed: &'p Result<Parsed<Command<'a>>, CommandError>,
        text: &[u8],
        line: Line,
        state: State,
    ) -> Result<&'p Command<'a>, Instead> {
        let command = self.check_command(parsed, text, line);
        if self.trace.is_on() {
            self.verb = command.ok().map(Command::verb);
            self.trace.command(text, command.ok());
        }
        command.map_err(|reply| not_understood(text, line, state, reply))
    }

    /// The command, if nothing is wrong with it or its line; deviations that are accepted are counted.
    #[inline]
    fn check_command<'p, 'a>(
        &mut self,
        parsed: &'p Result<Parsed<Command<'a>>, CommandError>,
        text: &[u8],
        line: Line,
    ) -> Result<&'p Command<'a>, Reply> {
        check(line)?;
        let Parsed { value: command, deviations } = parsed.as_ref().map_err(|error| *error)?;
        let mut deviations = *deviations;
        if deviations.contains(Deviation::EightBitCredentials) && self.config.utf8 == Some(Utf8::MessagesAndNames) {
            if core::str::from_utf8(text).is_err() {
                return Err(Reply::NotUtf8);
            }
            deviations = deviations.without(Deviation::EightBitCredentials);
        }
        self.overlook(deviations, line)?;
        Ok(command)
    }

    /// Checks a line that is no command, and counts how it deviates.
    pub(super) fn check(&mut self, line: Line) -> Result<(), Reply> {
        check(line)?;
        self.overlook(DeviationSet::NONE, line)
    }

    /// Counts how a line deviates, if the configuration accepts that.
    #[inline]
    fn overlook(&mut self, mut deviations: DeviationSet, line: Line) -> Result<(), Reply> {
        deviations.extend(line.bare_lf.then_some(Deviation::BareLineFeed));
        if !self.config.accepted.contains_all(deviations) {
            return Err(Reply::Deviation);
        }
        self.deviations.count(deviations);
        Ok(())
    }
}

/// Whether a line can be parsed at all.
fn check(line: Line) -> Result<(), Reply> {
    match line.defect {
        Some(Defect::TooLong) => Err(Reply::LineTooLong),
        Some(Defect::Stray) => Err(Reply::StrayOctet),
        None => Ok(()),
    }
}

/// What a line that is no command leads to, if `reply` says what is wrong with it.
fn not_understood(text: &[u8], line: Line, state: State, reply: Reply) -> Instead {
    match Verb::from_line(text) {
        // Somebody in a terminal, or something that wants to keep the connection alive.
        None if text.is_empty() => Instead::Answer(reply),
        None if state == State::Authorization && http::begins_request(text, line.defect != Some(Defect::TooLong)) => {
            Instead::Close(Reply::NotHttp, CloseReason::HttpRequest)
        }
        // Where a command has no place, what is wrong with it doesn't matter.
        Some(verb) if !verb.is_valid_in(state) => Instead::Bad(Reply::WrongState),
        _ => Instead::Bad(reply),
    }
}
