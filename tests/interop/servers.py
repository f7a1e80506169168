"""Starting and stopping the example servers, and plain connections to them."""

import queue
import re
import signal
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import preloads
from maildirs import PASSWORD, USER

PATIENCE = 20  # seconds that anything may take before it counts as hanging


class Server:
    """A running server, over one maildir or over a dictionary of users and theirs; without any, over its demo maildrop.

    With a certificate it offers STLS, and listens once more for TLS from the first octet. `options` go to its command line.
    """

    def __init__(self, program, maildir=None, users=None, certificate=None, password=PASSWORD, options=(), preload=None):
        if maildir is not None:
            users = {USER: maildir}
        self.users = users or {}
        accounts = [word for name, path in self.users.items() for word in ("--user", f"{name}:{password}:{path}")]
        arguments = [str(program), "--listen", "127.0.0.1:0", *options, *accounts]
        self.start(arguments, certificate, preloads.environment(preload))

    def start(self, arguments, certificate, environment):
        """Starts it, and waits until it says where it listens."""
        self.certificate = certificate
        if certificate:
            tls = ["--tls-listen", "127.0.0.1:0", "--tls-cert", str(certificate.file), "--tls-key", str(certificate.key)]
            arguments = [*arguments, *tls]
        self.process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            restore_signals=False,  # a file that must not grow is an error then, and doesn't kill
        )
        self.errors = queue.Queue()
        threading.Thread(target=self.read_errors, daemon=True).start()
        try:
            self.port = self.announced_port("")
            self.tls_port = self.announced_port(r" \(TLS\)") if certificate else None
        except BaseException:
            self.kill()
            raise

    def announced_port(self, mark):
        """The port in the next line on stderr."""
        line = self.errors.get(timeout=PATIENCE)
        match = re.fullmatch(rf"listening on 127\.0\.0\.1:(\d+){mark}\n", line or "")
        assert match, f"line on stderr: {line!r}"
        return int(match[1])

    def read_errors(self):
        for line in self.process.stderr:
            self.errors.put(line)
        self.errors.put(None)

    def expect_error(self, *words):
        """Takes the next line on stderr, which has these words in it."""
        line = self.errors.get(timeout=PATIENCE)
        assert line and all(str(word) in line for word in words), f"line on stderr: {line!r}, without all of {words}"

    def expect_errors(self, *words):
        """Takes as many lines on stderr, one with each of these words in it, in any order."""
        lines = [self.errors.get(timeout=PATIENCE) or "" for _ in words]
        assert all(any(word in line for line in lines) for word in words), f"lines on stderr: {lines}, without all of {words}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Every server has to end cleanly, and to have said nothing more."""
        if self.process.poll() is not None:
            return
        if kind is not None:
            self.kill()
            return
        self.process.send_signal(signal.SIGTERM)
        self.ends_cleanly()

    def ends_cleanly(self):
        """Waits for the end that a signal has asked for."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server didn't end when it was told to") from None
        line = self.errors.get(timeout=PATIENCE)
        output = self.process.stdout.read()
        self.process.stdout.close()
        assert code == 0, f"exit code {code}"
        assert line is None, f"a further line on stderr: {line!r}"
        assert not self.users or not output, f"output: {output!r}"

    def kill(self):
        """Ends the process as a crash would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def url(self, path="", tls=False):
        return f"pop3s://127.0.0.1:{self.tls_port}/{path}" if tls else f"pop3://127.0.0.1:{self.port}/{path}"

    def context(self):
        """What a client needs for TLS: trust in the authority of the certificate."""
        return ssl.create_default_context(cafile=str(self.certificate.authority))

    @contextmanager
    def connection(self, tls=False):
        """A connection whose greeting has been read."""
        with socket.create_connection(("127.0.0.1", self.tls_port if tls else self.port), PATIENCE) as plain:
            connection = Connection(wrapped(plain, self.context()) if tls else plain)
            try:
                connection.greeting = connection.line()
                assert connection.greeting.startswith(b"+OK"), connection.greeting
                yield connection
            finally:
                connection.abort()

    @contextmanager
    def session(self, user=USER, tls=False):
        """A connection that is logged in."""
        with self.connection(tls) as connection:
            connection.log_in(user)
            yield connection


def wrapped(plain, context):
    """TLS over a socket. An end of stream without TLS's own end is an error of the one who reads."""
    return context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


def without_secrets(command):
    """What may be shown of a command, or of what is sent in place of one."""
    match = re.match(r"AUTH [\w-]+|(?!AUTH|APOP|PASS)[A-Z0-9]{3,4}( \S+)*$|(AUTH|APOP|PASS)\b", command)
    return match[0] if match else "..."


class Connection:
    """Commands and replies as octets, for what client libraries don't do."""

    def __init__(self, plain):
        self.plain = plain
        self.file = plain.makefile("rb")

    def send(self, octets):
        self.plain.sendall(octets)

    def line(self):
        return self.file.readline()

    def ask(self, command):
        """Sends a command and returns the first line of the reply."""
        self.send(command.encode() + b"\r\n")
        return self.line()

    def content(self):
        """The lines after a `+OK` up to the end line, unstuffed."""
        octets = bytearray()
        while (line := self.line()) != b".\r\n":
            assert line.endswith(b"\r\n"), f"the reply ends in mid-line: {line[-80:]!r}"
            octets += line[1:] if line.startswith(b".") else line
        return bytes(octets)

    def rest(self):
        """Everything until the server closes."""
        return self.file.read()

    def expect(self, command, start):
        reply = self.ask(command)
        assert reply.startswith(start), f"{without_secrets(command)}: {reply!r}"
        return reply

    def log_in(self, user=USER):
        self.expect(f"USER {user}", b"+OK")
        self.expect(f"PASS {PASSWORD}", b"+OK")

    def start_tls(self, context):
        """Asks for TLS, and goes on with it."""
        self.expect("STLS", b"+OK")
        self.file.close()
        self.plain = wrapped(self.plain, context)
        self.file = self.plain.makefile("rb")

    def capabilities(self):
        self.expect("CAPA", b"+OK")
        return self.content().decode().split("\r\n")[:-1]

    def abort(self):
        """Ends the connection without QUIT."""
        self.file.close()
        self.plain.close()
