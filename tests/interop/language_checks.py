"""UTF8 and LANG (RFC 6856)."""

import poplib

from checks import check, same
from maildirs import PASSWORD, USER, make_maildir, small_messages
from poplib_checks import refusal
from servers import PATIENCE, Server

NAME = "jürgen@example.org"
SECRET = "grüße"


@check
def poplib_switches_to_utf8(world):
    maildir = make_maildir(world.directory, small_messages(1))
    with Server(world.program, users={NAME: maildir}, password=SECRET) as server:
        pop = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
        pop.encoding = "utf-8"
        same(pop.capa().get("UTF8"), [], "parameters of UTF8")
        for _ in range(2):
            assert pop.utf8().startswith(b"+OK")
        pop.user(NAME)
        pop.pass_(SECRET)
        same(pop.stat()[0], 1, "messages")
        same(pop.capa().get("UTF8"), [], "parameters of UTF8 after login")
        assert refusal(pop.utf8).startswith(b"-ERR")
        pop.quit()


@check
def names_in_utf8_need_no_utf8_command(world):
    with Server(world.program, users={NAME: make_maildir(world.directory, {})}, password=SECRET) as server:
        with server.connection() as connection:
            connection.expect(f"USER {NAME}", b"+OK")
            connection.expect(f"PASS {SECRET}", b"+OK")
            connection.expect("QUIT", b"+OK")


@check
def no_stls_after_utf8(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        with server.connection() as connection:
            connection.expect("UTF8 now", b"-ERR")
            assert "STLS" in connection.capabilities(), "no STLS"
            connection.expect("UTF8", b"+OK")
            assert "STLS" not in connection.capabilities(), "STLS after UTF8"
            connection.expect("STLS", b"-ERR")
            connection.log_in()
            connection.expect("QUIT", b"+OK")
        with server.connection() as connection:
            connection.start_tls(server.context())
            connection.expect("UTF8", b"+OK")
            connection.log_in()


def languages(connection):
    connection.expect("LANG", b"+OK")
    lines = connection.content().decode().split("\r\n")[:-1]
    return [line.split(" ", 1)[0] for line in lines]


@check
def texts_are_in_the_language_that_is_asked_for(world):
    with Server(world.program, make_maildir(world.directory, small_messages(1))) as server, server.connection() as connection:
        assert "LANG" in connection.capabilities(), "no LANG"
        for step in ["before login", "after login"]:
            assert {"en", "de"} <= set(languages(connection)), languages(connection)
            english = connection.expect("nonsense", b"-ERR")
            connection.expect("LANG de", b"+OK")
            german = connection.expect("nonsense", b"-ERR")
            assert german != english and len(german) <= 512, german
            german.decode("utf-8")
            for unknown in ["LANG xx", "LANG de-", "LANG !", "LANG de en"]:
                connection.expect(unknown, b"-ERR")
                connection.capabilities()  # too many bad commands in a row would end the connection
            same(connection.ask("nonsense"), german, f"language after those that aren't there, {step}")
            connection.expect("LANG DE", b"+OK")
            same(connection.ask("nonsense"), german, f"language, {step}")
            connection.expect("LANG *", b"+OK")
            same(connection.ask("nonsense"), english, f"language of the server's choice, {step}")
            connection.expect("LANG de", b"+OK")
            if step == "before login":
                connection.log_in()
                same(connection.ask("nonsense").split()[0], b"-ERR", "status")
                connection.expect("LANG en", b"+OK")


@check
def stls_forgets_the_language(world):
    with Server(world.program, make_maildir(world.directory, {}), certificate=world.certificate) as server:
        with server.connection() as connection, server.connection() as fresh:
            connection.expect("LANG de", b"+OK")
            connection.start_tls(server.context())
            same(connection.ask("nonsense"), fresh.ask("nonsense"), "answer")


@check
def the_name_survives_capa_and_lang(world):
    with Server(world.program, make_maildir(world.directory, {})) as server, server.connection() as connection:
        connection.expect(f"USER {USER}", b"+OK")
        connection.capabilities()
        connection.expect("LANG de", b"+OK")
        languages(connection)
        connection.expect(f"PASS {PASSWORD}", b"+OK")
