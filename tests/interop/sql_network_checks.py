"""Front ends of server_sql that a network cuts off from the database."""

import contextlib
import socket
import threading

from checks import check, same
from maildirs import USER
from servers import PATIENCE
from sql_postgres import NAME
from sql_stores import Store, count, on, taken_over


class Network:
    """What is between a front end and the database. Where it's cut it acknowledges everything and holds it back."""

    def __init__(self, port):
        self.database = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests, self.replies = threading.Event(), threading.Event()
        self.heal()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.heal()
        self.listener.close()

    def heal(self):
        self.requests.set()
        self.replies.set()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                front_end, _ = self.listener.accept()
                database = socket.create_connection(self.database, PATIENCE)
                database.settimeout(None)
                for way in [(front_end, database, self.requests), (database, front_end, self.replies)]:
                    threading.Thread(target=self.forward, args=way, daemon=True).start()

    def forward(self, source, sink, is_open):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                is_open.wait()
                sink.sendall(octets)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def front_end_behind(network, store, lease):
    """A front end that reaches the database through a network only."""
    direct = store.url
    store.url = direct.replace(f":{store.engine.port}/", f":{network.port}/")
    try:
        front_end = store.serve(lease=lease)
    finally:
        store.url = direct
    with front_end:
        yield front_end


def store_with(world, messages):
    store = Store(world)
    for _ in range(messages):
        store.deliver(b"x\n")
    return store


@check
@on(NAME)
def a_front_end_that_is_cut_off_ends_its_sessions_and_removes_nothing(world):
    store = store_with(world, 3)
    with (
        Network(store.engine.port) as network,
        front_end_behind(network, store, lease=2) as late,
        store.serve() as other,
        late.session() as session,
    ):
        session.expect("DELE 1", b"+OK")
        session.expect("DELE 2", b"+OK")
        network.requests.clear()
        network.replies.clear()
        successor = taken_over(other)
        same(session.rest(), b"", "what the client is told")
        late.expect_error("the lease couldn't be renewed")
        network.heal()
        late.expect_error("new lease")
        with late.connection() as connection:
            assert late.log_in(connection).startswith(b"-ERR [IN-USE]"), "the successor's lock"
        same(count(successor), 3, "messages")
        successor.expect("DELE 1", b"+OK")
        successor.expect("QUIT", b"+OK")
        session = taken_over(late)
        same(count(session), 2, "messages that nobody has removed but the successor")
        session.expect("QUIT", b"+OK")


@check
@on(NAME)
def where_the_answer_to_quit_is_lost_the_client_is_not_told_that_all_is_well(world):
    """It can't be told what has happened. The next session shows it."""
    store = store_with(world, 4)
    with (
        Network(store.engine.port) as network,
        front_end_behind(network, store, lease=60) as front_end,
        store.serve(lease=60) as other,
    ):
        # What the database has to answer before it is asked for the removal is known after the first time.
        session = taken_over(front_end)
        session.expect("DELE 1", b"+OK")
        session.expect("QUIT", b"+OK")
        session = taken_over(front_end)
        session.expect("DELE 1", b"+OK")
        network.replies.clear()
        session.expect("QUIT", b"-ERR [SYS/TEMP]")
        front_end.expect_error(USER, "the database doesn't answer in time")
        session = taken_over(other)
        same(count(session), 2, "messages")
        session.expect("QUIT", b"+OK")
        network.heal()
        session = taken_over(front_end)
        same(count(session), 2, "messages")
        session.expect("QUIT", b"+OK")
