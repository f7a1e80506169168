"""What the example clients make of the directory that they fetch into. They run once."""

import os
import subprocess

from checks import check, only_for, same
from client_error_checks import listing
from clients import Script, clients, stored

NOTE = ".fetched"


def numbered(line):
    return b"Subject: %s\r\n\r\ntext\r\n" % line.split()[1]


def scripted(ids, content=numbered, **more):
    """A server with messages of these unique-ids."""
    return Script({"UIDL": lambda _: listing(*ids), "RETR": lambda line: b"+OK\r\n" + content(line) + b".\r\n"}, **more)


def retrieved(script):
    return [it for it in script.verbs() if it == "RETR"]


@check
@only_for("server_std")
def a_directory_belongs_to_one_account(world):
    with scripted([b"a", b"b"]) as script, scripted([b"a"]) as other_port:
        for place in range(2):
            directory = world.directory / str(place)
            clients(world, script.address)[place].succeeds("fetch", directory)
            before = {**stored(directory), NOTE: (directory / NOTE).read_bytes()}
            port = script.address.rsplit(":", 1)[1]
            connections = script.connections
            for address, user in [(script.address, "bhunt"), (script.address, "mrose2"), (f"localhost:{port}", "mrose")]:
                said = clients(world, address, user=user)[place].fails("fetch", directory)
                assert str(directory) in said and "mrose" in said and "127.0.0.1" in said, said
            same(script.connections, connections, "connections")
            same({**stored(directory), NOTE: (directory / NOTE).read_bytes()}, before, "files")
            clients(world, other_port.address)[place].succeeds("fetch", directory)
            clients(world, f"LOCALHOST:{port}")[place].succeeds("fetch", directory.with_suffix(".named"))
            clients(world, f"localhost:{port}")[place].succeeds("fetch", directory.with_suffix(".named"))


@check
@only_for("server_std")
def a_login_that_fails_takes_no_directory(world):
    with scripted([b"a"]) as script:
        refused = {"PASS": lambda line: b"-ERR [AUTH] no\r\n" if b"typo" in line else b"+OK\r\n"}
        script.answers.update(refused)
        for place in range(2):
            clients(world, script.address, user="mrsoe", password="typo")[place].fails("fetch", world.directory / str(place))
            clients(world, script.address)[place].succeeds("fetch", world.directory / str(place))


@check
@only_for("server_std")
def only_regular_files_are_messages(world):
    def put(directory, archive):
        os.symlink("nowhere", directory / "link")
        os.symlink(archive / "message", directory / "archived")
        os.mkdir(directory / "folder")
        os.mkfifo(directory / "pipe")

    ids = [b"link", b"archived", b"folder", b"pipe", b"file"]
    (world.directory / "message").write_bytes(b"Subject: 2\r\n\r\ntext\r\n")
    with scripted(ids) as script:
        for client in clients(world, script.address):
            directory = world.directory / client.program.name
            directory.mkdir()
            put(directory, world.directory)
            for times in [len(ids), 0]:
                client.succeeds("fetch", directory)
                same(len(retrieved(script)), times, "messages retrieved")
                messages = stored(directory)
                same(sorted(messages.values()), [numbered(b"RETR %d" % n) for n in range(1, 6)], "messages")
                assert "file" in messages and not set(messages) & {"link", "archived", "folder", "pipe"}, sorted(messages)
            # What becomes something else later isn't there any more, and its other name may be taken too.
            moved = next(name for name in messages if name.startswith("folder~"))
            os.unlink(directory / moved)
            os.mkdir(directory / moved)
            said = client.fails("fetch", directory)
            assert f"message 3 (folder): {directory}/{moved}" in said, said
            same(len(retrieved(script)), 1, "messages retrieved")


@check
@only_for("server_std")
def the_note_and_the_files_both_say_what_is_stored(world):
    ids = [b"coot:1", b"coot:2", b"coot/3"]
    with scripted(ids) as script:
        for client in clients(world, script.address):
            directory = world.directory / client.program.name
            directory.mkdir()
            # Somebody else's file, which has the name of a message.
            (directory / "coot%3A2").write_bytes(b"notes about coots\n")
            client.succeeds("fetch", directory)
            same(len(retrieved(script)), 3, "messages retrieved")
            messages = stored(directory)
            same(sorted(messages.values()), [numbered(b"RETR %d" % n) for n in (1, 2, 3)] + [b"notes about coots\n"], "files")
            # A file that is gone is fetched again, and nothing else.
            (directory / "coot%3A1").unlink()
            client.succeeds("fetch", directory)
            same((len(retrieved(script)), stored(directory)), (1, messages), "messages retrieved, and files")
            # Whatever a crash leaves of the note costs another fetch at most.
            whole = (directory / NOTE).read_bytes()
            lines = whole.splitlines(keepends=True)
            torn = [whole[:cut] for cut in range(len(whole) - len(lines[-1]) + 1, len(whole))]
            torn += [b"".join(lines[:2]), whole + b"stored", whole + bytes(100), whole + b"\0\0\n\nstored \xff x\nx\n"]
            for note in torn[:: len(torn) // 6] + torn[-4:]:
                (directory / NOTE).write_bytes(note)
                client.succeeds("fetch", directory)
                assert len(retrieved(script)) <= 3
                same(stored(directory), messages, f"files after {note!r}")
                client.succeeds("fetch", directory)
                same(len(retrieved(script)), 0, f"messages retrieved after {note!r}")
            # What isn't such a note is left alone.
            for note in [b"", b"nonsense\n", b"pop3-proto fetch 1\n", b"pop3-proto fetch 2\naccount mrose 127.0.0.1\n"]:
                (directory / NOTE).write_bytes(note)
                assert str(directory / NOTE) in client.fails("fetch", directory), note
                same((directory / NOTE).read_bytes(), note, "note")
            same(script.verbs(), [], "commands")


@check
@only_for("server_std")
def what_a_directory_cannot_do_names_it(world):
    def in_the_way(directory, name):
        directory.mkdir()
        (directory / name).mkdir()
        (directory / name / "full").touch()

    (world.directory / "file").touch()
    with scripted([b"a", b"b"]) as script:
        for client in clients(world, script.address):
            here = world.directory / client.program.name
            here.mkdir()
            assert str(world.directory / "file") in client.fails("fetch", world.directory / "file")
            assert str(world.directory / "file") in client.fails("fetch", world.directory / "file" / "below")
            for name in [".partial", NOTE, NOTE + ".new"]:
                in_the_way(here / name, name)
                said = client.fails("fetch", here / name)
                assert str(here / name) in said, said
                same(stored(here / name), {}, "messages")
        same(retrieved(script), [], "messages retrieved")
        if os.path.exists("/dev/full"):
            for client in clients(world, script.address):
                with open("/dev/full", "wb") as full:
                    done = subprocess.run([*client.arguments, "uidl"], stdout=full, stderr=subprocess.PIPE, check=False)
                assert done.returncode == 1 and b"stdout" in done.stderr, done


@check
@only_for("server_std")
def messages_with_one_unique_id_are_told_apart_by_their_octets(world):
    for place in range(2):
        ids = [b"same"] * 3
        with scripted(ids) as script:
            client = clients(world, script.address)[place]
            directory = world.directory / str(place)
            for number in range(3, 6):
                client.succeeds("fetch", directory)
                same(sorted(stored(directory).values()), [numbered(b"RETR %d" % n) for n in range(1, number + 1)], "messages")
                ids.append(b"same")
