"""What goes in and comes out of server_sql: deliveries, tricky and large messages, unique-ids."""

import hashlib
import poplib
import threading
import time

from checks import check, same
from maildirs import PASSWORD, USER, digest, small_messages, top_form, tricky_messages, wire_form
from servers import PATIENCE
from sql_stores import Store, count, peak_memory, taken_over, unique_ids

MEGABYTE = 1_000_000
LITTLE = 40  # MiB that a program may have at most, whatever the size of a message


@check
def every_message_comes_out_as_it_went_in(world):
    store = Store(world)
    messages = list(tricky_messages().values())
    for message in messages:
        store.deliver(message)
    with store.serve() as one, store.serve() as two:
        for front_end in [one, two]:
            with front_end.session() as session:
                session.expect("LIST", b"+OK")
                sizes = [int(line.split()[1]) for line in session.content().splitlines()]
                same(sizes, [len(wire_form(message)) for message in messages], "sizes")
                for number, message in enumerate(messages, 1):
                    session.expect(f"RETR {number}", b"+OK")
                    same(digest(session.content()), digest(wire_form(message)), f"message {number}")
                    session.expect(f"TOP {number} 2", b"+OK")
                    same(digest(session.content()), digest(top_form(message, 2)), f"top of message {number}")
                session.expect("QUIT", b"+OK")


@check
def files_are_delivered_all_or_none_and_in_order(world):
    store = Store(world)
    files = [world.directory / name for name in "abc"]
    for file in files:
        file.write_bytes(file.name.encode() * 100_000)
    assert "missing" in store.fails("deliver", USER, files[0], world.directory / "missing")
    assert str(world.directory) in store.fails("deliver", USER, files[0], world.directory)
    with store.serve() as front_end, front_end.session() as session:
        same(count(session), 0, "messages")
        session.expect("QUIT", b"+OK")
        store.succeeds("deliver", USER, *files)
        session = taken_over(front_end)
        for number, file in enumerate(files, 1):
            session.expect(f"RETR {number}", b"+OK")
            same(session.content()[:1], file.name.encode(), "message")
        session.expect("QUIT", b"+OK")


@check
def a_delivery_that_waits_for_its_stdin_keeps_nobody_waiting(world):
    store = Store(world)
    with store.serve() as front_end:
        slow, doomed = store.delivery(), store.delivery()
        for delivery in [slow, doomed]:
            delivery.stdin.write(b"slow\n" + b"x" * MEGABYTE)
            delivery.stdin.flush()
        time.sleep(0.5)  # until both have stored most of that
        store.deliver(b"fast\n")
        with front_end.session() as session:
            same(count(session), 1, "messages")
            session.expect("DELE 1", b"+OK")
            session.expect("QUIT", b"+OK")
        doomed.kill()
        doomed.wait(PATIENCE)
        slow.stdin.close()
        same(slow.wait(PATIENCE), 0, "exit code")
        session = taken_over(front_end)
        same(unique_ids(session), ["2"], "unique-ids: that of the one that has come to its end")
        session.expect("RETR 1", b"+OK")
        same(len(session.content()), 5 + 1 + MEGABYTE + 2, "octets")
        session.expect("QUIT", b"+OK")
        for delivery in [slow, doomed]:
            same(delivery.stderr.read(), b"", "stderr")


@check
def no_unique_id_is_used_again(world):
    store = Store(world)
    used = set()
    for _ in range(3):
        with store.serve() as front_end:
            for _ in range(2):
                store.deliver(b"x\n")
                store.deliver(b"x\n")
                session = taken_over(front_end)
                ids = unique_ids(session)
                assert len(set(ids) - used) == 2, f"{ids} after {used}"
                used.update(ids)
                session.expect("DELE 1", b"+OK")
                session.expect("DELE 2", b"+OK")
                session.expect("QUIT", b"+OK")


@check
def each_message_is_fetched_once_while_others_are_delivered(world):
    store = Store(world)
    messages = list(small_messages(60).values())
    fetched, errors = [], []
    done = threading.Event()

    def deliver(part):
        try:
            for message in part:
                store.deliver(message)
        except Exception as error:
            errors.append(error)

    def fetch_all(front_end):
        """As many as there are, and whether it could."""
        with front_end.connection() as connection:
            if not front_end.log_in(connection).startswith(b"+OK"):
                return False
            contents = []
            for number in range(1, count(connection) + 1):
                connection.expect(f"RETR {number}", b"+OK")
                contents.append(connection.content())
                connection.expect(f"DELE {number}", b"+OK")
            connection.expect("QUIT", b"+OK")
            fetched.extend(contents)
            return True

    def fetch(front_end):
        try:
            while not done.is_set():
                fetch_all(front_end)
        except Exception as error:
            errors.append(error)

    with store.serve(lease=30) as one, store.serve(lease=30) as two:
        deliveries = [threading.Thread(target=deliver, args=(messages[n::3],)) for n in range(3)]
        fetches = [threading.Thread(target=fetch, args=(front_end,)) for front_end in [one, two, one, two]]
        for thread in deliveries + fetches:
            thread.start()
        for thread in deliveries:
            thread.join()
        done.set()
        for thread in fetches:
            thread.join()
        deadline = time.monotonic() + PATIENCE
        while not fetch_all(one):
            assert time.monotonic() < deadline
    assert not errors, errors
    same(sorted(fetched), sorted(wire_form(message) for message in messages), "messages")


@check
def a_large_message_takes_little_memory_on_its_way_in_and_out(world):
    store = Store(world)
    line, lines = b".%078d\n" % 0, 100 * MEGABYTE // 80
    delivery = store.delivery()
    expected = hashlib.sha256()
    for _ in range(lines // 1000):
        delivery.stdin.write(line * 1000)
        expected.update(line.replace(b"\n", b"\r\n") * 1000)
    delivery.stdin.flush()
    incoming = peak_memory(delivery)
    delivery.stdin.close()
    same((delivery.wait(PATIENCE), delivery.stderr.read()), (0, b""), "how it ended")
    assert incoming < LITTLE, f"{incoming} MiB"
    with store.serve() as front_end:
        with front_end.session() as session:
            session.expect("LIST 1", b"+OK 1 %d" % (lines // 1000 * 1000 * 81))
            session.expect("RETR 1", b"+OK")
            got = hashlib.sha256()
            while (received := session.line()) != b".\r\n":
                got.update(received[1:])
            same(got.hexdigest(), expected.hexdigest(), "content")
            session.expect("DELE 1", b"+OK")
            session.expect("QUIT", b"+OK")
        outgoing = peak_memory(front_end.process)
        # It has verified a password, which takes 19 MiB.
        assert outgoing < LITTLE + 20, f"{outgoing} MiB"
        print(f"        100 MB: deliver {incoming} MiB, serve {outgoing} MiB", flush=True)


@check
def clients_of_mail_programs_work(world):
    store = Store(world)
    for message in small_messages(3).values():
        store.deliver(message)
    with store.serve(certificate=world.certificate) as front_end:
        client = poplib.POP3("127.0.0.1", front_end.port, timeout=PATIENCE)
        capabilities = client.capa()
        assert "SASL" in capabilities and capabilities["SASL"] == ["PLAIN", "SCRAM-SHA-256"] and "UIDL" in capabilities, capabilities
        client.stls(front_end.context())
        client.user(USER)
        client.pass_(PASSWORD)
        same(client.stat()[0], 3, "messages")
        client.dele(2)
        client.quit()
        client = poplib.POP3_SSL("127.0.0.1", front_end.tls_port, timeout=PATIENCE, context=front_end.context())
        client.user(USER)
        client.pass_(PASSWORD)
        same([line.split()[1] for line in client.uidl()[1]], [b"1", b"3"], "unique-ids")
        client.quit()
