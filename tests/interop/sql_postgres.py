"""A private PostgreSQL on the loopback interface."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from servers import PATIENCE

NAME = "postgres"
OWNER = "mail"


def programs():
    """Where Debian puts what isn't for everybody; the newest version of those that are there."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class Postgres:
    """A cluster in a directory of its own. Its programs refuse to run as root, so then another user runs them."""

    name = NAME

    def __init__(self):
        self.programs = programs()
        self.password = secrets.token_hex(16)
        self.directory = Path(tempfile.mkdtemp(prefix="pop3-proto-postgres-"))
        self.user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        password = self.file("password", self.password.encode())
        self.data = self.directory / "data"
        self.run("initdb", "-D", self.data, "-U", OWNER, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.databases = 0
        self.process = None
        self.start()

    def run(self, program, *arguments, **options):
        command = [str(self.programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=3 * PATIENCE, cwd="/", check=False, **self.user, **options
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout

    def start(self, **settings):
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "logging_collector": "off"}
        options.update(settings)
        command = [str(self.programs / "postgres"), "-D", str(self.data)]
        for option in options.items():
            command += ["-c", "%s=%s" % option]
        log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self.user)
        log.close()
        deadline = time.monotonic() + 3 * PATIENCE  # after a crash it makes sure of each file
        while True:
            try:
                return self.ask("SELECT 1")
            except AssertionError:
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.1)

    def stop(self, how=signal.SIGINT):
        """Ends it at once: connections are closed, nothing is lost. SIGQUIT is like a crash."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(3 * PATIENCE)  # it writes all that is in memory, and other programs may keep the disk busy
            self.process = None

    @contextmanager
    def settings(self, **settings):
        """Starts it anew with these settings, and afterwards without."""
        self.stop()
        try:
            self.start(**settings)
            yield
        finally:
            self.stop()
            self.start()

    def log(self):
        """What it has written, since the directory is there."""
        return (self.directory / "log").read_text(encoding="utf-8")

    def file(self, name, content):
        """A file that is its own."""
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])
        return path

    def end(self):
        self.stop()
        shutil.rmtree(self.directory)

    def limit_files(self, processes, octets):
        """Says how large a file may become that these processes of the database write."""
        for process in processes:
            self.run("/usr/bin/prlimit", f"--fsize={octets}:", "--pid", process)

    def ask(self, statement, database="postgres"):
        """What a statement returns, as lines."""
        return self.run(*self.client(database), "-c", statement, env=self.environment).splitlines()

    def client(self, database):
        return ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-d", database]

    @property
    def environment(self):
        return {"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"}

    @contextmanager
    def holding(self, statement, database):
        """Keeps a transaction open in which this was said."""
        program, *arguments = self.client(database)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([self.programs / program, *arguments], text=True, env=self.environment, **pipes) as client:
            client.stdin.write(f"BEGIN; {statement}; SELECT 1;\n")
            client.stdin.flush()
            assert client.stdout.readline() == "1\n", statement
            try:
                yield
            finally:
                client.stdin.close()

    def new(self, _):
        """The URL of a database that is empty."""
        self.databases += 1
        self.ask(f"CREATE DATABASE mail{self.databases}")
        return self.url(f"mail{self.databases}")

    def url(self, database):
        return f"postgres://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"
