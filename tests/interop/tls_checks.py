"""STLS, and TLS from the first octet: openssl's client, Python's, and clients that no library would be."""

import poplib
import re
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, suppress

from checks import check, same
from maildirs import PASSWORD, USER, big_body, digest, files_in, make_maildir, small_messages, tricky_messages, wire_form
from poplib_checks import content, refusal
from servers import PATIENCE, Server, wrapped
from store_checks import is_free_at_once, is_in_use

OTHER_USER = "second"
BIG = b"Subject: big\n\n" + big_body(20_000_000)


def log_in(pop):
    pop.user(USER)
    pop.pass_(PASSWORD)


def ends_properly(connection):
    """Fails with `ssl.SSLEOFError` where the end isn't announced within TLS."""
    same(connection.rest(), b"", "rest")


@check
def openssl_s_client_upgrades_and_reads_the_maildrop(world):
    messages = small_messages(2)
    octets = [len(wire_form(message)) for message in messages.values()]
    script = f"CAPA\r\nUSER {USER}\r\nPASS {PASSWORD}\r\nLIST\r\nRETR 2\r\nQUIT\r\n"
    with Server(world.program, make_maildir(world.directory, messages), certificate=world.certificate) as server:
        for port, options in [(server.port, ["-starttls", "pop3"]), (server.tls_port, [])]:
            command = ["openssl", "s_client", *options, "-quiet", "-connect", f"127.0.0.1:{port}", "-verify_return_error"]
            command += ["-CAfile", str(world.certificate.authority), "-verify_ip", "127.0.0.1"]
            done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=PATIENCE, check=False)
            # After STLS there is no second greeting. (s_client prints the line that answers STLS.)
            said = re.sub(rb"\A\+OK[^\r]*\r\n(?=\+OK)", b"", done.stdout)
            assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-300:]!r}"
            capabilities, rest = said.split(b"\r\n.\r\n", 1)
            assert b"UIDL" in capabilities.split(b"\r\n") and b"STLS" not in capabilities.split(b"\r\n"), capabilities
            without_texts = re.sub(rb"(?m)^\+OK[^\r]*", b"+OK", rest)
            listing = b"1 %d\r\n2 %d\r\n.\r\n" % tuple(octets)
            message = wire_form(list(messages.values())[1]) + b".\r\n"
            same(without_texts, b"+OK\r\n+OK\r\n+OK\r\n" + listing + b"+OK\r\n" + message + b"+OK\r\n", "answers")


@check
def what_comes_after_stls_in_the_clear_ends_the_connection(world):
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for after in [
            b"NOOP\r\n",
            b"NO",
            b"\r\n",
            b"\n",
            b"\x16",
            f"USER {USER}\r\nPASS {PASSWORD}\r\nDELE 1\r\nQUIT\r\n".encode(),
        ]:
            with server.connection() as connection:
                connection.send(b"STLS\r\n" + after)
                answers = connection.rest()
                assert re.fullmatch(rb"-ERR[^\r\n]*\r\n", answers), f"{after}: {answers!r}"
        assert is_free_at_once(server)
    same(len(files_in(maildir)), 1, "files")


@check
def after_stls_everything_is_as_at_the_start(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        with server.connection() as connection, server.connection(tls=True) as fresh:
            before = connection.capabilities()
            assert "STLS" in before, before
            connection.expect(f"USER {USER}", b"+OK")
            connection.start_tls(server.context())
            after = connection.capabilities()
            same(after, fresh.capabilities(), "CAPA after STLS, and with TLS from the first octet")
            same(set(before) - set(after), {"STLS"}, "what is gone")
            connection.expect(f"PASS {PASSWORD}", b"-ERR")
            for tls in [connection, fresh]:
                tls.expect("STLS", b"-ERR")
                tls.log_in()
                assert "STLS" not in tls.capabilities(), "STLS after login"
                tls.expect("QUIT", b"+OK")
                ends_properly(tls)
        with server.connection() as connection:
            connection.expect("STLS now", b"-ERR")
            connection.log_in()
            assert "STLS" not in connection.capabilities(), "STLS after login"
            connection.expect("STLS", b"-ERR")
            connection.expect("NOOP", b"+OK")


@check
def poplib_reads_over_tls(world):
    """By STLS and by TLS from the first octet."""
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages), certificate=world.certificate) as server:
        for implicit in [False, True]:
            if implicit:
                pop = poplib.POP3_SSL("localhost", server.tls_port, timeout=PATIENCE, context=server.context())
            else:
                pop = poplib.POP3("localhost", server.port, timeout=PATIENCE)
                assert "STLS" in pop.capa(), "no STLS"
                assert pop.stls(context=server.context()).startswith(b"+OK")
            assert "STLS" not in pop.capa(), "STLS over TLS"
            log_in(pop)
            for number, (name, message) in enumerate(messages.items(), 1):
                same(digest(content(pop.retr(number)[1])), digest(wire_form(message)), name)
            pop.quit()


@check
def poplib_logs_in_with_apop_over_tls(world):
    with Server(world.program, make_maildir(world.directory, small_messages(2)), certificate=world.certificate) as server:
        for password in ["wrong", PASSWORD]:
            pop = poplib.POP3_SSL("localhost", server.tls_port, timeout=PATIENCE, context=server.context())
            if password == PASSWORD:
                pop.apop(USER, password)
                same(pop.stat()[0], 2, "messages")
                pop.quit()
            else:
                assert refusal(pop.apop, USER, password).startswith(b"-ERR [AUTH]")
                pop.close()


@check
def where_tls_is_required_nothing_else_logs_in(world):
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate, options=["--require-tls"]) as server:
        with server.connection() as connection:
            assert b"<" not in connection.greeting, "a timestamp for APOP"
            offered = connection.capabilities()
            assert "STLS" in offered and "USER" not in offered, offered
            assert not any(re.match("SASL .*(PLAIN|LOGIN|BEARER|XOAUTH2)", line) for line in offered), offered
            connection.expect(f"USER {USER}", b"-ERR [AUTH]")
            connection.start_tls(server.context())
            assert "USER" in connection.capabilities(), "no USER over TLS"
            connection.log_in()
            connection.expect("QUIT", b"+OK")
        for command in [f"APOP {USER} {'0' * 32}", "AUTH PLAIN", "AUTH LOGIN", "AUTH XOAUTH2", "AUTH OAUTHBEARER"]:
            with server.connection() as connection:
                connection.expect(command, b"-ERR")
        with server.session(tls=True) as session:
            assert session.ask("STAT").startswith(b"+OK 1 ")


@check
def a_session_over_tls_may_come_in_any_pieces(world):
    commands = f"CAPA\r\nUSER {USER}\r\nPASS {PASSWORD}\r\nUIDL\r\nRETR 1\r\nTOP 2 1\r\nnonsense\r\nQUIT\r\n".encode()
    with Server(world.program, make_maildir(world.directory, small_messages(3)), certificate=world.certificate) as server:
        answers = set()
        for size in [1, 2, 7, len(commands)]:
            with server.connection(tls=True) as connection:
                for start in range(0, len(commands), size):
                    connection.send(commands[start : start + size])
                answers.add(connection.rest())
        same(len(answers), 1, f"number of different answers in {answers}")
        same(answers.pop().count(b"This is number 0.\r\n.\r\n"), 1, "messages")


@check
def two_sessions_over_tls_take_turns(world):
    users = {USER: make_maildir(world.directory / "1", {"1": BIG}), OTHER_USER: make_maildir(world.directory / "2", {"1": BIG})}
    with Server(world.program, users=users, certificate=world.certificate) as server:
        with server.session(tls=True) as first, server.session(OTHER_USER, tls=True) as second:
            first.expect("RETR 1", b"+OK")  # and the client takes its time
            for session in [second, first]:
                if session is second:
                    session.expect("RETR 1", b"+OK")
                same(digest(session.content()), digest(wire_form(BIG)), "digest")
                session.expect("QUIT", b"+OK")
                ends_properly(session)


@check
def the_end_of_the_server_waits_for_the_reply_in_progress_over_tls(world):
    maildir = make_maildir(world.directory / "1", {"1": BIG})
    users = {USER: maildir, OTHER_USER: make_maildir(world.directory / "2", {})}
    for upgrade in [True, False]:
        with Server(world.program, users=users, certificate=world.certificate) as server:
            with server.connection(tls=not upgrade) as session, server.session(OTHER_USER, tls=True) as idle:
                if upgrade:
                    session.start_tls(server.context())
                session.log_in()
                session.expect("DELE 1", b"+OK")
                session.expect("RSET", b"+OK")
                session.expect("RETR 1", b"+OK")
                server.process.terminate()
                ends_properly(idle)
                same(digest(session.content()), digest(wire_form(BIG)), "digest")
                ends_properly(session)
            server.ends_cleanly()
    same(len(files_in(maildir)), 1, "files")


@check
def clients_that_say_nothing_hold_nobody_up(world):
    """Neither before the handshake nor in the middle of it; and they don't hold up the end of the server."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # how one begins
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate) as server, ExitStack() as silent:
        for number in range(20):
            plain = silent.enter_context(socket.create_connection(("127.0.0.1", server.tls_port), PATIENCE))
            plain.sendall(hello if number % 2 else b"")
        with server.connection() as one, server.connection() as other:
            one.expect("STLS", b"+OK")
            other.expect("STLS", b"+OK")
            other.send(hello)
            start = time.monotonic()
            with server.session(tls=True) as session:
                assert session.ask("STAT").startswith(b"+OK 1 ")
                session.expect("QUIT", b"+OK")
            assert time.monotonic() - start < 2, "somebody was held up"
            server.process.terminate()
            server.ends_cleanly()


@check
def failed_handshakes_harm_nobody(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        stranger = ssl.create_default_context(cafile=str(world.certificate.stranger))
        old = server.context()
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        old.set_ciphers("AES128-SHA")  # without forward secrecy, and for keys of another kind
        for context in [stranger, old]:
            for upgrade in [True, False]:
                with socket.create_connection(("127.0.0.1", server.port if upgrade else server.tls_port), PATIENCE) as plain:
                    if upgrade:
                        plain.recv(512)
                        plain.sendall(b"STLS\r\n")
                        assert plain.recv(512).startswith(b"+OK")
                    try:
                        wrapped(plain, context)
                    except (ssl.SSLError, ConnectionError):
                        continue
                    raise AssertionError("the handshake didn't fail")
        for octets in [b"CAPA\r\nQUIT\r\n" * 100, b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000]:
            with socket.create_connection(("127.0.0.1", server.tls_port), PATIENCE) as plain:
                try:
                    plain.sendall(octets)
                    while answer := plain.recv(65536):
                        assert b"+OK" not in answer, "an answer in the clear"
                except ConnectionError:
                    pass
        with server.session(tls=True) as session:
            session.expect("NOOP", b"+OK")


@check
def an_end_without_a_quit_over_tls_removes_nothing_and_frees_the_maildrop(world):
    maildir = make_maildir(world.directory, {"1": BIG, "2": b"x\n"})
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for orderly in [True, False]:
            with server.session(tls=True) as session:
                session.expect("DELE 2", b"+OK")
                assert is_in_use(server), "free"
                if orderly:
                    with suppress(OSError):  # whether the server answers this is its own affair
                        session.plain.unwrap()
                else:
                    session.send(b"RETR 1\r\n")
                    session.plain.recv(100_000)
            assert is_free_at_once(server)
        # What is cut off is no command, even if it looks like one.
        with server.session(tls=True) as session:
            session.expect("DELE 2", b"+OK")
            session.send(b"QUIT")
        assert is_free_at_once(server)
    same(len(files_in(maildir)), 2, "files")


@check
def many_messages_are_read_in_one_burst_over_tls(world):
    messages = small_messages(2000)
    with Server(world.program, make_maildir(world.directory, messages), certificate=world.certificate) as server:
        with server.session(tls=True) as session:
            burst = b"".join(b"RETR %d\r\n" % number for number in range(1, 2001))
            # The sockets' buffers hold it all, and Python's TLS isn't made for two threads.
            session.send(burst)
            for name, message in messages.items():
                assert session.line().startswith(b"+OK"), name
                same(session.content(), wire_form(message), name)
            session.expect("QUIT", b"+OK")
            ends_properly(session)
