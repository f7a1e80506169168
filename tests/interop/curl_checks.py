"""What curl sees."""

import re
import subprocess

from checks import check, same
from maildirs import PASSWORD, TOKEN, USER, digest, make_maildir, small_messages, top_form, tricky_messages, wire_form
from servers import PATIENCE, Server

NO_TLS = 64
LOGIN_DENIED = 67

# Every mechanism that both have, what curl needs for it, and whether the client speaks first, so that it can spare a round trip.
# (Debian's curl has no SCRAM, and given a token it never takes XOAUTH2 if OAUTHBEARER is offered. mpop does both.)
SASL = {
    "PLAIN": (TOKEN, [], True),
    "LOGIN": (TOKEN, [], True),
    "CRAM-MD5": (TOKEN, [], False),
    "OAUTHBEARER": ("", ["--oauth2-bearer", TOKEN], True),
}


def curl(url, *options, user=USER, password=PASSWORD):
    """Runs curl. Returns its exit code, what it received, and the protocol lines that it saw, without what is secret in them."""
    command = ["curl", "--silent", "--verbose", "--max-time", str(PATIENCE), "--user", f"{user}:{password}", *options, url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE, check=False)
    seen = done.stderr.decode("latin-1").replace("\r", "")
    # Base64 gives itself away by its length: no command has a word of so many letters.
    return done.returncode, done.stdout, re.sub(r"(?m)^(> (?:AUTH \S+ )?)[A-Za-z0-9+/=]{12,}$|^(> PASS ).*", r"\1\2...", seen)


def received(url, *options):
    code, octets, seen = curl(url, *options)
    assert code == 0, f"curl {options} {url}: exit code {code}\n{seen[-600:]}"
    return octets


def by(method, *options):
    return ["--login-options", f"AUTH={method}", *options]


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
    with Server(world.program, make_maildir(world.directory, {"1.host": b"Subject: x\n\nhello\n"})) as server:
        code, octets, seen = curl(server.url(1), *by("+APOP"))
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


@check
def curl_reads_over_tls(world):
    """By STLS and by TLS from the first octet."""
    messages = tricky_messages()
    with Server(world.program, make_maildir(world.directory, messages), certificate=world.certificate) as server:
        trust = ["--cacert", str(world.certificate.authority)]
        for number, (name, content) in enumerate(messages.items(), 1):
            expected = digest(as_curl_has_it(wire_form(content)))
            same(digest(received(server.url(number), "--ssl-reqd", *trust)), expected, f"{name} by STLS")
            same(digest(received(server.url(number, tls=True), *trust)), expected, f"{name} by pop3s")
        capabilities = received(server.url(tls=True), *trust, "--request", "CAPA").decode().split("\r\n")
        assert "STLS" not in capabilities, capabilities


@check
def curl_takes_every_version_of_tls_that_is_still_allowed(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        for version in ["1.2", "1.3"]:
            only = ["--cacert", str(world.certificate.authority), f"--tlsv{version}", "--tls-max", version]
            for url in [server.url(), server.url(tls=True)]:
                code, _, seen = curl(url, "--ssl-reqd", *only)
                same(code, 0, f"exit code with TLS {version}")
                assert f"SSL connection using TLSv{version} " in seen, seen


@check
def curl_gives_up_where_the_server_has_no_tls(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        code, _, seen = curl(server.url(), "--ssl-reqd")
        same(code, NO_TLS, "exit code")
        assert not re.search("(?m)^> (USER|PASS|APOP|AUTH)", seen), seen


@check
def curl_does_not_trust_a_stranger(world):
    """It ends the handshake with an alert. The server has to go on."""
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        for url in [server.url(), server.url(tls=True)]:
            code, _, _ = curl(url, "--ssl-reqd", "--cacert", str(world.certificate.stranger))
            same(code, 60, "exit code")
            received(url, "--ssl-reqd", "--cacert", str(world.certificate.authority))


@check
def curl_is_refused_in_the_clear_where_tls_is_required(world):
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate, options=["--require-tls"], password=TOKEN) as server:
        for method in ["+APOP", *SASL]:
            password, options, _ = SASL.get(method, (TOKEN, [], False))
            code, octets, seen = curl(server.url(1), *by(method, *options), password=password)
            same((code, octets), (LOGIN_DENIED, b""), f"exit code and octets with {method}")
            assert not re.search("(?m)^> (PASS|APOP|AUTH)", seen), seen
        code, octets, seen = curl(server.url(1), password=TOKEN)
        same((code, octets), (LOGIN_DENIED, b""), "exit code and octets")
        assert not re.search("(?m)^> (PASS|APOP|AUTH)", seen), seen
        trust = ["--ssl-reqd", "--cacert", str(world.certificate.authority)]
        same(curl(server.url(1), *trust, password=TOKEN)[:2], (0, wire_form(*small_messages(1).values())), "by STLS")


@check
def curl_logs_in_with_every_mechanism(world):
    """With the initial response in the line of AUTH and without, in the clear and over TLS."""
    content = b"Subject: x\r\n\r\nhello\r\n"
    maildir = make_maildir(world.directory, {"1.host": content})
    with Server(world.program, maildir, certificate=world.certificate, password=TOKEN) as server:
        trust = ["--cacert", str(world.certificate.authority)]
        for url, tls in [(server.url(1), []), (server.url(1), ["--ssl-reqd", *trust]), (server.url(1, tls=True), trust)]:
            for mechanism, (password, options, speaks_first) in SASL.items():
                for early in [[], ["--sasl-ir"]]:
                    code, octets, seen = curl(url, *tls, *by(mechanism, *early, *options), password=password)
                    same((code, octets), (0, content), f"exit code and octets with {mechanism} {early}")
                    line = f"> AUTH {mechanism} ..." if early and speaks_first else f"> AUTH {mechanism}"
                    assert line in seen.splitlines(), f"no {line!r} in {seen}"


@check
def curl_is_told_for_every_mechanism_that_a_password_is_wrong(world):
    with Server(world.program, make_maildir(world.directory, small_messages(1)), password=TOKEN) as server:
        for mechanism, (password, options, _) in SASL.items():
            wrong = ["wrong" if option == TOKEN else option for option in options]
            for early in [[], ["--sasl-ir"]]:
                code, octets, seen = curl(server.url(1), *by(mechanism, *early, *wrong), password=password and "wrong")
                same((code, octets), (LOGIN_DENIED, b""), f"exit code and octets with {mechanism} {early}")
                assert f"> AUTH {mechanism}" in seen, f"no AUTH {mechanism} in {seen}"
                assert "< -ERR [AUTH]" in seen, seen
