"""What mpop sees."""

import re

from checks import check, same
from maildirs import TOKEN, digest, files_in, make_maildir, small_messages, tricky_messages
from mpop import EX_NOPERM, EX_UNAVAILABLE, NO_TLS, Mpop, as_mpop_has_it, digests_of, implicit_tls, stls
from servers import Server

# Every mechanism that both have.
SASL = ["plain", "login", "cram-md5", "scram-sha-256", "xoauth2", "oauthbearer"]

def methods(said):
    """The ways to log in that --serverinfo has found."""
    return said.split("Supported authentication methods:\n", 1)[1].splitlines()[0].split()


@check
def mpop_retrieves_every_message_octet_for_octet_and_deletes_it(world):
    messages = tricky_messages()
    for pipelining in ["on", "off", "auto"]:
        directory = world.directory / pipelining
        maildir = make_maildir(directory / "maildir", messages)
        with Server(world.program, maildir) as server:
            mpop = Mpop(server, directory)
            mpop.succeeds(pipelining=pipelining)
            same(mpop.digests(), digests_of(messages), f"digests, pipelining {pipelining}")
        same(files_in(maildir), [], "files left on the server")


@check
def mpop_fetches_hundreds_of_messages_in_a_pipeline(world):
    messages = small_messages(500)  # it waits for the disk after each
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        mpop = Mpop(server, world.directory)
        mpop.succeeds(pipelining="on")
        same(mpop.digests(), digests_of(messages), "digests")
    same(files_in(maildir), [], "files left on the server")


@check
def mpop_writes_an_mbox(world):
    messages = {name: content for name, content in tricky_messages().items() if b"Subject:" in content and b"\n\n" in content}
    assert len(messages) > 5, list(messages)
    with Server(world.program, make_maildir(world.directory / "maildir", messages)) as server:
        mbox = world.directory / "mbox"
        Mpop(server, world.directory).succeeds(delivery=f"mbox {mbox}")
        found = re.split(rb"(?m)^From \S+ +\w{3} \w{3} +\d+ [\d:]+ \d{4}\n", mbox.read_bytes())
        same(found[0], b"", "before the first message")
        # An empty line stands after each.
        got = [digest(message[:-1]) for message in found[1:]]
        same(got, [digest(as_mpop_has_it(content)) for content in messages.values()], "digests")


@check
def mpop_fetches_nothing_twice(world):
    messages = small_messages(5)
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        mpop = Mpop(server, world.directory)
        mpop.succeeds(keep="on")
        same(mpop.digests(), digests_of(messages), "digests of the first run")
        mpop.succeeds(keep="on")
        same(len(mpop.digests()), 5, "messages after the second run")
        late = {"1800000000.M1.host": b"Subject: late\n\nlate\n"}
        make_maildir(maildir, late)
        mpop.succeeds(keep="on")
        same(mpop.digests(), digests_of({**messages, **late}), "digests of the third run")
        mpop.succeeds(keep="on", only_new="off")
        same(len(mpop.digests()), 12, "messages, with the old ones again")
        same(len(files_in(maildir)), 6, "files left on the server")
        # What it has had already, it now only deletes.
        mpop.succeeds()
        same(len(mpop.digests()), 12, "messages after the last run")
    same(files_in(maildir), [], "files left on the server")


@check
def mpop_filters_by_header_and_by_size(world):
    messages = {**small_messages(3), "1800000000.M1.host": b"Subject: long\n\n" + b"x" * 70 * 1024 + b"\n"}
    maildir = make_maildir(world.directory / "maildir", messages)
    with Server(world.program, maildir) as server:
        mpop = Mpop(server, world.directory)
        # The header comes by TOP: 1 means that the message is to be deleted unread, 2 that it is left.
        verdict = 'if grep -q "^Subject: 1"; then exit 1; else exit 0; fi'
        mpop.succeeds(skipsize="64k", filter=verdict)
        same(mpop.digests(), digests_of({name: messages[name] for name in list(messages)[0:3:2]}), "digests")
        same(files_in(maildir), ["1800000000.M1.host"], "files left on the server")


@check
def mpop_shows_what_the_server_offers(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(2))) as server:
        mpop = Mpop(server, world.directory)
        said = mpop.succeeds("--serverinfo")
        for tag in ["CAPA:", "PIPELINING:", "TOP:", "UIDL:", "AUTH:", "RESP-CODES:", "AUTH-RESP-CODE:"]:
            assert f"    {tag}\n" in said, f"no {tag} in {said}"
        assert {"USER", "APOP"} <= set(methods(said)), said
        assert "new: 2 messages" in mpop.succeeds("--status-only"), "no count"
        mpop.succeeds("--auth-only")
        same(mpop.digests(), [], "digests")


@check
def mpop_logs_in_with_apop(world):
    messages = small_messages(2)
    with Server(world.program, make_maildir(world.directory / "maildir", messages)) as server:
        mpop = Mpop(server, world.directory)
        assert "--> APOP " in mpop.succeeds("--debug", auth="apop"), "no APOP"
        same(mpop.digests(), digests_of(messages), "digests")


@check
def mpop_is_told_that_a_password_is_wrong(world):
    with Server(world.program, make_maildir(world.directory / "maildir", small_messages(1))) as server:
        mpop = Mpop(server, world.directory)
        for method in ["user", "apop"]:
            for pipelining in ["on", "off"]:
                code, said = mpop.run(auth=method, pipelining=pipelining, password="wrong")
                same(code, EX_NOPERM, f"exit code with {method}")
                assert "[AUTH]" in said, said
        same(mpop.digests(), [], "digests")


@check
def mpop_is_told_that_the_maildrop_is_in_use(world):
    with Server(world.program, make_maildir(world.directory / "maildir", {})) as server, server.session():
        code, said = Mpop(server, world.directory).run()
        same(code, EX_NOPERM, "exit code")
        assert "[IN-USE]" in said, said


@check
def mpop_reads_over_tls(world):
    """By STLS and by TLS from the first octet, pipelining or not."""
    messages = tricky_messages()
    for pipelining in ["on", "off"]:
        for tls in [stls, implicit_tls]:
            directory = world.directory / f"{tls.__name__}-{pipelining}"
            maildir = make_maildir(directory / "maildir", messages)
            with Server(world.program, maildir, certificate=world.certificate) as server:
                mpop = Mpop(server, directory)
                mpop.succeeds(pipelining=pipelining, **tls(server))
                same(mpop.digests(), digests_of(messages), f"digests with {tls.__name__}, pipelining {pipelining}")
            same(files_in(maildir), [], "files left on the server")


@check
def mpop_logs_in_with_every_mechanism(world):
    """Its SASL library checks what the server of SCRAM-SHA-256 has to prove."""
    maildir = make_maildir(world.directory / "maildir", small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate, password=TOKEN) as server:
        mpop = Mpop(server, world.directory)
        for tls in [NO_TLS, stls(server), implicit_tls(server)]:
            for method in SASL:
                options = {"auth": method, "keep": "on", "only_new": "off", **tls}
                said = mpop.succeeds("--debug", password=TOKEN, **options)
                same(said.count(f"--> AUTH {method.upper()}"), 1, f"AUTH {method.upper()} in {said}")
                code, said = mpop.run(password="wrong", **options)
                same(code, EX_NOPERM, f"exit code with a wrong password for {method}: {said[-300:]}")
        same(len(mpop.digests()), 3 * len(SASL), "messages")


@check
def mpop_sends_no_password_in_the_clear_if_the_choice_is_its_own(world):
    with Server(world.program, make_maildir(world.directory / "maildir", {}), certificate=world.certificate) as server:
        mpop = Mpop(server, world.directory)
        chosen = "SCRAM-SHA-256"
        for tls in [NO_TLS, stls(server), implicit_tls(server)]:
            said = mpop.succeeds("--debug", "--auth-only", auth="on", **tls)
            assert re.search(f"(?m)^--> AUTH ({chosen})\\b", said), f"no {chosen} in {said}"
            chosen = "SCRAM-SHA-256|PLAIN"


@check
def mpop_shows_the_certificate_and_every_mechanism(world):
    with Server(world.program, make_maildir(world.directory / "maildir", {}), certificate=world.certificate) as server:
        mpop = Mpop(server, world.directory)
        offered = {"USER", "APOP", *(method.upper() for method in SASL)}
        for tls in [NO_TLS, stls(server), implicit_tls(server)]:
            said = mpop.succeeds("--serverinfo", **tls)
            same(set(methods(said)), offered, "ways to log in")
            same("TLS certificate information:" in said, tls is not NO_TLS, f"a certificate in {said}")


@check
def mpop_is_refused_in_the_clear_where_tls_is_required(world):
    maildir = make_maildir(world.directory / "maildir", small_messages(1))
    with Server(world.program, maildir, certificate=world.certificate, options=["--require-tls"]) as server:
        mpop = Mpop(server, world.directory)
        for method in ["user", "apop", *SASL]:
            code, said = mpop.run("--debug", auth=method)
            assert code in [EX_NOPERM, EX_UNAVAILABLE], f"exit code {code} with {method}: {said}"
        for tls in [stls(server), implicit_tls(server)]:
            mpop.succeeds(keep="on", only_new="off", **tls)
        same(len(mpop.digests()), 2, "messages")


@check
def mpop_does_not_trust_a_stranger(world):
    with Server(world.program, make_maildir(world.directory / "maildir", {}), certificate=world.certificate) as server:
        mpop = Mpop(server, world.directory)
        for tls in [stls(server), implicit_tls(server)]:
            code, _ = mpop.run(**{**tls, "tls_trust_file": world.certificate.stranger})
            assert code != 0, "a certificate of a stranger is trusted"
            mpop.succeeds(**tls)
