"""The program in the documentation of `Fetch`, with the example servers and with servers that break the rules."""

import subprocess

from checks import check, only_for, same
from clients import Last, Maildrop, Script, stored
from maildirs import digest, files_in, make_maildir, tricky_messages, wire_form
from servers import PATIENCE, Server

USER = "mrose"
PASSWORD = "tanstaaf"


def fetch(world, address, directory):
    """Runs the program once. Returns its exit code and what it wrote to stderr."""
    command = [str(world.program.parent / "fetch_minimal"), address, str(directory)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    said = done.stderr.decode()
    assert PASSWORD not in said and "panicked" not in said and not done.stdout, said
    assert (done.returncode, said.count("\n")) in [(0, 0), (1, 1)], f"exit code {done.returncode}: {said!r}"
    return done.returncode, said


def mail(directory):
    """What is stored, in any order."""
    return sorted(octets for name, octets in stored(directory).items() if name.endswith(".eml"))


def message(number, text=b""):
    return b"Subject: %d\r\n\r\n%s" % (number, text)


@check
def the_program_of_the_documentation_empties_a_maildrop(world):
    messages = tricky_messages()
    maildir = make_maildir(world.directory, messages)
    with Server(world.program, users={USER: maildir}, password=PASSWORD) as server:
        for _ in range(2):
            same(fetch(world, f"127.0.0.1:{server.port}", world.directory / "mail"), (0, ""), "outcome")
            expected = sorted(digest(wire_form(content)) for content in messages.values())
            same(sorted(map(digest, mail(world.directory / "mail"))), expected, "messages")
            same(files_in(maildir), [], "what is left in the maildir")


@check
def the_program_of_the_documentation_reports_a_wrong_password(world):
    maildir = make_maildir(world.directory, {"1": b"x"})
    with Server(world.program, users={USER: maildir}, password="another") as server:
        code, said = fetch(world, f"127.0.0.1:{server.port}", world.directory / "mail")
        assert code == 1 and "AUTH CRAM-MD5: -ERR [AUTH] wrong name or password; " in said, said


@check
@only_for("server_std")
def the_program_of_the_documentation_deletes_nothing_that_is_not_stored_whole(world):
    dotted = b"a\r\n.\r\nb\r\n"
    whole = [(b"a", message(1)), (b"b", message(2, dotted)), (b"c", message(3))]
    cut = Last(b"+OK\r\nSubject: 1\r\n")
    for answers, stuffs, code in [
        ({}, True, 0),
        ({}, False, 1),
        ({"RETR": cut}, True, 1),
        ({"RETR": Last(b"")}, True, 1),
        ({"UIDL": b"-ERR busy\r\n", "CAPA": b"+OK\r\nUSER\r\nUIDL\r\n.\r\n"}, True, 1),
        ({"UIDL": b"-ERR what?\r\n"}, True, 0),
        ({"UIDL": b"-ERR what?\r\n"}, False, 1),
        ({"UIDL": b"+OK\r\n1 a\r\n2 \r\n03x c\r\n.\r\n", "DELE": b"-ERR\r\n"}, True, 1),
        ({"DELE": b"-ERR\r\n"}, True, 1),
        ({"QUIT": Last(b"")}, True, 1),
        ({"QUIT": b"-ERR\r\n"}, True, 1),
    ]:
        directory = world.directory / f"{len(list(world.directory.iterdir()))}"
        with Maildrop(whole, answers, stuffs) as server:
            for _ in range(3):
                got, said = fetch(world, server.address, directory)
                same(got, code, f"exit code with {answers}, {said!r}")
            there = set(mail(directory))
            assert there <= {octets for _, octets in whole}, f"{answers}: {there}"
            lost = [octets for pair in whole if pair not in server.messages for octets in [pair[1]] if octets not in there]
            same(lost, [], f"lost with {answers}")
            if code == 0:
                same((len(there), server.messages), (3, []), "all is there, and nothing is left")


@check
@only_for("server_std")
def the_program_of_the_documentation_takes_no_new_message_for_an_old_one(world):
    old, new, third = message(1), message(2), message(3)
    long = 150 * b"x"
    for first, second in [(b"00000001", b"00000001"), (b"Mon 3 May 10:00", b"Mon 3 May 12:30"), (long, long)]:
        directory = world.directory / first.decode()
        with Maildrop([(first, old)]) as server:
            same(fetch(world, server.address, directory), (0, ""), "outcome")
            server.messages = [(second, new)]
            same(fetch(world, server.address, directory), (0, ""), "outcome")
            same((mail(directory), server.messages), (sorted([old, new]), []), "messages")
    # The answer to QUIT is lost, so the unique-id stays known until a list lacks it.
    directory = world.directory / "lost"
    with Maildrop([(b"a", old)]) as server:
        answers, server.answers = server.answers, {**server.answers, "QUIT": lambda _: server.quit() and None}
        same(fetch(world, server.address, directory)[0], 1, "exit code")
        server.answers = answers
        same(fetch(world, server.address, directory), (0, ""), "outcome")
        server.messages = [(b"a", new), (b"b", third)]
        same(fetch(world, server.address, directory), (0, ""), "outcome")
        same((mail(directory), server.messages), (sorted([old, new, third]), []), "messages")


@check
@only_for("server_std")
def the_program_of_the_documentation_leaves_an_empty_maildrop_alone(world):
    with Script({"STAT": b"+OK 0 0\r\n"}) as server:
        same(fetch(world, server.address, world.directory / "mail"), (0, ""), "outcome")
        same(mail(world.directory / "mail"), [], "messages")
        same(server.verbs(), ["CAPA", "USER", "PASS", "STAT", "QUIT"], "commands")


@check
@only_for("server_std")
def the_program_of_the_documentation_ends_where_the_server_deletes_nothing(world):
    messages = [(b"%d" % number, message(number)) for number in range(1001)]
    with Maildrop(messages, {"QUIT": Last(b"+OK\r\n")}) as server:
        code, said = fetch(world, server.address, world.directory / "mail")
        assert code == 1 and "may not have deleted" in said, said
        same(server.connections, 2, "sessions")
