"""What `fetch` of the example clients makes of servers that list, name or send messages in odd ways. They run once."""

from checks import check, only_for, same
from clients import Last, Maildrop, clients, stored


def message(number, text=b""):
    return b"Subject: %d\r\n\r\n%s" % (number, text)


def retrieved(server):
    return [verb for verb in server.verbs() if verb == "RETR"]


@check
@only_for("server_std")
def a_unique_id_that_comes_back_is_a_new_message(world):
    # R-1939-27 (b)
    for place in range(2):
        with Maildrop([(b"rail 1", message(1)), (b"rail 2", message(2))]) as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            client.succeeds("fetch", directory)
            # A list that isn't complete shows nothing about what it lacks.
            messages = server.messages
            server.messages = messages[1:]
            server.answers["STAT"] = b"+OK 2 99\r\n"
            assert "lists 1 message less" in client.fails("fetch", directory)
            server.answers["STAT"] = server.stat
            server.messages = messages
            server.verbs()
            client.succeeds("fetch", directory)
            same(retrieved(server), [], "messages retrieved after a list with a gap")
            # A complete one does.
            server.messages = messages[1:]
            client.succeeds("fetch", directory)
            server.messages = [(b"rail 1", message(3)), *messages[1:]]
            client.succeeds("fetch", directory)
            same(sorted(stored(directory).values()), [message(1), message(2), message(3)], "messages")
            # So does an empty maildrop.
            server.messages = []
            client.succeeds("fetch", directory)
            server.messages = [(b"rail 2", message(4))]
            client.succeeds("fetch", directory)
            same(len(stored(directory)), 4, "messages")
            server.verbs()
            client.succeeds("fetch", directory)
            same(retrieved(server), [], "messages retrieved again")


@check
@only_for("server_std")
def what_is_not_known_to_be_whole_is_not_stored_and_does_not_keep_the_others(world):
    # R-GEN-14
    dotted = message(2, b"a\r\n.\r\nb\r\n")
    messages = [(b"one", message(1)), (b"two", dotted), (b"three", message(3)), (b"four", message(4))]
    cut = {"RETR": lambda line: Last(b"+OK\r\nSubject: 2\r\n") if line == b"RETR 2\r\n" else None}
    for name, answers, stuffs in [("dots", {}, False), ("cut", cut, True)]:
        for place in range(2):
            with Maildrop(messages, stuffs=stuffs) as server:
                if answers:
                    server.answers["RETR"] = lambda line: answers["RETR"](line) or server.retr(line)
                client = clients(world, server.address)[place]
                directory = world.directory / f"{name}-{place}"
                assert "2 (two)" in client.fails("fetch", directory)
                same(stored(directory), {"one": message(1)}, "messages after the first session")
                assert "2 (two)" in client.fails("fetch", directory)
                whole = {"one": message(1), "three": message(3), "four": message(4)}
                same(stored(directory), whole, "messages after the second session")
                server.stuffs, server.answers["RETR"] = True, server.retr
                client.succeeds("fetch", directory)
                same(stored(directory), {**whole, "two": dotted}, "messages from a sound server")


@check
@only_for("server_std")
def messages_that_break_each_session_keep_no_other_from_being_fetched(world):
    messages = [(b"coot-%d" % number, message(number)) for number in range(1, 41)]
    broken = [1, 5, 9, 20]
    whole = {name.decode(): octets for number, (name, octets) in enumerate(messages, 1) if number not in broken}
    for end, start in enumerate([b"", b"+OK\r\nSubject: half\r\n"]):
        for place in range(2):
            with Maildrop(messages, {"CAPA": b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"}) as server:

                def retr(line, server=server, start=start):
                    return Last(start) if int(line.split()[1]) in broken else server.retr(line)

                server.answers["RETR"] = retr
                client = clients(world, server.address)[place]
                directory = world.directory / f"{end}-{place}"
                for _ in range(2 * len(broken)):
                    client.fails("fetch", directory)
                same(stored(directory), whole, "messages")


@check
@only_for("server_std")
def a_server_that_marks_what_it_sends_takes_nothing_away(world):
    # RFC 1939 §8: QUIT would remove what it has marked, though no DELE was sent.
    messages = [(b"one", message(1)), (b"two", message(2)), (b"three", message(3))]
    for place in range(2):
        for options in [[], ["--delete"]]:
            directory = world.directory / f"{place}-{len(options)}"
            with Maildrop(messages) as server:
                sound = dict(server.answers)
                server.answers["RETR"] = lambda line, server=server: server.dele(line) and server.retr(line)
                server.answers["STAT"] = lambda _, server=server: b"+OK %d 99\r\n" % (len(server.messages) - len(server.marked))
                clients(world, server.address)[place].fails("fetch", directory, *options)
                same(server.messages, messages, "messages on the server")
                server.answers = sound
                clients(world, server.address)[place].succeeds("fetch", directory, *options)
                same(stored(directory), {name.decode(): octets for name, octets in messages}, "messages")


@check
@only_for("server_std")
def nothing_stays_stored_after_an_answer_that_is_none_to_stat(world):
    # R-GEN-14
    for place in range(2):
        with Maildrop([(b"one", message(1))]) as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            client.succeeds("fetch", directory)
            server.messages += [(b"two", message(2)), (b"three", message(3))]
            counts = []

            def stat(line, server=server, counts=counts):
                counts.append(server.stat())
                return counts[0] if len(counts) == 1 else b"+OK where was I?\r\n"

            server.answers["STAT"] = stat
            said = client.fails("fetch", directory)
            assert "STAT" in said and "where was I?" in said and "2 (two)" in said, said
            same(stored(directory), {"one": message(1)}, "messages")
            # No more after one that counts fewer messages. Octets may be counted anew: nothing is deleted here.
            for later, is_fine in [(b"+OK 2 99\r\n", False), (b"+OK 3 9\r\n", True)]:
                counts.clear()
                server.answers["STAT"] = lambda _, later=later: counts.append(1) or (
                    server.stat() if len(counts) == 1 else later
                )
                (client.succeeds if is_fine else client.fails)("fetch", directory)
                same(len(stored(directory)), 3 if is_fine else 1, "messages")


@check
@only_for("server_std")
def a_server_that_refuses_uidl_once_is_not_one_without(world):
    # R-1939-27
    for place in range(2):
        with Maildrop([(b"one", message(1)), (b"two", message(2))]) as server:
            client = clients(world, server.address)[place]
            directory = world.directory / str(place)
            client.succeeds("fetch", directory)
            server.verbs()
            server.answers["UIDL"] = b"-ERR index is being built\r\n"
            said = client.fails("fetch", directory)
            assert "UIDL: -ERR index is being built" in said and "--no-uidl" in said, said
            same((retrieved(server), set(stored(directory))), ([], {"one", "two"}), "messages")
            clients(world, server.address, "--no-uidl")[place].succeeds("fetch", directory)
            same((len(retrieved(server)), set(stored(directory))), (2, {"one", "two", "1", "2"}), "messages by number")
            server.answers["UIDL"] = server.uidl
            client.succeeds("fetch", directory)
            same(retrieved(server), [], "messages retrieved again")
            # A directory without any unique-id is another matter.
            server.answers["UIDL"] = b"-ERR what?\r\n"
            client.succeeds("fetch", directory.with_suffix(".new"))
            same(set(stored(directory.with_suffix(".new"))), {"1", "2"}, "messages of a server without unique-ids")


@check
@only_for("server_std")
def a_unique_id_that_becomes_another_messages_too_hides_none(world):
    # R-1939-27
    for place in range(2):
        for messages in [[message(1), message(2)], [message(2), message(3)], [message(2), message(3), message(1)]]:
            with Maildrop([(b"dup", message(1)), (b"own", message(9))]) as server:
                client = clients(world, server.address)[place]
                directory = world.directory / f"{place}-{len(list(world.directory.iterdir()))}"
                client.succeeds("fetch", directory)
                server.messages = [(b"dup", octets) for octets in messages] + [(b"own", message(9))]
                expected = sorted({message(1), *messages, message(9)})
                for _ in range(2):
                    client.succeeds("fetch", directory)
                    same(sorted(stored(directory).values()), expected, "messages")


@check
@only_for("server_std")
def a_message_whose_line_in_the_list_cannot_be_read_is_fetched(world):
    # R-GEN-16
    for place in range(2):
        with Maildrop([(b"one", message(1)), (b"two", message(2))]) as server:
            server.answers["UIDL"] = b"+OK\r\n1 one\r\n2 \r\n.\r\n"
            directory = world.directory / str(place)
            said = clients(world, server.address)[place].fails("fetch", directory)
            assert "UIDL" in said and "2" in said, said
            same(stored(directory), {"one": message(1), "2": message(2)}, "messages")
