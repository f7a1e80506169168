#!/usr/bin/env python3
"""Measures what a client needs to fetch a maildrop: the example clients, beside fetchmail, mpop and curl.

    cargo build --release --examples
    python3 benches/load/clients.py [--quick] [--write benches]

All of them fetch the same messages from `server_std` and leave them there, one client after the other, and the whole round
some times over; the median counts. CPU is that of the client alone, in user and in system mode. Through the delay every octet
comes 25 ms later in each direction, which shows who waits for answers; there is one round, as it is mostly waiting. Only what
is found on this machine takes part.

What they do isn't quite the same. The example clients and mpop store one file for each message, and wait for the disk; curl
waits for nothing, and never asks whether a message is complete. fetchmail writes one file, for bsmtp.
"""

import argparse
import os
import queue
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
USER, PASSWORD = "mrose", "tanstaaf"
DELAY = 0.025

# Between these the table is in README.md.
BEGIN, END = "<!-- clients -->\n", "<!-- end of clients -->\n"
LINE = b"The quick brown fox jumps over the lazy dog, and the dog lets it be.\r\n"


def message(number, octets):
    """A message of so many octets, but for a line."""
    header = b"From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\n" % (number, number)
    return header + LINE * ((octets - len(header)) // len(LINE))


def make_maildir(path, messages, octets):
    for folder in ["new", "cur", "tmp"]:
        (path / folder).mkdir(parents=True)
    for number in range(1, messages + 1):
        (path / "new" / f"{1700000000 + number}.M{number}P1.host").write_bytes(message(number, octets))


class Server:
    """The example server, with one maildrop."""

    def __init__(self, program, maildir):
        command = [str(program), "--listen", "127.0.0.1:0", "--user", f"{USER}:{PASSWORD}:{maildir}"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stderr.readline().rsplit(":", 1)[1])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Delay:
    """Hands everything on between clients and a server, each octet some time after it has come."""

    def __init__(self, port, seconds):
        self.to, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for one, other in [(client, server), (server, client)]:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # So much may be on its way: 16 MiB, which no client of these keeps waiting.
                way = queue.Queue(256)
                threading.Thread(target=self.take, args=(one, way), daemon=True).start()
                threading.Thread(target=self.give, args=(other, way), daemon=True).start()

    def take(self, socket_, way):
        octets = b"any"
        while octets:
            try:
                octets = socket_.recv(65_536)
            except OSError:
                octets = b""
            way.put((time.monotonic() + self.seconds, octets))

    @staticmethod
    def give(socket_, way):
        while True:
            due, octets = way.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not octets:
                    socket_.shutdown(socket.SHUT_WR)
                    return
                socket_.sendall(octets)
            except OSError:
                octets = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def ours(program):
    def command(port, directory, _):
        login = ["--connect", f"127.0.0.1:{port}", "--user", USER, "--password", PASSWORD, "--auth", "user"]
        return [str(program), *login, "fetch", str(directory / "mail")]

    return command


def fetchmail(port, directory, _):
    file = directory / "config"
    file.write_text(
        f"set invisible\npoll 127.0.0.1 service {port} protocol pop3 auth password uidl\n"
        f'  user "{USER}" password "{PASSWORD}" keep fetchall sslproto \'\' no rewrite bsmtp "{directory}/mail"\n'
    )
    file.chmod(0o600)
    return ["fetchmail", "--fetchmailrc", str(file), "--pidfile", str(directory / "pid"), "--nodetach", "--nosyslog", "--silent"]


def mpop(port, directory, _):
    for folder in ["new", "cur", "tmp"]:
        (directory / "mail" / folder).mkdir(parents=True)
    file = directory / "config"
    file.write_text(
        f"account default\nhost 127.0.0.1\nport {port}\nuser {USER}\npassword {PASSWORD}\nauth user\ntls off\n"
        f"keep on\nreceived_header off\nuidls_file {directory}/uidls\ndelivery maildir {directory}/mail\n"
    )
    file.chmod(0o600)
    return ["mpop", f"--file={file}", "--quiet"]


def curl(port, directory, messages):
    urls = f"pop3://127.0.0.1:{port}/[1-{messages}]"
    return ["curl", "-s", "-S", "--fail-early", "--create-dirs", "-u", f"{USER}:{PASSWORD}", urls, "-o", f"{directory}/mail/#1"]


def octets_in(path):
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return sum(file.stat().st_size for file in files)


def run(command, port, directory, messages, octets):
    """Runs a client once. Returns its CPU time and how long it took, in seconds."""
    directory.mkdir()
    line = command(port, directory, messages)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "FETCHMAILHOME": str(directory), "LC_ALL": "C"}
    with open(directory / "said", "wb") as said:
        began = time.monotonic()
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    stored = octets_in(directory / "mail")
    if process.returncode or stored < 0.9 * octets:
        sys.exit(f"{line[0]}: exit code {process.returncode}, {stored} octets: {(directory / 'said').read_bytes()[-500:]!r}")
    return usage.ru_utime + usage.ru_stime, elapsed


def measure(clients, title, messages, size, rounds, server, delays):
    rows = []
    # What is fetched stays there to the end: after files were removed, ext4 takes long to make others, for some time.
    with tempfile.TemporaryDirectory(prefix="pop3-clients-", dir=TARGET) as directory:
        directory = Path(directory)
        maildir = directory / "maildir"
        make_maildir(maildir, messages, size)
        octets = octets_in(maildir)
        for delay in delays:
            with Server(server, maildir) as own, Delay(own.port, DELAY) as proxy:
                port = proxy.port if delay else own.port
                results = {name: [] for name in clients}
                for number in range(1 if delay else rounds):
                    for name, command in clients.items():
                        place = directory / f"{name}-{delay}-{number}"
                        results[name].append(run(command, port, place, messages, octets))
            for name, runs in results.items():
                cpu, elapsed = (statistics.median(column) for column in zip(*runs))
                where = "25 ms each way" if delay else "direct"
                rows.append(f"| {title} | {where} | {name} | {cpu * 1000:,.0f} | {elapsed * 1000:,.0f} |")
                print(rows[-1], flush=True)
    return rows


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="less of everything: it shows that all of it runs")
    arguments.add_argument("--rounds", type=int, help="how often, 5 by default")
    arguments.add_argument("--write", type=Path, metavar="DIR", help="put the table into README.md of this directory")
    arguments.add_argument("--direct", action="store_true", help="leave out what goes through the delay")
    arguments.add_argument("--only", nargs="*", help="the names of clients")
    arguments.add_argument("--before", type=Path, metavar="DIR", help="other builds of the example clients, to compare with")
    arguments = arguments.parse_args()
    programs = TARGET / "release" / "examples"
    server = programs / "server_std"
    if not server.exists():
        sys.exit("cargo build --release --examples comes first")
    clients = {name: ours(programs / name) for name in ["client_std", "client_tokio"]}
    if arguments.before:
        clients.update({f"{name} before": ours(arguments.before / name) for name in ["client_std", "client_tokio"]})
    peers = {"fetchmail": fetchmail, "mpop": mpop, "curl": curl}
    clients.update({name: peer for name, peer in peers.items() if shutil.which(name)})
    clients = {name: command for name, command in clients.items() if not arguments.only or name in arguments.only}
    many, large = (20, 20) if arguments.quick else (2000, 300)
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    rows = ["| what | path | client | CPU, ms | time, ms |", "|---|---|---|--:|--:|"]
    print("\n".join(rows))
    delays = [False] if arguments.direct else [False, True]
    rows += measure(clients, f"{many:,} messages of 4 kB", many, 4_000, rounds, server, delays)
    rows += measure(clients, f"one of {large} MB", 1, large * 1_000_000, rounds, server, delays)
    if arguments.write:
        file = arguments.write / "README.md"
        before, rest = file.read_text().split(BEGIN)
        file.write_text(before + BEGIN + "\n".join(["", *rows, "", ""]) + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
