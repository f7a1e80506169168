"""Databases for server_sql, its front ends, and deliveries to it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from maildirs import PASSWORD, USER
from servers import PATIENCE, Connection, Server

LEASE = 2  # seconds: short, and yet more than a busy machine makes anybody wait


class Sqlite:
    """The engine that is a file."""

    name = "sqlite"

    def new(self, directory):
        """The URL of a database that isn't there yet."""
        return f"sqlite:{directory}/pop3.db"

    def end(self):
        """There is nothing to end."""


CLIENT = "client_std"
engine = Sqlite()  # or what a run chooses


def on(name):
    """Keeps a check to one engine; stands between `check` and the function."""

    def mark(function):
        function.engine = name
        return function

    return mark


class Store:
    """A database of its own for a check, with one user."""

    def __init__(self, world, user=True):
        self.program = world.program
        self.client = world.program.parent / "examples" / CLIENT
        self.engine = engine
        self.url = engine.new(world.directory)
        self.file = world.directory / "pop3.db"  # with SQLite
        self.database = self.url.rpartition("/")[2]
        self.variables = {}
        if user:
            self.add_user(USER)

    def command(self, *arguments):
        return [str(self.program), *map(str, arguments)]

    @property
    def environment(self):
        return {**os.environ, "DATABASE_URL": self.url, **self.variables}

    def run(self, *arguments, stdin=b""):
        """Runs the program to its end. Returns its exit code and what it wrote to stderr."""
        done = subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, timeout=3 * PATIENCE, env=self.environment, check=False
        )
        said = done.stderr.decode()
        assert PASSWORD not in said and "panicked" not in said, "what it wrote"
        assert not done.stdout, f"stdout: {done.stdout[:100]!r}"
        return done.returncode, said

    def succeeds(self, *arguments, stdin=b""):
        code, said = self.run(*arguments, stdin=stdin)
        assert code == 0 and not said, f"{arguments}: exit code {code}, {said!r}"

    def fails(self, *arguments, stdin=b""):
        """The one line that it writes to stderr."""
        code, said = self.run(*arguments, stdin=stdin)
        assert code == 1 and said.count("\n") == 1 and said.startswith("error: "), f"exit code {code}, {said!r}"
        return said

    def add_user(self, name):
        self.succeeds("add-user", name, stdin=PASSWORD.encode() + b"\n")

    def deliver(self, message, name=USER):
        self.succeeds("deliver", name, stdin=message)

    def delivery(self, *files):
        """A delivery that is still going on: its stdin is open."""
        return subprocess.Popen(
            self.command("deliver", USER, *files),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            restore_signals=False,
        )

    def serve(self, *options, lease=LEASE, certificate=None):
        return FrontEnd(self, "--lease", lease, *options, certificate=certificate)


class FrontEnd(Server):
    """A running server on a shared database."""

    def __init__(self, store, *options, certificate=None):
        self.store = store
        self.users = {USER: None}
        self.start(store.command("serve", "--listen", "127.0.0.1:0", *options), certificate, store.environment)

    def stop(self):
        """Stops it as a debugger would, or a virtual machine that is paused."""
        self.process.send_signal(signal.SIGSTOP)
        # None of its threads does anything more once this is over.
        deadline = time.monotonic() + PATIENCE
        while any(state != "T" for state in self.states()):
            assert time.monotonic() < deadline, "still not stopped"
            time.sleep(0.01)

    def states(self):
        """What each thread does, as a letter."""
        stats = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return [stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] for stat in stats]

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def log_in(self, connection, name=USER):
        """The answer to the password."""
        connection.expect(f"USER {name}", b"+OK")
        return connection.ask(f"PASS {PASSWORD}")

    def open_files(self, beginning):
        """How many open files of the process have such names."""
        names = []
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names.append(os.readlink(link))
            except FileNotFoundError:
                pass  # closed meanwhile
        return sum(name == str(beginning) for name in names)


def peak_memory(process):
    """The most memory that a process has had, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def connect(front_end):
    """A connection whose greeting has been read, which the caller has to end."""
    connection = Connection(socket.create_connection(("127.0.0.1", front_end.port), PATIENCE))
    assert connection.line().startswith(b"+OK")
    return connection


def taken_over(front_end):
    """Tries until the maildrop is free. Returns a connection that is logged in, which ends with the check."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = connect(front_end)
        reply = front_end.log_in(connection)
        if reply.startswith(b"+OK"):
            return connection
        connection.abort()
        assert reply.startswith(b"-ERR [IN-USE]"), reply
        assert time.monotonic() < deadline, "still in use"
        time.sleep(0.1)


def count(connection):
    """How many messages there are."""
    return int(connection.expect("STAT", b"+OK").split()[1])


def unique_ids(connection):
    connection.expect("UIDL", b"+OK")
    return [line.split()[1].decode() for line in connection.content().splitlines()]
