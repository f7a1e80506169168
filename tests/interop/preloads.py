"""Libraries that stand between a program and the system."""

import os
import subprocess


def library(directory, calls):
    """A library of these calls, which are written in C."""
    file = directory / "calls.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(file), "-ldl", "-lpthread"]
    subprocess.run(command, input=calls, encoding="ascii", check=True, timeout=60)
    return file


def environment(preload):
    """The environment of a program that has such a library, if there is one."""
    return {**os.environ, "LD_PRELOAD": str(preload)} if preload else None
