"""Starting and stopping: arguments, signals, and ten thousand guests."""

import os
import resource
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

from checks import check, only_for, same
from maildirs import USER, files_in, make_maildir, small_messages
from servers import PATIENCE, Server

SECRET = "s3cr3t-w0rd"
MANY = 10_000
BURST = 600  # more than fit where nobody asks the system for room
OCTETS_EACH = 3 * 1024


def run(program, *arguments):
    return subprocess.run(
        [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@check
def bad_arguments_are_one_line_on_stderr(world):
    maildir = str(make_maildir(world.directory / "maildir", {}))
    without_new = world.directory / "without-new"
    (without_new / "cur").mkdir(parents=True)
    user = f"{USER}:{SECRET}:{maildir}"
    bad = [
        ["--user", f"{USER}:{SECRET}:{world.directory}/missing"],
        ["--user", f"{USER}:{SECRET}:{without_new}"],
        ["--user", f"{USER}:{SECRET}"],
        ["--user", f":{SECRET}:{maildir}"],
        ["--user", f"{USER}::{maildir}"],
        ["--user", f"{USER}:{SECRET}:"],
        ["--user", SECRET],
        ["--user"],
        ["--user", user, "--user", user],
        ["--user", user, user],
        ["--usr", user],
        [f"--usr={user}"],
        [f"--{user}"],
        [user],
        ["-x"],
        ["--listen"],
        ["--listen", "nowhere", "--user", user],
        ["--listen", "127.0.0.1:99999", "--user", user],
        ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--user", user],
        ["--listen", "192.0.2.1:0", "--user", user],
    ]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad.append(["--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--user", user])
        for arguments in bad:
            done = run(world.program, *arguments)
            assert done.returncode > 0, f"{arguments}: exit code {done.returncode}"
            same(len(done.stderr.splitlines()), 1, f"lines on stderr of {arguments}: {done.stderr!r}")
            assert len(done.stderr.strip()) > 10, done.stderr
            same(done.stdout, "", f"stdout of {arguments}")
            assert SECRET not in done.stderr, f"a secret in {done.stderr!r}"


@check
def bad_certificates_are_one_line_on_stderr(world):
    good = world.certificate
    other_key, garbage, missing = good.file.with_name("authority.key"), world.directory / "garbage", world.directory / "missing"
    garbage.write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n")
    user = ["--listen", "127.0.0.1:0", "--user", f"{USER}:{SECRET}:{make_maildir(world.directory / 'maildir', {})}"]
    pairs = [(missing, good.key), (good.file, missing), (garbage, good.key), (good.file, good.file), (good.key, good.key)]
    bad = [["--tls-cert", cert, "--tls-key", key] for cert, key in [*pairs, (good.file, garbage), (good.file, other_key)]]
    bad += [["--tls-cert", good.file], ["--tls-key", good.key], ["--tls-listen", "127.0.0.1:0"]]
    bad += [["--tls-listen", "nowhere", "--tls-cert", good.file, "--tls-key", good.key]]
    for arguments in bad:
        done = run(world.program, *user, *map(str, arguments))
        assert done.returncode > 0, f"{arguments}: exit code {done.returncode}"
        same(len(done.stderr.splitlines()), 1, f"lines on stderr of {arguments}: {done.stderr!r}")
        same(done.stdout, "", f"stdout of {arguments}")
        assert "PRIVATE KEY" not in done.stderr and SECRET not in done.stderr, f"a secret in {done.stderr!r}"


@check
def help_and_version_are_no_errors(world):
    done = run(world.program, "--help")
    same((done.returncode, done.stderr), (0, ""), "--help")
    assert "--listen" in done.stdout and "--user" in done.stdout, done.stdout
    done = run(world.program, "--version")
    same((done.returncode, done.stderr), (0, ""), "--version")
    assert done.stdout.startswith(world.program.name), done.stdout


@check
def names_hold_at_signs_and_paths_hold_colons(world):
    maildir = make_maildir(world.directory / "mail:dir:2", small_messages(2))
    with Server(world.program, maildir) as server, server.session() as session:
        assert session.ask("STAT").startswith(b"+OK 2 ")


@check
def passwords_and_paths_are_octets(world):
    maildir = make_maildir(world.directory / os.fsdecode(b"mail\xff"), small_messages(1))
    program = [os.fsencode(world.program), b"--listen", b"127.0.0.1:0", b"--user", b"j\xfcrgen:gr\xfc\xdfe:" + os.fsencode(maildir)]
    with subprocess.Popen(program, stderr=subprocess.PIPE) as process:
        try:
            port = int(process.stderr.readline().rsplit(b":", 1)[1])
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain, plain.makefile("rb") as replies:
                plain.sendall(b"USER j\xfcrgen\r\nPASS gr\xfc\xdfe\r\nSTAT\r\nQUIT\r\n")
                assert replies.read().splitlines()[3].startswith(b"+OK 1 ")
        finally:
            process.terminate()
        same(process.wait(PATIENCE), 0, "exit code")


@check
def either_signal_ends_the_server_and_frees_the_port(world):
    maildir = make_maildir(world.directory, small_messages(1))
    for number in [signal.SIGINT, signal.SIGTERM]:
        with Server(world.program, maildir) as server, server.session() as session:
            session.expect("DELE 1", b"+OK")
            server.process.send_signal(number)
            same(session.rest(), b"", "farewell")
            server.ends_cleanly()
        done = None
        try:
            done = socket.create_connection(("127.0.0.1", server.port), 1)
        except OSError:
            pass
        assert done is None, "somebody still listens"
    same(len(files_in(maildir)), 1, "files")


@check
def a_signal_right_after_the_start_is_heard(world):
    for _ in range(5):
        server = Server(world.program, make_maildir(world.directory, {}))
        server.process.send_signal(signal.SIGTERM)
        server.ends_cleanly()


def proportional_memory(process):
    """What a process costs the machine, in octets."""
    with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


@check
@only_for("server_tokio")
def ten_thousand_idle_connections_are_cheap(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= MANY + 100, f"the machine allows no more than {hard} open files"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with Server(world.program, make_maildir(world.directory, small_messages(1))) as server, ExitStack() as connections:
            with server.session():
                before = proportional_memory(server.process)
            for _ in range(MANY):
                connections.enter_context(guest(server.port))
            time.sleep(0.5)
            each = (proportional_memory(server.process) - before) / MANY
            print(f"        {each:.0f} octets for each of {MANY} idle connections")
            assert each <= OCTETS_EACH, f"{each:.0f} octets each"
            with server.session() as session:
                assert session.ask("STAT").startswith(b"+OK 1 ")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@check
def connections_that_come_at_once_wait_and_are_all_greeted(world):
    with Server(world.program) as server, ExitStack() as stack:
        server.process.send_signal(signal.SIGSTOP)
        try:
            waiting = [stack.enter_context(caller(server.port)) for _ in range(BURST)]
        finally:
            server.process.send_signal(signal.SIGCONT)
        for connection in waiting:
            assert connection.recv(512).startswith(b"+OK")


@check
@only_for("server_std")
def few_threads_stay_when_many_connections_have_ended(world):
    with Server(world.program, make_maildir(world.directory, small_messages(1))) as server:
        threads = f"/proc/{server.process.pid}/task"
        for _ in range(2):
            with ExitStack() as connections:
                for _ in range(64):
                    connections.enter_context(guest(server.port))
                assert len(os.listdir(threads)) > 64
            deadline = time.monotonic() + PATIENCE
            while len(os.listdir(threads)) > 20:
                assert time.monotonic() < deadline, f"{len(os.listdir(threads))} threads"
                time.sleep(0.01)
        for _ in range(20):
            with server.session() as session:
                assert session.ask("STAT").startswith(b"+OK 1 ")
                session.expect("QUIT", b"+OK")
        assert len(os.listdir(threads)) <= 20


def guest(port):
    """A connection that has been greeted and says nothing."""
    plain = caller(port)
    assert plain.recv(512).startswith(b"+OK")
    return plain


def caller(port):
    """A connection that may not have been accepted yet."""
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    # Closed with a reset, so that no port stays taken for a minute.
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return plain
