"""The line that a server writes at the end of each session."""

import re
import socket

from checks import check, only_for, same
from clients import clients
from maildirs import PASSWORD, USER, make_maildir
from servers import PATIENCE, Server


def line_of(server):
    """The next line of the log: its account, its reason and its totals."""
    line = server.errors.get(timeout=PATIENCE)
    match = re.fullmatch(r'peer=127\.0\.0\.1:\d+ account=("[^"]*"|-) reason="([^"]*)" (.*)\n', line or "")
    assert match and PASSWORD not in line, line
    return match[1], match[2], dict(total.split("=") for total in match[3].split())


@check
def a_log_has_a_line_for_each_session(world):
    messages = {"1": b"Subject: one\n\n", "2": b"Subject: two\n\n"}
    with Server(world.program, make_maildir(world.directory, messages), options=["--log"]) as server:
        address = f"127.0.0.1:{server.port}"
        client = clients(world, address)[0]
        client.succeeds("retr", 1)
        account, reason, totals = line_of(server)
        same((account, reason), (f'"{USER}"', "the client quit"), "who and why")
        same((totals["retr"], totals["dele"], totals["message_octets"]), ("1", "0", "16"), "what")
        client.succeeds("dele", 2)
        same(line_of(server)[2]["dele"], "1", "deletions")
        clients(world, address, password="another")[0].fails("stat")
        account, _, totals = line_of(server)
        same((account, totals["failed_logins"]), ("-", "1"), "a failed login")
        for method in ["plain", "cram-md5", "apop"]:
            clients(world, address, "--auth", method)[0].succeeds("stat")
            same(line_of(server)[0], f'"{USER}"', f"account by {method}")
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.recv(100)
        same(line_of(server)[:2], ("-", "the client's stream ended without QUIT"), "a client that leaves")


@check
@only_for("server_tokio")
def a_signal_ends_handshakes_that_do_not_come(world):
    """What was cut off with the program has no line."""
    maildir = make_maildir(world.directory, {})
    with Server(world.program, maildir, certificate=world.certificate, options=["--log"]) as server:
        with socket.create_connection(("127.0.0.1", server.tls_port), PATIENCE), server.connection() as upgrade:
            upgrade.expect("STLS", b"+OK")
            with server.session(tls=True) as session:  # the one that came first is accepted by then
                session.expect("QUIT", b"+OK")
            same(line_of(server)[1], "the client quit", "reason")
            server.process.terminate()
            for _ in range(2):
                same(line_of(server)[1], "the TLS handshake failed", "reason")
            server.ends_cleanly()


@check
def without_being_asked_a_server_writes_no_log(world):
    with Server(world.program, make_maildir(world.directory, {"1": b"x\n"})) as server:
        clients(world, f"127.0.0.1:{server.port}")[0].succeeds("stat")
        assert server.errors.empty()
