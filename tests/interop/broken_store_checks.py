"""The Maildir behind the server when something is wrong with it: what isn't true is never said."""

import os
import resource
import select
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress

import preloads
from checks import check, same
from maildirs import PASSWORD, USER, files_in, make_maildir, small_messages, wire_form
from servers import PATIENCE, Server
from store_checks import is_in_use, names

# So many octets that nobody reads them in a minute. They take no room on the disk.
ENDLESS = 200 << 30

# Calls that do what they rarely do: three connections are aborted before they are accepted, to open a file whose name ends
# with "stuck" takes for ever, and so it does to read from one whose name ends with "hangs". (That is a pipe which nobody writes
# into, and which is said to be a regular file.)
ODD_CALLS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
    static int aborted = 0;
    int (*real)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
    int accepted = real(listener, address, length, flags);
    if (accepted < 0 || aborted == 3) return accepted;
    aborted++;
    close(accepted);
    errno = ECONNABORTED;
    return -1;
}

static int ends_with(const char *name, const char *end) {
    size_t length = strlen(name);
    return length >= 5 && strcmp(name + length - 5, end) == 0;
}

int open64(const char *name, int flags, ...) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    int ends[2];
    while (ends_with(name, "stuck")) pause();
    return ends_with(name, "hangs") && pipe(ends) == 0 ? ends[0] : real(name, flags, mode);
}

int statx(int file, const char *name, int flags, unsigned mask, struct statx *found) {
    int (*real)(int, const char *, int, unsigned, struct statx *) = dlsym(RTLD_NEXT, "statx");
    int result = real(file, name, flags, mask, found);
    if (result == 0 && S_ISFIFO(found->stx_mode)) {
        found->stx_mode = S_IFREG | 0600;
        found->stx_size = 1 << 20;
    }
    return result;
}
"""


def odd_calls(directory):
    """A library of these calls."""
    return preloads.library(directory, ODD_CALLS)


@contextmanager
def without_descriptors(server):
    """Lets a server open nothing for a while."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)


def becomes_free(server):
    """Waits until the maildrop can be opened again."""
    deadline = time.monotonic() + PATIENCE
    while is_in_use(server):
        assert time.monotonic() < deadline, "still in use"
        time.sleep(0.1)


@contextmanager
def a_store_that_hangs(world, names):
    """A server whose users have one message each of such a name, some of which hang when they are fetched. Gives it, and the
    sessions of the users whose messages don't. Users new0 to new15 haven't logged in."""
    fine = {f"new{number}": "fine" for number in range(16)}
    maildirs = {
        user: make_maildir(world.directory / user, {f"1.{name}": b"x\n"}) for user, name in (names | fine).items()
    }
    with Server(world.program, users=maildirs, preload=odd_calls(world.directory)) as server, ExitStack() as sessions:
        for _ in range(3):
            socket.create_connection(("127.0.0.1", server.port), PATIENCE).close()
        all_sessions = {user: sessions.enter_context(server.session(user)) for user in names}
        others = []
        for user, session in all_sessions.items():
            if names[user] == "fine":
                others.append(session)
            else:
                session.send(b"RETR 1\r\n")
        time.sleep(0.2)
        yield server, others


def endless_maildir(directory, name="1.host"):
    maildir = make_maildir(directory, {name: b"Subject: x\n\n", "2.host,W=9": b"small\n"})
    os.truncate(maildir / "new" / name, ENDLESS)
    return maildir


@check
def what_is_no_regular_file_is_refused_and_holds_nobody_up(world):
    maildir = make_maildir(world.directory, small_messages(4))
    with Server(world.program, maildir) as server:
        with server.session() as session:
            pipe, device, folder, there = [maildir / "new" / name for name in names(session)]
            for path in [pipe, device, folder]:
                path.unlink()
            os.mkfifo(pipe)
            device.symlink_to("/dev/zero")
            folder.mkdir()
            for number, path in [(1, pipe), (2, device), (3, folder)]:
                session.expect(f"RETR {number}", b"-ERR [SYS/PERM]")
                server.expect_error(USER, path, "not a regular file")
            session.expect("TOP 1 0", b"-ERR [SYS/PERM]")
            server.expect_error(USER, pipe, "not a regular file")
            session.expect("RETR 4", b"+OK")
            session.content()
            session.expect("STAT", b"+OK 4 ")
            for path in [pipe, device, folder]:
                server.expect_error(USER, path, "not a regular file")
        becomes_free(server)
        with server.session() as session:
            same(names(session), [there.name], "messages")


@check
def a_message_that_cannot_be_read_is_refused_and_the_session_goes_on(world):
    maildir = make_maildir(world.directory, {"1.host:2,": b"x\n", "2.host:2,": b"Subject: y\n\nz\n"})
    broken = maildir / "cur" / "1.host:2,"
    broken.unlink()
    broken.symlink_to("/proc/self/mem")
    with Server(world.program, maildir) as server, server.session() as session:
        for command in ["RETR 1", "TOP 1 5", "LIST 1", "STAT", "LIST"]:
            session.expect(command, b"-ERR [SYS/TEMP]")
            server.expect_error(USER, broken, "Input/output error")
        session.expect("LIST 2", b"+OK 2 17")
        session.expect("RETR 2", b"+OK")
        same(session.content(), b"Subject: y\r\n\r\nz\r\n", "content")


@check
def a_message_that_becomes_shorter_never_gets_its_end_line(world):
    content = b"Subject: x\n\n" + b"some forty octets of text in every line\n" * 500_000
    maildir = make_maildir(world.directory, {"1.host": content, "2.host": content})
    first, second = maildir / "new" / "1.host", maildir / "new" / "2.host"
    with Server(world.program, maildir) as server:
        with server.session() as session:
            session.expect("LIST 2", b"+OK 2 %d" % len(wire_form(content)))
            os.truncate(second, 3_000_000)
            session.expect("RETR 2", b"-ERR [SYS/TEMP]")
            server.expect_error(USER, second, "shorter")
            session.expect("RETR 1", b"+OK")
            os.truncate(first, len(content) - 1)
            rest = session.rest()
            assert len(rest) > len(content) - 100 and not rest.endswith(b"\r\n.\r\n"), rest[-40:]
            server.expect_error(USER, first, "shorter")
        becomes_free(server)
    same(len(files_in(maildir)), 2, "files")


@check
def a_lack_of_descriptors_is_no_fact_about_the_mail(world):
    maildir = make_maildir(world.directory, small_messages(3))
    with Server(world.program, maildir) as server, server.session() as session, server.connection() as other:
        whole = sum(len(wire_form(content)) for content in small_messages(3).values())
        first = names(session)[0]
        other.expect(f"USER {USER}", b"+OK")
        session.expect("DELE 3", b"+OK")
        (maildir / "new" / first).rename(maildir / "cur" / f"{first}:2,S")
        with without_descriptors(server):
            for command in ["STAT", "LIST", "LIST 1", "RETR 1", "RETR 2", "TOP 2 0"]:
                session.expect(command, b"-ERR [SYS/TEMP]")
                server.expect_error(USER, maildir, "Too many open files")
            other.expect(f"PASS {PASSWORD}", b"-ERR [SYS/TEMP]")
            server.expect_error(USER, maildir, "Too many open files")
        session.expect("RSET", b"+OK")
        session.expect("STAT", b"+OK 3 %d\r\n" % whole)
        session.expect("RETR 1", b"+OK")
        session.content()
        # Now the server doesn't know where the first one is, and can't look.
        (maildir / "cur" / f"{first}:2,S").rename(maildir / "cur" / f"{first}:2,RS")
        session.expect("DELE 1", b"+OK")
        session.expect("DELE 2", b"+OK")
        with without_descriptors(server):
            session.expect("QUIT", b"-ERR [SYS/TEMP]")
            server.expect_error(USER, maildir, "Too many open files")
        same(len(files_in(maildir)), 2, "files: what wasn't removed isn't said to be")


@check
def a_client_that_leaves_while_its_messages_are_measured_frees_the_maildrop(world):
    maildir = endless_maildir(world.directory)
    with Server(world.program, maildir) as server:
        for command in [b"STAT\r\n", b"LIST\r\nQUIT\r\n" + b"NOOP\r\n" * 10_000]:
            with server.session() as session:
                session.send(command)
                time.sleep(0.2)
                assert is_in_use(server), "it is done already"
            becomes_free(server)
        # One that only has nothing more to say gets its answer.
        (maildir / "new" / "1.host").unlink()
        with server.session() as session:
            session.send(b"STAT\r\nQUIT\r\n")
            session.plain.shutdown(socket.SHUT_WR)
            assert session.rest().startswith(b"+OK 1 9\r\n+OK")


@check
def a_signal_ends_the_server_while_it_measures_messages(world):
    with Server(world.program, endless_maildir(world.directory)) as server, server.session() as session:
        session.send(b"LIST\r\n")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        server.ends_cleanly()


@check
def a_signal_ends_the_server_though_the_store_hangs(world):
    with a_store_that_hangs(world, {f"user{number}": "hangs" for number in range(8)}) as (server, _):
        server.process.send_signal(signal.SIGTERM)
        server.ends_cleanly()


@check
def a_store_that_hangs_stops_few_others(world):
    """More of its calls than there are loops hang in the server of tokio, and they were made between those of others."""
    names = {f"user{number}": ["hangs", "fine", "stuck", "fine"][number % 4] for number in range(64)}
    with a_store_that_hangs(world, names) as (server, others):
        for session in others:
            session.send(b"RETR 1\r\n")
        time.sleep(1)
        answered, _, _ = select.select([session.plain for session in others], [], [], 0)
        # A quarter of the loops is stopped. Which loop has accepted whom is chance, so they may have far more than a quarter of all.
        assert len(others) <= 2 * len(answered), f"{len(answered)} of {len(others)} others are served"
        others_are_served(server)
        server.process.send_signal(signal.SIGTERM)
        server.ends_cleanly()


@check
def who_comes_after_a_store_hangs_is_served(world):
    """A connection for each event loop hangs, and more."""
    names = {f"user{number}": "hangs" for number in range(4 * os.cpu_count() + 4)}
    with a_store_that_hangs(world, names) as (server, _):
        others_are_served(server)
        server.process.send_signal(signal.SIGTERM)
        server.ends_cleanly()


def others_are_served(server):
    """Fetches the messages of those who come now: they get to none of what is stopped."""
    for number in range(16):
        with server.session(f"new{number}") as session:
            session.expect("RETR 1", b"+OK")
            session.content()


@check
def peers_that_are_gone_before_they_are_accepted_are_no_trouble(world):
    maildir = make_maildir(world.directory / "maildir", small_messages(1))
    with Server(world.program, maildir, preload=odd_calls(world.directory)) as server:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as aborted:
                same(aborted.recv(100), b"", "greeting of a connection that was aborted")
        with server.session() as session:
            session.expect("STAT", b"+OK 1 ")
        # A server that had stopped for a moment would have said why.


@check
def a_server_without_descriptors_says_so_and_serves_whoever_waits(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        with without_descriptors(server):
            waiting = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(2)]
            server.expect_error("cannot serve a connection", "Too many open files")
        for connection in waiting:
            assert connection.recv(100).startswith(b"+OK"), "greeting"
            connection.close()
        while not server.errors.empty():  # once a second, if this took so long
            server.expect_error("cannot serve a connection", "Too many open files")


@check
def one_look_is_enough_for_all_that_other_programs_have_removed(world):
    maildir = make_maildir(world.directory, {**small_messages(5), "1800000000.M1.host:2,": b"last\n"})
    with Server(world.program, maildir) as server, server.session() as session:
        for name in names(session)[:5]:
            (maildir / "new" / name).unlink()
        session.expect("RETR 1", b"-ERR")
        # Another look would fail, and be told of.
        (maildir / "new").rename(maildir / "elsewhere")
        for number in range(2, 6):
            session.expect(f"TOP {number} 0", b"-ERR")
        session.expect("RETR 6", b"+OK")
        same(session.content(), b"last\r\n", "content")
        session.expect("STAT", b"+OK 6 6\r\n")
        for number in range(1, 7):
            session.expect(f"DELE {number}", b"+OK")
        session.expect("QUIT", b"+OK")
    same(list((maildir / "cur").iterdir()), [], "what is left")


@check
def flags_that_change_all_the_time_hide_no_message(world):
    maildir = make_maildir(world.directory, {f"{number}.host:2,": b"%d\n" % number for number in range(10, 40)})
    toggle = (
        "import os, sys\n"
        "files = sorted(os.listdir('.'))\n"
        "while True:\n"
        "    for file in files: os.rename(file, file + 'S')\n"
        "    for file in files: os.rename(file + 'S', file)\n"
    )
    with Server(world.program, maildir) as server:
        with subprocess.Popen(["python3", "-c", toggle], cwd=maildir / "cur", stderr=subprocess.DEVNULL) as other:
            try:
                for _ in range(20):
                    with server.session() as session:
                        for number, name in enumerate(names(session), 1):
                            session.expect(f"RETR {number}", b"+OK")
                            same(session.content(), name.split(".")[0].encode() + b"\r\n", "content")
                        same(number, 30, "messages")
                        session.expect("QUIT", b"+OK")
                with server.session() as session:
                    for number in range(1, 31):
                        session.expect(f"DELE {number}", b"+OK")
                    session.expect("QUIT", b"+OK")
            finally:
                other.kill()
    same(files_in(maildir), [], "what is said to be removed is removed")


@check
def a_line_on_stderr_stays_one_line(world):
    name = "1.host\nlistening on 127.0.0.1:1\x1b[2J"
    maildir = make_maildir(world.directory, {name: b"x\n"})
    with Server(world.program, maildir) as server, server.session() as session:
        (maildir / "new" / name).unlink()
        os.mkfifo(maildir / "new" / name)
        session.expect("RETR 1", b"-ERR [SYS/PERM]")
        server.expect_error(USER, "1.host\\nlistening on 127.0.0.1:1\\u{1b}[2J", "not a regular file")
