"""The certificates of one run: an authority, and what it has issued to the loopback interface."""

import subprocess

# Of its own, since what a system's own file adds differs.
OPENSSL_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, DNS:localhost
"""
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2", "-sha256"]


class Certificate:
    """What a server shows and its key, and the authority that clients have to trust for it."""

    def __init__(self, directory):
        config = directory / "openssl.cnf"
        config.write_text(OPENSSL_CONFIG, encoding="ascii")
        self.config = config
        self.authority, self.file, self.key = (directory / name for name in ["authority.pem", "server.pem", "server.key"])
        authority_key = directory / "authority.key"
        self.request("authority", "/CN=tests of pop3-proto", self.authority, authority_key)
        issued_by = ["-CA", str(self.authority), "-CAkey", str(authority_key)]
        self.request("server", "/CN=localhost", self.file, self.key, *issued_by)
        # An authority that has issued nothing.
        self.stranger = directory / "stranger.pem"
        self.request("authority", "/CN=stranger", self.stranger, directory / "stranger.key")

    def request(self, section, subject, file, key, *options):
        command = ["openssl", "req", "-x509", "-config", str(self.config), "-extensions", section, "-subj", subject, *NEW_KEY]
        command += ["-keyout", str(key), "-out", str(file), *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"openssl req: {done.stderr}"
        key.chmod(0o600)
