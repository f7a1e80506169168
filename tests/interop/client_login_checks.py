"""How the example clients log in by `--auth auto`, where servers refuse what they offer. They run once."""

import base64

from checks import check, only_for, same
from clients import Script, clients

CHALLENGE = b"+ " + base64.b64encode(b"<1.2@x.example>") + b"\r\n"


def capa(*lines):
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def logins(script):
    """What was said to log in, by first words, and by the mechanism after AUTH; what answers challenges is `...`."""
    received, script.received = script.received, []
    words = [line.split() for line in received]
    known = [b"CAPA", b"STLS", b"QUIT", b"STAT"]
    said = [b" ".join(line[: 2 if line[0] == b"AUTH" else 1]) for line in words if line and line[0] not in known]
    return [word.decode() if word.split()[0] in [b"AUTH", b"USER", b"PASS", b"APOP", b"*"] else "..." for word in said]


def by_mechanism(answers):
    """Answers AUTH by its mechanism."""
    return lambda line: answers.get(line.split()[1].decode(), b"-ERR no such mechanism\r\n")


def runs(world, listed, auth, other, expected, code, *words, user=b"+OK\r\n", password=b"+OK\r\n"):
    """Runs both clients against a server that lists these lines, and compares what they say to log in."""
    answers = {"CAPA": capa(*listed), "AUTH": by_mechanism(auth), "USER": user, "PASS": password}
    with Script(answers, other=other) as script:
        for client in clients(world, script.address):
            done, _, said = client.run("stat")
            same((done, logins(script)), (code, expected), f"what {client.program.name} says: {said}")
            assert all(word in said for word in words), said


@check
@only_for("server_std")
def auto_goes_on_where_a_mechanism_is_announced_and_not_there(world):
    listed = [b"SASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN", b"USER"]
    expected = ["AUTH SCRAM-SHA-256", "AUTH CRAM-MD5", "AUTH PLAIN"]
    runs(world, listed, {"PLAIN": b"+OK\r\n"}, b"-ERR\r\n", expected, 0)
    listed = [b"SASL CRAM-MD5 LOGIN", b"USER"]
    runs(world, listed, {}, b"-ERR\r\n", ["AUTH CRAM-MD5", "AUTH LOGIN", "USER", "PASS"], 0)


@check
@only_for("server_std")
def auto_tries_one_more_method_after_a_digest_that_is_refused_without_a_reason(world):
    listed = [b"SASL CRAM-MD5 PLAIN LOGIN", b"USER"]
    auth = {"CRAM-MD5": CHALLENGE}
    expected = ["AUTH CRAM-MD5", "...", "AUTH PLAIN"]
    runs(world, listed, {**auth, "PLAIN": b"+OK\r\n"}, b"-ERR no\r\n", expected, 0)
    runs(world, listed, {**auth, "PLAIN": b"-ERR no\r\n"}, b"-ERR no\r\n", expected, 1, "AUTH PLAIN: -ERR no; ", "LOGIN", "USER")


@check
@only_for("server_std")
def auto_stops_at_a_reason_and_at_a_password_that_is_refused(world):
    for code in [b"AUTH", b"IN-USE", b"LOGIN-DELAY", b"SYS/TEMP", b"SYS/PERM"]:
        no = b"-ERR [%s] no\r\n" % code
        words = ["AUTH CRAM-MD5: -ERR [%s] no" % code.decode(), "PLAIN"]
        listed = [b"SASL CRAM-MD5 PLAIN", b"USER"]
        runs(world, listed, {"CRAM-MD5": CHALLENGE}, no, ["AUTH CRAM-MD5", "..."], 1, *words)
        runs(world, listed, {"CRAM-MD5": no}, no, ["AUTH CRAM-MD5"], 1, *words)
    for code in [b"", b"[AUTH] ", b"[IN-USE] "]:
        no = b"-ERR %sno\r\n" % code
        runs(world, [b"SASL PLAIN LOGIN", b"USER"], {"PLAIN": no}, no, ["AUTH PLAIN"], 1, "AUTH PLAIN: -ERR ", "USER")
        expected = ["USER", "PASS"]
        runs(world, [b"USER"], {}, no, expected, 1, "PASS: -ERR ", password=no)


@check
@only_for("server_std")
def auto_ends_where_a_login_succeeds_before_it_is_done(world):
    for mechanism in ["SCRAM-SHA-256", "CRAM-MD5", "LOGIN"]:
        listed = [b"SASL PLAIN " + mechanism.encode() if mechanism != "LOGIN" else b"SASL LOGIN", b"USER"]
        runs(world, listed, {mechanism: b"+OK in\r\n"}, b"-ERR\r\n", [f"AUTH {mechanism}"], 1, f"AUTH {mechanism}")


@check
@only_for("server_std")
def auto_asks_again_after_the_login_and_not_where_capa_is_not_known(world):
    for answer, expected in [
        (capa(b"SASL PLAIN"), ["CAPA", "AUTH", "CAPA", "STAT", "QUIT"]),
        (b"-ERR what?\r\n", ["CAPA", "USER", "PASS", "STAT", "QUIT"]),
    ]:
        with Script({"CAPA": answer, "AUTH": b"+OK\r\n"}) as script:
            for client in clients(world, script.address):
                client.succeeds("stat")
                same(script.verbs(), expected, "commands")
            for client in clients(world, script.address, "--no-capa"):
                client.succeeds("stat")
                same(script.verbs(), ["USER", "PASS", "STAT", "QUIT"], "commands")


@check
@only_for("server_std")
def a_server_that_closes_after_a_refusal_is_heard_for_it(world):
    closed = []

    def auth(line):
        closed.append(line)
        return b"-ERR [X-OWN] another day\r\n" if len(closed) == 1 else None

    with Script({"CAPA": capa(b"SASL CRAM-MD5 PLAIN"), "AUTH": auth}) as script:
        for client in clients(world, script.address):
            said = client.fails("stat")
            assert "AUTH CRAM-MD5: -ERR [X-OWN] another day" in said, said
            closed.clear()


@check
@only_for("server_std")
def no_token_follows_one_that_is_refused(world):
    answers = {"CAPA": capa(b"SASL OAUTHBEARER XOAUTH2"), "AUTH": b"+ e30=\r\n"}
    for method in ["oauthbearer", "xoauth2"]:
        with Script(answers, other=b"-ERR [AUTH] expired\r\n") as script:
            for client in clients(world, script.address, "--auth", method, password="expired-token"):
                said = client.fails("stat")
                same(script.verbs().count("AUTH"), 1, "exchanges")
                assert f"AUTH {method.upper()}: -ERR [AUTH] expired" in said, said
