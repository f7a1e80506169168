"""What fetchmail sees."""

import os
import re
import subprocess

from checks import check, same
from maildirs import PASSWORD, USER, digest, files_in, make_maildir, small_messages, tricky_messages, wire_form
from servers import PATIENCE, Server

# Its exit codes, from its manual.
NO_MAIL = 1
NO_CONNECTION = 2
NO_LOGIN = 3
LOCK_BUSY = 9

# Without a proper header it leaves a message where it is, or writes one of its own; and it cuts lines of more than 8 KiB.
CHANGED_BY_FETCHMAIL = ["first-octet-is-a-dot", "lone-dot-first", "nothing-but-a-dot", "empty", "only-a-line-end", "no-blank-line"]
CHANGED_BY_FETCHMAIL += ["long-line", "long-line-of-dots"]

IN_THE_CLEAR = ["sslproto ''"]


def stls(server):
    # It compares names alone, no addresses.
    return ["sslproto 'TLS1.2+'", "sslcertck", "sslcommonname localhost", f'sslcertfile "{server.certificate.authority}"']


def implicit_tls(server):
    return ["ssl", *stls(server)]


class Fetchmail:
    """fetchmail with a home of its own, where its list of unique-ids is, and the messages that it has delivered."""

    def __init__(self, server, directory):
        self.server = server
        self.home = directory / "fetchmail"
        self.delivered = self.home / "delivered"
        self.delivered.mkdir(parents=True)
        # Run by root, it would deliver as another user if the environment named one.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "FETCHMAILHOME": str(self.home), "LC_ALL": "C"}
        self.agent = self.home / "deliver"
        self.agent.write_text(f'#!/bin/sh\ncd "{self.delivered}" && exec cat >"$(ls | wc -l)"\n', encoding="utf-8")
        self.agent.chmod(0o700)

    def run(self, *user_options, protocol="pop3", auth="password", password=PASSWORD, tls=IN_THE_CLEAR):
        """Runs it once. Returns its exit code, and what it said; it hides passwords."""
        port = self.server.tls_port if "ssl" in tls else self.server.port
        file = self.home / "config"
        file.write_text(
            f"set invisible\npoll 127.0.0.1 service {port} protocol {protocol} auth {auth} uidl timeout {PATIENCE}\n"
            f'  user "{USER}" password "{password}" mda "{self.agent}" no rewrite {" ".join([*tls, *user_options])}\n',
            encoding="utf-8",
        )
        file.chmod(0o600)  # others aren't read
        # Without a file of its own for its process id, a second root's fetchmail would be taken for itself.
        command = ["fetchmail", "--fetchmailrc", str(file), "--pidfile", str(self.home / "pid"), "--nodetach", "--nosyslog"]
        done = subprocess.run(
            [*command, "--verbose"],
            stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=2 * PATIENCE, check=False,
        )  # fmt: skip
        said = (done.stdout + done.stderr).decode("latin-1")
        return done.returncode, re.sub(r"(?m)^(fetchmail: POP3> (?:AUTH [\w-]+|[A-Z]{3,4}\b)?).*", r"\1", said)

    def exits(self, expected, *user_options, **settings):
        code, said = self.run(*user_options, **settings)
        assert code == expected, f"fetchmail {user_options}: exit code {code} instead of {expected}\n{said[-800:]}"
        return said

    def digests(self):
        """In the order in which the messages came."""
        files = sorted(self.delivered.iterdir(), key=lambda file: int(file.name))
        return [digest(file.read_bytes()) for file in files]


def as_fetchmail_has_it(content):
    """It stores lines as Unix does, and leaves out every other CR."""
    return wire_form(content).replace(b"\r", b"")


def digests_of(messages):
    return [digest(as_fetchmail_has_it(content)) for content in messages.values()]


def deliverable_messages():
    return {name: content for name, content in tricky_messages().items() if name.split("host-")[1] not in CHANGED_BY_FETCHMAIL}


def times(command, said):
    """How often it has sent a command."""
    return len(re.findall(rf"(?m)^fetchmail: POP3> {command}\b", said))


@check
def fetchmail_delivers_every_message_octet_for_octet_and_deletes_it(world):
    messages = deliverable_messages()
    same(len(messages), 13, "messages")
    # By TOP, and by RETR.
    for options, by_top, by_retr in [(["nokeep"], 13, 0), (["nokeep", "fetchall"], 0, 13)]:
        directory = world.directory / str(by_top)
        maildir = make_maildir(directory / "maildir", messages)
        with Server(world.program, maildir) as server:
            fetchmail = Fetchmail(server, directory)
            said = fetchmail.exits(0, *options)
            same(fetchmail.digests(), digests_of(messages), "digests")
            same((times("TOP", said), times("RETR", said), times("DELE", said)), (by_top, by_retr, 13), "TOP, RETR, DELE")
        same(files_in(maildir), [], "files left on the server")


@check
def fetchmail_fetches_nothing_twice_and_flushes_what_it_has_had(world):
    messages = small_messages(5)
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        fetchmail = Fetchmail(server, world.directory)
        fetchmail.exits(0, "keep")
        same(fetchmail.digests(), digests_of(messages), "digests of the first run")
        fetchmail.exits(NO_MAIL, "keep")
        fetchmail.exits(NO_MAIL, "keep", "fastuidl 1")  # a binary search by UIDL n
        same(len(fetchmail.digests()), 5, "messages after the next runs")
        late = {"1800000000.M1.host": b"Subject: late\n\nlate\n"}
        make_maildir(maildir, late)
        fetchmail.exits(0, "keep")
        same(fetchmail.digests(), digests_of({**messages, **late}), "digests with the late one")
        same(len(files_in(maildir)), 6, "files left on the server")
        later = {"1900000000.M1.host": b"Subject: later\n\nlater\n"}
        make_maildir(maildir, later)
        fetchmail.exits(0, "keep", "flush")
        same(fetchmail.digests(), digests_of({**messages, **late, **later}), "digests after the flush")
    same(files_in(maildir), ["1900000000.M1.host"], "files left on the server")


@check
def fetchmail_ends_the_session_after_every_message(world):
    """With `expunge 1`: the maildrop has to be free again as soon as QUIT is answered."""
    messages = small_messages(10)
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        fetchmail = Fetchmail(server, world.directory)
        said = fetchmail.exits(0, "nokeep", "expunge 1")
        assert times("QUIT", said) >= 10, f"{times('QUIT', said)} QUITs"
        same(fetchmail.digests(), digests_of(messages), "digests")
    same(files_in(maildir), [], "files left on the server")


@check
def fetchmail_leaves_long_messages_where_they_are(world):
    messages = {**small_messages(2), "1800000000.M1.host": b"Subject: long\n\n" + b"x\n" * 5000}
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        fetchmail = Fetchmail(server, world.directory)
        fetchmail.exits(0, "nokeep", "limit 1000")
        same(fetchmail.digests(), digests_of(small_messages(2)), "digests")
    same(files_in(maildir), ["1800000000.M1.host"], "files left on the server")


@check
def fetchmail_logs_in_with_apop(world):
    messages = small_messages(2)
    with Server(world.program, make_maildir(world.directory / "maildir", messages)) as server:
        fetchmail = Fetchmail(server, world.directory)
        same(times("APOP", fetchmail.exits(0, protocol="apop", auth="any")), 1, "APOP")
        same(fetchmail.digests(), digests_of(messages), "digests")


@check
def fetchmail_is_told_that_a_password_is_wrong(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(1))) as server:
        fetchmail = Fetchmail(server, world.directory)
        for protocol, auth in [("pop3", "password"), ("apop", "any")]:
            said = fetchmail.exits(NO_LOGIN, protocol=protocol, auth=auth, password="wrong")
            assert "POP3< -ERR [AUTH]" in said, said
        same(fetchmail.digests(), [], "digests")


@check
def fetchmail_is_told_that_the_maildrop_is_in_use(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(1))) as server:
        with server.session():
            said = Fetchmail(server, world.directory).exits(LOCK_BUSY)
            assert "POP3< -ERR [IN-USE]" in said, said


@check
def fetchmail_gives_up_where_the_server_has_no_tls(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(1))) as server:
        fetchmail = Fetchmail(server, world.directory)
        said = fetchmail.exits(NO_CONNECTION, tls=["sslproto 'TLS1.2+'"])
        same((times("USER", said), times("PASS", said)), (0, 0), "USER and PASS in the clear")


@check
def fetchmail_reads_over_tls(world):
    """By STLS and by TLS from the first octet."""
    messages = deliverable_messages()
    for tls, upgrades in [(stls, 1), (implicit_tls, 0)]:
        directory = world.directory / tls.__name__
        maildir = make_maildir(directory / "maildir", messages)
        with Server(world.program, maildir, certificate=world.certificate) as server:
            fetchmail = Fetchmail(server, directory)
            said = fetchmail.exits(0, "nokeep", tls=tls(server))
            same(times("STLS", said), upgrades, "STLS")
            same(fetchmail.digests(), digests_of(messages), f"digests with {tls.__name__}")
        same(files_in(maildir), [], "files left on the server")


@check
def fetchmail_fetches_nothing_twice_over_tls(world):
    maildir = make_maildir(world.directory / "maildir", small_messages(3))
    with Server(world.program, maildir, certificate=world.certificate) as server:
        fetchmail = Fetchmail(server, world.directory)
        for code, tls in [(0, stls), (NO_MAIL, implicit_tls), (NO_MAIL, stls)]:
            fetchmail.exits(code, "keep", tls=tls(server))
        same(fetchmail.digests(), digests_of(small_messages(3)), "digests")


@check
def fetchmail_logs_in_over_tls_by_every_way_it_has(world):
    ways = [("pop3", "password", "PASS"), ("apop", "any", "APOP"), ("pop3", "cram-md5", "AUTH CRAM-MD5")]
    with Server(world.program, make_maildir(world.directory / "maildir", {}), certificate=world.certificate) as server:
        fetchmail = Fetchmail(server, world.directory)
        for tls in [stls, implicit_tls]:
            for protocol, auth, command in ways:
                said = fetchmail.exits(NO_MAIL, protocol=protocol, auth=auth, tls=tls(server))
                same(times(command, said), 1, command)
                said = fetchmail.exits(NO_LOGIN, protocol=protocol, auth=auth, tls=tls(server), password="wrong")
                assert "POP3< -ERR [AUTH]" in said, said


@check
def fetchmail_logs_in_with_cram_md5_in_the_clear(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(1))) as server:
        fetchmail = Fetchmail(server, world.directory)
        # By itself it takes it, too.
        for auth in ["cram-md5", "any"]:
            same(times("AUTH CRAM-MD5", fetchmail.exits(0, "keep", "fetchall", auth=auth)), 1, "AUTH CRAM-MD5")
            fetchmail.exits(NO_LOGIN, auth="cram-md5", password="wrong")
        same(len(fetchmail.digests()), 2, "messages")


@check
def fetchmail_is_refused_in_the_clear_where_tls_is_required(world):
    maildir = make_maildir(world.directory / "maildir", small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate, options=["--require-tls"]) as server:
        fetchmail = Fetchmail(server, world.directory)
        said = fetchmail.exits(NO_LOGIN)
        same((times("USER", said), times("PASS", said)), (1, 0), "USER and PASS")
        assert "POP3< -ERR [AUTH]" in said, said
        fetchmail.exits(NO_LOGIN, protocol="apop", auth="any")
        same(fetchmail.digests(), [], "digests")
        fetchmail.exits(0, tls=stls(server))
        same(fetchmail.digests(), digests_of(small_messages(1)), "digests over TLS")


@check
def fetchmail_does_not_trust_a_stranger(world):
    """It ends the handshake with an alert. The server has to go on."""
    with Server(world.program, make_maildir(world.directory / "maildir", {}), certificate=world.certificate) as server:
        fetchmail = Fetchmail(server, world.directory)
        for tls in [stls(server), implicit_tls(server)]:
            trusting = tls[:-1] + [f'sslcertfile "{world.certificate.stranger}"']
            fetchmail.exits(NO_CONNECTION, tls=trusting)
            fetchmail.exits(NO_MAIL, tls=tls)
