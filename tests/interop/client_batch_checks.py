"""`fetch` of the example clients waits for the disk once for many messages, and neither a crash nor a kill loses one. They run
once."""

import os
import re
import resource
import subprocess
import time

import preloads
from checks import check, only_for, same
from clients import Maildrop, clients, stored
from servers import PATIENCE

# Two batches, and a part of one.
MANY = 300

# Calls that matter for what a crash leaves, in the order in which they return, each with its names; what is added to the note,
# and each DELE that is written.
SPOKEN_CALLS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t (*write_out)(int, const void *, size_t);

static void say(const char *text, size_t length) {
    static int out = -1;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (out < 0) out = open(getenv("SPOKEN_CALLS"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!write_out) write_out = dlsym(RTLD_NEXT, "write");
    write_out(out, text, length);
    pthread_mutex_unlock(&lock);
}

static const char *name_of(int file, char *name, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, size - 1);
    name[length < 0 ? 0 : length] = 0;
    return name;
}

static int synced(int file, const char *call) {
    int (*real)(int) = dlsym(RTLD_NEXT, call);
    int result = real(file);
    char name[4096], line[4200];
    if (!result) say(line, snprintf(line, sizeof line, "sync %s\n", name_of(file, name, sizeof name)));
    return result;
}

int fsync(int file) { return synced(file, "fsync"); }

int fdatasync(int file) { return synced(file, "fdatasync"); }

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    int result = real(from, to);
    char line[8400];
    if (!result) say(line, snprintf(line, sizeof line, "rename %s %s\n", from, to));
    return result;
}

static void look(int file, const void *octets, size_t length) {
    char name[4096];
    size_t end = strlen(name_of(file, name, sizeof name));
    if (end > 8 && !strcmp(name + end - 8, ".fetched")) say(octets, length);
    if (strncmp(name, "socket:", 7)) return;
    const char *next = octets;
    while ((next = memmem(next, (const char *)octets + length - next, "DELE ", 5))) {
        char line[64];
        say(line, snprintf(line, sizeof line, "DELE %d\n", atoi(next + 5)));
        next += 5;
    }
}

ssize_t write(int file, const void *octets, size_t length) {
    if (!write_out) write_out = dlsym(RTLD_NEXT, "write");
    look(file, octets, length);
    return write_out(file, octets, length);
}

ssize_t send(int file, const void *octets, size_t length, int flags) {
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    look(file, octets, length);
    return real(file, octets, length, flags);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
    for (int part = 0; part < count; part++) look(file, parts[part].iov_base, parts[part].iov_len);
    return real(file, parts, count);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
    ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
    for (size_t part = 0; part < message->msg_iovlen; part++)
        look(file, message->msg_iov[part].iov_base, message->msg_iov[part].iov_len);
    return real(file, message, flags);
}
"""


def messages():
    return [(b"coot-%d" % number, b"Subject: %d\r\n\r\ntext\r\n" % number) for number in range(1, MANY + 1)]


def expected():
    return {unique_id.decode(): octets for unique_id, octets in messages()}


class Box(Maildrop):
    """A maildrop of many messages, whose server takes commands ahead. It runs `at` when it has got so many commands."""

    def __init__(self, commands=0, at=None):
        super().__init__(messages(), {"CAPA": b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"})
        self.commands, self.at = commands, at
        own = {verb: answer for verb, answer in self.answers.items() if callable(answer)}
        self.answers.update({verb: lambda line, answer=answer: self.counted(answer, line) for verb, answer in own.items()})

    def counted(self, answer, line):
        self.commands -= 1
        if self.commands == 0:
            self.at()
        return answer(line)


@check
@only_for("server_std")
def a_fetch_waits_for_the_disk_in_the_order_that_no_crash_can_turn(world):
    library = preloads.library(world.directory, SPOKEN_CALLS)
    for place in range(2):
        directory = (world.directory / str(place)).resolve()
        calls = world.directory / f"calls-{place}"
        with Box() as server:
            client = clients(world, server.address)[place]
            environment = {**preloads.environment(library), "SPOKEN_CALLS": str(calls)}
            command = [*client.arguments, "fetch", str(directory), "--delete"]
            done = subprocess.run(command, capture_output=True, env=environment, timeout=PATIENCE, check=False)
            same((done.returncode, done.stderr, server.messages), (0, b"", []), "outcome")
        same(stored(directory), expected(), "messages")
        is_safe, named, safe, noted, syncs, deleted = set(), set(), set(), set(), 0, set()
        for call in calls.read_text().splitlines():
            if call == f"sync {directory}":
                safe |= named
                syncs += 1
            elif call.startswith("sync "):
                is_safe.add(call[5:])
            elif renamed := re.fullmatch(r"rename (\S+) (\S+)", call):
                assert renamed[1] in is_safe, f"{call}: before its octets are safe"
                is_safe.remove(renamed[1])
                named.add(os.path.basename(renamed[2]))
            elif note := re.fullmatch(r"stored (\S+) (\S+)", call):
                assert note[2] in safe, f"{call}: before its name is safe"
                noted.add(note[1])
            elif call.startswith("DELE "):
                deleted.add(f"coot-{call[5:]}")
                assert deleted <= safe, f"{call}: before the message is safe"
        same((deleted, noted), (set(expected()), set(expected())), "what is deleted, and what the note says")
        assert syncs < MANY / 2, f"{syncs} times for {MANY} messages"


@check
@only_for("server_std")
def a_fetch_that_is_killed_anywhere_loses_nothing_and_fetches_little_twice(world):
    # STAT and UIDL, two commands for each message, DELE for each, and QUIT.
    for point in [1, 3, 4, 50, 200, 258, 259, 270, 400, 515, 520, 600, 601, 602, 603, 604, 700, 902, 903]:
        for place in range(2):
            directory = world.directory / f"{point}-{place}"
            killed = []
            with Box(point, lambda killed=killed: killed.append(process.kill()) or process.wait(PATIENCE)) as server:
                client = clients(world, server.address)[place]
                process = client.start("fetch", directory, "--delete")
                process.wait(PATIENCE)
                there = stored(directory) if directory.exists() else {}
                assert there.items() <= expected().items(), f"after {point} commands: half a message"
                left = {unique_id.decode() for unique_id, _ in server.messages}
                assert left | set(there) == set(expected()), f"after {point} commands: a message is lost"
                server.verbs()
                client.succeeds("fetch", directory, "--delete")
                retrieved = server.verbs().count("RETR")
                # The note may lack what is stored, by as much as is stored at a time.
                assert retrieved <= MANY - len(there) + 128, f"after {point} commands: {retrieved} messages fetched again"
                same((stored(directory), server.messages), (expected(), []), f"messages after {point} commands")
                same([name for name in os.listdir(directory) if "partial" in name], [], "what is left over")
            same(len(killed), 1, f"kills after {point} commands")


@check
@only_for("server_std")
def a_message_without_its_end_line_is_taken_for_no_other_one(world):
    # R-GEN-14: the answers that follow it look like its text, and the next message like its end.
    for place in range(2):
        for sent in [b"+OK\r\nSubject: 51\r\n", b"+OK\r\n", b""]:
            directory = world.directory / f"{place}-{len(sent)}"
            with Box() as server:
                sound = server.answers["RETR"]
                server.answers["RETR"] = lambda line, sound=sound, sent=sent: sent if line == b"RETR 51\r\n" else sound(line)
                process = clients(world, server.address)[place].start("fetch", directory, "--delete")
                end = time.monotonic() + PATIENCE
                while b"RETR 63\r\n" not in server.received:  # the last one of those that are asked for in one go
                    assert time.monotonic() < end, "the client doesn't ask for more"
                    time.sleep(0.01)
                # What isn't confirmed isn't stored, also where nobody waits until the client has had enough.
                time.sleep(0.2)
                process.kill()
                process.wait(PATIENCE)
                assert stored(directory).items() <= dict(list(expected().items())[:31]).items(), sorted(stored(directory))
                same(len(server.messages), MANY, "messages on the server")
                client = clients(world, server.address)[place]
                server.answers["RETR"] = sound
                client.succeeds("fetch", directory, "--delete")
                same((stored(directory), server.messages), (expected(), []), "messages from a sound server")


@check
@only_for("server_std")
def a_fetch_that_may_open_few_files_stores_what_waits(world):
    for place in range(2):
        directory = world.directory / str(place)
        with Box() as server:
            client = clients(world, server.address)[place]
            few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))  # noqa: E731
            command = [*client.arguments, "fetch", str(directory), "--delete"]
            done = subprocess.run(command, capture_output=True, preexec_fn=few, timeout=PATIENCE, check=False)
            same((done.returncode, done.stderr, server.messages), (0, b"", []), "outcome")
        same(stored(directory), expected(), "messages")


@check
@only_for("server_std")
def a_fetch_stores_what_it_has_while_the_server_is_silent(world):
    for place in range(2):
        directory = world.directory / str(place)
        there = []

        def wait_until_stored(directory=directory, there=there):
            deadline = time.monotonic() + PATIENCE
            while len(there) < 31 and time.monotonic() < deadline:
                time.sleep(0.2)
                there[:] = stored(directory)

        # STAT, UIDL, and two commands for each of 31 messages; the next one is answered when those are stored.
        with Box(2 + 2 * 31 + 1, wait_until_stored) as server:
            clients(world, server.address)[place].succeeds("fetch", directory)
        assert len(there) >= 31, f"{len(there)} messages are stored while the server is silent"
        same(stored(directory), expected(), "messages")
