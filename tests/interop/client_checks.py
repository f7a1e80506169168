"""What the example clients make of the example servers."""

import subprocess
import time

from checks import check, only_for, same
from clients import Stalling, clients, on_a_terminal, one_of_each, stored
from maildirs import TOKEN, digest, files_in, make_maildir, small_messages, top_form, tricky_messages, wire_form
from servers import PATIENCE, Server

METHODS = ["auto", "user", "apop", "plain", "login", "cram-md5", "xoauth2", "oauthbearer", "scram-sha-256"]


def ways_in(server):
    """The address and the options for each way to a server."""
    trust = ["--ca", str(server.certificate.authority), "--tls"]
    return {
        "none": (f"127.0.0.1:{server.port}", []),
        "starttls": (f"127.0.0.1:{server.port}", [*trust, "starttls"]),
        "implicit": (f"127.0.0.1:{server.tls_port}", [*trust, "implicit"]),
    }


def digests(messages):
    return {name: digest(content) for name, content in messages.items()}


@check
def the_clients_log_in_by_every_method_on_every_way(world):
    maildir = make_maildir(world.directory, small_messages(3))
    with Server(world.program, maildir, password=TOKEN, certificate=world.certificate) as server:
        for tls, (address, options) in ways_in(server).items():
            for method in METHODS:
                for client in clients(world, address, *options, "--auth", method, password=TOKEN):
                    output = client.succeeds("stat")
                    assert output.startswith(b"3 "), f"{tls} {method}: {output!r}"


@check
def the_clients_say_what_the_server_says_to_a_wrong_password(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        address, options = ways_in(server)["implicit"]
        for method in METHODS:
            for client in clients(world, address, *options, "--auth", method, password="mistyped"):
                assert "[AUTH]" in client.fails("stat"), method


@check
def the_clients_show_what_is_there(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages), certificate=world.certificate) as server:
        address, options = ways_in(server)["none"]
        sizes = [len(wire_form(content)) for content in messages.values()]
        with server.connection() as connection:
            connection.log_in()
            connection.expect("CAPA", b"+OK")
            capabilities = connection.content().splitlines()
            connection.expect("QUIT", b"+OK")
        for client in clients(world, address, *options):
            same(client.succeeds("stat"), b"%d %d\n" % (len(sizes), sum(sizes)), "stat")
            same([int(size) for size in one_of_each(client.succeeds("list"))], sizes, "sizes")
            same(one_of_each(client.succeeds("uidl")), [name.encode() for name in messages], "unique-ids")
            same(client.succeeds("capa").splitlines(), capabilities, "capabilities")


@check
def the_clients_get_every_message_octet_for_octet(world):
    messages = tricky_messages()
    maildir = make_maildir(world.directory, messages)
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for number, (tls, (address, options)) in enumerate(ways_in(server).items()):
            client = clients(world, address, *options)[number % 2]
            for number, (name, content) in enumerate(messages.items(), 1):
                if tls == "none" or "dot" in name:
                    same(digest(client.succeeds("retr", number)), digest(wire_form(content)), f"{tls}: {name}")
                    same(digest(client.succeeds("top", number, 2)), digest(top_form(content, 2)), f"{tls}: top of {name}")


@check
def the_clients_fetch_what_is_not_there_yet(world):
    messages = tricky_messages()
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for tls, (address, options) in ways_in(server).items():
            for client in clients(world, address, *options):
                directory = world.directory / tls / client.program.name
                client.succeeds("fetch", directory)
                same(digests(stored(directory)), {name: digest(wire_form(it)) for name, it in messages.items()}, "messages")
                before = {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in directory.iterdir()}
                changed = directory.stat().st_mtime_ns
                client.succeeds("fetch", directory)
                after = {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in directory.iterdir()}
                same(after, before, "files after fetching again")
                same(directory.stat().st_mtime_ns, changed, "time of the last change to the directory")
        (maildir / "new" / "1800000000.M1P1.host").write_bytes(b"Subject: new\n\nnew\n")
        client.succeeds("fetch", directory)
        same(set(after), set(before), "names")
        same(len(stored(directory)), len(messages) + 1, "messages with the new one")
        same(sorted(files_in(maildir)), sorted([*messages, "1800000000.M1P1.host"]), "files on the server")


@check
def a_fetch_that_is_killed_leaves_whole_messages_only(world):
    messages = {**small_messages(5), "1700000001.big": tricky_messages()["1700000030.M30P1.host-twenty-megabytes"]}
    maildir = make_maildir(world.directory / "maildir", messages)
    whole = {name: digest(wire_form(content)) for name, content in messages.items()}
    with Server(world.program, maildir) as server:
        for place in range(2):
            directory = world.directory / f"fetched-{place}"
            with Stalling(server.port, 7_000_000) as stalling:
                process = clients(world, stalling.address)[place].start("fetch", directory)
                assert stalling.stalled.wait(PATIENCE), "the client has ended"
                deadline = time.monotonic() + PATIENCE
                while size_of_partial(directory) < 5_000_000 and time.monotonic() < deadline:
                    time.sleep(0.01)
                process.kill()
                process.wait(PATIENCE)
            there = digests(stored(directory))
            assert size_of_partial(directory) >= 5_000_000, "nothing is partial"
            # The other two were asked for together with the large one.
            assert len(there) == 3 and there.items() <= whole.items(), there
            client = clients(world, f"127.0.0.1:{server.port}")[place]
            deadline = time.monotonic() + PATIENCE
            while b"5" not in client.run("stat")[1] and time.monotonic() < deadline:
                time.sleep(0.1)  # until the server knows that the first one is gone
            client.succeeds("fetch", directory)
            same(digests(stored(directory)), whole, "messages")


def size_of_partial(directory):
    try:
        return sum(file.stat().st_size for file in directory.glob(".partial*"))
    except FileNotFoundError:
        return 0  # it has got its name by now


@check
def the_clients_delete_all_or_nothing(world):
    for place in range(2):
        messages = small_messages(5)
        maildir = make_maildir(world.directory / str(place), messages)
        with Server(world.program, maildir) as server:
            client = clients(world, f"127.0.0.1:{server.port}")[place]
            assert "message 9" in client.fails("dele", 1, 9, 2)
            assert "message 1" in client.fails("dele", 1, 1)
            same(files_in(maildir), sorted(messages), "files")
            client.succeeds("dele", 2, 5)
            same(files_in(maildir), [name for number, name in enumerate(sorted(messages), 1) if number not in [2, 5]], "files")


@check
def the_clients_delete_thousands(world):
    """More than may wait in a session."""
    for place in range(2):
        maildir = make_maildir(world.directory / str(place), small_messages(3000))
        with Server(world.program, maildir) as server:
            clients(world, f"127.0.0.1:{server.port}")[place].succeeds("dele", *range(1, 3000))
            same(len(files_in(maildir)), 1, "files")


@check
def the_clients_believe_no_certificate_but_that_of_the_server(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        trust, stranger = (["--ca", str(file)] for file in [world.certificate.authority, world.certificate.stranger])
        for tls, port in [("starttls", server.port), ("implicit", server.tls_port)]:
            cases = [
                ("127.0.0.1", [*trust], None),
                ("localhost", [*trust], None),
                ("127.0.0.1", [*trust, "--server-name", "localhost"], None),
                ("127.0.0.1", [*trust, "--server-name", "pop.example.org"], "not valid for name"),
                ("127.0.0.1", [*stranger], "UnknownIssuer"),
                ("127.0.0.1", [], "certificate"),
            ]
            for host, options, failure in cases:
                for client in clients(world, f"{host}:{port}", "--tls", tls, *options):
                    if failure:
                        assert failure in client.fails("stat"), failure
                    else:
                        client.succeeds("stat")


@check
@only_for("server_std")
def a_directory_takes_one_fetch_at_a_time(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(3))) as server:
        with Stalling(server.port, 60) as stalling:
            directory = world.directory / "fetched"
            first, second = clients(world, stalling.address)
            process = first.start("fetch", directory)
            assert stalling.stalled.wait(PATIENCE)
            assert "another program" in second.fails("fetch", directory)
            process.kill()
            process.wait(PATIENCE)


@check
@only_for("server_std")
def progress_is_shown_on_a_terminal(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(3))) as server:
        for client in clients(world, f"127.0.0.1:{server.port}"):
            command = [*client.arguments, "fetch", str(world.directory / client.program.name)]
            code, shown = on_a_terminal(command, "stderr")
            same(code, 0, "exit code")
            assert b"/3" in shown, shown


@check
@only_for("server_std")
def a_reader_that_closes_early_is_an_error(world):
    messages = {"1700000001.big": tricky_messages()["1700000030.M30P1.host-twenty-megabytes"]}
    with Server(world.program, make_maildir(world.directory, messages)) as server:
        for client in clients(world, f"127.0.0.1:{server.port}"):
            process = subprocess.Popen([*client.arguments, "retr", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.read(100)
            process.stdout.close()
            said = process.stderr.read()
            process.stderr.close()
            same(process.wait(PATIENCE), 1, "exit code")
            same(said.count(b"\n"), 1, f"lines in {said!r}")
