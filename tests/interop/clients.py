"""Running the example clients, and servers that say what a check wants them to say."""

import os
import pty
import socket
import subprocess
import threading

from checks import same
from maildirs import PASSWORD, USER
from servers import PATIENCE

CLIENTS = ["client_std", "client_tokio"]


class Client:
    """One of the example clients, and the server that it is to connect to."""

    def __init__(self, program, address, *options, user=USER, password=PASSWORD):
        self.program = program
        self.arguments = [str(program), "--connect", str(address), "--user", user, "--password", password, *options]
        self.password = password

    def run(self, *arguments):
        """Runs it. Returns its exit code, and what it wrote to stdout and stderr."""
        command = [*self.arguments, *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE, check=False)
        said = done.stderr.decode()
        assert self.password not in said and "panicked" not in said, f"{self.program.name}: {without(self.password, said)}"
        return done.returncode, done.stdout, said

    def start(self, *arguments):
        """Starts it, for a check that doesn't let it end by itself."""
        command = [*self.arguments, *map(str, arguments)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def succeeds(self, *arguments):
        """What it writes to stdout."""
        code, output, said = self.run(*arguments)
        assert code == 0 and not said, f"{self.program.name} {arguments}: exit code {code}, {said!r}"
        return output

    def fails(self, *arguments):
        """The one line that it writes to stderr."""
        code, _, said = self.run(*arguments)
        assert code == 1 and said.count("\n") == 1 and said.endswith("\n"), f"{arguments}: exit code {code}, {said!r}"
        assert said.startswith("error: "), said
        return said


def without(secret, text):
    return text.replace(secret, "...")


def clients(world, address, *options, **credentials):
    """Both clients, which stand beside the servers."""
    return [Client(world.program.parent / name, address, *options, **credentials) for name in CLIENTS]


class Last(bytes):
    """An answer that the connection ends after."""


class Script:
    """A server that answers by the first word of each command, on every connection.

    An answer is what to send, or a function of the line; `None` closes the connection. What has no answer gets `other`.
    `received` has all lines.
    """

    def __init__(self, answers=None, other=b"-ERR what?\r\n", greeting=b"+OK ready\r\n", address="127.0.0.1"):
        self.answers = {
            "CAPA": b"-ERR what?\r\n",
            "USER": b"+OK\r\n",
            "PASS": b"+OK\r\n",
            "STAT": self.count,
            "QUIT": b"+OK\r\n",
            **(answers or {}),
        }
        self.other = other
        self.greeting = greeting
        self.received = []
        self.connections = 0
        self.listener = socket.create_server((address, 0))
        self.address = f"{address}:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    self.converse(connection)
                except OSError:
                    pass  # the client has gone

    def converse(self, connection):
        connection.sendall(self.greeting)
        with connection.makefile("rb") as file:
            for line in file:
                self.received.append(line)
                answer = self.answers.get(first_word(line), self.other)
                if callable(answer):
                    answer = answer(line)
                if answer is None:
                    return
                connection.sendall(answer)
                if isinstance(answer, Last):
                    return

    def count(self, line):
        """Answers STAT by what UIDL and LIST say."""
        lists = [self.answers[verb] for verb in ["UIDL", "LIST"] if verb in self.answers]
        for answer in [answer(line) if callable(answer) else answer for answer in lists]:
            if answer and answer.startswith(b"+OK"):
                entries = [entry for entry in answer.splitlines()[1:] if entry != b"."]
                return b"+OK %d %d\r\n" % (len(entries), 100 * len(entries))
        return b"-ERR what?\r\n" if lists else b"+OK 0 0\r\n"

    def verbs(self):
        """The first words of what was received, since the last call."""
        received, self.received = self.received, []
        return [first_word(line) for line in received]


class Maildrop(Script):
    """A server that has messages, pairs of a unique-id and octets, and really deletes them. `answers` replaces what it
    says; one that doesn't stuff sends lines that begin with a dot as they are.
    """

    def __init__(self, messages, answers=None, stuffs=True):
        self.messages = list(messages)
        self.marked = []
        self.stuffs = stuffs
        own = {verb: getattr(self, verb.lower()) for verb in ["STAT", "LIST", "UIDL", "RETR", "DELE", "QUIT"]}
        super().__init__({**own, **(answers or {})})

    def converse(self, connection):
        self.marked = []
        super().converse(connection)

    def stat(self, _=None):
        return b"+OK %d %d\r\n" % (len(self.messages), sum(len(octets) for _, octets in self.messages))

    def list(self, _=None):
        lines = [b"%d %d\r\n" % (number, len(octets)) for number, (_, octets) in enumerate(self.messages, 1)]
        return b"+OK\r\n" + b"".join(lines) + b".\r\n"

    def uidl(self, _=None):
        lines = [b"%d %s\r\n" % (number, unique_id) for number, (unique_id, _) in enumerate(self.messages, 1)]
        return b"+OK\r\n" + b"".join(lines) + b".\r\n"

    def retr(self, line):
        octets = self.messages[int(line.split()[1]) - 1][1]
        if self.stuffs:
            octets = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
        return b"+OK\r\n" + octets + b".\r\n"

    def dele(self, line):
        self.marked.append(self.messages[int(line.split()[1]) - 1])
        return b"+OK\r\n"

    def quit(self, _=None):
        self.messages = [message for message in self.messages if message not in self.marked]
        return Last(b"+OK\r\n")


def first_word(line):
    return line.split()[0].decode("latin-1") if line.strip() else ""


class Stalling:
    """Hands everything on between a client and a server, but of what the server says only so many octets."""

    def __init__(self, port, octets):
        self.port = port
        self.octets = octets
        self.stalled = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(PATIENCE)

    def serve(self):
        client, _ = self.listener.accept()
        with client, socket.create_connection(("127.0.0.1", self.port), PATIENCE) as server:
            threading.Thread(target=self.hand_on, args=(client, server), daemon=True).start()
            left = self.octets
            while left:
                octets = server.recv(min(left, 65_536))
                if not octets:
                    return
                client.sendall(octets)
                left -= len(octets)
            self.stalled.set()
            client.settimeout(PATIENCE)
            while client_is_there(client):
                pass

    @staticmethod
    def hand_on(client, server):
        try:
            while octets := client.recv(65_536):
                server.sendall(octets)
        except OSError:
            pass


def client_is_there(client):
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def on_a_terminal(command, stream):
    """Runs a program with `stdout` or `stderr` on a terminal. Returns its exit code, and what the terminal got."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, **{stream: theirs})
    os.close(theirs)
    shown = b""
    try:
        while octets := os.read(ours, 4096):
            shown += octets
    except OSError:
        pass  # its end
    os.close(ours)
    return process.wait(PATIENCE), shown


def stored(directory):
    """The messages that a client has put into a directory: the files whose names don't begin with a dot, and their octets."""
    files = [file for file in directory.iterdir() if not file.name.startswith(".")]
    return {file.name: file.read_bytes() for file in files if file.is_file() and not file.is_symlink()}


def one_of_each(lines):
    """The second words of lines, checked to stand in order from 1."""
    numbers, words = zip(*(line.split(b" ", 1) for line in lines.splitlines()))
    same([int(number) for number in numbers], list(range(1, len(numbers) + 1)), "message numbers")
    return list(words)
