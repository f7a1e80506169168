"""Starting the example proxy before a server."""

from contextlib import contextmanager

from client_checks import ways_in
from maildirs import make_maildir
from servers import PATIENCE, Server


class Proxy(Server):
    """A running proxy before a server, which it speaks to in the clear, behind STLS, or in TLS."""

    def __init__(self, world, backend, tls="none", options=()):
        address, way = ways_in(backend)[tls] if backend else (None, [])
        options = [
            *(["--backend", address] if address else []),
            *(word.replace("--tls", "--backend-tls") for word in way),
            *options,
        ]
        super().__init__(world.program.parent / "proxy_tokio", certificate=world.certificate, options=options)

    def said(self):
        """What it has said to whoever runs it, since the last call."""
        return self.errors.get(timeout=PATIENCE)


def every_way(proxy):
    """For each way to a proxy, how curl and the example clients go it."""
    trust = ["--cacert", str(proxy.certificate.authority)]
    curls = {"none": ([], False), "starttls": (["--ssl-reqd", *trust], False), "implicit": (trust, True)}
    for tls, (address, options) in ways_in(proxy).items():
        yield (tls, *curls[tls], address, options)


@contextmanager
def servers_behind(world, messages):
    """The server under test over a Maildir, and a proxy before it for each way to it."""
    maildir = make_maildir(world.directory / "behind", messages)
    with Server(world.program, maildir, certificate=world.certificate) as server:
        yield maildir, server, (lambda tls="none", options=(): Proxy(world, server, tls, options))
