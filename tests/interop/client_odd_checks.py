"""What the example clients do with servers that break the rules, and with arguments that do. They run once."""

import base64
import os
import signal
import socket
import time

from checks import check, only_for, same
from clients import Last, Script, clients, stored
from maildirs import PASSWORD
from servers import PATIENCE


@check
@only_for("server_std")
def the_clients_refuse_arguments_before_they_connect(world):
    with Script() as script:
        for client in [
            *clients(world, script.address, password="tan\nstaaf"),
            *clients(world, script.address, password="tan\rstaaf"),
            *clients(world, script.address, password="\r\nQUIT"),
            *clients(world, script.address, user="mrose\r\nDELE 1"),
            *clients(world, script.address, "--auth", "xoauth2", password="to ken"),
        ]:
            client.fails("stat")
        for client in clients(world, script.address):
            for arguments in [
                ["retr"], ["retr", "0"], ["retr", "x"], ["retr", "-1"], ["retr", "4294967296"], ["top", "1"],
                ["dele"], ["dele", "1", "x"], ["fetch"], ["fetch", "/proc/nonsense"], ["nonsense"], [], ["stat", "more"],
                ["stat", "--user", "x"], ["--auth", "ntlm", "stat"], ["--tls", "yes", "stat"],
                ["--ca", "/nonexistent", "--tls", "implicit", "stat"], ["--nonsense=" + PASSWORD, "stat"],
                [PASSWORD], ["stat", PASSWORD], ["retr", PASSWORD], ["--auth", PASSWORD, "stat"],
            ]:  # fmt: skip
                client.fails(*arguments)
        same((script.connections, script.received), (0, []), "connections")


@check
@only_for("server_std")
def the_clients_send_no_secret_where_tls_is_not_to_be_had(world):
    offers = b"+OK\r\nSTLS\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n"
    for answers in [
        {},
        {"CAPA": offers, "STLS": b"-ERR not now\r\n"},
        {"CAPA": offers, "STLS": b"+OK\r\n+OK\r\n"},
        {"CAPA": offers, "STLS": None},
        {"CAPA": offers, "STLS": lambda line: b"+OK\r\n+OK Logged in\r\n"},
    ]:
        with Script(answers) as script:
            for client in clients(world, script.address, "--tls", "starttls", "--ca", str(world.certificate.authority)):
                client.fails("stat")
            verbs = script.verbs()
            assert verbs and set(verbs) <= {"CAPA", "STLS", "QUIT"}, verbs
    with Script() as script:
        for client in clients(world, script.address, "--tls", "implicit", "--ca", str(world.certificate.authority)):
            client.fails("stat")
        assert not any(PASSWORD.encode() in line for line in script.received), "the password"


@check
@only_for("server_std")
def the_clients_send_no_secret_in_the_clear_to_other_machines(world):
    address = own_address()
    if not address:
        return  # this machine has no address that others could use
    offers = b"+OK\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n"
    with Script({"CAPA": offers}, address=address) as script:
        for method in ["auto", "user", "plain", "login", "xoauth2", "oauthbearer"]:
            for client in clients(world, script.address, "--auth", method, password="hunter2"):
                client.fails("stat")
        same(set(script.verbs()), {"CAPA", "QUIT"}, "commands")
        for client in clients(world, script.address, "--auth", "user", "--allow-cleartext"):
            client.succeeds("stat")


def own_address():
    """An address of this machine that isn't the loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


@check
@only_for("server_std")
def the_clients_take_the_best_of_what_is_offered(world):
    def capa(line):
        return lambda _: b"+OK\r\n" + line + b"\r\n.\r\n"

    cases = [
        (b"SASL LOGIN PLAIN CRAM-MD5 SCRAM-SHA-256\r\nUSER", "auto", b"AUTH SCRAM-SHA-256"),
        (b"SASL LOGIN PLAIN CRAM-MD5\r\nUSER", "auto", b"AUTH CRAM-MD5"),
        (b"SASL LOGIN PLAIN\r\nUSER", "auto", b"AUTH PLAIN"),
        (b"SASL LOGIN\r\nUSER", "auto", b"AUTH LOGIN"),
        (b"SASL GSSAPI\r\nUSER", "auto", b"USER"),
        (b"TOP", "user", b"USER"),
        (b"TOP", "auto", None),
        (b"SASL PLAIN", "login", b"AUTH LOGIN"),
    ]
    for listed, method, expected in cases:
        with Script({"CAPA": capa(listed)}) as script:
            for client in clients(world, script.address, "--auth", method):
                code, _, _ = client.run("stat")
                lines = [line for line in script.received if line[:4] in [b"AUTH", b"USER", b"APOP"]]
                script.received.clear()
                if expected is None:
                    same((code, lines), (1, []), "logins")
                else:
                    assert lines and lines[0].startswith(expected), f"{listed!r}, {method}: {expected!r}"


@check
@only_for("server_std")
def nothing_that_a_server_says_in_scram_does_harm(world):
    offers = b"+OK\r\nSASL SCRAM-SHA-256\r\n.\r\n"
    firsts = [
        b"", b"r", b"r=", b"r=x", b"r=x,", b"r=x,s", b"r=x,s=", b"r=x,s=c2FsdA==,i", b"r=x,s=c2FsdA==,i=4096",
        b"m=x,r=x,s=c2FsdA==,i=4096",
        b"%s,s=c2FsdA==,i=0", b"%s,s=c2FsdA==,i=1", b"%s,s=c2FsdA==,i=4294967295", b"%s,s=c2FsdA==,i=99999999999999999999",
        b"%s,s=!!!!,i=4096", b"%sx,s=,i=4096", b"%sx,i=4096,s=c2FsdA==", b"\xff\xfe,\x00,=", b"e=other-error", b",,,", b"v=abc",
    ]  # fmt: skip
    finals = [b"", b"v", b"v=", b"e", b"e=", b"e=invalid-proof", b"v=AAAA", b"v=!!!!", b"x=1", b",", b"v=AAAA,x"]

    def challenge(octets):
        return b"+ " + base64.b64encode(octets) + b"\r\n"

    cases = [(first, None) for first in firsts] + [(b"%sx,s=c2FsdA==,i=4096", final) for final in finals]
    # A server that doesn't prove anything isn't the right one.
    cases += [(b"%sx,s=c2FsdA==,i=4096", "accepted"), ("accepted", None)]
    for place, (first, final) in enumerate(cases):
        state = []

        def auth(line, first=first, state=state):
            state[:] = ["first"]
            if first == "accepted":
                return b"+OK\r\n"
            message = base64.b64decode(line.split()[2])
            nonce = message[message.index(b"r=") :]
            return challenge(first.replace(b"%s", nonce))

        def other(line, final=final, state=state):
            if line == b"*\r\n":
                return b"-ERR cancelled\r\n"
            if final == "accepted" or len(state) > 1:
                return b"+OK\r\n"
            state.append("final")
            return challenge(final or b"")

        with Script({"CAPA": offers, "AUTH": auth}, other=other) as script:
            clients(world, script.address)[place % 2].fails("stat")
            assert "STAT" not in script.verbs(), f"{first!r}, {final!r}: the client goes on"


@check
@only_for("server_std")
def the_clients_fail_where_a_server_breaks_off(world):
    long = b"+OK\r\nSubject: x\r\n\r\nbody\r\n"
    for arguments, answers in [
        (["stat"], {"STAT": None}),
        (["stat"], {"STAT": b"-ERR \x1b[31mred\x07\r\n"}),
        (["stat"], {"STAT": b"+OK nonsense\r\n"}),
        (["stat"], {"STAT": b"nonsense\r\n"}),
        (["stat"], {"USER": b"-ERR no\r\n", "PASS": b"-ERR no\r\n"}),
        (["stat"], {"PASS": None}),
        (["list"], {"LIST": b"+OK\r\n1 10\r\n2 x\r\n.\r\n"}),
        (["uidl"], {"UIDL": b"+OK\r\n1 a\r\nx\r\n.\r\n"}),
        (["list"], {"LIST": Last(b"+OK\r\n1 10\r\n")}),
        (["retr", 1], {"RETR": Last(long)}),
        (["retr", 1], {"RETR": Last(long + b".")}),
        (["retr", 1], {"RETR": Last(long + b".\r")}),
        (["retr", 1], {"RETR": b"-ERR gone\r\n"}),
        (["dele", 1], {"DELE": b"+OK\r\n", "QUIT": None}),
        (["dele", 1], {"DELE": b"+OK\r\n", "QUIT": b"-ERR some are still there\r\n"}),
        (["dele", 1], {"DELE": b"+OK\r\n", "QUIT": Last(b"+OK")}),
        (["fetch", "D"], {"UIDL": b"+OK\r\n1 a\r\n.\r\n", "RETR": Last(long)}),
        (["fetch", "D"], {"UIDL": b"+OK\r\n1 a\r\n.\r\n", "RETR": Last(long + b".")}),
        (["fetch", "D"], {"UIDL": b"+OK\r\n1 a\r\n.\r\n", "RETR": b"-ERR gone\r\n"}),
        (["fetch", "D"], {"UIDL": b"-ERR [SYS/TEMP] later\r\n"}),
        (["fetch", "D"], {"UIDL": Last(b"+OK\r\n1 a\r\n"), "RETR": long + b".\r\n"}),
        (["fetch", "D"], {"UIDL": b"-ERR what?\r\n", "LIST": b"-ERR what?\r\n"}),
        (["fetch", "D"], {"UIDL": b"+OK\r\nx y\r\n.\r\n"}),
    ]:  # fmt: skip
        directory = world.directory / "fetched"
        arguments = [directory if argument == "D" else argument for argument in arguments]
        with Script(answers) as script:
            for client in clients(world, script.address):
                said = client.fails(*arguments)
                assert said[:-1].isprintable(), f"{said!r}"
                if directory.exists():
                    same(stored(directory), {}, "messages")
    for greeting, words in [(b"-ERR not today\r\n", "not today"), (b"hello\r\n", "protocol"), (b"+OK\r\n-ERR bye\r\n", "bye")]:
        with Script({"CAPA": None}, greeting=greeting) as script:
            for client in clients(world, script.address):
                assert words in client.fails("stat"), words


@check
@only_for("server_std")
def names_of_files_are_as_good_as_their_unique_ids(world):
    def message(line):
        return b"+OK\r\nSubject: %s\r\n\r\n..\r\n.\r\n" % line.split()[1]

    ids = [b".", b"..", b"a/b", b"../../escape", b".partial", b"a%2Fb", b"%", b"-rf", b"\xff\xfe", b"a\\b", b"~", b"CON"]
    ids += [b"x" * 70, b"/" * 70, b"y" * 400]
    listing = b"".join(b"%d %s\r\n" % (number, unique_id) for number, unique_id in enumerate(ids, 1))
    with Script({"UIDL": b"+OK\r\n" + listing + b".\r\n", "RETR": message}) as script:
        for client in clients(world, script.address):
            directory = world.directory / client.program.name / "fetched"
            client.succeeds("fetch", directory)
            messages = sorted(stored(directory).values())
            same(messages, sorted(b"Subject: %d\r\n\r\n.\r\n" % number for number in range(1, len(ids) + 1)), "messages")
            same(os.listdir(directory.parent), ["fetched"], "what stands beside it")
            assert {"a%2Fb", "a%252Fb", "%2E.", "x" * 70} <= set(stored(directory)), sorted(stored(directory))
            script.verbs()
            client.succeeds("fetch", directory)
            assert "RETR" not in script.verbs(), "it fetches them again"


@check
@only_for("server_std")
def no_message_is_lost_where_names_are_not_unique(world):
    contents = {b"1": b"one\r\n", b"2": b"two\r\n", b"3": b"three\r\n"}

    def message(line):
        return b"+OK\r\n" + contents[line.split()[1]] + b".\r\n"

    for answers in [
        {"UIDL": b"+OK\r\n1 same\r\n2 same\r\n3 same\r\n.\r\n"},
        {"UIDL": b"-ERR what?\r\n", "LIST": b"+OK\r\n1 5\r\n2 5\r\n3 7\r\n.\r\n"},
    ]:
        has_uidl = answers["UIDL"].startswith(b"+OK")
        for place in range(2):
            contents.update({b"1": b"one\r\n", b"2": b"two\r\n", b"3": b"three\r\n"})
            with Script({**answers, "RETR": message}) as script:
                client = clients(world, script.address)[place]
                directory = world.directory / f"{place}-{has_uidl}"
                for _ in range(2):
                    client.succeeds("fetch", directory)
                    same(sorted(stored(directory).values()), sorted(contents.values()), "messages")
                if not has_uidl:
                    assert set(stored(directory)) == {"1", "2", "3"}, stored(directory)
                    # Message 1 is gone from the server, so the others have new numbers.
                    contents.update({b"1": b"two\r\n", b"2": b"three\r\n", b"3": b"four\r\n"})
                    client.succeeds("fetch", directory)
                    there = sorted(stored(directory).values())
                    same(there, [b"four\r\n", b"one\r\n", b"three\r\n", b"three\r\n", b"two\r\n", b"two\r\n"], "messages")
                    same(stored(directory)["1"], b"one\r\n", "the first")


@check
@only_for("server_std")
def a_client_ends_by_a_signal_at_once(world):
    with Script({"STAT": lambda _: time.sleep(1)}) as script:
        for client in clients(world, script.address):
            process = client.start("stat")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            same(process.wait(PATIENCE), -signal.SIGTERM, "exit code")
