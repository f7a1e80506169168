"""What curl sees."""

import subprocess

from checks import check, same
from maildirs import PASSWORD, USER, digest, make_maildir, small_messages, top_form, tricky_messages, wire_form
from servers import PATIENCE, Server

LOGIN_DENIED = 67


def curl(url, *options, password=PASSWORD):
    """Runs curl. Returns its exit code, what it received, and the protocol lines that it saw."""
    command = ["curl", "--silent", "--verbose", "--max-time", str(PATIENCE), "--user", f"{USER}:{password}", *options, url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr.decode("latin-1")


def received(url, *options):
    code, octets, seen = curl(url, *options)
    assert code == 0, f"curl {options} {url}: exit code {code}\n{seen[-600:]}"
    return octets


def as_curl_has_it(octets):
    """curl takes the line end before the end line for a part of the message, even where that of the status line is meant."""
    return octets or b"\r\n"


@check
def curl_retrieves_every_message_octet_for_octet(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages)) as server:
        for number, (name, content) in enumerate(messages.items(), 1):
            same(digest(received(server.url(number))), digest(as_curl_has_it(wire_form(content))), name)


@check
def curl_lists_the_maildrop(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages)) as server:
        expected = [f"{number} {len(wire_form(content))}" for number, content in enumerate(messages.values(), 1)]
        same(received(server.url()).decode().splitlines(), expected, "LIST")


@check
def curl_lists_two_thousand_messages(world):
    messages = small_messages(2000)
    with Server(world.program, make_maildir(world.directory, messages)) as server:
        expected = [f"{number} {name}" for number, name in enumerate(messages, 1)]
        same(received(server.url(), "--request", "UIDL").decode().splitlines(), expected, "UIDL")
        same(len(received(server.url(), "--list-only").splitlines()), 2000, "lines of LIST")


@check
def curl_sends_the_commands_that_it_is_given(world):
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages)) as server:
        unique_ids = [f"{number} {name}" for number, name in enumerate(messages, 1)]
        same(received(server.url(), "--request", "UIDL").decode().splitlines(), unique_ids, "UIDL")
        for number, content in enumerate(messages.values(), 1):
            top = received(server.url(), "--request", f"TOP {number} 2")
            same(digest(top), digest(as_curl_has_it(top_form(content, 2))), f"TOP {number} 2")
        capabilities = received(server.url(), "--request", "CAPA").decode().split("\r\n")
        assert {"TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES"} <= set(capabilities), capabilities
        # A reply of one line: --head keeps curl from waiting for more.
        code, _, seen = curl(server.url(), "--head", "--request", "STAT")
        octets = sum(len(wire_form(content)) for content in messages.values())
        same(code, 0, "exit code")
        assert f"< +OK {len(messages)} {octets}" in seen.splitlines(), seen


@check
def curl_logs_in_with_apop(world):
    """That's what it takes of what is offered; how to keep it to USER and PASS depends on its version."""
    with Server(world.program, make_maildir(world.directory, {"1.host": b"Subject: x\n\nhello\n"})) as server:
        code, octets, seen = curl(server.url(1))
        same(code, 0, "exit code")
        same(octets, b"Subject: x\r\n\r\nhello\r\n", "content")
        assert f"> APOP {USER} " in seen, seen


@check
def curl_is_told_that_a_password_is_wrong(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        code, octets, seen = curl(server.url(), password="wrong")
        same(code, LOGIN_DENIED, "exit code")
        same(octets, b"", "what curl received")
        assert "< -ERR [AUTH]" in seen, seen


@check
def curl_deletes_a_message(world):
    maildir = make_maildir(world.directory, small_messages(3))
    with Server(world.program, maildir) as server:
        code, _, seen = curl(server.url(2), "--head", "--request", "DELE")
        same(code, 0, f"exit code ({seen[-300:]})")
        code, _, seen = curl(server.url(), "--head", "--request", "STAT")
        assert any(line.startswith("< +OK 2 ") for line in seen.splitlines()), seen


@check
def curl_reads_the_demo_maildrop(world):
    with Server(world.program) as server:
        hint = server.process.stdout.readline() + server.process.stdout.readline()
        command = hint.splitlines()[1].split()
        same(command[0], "curl", "the hint")
        done = subprocess.run([*command, "--silent"], capture_output=True, timeout=PATIENCE, check=False)
        same(done.returncode, 0, "exit code")
        assert b"\r\n\r\n" in done.stdout, done.stdout
