#!/usr/bin/env python3
"""Measures server_sql on SQLite and on a private PostgreSQL, and prints a table.

    cargo build --release -p server-sql
    python3 examples/sql/measure.py target/release/server_sql [--seconds N]

The clients, the front ends and the database share one machine, so what is reached with several front ends is what the machine's cores
allow. Needs Linux, and what tests/interop/run_sql.py needs.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "interop"))

import sql_postgres  # noqa: E402
import sql_stores  # noqa: E402
from maildirs import USER  # noqa: E402
from sql_stores import Store, count  # noqa: E402

CLIENTS = 16
MESSAGES = 20
IDLE = 2000
TICKS = os.sysconf("SC_CLK_TCK")


class World:
    """What a store needs of a check."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = Path(directory)


def execute(store, statement):
    """Puts into a database what would take long otherwise."""
    if store.engine.name == sql_stores.Sqlite.name:
        connection = sqlite3.connect(store.file)
        connection.executescript(statement)
        connection.close()
    else:
        store.engine.ask("SET search_path = pop3; " + statement, store.database)


def numbers(store, to):
    """A table of the numbers from 1, called `number`."""
    if store.engine.name == sql_stores.Sqlite.name:
        return f"(WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {to}) SELECT number FROM n)"
    return f"generate_series(1, {to}) AS number"


def add_users(store, users):
    """Users with the password of the one that is there, and a maildrop each, which may be empty."""
    text = "CAST('user' || number AS BLOB)" if store.engine.name == sql_stores.Sqlite.name else "CAST('user' || number AS bytea)"
    execute(
        store,
        f"INSERT INTO maildrops (next_uid) SELECT {MESSAGES + 1} FROM {numbers(store, users)};"
        f"INSERT INTO users (name, hash, maildrop) SELECT {text}, (SELECT hash FROM users), number + 1 FROM {numbers(store, users)};",
    )


def fill(store, messages, maildrop="1"):
    """Messages without texts, which is what a login reads."""
    touched = "1" if store.engine.name == sql_stores.Sqlite.name else "clock_timestamp()"
    execute(
        store,
        "INSERT INTO messages (maildrop, uid, size, octets, touched)"
        f" SELECT {maildrop}, number, 1000, 1000, {touched} FROM {numbers(store, messages)};"
        + ("ANALYZE;" if store.engine.name != sql_stores.Sqlite.name else ""),
    )


def cpu(processes):
    """Seconds that processes have used."""
    stats = [Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for process in processes]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS


def database_cpu(store):
    """The same of PostgreSQL, those that have ended included."""
    if store.engine.name == sql_stores.Sqlite.name:
        return 0
    postmaster = store.engine.process.pid
    ended = Path(f"/proc/{postmaster}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    return cpu([postmaster, *children]) + (int(ended[13]) + int(ended[14])) / TICKS


def sessions(store, front_ends, seconds):
    """Sessions a second, and CPU for each: in front ends, and in the database."""
    servers = [store.serve(lease=60) for _ in range(front_ends)]
    done = [0] * CLIENTS
    end = time.monotonic() + seconds

    def work(client):
        while time.monotonic() < end:
            for server in servers:
                session = logged_in(server, f"user{client + 1}")
                count(session)
                session.expect("UIDL", b"+OK")
                session.content()
                session.expect("QUIT", b"+OK")
                session.abort()
                done[client] += 1

    before, database = cpu([server.process.pid for server in servers]), database_cpu(store)
    start = time.monotonic()
    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, total = time.monotonic() - start, sum(done)
    used = cpu([server.process.pid for server in servers]) - before
    database = database_cpu(store) - database
    for server in servers:
        server.__exit__(None)
    return total / elapsed, used / total * 1000, database / total * 1000


def logged_in(server, name):
    connection = sql_stores.connect(server)
    reply = server.log_in(connection, name)
    assert reply.startswith(b"+OK"), reply
    return connection


def first_octet_of_uidl(store):
    """Milliseconds from PASS to the first octet of UIDL's listing; the best of some."""
    times = []
    with store.serve(lease=60) as server:
        for _ in range(5):
            connection = sql_stores.connect(server)
            connection.expect(f"USER {USER}", b"+OK")
            start = time.monotonic()
            connection.send(b"PASS %s\r\nUIDL\r\n" % sql_stores.PASSWORD.encode())
            assert connection.line().startswith(b"+OK") and connection.line().startswith(b"+OK")
            connection.line()
            times.append(time.monotonic() - start)
            connection.content()
            connection.expect("QUIT", b"+OK")
            connection.abort()
    return min(times) * 1000


def memory(server):
    """What a process has of its own, in octets."""
    smaps = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text(encoding="ascii")
    return int(smaps.split("Pss:")[1].split()[0]) * 1024


def idle(store):
    """kB for each of many sessions that are logged in and idle. The first of them aren't counted, since all have something in common."""
    with store.serve(lease=60) as server:
        connections = []

        def open_some(users):
            for user in users:
                connections.append(logged_in(server, f"user{user}"))

        def open_all(users):
            threads = [threading.Thread(target=open_some, args=(users[part::CLIENTS],)) for part in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            time.sleep(1)
            return memory(server)

        few = IDLE // 8
        before = open_all(range(1, few + 1))
        each = (open_all(range(few + 1, IDLE + 1)) - before) / (IDLE - few)
        assert len(connections) == IDLE
        for connection in connections:
            connection.abort()
    return each / 1000


def main():
    parser = argparse.ArgumentParser(description="Measures server_sql.")
    parser.add_argument("program", type=Path, help="server_sql, as a release build")
    parser.add_argument("--seconds", type=float, default=10, help="how long each number of front ends is measured")
    arguments = parser.parse_args()
    print("| engine | what | |\n|---|---|---|")
    for engine in [sql_stores.Sqlite, sql_postgres.Postgres]:
        sql_stores.engine = engine()
        try:
            measure(arguments.program.resolve(), engine.name, arguments.seconds)
        finally:
            sql_stores.engine.end()


def measure(program, engine, seconds):
    def say(what, figure):
        print(f"| {engine} | {what} | {figure} |", flush=True)

    with tempfile.TemporaryDirectory(prefix="pop3-proto-") as directory:
        store = Store(World(program, directory))
        add_users(store, IDLE)
        for user in range(CLIENTS):
            fill(store, MESSAGES, user + 2)
        for front_ends in [1, 2, 4]:
            rate, used, database = sessions(store, front_ends, seconds)
            what = f"sessions with {front_ends} front ends" if front_ends > 1 else "sessions with one front end"
            say(what, f"{rate:.0f}/s, {used:.1f} ms of CPU each in the front ends, {database:.1f} ms in the database")
        for messages in [20_000, 100_000]:
            execute(store, "DELETE FROM messages WHERE maildrop = 1;")
            fill(store, messages)
            say(f"login to first octet of UIDL, {messages:,} messages", f"{first_octet_of_uidl(store):.0f} ms")
        say(f"memory for each of {IDLE:,} idle sessions", f"{idle(store):.1f} kB")


if __name__ == "__main__":
    main()
