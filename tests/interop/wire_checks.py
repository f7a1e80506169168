"""What only a plain socket can do: bursts, single octets, and commands that no client library sends."""

import hashlib
import socket
import threading
import time

from checks import check, same
from maildirs import PASSWORD, USER, files_in, make_maildir, small_messages, tricky_messages, wire_form
from servers import Server
from store_checks import is_free_at_once

WHOLE_SESSION = "\r\n".join(
    [
        "CAPA", f"USER {USER}", f"PASS {PASSWORD}", "STAT", "LIST", "UIDL", "RETR 1", "TOP 2 1", "LIST 2", "UIDL 2", "NOOP",
        "DELE 1", "DELE 1", "RETR 1", "LIST", "RSET", "stat", "retr 3", "LIST 4", "nonsense", "", "RETR 0", "TOP 1", "QUIT", "",
    ]
).encode()  # fmt: skip


def answers_to(server, send):
    """Everything that the server says after the greeting until it closes."""
    with server.connection() as connection:
        send(connection.plain)
        return connection.rest()


def octet_by_octet(plain):
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in WHOLE_SESSION:
        plain.sendall(bytes([octet]))


@check
def a_session_in_one_write_and_octet_by_octet_get_the_same_answers(world):
    maildir = make_maildir(world.directory, small_messages(3))
    with Server(world.program, maildir) as server:
        burst = answers_to(server, lambda plain: plain.sendall(WHOLE_SESSION))
        single = answers_to(server, octet_by_octet)
        half_closed = answers_to(server, lambda plain: (plain.sendall(WHOLE_SESSION), plain.shutdown(socket.SHUT_WR)))
        same(single, burst, "octet by octet")
        same(half_closed, burst, "with the sending side closed")
        statuses = [line.split(b" ")[0] for line in burst.split(b"\r\n") if line.startswith((b"+OK", b"-ERR"))]
        same(len(statuses), 24, "replies")
        same(statuses[-1], b"+OK", "reply to QUIT")
        same(statuses[12:14], [b"-ERR", b"-ERR"], "DELE and RETR of a deleted message")
        same(statuses[18:23], [b"-ERR"] * 5, "what makes no sense")
        assert b"Subject: 0\r\n\r\nThis is number 0.\r\n.\r\n" in burst, burst
    same(len(files_in(maildir)), 3, "files, after RSET")


@check
def the_commands_of_a_burst_are_answered_in_one_piece(world):
    with Server(world.program, make_maildir(world.directory, small_messages(3))) as server, server.session() as session:
        session.send(b"NOOP\r\n" * 100)
        time.sleep(0.3)
        octets = session.plain.recv(1_000_000)
        same(octets.count(b"+OK"), 100, "replies in one read")


@check
def two_thousand_messages_are_read_in_one_burst(world):
    messages = small_messages(2000)
    with Server(world.program, make_maildir(world.directory, messages)) as server, server.session() as session:
        burst = b"".join(b"RETR %d\r\n" % number for number in range(1, 2001))
        threading.Thread(target=session.send, args=[burst], daemon=True).start()
        for name, content in messages.items():
            assert session.line().startswith(b"+OK"), name
            same(session.content(), wire_form(content), name)
        session.expect("QUIT", b"+OK")


@check
def a_slow_reader_gets_everything(world):
    content = tricky_messages().popitem()[1]
    with Server(world.program, make_maildir(world.directory, {"1.host": content})) as server, server.session() as session:
        session.send(b"RETR 1\r\nRETR 1\r\nNOOP\r\n")
        time.sleep(2.5)  # several waits of the server for room
        for _ in range(2):
            assert session.line().startswith(b"+OK")
            same(hashlib.sha256(session.content()).digest(), hashlib.sha256(wire_form(content)).digest(), "content")
        assert session.line().startswith(b"+OK")


@check
def an_aborted_download_frees_the_maildrop(world):
    content = tricky_messages().popitem()[1]
    with Server(world.program, make_maildir(world.directory, {"1.host": content})) as server:
        with server.session() as session:
            session.send(b"DELE 1\r\nRSET\r\nRETR 1\r\n")
            session.plain.recv(100_000)
            session.abort()
        assert is_free_at_once(server)


@check
def an_endless_line_gets_one_answer(world):
    with Server(world.program, make_maildir(world.directory, {})) as server, server.session() as session:
        session.send(b"x" * 3_000_000)
        assert session.line().startswith(b"-ERR")
        session.send(b"\r\nNOOP\r\n")
        assert session.line().startswith(b"+OK")


@check
def the_last_answer_arrives_though_the_client_has_sent_more(world):
    with Server(world.program, make_maildir(world.directory, {})) as server, server.connection() as connection:
        connection.send(b"nonsense\r\n" * 20_000)
        replies = connection.rest().splitlines()
        assert replies and all(reply.startswith(b"-ERR") for reply in replies), replies
        assert len(replies) <= 50, len(replies)


@check
def a_line_that_never_ended_is_no_command(world):
    maildir = make_maildir(world.directory, small_messages(2))
    with Server(world.program, maildir) as server:
        for end in [b"QUIT", b"QUIT\r", b"QUIT now\r\n", b" QUIT\r\n", b"QUI\nT\r\n"]:
            with server.session() as session:
                session.expect("DELE 1", b"+OK")
                session.send(end)
                session.plain.shutdown(socket.SHUT_WR)
                assert b"+OK" not in session.rest(), end
            same(len(files_in(maildir)), 2, f"files after {end!r}")


@check
def secrets_stay_off_the_output(world):
    """The servers' output is looked at when they end; here is what might have got there."""
    with Server(world.program, make_maildir(world.directory, {})) as server:
        for octets in [b"PASS secret\r\n", b"USER\xff\xfe secret\r\n", b"APOP secret secret\r\n", b"\x00" * 100 + b"\r\n"]:
            with server.connection() as connection:
                connection.send(octets)
                assert b"secret" not in connection.line()
