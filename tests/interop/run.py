#!/usr/bin/env python3
"""Runs the example servers against curl, fetchmail, mpop, openssl, Python's POP3 client, the example clients and plain
sockets, and the example clients against Dovecot as well; and the example proxy between them.

    python3 tests/interop/run.py             builds the examples first
    python3 tests/interop/run.py DIRECTORY   takes the programs from there
    python3 tests/interop/run.py [DIRECTORY] --only WORDS    runs the checks whose names contain them

Everything is on the loopback interface and on ports that the system chooses. Needs Python 3.9, curl, fetchmail,
mpop with GNU SASL, Dovecot 2.3, openssl 3 and a C compiler. Nothing is left out where one of them is missing: then nothing runs.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import broken_store_checks  # noqa: F401
import checks
import client_batch_checks  # noqa: F401
import client_checks  # noqa: F401  (each of these adds its checks to the list)
import client_directory_checks  # noqa: F401
import client_error_checks  # noqa: F401
import client_login_checks  # noqa: F401
import client_odd_checks  # noqa: F401
import client_plan_checks  # noqa: F401
import client_taking_checks  # noqa: F401
import client_trace_checks  # noqa: F401
import curl_checks  # noqa: F401
import dovecot_checks  # noqa: F401
import fetch_minimal_checks  # noqa: F401
import fetchmail_checks  # noqa: F401
import language_checks  # noqa: F401
import log_checks  # noqa: F401
import minimal_checks  # noqa: F401
import mpop_checks  # noqa: F401
import poplib_checks  # noqa: F401
import proxy_checks  # noqa: F401
import proxy_odd_checks  # noqa: F401
import sasl_checks  # noqa: F401
import sqlite_checks  # noqa: F401
import start_checks  # noqa: F401
import store_checks  # noqa: F401
import tls_checks  # noqa: F401
import wire_checks  # noqa: F401
from clients import CLIENTS
from dovecot import DOVECOT

SERVERS = ["server_std", "server_tokio"]
PROXIES = ["proxy_tokio"]
DOCUMENTED = ["fetch_minimal", "server", "client", "minimal_tokio", "sqlite_server", "sqlite_import"]
OTHERS = ["cc", "curl", "fetchmail", "mpop", "openssl"]


def build():
    """Builds the examples, and says where cargo has put the servers; the others are beside them."""
    root = Path(__file__).resolve().parents[2]
    command = [os.environ.get("CARGO", "cargo"), "build", "--workspace", "--message-format=json-render-diagnostics"]
    for program in SERVERS + PROXIES + CLIENTS + DOCUMENTED:
        command += ["--example", program]
    print("building:", *command, flush=True)
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
    built = [json.loads(line) for line in done.stdout.splitlines()]
    programs = {message["target"]["name"]: message["executable"] for message in built if message.get("executable")}
    return [Path(programs[server]) for server in SERVERS]


def main():
    parser = argparse.ArgumentParser(description="Tries the examples with real mail programs.")
    parser.add_argument("directory", nargs="?", type=Path, help="where the examples are")
    parser.add_argument("--only", default="", metavar="WORDS", help="run only the checks whose names contain these words")
    arguments = parser.parse_args()
    programs = [arguments.directory.resolve() / server for server in SERVERS] if arguments.directory else build()
    needed = [*programs, *(programs[0].parent / other for other in PROXIES + CLIENTS + DOCUMENTED), *OTHERS, DOVECOT]
    for missing in [str(program) for program in needed if not shutil.which(program)]:
        sys.exit(f"{missing} isn't there")
    checks.ALL[:] = [check for check in checks.ALL if arguments.only.replace(" ", "_") in check.__name__]
    passed, failed = checks.run_all(programs)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
