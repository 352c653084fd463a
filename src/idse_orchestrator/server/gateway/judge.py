"""The judge: one warm process that forks for each push, and answers on a socket that only its user can open.

To start Python with all that judging needs takes seven times as long as a whole push, so it is started once.
It knows no key and no database. Each push has a child of its own, with limits on its memory and its time:
what one push does to its child harms no other. Where the kernel has Landlock, the judge can open neither the
database nor the secrets, nor anything else but what judging needs, and a child no other client's repository.

`serve` starts it, and it ends with `serve`: its standard input is a pipe that closes then.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from tempfile import gettempdir

from idse_orchestrator.base.confined import confine
from idse_orchestrator.base.names import loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.in_force import InstalledChecks, installed_checks
from idse_orchestrator.documents.design_reference import CATALOGUE
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.kinds import Kinds
from idse_orchestrator.server.judgement.examine import examine
from idse_orchestrator.server.judgement.judge import RULES_BROKEN, judge_push, prepare
from idse_orchestrator.server.judgement.pushed import SEALED
from idse_orchestrator.server.model.examination import (
    MARK,
    Examination,
    Examined,
    examination_from_json,
    examined_to_json,
)
from idse_orchestrator.server.model.push import (
    OWN,
    SCOPES,
    Caller,
    Question,
    Verdict,
    question_from_json,
    verdict_to_json,
    words_of,
)
from idse_orchestrator.server.tenants.home import PING

_MEMORY = 2 * 1024 * 1024 * 1024
_PATIENCE = 660
"""Seconds that a child waits for its question: a push may take ten minutes to arrive."""
SOON = b"soon "
"""How a line begins that comes before a question, with the home and the repository that it will be about."""
LARGEST = 64 * 1024 * 1024
"""Bytes of a question: 100,000 moves of refs have about 20 MB."""


class Bench(NamedTuple):
    """What every judgement needs: kinds of ledgers, check verbs that the Agency allows, git's environment.

    One that takes longer than `seconds` ends, and nothing is taken. `rehearsal` is asked of a child for
    whose question there is still time.
    """

    kinds: Kinds
    checks: InstalledChecks
    environment: Mapping[str, str]
    seconds: int
    rehearsal: Question | None = None


READY = b"ready\n"

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/proc", "/dev/urandom"),
    *(
        "/etc/ld.so.cache",
        "/etc/ld.so.preload",
        "/etc/localtime",
        "/etc/passwd",
        "/etc/nsswitch.conf",
        "/etc/gitconfig",
    ),
)
"""What programs and Python read of the system."""


_READ = ("rules", os.path.dirname(CATALOGUE))
"""Folders of a home whose rules and designs are read."""


@cache
def _programs(search: str) -> tuple[str, ...]:
    """Returns what has to be read to run Python and the programs on the PATH `search`."""
    wanted = (*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path, *search.split(os.pathsep))
    found: list[str] = []
    for path in sorted({os.path.realpath(path) for path in wanted if os.path.isabs(path)}):
        if path != "/" and os.path.exists(path) and not (found and path.startswith(f"{found[-1]}/")):
            found.append(path)
    return tuple(found)


def _confine(home: str, git_dir: str, search: str) -> None:
    """Leaves a child what it needs: rules, designs, kept verdicts, a place for files, and one repository."""
    read = (os.path.join(home, name) for name in _READ)
    cache = os.path.join(home, "cache")
    confine([*_programs(search), *read], ["/dev/null", cache, gettempdir(), git_dir])


def serve(listener: socket.socket, bench: Bench) -> None:
    """Answers on `listener` until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel takes the dead away
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key in the terminal is for `serve`, which drains first
    gc.collect()
    gc.freeze()  # no page of what is loaded is written to by the collector of a child
    os.write(sys.stdout.fileno(), READY)
    gone = sys.stdin.fileno()
    while True:
        readable, _, _ = select.select([listener, gone], [], [])
        if gone in readable:
            return
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                _fork(listener, connection, bench)


def _fork(listener: socket.socket, connection: socket.socket, bench: Bench) -> None:
    if os.fork():  # noqa: TID251 - this process has no threads; all that it imports was looked at for that
        return
    code = 1
    try:
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # it waits for the gits that it starts
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        connection.settimeout(_PATIENCE)
        data = _line(connection)
        if data.startswith(SOON):
            data = _in_time(connection, data, bench)
        if data == PING:
            connection.sendall(PING)
        elif data:
            signal.alarm(bench.seconds)
            connection.sendall(_answer(data, bench))
        code = 0
    finally:
        os._exit(code)


def _in_time(connection: socket.socket, told: bytes, bench: Bench) -> bytes:
    """Gets ready while git takes a pack in, and returns the question about it; b"" where none comes.

    A page of memory that is written to for the first time after a fork is copied: half of the time of a
    judgement is that. So the child judges something before it is asked, and has its pages by then.
    """
    told, _, question = told.partition(b"\n")
    coming = json.loads(told.removeprefix(SOON))
    if coming["rehearse"] and not question and bench.rehearsal is not None:
        with suppress(Exception):  # if it meant anything, the judgement itself would say so
            _judged(bench.rehearsal, bench)
    _confine(coming["home"], coming["git_dir"], bench.environment["PATH"])
    return _line(connection, question)


def _line(connection: socket.socket, begun: bytes = b"") -> bytes:
    """Reads one line; b"" where the other side goes before it ends, or it is beyond all measure.

    `begun` is what came of it before.
    """
    if begun.endswith(b"\n"):
        return begun
    parts = [begun]
    size = len(begun)
    while size < LARGEST:
        part = connection.recv(1 << 20)
        if not part:
            return b""
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
    return b""


def _answer(data: bytes, bench: Bench) -> bytes:
    search = bench.environment["PATH"]
    if data.startswith(MARK):
        examination = examination_from_json(data)
        _confine(examination.home, examination.git_dir, search)
        return examined_to_json(_examined(examination, bench))
    question = question_from_json(data)
    _confine(question.home, question.git_dir, search)
    return verdict_to_json(_judged(question, bench))


def _examined(examination: Examination, bench: Bench) -> Examined | IdseError:
    try:
        return examine(examination, checks=bench.checks, environment=bench.environment)
    except IdseError as error:
        return error


def _judged(question: Question, bench: Bench) -> Verdict:
    return judge_push(question, bench.kinds, checks=bench.checks, environment=bench.environment)


def soon(home: str, git_dir: str, *, rehearse: bool) -> bytes:
    """Returns the line that tells a child of the judge what its question will be about."""
    return SOON + json.dumps({"home": home, "git_dir": git_dir, "rehearse": rehearse}).encode() + b"\n"


def warm_up(git_dir: str, home: str, bench: Bench) -> Bench:
    """Judges what a repository holds, so that all that judging imports is there before anything forks.

    Returns the bench with a rehearsal: the last event of that repository once more. The rules of a home may
    be of no use: then each push that they are for is refused, and says why. Raises RuntimeError where
    anything else is refused: then something is wrong with this idse.
    """
    git = Git(git_dir, bench.environment)
    listed = git.lines("for-each-ref", "--format=%(refname) %(objectname)")
    moves = [(ref, "", head) for ref, head in (line.split(" ") for line in listed)]
    caller = Caller("", "", "", "warm-up", SCOPES)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for rules in (git_dir, home):  # by the rules that are shipped, and then by those that are here
        question = Question(git_dir, "", tuple(moves), caller, rules, today, certificate=OWN)
        verdict = judge_push(question, bench.kinds, checks=bench.checks, environment=bench.environment)
        is_good = not verdict.refused or (rules == home and verdict.refused[0].code == RULES_BROKEN)
        if not is_good or not moves:
            raise RuntimeError("; ".join(words_of(verdict)) or f"{git_dir} holds nothing to judge")
    ref, _, head = moves[0]
    before = git.text("rev-parse", f"{head}^")
    return bench._replace(rehearsal=Question(git_dir, "", ((ref, before, head),), caller, home, today))


def main() -> None:
    """Runs the judge.

    Its arguments are the listening descriptor, the table of kinds, the home, a sample repository, the PATH,
    the seconds that a judgement may take, and the check verbs that rules may use.
    """
    descriptor, found_at, home, sample, search, seconds, *checks = sys.argv[1:]
    try:
        within = [os.path.join(home, name) for name in ("cache", "git", "run")]
        read = (os.path.join(home, name) for name in _READ)
        confine([*_programs(search), *read], ["/dev/null", *within])
        bench = Bench(loaded(found_at), installed_checks(checks), {**SEALED, "PATH": search}, int(seconds))
        prepare(bench.kinds)
        bench = warm_up(sample, home, bench)
    except (IdseError, RuntimeError, OSError) as error:
        sys.exit(f"idse: the judge cannot judge: {error}")
    # Where it listens was made by `serve`, so no path is too long, and nobody else can take its place.
    with socket.socket(fileno=int(descriptor)) as listener:
        serve(listener, bench)


if __name__ == "__main__":
    main()
