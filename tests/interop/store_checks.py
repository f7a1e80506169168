"""The Maildir behind the server: locks, and what other programs do to it meanwhile."""

import time

from checks import check, same
from maildirs import PASSWORD, USER, files_in, make_maildir, small_messages, wire_form
from servers import Server

OTHER_USER = "second"


def is_in_use(server, user=USER):
    """Tries to log in on a new connection."""
    with server.connection() as connection:
        connection.expect(f"USER {user}", b"+OK")
        reply = connection.ask(f"PASS {PASSWORD}")
        assert reply.startswith((b"+OK", b"-ERR [IN-USE]")), reply
        if reply.startswith(b"+OK"):
            connection.expect("QUIT", b"+OK")  # so that nobody finds it in use for this question
        return reply.startswith(b"-ERR")


def is_free_at_once(server):
    """A server learns of an end a moment after the client has made it."""
    deadline = time.monotonic() + 2
    while is_in_use(server):
        assert time.monotonic() < deadline, "still in use"
        time.sleep(0.02)
    return True


def names(session):
    session.expect("UIDL", b"+OK")
    return [line.split()[1].decode() for line in session.content().splitlines()]


@check
def a_second_login_is_told_that_the_maildrop_is_in_use(world):
    maildir = make_maildir(world.directory, small_messages(1))
    users = {USER: maildir, OTHER_USER: maildir}
    with Server(world.program, users=users) as first, Server(world.other, users=users) as second:
        for server in [first, second]:
            with server.session() as session:
                for other in [first, second]:
                    assert is_in_use(other), "a second login under the same name"
                    assert is_in_use(other, OTHER_USER), "a second login under another name"
                session.expect("QUIT", b"+OK")
                assert not is_in_use(first), "after QUIT was answered"
            assert is_free_at_once(second)
            with server.session() as session:
                session.expect("DELE 1", b"+OK")
                session.abort()
            for other in [first, second]:
                assert is_free_at_once(other)
        same(len(files_in(maildir)), 1, "files")


@check
def a_server_that_crashes_leaves_no_lock(world):
    maildir = make_maildir(world.directory, small_messages(2))
    server = Server(world.program, maildir)
    with server.session() as session:
        session.expect("DELE 1", b"+OK")
        server.kill()
    same(sorted(path.name for path in maildir.iterdir()), ["cur", "new", "tmp"], "what is in the Maildir")
    same(len(files_in(maildir)), 2, "files")
    with Server(world.other, maildir) as other, other.session() as session:
        assert session.ask("STAT").startswith(b"+OK 2 ")


@check
def the_end_of_the_server_waits_for_the_reply_in_progress(world):
    content = b"Subject: x\n\n" + b"0123456789abcdef\n" * 1_000_000
    maildir = make_maildir(world.directory, {"1.host": content, "2.host": b"x\n"})
    with Server(world.program, users={USER: maildir, OTHER_USER: make_maildir(world.directory / "2", {})}) as server:
        with server.session() as session, server.session(OTHER_USER) as idle, server.connection() as stranger:
            session.expect("DELE 2", b"+OK")
            session.expect("RETR 1", b"+OK")
            server.process.terminate()
            for connection in [idle, stranger]:
                same(connection.rest(), b"", "farewell")
            # In one piece, since there isn't much time.
            same(len(session.rest()), len(wire_form(content) + b".\r\n"), "octets")
        server.ends_cleanly()
    same(len(files_in(maildir)), 2, "files, without a QUIT")


@check
def a_vanished_message_is_an_error_of_that_message_alone(world):
    maildir = make_maildir(world.directory, small_messages(4))
    with Server(world.program, maildir) as server:
        with server.session() as session:
            unique_ids = names(session)
            (maildir / "new" / unique_ids[1]).unlink()
            session.expect("RETR 2", b"-ERR")
            session.expect("TOP 2 0", b"-ERR")
            for number in [1, 3, 4]:
                session.expect(f"RETR {number}", b"+OK")
                assert session.content().endswith(b"This is number %d.\r\n" % (number - 1))
            assert session.ask("STAT").startswith(b"+OK 4 ")
            session.expect("DELE 2", b"+OK")
            session.expect("DELE 3", b"+OK")
            # What is gone already has been removed, as the client wanted.
            session.expect("QUIT", b"+OK")
        same(files_in(maildir), [unique_ids[0], unique_ids[3]], "files")


@check
def a_message_is_found_wherever_other_programs_move_it(world):
    maildir = make_maildir(world.directory, {**small_messages(4), "1700000001.M1.host:2,": b"seen\n"})
    with Server(world.program, maildir) as server:
        with server.session() as session:
            one, two, three, _, five = names(session)
            (maildir / "new" / one).rename(maildir / "cur" / f"{one}:2,S")
            (maildir / "new" / two).rename(maildir / "cur" / two)
            (maildir / "cur" / f"{five}:2,").rename(maildir / "cur" / f"{five}:2,FS")
            for number, last_line in [(1, b"This is number 0.\r\n"), (2, b"This is number 1.\r\n"), (5, b"seen\r\n")]:
                session.expect(f"RETR {number}", b"+OK")
                assert session.content().endswith(last_line)
            # Again, and this time the server only learns of it when it deletes.
            (maildir / "cur" / f"{one}:2,S").rename(maildir / "cur" / f"{one}:2,RS")
            (maildir / "new" / three).rename(maildir / "cur" / f"{three}:2,")
            for number in [1, 3, 5]:
                session.expect(f"DELE {number}", b"+OK")
            session.expect("QUIT", b"+OK")
        same(len(files_in(maildir)), 2, "files")


@check
def of_two_files_with_the_same_base_name_one_is_renamed(world):
    maildir = make_maildir(world.directory, {"same:2,S": b"in cur\n"})
    with Server(world.program, maildir) as server:
        with server.session() as session:
            same(names(session), ["same"], "unique-ids")
            session.expect("QUIT", b"+OK")
        make_maildir(maildir, {"same": b"in new\n"})
        with server.session() as session:
            server.expect_error(USER, maildir / "new" / "same", maildir / "cur" / "same:2,S", "renamed to ")
            both = by_content(session)
            session.expect("QUIT", b"+OK")
        same(both[b"in cur\r\n"], "same", "what is new takes no id from what was there")
        (maildir / "cur" / "same:2,S").unlink()
        with server.session() as session:
            same(by_content(session), {b"in new\r\n": both[b"in new\r\n"]}, "and keeps its own")


def by_content(session):
    """The unique-id of each message, by what it says."""
    found = {}
    for number, unique_id in enumerate(names(session), 1):
        session.expect(f"RETR {number}", b"+OK")
        found[session.content()] = unique_id
    return found


@check
def mail_delivered_during_a_session_appears_in_the_next(world):
    maildir = make_maildir(world.directory, small_messages(2))
    with Server(world.program, maildir) as server:
        with server.session() as session:
            make_maildir(maildir, {"1600000000.M1.host": b"earlier in order\n", "1800000000.M1.host": b"later in order\n"})
            assert session.ask("STAT").startswith(b"+OK 2 ")
            same(len(names(session)), 2, "UIDL")
            session.expect("RETR 1", b"+OK")
            assert session.content().endswith(b"This is number 0.\r\n")
            session.expect("RETR 3", b"-ERR")
            session.expect("DELE 1", b"+OK")
            session.expect("QUIT", b"+OK")
        with server.session() as session:
            same(names(session)[0], "1600000000.M1.host", "first message")
            assert session.ask("STAT").startswith(b"+OK 3 ")


@check
def only_files_of_the_maildir_are_messages_and_they_are_in_order(world):
    messages = {"b:2,S": b"b\n", "a": b"a\n", "c": b"c\n", ".hidden": b"no\n"}
    maildir = make_maildir(world.directory, messages)
    (maildir / "cur" / "directory").mkdir()
    (maildir / "tmp" / "unfinished").write_bytes(b"no\n")
    (maildir / "dovecot-uidlist").write_bytes(b"no\n")
    with Server(world.program, maildir) as server, server.session() as session:
        same(names(session), ["a", "b", "c"], "messages")


@check
def a_size_in_the_file_name_is_believed(world):
    messages = {
        "1.host,S=3,W=1234": b"x\n",
        "2.host,W=77:2,S": b"x\n",
        "3.host,S=99": b"x\n",
        "4.host,W=": b"x\n",
        "5.host,W=12x": b"x\n",
        "6.host:2,W=5": b"x\n",
    }
    with Server(world.program, make_maildir(world.directory, messages)) as server, server.session() as session:
        session.expect("LIST", b"+OK")
        sizes = [int(line.split()[1]) for line in session.content().splitlines()]
        same(sizes, [1234, 77, 3, 3, 3, 3], "sizes")
        session.expect("RETR 1", b"+OK")
        same(session.content(), b"x\r\n", "content")


@check
def deletions_that_fail_are_admitted(world):
    maildir = make_maildir(world.directory, {**small_messages(2), "1700000001.M1.host:2,S": b"seen\n"})
    with Server(world.program, maildir) as server:
        with server.session() as session:
            for number in [1, 2, 3]:
                session.expect(f"DELE {number}", b"+OK")
            # A directory in a message's place can't be removed like one, not even by root.
            first = maildir / "new" / files_in(maildir)[0]
            first.unlink()
            first.mkdir()
            session.expect("QUIT", b"-ERR")
            server.expect_error(USER, first)
            same(session.rest(), b"", "rest")
        same([path.name for path in (maildir / "new").iterdir()], [first.name], "what is in new/")
        assert is_free_at_once(server)


@check
def a_maildir_that_is_gone_is_no_wrong_password(world):
    maildir = make_maildir(world.directory / "maildir", {})
    with Server(world.program, maildir) as server, server.connection() as connection:
        maildir.rename(world.directory / "elsewhere")
        connection.expect(f"USER {USER}", b"+OK")
        connection.expect(f"PASS {PASSWORD}", b"-ERR [SYS/PERM]")
        server.expect_error(USER, maildir, "No such file")
        (world.directory / "elsewhere").rename(maildir)
        connection.log_in()
