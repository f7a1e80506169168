"""One session per maildrop across the front ends of server_sql, and what happens when they die or stop."""

import signal
import threading
import time

from checks import check, same
from maildirs import small_messages
from servers import PATIENCE
from sql_stores import LEASE, Store, count, taken_over, unique_ids


def store_with(world, messages):
    store = Store(world)
    for message in small_messages(messages).values():
        store.deliver(message)
    return store


def thirty_logins_have_one_winner(store):
    # Long, so that it doesn't matter how long thirty passwords take.
    with store.serve(lease=60) as one, store.serve(lease=60) as two, store.serve(lease=60) as three:
        replies, barrier = [], threading.Barrier(30)
        all_have_asked = threading.Event()

        def log_in(front_end):
            with front_end.connection() as connection:
                barrier.wait(PATIENCE)
                replies.append(front_end.log_in(connection)[:13])
                if len(replies) == 30:
                    all_have_asked.set()
                all_have_asked.wait(PATIENCE)

        threads = [threading.Thread(target=log_in, args=([one, two, three][n % 3],)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(sorted(reply[:4] for reply in replies), [b"+OK "] + [b"-ERR"] * 29, "replies")
        same(sum(reply == b"-ERR [IN-USE]" for reply in replies), 29, "that say it's in use")


@check
def of_thirty_logins_at_the_same_time_one_wins(world):
    thirty_logins_have_one_winner(Store(world))


@check
def of_thirty_logins_after_a_front_end_has_died_one_wins(world):
    store = Store(world)
    dead = store.serve(lease=1)
    with dead.session():
        dead.kill()
        time.sleep(1)
        thirty_logins_have_one_winner(store)


@check
def the_maildrop_is_free_once_quit_is_answered_or_the_client_is_gone(world):
    store = store_with(world, 2)
    with store.serve(lease=60) as one, store.serve(lease=60) as two:
        for front_end, other in [(one, two), (two, one)]:
            with front_end.session() as session, other.connection() as rival:
                assert other.log_in(rival).startswith(b"-ERR [IN-USE]")
                session.expect("QUIT", b"+OK")
                assert other.log_in(rival).startswith(b"+OK")
                rival.expect("DELE 1", b"+OK")
                rival.abort()
            taken_over(front_end).abort()
            taken_over(one).abort()
        session = taken_over(two)
        same(count(session), 2, "messages, since nobody has sent QUIT after DELE")
        session.abort()


@check
def the_maildrops_of_a_front_end_that_dies_are_free_when_its_lease_is_over(world):
    store = store_with(world, 2)
    doomed = store.serve()
    with store.serve() as other, doomed.session() as session:
        session.expect("DELE 1", b"+OK")
        doomed.kill()
        with other.connection() as connection:
            assert other.log_in(connection).startswith(b"-ERR [IN-USE]"), "before the lease is over"
        session = taken_over(other)
        same(count(session), 2, "messages")
        session.expect("DELE 1", b"+OK")
        session.expect("QUIT", b"+OK")


def stopped_and_taken_over(world, after_quit):
    """A front end is stopped while its client has marked a message, and another one takes over. `after_quit` is whether the
    client sends QUIT only when the front end goes on."""
    store = store_with(world, 3)
    with store.serve() as late, store.serve() as other, late.session() as session:
        session.expect("DELE 1", b"+OK")
        session.expect("DELE 2", b"+OK")
        late.stop()
        if not after_quit:
            session.send(b"QUIT\r\n")
        successor = taken_over(other)
        same(count(successor), 3, "messages")
        kept = unique_ids(successor)[1:]
        successor.expect("DELE 1", b"+OK")
        successor.expect("QUIT", b"+OK")
        late.go_on()
        if after_quit:
            session.send(b"QUIT\r\n")
        assert session.line().startswith(b"-ERR"), "the answer to QUIT"
        same(session.rest(), b"", "rest")
        late.expect_error("lease")
        late.expect_error("new lease")
        # It serves on, with a new lease.
        session = taken_over(late)
        same(unique_ids(session), kept, "messages that nobody has removed but the successor")
        session.abort()


@check
def a_front_end_that_was_stopped_removes_nothing_when_it_goes_on_and_finds_quit(world):
    stopped_and_taken_over(world, after_quit=False)


@check
def a_front_end_that_was_stopped_removes_nothing_when_it_goes_on_and_gets_quit(world):
    stopped_and_taken_over(world, after_quit=True)


@check
def quit_is_ok_where_nothing_was_marked_although_the_lock_was_lost(world):
    store = store_with(world, 1)
    with store.serve() as late, store.serve() as other, late.session() as session:
        late.stop()
        session.send(b"QUIT\r\n")
        successor = taken_over(other)
        late.go_on()
        assert session.line().startswith(b"+OK")
        late.expect_error("lease")
        late.expect_error("new lease")
        for front_end in [late, other]:
            with front_end.connection() as connection:
                assert front_end.log_in(connection).startswith(b"-ERR [IN-USE]"), "the successor's lock"
        successor.expect("QUIT", b"+OK")


@check
def a_front_end_that_was_stopped_for_less_than_its_lease_goes_on(world):
    store = store_with(world, 2)
    with store.serve(lease=20) as front_end, store.serve() as other, front_end.session() as session:
        session.expect("DELE 1", b"+OK")
        front_end.stop()
        time.sleep(1)
        with other.connection() as connection:
            assert other.log_in(connection).startswith(b"-ERR [IN-USE]")
        front_end.go_on()
        session.expect("QUIT", b"+OK")
        session = taken_over(other)
        same(count(session), 1, "messages")
        session.expect("QUIT", b"+OK")


@check
def sessions_outlive_many_leases(world):
    store = store_with(world, 2)
    with store.serve() as front_end, store.serve() as other, front_end.session() as session:
        session.expect("DELE 1", b"+OK")
        time.sleep(2.5 * LEASE)
        with other.connection() as connection:
            assert other.log_in(connection).startswith(b"-ERR [IN-USE]")
        session.expect("QUIT", b"+OK")


@check
def a_message_that_was_removed_meanwhile_is_cut_off(world):
    store = Store(world)
    store.deliver(b"Subject: large\n\n" + b"x" * 70 * 1_000_000)
    with store.serve() as late, store.serve() as other, late.session() as session:
        session.expect("RETR 1", b"+OK")
        late.stop()
        successor = taken_over(other)
        successor.expect("DELE 1", b"+OK")
        successor.expect("QUIT", b"+OK")
        late.go_on()
        rest = session.rest()
        assert not rest.endswith(b"\r\n.\r\n"), "ended as if it was whole"
        assert len(rest) < 70_000_000, len(rest)
        late.expect_errors("the lease", "a message was removed while it was sent", "new lease")


@check
def a_front_end_that_is_told_to_stop_frees_its_maildrops_at_once(world):
    store = store_with(world, 2)
    with store.serve(lease=600) as other:
        for told in [signal.SIGTERM, signal.SIGINT]:
            front_end = store.serve(lease=600)
            with front_end.session() as session:
                session.expect("DELE 1", b"+OK")
                start = time.monotonic()
                front_end.process.send_signal(told)
                same(session.rest(), b"", "farewell")
                front_end.ends_cleanly()
                assert time.monotonic() - start < 5, "seconds until it has ended"
                with other.connection() as connection:
                    assert other.log_in(connection).startswith(b"+OK"), "it's free at once"
                    same(count(connection), 2, "messages")
                    connection.expect("QUIT", b"+OK")
