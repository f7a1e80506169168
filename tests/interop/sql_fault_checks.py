"""What can go wrong around server_sql: databases that aren't there or don't answer, arguments, secrets."""

import base64
import resource
import sqlite3
import time

from checks import check, same
from maildirs import PASSWORD, USER
from servers import PATIENCE
from sql_stores import Sqlite, Store, count, on, taken_over, unique_ids

SECRET = "s3cret"


@check
def wrong_arguments_are_one_line_and_show_no_secret(world):
    store = Store(world)
    for arguments in [
        [],
        [SECRET],
        [f"--password={SECRET}", "serve"],
        ["serve", SECRET],
        ["serve", "--lease", SECRET],
        ["serve", "--lease", "0"],
        ["serve", "--tls-listen", "127.0.0.1:0"],
        ["serve", "--listen", "127.0.0.1:0", "--require-tls"],
        ["add-user"],
        ["add-user", ""],
        ["add-user", "a\nb"],
        ["add-user", USER, SECRET],
        ["deliver"],
        ["deliver", "nobody"],
        ["--database", "serve"],
        ["--database", SECRET, "serve"],
        ["--database", "sqlite:", "serve"],
        ["--database", "sqlite::memory:", "serve"],
        ["--database", f"sqlite:{world.directory}", "serve"],
        ["--database", f"sqlite:{world.directory}/missing/pop3.db", "serve"],
        ["--database", f"postgres://user:{SECRET}@nowhere.invalid/mail", "serve"],
        ["--database", f"postgres:{SECRET}", "serve"],
        ["--database", f"postgresql://user:{SECRET}@[", "serve"],
        ["--database", f"postgres://user:{SECRET}@127.0.0.1:1/mail", "serve"],
        ["--database", f"postgres://user@127.0.0.1:{SECRET}/mail", "serve"],
        ["--database", f"mysql://user:{SECRET}@host/mail", "serve"],
        ["--database", f"sqlite:{SECRET}", "--database", f"sqlite:{SECRET}", "serve"],
    ]:
        said = store.fails(*arguments, stdin=b"password\n")
        assert SECRET not in said, f"{arguments}: it shows the secret"


@check
def passwords_are_hashed_and_shown_nowhere(world):
    store = Store(world)
    assert "already" in store.fails("add-user", USER, stdin=PASSWORD.encode() + b"\n")
    for password in [b"", b"\n", b"a\0b\n", b"x" * 5000]:
        store.fails("add-user", "other", stdin=password)
    store.succeeds("add-user", "other", stdin=b"one\r\ntwo\n")
    with store.serve() as front_end, front_end.connection() as connection:
        for name, password in [(USER, "wrong"), ("nobody", PASSWORD)]:
            connection.expect(f"USER {name}", b"+OK")
            connection.expect(f"PASS {password}", b"-ERR [AUTH]")
        connection.expect("APOP mrose 0123456789abcdef0123456789abcdef", b"-ERR")
        plain = base64.b64encode(b"\0other\0one").decode()
        connection.expect(f"AUTH PLAIN {plain}", b"+OK")


@check
@on(Sqlite.name)
def a_file_is_its_owners_alone_and_has_no_password_in_it(world):
    store = Store(world)
    with store.serve() as front_end, front_end.session():
        files = list(world.directory.iterdir())
        same(len(files), 3, "the database, its log, and what its users share")
        for file in files:
            same(file.stat().st_mode & 0o777, 0o600, "mode")
            assert PASSWORD.encode() not in file.read_bytes(), "the password is in the file"


@check
@on(Sqlite.name)
def a_database_that_cannot_be_used_is_one_line_and_exit_1(world):
    store = Store(world)
    for content in [b"no database" * 1000, store.file.read_bytes()[:5000]]:
        broken = world.directory / "broken.db"
        broken.write_bytes(content)
        for command in [["serve", "--listen", "127.0.0.1:0"], ["deliver", USER], ["add-user", "other"]]:
            said = store.fails("--database", f"sqlite:{broken}", *command, stdin=b"x\n")
            assert str(broken) in said, said


@check
@on(Sqlite.name)
def a_locked_database_is_temporary_trouble_and_passes(world):
    store = Store(world)
    store.deliver(b"x\n")
    store.deliver(b"x\n")
    with store.serve(lease=60) as front_end, store.serve(lease=60) as told_to_stop, front_end.session() as session:
        store.add_user("other")
        session.expect("DELE 1", b"+OK")
        # As a process does that was stopped in the midst of writing.
        other = sqlite3.connect(store.file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with front_end.connection() as connection:
            assert front_end.log_in(connection, "other").startswith(b"-ERR [SYS/TEMP]")
        assert time.monotonic() - start < 20, "seconds until a login was answered"
        front_end.expect_error("other", "locked")
        assert "locked" in store.fails("deliver", USER, stdin=b"x\n")
        assert "locked" in store.fails("serve", "--listen", "127.0.0.1:0")
        # Those who only read go on.
        session.expect("RETR 2", b"+OK")
        same(session.content(), b"x\r\n", "content")
        start = time.monotonic()
        told_to_stop.process.terminate()
        told_to_stop.ends_cleanly()
        assert time.monotonic() - start < 5, "seconds until it has ended"
        session.expect("QUIT", b"-ERR")
        front_end.expect_error(USER)
        other.execute("ROLLBACK")
        other.close()
        # The lock whose release has failed is released now, and not only with the lease.
        session = taken_over(front_end)
        same(count(session), 2, "messages: nothing is lost")
        session.expect("DELE 1", b"+OK")
        session.expect("QUIT", b"+OK")


@check
@on(Sqlite.name)
def where_no_file_may_grow_nothing_is_lost_and_it_passes(world):
    """As on a full disk."""
    store = Store(world)
    for _ in range(3):
        store.deliver(b"x\n")
    store.add_user("other")
    with store.serve(lease=60) as front_end, front_end.session() as session:
        session.expect("DELE 1", b"+OK")
        delivery = store.delivery()
        for process in [front_end.process, delivery]:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        session.expect("QUIT", b"-ERR [SYS/TEMP]")
        with front_end.connection() as connection:
            assert front_end.log_in(connection, "other").startswith(b"-ERR [SYS/TEMP]")
        _, said = delivery.communicate(b"x\n", PATIENCE)
        same((delivery.returncode, said.count(b"\n")), (1, 1), "how the delivery ended")
        resource.prlimit(front_end.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        front_end.expect_error(USER)
        front_end.expect_error("other")
        session = taken_over(front_end)
        same(count(session), 3, "messages")
        session.expect("DELE 1", b"+OK")
        session.expect("QUIT", b"+OK")
        store.deliver(b"x\n")
        session = taken_over(front_end)
        same(unique_ids(session), ["2", "3", "4"], "unique-ids")
        session.expect("QUIT", b"+OK")


@check
@on(Sqlite.name)
def idle_sessions_hold_no_connections_to_the_database(world):
    store = Store(world)
    names = [f"user{number}" for number in range(30)]
    for name in names:
        store.add_user(name)
    with store.serve() as front_end:
        sessions = [front_end.session(name) for name in names]
        for session in sessions:
            session.__enter__()
        connections = front_end.open_files(store.file)
        assert 0 < connections <= 10, connections
        for session in sessions:
            session.__exit__(None, None, None)
