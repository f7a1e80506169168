"""Starting and stopping Dovecot, with a configuration of its own."""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from maildirs import PASSWORD, USER, make_maildir
from servers import PATIENCE

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "dovecot"

CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = pop3
listen = 127.0.0.1
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
first_valid_uid = 1
mail_location = maildir:{directory}/maildir
auth_mechanisms = plain login cram-md5 apop scram-sha-256
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificate.file}
ssl_key = <{certificate.key}
{more}
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def free_ports(count):
    """Ports that nobody has. Somebody may take them until they are used."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class Dovecot:
    """A running Dovecot over one Maildir."""

    def __init__(self, certificate, messages, more=""):
        self.certificate = certificate
        self.directory = Path(tempfile.mkdtemp(prefix="pop3-dovecot-"))
        self.process = None
        try:
            self.port, self.tls_port = free_ports(2)
            # As root it wants users for its parts, which its package has made; else everything is ours.
            names = ["dovecot", "dovenull"] if os.geteuid() == 0 else [pwd.getpwuid(os.geteuid()).pw_name] * 2
            owner = pwd.getpwnam(names[0])
            self.maildir = make_maildir(self.directory / "maildir", messages)
            (self.directory / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
            file = self.directory / "dovecot.conf"
            file.write_text(
                CONFIGURATION.format(
                    directory=self.directory,
                    certificate=certificate,
                    internal_user=names[0],
                    internal_group=grp.getgrgid(owner.pw_gid).gr_name,
                    login_user=names[1],
                    uid=owner.pw_uid,
                    gid=owner.pw_gid,
                    port=self.port,
                    tls_port=self.tls_port,
                    more=more,
                ),
                encoding="utf-8",
            )
            self.directory.chmod(0o755)
            if os.geteuid() == 0:
                for path in [self.directory / "users", self.maildir, *self.maildir.rglob("*")]:
                    os.chown(path, owner.pw_uid, owner.pw_gid)
            command = [DOVECOT, "-F", "-c", str(file)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.wait_until_it_listens()
        except BaseException:
            self.end()
            raise

    def wait_until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"Dovecot has ended: {self.process.stdout.read()!r}\n{self.log()}")
            try:
                with socket.create_connection(("127.0.0.1", self.tls_port), 1):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Dovecot doesn't listen\n{self.log()}")

    def log(self):
        file = self.directory / "log"
        return file.read_text(encoding="utf-8", errors="replace")[-2000:] if file.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.log())
        self.end()

    def end(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
            self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)
