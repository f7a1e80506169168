"""The programs of one page, with curl, Python's client, each other, and servers that break off."""

import poplib
import subprocess
from contextlib import contextmanager

from checks import check, only_for, same
from clients import Last, Maildrop
from curl_checks import LOGIN_DENIED, curl
from maildirs import make_maildir
from servers import PATIENCE, Server

USER = "mrose"
PASSWORD = "tanstaaf"
WELCOME = b"Subject: welcome\r\n\r\nGood to see you.\r\n"


@contextmanager
def minimal_server(world, name="server"):
    """The server of one page, over blocking sockets or tokio; its port."""
    program = str(world.program.parent / name)
    with subprocess.Popen([program, "127.0.0.1:0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            assert line.startswith("listening on 127.0.0.1:"), line
            yield int(line.rsplit(":", 1)[1])
        finally:
            process.terminate()


def subjects(world, address, password=PASSWORD):
    """Runs the client of one page. Returns its exit code, and what it wrote to stdout and stderr."""
    command = [str(world.program.parent / "client"), address, USER, password]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    assert password not in done.stderr.decode() and b"panicked" not in done.stderr, done.stderr
    same(done.stderr.count(b"\n"), done.returncode, f"lines on stderr, {done.stderr!r}")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@check
@only_for("server_std")
def the_server_of_one_page_serves_curl_and_poplib(world):
    serves_curl_and_poplib(world, "server")


@check
@only_for("server_tokio")
def the_tokio_server_of_one_page_serves_curl_and_poplib(world):
    serves_curl_and_poplib(world, "minimal_tokio")


def serves_curl_and_poplib(world, name):
    with minimal_server(world, name) as port:
        url = f"pop3://127.0.0.1:{port}/1"
        same(curl(url, user=USER, password=PASSWORD)[:2], (0, WELCOME), "what curl has")
        same(curl(url, user=USER, password="wrong")[0], LOGIN_DENIED, "curl's exit code with a wrong password")
        pop = poplib.POP3("127.0.0.1", port, timeout=PATIENCE)
        pop.user(USER)
        pop.pass_(PASSWORD)
        same(pop.stat(), (1, len(WELCOME)), "STAT")
        same(pop.retr(1)[1], WELCOME.split(b"\r\n")[:-1], "RETR")
        same(curl(url, user=USER, password=PASSWORD)[0], LOGIN_DENIED, "curl's exit code while another has the maildrop")
        pop.dele(1)
        pop.close()
        pop = poplib.POP3("127.0.0.1", port, timeout=PATIENCE)
        pop.user(USER)
        pop.pass_(PASSWORD)
        same(pop.stat()[0], 1, "messages after a session without QUIT")
        pop.dele(1)
        pop.quit()
        same(subjects(world, f"127.0.0.1:{port}"), (0, "", ""), "what is left")


@check
@only_for("server_std")
def the_client_of_one_page_prints_subjects(world):
    with minimal_server(world) as port:
        same(subjects(world, f"127.0.0.1:{port}"), (0, "1 welcome\n", ""), "subjects")
        code, out, err = subjects(world, f"127.0.0.1:{port}", "another")
        assert (code, out) == (1, "") and "wrong name or password" in err, err
    messages = {"1": b"Subject: one\n\nSubject: no\n", "2": b"From: a\n\n", "3": b"Subject: \x1b[2J\n\n"}
    with Server(world.program, users={USER: make_maildir(world.directory, messages)}, password=PASSWORD) as server:
        code, out, err = subjects(world, f"127.0.0.1:{server.port}")
        same((code, out, err), (0, "1 one\n2 (no subject)\n3 \\u{1b}[2J\n", ""), "subjects")


@check
@only_for("server_std")
def the_client_of_one_page_fails_where_a_server_breaks_off(world):
    whole = [(b"a", b"Subject: one\r\n\r\n")]
    for answers in [
        {"TOP": b"-ERR no\r\n"},
        {"TOP": Last(b"+OK\r\nSubj")},
        {"STAT": b"-ERR [SYS/TEMP] busy\r\n"},
        {"STAT": b"+OK what?\r\n"},
        {"PASS": b"-ERR\r\n"},
        {"PASS": Last(b"")},
        {"QUIT": Last(b"")},
    ]:
        with Maildrop(whole, {"TOP": b"+OK\r\nSubject: one\r\n\r\n.\r\n", **answers}) as server:
            code, _, err = subjects(world, server.address)
            same(code, int(answers.keys() != {"QUIT"}), f"exit code with {answers}, {err!r}")
