"""What the example clients make of Dovecot. These don't depend on the example servers, so they run once."""

from checks import check, only_for, same
from client_checks import digests, ways_in
from clients import clients, one_of_each, stored
from dovecot import Dovecot
from maildirs import digest, files_in, small_messages, top_form, tricky_messages, wire_form

METHODS = ["auto", "user", "apop", "plain", "login", "cram-md5", "scram-sha-256"]

# Dovecot replaces NUL, and a CR without LF gets one. It doesn't stuff a dot that is the first octet of a message, and
# sends a line end where there is nothing at all.
NOT_AS_STORED = ["nul-and-8-bit", "bare-cr", "first-octet-is-a-dot", "lone-dot-first", "nothing-but-a-dot", "empty"]


def messages_as_stored():
    return {name: it for name, it in tricky_messages().items() if not any(odd in name for odd in NOT_AS_STORED)}


def octets(content):
    """As Dovecot counts: without the line end that it sends after an unfinished line."""
    return len(wire_form(content)) - (0 if content.endswith(b"\n") else 2)


@check
@only_for("server_std")
def the_clients_log_in_to_dovecot_by_every_method_on_every_way(world):
    with Dovecot(world.certificate, small_messages(3)) as dovecot:
        for tls, (address, options) in ways_in(dovecot).items():
            for method in METHODS:
                for client in clients(world, address, *options, "--auth", method):
                    output = client.succeeds("stat")
                    assert output.startswith(b"3 "), f"{tls} {method}: {output!r}"
                if tls == "none":
                    for client in clients(world, address, "--auth", method, password="mistyped"):
                        client.fails("stat")


@check
@only_for("server_std")
def the_clients_get_the_messages_of_dovecot(world):
    messages = messages_as_stored()
    with Dovecot(world.certificate, messages) as dovecot:
        sizes = [octets(content) for content in messages.values()]
        for place, (tls, (address, options)) in enumerate(ways_in(dovecot).items()):
            client = clients(world, address, *options)[place % 2]
            same(client.succeeds("stat"), b"%d %d\n" % (len(sizes), sum(sizes)), "stat")
            same([int(size) for size in one_of_each(client.succeeds("list"))], sizes, "sizes")
            same(len(set(one_of_each(client.succeeds("uidl")))), len(messages), "unique-ids")
            assert b"UIDL" in client.succeeds("capa").splitlines(), "capabilities"
            for number, (name, content) in enumerate(messages.items(), 1):
                if tls == "none" or "dot" in name:
                    same(digest(client.succeeds("retr", number)), digest(wire_form(content)), f"{tls}: {name}")
                    same(digest(client.succeeds("top", number, 2)), digest(top_form(content, 2)), f"{tls}: top of {name}")


@check
@only_for("server_std")
def the_clients_fetch_from_dovecot_and_delete(world):
    messages = {**messages_as_stored(), **small_messages(50)}
    with Dovecot(world.certificate, messages) as dovecot:
        for tls, (address, options) in ways_in(dovecot).items():
            for client in clients(world, address, *options):
                directory = world.directory / tls / client.program.name
                client.succeeds("fetch", directory)
                fetched = sorted(digests(stored(directory)).values())
                same(fetched, sorted(digest(wire_form(it)) for it in messages.values()), "messages")
                before = directory.stat().st_mtime_ns
                client.succeeds("fetch", directory)
                same(directory.stat().st_mtime_ns, before, "the directory after fetching again")
        first, second = clients(world, address, *options)
        first.succeeds("dele", *range(2, len(messages)))
        assert "message 3" in second.fails("dele", 1, 3)
        same(len(files_in(dovecot.maildir)), 2, "files")
        same(second.succeeds("stat").split()[0], b"2", "messages")


@check
@only_for("server_std")
def the_clients_take_the_file_names_of_dovecot(world):
    messages = small_messages(3)
    with Dovecot(world.certificate, messages, more="pop3_uidl_format = %f") as dovecot:
        for client in clients(world, f"127.0.0.1:{dovecot.port}"):
            directory = world.directory / client.program.name
            client.succeeds("fetch", directory)
            same(digests(stored(directory)), {name: digest(wire_form(it)) for name, it in messages.items()}, "messages")
