"""What the example proxy makes of backends that refuse, that are not there, and that nobody should trust."""

import socket
import time

from checks import check, only_for, same
from client_odd_checks import own_address
from clients import Script
from maildirs import PASSWORD, USER, make_maildir
from proxies import Proxy
from servers import PATIENCE, Server


def before(world, address, *options):
    """A proxy before whatever is at an address."""
    return Proxy(world, None, options=["--backend", address, *options])


def is_told(proxy, expected):
    """Logs in, and holds the proxy to its answer. Gives how long that took."""
    with proxy.connection() as connection:
        connection.plain.settimeout(2 * PATIENCE)
        connection.expect(f"USER {USER}", b"+OK")
        start = time.monotonic()
        connection.expect(f"PASS {PASSWORD}", expected)
        took = time.monotonic() - start
        connection.expect("NOOP" if expected == b"+OK" else "CAPA", b"+OK")
        return took


@check
@only_for("server_std")
def what_a_backend_says_to_a_login_is_what_the_client_is_told(world):
    told = {
        b"-ERR [AUTH] no\r\n": b"-ERR [AUTH]",
        b"-ERR no\r\n": b"-ERR [AUTH]",
        b"-ERR [in-use] busy\r\n": b"-ERR [IN-USE]",
        b"-ERR [LOGIN-DELAY] later\r\n": b"-ERR [LOGIN-DELAY]",
        b"-ERR [SYS/TEMP] disk\r\n": b"-ERR [SYS/TEMP]",
        b"-ERR [SYS/NEW] what\r\n": b"-ERR [SYS/TEMP]",
        b"-ERR [SYS/PERM] account\r\n": b"-ERR [SYS/PERM]",
        b"+OK\r\n": b"+OK",
    }
    # One that says [AUTH] where it is meant means something else where it says nothing.
    with_codes = b"+OK\r\nUSER\r\nAUTH-RESP-CODE\r\n.\r\n"
    for verb in ["PASS", "USER"]:
        for capabilities in [b"-ERR what?\r\n", b"+OK\r\nUSER\r\n.\r\n", with_codes]:
            for answer, expected in told.items():
                if answer == b"-ERR no\r\n" and capabilities == with_codes:
                    expected = b"-ERR [SYS/TEMP]"
                answers = {verb: answer, "CAPA": capabilities, "NOOP": b"+OK\r\n"}
                with Script(answers) as script, before(world, script.address) as proxy:
                    is_told(proxy, expected)


@check
@only_for("server_std")
def a_backend_that_is_not_there_is_a_failure_that_passes(world):
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as gone:
        silent, gone_address = (f"127.0.0.1:{listener.getsockname()[1]}" for listener in [silent, gone])
        gone.close()
        with Script(greeting=b"HTTP/1.1 400\r\n") as other, Script({"PASS": None}) as hanging_up:
            for address, patience in [(other.address, 2), (hanging_up.address, 2), (gone_address, 2), (silent, 25)]:
                with before(world, address) as proxy:
                    took = is_told(proxy, b"-ERR [SYS/TEMP]")
                    assert took < patience, f"{address}: {took:.1f} s"
                    said = proxy.said()
                    assert said.startswith(f"{address}: ") and PASSWORD not in said, said
    with Script(greeting=b"-ERR [SYS/PERM] closed for good\r\n") as script, before(world, script.address) as proxy:
        is_told(proxy, b"-ERR [SYS/PERM]")


@check
@only_for("server_std")
def a_backend_that_is_not_trusted_hears_no_password(world):
    trust = ["--ca", str(world.certificate.authority)]
    for mode in ["starttls", "implicit"]:
        with Server(world.program, make_maildir(world.directory / mode, {}), certificate=world.certificate) as server:
            address = f"127.0.0.1:{server.port if mode == 'starttls' else server.tls_port}"
            for options in [["--ca", str(world.certificate.stranger)], [*trust, "--server-name", "other.example"]]:
                with before(world, address, "--backend-tls", mode, *options) as proxy:
                    is_told(proxy, b"-ERR [SYS/TEMP]")
                    assert "certificate" in proxy.said(), "the reason"
    with Script() as script, before(world, script.address, "--backend-tls", "starttls", *trust) as proxy:
        is_told(proxy, b"-ERR [SYS/TEMP]")
        same(script.verbs(), ["STLS"], "what a backend without STLS hears")
        assert "STLS" in proxy.said(), "the reason"
    address = own_address()
    if not address:
        return  # this machine has no address that others could use
    offers = b"+OK\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n"
    with Script({"CAPA": offers}, address=address) as script, before(world, script.address) as proxy:
        is_told(proxy, b"-ERR [SYS/PERM]")
        same(script.verbs(), ["CAPA"], "what a backend hears where others may listen")
        assert "safe" in proxy.said(), "the reason"
