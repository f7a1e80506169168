"""Who may log in to server_sql, and how: SASL by real clients, and word by word."""

import base64
import re

from checks import check, same
from clients import Client
from maildirs import PASSWORD, USER, small_messages
from mpop import EX_NOPERM, NO_TLS, Mpop, implicit_tls, stls
from sql_stores import Store, count, taken_over

MECHANISMS = ["PLAIN", "SCRAM-SHA-256"]
SALT = 16


def b64(octets):
    return base64.b64encode(octets).decode()


def challenge(connection, name, extra=b""):
    """Sends the first message of SCRAM. Returns salt and number of iterations, and what the final message has to begin with."""
    message = b"n=%s,r=mynonce%s" % (name, extra)
    reply = connection.expect(f"AUTH SCRAM-SHA-256 {b64(b'n,,' + message)}", b"+ ")
    parts = re.fullmatch(rb"r=(mynonce[^,]+),s=([^,]+),i=(\d+)", base64.b64decode(reply[2:-2], validate=True))
    assert parts, reply
    salt = base64.b64decode(parts[2], validate=True)
    same(len(salt), SALT, "octets of salt")
    return salt, int(parts[3]), b"c=biws,r=" + parts[1]


def refused(front_end, name):
    """What a client is told that knows no password: salt and number of iterations, and the last answer."""
    with front_end.connection() as connection:
        salt, iterations, final = challenge(connection, name)
        return salt, iterations, connection.expect(b64(final + b",p=" + b64(bytes(32)).encode()), b"-ERR [AUTH]")


@check
def the_clients_log_in_by_scram(world):
    store = Store(world)
    for message in small_messages(3).values():
        store.deliver(message)
    with store.serve(certificate=world.certificate) as front_end:
        authority = ["--ca", world.certificate.authority]
        plain, tls = f"127.0.0.1:{front_end.port}", f"127.0.0.1:{front_end.tls_port}"
        for method in ["auto", "user", "plain", "scram-sha-256"]:
            for address, options in [
                (plain, []),
                (plain, ["--tls", "starttls", *authority]),
                (tls, ["--tls", "implicit", *authority]),
            ]:
                options = [*map(str, options), "--auth", method]
                client = Client(store.client, address, *options)
                assert client.succeeds("stat").startswith(b"3 ")
                for wrong in [{"password": "wrong"}, {"user": "nobody"}]:
                    said = Client(store.client, address, *options, **wrong).fails("stat")
                    assert "-ERR [AUTH]" in said, said


@check
def mpop_logs_in_by_scram(world):
    """Its SASL library checks what the server has to prove."""
    store = Store(world)
    store.deliver(b"x\n")
    with store.serve(certificate=world.certificate) as front_end:
        mpop = Mpop(front_end, world.directory)
        for tls in [NO_TLS, stls(front_end), implicit_tls(front_end)]:
            for method in MECHANISMS:
                options = {"auth": method.lower(), "keep": "on", "only_new": "off", **tls}
                said = mpop.succeeds("--debug", **options)
                same(said.count(f"--> AUTH {method}"), 1, f"AUTH {method} in {said}")
                for wrong in [{"password": "wrong"}, {"user": "nobody"}]:
                    code, said = mpop.run(**options, **wrong)
                    same(code, EX_NOPERM, f"exit code with {wrong} for {method}: {said[-300:]}")
        same(len(mpop.digests()), 3 * len(MECHANISMS), "messages")


@check
def scram_gives_no_name_away(world):
    store = Store(world)
    store.add_user("other")
    # Its password has no form that SCRAM could prepare.
    store.succeeds("add-user", "unprepared", stdin=b"\xff\n")
    answers, salts = set(), {}
    names = [USER.encode(), b"other", b"unprepared", b"nobody", b"nobody2", "n\u00f6".encode(), b"a=2Cb=3D"]
    with store.serve() as one, store.serve() as two:
        for name in names:
            for front_end in [one, two, one]:
                salt, iterations, answer = refused(front_end, name)
                same(salts.setdefault(name, salt), salt, "salt of one name")
                answers.add((iterations, answer))
    same(len(set(salts.values())), len(names), "number of salts")
    same(len(answers), 1, f"number of different answers in {answers}")
    with store.serve() as front_end:
        for name in names:
            same(refused(front_end, name)[0], salts[name], "salt after a new start")
        with front_end.connection() as connection:
            connection.expect("USER unprepared", b"+OK")
            connection.send(b"PASS \xff\r\n")
            assert connection.line().startswith(b"+OK")


@check
def what_is_no_exchange_is_refused_and_leaves_the_session_as_it_was(world):
    store = Store(world)
    plain = b64(f"\0{USER}\0{PASSWORD}".encode())
    user = USER.encode()
    firsts = [b"", b"n,,", b"n,,n=,r=x", b"n,,n=\xff,r=x", b"p=tls-unique,,n=%s,r=x" % user, b"n,a=other,n=%s,r=" % user]
    firsts += [b"n,,m=x,n=%s,r=x" % user, b"n,,n=%s,r=x,e=x" % user, b"n,,n=%s,r=\0" % user, b"\0" * 5000]
    with store.serve() as front_end, front_end.connection() as connection:
        connection.expect("AUTH", b"+OK")
        same(connection.content().decode().split(), MECHANISMS, "mechanisms")
        for first in firsts:
            with front_end.connection() as other:
                answer = other.expect(f"AUTH SCRAM-SHA-256 {b64(first) or '='}", b"-ERR")
                assert b"[" not in answer, f"{first!r}: {answer!r}"
                other.expect(f"AUTH PLAIN {plain}", b"+OK")
                other.expect("QUIT", b"+OK")
        for final in [b"", b",p=", b",p=AAAA", b",p=" + b"A" * 400, b",x=1,p=" + b64(bytes(32)).encode()]:
            with front_end.connection() as other:
                _, _, start = challenge(other, user)
                other.expect(b64(start + final), b"-ERR")
                other.expect("STAT", b"-ERR")
        challenge(connection, user)
        connection.expect("*", b"-ERR")
        for mechanism in ["APOP", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"]:
            connection.expect(f"AUTH {mechanism}", b"-ERR")
        connection.expect(f"AUTH PLAIN {plain}", b"+OK")
        same(count(connection), 0, "messages")
        with front_end.connection() as other:
            other.expect(f"AUTH PLAIN {plain}", b"-ERR [IN-USE]")
        said = Client(store.client, f"127.0.0.1:{front_end.port}", "--auth", "scram-sha-256").fails("stat")
        assert "[IN-USE]" in said, said
        connection.expect("QUIT", b"+OK")
        taken_over(front_end).expect("QUIT", b"+OK")


@check
def scram_goes_through_tls_where_all_has_to(world):
    store = Store(world)
    with store.serve("--require-tls", certificate=world.certificate) as front_end:
        with front_end.connection() as connection:
            assert not any(line.startswith("SASL") for line in connection.capabilities())
            connection.expect("AUTH SCRAM-SHA-256", b"-ERR")
        with front_end.connection(tls=True) as connection:
            connection.expect("AUTH", b"+OK")
            same(connection.content().decode().split(), MECHANISMS, "mechanisms")
