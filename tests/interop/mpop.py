"""Running mpop. Its SASL is that of GNU; it pipelines all it can."""

import os
import re
import subprocess

from maildirs import PASSWORD, USER, digest, make_maildir, wire_form
from servers import PATIENCE

# Its exit codes are those of sysexits.h.
EX_UNAVAILABLE = 69
EX_NOPERM = 77

NO_TLS = {"tls": "off"}


def stls(server):
    return {"tls": "on", "tls_starttls": "on", "tls_trust_file": server.certificate.authority}


def implicit_tls(server):
    return {**stls(server), "port": server.tls_port, "tls_starttls": "off"}


class Mpop:
    """mpop with a directory of its own, where its list of unique-ids is, and the Maildir that it delivers to."""

    def __init__(self, server, directory):
        self.server = server
        self.directory = directory / "mpop"
        self.delivered = make_maildir(self.directory / "delivered", {}) / "new"

    def run(self, *options, **settings):
        """Runs it. Returns its exit code, and what it said."""
        settings = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "timeout": PATIENCE,
            "user": USER,
            "password": f'"{PASSWORD}"',
            "auth": "user",
            **NO_TLS,
            "received_header": "off",
            "uidls_file": self.directory / "uidls",
            "delivery": f"maildir {self.delivered.parent}",
            **settings,
        }
        file = self.directory / "config"
        file.write_text("account default\n" + "".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")
        file.chmod(0o600)  # others aren't read
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LC_ALL": "C"}
        command = ["mpop", f"--file={file}", "--half-quiet", *options]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=2 * PATIENCE, check=False
        )
        said = (done.stdout + done.stderr).decode("latin-1")
        # With --debug it shows all that it sends; what follows a command's name is nobody's business.
        return done.returncode, re.sub(r"(?m)^(--> (?:AUTH [\w-]+ ?|[A-Z]{3,4}\b ?)?).*", r"\1", said)

    def succeeds(self, *options, **settings):
        code, said = self.run(*options, **settings)
        assert code == 0, f"mpop {options}: exit code {code}\n{said[-600:]}"
        return said

    def digests(self):
        return sorted(digest(file.read_bytes()) for file in self.delivered.iterdir())


def as_mpop_has_it(content):
    """It stores lines as Unix does, and every other octet as it is."""
    return wire_form(content).replace(b"\r\n", b"\n")


def digests_of(messages):
    return sorted(digest(as_mpop_has_it(content)) for content in messages.values())
