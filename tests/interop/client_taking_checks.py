"""Which messages `fetch` of the example clients takes, and which it deletes: `--max-size`, `--newest`, `--headers`, `--delete`.
They run once."""

import hashlib

from checks import check, only_for, same
from clients import Last, Maildrop, clients, stored


def message(number, text=b""):
    return b"Subject: %d\r\n\r\n%s" % (number, text)


MESSAGES = [(b"one", message(1)), (b"two", message(2, b"x" * 500 + b"\r\n")), (b"three", message(3)), (b"four", message(4))]


class Box(Maildrop):
    """A maildrop of these messages that knows TOP, for one line of header."""

    def __init__(self, messages=tuple(MESSAGES), answers=None, **more):
        super().__init__(messages, {"TOP": self.top, **(answers or {})}, **more)

    def top(self, line):
        _, number, lines = line.split()
        assert lines == b"0", line
        octets = self.messages[int(number) - 1][1]
        return b"+OK\r\n" + octets[: octets.index(b"\r\n\r\n") + 4] + b".\r\n"

    def left(self):
        return [unique_id.decode() for unique_id, _ in self.messages]


def commands(server, verb):
    received = [line.split() for line in server.received]
    server.received = []
    return [int(words[1]) for words in received if words[0] == verb.encode()]


@check
@only_for("server_std")
def a_client_leaves_what_is_too_large(world):
    for place in range(2):
        with Box() as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            client.succeeds("fetch", directory, "--max-size", "100")
            same(sorted(stored(directory)), ["four", "one", "three"], "messages")
            client.succeeds("--max-size", "1000", "fetch", directory)
            same(stored(directory)["two"], MESSAGES[1][1], "the large one")
            same(server.left(), ["one", "two", "three", "four"], "messages on the server")
            # What nobody knows the size of isn't taken for small.
            for answer, left, cause in [(b"-ERR [SYS/TEMP] busy\r\n", 4, "LIST"), (b"+OK\r\n1 5\r\n2 many\r\n3 5\r\n.\r\n", 2, "many")]:
                server.answers["LIST"] = answer
                directory = world.directory / f"{place}-{left}"
                said = client.fails("fetch", directory, "--max-size", "100")
                assert cause in said, said
                same(len(stored(directory)), 4 - left, "messages")


@check
@only_for("server_std")
def a_client_takes_the_newest_first_and_no_others(world):
    for place in range(2):
        with Box() as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            for _ in range(2):
                client.succeeds("fetch", directory, "--newest", "2")
                same(sorted(stored(directory)), ["four", "three"], "messages")
            same(commands(server, "RETR"), [4, 3], "messages retrieved")
            client.succeeds("fetch", directory, "--newest", "3", "--max-size", "100")
            same(sorted(stored(directory)), ["four", "three"], "messages")
            client.succeeds("fetch", directory, "--newest", "99")
            same(commands(server, "RETR"), [2, 1], "messages retrieved")


@check
@only_for("server_std")
def a_header_is_a_file_that_never_counts_as_stored(world):
    for place in range(2):
        with Box([*MESSAGES, (b"one.headers", message(5))]) as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            for _ in range(2):
                client.succeeds("fetch", directory, "--headers")
                names = sorted(f"{unique_id.decode()}.headers" for unique_id, _ in server.messages)
                same(sorted(stored(directory)), names, "headers")
                same(stored(directory)["two.headers"], message(2), "a header")
            assert b"stored" not in (directory / ".fetched").read_bytes()
            same(commands(server, "RETR"), [], "messages retrieved")
            # A message that bears the name of a header gets another one, and nothing is overwritten.
            client.succeeds("fetch", directory, "--delete")
            same(server.left(), [], "messages on the server")
            there = stored(directory)
            same(len(there), 10, "files")
            for unique_id, octets in MESSAGES:
                same(there[unique_id.decode()], octets, "a message")
            same(sorted(there.values()).count(message(5)), 2, "the message whose name is taken, and its header")


@check
@only_for("server_std")
def headers_and_deletions_do_not_go_together(world):
    with Box() as server:
        for client in clients(world, server.address):
            directory = world.directory / client.program.name
            for arguments in [["fetch", directory, "--headers", "--delete"], ["--delete", "--headers", "fetch", directory]]:
                assert "--headers goes with no --delete" in client.fails(*arguments)
            for switch in [["--delete"], ["--headers"], ["--newest", "1"], ["--max-size", "1"]]:
                assert switch[0] in client.fails("stat", *switch)
            assert not directory.exists()
        same(server.connections, 0, "connections")


@check
@only_for("server_std")
def a_client_deletes_what_it_has_stored_whole(world):
    for place in range(2):
        with Box() as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            client.succeeds("fetch", directory, "--newest", "1")
            # What an earlier session has stored goes without being fetched again, and what is left alone stays.
            client.succeeds("fetch", directory, "--max-size", "100", "--delete")
            same(commands(server, "RETR"), [4, 1, 3], "messages retrieved")
            same((server.left(), sorted(stored(directory))), (["two"], ["four", "one", "three"]), "messages")
            # A unique-id that comes back is a new message.
            server.messages.append((b"one", message(9)))
            client.succeeds("fetch", directory, "--delete")
            same((server.left(), len(stored(directory))), ([], 5), "messages")
            same(sorted(stored(directory).values()), sorted([message(9), *(octets for _, octets in MESSAGES)]), "messages")


@check
@only_for("server_std")
def a_client_never_deletes_what_is_not_stored_whole(world):
    dotted = message(2, b"a\r\n.\r\nb\r\n")
    messages = [(b"one", message(1)), (b"two", dotted), (b"three", message(3))]
    cut = Last(b"+OK\r\nSubject: 1\r\n")
    for answers, stuffs in [
        ({}, False),
        ({"RETR": cut}, True),
        ({"RETR": lambda line: cut if line == b"RETR 2\r\n" else None}, True),
        ({"RETR": b"-ERR [SYS/TEMP] busy\r\n"}, True),
        ({"UIDL": b"-ERR busy\r\n", "CAPA": b"+OK\r\nUSER\r\nUIDL\r\n.\r\n"}, True),
        ({"UIDL": b"+OK\r\n1 one\r\n2 \r\n3 one\r\n.\r\n", "DELE": b"-ERR no\r\n"}, True),
        ({"DELE": b"-ERR no\r\n"}, True),
        ({"QUIT": Last(b"")}, True),
        ({"QUIT": Last(b"-ERR some are left\r\n")}, True),
        ({"STAT": b"+OK 4 99\r\n"}, True),
    ]:
        for place in range(2):
            directory = world.directory / f"{len(list(world.directory.iterdir()))}"
            with Box(messages, answers, stuffs=stuffs) as server:
                if callable(answers.get("RETR")):
                    server.answers["RETR"] = lambda line, server=server: answers["RETR"](line) or server.retr(line)
                client = clients(world, server.address)[place]
                for _ in range(2):
                    client.fails("fetch", directory, "--delete")
                    there = stored(directory).values()
                    lost = [octets for unique_id, octets in messages if unique_id.decode() not in server.left() and octets not in there]
                    same(lost, [], f"lost with {answers}")
                for verb, own in [("RETR", server.retr), ("DELE", server.dele), ("QUIT", server.quit), ("UIDL", server.uidl), ("STAT", server.stat)]:
                    server.answers[verb] = own
                server.stuffs = True
                client.succeeds("fetch", directory, "--delete")
                assert {octets for _, octets in messages} <= set(stored(directory).values()), answers
                same(server.left(), [], f"messages on a sound server after {answers}")


@check
@only_for("server_std")
def a_client_that_can_not_store_a_message_keeps_it_on_the_server(world):
    for place in range(2):
        with Box(MESSAGES) as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            # A folder has the name of a message, and another one that of the file that it would get instead.
            for name in ["two", f"two~{hashlib.sha256(MESSAGES[1][1]).hexdigest()[:16]}"]:
                (directory / name).mkdir(parents=True)
            assert "2 (two)" in client.fails("fetch", directory, "--delete")
            same((server.left(), sorted(stored(directory))), (["two"], ["four", "one", "three"]), "messages")
