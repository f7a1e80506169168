"""What the example clients show of a conversation."""

from checks import check, only_for, same
from clients import Script, clients
from maildirs import PASSWORD, USER, make_maildir
from servers import Server


@check
@only_for("server_std")
def the_clients_show_what_both_sides_say(world):
    maildir = make_maildir(world.directory, {"1": b"Subject: one\n\n"})
    with Server(world.program, maildir, certificate=world.certificate) as server:
        for method, login in [
            ("user", [f"C: USER {USER}", "S: +OK send PASS", "C: PASS ...", "S: +OK ..."]),
            ("plain", ["C: AUTH PLAIN ...", "S: +OK ..."]),
            ("cram-md5", ["C: AUTH CRAM-MD5", "S: + ...", "C: ...", "S: +OK ..."]),
        ]:
            for client in clients(world, f"127.0.0.1:{server.port}", "--trace", "--no-pipelining", "--auth", method):
                code, out, said = client.run("stat")
                same((code, out), (0, b"1 16\n"), "outcome")
                lines = said.splitlines()
                assert lines[0].startswith("S: +OK "), lines
                same(lines[1:3], ["C: CAPA", "S: +OK capability list follows"], "asking what there is")
                at = lines.index(login[0])
                same(lines[at : at + len(login)], login, "login")
                same(lines[-4:], ["C: STAT", "S: +OK 1 16", "C: QUIT", "S: +OK bye"], "the rest")


@check
@only_for("server_std")
def what_a_server_says_is_shown_as_one_line(world):
    with Script({"STAT": b"-ERR [SYS/TEMP] \x1b[2J no\r\n"}) as server:
        for client in clients(world, server.address, "--trace", "--no-capa"):
            code, _, said = client.run("stat")
            same(code, 1, "exit code")
            assert "S: -ERR [SYS/TEMP] \\x1b[2J no\n" in said and PASSWORD not in said, said
            assert "\nerror: " in said, said
