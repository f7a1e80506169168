"""AUTH, word by word: by Python's client, whose methods send what they are given, and by plain sockets."""

import base64
import hmac
import poplib
from contextlib import contextmanager

from checks import check, same
from maildirs import PASSWORD, TOKEN, USER, make_maildir, small_messages
from servers import PATIENCE, Server, without_secrets

MECHANISMS = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def first_words(user, password):
    """The first message of every mechanism whose client speaks first and needs nothing else."""
    return {
        "PLAIN": f"\0{user}\0{password}",
        "XOAUTH2": f"user={user}\x01auth=Bearer {password}\x01\x01",
        "OAUTHBEARER": f"n,a={user},\x01auth=Bearer {password}\x01\x01",
    }


@contextmanager
def client(server):
    pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        yield pop
    finally:
        pop.close()


def refusal(function, *arguments):
    """The `-ERR` line that a call has to end in."""
    try:
        function(*arguments)
    except poplib.error_proto as error:
        return error.args[0]
    raise AssertionError("not refused")


def challenge(line):
    """What the server asks, in clear."""
    assert line.startswith(b"+ ") and line.endswith(b"\r\n"), line
    return base64.b64decode(line[2:-2], validate=True)


@check
def a_bare_auth_lists_what_capa_lists(world):
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for tls in [False, True]:
            with server.connection(tls) as connection:
                for command in ["AUTH", "auth"]:
                    connection.expect(command, b"+OK")
                    same(set(connection.content().decode().split()), MECHANISMS, f"{command} with TLS {tls}")
                sasl = [line.split()[1:] for line in connection.capabilities() if line.startswith("SASL ")]
                same([set(mechanisms) for mechanisms in sasl], [MECHANISMS], "SASL in CAPA")
                connection.log_in()
                connection.expect("AUTH", b"-ERR")
                assert any(line.startswith("SASL ") for line in connection.capabilities()), "no SASL after login"


@check
def poplib_logs_in_with_plain_in_one_step_and_in_two(world):
    response = b64(first_words(USER, PASSWORD)["PLAIN"])
    with Server(world.program, make_maildir(world.directory, small_messages(3))) as server:
        for command in [f"AUTH PLAIN {response}", f"auth plain {response}"]:
            with client(server) as pop:
                assert pop._shortcmd(command).startswith(b"+OK")
                same(pop.stat()[0], 3, "messages")
                pop.quit()
        with client(server) as pop:
            same(pop._shortcmd("AUTH PLAIN"), b"+ ", "challenge")
            assert pop._shortcmd(response).startswith(b"+OK")
            same(pop.stat()[0], 3, "messages")
            assert refusal(pop._shortcmd, "AUTH PLAIN").startswith(b"-ERR")
            pop.quit()


@check
def poplib_cancels_an_exchange_and_logs_in_all_the_same(world):
    with Server(world.program, make_maildir(world.directory, small_messages(3))) as server:
        for mechanism in sorted(MECHANISMS):
            # Whatever else looks like a command is data as long as an exchange lasts.
            for line in ["*", "AUTH PLAIN"]:
                with client(server) as pop:
                    assert pop._shortcmd(f"AUTH {mechanism}").startswith(b"+ "), mechanism
                    answer = refusal(pop._shortcmd, line)
                    assert answer.startswith(b"-ERR"), f"{mechanism}: {answer!r}"
                    assert line != "*" or b"[AUTH]" not in answer, f"{mechanism}: {answer!r}"
                    assert pop._shortcmd("AUTH PLAIN " + b64(first_words(USER, PASSWORD)["PLAIN"])).startswith(b"+OK")
                    same(pop.stat()[0], 3, "messages")
                    pop.quit()


@check
def every_mechanism_refuses_in_the_same_words(world):
    """Whether it is the name that is wrong or the password."""
    with Server(world.program, make_maildir(world.directory, {}), password=TOKEN) as server:
        answers = {}
        for user, password in [(USER, "wrong"), ("nobody", TOKEN), (USER, TOKEN[:-1]), (USER, f"{TOKEN}=")]:
            for mechanism, words in first_words(user, password).items():
                with server.connection() as connection:
                    answer = connection.ask(f"AUTH {mechanism} {b64(words)}")
                    if mechanism != "PLAIN":
                        # It says why, and fails when that is acknowledged.
                        assert challenge(answer).startswith(b"{"), answer
                        answer = connection.ask("AQ==" if mechanism == "OAUTHBEARER" else "")
                    answers.setdefault(answer, []).append(mechanism)
        same(len(answers), 1, f"number of different answers in {answers}")
        assert next(iter(answers)).startswith(b"-ERR [AUTH]"), answers


@check
def a_bearer_failure_is_over_after_any_answer(world):
    with Server(world.program, make_maildir(world.directory, small_messages(1)), password=TOKEN) as server:
        for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
            for acknowledgement in ["AQ==", "", "*"]:
                with server.connection() as connection:
                    challenge(connection.ask(f"AUTH {mechanism} {b64(first_words(USER, 'wrong')[mechanism])}"))
                    connection.expect(acknowledgement, b"-ERR")
                    connection.expect(f"AUTH {mechanism} {b64(first_words(USER, TOKEN)[mechanism])}", b"+OK")
                    assert connection.ask("STAT").startswith(b"+OK 1 ")
                    connection.expect("QUIT", b"+OK")


@check
def server_first_mechanisms_take_turns(world):
    with Server(world.program, make_maildir(world.directory, small_messages(1))) as server:
        for password, expected in [(PASSWORD, b"+OK"), ("wrong", b"-ERR [AUTH]")]:
            with server.connection() as connection:
                asked = challenge(connection.ask("AUTH CRAM-MD5"))
                assert asked.startswith(b"<") and asked.endswith(b">"), asked
                digest = hmac.new(password.encode(), asked, "md5").hexdigest()
                connection.expect(b64(f"{USER} {digest}"), expected)
                connection.ask("QUIT")
            with server.connection() as connection:
                assert challenge(connection.ask("AUTH LOGIN")).lower().startswith(b"user"), "no question for the name"
                assert challenge(connection.ask(b64(USER))).lower().startswith(b"pass"), "no question for the password"
                connection.expect(b64(password), expected)
                connection.ask("QUIT")


@check
def no_challenge_of_cram_md5_comes_twice(world):
    with Server(world.program, make_maildir(world.directory, {})) as server:
        seen = set()
        for _ in range(5):
            with server.connection() as connection:
                for _ in range(2):
                    seen.add(challenge(connection.ask("AUTH CRAM-MD5")))
                    connection.expect("*", b"-ERR")
        same(len(seen), 10, "challenges")


@check
def what_is_no_exchange_is_refused_and_leaves_the_session_as_it_was(world):
    good = b64(first_words(USER, PASSWORD)["PLAIN"])
    bad = [
        "AUTH NTLM", "AUTH PLAIN-", "AUTH PLAIN =", "AUTH PLAIN !!!!", f"AUTH PLAIN {good[:-1]}", f"AUTH PLAIN {good} x",
        f"AUTH PLAIN {b64('no zero octets')}", f"AUTH PLAIN {b64(f'{USER}{PASSWORD}')}", f"AUTH CRAM-MD5 {good}",
    ]  # fmt: skip
    with Server(world.program, make_maildir(world.directory, small_messages(1))) as server:
        for command in bad:
            with server.connection() as connection:
                answer = connection.expect(command, b"-ERR")
                assert b"[AUTH]" not in answer, f"{without_secrets(command)}: {answer!r}"
                connection.expect(f"AUTH PLAIN {good}", b"+OK")
                assert connection.ask("STAT").startswith(b"+OK 1 ")
                connection.expect("QUIT", b"+OK")


@check
def a_token_may_be_long(world):
    """Far longer than a command; by itself and in the line of AUTH."""
    token = "x" * 8000
    with Server(world.program, make_maildir(world.directory, small_messages(1)), password=token) as server:
        for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
            response = b64(first_words(USER, token)[mechanism])
            for early in [True, False]:
                with server.connection() as connection:
                    if early:
                        connection.expect(f"AUTH {mechanism} {response}", b"+OK")
                    else:
                        same(challenge(connection.ask(f"AUTH {mechanism}")), b"", "challenge")
                        connection.expect(response, b"+OK")
                    assert connection.ask("STAT").startswith(b"+OK 1 ")
                    connection.expect("QUIT", b"+OK")


@check
def sasl_logins_are_told_that_the_maildrop_is_in_use(world):
    with Server(world.program, make_maildir(world.directory, {}), password=TOKEN) as server, server.connection() as first:
        first.expect(f"AUTH PLAIN {b64(first_words(USER, TOKEN)['PLAIN'])}", b"+OK")
        for mechanism, words in first_words(USER, TOKEN).items():
            with server.connection() as second:
                second.expect(f"AUTH {mechanism} {b64(words)}", b"-ERR [IN-USE]")


@check
def only_a_user_of_that_name_makes_a_server_anonymous(world):
    users = {USER: make_maildir(world.directory / "1", {}), "anonymous": make_maildir(world.directory / "2", small_messages(2))}
    with Server(world.program, users=users) as server:
        for command in ["AUTH ANONYMOUS " + b64("guest@example.org"), "AUTH ANONYMOUS ="]:
            with server.connection() as connection:
                connection.expect("AUTH", b"+OK")
                same(set(connection.content().decode().split()), MECHANISMS | {"ANONYMOUS"}, "mechanisms")
                connection.expect(command, b"+OK")
                assert connection.ask("STAT").startswith(b"+OK 2 ")
                connection.expect("QUIT", b"+OK")
    with Server(world.program, users[USER]) as server, server.connection() as connection:
        connection.expect("AUTH ANONYMOUS " + b64("guest@example.org"), b"-ERR")
