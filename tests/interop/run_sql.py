#!/usr/bin/env python3
"""Runs server_sql in several processes on one database.

    python3 tests/interop/run_sql.py             builds it and a client first
    python3 tests/interop/run_sql.py PROGRAM     takes that, and the client among the examples beside it
    python3 tests/interop/run_sql.py [PROGRAM] --only WORDS    runs the checks whose names contain them

First on SQLite, and then on a PostgreSQL that is started for it and ended. Everything is on the loopback interface and on ports that the
system chooses. Needs Python 3.9, mpop, openssl 3, PostgreSQL, and Linux's /proc.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import checks
import sql_crash_checks  # noqa: F401  (each of these adds its checks to the list)
import sql_fault_checks  # noqa: F401
import sql_lock_checks  # noqa: F401
import sql_login_checks  # noqa: F401
import sql_mail_checks  # noqa: F401
import sql_network_checks  # noqa: F401
import sql_postgres
import sql_postgres_checks  # noqa: F401
import sql_stores


def build():
    """Builds it and the client, and says where cargo has put it."""
    root = Path(__file__).resolve().parents[2]
    command = [os.environ.get("CARGO", "cargo"), "build", "--release", "--bin", "server_sql"]
    command += ["--package", "server-sql", "--package", "examples-std", "--example", sql_stores.CLIENT]
    command += ["--message-format=json-render-diagnostics"]
    print("building:", *command, flush=True)
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
    built = [json.loads(line) for line in done.stdout.splitlines()]
    programs = {message["target"]["name"]: message["executable"] for message in built if message.get("executable")}
    return Path(programs["server_sql"])


def main():
    parser = argparse.ArgumentParser(description="Tries server_sql with several front ends.")
    parser.add_argument("program", nargs="?", type=Path, help="server_sql")
    parser.add_argument("--only", default="", metavar="WORDS", help="run only the checks whose names contain these words")
    arguments = parser.parse_args()
    program = arguments.program.resolve() if arguments.program else build()
    needed = [str(program), str(program.parent / "examples" / sql_stores.CLIENT), "mpop", "openssl"]
    for missing in [name for name in needed if not shutil.which(name)]:
        sys.exit(f"{missing} isn't there")
    if not sql_postgres.programs():
        sys.exit("PostgreSQL isn't there")
    chosen = [check for check in checks.ALL if arguments.only.replace(" ", "_") in check.__name__]
    passed = failed = 0
    for engine in [sql_stores.Sqlite, sql_postgres.Postgres]:
        checks.ALL[:] = [check for check in chosen if getattr(check, "engine", engine.name) == engine.name]
        sql_stores.engine = engine()
        print(f"on {engine.name}:", flush=True)
        try:
            passed, failed = (sum(counts) for counts in zip((passed, failed), checks.run_all([program])))
        finally:
            sql_stores.engine.end()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
