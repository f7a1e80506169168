"""Maildirs full of awkward messages, and what a client has to receive for each."""

import hashlib
import os
import re

USER = "mrose@example.org"
PASSWORD = "tan sta"  # the space belongs to it
TOKEN = "ya29.A0-B1_c2~d3+e4/f5=="  # all that a bearer token may hold


def tricky_messages():
    """File names and contents. The names are in order."""
    header = b"From: a@example.org\r\nSubject: %s\r\n\r\n"
    contents = {
        "first-octet-is-a-dot": b".hidden header\r\nSubject: x\r\n\r\nbody\r\n",
        "lone-dot-first": b".\r\nSubject: x\r\n\r\nbody\r\n",
        "lone-dot-in-the-middle": header % b"x" + b"before\r\n.\r\nafter\r\n",
        "lone-dot-unfinished-last-line": header % b"x" + b"before\r\n.",
        "lone-dot-unfinished-after-lf": b"Subject: x\n\nbefore\n.",
        "nothing-but-a-dot": b".",
        "two-dots": header % b"x" + b"..\r\n...\r\n..x\r\n.x\r\n. \r\n",
        "dots-after-lf": b"Subject: x\n\n.\n..\n.x\n.\n\n.\n",
        "bare-cr": header % b"x" + b"one\rtwo\r\r\n.\rthree\r.\r\n\r.\r\n",
        "lf-only": b"Subject: x\n\nfirst\nsecond\n\n\nlast\n",
        "mixed-line-ends": b"Subject: x\r\nTo: y\n\nfirst\r\nsecond\n\r\n\n.third\n.fourth\r\n",
        "no-last-line-end": header % b"x" + b"no end",
        "no-last-line-end-lf": b"Subject: x\n\nno end",
        "looks-like-an-end": b"Subject: x\n\nbefore\n.\n+OK 1 message\n-ERR\n.\nafter\n",
        "empty": b"",
        "only-a-line-end": b"\n",
        "no-blank-line": b"Subject: x\r\nTo: y\r\n",
        "nul-and-8-bit": header % b"x" + bytes(range(256)) + b"\r\n\x00\r\n\xff\xfe\r\n",
        "long-line": header % b"x" + b"x" * 100_000 + b"\r\n." + b"y" * 100_000,
        "long-line-of-dots": header % b"x" + b"." * 100_000 + b"\n" + b".\n" * 50_000,
        "twenty-megabytes": header % b"x" + big_body(20_000_000),
    }
    return {f"17000000{place:02}.M{place}P1.host-{name}": body for place, (name, body) in enumerate(contents.items(), 10)}


def big_body(octets):
    """Lines of all lengths, dots among them, so that every kind of seam falls on some edge of a chunk."""
    lines = []
    total = 0
    length = 0
    while total < octets:
        length = (length * 31 + 7) % 523
        line = (b"." if length % 5 == 0 else b"") + b"%08d " % total + b"z" * length + (b"\n" if length % 3 else b"\r\n")
        lines.append(line)
        total += len(line)
    return b"".join(lines)


def small_messages(count):
    """Many messages that can be told apart."""
    return {f"1700000000.M{number:06}P1.host": b"Subject: %d\n\nThis is number %d.\n" % (number, number) for number in range(count)}


def make_maildir(path, messages, folder="new"):
    """Creates a Maildir. A name with flags, or one in bytes, goes to cur/ or wherever `folder` says."""
    for name in ("new", "cur", "tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    for name, content in messages.items():
        name = os.fsdecode(name)
        target = "cur" if ":2," in name else folder
        (path / target / name).write_bytes(content)
    return path


def files_in(maildir):
    """The names of all messages there are."""
    return sorted(file.name for folder in ("new", "cur") for file in (maildir / folder).iterdir())


def wire_form(content):
    """The octets that a client has when the dots are unstuffed: CRLF wherever the store has LF, and one at the end."""
    lines = re.sub(rb"(?<!\r)\n", b"\r\n", content)
    return lines if not lines or lines.endswith(b"\r\n") else lines + b"\r\n"


def top_form(content, lines):
    """What TOP has to answer: the header, the blank line, and so many lines of the body."""
    whole = wire_form(content).split(b"\r\n")[:-1]
    blank = whole.index(b"") if b"" in whole else len(whole)
    return b"".join(line + b"\r\n" for line in whole[: blank + 1 + lines])


def digest(octets):
    return hashlib.sha256(octets).hexdigest()
