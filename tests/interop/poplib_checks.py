"""What Python's own client sees."""

import poplib
import time
from contextlib import contextmanager

from checks import check, same
from maildirs import PASSWORD, USER, digest, files_in, make_maildir, small_messages, top_form, tricky_messages, wire_form
from servers import PATIENCE, Server

poplib._MAXLINE = 1_000_000  # by default it refuses lines over 2,048 octets


@contextmanager
def client(server, user=USER, apop=False):
    """A client that has logged in, and that aborts if nobody says quit()."""
    pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
    deadline = time.monotonic() + 2
    try:
        while True:
            try:
                if apop:
                    pop.apop(user, PASSWORD)
                else:
                    pop.user(user)
                    pop.pass_(PASSWORD)
                break
            except poplib.error_proto as error:
                # The server learns of the previous connection's end a moment after the client has made it.
                if b"[IN-USE]" not in error.args[0] or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # the server reads 50 commands before login, and no more
        yield pop
    finally:
        pop.close()


def refusal(function, *arguments):
    """The `-ERR` line that a call has to end in."""
    try:
        answer = function(*arguments)
    except poplib.error_proto as error:
        return error.args[0]
    raise AssertionError(f"not refused: {answer!r}")


def content(lines):
    return b"".join(line + b"\r\n" for line in lines)


@check
def poplib_retrieves_every_message_in_the_announced_size(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages)) as server, client(server) as pop:
        sizes = [wire_form(message) for message in messages.values()]
        same(pop.stat(), (len(messages), sum(map(len, sizes))), "STAT")
        listed = [int(line.split()[1]) for line in pop.list()[1]]
        for number, (name, message) in enumerate(messages.items(), 1):
            _, lines, octets = pop.retr(number)
            same(digest(content(lines)), digest(wire_form(message)), name)
            same((listed[number - 1], octets), (len(wire_form(message)),) * 2, f"size of {name}")
            same(pop.list(number), b"+OK %d %d" % (number, octets), f"LIST {number}")
        pop.quit()


@check
def poplib_gets_the_top_of_every_message(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages)) as server, client(server) as pop:
        for number, (name, message) in enumerate(messages.items(), 1):
            for count in [0, 1, 3, 99_999_999]:
                lines = pop.top(number, count)[1]
                same(digest(content(lines)), digest(top_form(message, count)), f"TOP {count} of {name}")


@check
def poplib_logs_in_with_apop(world):
    with Server(world.program, make_maildir(world.directory, small_messages(3))) as server:
        with client(server, apop=True) as pop:
            same(pop.stat()[0], 3, "messages")
        pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
        assert refusal(pop.apop, USER, "wrong").startswith(b"-ERR [AUTH]")
        pop.close()


@check
def every_connection_has_a_timestamp_of_its_own(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        seen = set()
        for _ in range(20):
            with server.connection() as connection:
                timestamp = connection.greeting.split(b"<", 1)[1].split(b">", 1)[0]
                assert timestamp.replace(b"@", b"", 1).replace(b".", b"").replace(b"-", b"").isalnum(), timestamp
                seen.add(timestamp)
        same(len(seen), 20, "timestamps")


@check
def wrong_names_and_passwords_get_the_same_answer(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        answers = set()
        for user, password in [(USER, "wrong"), ("nobody", PASSWORD), (USER, PASSWORD + " "), (USER, PASSWORD[:-1])]:
            pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
            answers.add((pop.user(user), refusal(pop.pass_, password)))
            pop.close()
        same(len(answers), 1, f"number of different answers in {answers}")


@check
def unique_ids_are_the_same_in_the_next_session(world):
    messages = {
        **small_messages(20),
        "1700000001.M1.host:2,S": b"seen\n",
        "1700000002.M2.host,S=5,W=6:2,FRS": b"seen\n",
        "two words": b"x\n",
        "x" * 71: b"x\n",
        "y" * 70: b"x\n",
        b"not-utf8-\xff\xfe": b"x\n",
        "twice": b"x\n",
        "twice:2,S": b"x\n",
    }
    maildir = make_maildir(world.directory, messages)
    with Server(world.program, maildir) as server:
        with client(server) as pop:
            server.expect_error(maildir / "new" / "twice", "renamed to ")
            first = pop.uidl()[1]
            for line in first:
                number = int(line.split()[0])
                same(pop.uidl(number), b"+OK " + line, f"UIDL {number}")
        ids = [line.split(b" ", 1)[1] for line in first]
        same(len(set(ids)), len(messages), "different unique-ids")
        for unique_id in ids:
            assert 1 <= len(unique_id) <= 70 and all(0x21 <= octet <= 0x7E for octet in unique_id), unique_id
        assert {b"1700000001.M1.host", b"1700000002.M2.host,S=5,W=6", b"y" * 70, b"twice"} <= set(ids), ids
        # Flags come and go, messages move to cur/: none of it changes an id or the order.
        for file in list((maildir / "new").iterdir()):
            if b"twice" not in file.name.encode("utf-8", "surrogateescape"):
                file.rename(maildir / "cur" / (file.name + ":2,S"))
        with client(server) as pop:
            same(pop.uidl()[1], first, "UIDL of the second session")
            pop.quit()
    with Server(world.program, maildir) as server, client(server) as pop:
        same(pop.uidl()[1], first, "UIDL of another server")


@check
def quit_removes_exactly_what_was_deleted(world):
    messages = {**small_messages(6), "1700000001.M1.host:2,S": b"seen\n"}
    maildir = make_maildir(world.directory, messages)
    with Server(world.program, maildir) as server:
        with client(server) as pop:
            for number in [2, 4, 7]:
                pop.dele(number)
            same(files_in(maildir), sorted(messages), "files before QUIT")
            assert pop.quit().startswith(b"+OK")
            expected = [name for number, name in enumerate(sorted(messages), 1) if number not in [2, 4, 7]]
            same(files_in(maildir), expected, "files as soon as QUIT was answered")
        with client(server) as pop:
            same(pop.stat()[0], 4, "messages in the next session")


@check
def a_connection_that_ends_without_quit_removes_nothing(world):
    maildir = make_maildir(world.directory, small_messages(3))
    before = files_in(maildir)
    with Server(world.program, maildir) as server:
        for _ in range(3):
            with client(server) as pop:
                pop.dele(1)
                pop.dele(3)
            same(files_in(maildir), before, "files")
        with client(server) as pop:
            same(pop.stat()[0], 3, "messages")


@check
def rset_takes_deletions_back(world):
    maildir = make_maildir(world.directory, small_messages(3))
    before = files_in(maildir)
    with Server(world.program, maildir) as server, client(server) as pop:
        total = pop.stat()
        pop.dele(1)
        pop.dele(2)
        same(pop.stat()[0], 1, "messages after DELE")
        same([line.split()[0] for line in pop.list()[1]], [b"3"], "LIST after DELE")
        same([line.split()[0] for line in pop.uidl()[1]], [b"3"], "UIDL after DELE")
        for gone in [pop.retr, pop.dele, pop.list, pop.uidl]:
            assert refusal(gone, 1).startswith(b"-ERR")
        pop.rset()
        same(pop.stat(), total, "STAT after RSET")
        pop.quit()
        same(files_in(maildir), before, "files")


@check
def the_demo_maildrop_keeps_deletions_while_the_server_runs(world):
    with Server(world.program) as server:
        pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
        pop.user("mrose")
        pop.pass_("tanstaaf")
        count, _ = pop.stat()
        for number in range(1, count + 1):
            same(pop.retr(number)[2], int(pop.list(number).split()[2]), f"octets of {number}")
        gone = pop.uidl(1).split()[2]
        pop.dele(1)
        second = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
        second.user("mrose")
        assert refusal(second.pass_, "tanstaaf").startswith(b"-ERR [IN-USE]")
        pop.quit()
        second.user("mrose")
        second.pass_("tanstaaf")
        same(second.stat()[0], count - 1, "messages afterwards")
        assert gone not in b" ".join(second.uidl()[1]), "the deleted message is back"
        second.close()
