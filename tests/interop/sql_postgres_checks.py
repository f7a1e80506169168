"""What can go wrong around a PostgreSQL that server_sql uses."""

import base64
import contextlib
import os
import signal
import threading
import time

from checks import check, same
from maildirs import USER
from sql_postgres import NAME
from sql_stores import Store, count, on, taken_over, unique_ids

LOG_FILE = 16 * 1024 * 1024  # octets: how large PostgreSQL makes each file of its write-ahead log


def backends(store):
    """The processes of the database that serve this store."""
    statement = f"SELECT pid FROM pg_stat_activity WHERE datname = '{store.database}' AND application_name = 'server_sql'"
    return [int(line) for line in store.engine.ask(statement)]


@check
@on(NAME)
def a_database_that_is_down_is_one_line_and_exit_1(world):
    store = Store(world)
    store.engine.stop()
    try:
        no_command_works(store)
    finally:
        store.engine.start()


@check
@on(NAME)
def a_wrong_password_for_the_database_is_shown_nowhere(world):
    store = Store(world)
    wrong = store.url.replace(store.engine.password, "wr0ngsecret")
    for url in [wrong, wrong.replace(store.database, "missing"), f"{wrong}?sslmode=nonsense", f"{wrong}?wr0ngsecret=1"]:
        said = store.fails("--database", url, "deliver", USER)
        assert "wr0ngsecret" not in said, "the password is shown"
    said = store.fails("--database", f"{store.url}?sslmode=require", "deliver", USER)
    assert store.engine.password not in said, "the password is shown"


def close_connections(store):
    """Makes the database close them. Those that are made afterwards have its new settings."""
    store.engine.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{store.database}'")
    time.sleep(0.5)  # until the others have noticed


def no_command_works(store, *words):
    """Each is one line and exit 1, with these words and without the password."""
    for command in [["serve", "--listen", "127.0.0.1:0"], ["deliver", USER], ["add-user", "third"]]:
        said = store.fails(*command, stdin=b"x\n")
        assert store.engine.password not in said, "the password is shown"
        assert all(word in said for word in words), said


@check
@on(NAME)
def tls_to_the_database_is_verified(world):
    store, certificate = Store(world), world.certificate
    engine, url = store.engine, store.url
    names = {"ssl_cert_file": certificate.file, "ssl_key_file": certificate.key}
    tls = {name: engine.file(name, path.read_bytes()) for name, path in names.items()}
    rules = engine.file("hba", b"hostssl all all 127.0.0.0/8 scram-sha-256\n")
    is_tls = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'server_sql'"
    with engine.settings(ssl="on", hba_file=rules, listen_addresses="127.0.0.1,127.0.0.2", **tls):
        store.variables = {"SSL_CERT_FILE": str(certificate.authority)}
        for mode in ["", "?sslmode=prefer", "?sslmode=require"]:
            store.url = url + mode
            store.deliver(b"x\n")
            with store.serve() as front_end, front_end.session() as session:
                same(engine.ask(is_tls), ["t"], "whether connections are secure")
                session.expect("QUIT", b"+OK")
            # The certificate is for another address.
            store.url = store.url.replace("127.0.0.1", "127.0.0.2")
            no_command_works(store, "certificate")
        for authority in [certificate.stranger, world.directory / "missing"]:
            store.variables = {"SSL_CERT_FILE": str(authority)}
            for mode in ["", "?sslmode=prefer", "?sslmode=require"]:
                store.url = url + mode
                no_command_works(store)
        store.url = f"{url}?sslmode=disable"
        no_command_works(store, "no encryption")
    store.url = f"{url}?sslmode=require"
    store.variables = {"SSL_CERT_FILE": str(certificate.authority)}
    no_command_works(store, "TLS")
    store.url = url
    with store.serve() as front_end, front_end.session() as session:
        same(count(session), 3, "messages")
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def a_database_of_another_version_is_refused(world):
    store = Store(world)
    store.engine.ask("UPDATE pop3.version SET version = version + 1", store.database)
    no_command_works(store, "another version")


@check
@on(NAME)
def a_cold_start_of_several_at_once_makes_one_database(world):
    store = Store(world, user=False)
    codes = []
    threads = [
        threading.Thread(target=lambda n=n: codes.append(store.run("add-user", f"user{n}", stdin=b"x\n"))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(codes, [(0, "")] * 8, "how they ended")


@check
@on(NAME)
def a_database_that_is_stopped_and_started_is_temporary_trouble(world):
    store = Store(world)
    for _ in range(3):
        store.deliver(b"x\n")
    store.add_user("other")
    with store.serve(lease=60) as front_end, front_end.session() as session, front_end.session("other") as other:
        session.expect("DELE 1", b"+OK")
        store.engine.stop()
        try:
            with front_end.connection() as connection:
                assert front_end.log_in(connection).startswith(b"-ERR [SYS/TEMP]")
                connection.expect("AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,,n=x,r=x").decode(), b"-ERR [SYS/TEMP]")
            session.expect("RETR 2", b"-ERR [SYS/TEMP]")
            session.expect("QUIT", b"-ERR")
        finally:
            store.engine.start()
        for _ in range(4):
            front_end.expect_error("database")
        # Its lock is released now, and not only with the lease.
        session = taken_over(front_end)
        same(count(session), 3, "messages: nothing is lost")
        session.expect("RETR 1", b"+OK")
        same(session.content(), b"x\r\n", "content")
        session.expect("DELE 1", b"+OK")
        session.expect("QUIT", b"+OK")
        other.expect("QUIT", b"+OK")


@check
@on(NAME)
def a_database_that_only_reads_is_temporary_trouble_and_leaves_nothing_to_be_done(world):
    """As after a failover, or where a host has taken note of a full disk."""
    store = Store(world)
    store.deliver(b"x\n")
    store.deliver(b"x\n")
    store.add_user("other")
    with store.serve(lease=60) as front_end, front_end.session() as session:
        session.expect("DELE 1", b"+OK")
        settings = ["default_transaction_read_only = on", "log_statement = 'all'"]
        for setting in settings:
            store.engine.ask(f"ALTER DATABASE {store.database} SET {setting}")
        close_connections(store)
        before = len(store.engine.log())  # which other checks have left
        for _ in range(3):
            with front_end.connection() as connection:
                assert front_end.log_in(connection, "other").startswith(b"-ERR [SYS/TEMP]")
            front_end.expect_error("other", "read-only")
        no_command_works(store, "read-only")
        session.expect("RETR 2", b"+OK")
        same(session.content(), b"x\r\n", "content")
        time.sleep(1)  # in which locks would be released that nobody has
        same(store.engine.log()[before:].count("DELETE FROM pop3.locks"), 0, "releases")
        session.expect("QUIT", b"-ERR [SYS/TEMP]")
        front_end.expect_error(USER, "read-only")
        store.engine.ask(f"ALTER DATABASE {store.database} RESET ALL")
        close_connections(store)
        session = taken_over(front_end)
        same(count(session), 2, "messages")
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def where_no_file_may_grow_a_delivery_fails_and_takes_nothing_with_it(world):
    """As on a full disk, if the write-ahead log is on another one."""
    store = Store(world)
    with store.serve(lease=60) as front_end:
        store.deliver(b"x\n")
        log_in_and_out(front_end)
        processes = [store.engine.process.pid, *backends(store)]

        store.engine.limit_files(processes, LOG_FILE)
        try:
            said = store.fails("deliver", USER, stdin=b"x" * 2 * LOG_FILE)
            assert "could not extend file" in said, said
            with front_end.session() as session:
                session.expect("RETR 1", b"+OK")
                same(session.content(), b"x\r\n", "content")
                session.expect("DELE 1", b"+OK")
                session.expect("QUIT", b"+OK")
        finally:
            store.engine.limit_files(processes, "unlimited")
        store.deliver(b"x\n")
        session = taken_over(front_end)
        same(unique_ids(session), ["2"], "unique-ids")
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def statements_that_are_slow_for_all_make_nobody_wait_for_ever(world):
    store = Store(world)
    names = [f"user{number}" for number in range(12)]  # more than there are connections
    for name in names:
        store.add_user(name)
        store.deliver(b"x\n", name)
    with store.serve(lease=15) as front_end, contextlib.ExitStack() as open_sessions:
        sessions = [open_sessions.enter_context(front_end.session(name)) for name in names]
        with store.engine.holding("LOCK TABLE pop3.chunks", store.database):
            start = time.monotonic()
            for session in sessions:
                session.send(b"RETR 1\r\n")
            with front_end.connection() as connection:
                front_end.log_in(connection)
            replies = [session.line() for session in sessions]
            assert time.monotonic() - start < 20, "seconds until all were answered"
            same({reply.partition(b"]")[0] for reply in replies}, {b"-ERR [SYS/TEMP"}, "replies")
            for _ in names:
                front_end.expect_error("database")
        for session in sessions:
            session.expect("RETR 1", b"+OK")
            same(session.content(), b"x\r\n", "content")
            session.expect("QUIT", b"+OK")


@check
@on(NAME)
def a_login_is_answered_although_the_database_says_nothing(world):
    store = Store(world)
    with store.serve(lease=60) as front_end:
        taken_over(front_end).expect("QUIT", b"+OK")
        stopped = [*backends(store), store.engine.process.pid]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        start = time.monotonic()
        try:
            with front_end.connection() as connection:
                assert front_end.log_in(connection).startswith(b"-ERR [SYS/TEMP]")
            assert time.monotonic() - start < 20, "seconds until it was answered"
        finally:
            for process in reversed(stopped):
                os.kill(process, signal.SIGCONT)
        front_end.expect_error(USER)
        session = taken_over(front_end)
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def a_front_end_ends_in_time_although_the_database_says_nothing(world):
    store = Store(world)
    front_end = store.serve(lease=60)
    with front_end.session():
        stopped = [*backends(store), store.engine.process.pid]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        try:
            start = time.monotonic()
            front_end.process.terminate()
            front_end.ends_cleanly()
            assert time.monotonic() - start < 5, "seconds until it has ended"
        finally:
            for process in reversed(stopped):
                os.kill(process, signal.SIGCONT)


@check
@on(NAME)
def idle_sessions_hold_few_connections(world):
    store = Store(world)
    names = [f"user{number}" for number in range(30)]
    for name in names:
        store.add_user(name)
    with store.serve(lease=60) as front_end:
        sessions = [front_end.session(name) for name in names]
        threads = [threading.Thread(target=session.__enter__) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connections = len(backends(store))
        assert 0 < connections <= 10, connections
        for session in sessions:
            session.__exit__(None, None, None)


@check
@on(NAME)
def what_was_answered_outlives_a_crash_of_the_database(world):
    """Although the database was told not to wait for the disk."""
    store = Store(world)
    store.engine.ask(f"ALTER DATABASE {store.database} SET synchronous_commit = off")
    with store.engine.settings(wal_writer_delay="10s"), store.serve(lease=60) as front_end:
        store.deliver(b"one\n")
        store.deliver(b"two\n")
        with front_end.session() as session:
            session.expect("DELE 1", b"+OK")
            session.expect("QUIT", b"+OK")
        store.engine.stop(signal.SIGQUIT)
        store.engine.start()
        session = taken_over(front_end)
        same(unique_ids(session), ["2"], "unique-ids")
        session.expect("RETR 1", b"+OK")
        same(session.content(), b"two\r\n", "content")
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def a_database_that_isolates_transactions_more_by_default_serves_all(world):
    store = Store(world)
    store.engine.ask(f"ALTER DATABASE {store.database} SET default_transaction_isolation = serializable")
    deliveries = [threading.Thread(target=store.deliver, args=(b"x\n",)) for _ in range(10)]
    for delivery in deliveries:
        delivery.start()
    with store.serve(lease=60) as one, store.serve(lease=60) as two:
        replies = []
        logins = [threading.Thread(target=lambda n=n: replies.append(log_in_and_out([one, two][n % 2]))) for n in range(10)]
        for login in logins:
            login.start()
        for thread in deliveries + logins:
            thread.join()
        same(set(replies) - {b"+OK", b"-ERR [IN-USE]"}, set(), "replies")
        session = taken_over(one)
        same(sorted(unique_ids(session), key=int), [str(n) for n in range(1, 11)], "unique-ids")
        session.expect("QUIT", b"+OK")


def log_in_and_out(front_end):
    """How the answer to the password begins."""
    with front_end.connection() as connection:
        reply = front_end.log_in(connection)
        if reply.startswith(b"+OK"):
            connection.expect("QUIT", b"+OK")
            return b"+OK"
        return reply.partition(b"]")[0] + b"]"
