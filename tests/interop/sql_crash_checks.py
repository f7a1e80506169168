"""Processes that are killed at any moment while mail comes and goes, and databases that restart under load."""

import contextlib
import random
import signal
import socket
import threading
import time

from checks import check, same
from maildirs import wire_form
from servers import PATIENCE, Connection
from sql_postgres import NAME
from sql_stores import Store, count, on, taken_over

ROUNDS = 8  # in which somebody is killed
BREAK = 0.7  # seconds: the longest time between two of them
TEXT = b"x" * 140_000 + b"\n"  # some chunks, so that most deliveries and downloads are in the midst of something


class Mail:
    """Deliveries and clients that go on whatever happens, and what they were told."""

    def __init__(self, store):
        self.store = store
        self.front_ends = [store.serve(), store.serve()]
        self.deliveries = []
        self.begun, self.delivered = set(), set()
        self.removed, self.maybe_removed = [], set()
        self.failures = []
        self.is_over = threading.Event()
        work = [self.deliver, self.deliver, self.fetch, self.fetch]
        self.threads = [threading.Thread(target=self.go_on, args=(*numbered,)) for numbered in enumerate(work)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        for front_end in self.front_ends:
            front_end.kill()

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, n, work):
        turn = 0
        while not self.is_over.is_set():
            turn += 1
            try:
                work(n, turn)
            except (OSError, AssertionError):
                pass  # the other side is dead, or has its own troubles

    def deliver(self, n, turn):
        message = b"%d %d\n" % (n, turn) + TEXT
        self.begun.add(wire_form(message))
        delivery = self.store.delivery()
        self.deliveries.append(delivery)
        _, said = delivery.communicate(message, PATIENCE)
        self.deliveries.remove(delivery)
        if delivery.returncode == 0:
            self.delivered.add(wire_form(message))
        elif delivery.returncode > 0 and said.count(b"\n") != 1:
            self.failures.append(said)

    def fetch(self, n, _):
        """Fetches and removes all that is there, as far as one can."""
        front_end = self.front_ends[n % 2]
        connection = Connection(socket.create_connection(("127.0.0.1", front_end.port), PATIENCE))
        with contextlib.closing(connection.plain), contextlib.closing(connection.file):
            connection.line()
            messages = []
            connection.log_in()
            for number in range(1, count(connection) + 1):
                connection.expect(f"RETR {number}", b"+OK")
                messages.append(connection.content())
                connection.expect(f"DELE {number}", b"+OK")
            self.maybe_removed.update(messages)
            connection.expect("QUIT", b"+OK")
            self.removed.extend(messages)

    def kill_somebody(self):
        if random.random() < 0.5 and self.deliveries:
            self.deliveries[0].kill()
        else:
            n = random.randrange(2)
            self.front_ends[n].kill()
            self.front_ends[n] = self.store.serve()

    def is_whole(self):
        """Nothing is lost, and nothing comes back."""
        session = taken_over(self.front_ends[0])
        there = []
        for number in range(1, count(session) + 1):
            session.expect(f"RETR {number}", b"+OK")
            there.append(session.content())
        session.expect("QUIT", b"+OK")
        same(self.failures, [], "failures")
        assert self.delivered and self.removed, "nothing has happened"
        same(len(set(self.removed)), len(self.removed), "messages that were removed once")
        same(len(set(there)), len(there), "messages that are there once")
        same(len(set(there) & set(self.removed)), 0, "messages that came back")
        known = {*there, *self.removed, *self.maybe_removed}
        same(len(known - self.begun), 0, "messages that nobody has delivered")
        same(len(self.delivered - known), 0, "messages that are lost")


@check
def nothing_is_lost_where_processes_are_killed_at_any_moment(world):
    with Mail(Store(world)) as mail:
        for _ in range(ROUNDS):
            time.sleep(random.uniform(0, BREAK))
            mail.kill_somebody()
        mail.stop()
        mail.is_whole()


@check
@on(NAME)
def nothing_is_lost_where_the_database_restarts_under_load(world):
    store = Store(world)
    with Mail(store) as mail:
        for n in range(ROUNDS // 2):
            time.sleep(random.uniform(0, 2 * BREAK))
            store.engine.stop([signal.SIGINT, signal.SIGQUIT][n % 2])
            store.engine.start()
        time.sleep(BREAK)
        mail.stop()
        mail.is_whole()
