"""Floors that are no program of their own: bare Python, libgit2 and git doing what a row does at the least.

    python floors.py append REPOSITORY REF LIKE
    python floors.py lives REPOSITORY REF [HOW_MANY]
    python floors.py parse FOLDER
    python floors.py digest FOLDER
    python floors.py migrate SOURCE TARGET STREAM
    python floors.py join REPOSITORY URL REF

Each is the function of that name. Nothing of idse is imported here.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

_WORKERS = 8
_BLOB = 0o100644


def append(folder: str, ref: str, like: str) -> None:
    """The objects that the last append to `like` made, by libgit2 alone: under a lock, then `ref` moves.

    As many blobs as there are, of the same sizes and always new, a tree, a commit with the same message,
    and a compare-and-swap that writes the reflog. Nothing is read but the tip.
    """
    import fcntl

    import pygit2

    git = pygit2.Repository(folder)
    commit = git[git.references[like].target]
    contents = {entry.name: entry.data for entry in commit.tree if isinstance(entry, pygit2.Blob)}
    backend, who = pygit2.RefdbFsBackend(git), commit.author
    backend.ensure_log(ref)

    def once(salt: bytes) -> None:
        tip = git.references.get(ref)
        builder = git.TreeBuilder()
        for name, data in contents.items():
            builder.insert(name, git.create_blob(salt + data[len(salt) :]), _BLOB)
        parents = [tip.target] if tip else []
        text = git.create_commit_string(who, who, commit.message, builder.write(), parents)
        made = git.write(pygit2.GIT_OBJECT_COMMIT, text.encode())
        before = tip.target if tip else pygit2.Oid(raw=bytes(20))
        backend.write(pygit2.Reference(ref, made, None), True, who, "floor", before, None)  # noqa: FBT003

    numbers = itertools.count()

    def once_locked() -> None:
        with open(os.path.join(folder, ".git", "floor.lock"), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            once(b"%010d%010d" % (os.getpid(), next(numbers)))

    in_rounds(once_locked)


def lives(folder: str, like: str, works: str = "") -> None:
    """The three commits of the task `like` again and again, each time as a new ref, by libgit2 alone.

    Under a lock each: the tip is looked up, two blobs, a tree and a commit are made, and the ref moves by
    compare-and-swap, without a reflog. With `works` it says "ready", waits for a line, makes the last two
    commits of that many refs, of each that is not there yet, and prints start, end, and how many it made.
    """
    import fcntl

    import pygit2

    git = pygit2.Repository(folder)
    line = [git[git.references[like].target]]
    while line[-1].parents:
        line.append(line[-1].parents[0])
    events = [
        (commit.message, [(entry.name, entry.data) for entry in commit.tree], commit.author)
        for commit in reversed(line)
    ]
    backend, place = pygit2.RefdbFsBackend(git), like.rpartition("/")[0]

    def write(ref: str, salt: bytes, event: tuple, *, new: bool = False) -> bool:
        message, contents, who = event
        with open(os.path.join(folder, ".git", "floor.lock"), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tip = git.references.get(ref)
            if new and tip:
                return False
            builder = git.TreeBuilder()
            for name, data in contents:
                builder.insert(name, git.create_blob(salt + data[len(salt) :]), _BLOB)
            parents = [tip.target] if tip else []
            text = git.create_commit_string(who, who, message, builder.write(), parents)
            made = git.write(pygit2.GIT_OBJECT_COMMIT, text.encode())
            before = tip.target if tip else pygit2.Oid(raw=bytes(20))
            backend.write(pygit2.Reference(ref, made, None), True, who, "", before, None)  # noqa: FBT003
        return True

    numbers = itertools.count()

    def once() -> None:
        number = next(numbers)
        for event in events:
            write(f"{place}/F{os.getpid()}-{number}", b"%010d%010d" % (os.getpid(), number), event)

    if not works:
        in_rounds(once)
        return
    print("ready", flush=True)
    sys.stdin.readline()
    started, had = time.time(), 0
    for number in range(int(works)):
        ref, salt = f"{place}/W{number}", b"%010d%010d" % (os.getpid(), number)
        if write(ref, salt, events[1], new=True):
            write(ref, salt, events[2])
            had += 1
    print(started, time.time(), had, flush=True)


def in_rounds(once: Callable[[], object]) -> None:
    """Say "ready", then for each number read from standard input do `once` so often and print how it went.

    A line each: start and end (seconds of the system's clock), and the milliseconds of every time.
    """
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        started = time.time()
        for _ in range(int(line)):
            before = time.perf_counter()
            once()
            times.append((time.perf_counter() - before) * 1000)
        print(started, time.time(), *times, flush=True)


def parse(folder: str, share: str = "") -> None:
    """Read every document of `folder` and find its blocks with stock markdown-it, on all cores.

    The process starts one for each core (8 at most), which is given its number as `share`.
    """
    workers = min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, _WORKERS)
    if not share:
        command = (sys.executable, os.path.abspath(__file__), "parse", folder)
        started = [subprocess.Popen((*command, str(number))) for number in range(workers)]
        if any(process.wait() for process in started):
            sys.exit("a process that parses failed")
        return
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").disable(["inline", "text_join"])
    for path in sorted(_files(folder))[int(share) :: workers]:
        with open(path, encoding="utf-8") as file:
            parser.parse(file.read())


def digest(folder: str) -> None:
    """Read every document of `folder` and hash it, in this process."""
    import hashlib

    for path in _files(folder):
        with open(path, "rb") as file:
            hashlib.sha1(file.read()).digest()


def migrate(source: str, target: str, stream: str) -> None:
    """Read `source`, and let ``git fast-import`` write the commits of `stream` to the repository `target`.

    A repository is read by one ``git cat-file`` of all its objects. Any other folder is parsed and copied.
    """
    if os.path.isdir(os.path.join(source, ".git")):
        names = _output("git", "rev-list", "--all", "--objects", "--no-object-names", cwd=source)
        _output("git", "cat-file", "--batch", cwd=source, stdin=names)
    else:
        import shutil

        parse(source)
        shutil.copytree(source, os.path.join(target, "copy"))
    with open(stream, "rb") as file:
        subprocess.run(("git", "fast-import", "--quiet"), cwd=target, stdin=file, check=True)


def join(folder: str, url: str, ref: str) -> None:
    """Fetch `ref`, and read the events of both sides: their objects by one ``git cat-file``, then as JSON."""
    theirs = "refs/floor/theirs"
    _output("git", "fetch", "--quiet", url, f"+{ref}:{theirs}", cwd=folder)
    commits = _output("git", "rev-list", ref, theirs, cwd=folder).split()
    wanted = b"".join(b"%b\n%b:event.json\n%b:state.json\n" % (commit, commit, commit) for commit in commits)
    answer = _output("git", "cat-file", "--batch", cwd=folder, stdin=wanted)
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        _, kind, size = answer[at:end].split()
        if kind == b"blob":
            json.loads(answer[end + 1 : end + 1 + int(size)])
        at = end + int(size) + 2


def _files(folder: str) -> Iterator[str]:
    for where, _, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in names if name.endswith(".md"))


def _output(*command: str, cwd: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(command, cwd=cwd, input=stdin, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    {
        "append": append,
        "lives": lives,
        "parse": parse,
        "digest": digest,
        "migrate": migrate,
        "join": join,
    }[sys.argv[1]](*sys.argv[2:])
