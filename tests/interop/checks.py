"""The list of checks, and how they are run."""

import tempfile
import time
import traceback
from pathlib import Path

from certificates import Certificate

ALL = []


def check(function):
    """Adds a function to the list. Its name is the sentence that it proves."""
    function.only_for = getattr(function, "only_for", None)
    ALL.append(function)
    return function


def only_for(name):
    """Keeps a check to one of the programs; stands between `check` and the function."""

    def mark(function):
        function.only_for = name
        return function

    return mark


class World:
    """What a check may use: the program under test, the other one, an empty directory, and the certificate of this run."""

    def __init__(self, program, other, directory, certificate):
        self.program = program
        self.other = other
        self.directory = directory
        self.certificate = certificate


def run_all(programs):
    """Runs every check for every program. Returns how many passed and how many failed."""
    with tempfile.TemporaryDirectory(prefix="pop3-proto-") as directory:
        return run_all_with(programs, Certificate(Path(directory)))


def run_all_with(programs, certificate):
    passed = failed = 0
    for program, other in zip(programs, reversed(programs)):
        for function in ALL:
            if function.only_for not in [None, program.name]:
                continue
            sentence = function.__name__.replace("_", " ")
            start = time.monotonic()
            try:
                with tempfile.TemporaryDirectory(prefix="pop3-proto-") as directory:
                    function(World(program, other, Path(directory), certificate))
            except Exception:
                failed += 1
                print(f"FAILED  {program.name}: {sentence}", flush=True)
                print(traceback.format_exc(limit=-3), flush=True)
            else:
                passed += 1
                print(f"ok      {program.name}: {sentence} ({time.monotonic() - start:.1f} s)", flush=True)
    return passed, failed


def same(got, expected, what):
    """Fails unless two values are equal. Long ones aren't shown whole."""
    if got != expected:
        raise AssertionError(f"{what}: got {short(got)}, expected {short(expected)}")


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
