//! A client that takes its octets slowly, or not at all.

use std::io::IoSlice;
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::server::{Action, CloseReason, Config, Index, Session};
use pop3_proto::{Io, Security};

use crate::common::{Call, Server, Store};

/// How many octets wait to be written.
fn waiting(server: &mut Server) -> usize {
    match server.session.poll(server.now) {
        Action::Io(Io::Write(write)) => write.remaining(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_command_is_read_while_the_output_is_full() {
    // R-2449-16, R-GEN-04
    let store = Store::example();
    let config = Config::new().output_limit(1024).unwrap();
    let mut server = Server::with(&store, config, Security::Tls);
    server.log_in();
    // Once a client has sent much at a time, all of this is read in one go.
    server.send("NOOP\r\n".repeat(340));
    server.window = 0.into();
    server.send("STAT\r\n".repeat(340));
    let octets = waiting(&mut server);
    assert!(octets <= 1024 && octets > 400, "{octets}");
    server.window = usize::MAX.into();
    assert_eq!(server.send("").len(), 340 * "+OK 2 320\r\n".len(), "and nothing is lost");
}

#[test]
fn a_listing_waits_for_room() {
    // R-GEN-04
    let store = Store::announcing(vec![1; 10_000]);
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("LIST\r\n");
    assert!(waiting(&mut server) <= 16_384);
    // Once for each message, since LIST is only begun when all are known; then line by line.
    assert!(store.octets_asked.get() < 13_000, "{}", store.octets_asked.get());
    server.window = usize::MAX.into();
    assert_eq!(server.send("").lines().count(), 10_002);
}

#[test]
fn a_reader_is_asked_for_a_chunk_only_when_there_is_room_for_it() {
    // design: `Body` only while output is below the mark
    let store = Store::new([vec![b'x'; 1_000_000]]);
    store.chunk.set(20_000);
    store.fail_after.set(Some(3));
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("RETR 1\r\n");
    assert!(waiting(&mut server) <= 20_000 + 1024, "one chunk is held");
    assert_eq!(server.closed, None, "the fourth isn't asked for");
}

#[test]
fn a_later_message_is_not_asked_for_while_an_earlier_one_waits() {
    // R-2449-16
    let store = Store::new(vec![vec![b'x'; 50_000]; 3]);
    let mut server = Server::logged_in(&store);
    server.window = vec![1000, 0].into();
    server.send("RETR 1\r\nRETR 2\r\nRETR 3\r\n");
    for _ in 0..40 {
        server.send("");
    }
    assert_eq!(store.calls()[1..], [Call::Retrieve(1)], "40,000 octets are written");
    server.window = usize::MAX.into();
    server.send("");
    assert_eq!(store.calls()[1..], [Call::Retrieve(1), Call::Retrieve(2), Call::Retrieve(3)]);
}

#[test]
fn a_client_that_takes_nothing_holds_nothing_but_what_the_configuration_allows() {
    // R-GEN-04
    let mut server = Server::logged_in(&Store::example());
    server.window = 0.into();
    for _ in 0..100 {
        server.send("CAPA\r\n".repeat(100));
    }
    assert!(waiting(&mut server) <= 16_384);
}

#[test]
fn remaining_is_what_chunk_and_advance_give() {
    // design: `Write` implements `Buf` with exact `remaining` and useful `chunks_vectored`
    let store = Store::new([["a\n".repeat(100).into_bytes(), vec![b'x'; 30_000], b"\n.\n".repeat(50)].concat()]);
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("NOOP\r\nRETR 1\r\n");
    let mut long = 0;
    while let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = write.chunks_vectored(&mut slices);
        let gathered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter()).copied().collect();
        assert_eq!(gathered.len(), write.remaining());
        assert!(slices[..filled].iter().all(|slice| !slice.is_empty()) && filled > 0);
        assert!(gathered.starts_with(write.chunk()) && !write.chunk().is_empty());
        long += slices[..filled].iter().filter(|slice| slice.len() >= 1000).count();
        let octets = write.remaining();
        assert_eq!(write.copy_to_bytes(octets), gathered);
        assert!(!write.has_remaining());
    }
    assert!(long > 0, "the long run is a slice of its own");
}

#[test]
fn one_vector_of_slices_may_be_too_short_for_all() {
    let store = Store::new([vec![b'x'; 1000]]);
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("RETR 1\r\n");
    let Action::Io(Io::Write(write)) = server.session.poll(server.now) else { panic!() };
    assert_eq!(write.chunks_vectored(&mut []), 0);
    let mut one = [IoSlice::new(&[])];
    assert_eq!(write.chunks_vectored(&mut one), 1);
    assert_eq!(&*one[0], write.chunk());
}

#[test]
fn a_long_chunk_is_written_from_where_it_lies() {
    // R-GEN-04; design: runs point into the caller's memory
    let store = Store::new([vec![b'x'; 100_000]]);
    let octets = store.messages[0].octets.clone();
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("RETR 1\r\n");
    let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) else { panic!() };
    write.advance("+OK message follows\r\n".len());
    assert!(octets.as_ptr_range().contains(&write.chunk().as_ptr()));
}

/// What the next write has in one piece.
fn next_write(server: &mut Server) -> String {
    server.send("");
    let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) else { panic!("nothing to write") };
    let octets = write.chunk().to_vec();
    write.advance(octets.len());
    String::from_utf8(octets).unwrap()
}

#[test]
fn a_chunk_of_64_kib_with_lf_line_ends_leaves_in_one_write() {
    // design: a write while a body streams is as large as the socket likes
    let long = format!("{}\n", "a paragraph in one line. ".repeat(30));
    for line in
        ["what many lines have: some fifty octets of text.\n", &long, &"Dear all,\n\nshort lines.\n".repeat(100)]
    {
        let message = line.repeat(4 * 65_536 / line.len());
        let store = Store::new([message.clone().into_bytes()]);
        store.chunk.set(65_536);
        let mut server = Server::logged_in(&store);
        server.window = 0.into();
        server.send("RETR 1\r\n");
        // The end is asked for when the last chunk is written.
        let writes: Vec<_> = (0..5).map(|_| next_write(&mut server)).collect();
        let whole = format!("+OK message follows\r\n{}.\r\n", message.replace('\n', "\r\n"));
        assert!(writes.concat() == whole, "{:?}", writes.iter().map(String::len).collect::<Vec<_>>());
    }
}

#[test]
fn a_short_message_leaves_with_the_first_line_and_the_end_of_its_response_in_one_write() {
    for line in ["a line with LF\n", "a line with CRLF\r\n", "\n", ".\r\n", "."] {
        let message = line.repeat(4_096 / line.len());
        for chunk in [usize::MAX, 65_536, 1_000] {
            let store = Store::new([message.clone().into_bytes()]);
            store.chunk.set(chunk);
            let mut server = Server::logged_in(&store);
            let whole = server.send("RETR 1\r\n");
            server.window = 0.into();
            server.send("RETR 1\r\n");
            assert_eq!(next_write(&mut server), whole, "{line:?}");
        }
    }
}

#[test]
fn a_client_that_takes_nothing_may_be_read_from_until_the_window_is_full() {
    // R-GEN-04, R-2595-02
    let config = Config::new().output_limit(1024).unwrap().command_line_limit(255).unwrap().stls(true);
    let mut server = Server::with(&Store::example(), config, Security::TrustedLocal);
    server.log_in();
    server.window = 0.into();
    server.send("NOOP\r\n");
    let mut read = 0;
    while let Action::Io(Io::Write(write)) = server.session.poll(server.now) {
        let Some(mut instead) = write.into_read() else { break };
        instead.space()[0] = b'\n';
        instead.filled(1);
        read += 1;
    }
    assert!((255..=2_048).contains(&read), "{read}");
    // Each empty line is answered, and none twice.
    server.window = usize::MAX.into();
    assert_eq!(server.send("").matches("-ERR").count(), read);
}

#[test]
fn nothing_is_read_instead_of_the_reply_to_stls_and_at_the_end() {
    // R-2595-02
    for last in ["STLS\r\n", "QUIT\r\n"] {
        let mut server = Server::with(&Store::example(), Config::new().stls(true), Security::TrustedLocal);
        server.send("");
        server.window = 0.into();
        server.send(last);
        let Action::Io(Io::Write(write)) = server.session.poll(server.now) else { panic!("no reply") };
        assert!(write.into_read().is_none(), "{last}");
    }
}

#[test]
fn what_was_moved_is_told_in_one_way_for_reads_and_writes() {
    let mut session = Session::<Index<()>>::new(Config::new().into(), Security::TrustedLocal);
    let Action::Io(io) = session.poll(Duration::ZERO) else { panic!("the greeting") };
    io.nothing_yet();
    let Action::Io(Io::Write(write)) = session.poll(Duration::ZERO) else { panic!("it comes again") };
    let octets = write.remaining();
    Io::Write(write).moved(octets);
    let Action::Io(Io::Read(mut read)) = session.poll(Duration::ZERO) else { panic!("a command is due") };
    read.space()[..6].copy_from_slice(b"QUIT\r\n");
    Io::Read(read).moved(6);
    let Action::Io(Io::Write(write)) = session.poll(Duration::ZERO) else { panic!("a response") };
    assert!(write.chunk().starts_with(b"+OK"));
    let octets = write.remaining();
    Io::Write(write).moved(octets);
    assert!(matches!(session.poll(Duration::ZERO), Action::Close(CloseReason::Quit)));
}

#[test]
fn what_a_transport_returns_is_told_as_it_is() {
    let mut session = Session::<Index<()>>::new(Config::new().into(), Security::TrustedLocal);
    let Action::Io(io) = session.poll(Duration::ZERO) else { panic!("the greeting") };
    assert_eq!(io.answer::<&str>(Poll::Pending), Poll::Pending);
    let Action::Io(Io::Write(write)) = session.poll(Duration::ZERO) else { panic!("it comes again") };
    let octets = write.remaining();
    assert_eq!(Io::Write(write).answer::<&str>(Poll::Ready(Ok(octets))), Poll::Ready(Ok(())));
    let Action::Io(io @ Io::Read(_)) = session.poll(Duration::ZERO) else { panic!("a command is due") };
    assert_eq!(io.answer(Poll::Ready(Err("reset"))), Poll::Ready(Err("reset")));
    assert!(matches!(session.poll(Duration::ZERO), Action::Close(CloseReason::TransportFailed)));
}
