"""The server and the client of one page that keep mail in SQLite, with curl, Python's client, each other, and `kill -9`."""

import poplib
import random
import resource
import socket
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing, contextmanager

import preloads
from checks import check, only_for, same
from clients import Last, Maildrop
from curl_checks import LOGIN_DENIED, curl
from maildirs import tricky_messages, wire_form
from servers import PATIENCE

USER = "mrose"
PASSWORD = "tanstaaf"
ACCOUNT = {"user": USER, "password": PASSWORD}
MANY = 400
FEW = b"Subject: few\r\n\r\n"

# The calls of a disk that forgets at a loss of power: the name of a journal that is removed is only gone for good when its directory
# is synced, so it is kept by another name until then. Nothing else waits for the disk.
FORGETFUL_CALLS = r"""
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char kept[4096];

int unlink(const char *name) {
    size_t length = strlen(name);
    if (length < 8 || strcmp(name + length - 8, "-journal") != 0) return remove(name);
    snprintf(kept, sizeof kept, "%s.kept", name);
    return rename(name, kept);
}

int fsync(int file) {
    struct stat found;
    if (kept[0] && fstat(file, &found) == 0 && S_ISDIR(found.st_mode)) {
        remove(kept);
        kept[0] = 0;
    }
    return 0;
}

int fdatasync(int file) {
    return fsync(file);
}
"""


def forgetful_calls(directory):
    """A library of these calls."""
    return preloads.library(directory, FORGETFUL_CALLS)


@contextmanager
def server(world, messages=(), calls=None):
    """The server, with these messages: its database, and its ports without TLS and with it."""
    database = world.directory / "server.db"
    certificate = world.certificate
    program = str(world.program.parent / "sqlite_server")
    command = [program, str(database), str(certificate.file), str(certificate.key), "127.0.0.1:0", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=preloads.environment(calls)) as process:
        try:
            ports = []
            for _ in range(2):
                line = process.stderr.readline()
                assert line.startswith("listening on 127.0.0.1:"), line
                ports.append(int(line.rsplit(":", 1)[1]))
            change(database, "INSERT INTO users VALUES (?, ?)", [(USER, PASSWORD)])
            deliver(database, messages)
            yield database, *ports, process
        finally:
            process.terminate()


def change(database, statement, rows):
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        connection.executemany(statement, rows)


def deliver(database, messages):
    statement = "INSERT INTO messages (user, octets, body) VALUES (?, ?, ?)"
    change(database, statement, [(USER, len(wire_form(message)), message) for message in messages])


def rows(database, query):
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        return connection.execute(query).fetchall()


def logged_in(world, port, is_tls=True):
    context = ssl.create_default_context(cafile=world.certificate.authority)
    if is_tls:
        pop = poplib.POP3_SSL("127.0.0.1", port, timeout=PATIENCE, context=context)
    else:
        pop = poplib.POP3("127.0.0.1", port, timeout=PATIENCE)
        pop.stls(context)
    pop.user(USER)
    pop.pass_(PASSWORD)
    return pop


def refused(words, command, *arguments):
    """Fails unless the server refuses a command in these words."""
    try:
        answer = command(*arguments)
    except poplib.error_proto as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"{command.__name__} was answered {answer!r}")


def start_import(world, address, password=PASSWORD, authority=None, user=USER, calls=None):
    program = str(world.program.parent / "sqlite_import")
    authority = str(authority or world.certificate.authority)
    command = [program, str(world.directory / "client.db"), address, user, password, authority]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=preloads.environment(calls))


def imports(world, address, **options):
    """Runs the client to its end. Returns its exit code and its lines on stderr, of which it has as many as it has failures."""
    with start_import(world, address, **options) as process:
        _, said = process.communicate(timeout=2 * PATIENCE)
    assert PASSWORD not in said and "panicked" not in said, said
    same(said.count("\n"), process.returncode, f"lines on stderr, {said!r}")
    return process.returncode, said


def imported(world):
    return rows(world.directory / "client.db", "SELECT unique_id, body FROM messages ORDER BY id")


@check
@only_for("server_tokio")
def the_server_over_sqlite_serves_curl_and_poplib(world):
    messages = list(tricky_messages().values())
    trusted = ["--ssl-reqd", "--cacert", str(world.certificate.authority)]
    with server(world, messages) as (database, port, tls_port, _):
        urls = [f"pop3://127.0.0.1:{port}/2", f"pop3s://127.0.0.1:{tls_port}/2"]
        for url in urls:
            same(curl(url, *trusted, **ACCOUNT)[:2], (0, wire_form(messages[1])), f"what curl has of {url}")
            for wrong in [{"password": "wrong"}, {"user": "nobody"}]:
                same(curl(url, *trusted, **{**ACCOUNT, **wrong})[0], LOGIN_DENIED, f"curl's exit code with {wrong}")
        for is_tls in [False, True]:
            pop = logged_in_at_last(world, tls_port if is_tls else port, is_tls)
            same(curl(urls[1], *trusted, **ACCOUNT)[0], LOGIN_DENIED, "curl's exit code while another has the maildrop")
            sizes = [len(wire_form(message)) for message in messages]
            same([int(line.split()[1]) for line in pop.list()[1]], sizes, "LIST")
            for number, message in enumerate(messages, 1):
                same(b"\r\n".join([*pop.retr(number)[1], b""]) or b"\r\n", wire_form(message) or b"\r\n", f"message {number}")
            pop.dele(1)
            pop.close()
        count = logged_in_at_last(world, tls_port, is_tls=True).stat()[0]
        same(count, len(messages), "messages after sessions without QUIT")


def logged_in_at_last(world, port, is_tls):
    """As soon as the server has noticed that the session before is over."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return logged_in(world, port, is_tls)
        except poplib.error_proto:
            assert time.monotonic() < end
            time.sleep(0.05)


@check
@only_for("server_tokio")
def the_server_over_sqlite_removes_at_quit_and_uses_no_unique_id_again(world):
    with server(world, [b"one\n", b"two\n"]) as (database, _, tls_port, _):
        pop = logged_in(world, tls_port)
        one, two = pop.uidl()[1]
        pop.dele(2)
        pop.quit()
        same(rows(database, "SELECT body FROM messages"), [(b"one\n",)], "what is left")
        deliver(database, [b"three\n"])
        pop = logged_in(world, tls_port)
        assert pop.uidl()[1][0] == one and pop.uidl()[1][1] != two, pop.uidl()
        # Another program removes a message.
        change(database, "DELETE FROM messages WHERE body = ?", [(b"one\n",)])
        refused("gone", pop.retr, 1)
        # Where nothing can be removed, the client is told so.
        pop.dele(2)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused("SYS/TEMP", pop.quit)
        same(rows(database, "SELECT body FROM messages"), [(b"three\n",)], "what is left")


@check
@only_for("server_tokio")
def the_server_over_sqlite_has_on_the_disk_what_it_answers_quit(world):
    # Or a loss of power brings the journal back, and with it the mail.
    with server(world, [FEW, FEW], calls=forgetful_calls(world.directory)) as (_, _, tls_port, _):
        pop = logged_in(world, tls_port)
        pop.dele(1)
        pop.quit()
        same([file.name for file in world.directory.glob("*-journal*")], [], "journals that may come back")


@check
@only_for("server_tokio")
def the_import_into_sqlite_takes_each_message_once_however_often_it_is_killed(world):
    messages = [b"Subject: %d\r\n\r\n%s\r\n" % (n, bytes([97 + n % 26]) * (n * 7 % 3000)) for n in range(MANY)]
    with server(world, messages) as (database, port, _, _):
        for _ in range(12):
            with start_import(world, f"127.0.0.1:{port}") as process:
                time.sleep(random.uniform(0.0, 0.12))
                process.kill()
                process.communicate()
        end = time.monotonic() + PATIENCE
        while imports(world, f"127.0.0.1:{port}")[0] != 0:  # the server may not have noticed yet that the last one is gone
            assert time.monotonic() < end
            time.sleep(0.05)
        same([body for _, body in imported(world)], messages, "what is imported")
        same(rows(database, "SELECT count(*) FROM messages"), [(0,)], "messages on the server")
        same({unique_id for unique_id, _ in imported(world)}, {None}, "unique-ids after the messages are gone")


@check
@only_for("server_tokio")
def the_import_into_sqlite_fails_in_one_line(world):
    with server(world, [FEW]) as (_, port, _, _):
        for options, words in [
            ({"password": "wr0ng"}, "name or password"),
            ({"authority": world.certificate.stranger}, "certificate"),
            ({"authority": world.directory / "missing"}, "missing: "),
            ({"address": f"127.0.0.2:{port}"}, "refused"),
            ({"address": "[::1]:1"}, "os error"),
        ]:
            code, said = imports(world, **{"address": f"127.0.0.1:{port}", **options})
            assert code == 1 and words in said, said
        same(imported(world), [], "what is imported")
        same(imports(world, f"127.0.0.1:{port}"), (0, ""), "how it ends")
        same([body for _, body in imported(world)], [FEW], "what is imported")
    with Maildrop([(b"a", FEW)], {"STLS": b"-ERR\r\n"}) as without:
        code, said = imports(world, without.address)
        assert code == 1 and "STLS" in said, said
    with Maildrop([(b"a", FEW)], {"STLS": Last(b"")}) as broken:
        same(imports(world, broken.address)[0], 1, "exit code where the server breaks off")


@check
@only_for("server_tokio")
def the_import_into_sqlite_waits_for_the_disk_to_remove_the_journal(world):
    # Or a loss of power brings it back, and what is deleted on the server is rolled back.
    calls = forgetful_calls(world.directory)
    with server(world, [FEW]) as (_, port, _, _):
        same(imports(world, f"127.0.0.1:{port}", calls=calls), (0, ""), "how it ends")
        same([body for _, body in imported(world)], [FEW], "what is imported")
        same([file.name for file in world.directory.glob("client.db-*")], [], "journals that may come back")


@check
@only_for("server_tokio")
def the_import_into_sqlite_ends_where_the_server_deletes_nothing(world):
    with server(world, [b"%d" % n for n in range(1001)]) as (database, port, _, _):
        change(database, "CREATE TRIGGER kept BEFORE DELETE ON messages BEGIN SELECT RAISE(IGNORE); END", [()])
        code, said = imports(world, f"127.0.0.1:{port}", calls=forgetful_calls(world.directory))
        assert code == 1 and "may not have deleted" in said, said
        same(len(imported(world)), 2000, "messages that are imported, in two sessions")


@check
@only_for("server_tokio")
def the_import_into_sqlite_takes_accounts_with_the_same_unique_ids_for_different_ones(world):
    other = {"user": "other", "password": "other"}
    with server(world, [b"one\r\n"]) as (database, port, _, _):
        # The first stays on the server, so that its unique-id is known, and the other's account has got the same one.
        keep = "CREATE TRIGGER kept BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'kept'); END"
        change(database, keep, [()])
        same(imports(world, f"127.0.0.1:{port}")[0], 1, "exit code where nothing can be deleted")
        change(database, "DROP TRIGGER kept", [()])
        change(database, "INSERT INTO users VALUES (?, ?)", [("other", "other")])
        change(database, "UPDATE messages SET user = ?, body = ?", [("other", b"two\r\n")])
        same(imports(world, f"127.0.0.1:{port}", **other), (0, ""), "how the other's ends")
        same([body for _, body in imported(world)], [b"one\r\n", b"two\r\n"], "what is imported")
        same(rows(database, "SELECT count(*) FROM messages"), [(0,)], "messages on the server")


@check
@only_for("server_tokio")
def the_server_over_sqlite_goes_on_where_nobody_reads_its_errors(world):
    with server(world, [FEW]) as (database, port, tls_port, process):
        process.stderr.close()
        pop = logged_in(world, tls_port)
        pop.dele(1)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused("SYS/TEMP", pop.quit)
        # It can't accept for a while.
        before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1, before[1]))
        with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as waiting:
            time.sleep(0.2)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
            assert waiting.recv(100).startswith(b"+OK"), "no greeting"
        same(logged_in(world, tls_port).stat()[0], 1, "messages")
