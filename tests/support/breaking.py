"""Broken states of a repository, as data: how each is made, what has to be said of it, what may be mended.

`tests/end_to_end/test_broken_states.py` makes each of them in a real repository, and
`docs/reference/broken-states.md` shows them as a table.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from typing import NamedTuple

PROJECT = "refs/idse/projects/portal"
BLUEPRINT = "refs/idse/sessions/portal/__blueprint__"
REF = "refs/idse/sessions/portal/login"
ALIAS = "refs/idse/sessions/portal/alias"
GONE = "refs/idse/sessions/portal/gone"
NOTES = "refs/idse/notes/commits"
CURRENT = "refs/worktree/idse/session"
TRACKED = "refs/idse-local/remotes/agency"
VIEW = ".idse/projects/portal/CURRENT_SESSION"
STATE_VIEW = ".idse/projects/portal/session_state.json"
NOWHERE = "1" * 40
HOUR = 3600.0


class Victim:
    """A repository with project portal, its sessions __blueprint__ and login, and an Agency that has all."""

    def __init__(self, repo):
        self.repo = repo
        self.git = repo.git
        self.path = repo.path
        self.dot = repo.path / ".git"

    def write(self, name, content, *, old=False):
        """Writes a file of the git directory."""
        path = self.repo.write(f".git/{name}", content)
        if old:
            then = time.time() - HOUR
            os.utime(path, (then, then))

    def id(self, rev):
        return self.git("rev-parse", rev)

    def point(self, ref, rev):
        self.git("update-ref", ref, self.id(rev))

    def drop(self, *refs):
        for ref in refs:
            self.git("update-ref", "-d", ref)

    def blob(self, text):
        return self.git("hash-object", "-w", "--stdin", stdin=text)

    def amend(self, ref=REF, **changed):
        """Puts another commit in the place of a tip: name to content, None to leave it out."""
        rows = {row.partition("\t")[2]: row for row in self.git("ls-tree", ref).splitlines()}
        for key, content in changed.items():
            name = key.replace("_", ".")
            rows.pop(name)
            if content is not None:
                rows[name] = f"100644 blob {self.blob(content)}\t{name}"
        tree = self.git("mktree", stdin="".join(f"{row}\n" for row in rows.values()))
        above = self.git("log", "-1", "--format=%P", ref).split()
        parents = [word for parent in above for word in ("-p", parent)]
        message = self.git("log", "-1", "--format=%B", ref) + "\n"
        self.point(ref, self.git("commit-tree", tree, *parents, stdin=message))

    def state(self, ref=REF, **changed):
        """Puts a tip there whose state says something else."""
        state = {**json.loads(self.git("show", f"{ref}:state.json")), **changed}
        self.amend(ref, state_json=json.dumps(state, sort_keys=True, separators=(",", ":")))

    def loose(self, rev):
        name = self.id(rev)
        path = self.dot / "objects" / name[:2] / name[2:]
        path.chmod(0o644)
        return path

    def lose(self, rev):
        self.loose(rev).unlink()

    def truncate(self, rev, size=None):
        path = self.loose(rev)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2 if size is None else size])

    def pack(self):
        """Returns the one pack that holds everything."""
        self.git("repack", "-qad")
        (pack,) = (self.dot / "objects/pack").glob("*.pack")
        for path in (pack, pack.with_suffix(".idx")):
            path.chmod(0o644)
        return pack

    def flip_packed(self, rev):
        """Turns a byte of an object in a pack over."""
        pack, name = self.pack(), self.id(rev)
        rows = (row.split() for row in self.git("verify-pack", "-v", str(pack)).splitlines())
        flip(pack, next(int(row[4]) + 5 for row in rows if row[0] == name))

    def no_clue(self, *refs):
        """Takes refs away, and what the Agency is known to have of them."""
        self.drop(*refs, *(ref.replace("refs/idse", TRACKED) for ref in refs))


def flip(path, at):
    """Turns the bits of one byte over."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))


class Broken(NamedTuple):
    """One broken state.

    `check` of doctor gives the `verdict` and `says` so; "error": doctor itself ends with this error code.
    `fsck` says this, "" : it finds the ledgers sound. `mended`: patterns of what ``--fix`` may change, and
    must bring in order; without one it leaves that as it is, and a `step` for a person stands there. `typed`:
    the steps that stand there, typed as they are, bring it in order. `also`: what follows from it, and is
    written anew.
    """

    what: str
    make: Callable[[Victim], object]
    check: str
    says: str
    verdict: str = "problem"
    fsck: str = ""
    mended: tuple[str, ...] = ()
    step: str = ""
    typed: bool = False
    also: str = ""

    @property
    def code(self):
        """The exit code of doctor."""
        return {"problem": 1, "error": 2}.get(self.verdict, 0)


def _of_ref(ref):
    return (f".git/{ref}", f".git/logs/{ref}", *(f".git/{part}{_above(ref)}" for part in ("", "logs/")))


def _above(ref):
    return ref.rpartition("/")[0]


TIP = "ledger refs"
LOST = "lost ledgers"
BACK = f"git update-ref {REF} "
FETCH = "git fetch --refetch REMOTE"


def _tip(what, make, says, fsck, step=BACK, *, typed=True):
    return Broken(what, make, TIP, says, fsck=fsck, step=step, typed=typed)


def _lost(what, make, says, ref=REF, fsck=""):
    return Broken(what, make, LOST, says, fsck=fsck, mended=_of_ref(ref))


def _lock(name):
    return Broken(
        f"`{name}` of git, an hour old",
        lambda victim: victim.write(name, "", old=True),
        "git locks",
        f"{name} (1 hour old)",
        step=f"{name}  # if no git is at work here",
        typed=True,
    )


def _file_over_folder(victim):
    victim.git("pack-refs", "--all")
    shutil.rmtree(victim.dot / "refs/idse/sessions/portal", ignore_errors=True)
    victim.write("refs/idse/sessions/portal", victim.id(PROJECT) + "\n")


def _packed(victim, change):
    victim.git("pack-refs", "--all")
    victim.write("packed-refs", change((victim.dot / "packed-refs").read_bytes()))


def _borrowed(victim):
    store = victim.path.parent / "store"
    (victim.dot / "objects").rename(store)
    for name in ("info", "pack"):
        (victim.dot / "objects" / name).mkdir(parents=True)
    victim.write("objects/info/alternates", f"{store}\n")
    store.rename(victim.path.parent / "moved")


def _linked(victim):
    elsewhere = victim.path.parent / "elsewhere"
    (victim.path / ".idse").rename(elsewhere)
    (victim.path / ".idse").symlink_to(elsewhere)


def _other_python(victim):
    for path in (victim.dot / "hooks").iterdir():
        if b"idse-hook" in path.read_bytes():
            from idse_orchestrator.worktree.hook import shim

            path.write_bytes(shim(path.name, "/gone/venv/bin/idse"))


def _edited_hook(victim):
    hook = victim.dot / "hooks/pre-commit"
    hook.write_text(hook.read_text() + "echo mine\n")


def _private_file(victim):
    shutil.rmtree(victim.dot / "idse")
    victim.write("idse", "x")


def _log_folder(victim):
    (victim.dot / "idse/log").unlink(missing_ok=True)
    (victim.dot / "idse/log").mkdir()


def _partial(victim):
    victim.git("config", "remote.agency.promisor", "true")
    victim.git("config", "remote.agency.partialclonefilter", "blob:none")


def _sync_ref(victim):
    return victim.git("for-each-ref", "--format=%(refname)", "refs/idse/sync")


STATES = (
    # what stands at a tip
    _tip(
        "`state.json` at a tip is no JSON",
        lambda victim: victim.amend(state_json="{"),
        f"{REF}: Invalid JSON",
        "state-schema",
    ),
    _tip(
        "`state.json` at a tip is empty",
        lambda victim: victim.amend(state_json=""),
        f"{REF}: Invalid JSON",
        "state-schema",
    ),
    _tip(
        "`state.json` at a tip is JSON of another shape",
        lambda victim: victim.amend(state_json='{"format":1}'),
        "Field required",
        "state-schema",
    ),
    _tip(
        "a value in `state.json` at a tip is of the wrong kind",
        lambda victim: victim.state(stages=3),
        "stages: Input should be an object",
        "state-schema",
    ),
    _tip(
        "`state.json` at a tip has a newer format",
        lambda victim: victim.state(format=9),
        "format 9 needs a newer idse",
        "newer-format",
        "pip install --upgrade idse-orchestrator",
        typed=False,
    ),
    _tip(
        "`state.json` is missing from a tip",
        lambda victim: victim.amend(state_json=None),
        "there is no state.json",
        "missing-state",
    ),
    _tip(
        "`event.json` is missing from a tip",
        lambda victim: victim.amend(event_json=None),
        "there is no event.json",
        "missing-event",
    ),
    _tip(
        "`event.json` at a tip is no JSON",
        lambda victim: victim.amend(event_json="{"),
        "Invalid JSON",
        "event-schema",
    ),
    _tip(
        "`state.json` of a project is no JSON",
        lambda victim: victim.amend(PROJECT, state_json="{"),
        f"{PROJECT}: Invalid JSON",
        "state-schema",
        f"git update-ref {PROJECT} ",
    ),
    _tip(
        "the ref of one session stands in the history of another",
        lambda victim: victim.point(REF, BLUEPRINT),
        "state.json is of session portal/__blueprint__",
        "other-ledger",
    ),
    # objects
    _tip(
        "`state.json` of a tip is missing from the objects",
        lambda victim: victim.lose(f"{REF}:state.json"),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "a document of a tip is missing from the objects",
        lambda victim: victim.lose(f"{REF}:artifacts/spec.md"),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the tree of a tip is missing",
        lambda victim: victim.lose(f"{REF}^{{tree}}"),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the folder of documents of a tip is missing",
        lambda victim: victim.lose(f"{REF}:artifacts"),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the commit at a tip is missing",
        lambda victim: victim.lose(REF),
        "an object that is not here",
        "missing-object",
        FETCH,
    ),
    _tip(
        "a commit below a tip is missing",
        lambda victim: victim.lose(f"{REF}~1"),
        "below it is missing or damaged",
        "missing-object",
        FETCH,
    ),
    Broken(
        "a tree below a tip is missing",
        lambda victim: victim.lose(f"{REF}~1^{{tree}}"),
        TIP,
        "idse fsck reads all below",
        "ok",
        fsck="missing-object",
    ),
    Broken(
        "a file below a tip is missing",
        lambda victim: victim.lose(f"{REF}~1:state.json"),
        TIP,
        "idse fsck reads all below",
        "ok",
        fsck="missing-object",
    ),
    _tip(
        "the tree of the notes is missing",
        lambda victim: victim.lose(f"{NOTES}^{{tree}}"),
        f"{NOTES}: ",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the object file of a tip is empty",
        lambda victim: victim.truncate(REF, 0),
        "an object that is not here",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the object file of a `state.json` is empty",
        lambda victim: victim.truncate(f"{REF}:state.json", 0),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "the object file of a document is cut off",
        lambda victim: victim.truncate(f"{REF}:artifacts/spec.md"),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "one byte of the object file of a document is another",
        lambda victim: flip(victim.loose(f"{REF}:artifacts/spec.md"), 90),
        "is missing or damaged",
        "missing-object",
        FETCH,
    ),
    _tip(
        "one byte of a pack is another",
        lambda victim: victim.flip_packed(f"{REF}:state.json"),
        "is missing or damaged",
        "missing-object",
        FETCH,
        typed=False,
    ),
    Broken(
        "the index of a pack is gone",
        lambda victim: victim.pack().with_suffix(".idx").unlink(),
        "object folders",
        "packs without an index",
        fsck="missing-object",
        step="git index-pack ",
        typed=True,
    ),
    Broken(
        "the folder that objects are borrowed from (`alternates`) is gone",
        _borrowed,
        "object folders",
        "objects are borrowed from a folder that is gone",
        fsck="missing-object",
        step="bring it back",
    ),
    # refs of ledgers
    _tip(
        "a ledger's ref points at an annotated tag",
        lambda victim: (victim.git("tag", "-a", "-m", "t", "t", REF), victim.point(REF, "t")),
        "points at a tag",
        "ref-kind",
    ),
    _tip(
        "a ledger's ref points at a file",
        lambda victim: victim.point(REF, victim.blob("x")),
        "points at a blob",
        "ref-kind",
    ),
    _tip(
        "a ledger's ref points at a tree",
        lambda victim: victim.point(REF, f"{REF}^{{tree}}"),
        "points at a tree",
        "ref-kind",
    ),
    _tip(
        "a ledger's ref points at source code",
        lambda victim: victim.point(REF, "HEAD"),
        "no ledger commit",
        "foreign-tip",
    ),
    _tip(
        "a ledger's ref points at an object that never was here",
        lambda victim: victim.write(REF, f"{NOWHERE}\n"),
        "an object that is not here",
        "missing-object",
        BACK,
    ),
    _lost(
        "the file of a ledger's ref is empty",
        lambda victim: victim.write(REF, ""),
        f"{REF} holds no commit",
        fsck="ref-broken",
    ),
    _lost(
        "the file of a ledger's ref holds rubbish",
        lambda victim: victim.write(REF, "rubbish\n"),
        f"{REF} holds no commit",
        fsck="ref-broken",
    ),
    _lost(
        "the file of a ledger's ref holds NUL bytes",
        lambda victim: victim.write(REF, b"\0" * 41),
        f"{REF} holds no commit",
        fsck="ref-broken",
    ),
    _lost(
        "the file of a project's ref is empty",
        lambda victim: victim.write(PROJECT, ""),
        f"{PROJECT} holds no commit",
        PROJECT,
        "ref-broken",
    ),
    _lost(
        "the file of the notes' ref is empty",
        lambda victim: victim.write(NOTES, ""),
        f"{NOTES} holds no commit",
        NOTES,
        "ref-broken",
    ),
    _lost(
        "a ledger's ref leads to a ref that is not there",
        lambda victim: victim.git("symbolic-ref", REF, GONE),
        f"{REF} holds no commit",
        fsck="and nothing is there",
    ),
    _lost(
        "a ledger's ref leads to itself",
        lambda victim: victim.git("symbolic-ref", REF, REF),
        f"{REF} holds no commit",
        fsck="and nothing is there",
    ),
    _tip(
        "a new name leads to a ref that is not there",
        lambda victim: victim.git("symbolic-ref", ALIAS, GONE),
        f"{ALIAS}: it leads to {GONE}, and nothing is there",
        "and nothing is there",
        f"git symbolic-ref --delete {ALIAS}",
    ),
    _tip(
        "a ledger's ref leads to another ledger",
        lambda victim: victim.git("symbolic-ref", ALIAS, BLUEPRINT),
        f"{ALIAS}: it leads to {BLUEPRINT}",
        "ref-symbolic",
        f"git symbolic-ref --delete {ALIAS}",
    ),
    _tip(
        "a ledger's ref leads to a branch",
        lambda victim: victim.git("symbolic-ref", ALIAS, "refs/heads/main"),
        f"{ALIAS}: it leads to refs/heads/main",
        "ref-symbolic",
        f"git symbolic-ref --delete {ALIAS}",
    ),
    _lost("a session's ref was deleted", lambda victim: victim.drop(REF), f"{REF} is gone"),
    _lost(
        "a project's ref was deleted",
        lambda victim: victim.drop(PROJECT),
        f"{PROJECT} is gone",
        PROJECT,
        "missing-project",
    ),
    Broken(
        "a project's ref was deleted, and nothing tells where it stood",
        lambda victim: victim.no_clue(PROJECT),
        "projects",
        "the ledger of their project is not: portal",
        fsck="missing-project",
        step="idse init portal",
        typed=True,
    ),
    _lost("the notes' ref was deleted", lambda victim: victim.drop(NOTES), f"{NOTES} is gone", NOTES),
    _lost(
        "the ref of this clone's sync points was deleted",
        lambda victim: victim.drop(_sync_ref(victim)),
        "refs/idse/sync/",
        "refs/idse/sync/*",
    ),
    Broken(
        "`packed-refs` is empty",
        lambda victim: _packed(victim, lambda _: b""),
        LOST,
        f"{PROJECT} is gone",
        mended=(".git/refs/idse*", ".git/logs/refs/idse/*"),
    ),
    Broken(
        "`packed-refs` holds a line that is none",
        lambda victim: _packed(victim, lambda content: content + b"rubbish\n"),
        TIP,
        "unexpected line in .git/packed-refs",
        fsck="unexpected line in .git/packed-refs",
        step="take the line that git names out of packed-refs",
    ),
    Broken(
        "`packed-refs` is cut off",
        lambda victim: _packed(victim, lambda content: content[:-30]),
        TIP,
        "unterminated line in .git/packed-refs",
        fsck="unterminated line in .git/packed-refs",
        step="take the line that git names out of packed-refs",
    ),
    _tip(
        "a ref stands where the folder of other refs has to be",
        _file_over_folder,
        "refs/idse/sessions/portal: no session can have this name",
        "ref-name",
        "idse fsck",
        typed=False,
    ),
    Broken(
        "a folder with files in it stands where a ref has to be",
        lambda victim: ((victim.dot / REF).unlink(), victim.write(f"{REF}/inner/file", "x")),
        LOST,
        f"{REF} is gone",
        fsck="ref-broken",
        step="move away what stands in its way",
    ),
    _tip(
        "a ref has a name that idse does not give",
        lambda victim: victim.point("refs/idse/sessions/portal/-x", REF),
        "no session can have this name",
        "ref-name",
        "idse fsck",
        typed=False,
    ),
    Broken(
        "a ledger was set back to an older commit",
        lambda victim: victim.point(REF, f"{REF}~1"),
        "moved back",
        f"{REF} was at ",
        step=f"git update-ref {REF} ",
        typed=True,
    ),
    Broken(
        "the reflog of a ledger is gone",
        lambda victim: (victim.dot / "logs" / REF).unlink(),
        "reflogs",
        f"missing for {REF}",
        "warning",
        mended=(f".git/logs/{REF}",),
    ),
    # what git is told to show instead
    Broken(
        "a graft gives a ledger commit other parents",
        lambda victim: victim.write("info/grafts", f"{victim.id(REF)} {victim.id('HEAD')}\n"),
        "other histories",
        "grafts give ledger commits other parents",
        fsck="grafted",
        step="take the lines of these commits out of ",
    ),
    Broken(
        "a graft gives a commit of the branch other parents",
        lambda victim: victim.write("info/grafts", f"{victim.id('HEAD')}\n"),
        "other histories",
        "git has given up grafts",
        "warning",
        step="git replace --convert-graft-file",
        typed=True,
    ),
    Broken(
        "a clone is shallow, and ledgers are cut",
        lambda victim: victim.write("shallow", f"{victim.id(REF)}\n"),
        "repository",
        "this clone is shallow: ledgers are cut at ",
        "warning",
        fsck="cut-history",
        step="git fetch --unshallow REMOTE",
        typed=True,
    ),
    Broken(
        "`git replace` shows another ledger commit",
        lambda victim: victim.git("replace", victim.id(REF), victim.id(BLUEPRINT)),
        "other histories",
        "replacements hide what ledgers hold",
        step="git replace -d ",
        typed=True,
    ),
    Broken(
        "`git replace` shows another `state.json`",
        lambda victim: victim.git("replace", victim.id(f"{REF}:state.json"), victim.blob("{")),
        "other histories",
        "replacements hide what ledgers hold",
        step="git replace -d ",
        typed=True,
    ),
    # locks
    *map(_lock, ("packed-refs.lock", "index.lock", "config.lock", "HEAD.lock", "shallow.lock")),
    _lock("refs/heads/main.lock"),
    _lock(f"{TRACKED}/sessions/portal/login.lock"),
    Broken(
        "the lock of a ledger's ref, of a process that is gone",
        lambda victim: victim.write(f"{REF}.lock", "", old=True),
        "lock files",
        f"left by a killed process: {REF}.lock",
        mended=(f".git/{REF}.lock",),
    ),
    Broken(
        "idse's own lock, of a process that is gone",
        lambda victim: victim.write("idse/lock", "4711", old=True),
        "lock files",
        "no ref is locked",
        "ok",
    ),
    # idse's own files
    Broken(
        "something else stands among the commits that wait for a note",
        lambda victim: victim.write("idse/spool/rubbish", "x"),
        "spool",
        "what stands among the commits that wait, and is none",
        "warning",
        step="look at it, then move it away",
    ),
    Broken(
        "idse's log is a folder",
        _log_folder,
        "private folder",
        "cannot be written: what went wrong in hooks is not kept",
        "warning",
        step="mv ",
        typed=True,
    ),
    Broken(
        "the id of this clone is rubbish",
        lambda victim: victim.write("idse/replica", "rubbish"),
        "private folder",
        "holds no id",
        "warning",
        step="the next event makes a new id",
        typed=True,
        also=STATE_VIEW,
    ),
    Broken(
        "`.git/idse` is a file",
        _private_file,
        "private folder",
        "is not a folder",
        step="move ",
        also=STATE_VIEW,
    ),
    Broken(
        "`.idse` is a symbolic link",
        _linked,
        "folder .idse",
        ".idse is a symbolic link",
        step="put the folder itself where .idse is",
    ),
    Broken(
        "the current session does not exist",
        lambda victim: victim.git("symbolic-ref", CURRENT, GONE),
        "current session",
        f"{CURRENT} leads to portal/gone, which has no ledger",
        mended=(f".git/{CURRENT}",),
    ),
    *(
        Broken(
            f"the ref of the current session {how}",
            lambda victim, content=content: victim.write(CURRENT, content),
            "current session",
            f"{CURRENT} leads to no session",
            mended=(f".git/{CURRENT}",),
        )
        for how, content in {
            "holds rubbish": "rubbish\n",
            "is empty": "",
            "is a commit id": f"{NOWHERE}\n",
        }.items()
    ),
    Broken(
        "a view says something else",
        lambda victim: victim.repo.write(VIEW, "another"),
        "views",
        f"not what the refs say: {VIEW}",
        "warning",
        mended=(VIEW,),
    ),
    Broken(
        "a folder stands where a view has to be",
        lambda victim: ((victim.path / VIEW).unlink(), (victim.path / VIEW).mkdir()),
        "views",
        f"not what the refs say: {VIEW}",
        "warning",
        step="move away what stands there",
    ),
    Broken(
        "`info/exclude` is gone",
        lambda victim: (victim.dot / "info/exclude").unlink(),
        "ignored views",
        "has no rules for views",
        "warning",
        mended=(".git/info/exclude",),
    ),
    Broken(
        "git is not told to show notes",
        lambda victim: victim.git("config", "--unset-all", "notes.displayRef"),
        "notes in git log",
        "does not show them",
        "warning",
        mended=(".git/config",),
    ),
    # hooks
    Broken(
        "all hooks are gone",
        lambda victim: shutil.rmtree(victim.dot / "hooks"),
        "hooks",
        "no hook is installed",
        "warning",
        step="idse hooks install",
        typed=True,
    ),
    Broken(
        "one hook is gone",
        lambda victim: (victim.dot / "hooks/pre-commit").unlink(),
        "hooks",
        "pre-commit is missing",
        mended=(".git/hooks/pre-commit",),
    ),
    Broken(
        "a hook is not executable",
        lambda victim: (victim.dot / "hooks/pre-commit").chmod(0o644),
        "hooks",
        "pre-commit is not executable",
        mended=(".git/hooks/pre-commit",),
    ),
    Broken(
        "hooks start an idse that is gone",
        _other_python,
        "hooks",
        "pre-commit is outdated",
        "warning",
        mended=(".git/hooks/p*",),
    ),
    Broken(
        "somebody changed a hook of idse",
        _edited_hook,
        "hooks",
        "pre-commit is edited",
        step="move the edited hook away",
    ),
    Broken(
        "git looks for hooks elsewhere",
        lambda victim: victim.git("config", "core.hooksPath", "elsewhere"),
        "hooks",
        "pre-commit is disabled",
        step="git config --get-all --show-origin core.hooksPath",
        typed=True,
    ),
    # the Agency
    Broken(
        "the git remote of the Agency is gone",
        lambda victim: victim.git("config", "--remove-section", "remote.agency"),
        "Agency",
        "this clone was synced before, and no Agency is configured now",
        "warning",
        step="idse sync setup URL",
        typed=True,
    ),
    Broken(
        "the Agency's URL is empty",
        lambda victim: victim.git("config", "remote.agency.url", ""),
        "Agency",
        "the git remote agency has an empty URL",
        step="git remote set-url agency URL",
        typed=True,
    ),
    Broken(
        "the Agency's folder is gone",
        lambda victim: victim.git("config", "remote.agency.url", "/nowhere/agency.git"),
        "Agency",
        "/nowhere/agency.git is not there",
        "warning",
        step="git remote set-url agency URL",
    ),
    # the branch
    Broken(
        "the branch's constitution cannot be read",
        lambda victim: victim.repo.write(".idse/constitution.yaml", "{"),
        "rules",
        "the constitution is not readable YAML",
        step="mend that line",
    ),
    Broken(
        "the branch points at a commit that is not here",
        lambda victim: victim.write("refs/heads/main", f"{NOWHERE}\n"),
        "HEAD",
        "refs/heads/main leads to 111111111111, which is missing or damaged",
        step="git fsck",
    ),
    Broken(
        "the commit of HEAD is missing",
        lambda victim: victim.lose("HEAD"),
        "HEAD",
        "which is missing or damaged",
        step="git fsck",
    ),
    Broken(
        "the file of the branch's ref is empty",
        lambda victim: victim.write("refs/heads/main", ""),
        "HEAD",
        "refs/heads/main holds no commit id",
        step="git fsck",
    ),
    Broken(
        "HEAD is a branch without a commit",
        lambda victim: victim.git("symbolic-ref", "HEAD", "refs/heads/unborn"),
        "HEAD",
        "refs/heads/unborn has no commit yet",
        "ok",
    ),
    Broken(
        "the index is empty",
        lambda victim: victim.write("index", ""),
        "index",
        "index file smaller than expected",
        step="git reset",
        typed=True,
    ),
    Broken(
        "the index holds rubbish",
        lambda victim: victim.write("index", "rubbish" * 10),
        "index",
        "index file corrupt",
        step="git reset",
        typed=True,
    ),
    # what git itself refuses
    Broken(
        "HEAD holds rubbish",
        lambda victim: victim.write("HEAD", "rubbish\n"),
        "IDSE002",
        "its HEAD names no branch and no commit",
        "error",
        step="the branch you were on: ref: refs/heads/NAME",
    ),
    Broken(
        "the folder `.git/refs` is gone",
        lambda victim: (victim.git("pack-refs", "--all"), shutil.rmtree(victim.dot / "refs")),
        "IDSE002",
        "it has no folder refs",
        "error",
        step="mkdir ",
    ),
    Broken(
        "git's configuration holds a line that is none",
        lambda victim: victim.write("config", (victim.dot / "config").read_text() + "[rubbish\n"),
        "IDSE002",
        "bad config line",
        "error",
        step="in an editor",
    ),
    Broken(
        "a partial clone: objects are promised, and not here",
        _partial,
        "IDSE003",
        "this is a partial clone",
        "error",
        step="git clone URL",
    ),
)
