//! The plan to fetch what isn't there yet, and servers that send a line of one dot as it is, or end amid a message: a
//! message is complete only when the stream is shown to be in step after it (R-GEN-14).

use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::client::{Action, Choice, Closed, Config, Error, Fetch, Progress, ProtocolError, Session};

use crate::common::Script;
use crate::common::fetch::*;

/// A plan that has asked for the last three of six messages in one go.
fn pipelined() -> Plan {
    let mut plan = listed_ahead(Fetch::new());
    for messages in [&[4][..], &[5, 6]] {
        assert_eq!(plan.writes(), asked(messages));
        plan.tells(&sound(messages));
        for message in messages {
            plan.fetch.keep(number(*message));
        }
    }
    assert_eq!(plan.writes(), asked(&[1, 2, 3]));
    plan
}

/// A plan that has six messages to fetch, the first three of them last, and a server that takes commands ahead.
fn listed_ahead(fetch: Fetch) -> Plan {
    chosen_ahead(fetch, |id| if id <= &b"c"[..] { Choice::Last } else { Choice::Fetch })
}

/// The same, with another choice for each.
fn chosen_ahead(fetch: Fetch, choose: impl FnMut(&[u8]) -> Choice) -> Plan {
    let mut plan = Plan::with(Script::logged_in(Config::new()), fetch);
    plan.script.asks("CAPA", "+OK\r\nPIPELINING\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.fetches(b"+OK 6 60\r\n");
    assert_eq!(plan.writes(), "UIDL\r\n");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n5 e\r\n6 f\r\n.\r\n", choose);
    plan
}

fn asked(messages: &[u32]) -> String {
    messages.iter().map(|message| format!("RETR {message}\r\nSTAT\r\n")).collect::<Vec<_>>().concat()
}

/// What a server sends for those that is in step.
fn sound(messages: &[u32]) -> String {
    let sound = |message| format!("+OK\r\nmessage {message}\r\n.\r\n+OK 6 60\r\n");
    messages.iter().map(sound).collect::<Vec<_>>().concat()
}

/// A plan that has asked for the last of three messages, without pipelining.
fn one_by_one() -> Plan {
    let mut plan = Plan::listing("+OK 3 30\r\n");
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    for message in [1, 2] {
        plan.retrieves(message);
        assert_eq!(plan.writes(), "STAT\r\n");
        plan.fetches(b"+OK 3 30\r\n");
    }
    assert_eq!(plan.writes(), "RETR 3\r\n");
    plan
}

/// What a plan tells, in short.
fn short(progress: &[Progress]) -> Vec<String> {
    let short = |progress: &Progress| match progress {
        Progress::Begins(wanted) => format!("begins {}", wanted.message()),
        Progress::Complete(wanted) => format!("complete {}", wanted.message()),
        Progress::Unproven(wanted) => format!("unproven {}", wanted.message()),
        other => format!("{other:?}"),
    };
    progress.iter().map(short).collect()
}

impl Plan {
    /// The end of the session as the plan tells it; octets that break the session may come before it.
    fn ends(&mut self, octets: &[u8]) -> (Vec<String>, Result<Closed, Error>) {
        let mut heard = Vec::new();
        let session = &mut self.script.client.session;
        let how = end(session, octets, |event| {
            self.fetch.observe(event, |_| Choice::Fetch);
            heard.extend(std::iter::from_fn(|| self.fetch.progress()));
        });
        self.fetch.end(&how);
        heard.extend(std::iter::from_fn(|| self.fetch.progress()));
        assert_eq!(self.fetch.advance(&mut self.script.client.session), Ok(false));
        (short(&heard), how)
    }

    fn tells(&mut self, octets: &str) -> Vec<String> {
        short(&self.fetches(octets.as_bytes()))
    }
}

#[test]
fn a_message_is_complete_when_stat_is_answered_as_before() {
    let mut plan = one_by_one();
    assert_eq!(plan.tells("+OK\r\nthree\r\n.\r\n"), ["begins 3"]);
    assert_eq!(plan.writes(), "STAT\r\n");
    assert_eq!(plan.tells("+OK 3 30 and more\r\n"), ["complete 3"]);
}

#[test]
fn those_that_are_asked_for_in_one_go_are_complete_when_all_is_answered() {
    let mut plan = pipelined();
    assert_eq!(plan.tells("+OK\r\none\r\n.\r\n+OK 6 60\r\n"), ["begins 1"]);
    assert_eq!(plan.tells("-ERR gone\r\n+OK 6 60\r\n"), ["Refused(ListedMessage(2, b), Unknown)"]);
    assert_eq!(plan.tells("+OK\r\n.\r\n"), ["begins 3"]);
    assert_eq!(plan.writes(), "");
    assert_eq!(plan.tells("+OK 6 60\r\n"), ["complete 1", "complete 3"]);
}

#[test]
fn the_first_message_goes_alone_and_then_twice_as_many_each_time_while_they_are_small() {
    let mut plan = Plan::with(Script::logged_in(Config::new()), Fetch::new().ahead(5));
    plan.script.asks("CAPA", "+OK\r\nPIPELINING\r\n.\r\n");
    plan.writes();
    plan.fetches(b"+OK 99 99\r\n");
    plan.writes();
    let list: Vec<String> = (1..100).map(|message| format!("{message} id-{message}\r\n")).collect();
    plan.fetches(format!("+OK\r\n{}.\r\n", list.concat()).as_bytes());
    let small = "+OK\r\n.\r\n+OK 99 99\r\n".to_owned();
    let large = format!("+OK\r\n{}.\r\n+OK 99 99\r\n", format!("{}\r\n", "x".repeat(998)).repeat(4200));
    for (count, message) in [
        (1, &small),
        (2, &small),
        (4, &small),
        (5, &small),
        (5, &large),
        (2, &large),
        (1, &large),
        (1, &small),
        (2, &small),
    ] {
        let written = plan.writes();
        assert_eq!(written.matches("RETR").count(), count, "{written}");
        assert_eq!(plan.tells(&message.repeat(count)).len(), 2 * count);
    }
}

#[test]
fn each_session_gets_one_message_further_whatever_comes_before_it() {
    // Headers, and what is refused, are the same in each session.
    let mut plan = chosen_ahead(Fetch::new(), |id| if id <= &b"c"[..] { Choice::Header } else { Choice::Fetch });
    assert_eq!(plan.writes(), "TOP 1 0\r\nSTAT\r\n");
    plan.tells(&sound(&[1]));
    assert_eq!(plan.writes(), "TOP 2 0\r\nSTAT\r\nTOP 3 0\r\nSTAT\r\n");
    plan.tells(&sound(&[2, 3]));
    assert_eq!(plan.writes(), asked(&[4]));
    plan.tells("-ERR gone\r\n+OK 6 60\r\n");
    assert_eq!(plan.writes(), asked(&[5]));
    assert_eq!(plan.tells(&sound(&[5])), ["begins 5", "complete 5"]);
    assert_eq!(plan.writes(), asked(&[6]));
}

#[test]
fn those_that_are_fetched_last_leave_none_of_the_others_unproven() {
    let mut plan = chosen_ahead(Fetch::new(), |id| if id <= &b"d"[..] { Choice::Last } else { Choice::Fetch });
    for (messages, told) in [(&[5][..], 2), (&[6], 2), (&[1], 2), (&[2, 3, 4], 6)] {
        assert_eq!(plan.writes(), asked(messages));
        assert_eq!(plan.tells(&sound(messages)).len(), told);
    }
}

#[test]
fn a_message_without_its_end_line_leaves_all_that_were_asked_for_with_it_unproven() {
    // What follows is taken for the rest of the message, and each response for that to a command before it.
    let half = "+OK\r\nhalf of message 2\r\n+OK 6 60\r\n";
    for (second, is_told) in [
        (format!("{half}{}", sound(&[3])), "unproven 2"),
        // No text either; no answer to RETR; none to STAT either.
        (format!("+OK\r\n+OK 6 60\r\n{}", sound(&[3])), "unproven 2"),
        (format!("+OK 6 60\r\n{}", sound(&[3])), "unproven 2"),
        (sound(&[3]), "unproven 2"),
        // Nobody knows about which of them.
        (format!("{}{half}", sound(&[2])), "unproven 3"),
    ] {
        for how in [Err(Error::TimedOut), Err(Error::Disconnected), Err(Error::TransportFailed), Ok(Closed::WhileIdle)]
        {
            let mut plan = pipelined();
            assert_eq!(plan.tells(&sound(&[1])), ["begins 1"]);
            let mut heard = plan.tells(&second);
            plan.fetch.end(&how);
            heard.extend(short(&std::iter::from_fn(|| plan.fetch.progress()).collect::<Vec<_>>()));
            for told in ["unproven 1", is_told] {
                assert!(heard.contains(&told.to_owned()), "{second}: {heard:?}");
            }
            assert!(!heard.iter().any(|told| told.starts_with("complete")), "{second}: {heard:?}");
        }
    }
    // It would wait for ever.
    let mut plan = listed_ahead(Fetch::new());
    assert_eq!(plan.writes(), asked(&[4]));
    assert_eq!(plan.tells("+OK\r\nhalf\r\n+OK 6 60\r\n"), ["begins 4"]);
    assert_eq!(plan.writes(), "");
}

#[test]
fn the_message_that_a_session_breaks_at_is_the_last_that_is_told_about() {
    let plan = || {
        let mut plan = Plan::with(Script::logged_in(Config::new()), Fetch::new().newest_first());
        plan.script.asks("CAPA", "+OK\r\nPIPELINING\r\n.\r\n");
        plan.writes();
        plan.fetches(b"+OK 6 60\r\n");
        plan.writes();
        plan.fetches(b"+OK\r\n4 d\r\n5 e\r\n6 f\r\n.\r\n");
        assert_eq!(plan.writes(), asked(&[6]));
        plan.tells(&sound(&[6]));
        assert_eq!(plan.writes(), asked(&[5, 4]));
        plan
    };
    for (octets, told) in [
        ("+OK\r\nhalf", &["begins 5", "unproven 5"][..]),
        (&sound(&[5]), &["begins 5", "unproven 5", "unproven 4"]),
        (&format!("{}+OK\r\nhalf", sound(&[5])), &["begins 5", "begins 4", "unproven 5", "unproven 4"]),
        // It isn't the one that is refused.
        (&format!("{}-ERR no\r\n", sound(&[5])), &["begins 5", "Refused(ListedMessage(4, d), Unknown)", "unproven 5"]),
        // Nothing comes at all.
        ("", &["unproven 5"]),
    ] {
        assert_eq!(plan().ends(octets.as_bytes()).0, told);
    }
}

#[test]
fn an_answer_too_many_leaves_all_that_were_asked_for_with_it_unproven() {
    let mut plan = pipelined();
    let (mut heard, how) = plan.ends(format!("{}{}", sound(&[1, 2, 2]), sound(&[3])).as_bytes());
    heard.retain(|told| !told.starts_with("begins"));
    assert_eq!(heard, ["unproven 1", "unproven 2", "unproven 3"]);
    assert_eq!(how, Err(Error::Protocol(ProtocolError::Unsolicited)));
}

#[test]
fn a_message_that_is_cut_by_a_dot_of_its_own_is_never_complete_wherever_reads_end() {
    let cut = "+OK\r\nSubject: list\r\n\r\n1. item\r\n.\r\nand the sum\r\n.\r\n";
    for split in 1..cut.len() {
        let mut plan = pipelined();
        plan.tells("+OK\r\n.\r\n+OK 6 60\r\n");
        let before = plan.tells(&cut[..split.min(cut.find("\r\nand").unwrap())]);
        let rest = &cut[split.min(cut.find("\r\nand").unwrap())..];
        let (after, how) = plan.ends(rest.as_bytes());
        assert_eq!([before, after].concat(), ["begins 2", "unproven 1", "unproven 2"], "{split}");
        assert!(matches!(how, Err(Error::Protocol(_))), "{how:?}");
    }
    // The server has sent all of it before the next command is written, or after.
    let mut plan = one_by_one();
    let (told, _) = plan.ends(cut.as_bytes());
    assert_eq!(told, ["begins 3", "unproven 3"]);
    let mut plan = one_by_one();
    plan.tells("+OK\r\n1. item\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    let (told, _) = plan.ends(b"and the sum\r\n.\r\n");
    assert_eq!(told, ["unproven 3"]);
}

#[test]
fn a_line_of_a_message_that_passes_for_a_response_does_not_pass_for_the_answer_to_stat() {
    let refused = "Refused(ListedMessage(3, c), Unknown)";
    for (line, told) in [
        // It isn't one to STAT, or counts fewer messages.
        ("+OK", &["OutOfStep", "unproven 1", "unproven 2"][..]),
        ("+OK then", &["OutOfStep", "unproven 1", "unproven 2"]),
        ("+OK 2 60", &["OutOfStep", "unproven 1", "unproven 2"]),
        // It may be one, and the line after it isn't one to RETR.
        ("-ERR no", &["unproven 1", "unproven 2", "unproven 3"]),
        ("+OK 9 9000", &["unproven 1", "unproven 2", "unproven 3"]),
        ("+OK 6 59", &["unproven 1", "unproven 2", "unproven 3"]),
        // The answer to STAT is the next one, which isn't one to RETR either.
        ("-ERR no\r\n-ERR no", &[refused, "unproven 1", "unproven 2"]),
    ] {
        let mut plan = pipelined();
        assert_eq!(plan.tells("+OK\r\n.\r\n+OK 6 60\r\n+OK\r\n1. item\r\n").last().unwrap(), "begins 2");
        let (mut heard, how) = plan.ends(format!(".\r\n{line}\r\nand the sum\r\n.\r\n").as_bytes());
        heard.retain(|told| !told.starts_with("begins"));
        assert_eq!(heard, told, "{line}");
        assert!(matches!(how, Err(Error::Protocol(_))), "{line}: {how:?}");
    }
    // Nothing is asked for after it, and the rest of the message is there already, or comes later.
    for line in ["-ERR no", "+OK 9 9000", "+OK 3 29", "+OK 3 30"] {
        for is_there in [true, false] {
            let mut plan = one_by_one();
            plan.tells("+OK\r\n1. item\r\n.\r\n");
            assert_eq!(plan.writes(), "STAT\r\n");
            let (now, later) = if is_there { ("and the sum\r\n.\r\n", "") } else { ("", "and the sum\r\n.\r\n") };
            let told = plan.tells(&format!("{line}\r\n{now}"));
            if line == "+OK 3 30" && !is_there {
                // Nobody can tell.
                assert_eq!(told, ["complete 3"]);
                continue;
            }
            assert_eq!(told, [""; 0], "{line}");
            if !is_there {
                assert_eq!(plan.writes(), "STAT\r\n");
            }
            let (told, how) = plan.ends(later.as_bytes());
            assert_eq!(told, ["unproven 3"], "{line}");
            assert!(matches!(how, Err(Error::Protocol(_))), "{line}: {how:?}");
        }
    }
}

#[test]
fn an_answer_to_retr_in_the_middle_of_a_message_shifts_the_rest_and_is_found_out() {
    // STAT's answer is taken for that to RETR, and so on.
    for line in ["-ERR no\r\n+OK", "+OK 9 9000\r\n+OK", "+OK 6 59\r\n+OK"] {
        let mut plan = pipelined();
        let mut told = plan.tells(&format!(
            "+OK\r\n.\r\n+OK 6 60\r\n+OK\r\n.\r\n{line}\r\nof it\r\n.\r\n+OK 6 60\r\n+OK\r\nthree\r\n.\r\n+OK 6 60\r\n"
        ));
        told.extend(plan.ends(b"").0);
        told.retain(|told| told.starts_with("unproven") || told.starts_with("complete"));
        assert_eq!(told, ["unproven 1", "unproven 2", "unproven 3"], "{line}");
    }
}

#[test]
fn a_stray_refusal_that_passes_for_the_answer_to_stat_deletes_nothing() {
    // R-GEN-14: from there on each answer is taken for the one to the next command.
    for stray in ["-ERR idle", "+OK 9 99"] {
        let mut plan = Plan::listing("+OK 1 9\r\n");
        plan.fetches(b"+OK\r\n1 a\r\n.\r\n");
        plan.retrieves(1);
        assert_eq!(plan.writes(), "STAT\r\n");
        assert_eq!(plan.tells(&format!("{stray}\r\n")), [""; 0]);
        assert_eq!(plan.writes(), "STAT\r\n");
        if stray == "+OK 9 99" {
            assert_eq!(plan.tells("+OK 1 9\r\n"), ["OutOfStep", "unproven 1"]);
            plan.gives_up();
            continue;
        }
        // The answer to the first STAT.
        assert_eq!(plan.tells("+OK 1 9\r\n"), ["complete 1"]);
        plan.fetch.delete(number(1));
        assert_eq!(plan.writes(), "DELE 1\r\n");
        assert_eq!(plan.tells("+OK 1 9\r\n"), [""; 0]);
        assert_eq!(plan.writes(), "STAT\r\n");
        // The answer to DELE.
        assert_eq!(plan.tells("+OK marked\r\n"), ["OutOfStep"]);
        plan.gives_up(); // QUIT would carry it out
    }
}

#[test]
fn a_doubtful_answer_to_stat_is_made_up_for_by_one_more_before_a_message_is_complete_and_after_dele() {
    let mut plan = Plan::listing("+OK 1 9\r\n");
    plan.fetches(b"+OK\r\n1 a\r\n.\r\n");
    plan.retrieves(1);
    for told in [&[][..], &["complete 1"]] {
        assert_eq!(plan.writes(), "STAT\r\n");
        assert_eq!(plan.tells("+OK 2 20\r\n"), told);
    }
    plan.fetch.delete(number(1));
    assert_eq!(plan.writes(), "DELE 1\r\n");
    plan.tells("+OK\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.tells("+OK 1 11\r\n");
    assert_eq!(plan.writes(), "QUIT\r\n");
    let [Progress::Removed(_)] = plan.fetches(b"+OK\r\n")[..] else { panic!() };
}

#[test]
fn a_server_that_refuses_stat_is_taken_at_its_word_where_it_refuses_it_twice() {
    let mut plan = Plan::listing("-ERR\r\n");
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n.\r\n");
    plan.retrieves(1);
    for told in [&[][..], &["complete 1"]] {
        assert_eq!(plan.writes(), "STAT\r\n");
        assert_eq!(plan.tells("-ERR\r\n"), told);
    }
    plan.fetch.delete(number(1));
    plan.retrieves(2);
    for told in [&[][..], &["unproven 2"]] {
        assert_eq!(plan.writes(), "STAT\r\n");
        if told.is_empty() {
            assert_eq!(plan.tells("-ERR\r\n"), told);
        } else {
            assert_eq!(plan.ends(b"and the sum\r\n.\r\n").0, told);
        }
    }
}

#[test]
fn what_stat_says_decides_whether_anything_is_deleted() {
    for (answers, told, commands) in [
        (&["+OK 3 30\r\n"][..], &["complete 1"][..], "DELE 1\r\n"),
        (&["+OK 4 31 with new mail\r\n", "+OK 5 50\r\n"], &["complete 1"], "DELE 1\r\n"),
        (&["-ERR [SYS/TEMP] busy\r\n", "+OK 3 30\r\n"], &["complete 1"], "DELE 1\r\n"),
        (&["-ERR [SYS/TEMP] busy\r\n"; 2], &["complete 1"], "DELE 1\r\n"),
        // Octets that are counted anew.
        (&["+OK 3 29\r\n"; 2], &["complete 1", "OutOfStep"], "QUIT\r\n"),
        // QUIT may remove messages without any DELE, where the server marks what it sends (RFC 1939 §8).
        (&["+OK 2 30\r\n"], &["OutOfStep", "unproven 1"], ""),
        (&["+OK 4 40\r\n", "+OK 3 30\r\n"], &["OutOfStep", "unproven 1"], ""),
        (&["+OK\r\n"], &["OutOfStep", "unproven 1"], ""),
        (&["-ERR\r\n", "+OK\r\n"], &["OutOfStep", "unproven 1"], ""),
    ] {
        let mut plan = Plan::listing("+OK 3 30\r\n");
        plan.hears(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n", |id| if id == b"a" { Choice::Fetch } else { Choice::Keep });
        plan.retrieves(1);
        let mut heard = Vec::new();
        for answer in answers {
            assert_eq!(plan.writes(), "STAT\r\n");
            heard.extend(plan.tells(answer));
        }
        plan.fetch.delete(number(1));
        match commands {
            "" => plan.gives_up(),
            commands => assert_eq!(plan.writes(), commands, "{answers:?}"),
        }
        heard.extend(short(&std::iter::from_fn(|| plan.fetch.progress()).collect::<Vec<_>>()));
        assert_eq!(heard, told, "{answers:?}");
    }
}

#[test]
fn what_is_not_written_is_not_asked_for_any_more_where_the_plan_is_out_of_step() {
    let mut plan = second_batch();
    let Ok(Action::Io(Io::Write(mut write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    assert_eq!(write.copy_to_bytes(14), "RETR 5\r\nSTAT\r\n");
    let Ok(Action::Io(Io::Write(write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    let (mut read, answers) = (write.into_read().unwrap(), b"+OK\r\n.\r\n+OK what?\r\n");
    read.space()[..answers.len()].copy_from_slice(answers);
    read.filled(answers.len());
    assert_eq!(plan.tells(""), ["begins 5", "OutOfStep", "unproven 5"]);
    plan.gives_up();
}

/// A plan that has one of six messages, and two in the queue.
fn second_batch() -> Plan {
    let mut plan = listed_ahead(Fetch::new());
    plan.writes();
    plan.tells(&sound(&[4]));
    plan.fetch.advance(&mut plan.script.client.session).unwrap();
    plan
}

#[test]
fn no_dele_is_sent_before_the_last_message_is_fetched_and_stat_has_answered() {
    let mut plan = Plan::listing("+OK 3 30\r\n");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n", |id| if id == b"a" { Choice::Delete } else { Choice::Fetch });
    plan.retrieves(2);
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.tells("+OK 3 30\r\n");
    plan.fetch.delete(number(2));
    plan.retrieves(3);
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.tells("+OK 3 30\r\n");
    assert_eq!(plan.writes(), "DELE 1\r\n");
    plan.tells("+OK\r\n");
    assert_eq!(plan.writes(), "DELE 2\r\n");
    plan.fetch.keep(number(3));
    // QUIT would carry out what isn't answered.
    assert_eq!(plan.writes(), "");
    plan.tells("+OK\r\n");
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn a_clean_end_after_a_message_shows_it_complete_and_nothing_else_does() {
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    assert_eq!(plan.ends(b""), (vec!["complete 3".to_owned()], Err(Error::Disconnected)));
    let mut plan = pipelined();
    plan.tells(&sound(&[1, 2]));
    plan.tells("+OK\r\nthree\r\n.\r\n");
    let all = ["complete 1", "complete 2", "complete 3"].map(String::from);
    assert_eq!(plan.ends(b""), (all.to_vec(), Err(Error::Disconnected)));
    // Where more is missing, it may be the end of another message.
    let mut plan = pipelined();
    plan.tells("+OK\r\none\r\n.\r\n");
    assert_eq!(plan.ends(b""), (vec!["unproven 1".to_owned()], Err(Error::Disconnected)));
    let mut plan = pipelined();
    plan.tells(&sound(&[1, 2]));
    let all = ["unproven 1", "unproven 2", "unproven 3"].map(String::from);
    assert_eq!(plan.ends(b""), (all.to_vec(), Err(Error::Disconnected)));
    // One octet is too many.
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    assert_eq!(plan.ends(b"+"), (vec!["unproven 3".to_owned()], Err(Error::Truncated)));
    let mut plan = pipelined();
    assert_eq!(plan.ends(b"+OK\r\none"), (vec!["begins 1".to_owned(), "unproven 1".to_owned()], Err(Error::Truncated)));
    // The answer to STAT is there, and it is doubtful.
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    assert_eq!(plan.ends(b"-ERR idle for too long\r\n"), (vec!["complete 3".to_owned()], Ok(Closed::WhileIdle)));
    // It may be one of those that a server sends when it closes, in the place of one that is missing.
    let half = "+OK\r\nhalf of it\r\n+OK 6 60\r\n";
    for (answers, told) in [
        (format!("{half}{}{}", sound(&[2]), sound(&[3])), &["unproven 1", "unproven 2"][..]),
        (format!("-ERR no\r\n+OK 6 60\r\n{half}{}", sound(&[3])), &["unproven 2"]),
    ] {
        let mut plan = pipelined();
        plan.tells(&answers);
        let (heard, how) = plan.ends(b"-ERR idle for too long\r\n-ERR bye\r\n");
        assert_eq!((heard[0].as_str(), how), ("Refused(ListedMessage(3, c), Unknown)", Ok(Closed::WhileIdle)));
        assert_eq!(heard[1..], *told);
    }
    // A farewell may as well be a line of the message.
    let mut plan = one_by_one();
    let (told, _) = plan.ends(b"+OK\r\nthree\r\n.\r\n-ERR idle for too long\r\n");
    assert_eq!(told, ["begins 3", "unproven 3"]);
}

#[test]
fn a_refusal_of_a_command_that_is_half_written_shows_nothing() {
    // R-GEN-15
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    let Ok(Action::Io(Io::Write(mut write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    assert_eq!(write.copy_to_bytes(3), "STA");
    let Ok(Action::Io(Io::Write(write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    let (mut read, refusal) = (write.into_read().unwrap(), b"-ERR idle for too long\r\n");
    read.space()[..refusal.len()].copy_from_slice(refusal);
    read.filled(refusal.len());
    assert_eq!(plan.tells(""), ["unproven 3"]);
    assert_eq!(
        plan.script.client.session.poll(Duration::ZERO).map(|action| format!("{action:?}")),
        Ok("Closed(AnsweredEarly)".into())
    );
}

#[test]
fn a_transport_that_fails_shows_nothing() {
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    let session = &mut plan.script.client.session;
    let Ok(Action::Io(Io::Read(read))) = session.poll(Duration::ZERO) else { panic!() };
    read.failed();
    let how = Err(session.poll(Duration::ZERO).unwrap_err());
    assert_eq!(how, Err(Error::TransportFailed));
    plan.fetch.end(&how);
    assert_eq!(short(&std::iter::from_fn(|| plan.fetch.progress()).collect::<Vec<_>>()), ["unproven 3"]);
}

#[test]
fn a_silent_server_shows_nothing() {
    let mut plan = one_by_one();
    plan.tells("+OK\r\nthree\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    let session: &mut Session = &mut plan.script.client.session;
    drop(session.poll(Duration::ZERO));
    drop(session.poll(Duration::from_secs(86_400)));
    let how = Err(session.poll(Duration::from_secs(86_400)).unwrap_err());
    assert_eq!(how, Err(Error::TimedOut));
    plan.fetch.end(&how);
    assert_eq!(short(&std::iter::from_fn(|| plan.fetch.progress()).collect::<Vec<_>>()), ["unproven 3"]);
}

#[test]
fn a_plan_that_is_finished_takes_back_what_is_not_written() {
    let mut plan = second_batch();
    // The first and half of the second are written when the user has had enough.
    let Ok(Action::Io(Io::Write(mut write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    assert_eq!(write.copy_to_bytes(17), "RETR 5\r\nSTAT\r\nRET");
    plan.fetch.finish();
    assert_eq!(plan.writes(), "R 6\r\nSTAT\r\n");
    assert_eq!(plan.tells(&sound(&[5, 6])), ["begins 5", "begins 6", "complete 5", "complete 6"]);
    for message in [4, 5, 6] {
        plan.fetch.delete(number(message));
    }
    assert_eq!(plan.writes(), "DELE 4\r\nDELE 5\r\nDELE 6\r\n");
}

#[test]
fn what_has_ended_is_complete_where_the_rest_is_taken_back() {
    let mut plan = second_batch();
    let Ok(Action::Io(Io::Write(mut write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    assert_eq!(write.copy_to_bytes(14), "RETR 5\r\nSTAT\r\n");
    let Ok(Action::Io(Io::Write(write))) = plan.script.client.session.poll(Duration::ZERO) else { panic!() };
    let (mut read, answers) = (write.into_read().unwrap(), sound(&[5]));
    read.space()[..answers.len()].copy_from_slice(answers.as_bytes());
    read.filled(answers.len());
    assert_eq!(plan.tells(""), ["begins 5"]);
    plan.fetch.finish();
    assert_eq!(plan.writes(), "STAT\r\n");
    assert_eq!(plan.tells("+OK 6 60\r\n"), ["complete 5"]);
    plan.fetch.keep(number(4));
    plan.fetch.keep(number(5));
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn a_plan_asks_for_one_message_at_a_time_without_pipelining_and_for_as_many_as_the_caller_likes_with_it() {
    for (ahead, written) in [(0, 1), (1, 1), (2, 2), (3, 3), (100, 3)] {
        let mut plan = listed_ahead(Fetch::new().ahead(ahead));
        let mut most = 0;
        for left in (1..=6).rev() {
            let count = plan.writes().matches("RETR").count();
            most = most.max(count);
            plan.tells(&sound(&[left]).repeat(count));
        }
        assert_eq!(most, written);
    }
    let mut plan = Plan::listing("+OK 2 20\r\n");
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n.\r\n");
    assert_eq!(plan.writes(), "RETR 1\r\n");
    plan.fetch.finish();
    plan.tells("+OK\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n", "RETR 2 wasn't in the queue");
}
