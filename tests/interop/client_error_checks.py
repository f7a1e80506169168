"""What the example clients say when something fails, and what their switches change. They run once."""

import base64
import os
import resource
import socket
import struct
import subprocess

from checks import check, only_for, same
from clients import Last, Script, clients, on_a_terminal, stored
from servers import PATIENCE


def listing(*ids):
    return b"+OK\r\n" + b"".join(b"%d %s\r\n" % (number, it) for number, it in enumerate(ids, 1)) + b".\r\n"


def message(line):
    """Answers RETR."""
    return b"+OK\r\nSubject: %s\r\n\r\ntext\r\n.\r\n" % line.split()[1]


@check
@only_for("server_std")
def an_error_names_the_command_or_the_message_and_what_the_server_said(world):
    two = {"UIDL": listing(b"grebe-1", b"grebe-2")}
    cut = Last(b"+OK\r\nSubject: x\r\n\r\nte")

    def second(answer):
        return lambda line: answer if line.startswith(b"RETR 2") else message(line)

    for arguments, answers, words in [
        (["stat"], {"CAPA": None}, ["CAPA"]),
        (["stat"], {"USER": None}, ["USER"]),
        (["stat"], {"PASS": b"+ what\x07\r\n"}, ["PASS", "+ what\\u{7}"]),
        (["stat"], {"STAT": b"-ERR [SYS/TEMP] disk \x1b[1mfull\r\n"}, ["STAT", "-ERR [SYS/TEMP] disk \\u{1b}[1mfull"]),
        (["stat"], {"STAT": b"+OK many\r\n"}, ["STAT", "+OK many"]),
        (["stat"], {"STAT": b"OK 2 320\r\n"}, ["STAT", "OK 2 320"]),
        (["stat"], {"STAT": Last(b"+OK 2 3")}, ["STAT"]),
        (["stat"], {"STAT": b"x" * 9000 + b"\r\n"}, ["STAT", "x" * 80 + "xxxx"]),
        (["list"], {"LIST": b"+OK\r\n1 10\r\n2 ten\r\n.\r\n"}, ["LIST", "2 ten"]),
        (["retr", 4], {"RETR": None}, ["message 4"]),
        (["retr", 4], {"RETR": cut}, ["message 4"]),
        (["retr", 4], {"RETR": b"-ERR no 4\r\n"}, ["message 4", "-ERR no 4"]),
        (["top", 6, 1], {"TOP": None}, ["message 6"]),
        (["dele", 3, 5], {"DELE": lambda line: None if b"5" in line else b"+OK\r\n"}, ["message 5"]),
        (["dele", 3], {"DELE": b"-ERR locked\r\n"}, ["message 3", "-ERR locked", "nothing is deleted"]),
        (["fetch", "D"], {"UIDL": Last(b"+OK\r\n1 a\r\n")}, ["UIDL"]),
        (["fetch", "D"], {**two, "RETR": second(cut)}, ["message 2", "grebe-2"]),
        (["fetch", "D"], {**two, "RETR": second(None)}, ["RETR", "message 2", "grebe-2"]),
        (["fetch", "D"], {**two, "RETR": second(b"-ERR not this one\r\n")}, ["message 2 (grebe-2): -ERR not this one"]),
        (["fetch", "D"], {**two, "RETR": second(b"-ERR no\r\n"), "QUIT": b"what\r\n"}, ["message 2 (", "then QUIT", "what"]),
    ]:  # fmt: skip
        for number, client in enumerate(clients(world, "")):
            with Script(answers) as script:
                client.arguments[2] = script.address
                where = world.directory / f"{len(os.listdir(world.directory))}-{number}"
                said = client.fails(*[where if it == "D" else it for it in arguments])
                assert all(it in said for it in words) and said[:-1].isprintable() and len(said) < 400, f"{words}: {said!r}"
    for greeting in [b"220 mail ready\r\n", b"-ERR closed for today\r\n"]:
        with Script(greeting=greeting) as script:
            for client in clients(world, script.address):
                said = client.fails("list")
                assert "greeting" in said and greeting.decode().strip() in said, said


class Resetting(Script):
    """Ends connections by a reset."""

    def converse(self, connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        super().converse(connection)


@check
@only_for("server_std")
def a_reset_means_what_it_means_where_it_comes(world):
    fetched = {"UIDL": listing(b"a"), "RETR": message}
    for place in range(2):
        for arguments, answers, words in [
            (["stat"], {"STAT": None}, ["STAT", "reset by peer"]),
            (["dele", 1], {"DELE": b"+OK\r\n", "QUIT": None}, ["QUIT", "may be deleted or not"]),
            (["fetch", "D"], {**fetched, "RETR": None}, ["RETR", "reset by peer"]),
        ]:
            directory = world.directory / str(place)
            with Resetting(answers) as script:
                client = clients(world, script.address)[place]
                said = client.fails(*[directory if it == "D" else it for it in arguments])
                assert all(word in said for word in words), f"{words}: {said!r}"
        with Resetting({**fetched, "QUIT": None}) as script:
            clients(world, script.address)[place].succeeds("fetch", directory)
            same(list(stored(directory)), ["a"], "messages")


@check
@only_for("server_std")
def a_message_that_fails_does_not_keep_the_others_from_being_fetched(world):
    ids = [b"wren-%02d" % number for number in range(1, 41)]

    def retr(line):
        number = int(line.split()[1])
        return b"-ERR not [that] one\r\n" if number % 2 else message(line)

    with Script({"UIDL": listing(*ids), "RETR": retr}) as script:
        for client in clients(world, script.address):
            directory = world.directory / client.program.name
            for _ in range(2):
                said = client.fails("fetch", directory)
                same(sorted(stored(directory)), [it.decode() for it in ids[1::2]], "messages")
                assert "message 1 (wren-01): -ERR not [that] one" in said, said
                same((said.count("wren-"), "and 10 more" in said), (10, True), f"messages in {said!r}")


@check
@only_for("server_std")
def a_message_that_cannot_be_stored_does_not_keep_the_others_from_being_fetched(world):
    large = b"+OK\r\n" + b"a row of text\r\n" * 40_000 + b".\r\n"
    answers = {"UIDL": listing(b"a", b"b", b"c"), "RETR": lambda line: large if b"2" in line else message(line)}

    def little_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    with Script(answers) as script:
        for client in clients(world, script.address):
            directory = world.directory / client.program.name
            command = [*client.arguments, "fetch", str(directory)]
            # Python ignores the signal that goes with the limit, and so does the client then.
            done = subprocess.run(
                command, capture_output=True, timeout=PATIENCE, check=False, restore_signals=False, preexec_fn=little_space
            )
            said = done.stderr.decode()
            same((done.returncode, said.count("\n"), sorted(stored(directory))), (1, 1, ["a", "c"]), said)
            assert "message 2 (b)" in said and str(directory) in said, said
            same([name for name in os.listdir(directory) if "partial" in name], [], "what is left of it")
            client.succeeds("fetch", directory)
            same(sorted(stored(directory)), ["a", "b", "c"], "messages with more space")


@check
@only_for("server_std")
def a_login_that_is_refused_names_the_method_and_the_others(world):
    def offers(*lines):
        return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"

    for method, listed, greeting, words in [
        ("auto", [b"SASL PLAIN LOGIN", b"USER"], b"+OK\r\n", ["AUTH PLAIN", "-ERR no such way", "LOGIN", "USER", "--auth"]),
        ("auto", [b"SASL CRAM-MD5"], b"+OK <1.2@x.example>\r\n", ["AUTH CRAM-MD5", "APOP"]),
        ("auto", [b"SASL LOGIN"], b"+OK\r\n", ["AUTH LOGIN", "offers LOGIN, see"]),
        ("auto", [b"SASL GSSAPI", b"STLS"], b"+OK\r\n", ["login", "GSSAPI"]),
        ("plain", [b"SASL GSSAPI"], b"+OK\r\n", ["AUTH PLAIN", "GSSAPI"]),
        ("user", [b"SASL PLAIN"], b"+OK\r\n", ["USER", "-ERR no such way", "PLAIN"]),
        ("apop", [b"SASL PLAIN"], b"+OK\r\n", ["APOP", "PLAIN"]),
    ]:  # fmt: skip
        refused = b"-ERR no such way\r\n"
        with Script({"CAPA": offers(*listed), "USER": refused, "AUTH": refused}, greeting=greeting) as script:
            for client in clients(world, script.address, "--auth", method):
                said = client.fails("stat")
                assert all(word in said for word in words), f"{words}: {said!r}"


@check
@only_for("server_std")
def no_error_holds_the_password_that_a_server_sends_back(world):
    def echo(line):
        return line

    def refuse(line):
        return b"-ERR unknown: " + line

    for method, answer, words in [
        ("user", echo, ["PASS", "line is no response: PASS ..."]), ("plain", echo, ["AUTH PLAIN"]), ("login", echo, ["AUTH LOGIN"]),
        ("user", refuse, ["PASS: -ERR unknown: PASS ..."]), ("plain", refuse, ["AUTH PLAIN: -ERR unknown: AUTH PLAIN ..."]),
    ]:  # fmt: skip
        secret = "heron-Gr3y"
        answers = {"CAPA": b"+OK\r\nSASL PLAIN LOGIN\r\nUSER\r\n.\r\n", "PASS": answer, "AUTH": answer}
        with Script(answers, other=answer) as script:
            for client in clients(world, script.address, "--auth", method, password=secret):
                said = client.fails("stat")
                encoded = [base64.b64encode(it).decode() for it in (secret.encode(), b"\0mrose\0" + secret.encode())]
                assert all(it in said for it in words) and not any(it in said for it in [secret, *encoded]), said
    # In a response code, after other text in base64, without its padding, and after the login.
    secret = "heron-Gr3y"
    plain = base64.b64encode(b"\0mrose\0" + secret.encode())
    for answers in [
        {"PASS": b"-ERR [" + secret.encode() + b"] hm\r\n"},
        {"PASS": b"-ERR bad response=" + plain + b"\r\n"},
        {"PASS": b"-ERR bad " + plain.rstrip(b"=") + b"\r\n"},
        {"STAT": b"-ERR unknown: PASS " + secret.encode() + b"\r\n"},
        {"STAT": b"PASS " + secret.encode() + b"\r\n"},
        {"STAT": b"+OK x " + secret.encode() + b"\r\n"},
    ]:
        with Script(answers) as script:
            for client in clients(world, script.address, "--auth", "user", password=secret):
                said = client.fails("stat")
                assert secret not in said and plain.rstrip(b"=").decode() not in said and "..." in said, said


@check
@only_for("server_std")
def user_can_be_asked_for_where_it_is_not_announced(world):
    with Script({"CAPA": b"+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n", "STAT": b"+OK 1 9\r\n"}) as script:
        for client in clients(world, script.address, "--auth", "user"):
            same(client.succeeds("stat"), b"1 9\n", "stat")
            same(script.verbs(), ["CAPA", "USER", "PASS", "CAPA", "STAT", "QUIT"], "commands")


class Counting(Script):
    """Notes the most commands that came at a time."""

    most = 0

    def converse(self, connection):
        connection.sendall(self.greeting)
        while octets := connection.recv(65_536):
            lines = octets.splitlines(keepends=True)
            self.most = max(self.most, len(lines))
            for line in lines:
                answer = self.answers.get(line.split()[0].decode(), self.other)
                connection.sendall(answer(line) if callable(answer) else answer)


@check
@only_for("server_std")
def switches_turn_off_what_a_server_has_trouble_with(world):
    capa = b"+OK\r\nPIPELINING\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
    answers = {"CAPA": capa, "AUTH": b"+OK\r\n", "UIDL": listing(*[b"%d" % n for n in range(8)]), "RETR": message}
    for options, ahead in [([], True), (["--no-pipelining"], False), (["--no-capa"], False)]:
        with Counting(answers) as script:
            for client in clients(world, script.address, *options):
                client.succeeds("fetch", world.directory / f"{ahead}-{options}-{client.program.name}")
            same(script.most > 1, ahead, f"commands ahead with {options}")
    with Script({"STAT": b"+OK 1 9\r\n"}) as script:
        for client in clients(world, script.address, "--no-capa"):
            client.succeeds("stat")
            same(script.verbs(), ["USER", "PASS", "STAT", "QUIT"], "commands")
            client.fails("capa")
            same(script.verbs(), [], "commands")
    with Script({"STAT": b"+ok 1 9\r\n"}) as script:
        for strict, lenient in zip(clients(world, script.address), clients(world, script.address, "--lenient")):
            assert "+ok 1 9" in strict.fails("stat")
            same(lenient.succeeds("stat"), b"1 9\n", "stat")


@check
@only_for("server_std")
def what_a_server_lists_does_no_harm_to_a_terminal(world):
    odd = b"a\x1b]0;owned\x07\x9b2Jz"
    answers = {"CAPA": b"+OK\r\nUSER\r\nUIDL\r\nX-" + odd + b"\r\n.\r\n", "UIDL": b"+OK\r\n1 " + odd + b"\r\n.\r\n", "LIST": b"+OK\r\n1 7\r\n.\r\n"}
    with Script(answers) as script:
        for client in clients(world, script.address):
            for task in ["capa", "uidl", "list"]:
                code, shown = on_a_terminal([*client.arguments, task], "stdout")
                same(code, 0, "exit code")
                text = shown.decode().replace("\r\n", "")
                assert text.isprintable() and (task == "list" or ("owned" in text and text.endswith("z"))), f"{shown!r}"
            # A program that reads it gets it as it is.
            assert odd in client.succeeds("uidl")
