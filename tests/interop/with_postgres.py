#!/usr/bin/env python3
"""Runs a command that needs a PostgreSQL, with one that is started for it and ended.

    python3 tests/interop/with_postgres.py cargo test --package server-sql -- --include-ignored

The variable TEST_POSTGRES tells the command where it is.
"""

import os
import subprocess
import sys

import sql_postgres


def main():
    if not sql_postgres.programs():
        sys.exit("PostgreSQL isn't there")
    engine = sql_postgres.Postgres()
    try:
        environment = {**os.environ, "TEST_POSTGRES": engine.url("").rstrip("/")}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        engine.end()


if __name__ == "__main__":
    sys.exit(main())
