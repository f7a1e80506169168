"""What real clients hear through the example proxy, with the example servers and Dovecot behind it."""

import poplib
import socket
import ssl
import threading
import time

from checks import check, only_for, same
from client_checks import digests
from clients import clients, stored
from curl_checks import LOGIN_DENIED, as_curl_has_it, curl, received
from dovecot import Dovecot
from dovecot_checks import messages_as_stored
from fetchmail_checks import Fetchmail
from maildirs import PASSWORD, USER, big_body, digest, files_in, make_maildir, small_messages, tricky_messages, wire_form
from mpop import Mpop, digests_of
from mpop import implicit_tls as mpop_implicit_tls
from mpop import stls as mpop_stls
from poplib_checks import content, refusal
from proxies import Proxy, every_way, servers_behind
from servers import PATIENCE, Server
from start_checks import proportional_memory
from store_checks import is_free_at_once, is_in_use

OFFERED = ["TOP", "USER", "SASL PLAIN LOGIN", "RESP-CODES", "PIPELINING", "UIDL", "AUTH-RESP-CODE"]
OTHER_USER = "second"
BIG = b"Subject: big\n\n" + big_body(60_000_000)


@check
def curl_and_the_clients_read_through_a_proxy_on_every_way(world):
    messages = tricky_messages()
    expected = {name: digest(wire_form(message)) for name, message in messages.items()}
    with servers_behind(world, messages) as (_, _, proxy_before):
        for place, behind in enumerate(["none", "starttls", "implicit"]):
            with proxy_before(behind) as proxy:
                for front, (tls, trust, implicit, address, options) in enumerate(every_way(proxy)):
                    for number, (name, message) in enumerate(messages.items(), 1):
                        if "twenty" in name or "dot" in name:
                            got = received(proxy.url(number, tls=implicit), *trust)
                            same(digest(got), digest(as_curl_has_it(wire_form(message))), f"{tls}, {behind}: {name}")
                    if place != front:
                        continue
                    for client in clients(world, address, *options):
                        directory = world.directory / behind / tls / client.program.name
                        client.succeeds("fetch", directory)
                        same(digests(stored(directory)), expected, f"{tls}, {behind}: messages")


@check
def mpop_pipelines_through_a_proxy(world):
    messages = {**small_messages(300), **tricky_messages()}
    for behind, front in [("none", None), ("implicit", mpop_stls), ("starttls", mpop_implicit_tls)]:
        maildir = make_maildir(world.directory / behind / "maildir", messages)
        with Server(world.program, maildir, certificate=world.certificate) as server, Proxy(world, server, behind) as proxy:
            mpop = Mpop(proxy, world.directory / behind)
            code, _ = mpop.run(pipelining="on", password="wrong")
            assert code != 0, "a wrong password"
            mpop.succeeds(pipelining="on", **(front(proxy) if front else {}))
            same(mpop.digests(), digests_of(messages), f"digests, {behind}")
            assert is_free_at_once(server)
        same(files_in(maildir), [], "files left on the server")


@check
def fetchmail_fetches_through_a_proxy_and_deletes(world):
    with servers_behind(world, small_messages(20)) as (maildir, _, proxy_before), proxy_before("implicit") as proxy:
        Fetchmail(proxy, world.directory).exits(0, "fetchall")
    same(files_in(maildir), [], "files left on the server")


@check
def poplib_reads_through_a_proxy(world):
    messages = small_messages(3)
    with servers_behind(world, messages) as (maildir, _, proxy_before), proxy_before() as proxy:
        for implicit in [False, True]:
            if implicit:
                pop = poplib.POP3_SSL("localhost", proxy.tls_port, timeout=PATIENCE, context=proxy.context())
            else:
                pop = poplib.POP3("localhost", proxy.port, timeout=PATIENCE)
                assert pop.stls(context=proxy.context()).startswith(b"+OK")
            pop.user(USER)
            assert b"[AUTH]" in refusal(pop.pass_, "mistyped")
            pop.user(USER)
            pop.pass_(PASSWORD)
            for number, message in enumerate(messages.values(), 1):
                same(content(pop.retr(number)[1]), wire_form(message), f"message {number}")
            pop.dele(1 if implicit else 2)
            pop.quit()
            messages.pop(list(messages)[0 if implicit else 1])
    same(len(files_in(maildir)), 1, "files")


@check
def a_proxy_offers_what_backends_have_and_nothing_that_they_would_not_hear_of(world):
    with servers_behind(world, {}) as (_, server, proxy_before), proxy_before() as proxy:
        with proxy.connection() as clear, proxy.connection(tls=True) as tls, server.connection() as direct:
            same(clear.capabilities(), [*OFFERED, "STLS"], "before login")
            same(tls.capabilities(), OFFERED, "before login, with TLS")
            assert b"<" not in clear.greeting, "APOP"
            for command in ["UTF8", "LANG", "LANG de", "AUTH CRAM-MD5"]:
                reply = clear.ask(command)
                assert reply.startswith(b"-ERR"), (command, reply)
                clear.capabilities()  # so that there aren't too many bad commands in a row
            tls.log_in()
            through = tls.capabilities()
            tls.expect("QUIT", b"+OK")
            direct.log_in()
            same(through, direct.capabilities(), "behind login")


@check
def what_a_client_says_ahead_of_the_answer_to_its_login_reaches_the_backend(world):
    messages = tricky_messages()
    behind = b"STAT\r\nLIST\r\nUIDL\r\nRETR 3\r\nTOP 2 1\r\nNONSENSE\r\nRETR %d\r\nQUIT\r\n" % len(messages)
    login = f"USER {USER}\r\nPASS {PASSWORD}\r\n".encode()
    with servers_behind(world, messages) as (_, server, proxy_before), proxy_before("implicit") as proxy:
        with server.session() as session:
            session.send(behind)
            expected = session.rest()
        for tls in [False, True]:
            for pieces in [
                [login + behind],
                [login + behind[:9], behind[9:]],
                [login, behind],
                [login[:-3], login[-3:] + behind],
            ]:
                with proxy.connection(tls) as connection:
                    for piece in pieces:
                        connection.send(piece)
                        time.sleep(0.02)
                    assert connection.line().startswith(b"+OK") and connection.line().startswith(b"+OK"), "login"
                    same(digest(connection.rest()), digest(expected), f"answers, TLS: {tls}")


@check
def a_client_that_ends_its_own_half_hears_the_rest_through_a_proxy(world):
    with servers_behind(world, {"1": BIG}) as (_, server, proxy_before), proxy_before() as proxy:
        for end in [b"", b"QUIT\r\n"]:
            with proxy.session() as session:
                session.send(b"RETR 1\r\n" + end)
                session.plain.shutdown(socket.SHUT_WR)
                assert session.line().startswith(b"+OK")
                same(digest(session.content()), digest(wire_form(BIG)), "message")
                same(session.rest()[:3], end and b"+OK", "farewell")
            assert is_free_at_once(server)


@check
def a_client_that_reads_nothing_costs_a_proxy_nothing(world):
    with servers_behind(world, {"1": BIG}) as (_, _, proxy_before):
        for behind, tls in [("none", False), ("implicit", True)]:
            with proxy_before(behind) as proxy:
                with proxy.session(tls=tls) as session:
                    session.expect("NOOP", b"+OK")
                    before = proportional_memory(proxy.process)
                    session.send(b"RETR 1\r\n")
                    for _ in range(5):
                        time.sleep(0.2)
                        more = proportional_memory(proxy.process) - before
                        assert more < 2_000_000, f"{more} octets more"
                    assert session.line().startswith(b"+OK")
                    same(digest(session.content()), digest(wire_form(BIG)), "message")
                    more = proportional_memory(proxy.process) - before
                    assert more < 2_000_000, f"{more} octets more"
                    print(f"        {more} octets more behind {len(BIG)} octets")


@check
def each_user_comes_to_the_backend_that_is_his(world):
    there, here = small_messages(1), small_messages(2)
    first = make_maildir(world.directory / "first", there)
    second = make_maildir(world.directory / "second", here)
    with Server(world.program, first) as one, Server(world.other, users={OTHER_USER: second}) as two:
        options = ["--backend", f"127.0.0.1:{one.port}", "--user-backend", f"{OTHER_USER}=127.0.0.1:{two.port}"]
        with Proxy(world, None, options=options) as proxy:
            with proxy.session() as session, proxy.session(OTHER_USER) as other:
                assert session.ask("STAT").startswith(b"+OK 1 "), "the first"
                assert other.ask("STAT").startswith(b"+OK 2 "), "the second"
                assert is_in_use(proxy) and is_in_use(one) and is_in_use(two, OTHER_USER), "free"
            assert is_free_at_once(proxy) and is_free_at_once(one)
            with proxy.connection() as connection:
                connection.expect(f"USER {OTHER_USER}x", b"+OK")
                connection.expect(f"PASS {PASSWORD}", b"-ERR [AUTH]")


@check
def a_wrong_password_is_refused_three_times_and_then_the_connection_ends(world):
    with servers_behind(world, {}) as (_, server, proxy_before), proxy_before("starttls") as proxy:
        code, _, seen = curl(proxy.url(), password="mistyped")
        assert code == LOGIN_DENIED and "[AUTH]" in seen, f"exit code {code}: {seen[-300:]}"
        with proxy.connection() as connection:
            for _ in range(3):
                connection.expect(f"USER {USER}", b"+OK")
                connection.expect("PASS mistyped", b"-ERR [AUTH]")
            same(connection.rest(), b"", "rest")
        assert is_free_at_once(server)


@check
def a_proxy_that_wants_tls_hears_no_password_without(world):
    with servers_behind(world, {}) as (_, _, proxy_before), proxy_before(options=["--require-tls"]) as proxy:
        with proxy.connection() as connection:
            same(connection.capabilities(), ["TOP", *OFFERED[3:], "STLS"], "capabilities")
            connection.expect(f"USER {USER}", b"-ERR [AUTH]")
            connection.start_tls(proxy.context())
            same(connection.capabilities(), OFFERED, "capabilities behind STLS")
            connection.log_in()
        with proxy.connection() as connection:
            connection.send(b"STLS\r\nUSER x\r\n")
            assert connection.line().startswith(b"-ERR"), "octets behind STLS"
            same(connection.rest(), b"", "rest")


@check
def either_end_that_breaks_off_ends_the_other(world):
    maildir = make_maildir(world.directory / "maildir", {"1": BIG, "2": b"x\n"})
    for behind, tls in [("none", False), ("starttls", True)]:
        with Server(world.program, maildir, certificate=world.certificate) as server, Proxy(world, server, behind) as proxy:
            for command in [b"", b"RETR 1\r\n", b"QUIT"]:
                with proxy.session(tls=tls) as session:
                    session.expect("DELE 2", b"+OK")
                    session.send(command)
                assert is_free_at_once(server), command
            with proxy.session(tls=tls) as session:
                session.send(b"RETR 1\r\n")
                assert session.line().startswith(b"+OK")
                server.kill()
                try:
                    assert b"\r\n.\r\n" not in session.rest()[-5:], "a message that looks whole"
                except (ConnectionError, ssl.SSLError):
                    pass
            assert proxy.process.poll() is None
    same(len(files_in(maildir)), 2, "files")


@check
def many_sessions_go_through_a_proxy_at_once(world):
    users = {f"user{number}": make_maildir(world.directory / str(number), small_messages(number)) for number in range(1, 31)}
    with Server(world.program, users=users, certificate=world.certificate) as server, Proxy(world, server, "implicit") as proxy:
        failures = []

        def read(user, count):
            try:
                for tls in [False, True]:
                    with proxy.session(user, tls=tls) as session:
                        assert session.ask("STAT").startswith(b"+OK %d " % count)
                        for number in range(1, count + 1):
                            session.expect(f"RETR {number}", b"+OK")
                            session.content()
                        session.expect("QUIT", b"+OK")
            except BaseException as error:  # whatever it is, it is the check that fails
                failures.append((user, error))

        threads = [threading.Thread(target=read, args=[f"user{count}", count]) for count in range(1, 31)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        same(failures, [], "failures")


@check
@only_for("server_std")
def a_proxy_without_a_backend_shows_how_to_try_it(world):
    with Proxy(world, None) as proxy:
        line = [proxy.process.stdout.readline() for _ in range(2)][1]
        same(line, f"curl --user mrose:tanstaaf pop3://127.0.0.1:{proxy.port}/1\n", "what to try")


@check
@only_for("server_std")
def real_clients_read_dovecot_through_a_proxy(world):
    messages = messages_as_stored()
    expected = sorted(digest(wire_form(message)) for message in messages.values())
    name, last = list(messages.items())[-1]
    with Dovecot(world.certificate, messages) as dovecot:
        for place, behind in enumerate(["none", "starttls", "implicit"]):
            with Proxy(world, dovecot, behind) as proxy:
                code, _, seen = curl(proxy.url(), password="mistyped")
                assert code == LOGIN_DENIED and "[AUTH]" in seen, f"exit code {code}: {seen[-300:]}"
                for front, (tls, trust, implicit, address, options) in enumerate(every_way(proxy)):
                    got = received(proxy.url(len(messages), tls=implicit), *trust)
                    same(digest(got), digest(wire_form(last)), f"{tls}, {behind}: {name}")
                    if place == front:
                        client = clients(world, address, *options)[place % 2]
                        directory = world.directory / behind
                        client.succeeds("fetch", directory)
                        same(sorted(digests(stored(directory)).values()), expected, f"{tls}, {behind}: messages")
        with Proxy(world, dovecot, "implicit") as proxy:
            mpop = Mpop(proxy, world.directory)
            mpop.succeeds(pipelining="on", **mpop_stls(proxy))
            same(mpop.digests(), digests_of(messages), "digests")
        same(files_in(dovecot.maildir), [], "files left on the server")
