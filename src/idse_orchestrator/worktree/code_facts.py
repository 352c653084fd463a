"""What the code of this repository shows of a session: read for evidence, and recorded with a completion.

A commit belongs to a session by the note that idse gave it, or by its trailer ``Idse-Task: login/1.2``.
Only commits count that HEAD reaches and did not reach when the session began. What a completion records
of them are ids, never a name or a line of code: it is published with the ledger.

Later such a commit may be gone: squashed, rebased, its branch deleted. The same change is then looked for:
by declared files that stood just so, by commits that a rewrite left the note on, by patch ids.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.commit_reader import is_shallow
from idse_orchestrator.constitution.hits import mark
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.git.object_stream import ObjectStream, find_commit, headers, is_ancestor
from idse_orchestrator.git.watching import Beside, at_once
from idse_orchestrator.ledger.commit import EVENT
from idse_orchestrator.ledger.events import CREATED
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS, session_ref

if TYPE_CHECKING:
    from idse_orchestrator.constitution.account import Account
    from idse_orchestrator.constitution.evidence import Facts, Later
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.worktree.work_tree import WorkTree

ELSEWHERE = "this repository has none of the commits that it was made on"
SHALLOW = "this clone is shallow: it holds only the latest commits"
TRAILER = "Idse-Task"

CODE = (":(top)", f":(exclude,top){WORKSPACE}")
_EVERYWHERE = ("--branches", "--tags", "--remotes")
_MOST_OLDER = 5
_MOST = 200
"""Commits that one completion records."""
_FEW = 600
"""Commits that one git lists before another could help it."""
_PATIENCE = 600.0
# No setting of the user's may change what is printed, and none what a patch id is made of.
_PLAIN = ("-c", "log.showRoot=true", "-c", "core.quotePath=true", "-c", "diff.indentHeuristic=true")
LOG = (*_PLAIN, "log", "--no-show-signature", "--no-color", "--no-notes", "--no-renames")
_LIST = (*LOG, "--no-walk=unsorted", "--stdin", "--name-only", "-c", "-z", "--format=%x01%H")
_WALK = (*LOG, "-z", f"--format=%H%x01%ct%x01%(trailers:key={TRAILER},valueonly,unfold,separator=%x2C)")
_SEALED = (
    "--basic-regexp",
    "--all-match",
    "--grep=^Idse-Stage: implementation$",
    "--grep=^Idse-To: complete$",
)
DIFF = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
"""Keeps a user's settings out of a diff."""
PATCH = ("-p", "-U3", "--diff-algorithm=myers", "--no-renames", *DIFF)


class _Walked(NamedTuple):
    """A commit since the session began: when it was made (seconds), and what its trailers say."""

    id: str
    at: int
    trailers: str


class _Found(NamedTuple):
    """Commits since a session began, the newest first; what those of it change; which tasks trailers name."""

    walked: list[str]
    changed: dict[str, tuple[str, ...]]
    tasks: Mapping[str, tuple[str, ...]]


class CodeFacts:
    """The code at `rev` of a work tree's repository.

    `settle` sees to it that commits which wait for their note have it.
    """

    def __init__(self, work_tree: WorkTree, settle: Callable[[], object], rev: str = "HEAD") -> None:
        self._git = work_tree.git
        self._is_shallow = is_shallow(work_tree)
        self._settle = settle
        self._rev = rev
        self._beside = Beside()
        self._found: dict[SessionKey, _Found] = {}
        self._heads: dict[SessionKey, Sequence[str] | None] = {}

    @cached_property
    def _head(self) -> str:
        return find_commit(self._git, self._rev) or ""

    def begin(self, key: SessionKey, state: SessionState) -> None:
        """Starts to read the commits of a session, beside whatever is done until `facts` are asked for."""
        self._settle()
        if not self._is_shallow:
            self._beside.start(lambda: self._find(key, state))

    def facts(self, key: SessionKey, state: SessionState, account: Account) -> Facts:
        """Returns what is here of the code of a session, as far as `account` speaks of it."""
        from idse_orchestrator.constitution.evidence import CodeCommit, Facts

        if self._is_shallow:
            return Facts(unseen=SHALLOW)
        here, missing, absent = self._looked_up(account)
        recorded = self._recorded([key]).get(key, {})
        self._beside.wait()
        if key not in self._found:
            self._settle()
            self._find(key, state)
        walked, changed, tasks = self._found[key]
        if self._is_elsewhere(key, ()):
            return Facts(unseen=ELSEWHERE)
        named = account.named(walked)
        changed.update(self._changed([name for name in walked if name in named and name not in changed]))
        before = sorted(here.difference(walked))[:_MOST_OLDER]
        older = frozenset(name for name in before if is_ancestor(self._git, name, self._head))
        kept = None
        if recorded.get("commits") and not self._gone(key, state, recorded):
            kept = frozenset(recorded.get("tasks", ()))
            missing -= {
                name for name in missing if any(each.startswith(name) for each in recorded["commits"])
            }
        own = tuple(CodeCommit(name, changed[name], tasks[name]) for name in walked if name in changed)
        return Facts(self._head, own, len(walked) - len(own), missing, older, absent, kept)

    def _find(self, key: SessionKey, state: SessionState) -> None:
        """Finds the commits since a session began, and what those that are linked to it change."""
        noted, walked = at_once(lambda: self._noted(key), lambda: self._since(key, state))
        tasks = {each.id: _tasks(key, each.trailers, is_noted=each.id in noted) for each in walked}
        own = [each.id for each in walked if each.id in noted or tasks[each.id]]
        self._found[key] = _Found([each.id for each in walked], dict(self._changed(own)), tasks)

    def record(self, key: SessionKey, account: Account, facts: Facts) -> dict[str, Any]:
        """Returns what the completion of a session's implementation keeps of `facts`."""
        if facts.unseen:
            return {"unseen": facts.unseen}
        code = [commit.id for commit in facts.commits if commit.paths][:_MOST]
        if not code:
            return {"head": facts.head, **({"no_code": account.no_code} if account.no_code else {})}
        from idse_orchestrator.constitution.account import place_of

        declared = [path for path in account.paths if path not in facts.absent]
        found = headers(self._git, (f"{facts.head}:{place_of(path)}" for path in declared))
        files = {
            place_of(path): each.id
            for path, each in zip(declared, found, strict=True)
            if each and each.kind == "blob"
        }
        whole = self._whole(key, code)
        return {
            "head": facts.head,
            "commits": self._patch_ids(code),
            "authored": self._authored(code),
            "tasks": [task.id for task in account.tasks if task.done],
            **({"whole": whole} if whole else {}),
            **({"files": files} if files else {}),
        }

    def later(self, states: Mapping[SessionKey, SessionState]) -> Mapping[SessionKey, Later]:
        """Returns what became of the evidence of completed sessions; those without any are left out."""
        from idse_orchestrator.constitution.evidence import Later

        every = self._recorded(states)
        recorded = {key: each for key, each in every.items() if each.get("commits")}
        found = {key: Later(said=_said(each)) for key, each in every.items() if _said(each)}
        if self._is_shallow:
            return {**found, **dict.fromkeys(recorded, Later(unseen=SHALLOW))}
        self._settle()
        missing = self._unreached({name for each in recorded.values() for name in each["commits"]})
        for key, each in recorded.items():
            lost = tuple(name for name in each["commits"] if name in missing)
            if lost and self._gone(key, states[key], each):
                is_elsewhere = self._is_elsewhere(key, each["commits"])
                found[key] = Later(unseen=ELSEWHERE) if is_elsewhere else Later(lost)
        return found

    def _is_elsewhere(self, key: SessionKey, commits: Iterable[str]) -> bool:
        """Tests whether this repository has nothing of the history that the session was made in."""
        names = [*(name for name in self._began(key) or () if name), *commits]
        return bool(names) and not any(headers(self._git, names))

    def _since(self, key: SessionKey, state: SessionState) -> Sequence[_Walked]:
        """Returns the commits that HEAD reaches and did not reach when the session began, the newest first.

        Where that was not recorded, they are those made since.
        """
        heads, head = at_once(lambda: self._began(key), lambda: self._head)
        if not head:
            return ()
        known = [name for name in heads or () if name]
        known = [name for name, each in zip(known, headers(self._git, known), strict=True) if each]
        rows = self._git.text(*_WALK, self._head, *(f"^{name}" for name in known), "--").split("\0")
        fields = (row.split("\1", 2) for row in rows if row)
        walked = [_Walked(name, int(at), tasks) for name, at, tasks in fields]
        if heads is None or (heads and not known and any(heads)):
            began = _seconds(state.created_at)
            walked = [each for each in walked if each.at >= began]
        return walked

    def _began(self, key: SessionKey) -> Sequence[str] | None:
        """Returns where HEAD stood when the session began ("" : no commit yet); None where nobody kept it."""
        if key in self._heads:
            return self._heads[key]
        roots = self._git.lines("rev-list", "--max-parents=0", session_ref(*key), "--")
        with ObjectStream(self._git) as objects:
            found = [
                _body(each.data) for each in objects.read_all(f"{root}:{EVENT}" for root in roots) if each
            ]
        heads = [
            body["head"] for kind, body in found if kind == CREATED and isinstance(body.get("head"), str)
        ]
        self._heads[key] = heads or None
        return heads or None

    def _noted(self, key: SessionKey) -> frozenset[str]:
        wanted = f"^Idse-Session: {re.escape('/'.join(key))}$"
        out = self._git.attempt("grep", "-lzE", "--no-color", "-e", wanted, NOTES_ON_COMMITS).stdout
        names = out.decode("ascii", "replace").split("\0")
        return frozenset(name.partition(":")[2].replace("/", "") for name in names if name)

    def _changed(self, commits: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yields each commit with the paths outside of ``.idse/`` that it changes."""
        out = self._listed(commits)
        coming = iter(commits)
        name, following, paths = "", next(coming, ""), list[str]()
        for word in out.decode("utf-8", "surrogateescape").split("\0"):
            if word == f"\1{following}":
                if name:
                    yield name, tuple(paths)
                name, following, paths = following, next(coming, ""), []
            elif (path := word.removeprefix("\n")) and not path.startswith(f"{WORKSPACE}/"):
                paths.append(path)
        if name:
            yield name, tuple(paths)

    def _listed(self, commits: Sequence[str]) -> bytes:
        """Returns what git lists of `commits`: of many in two halves, side by side."""
        if len(commits) <= _FEW:
            stdin = "".join(f"{name}\n" for name in commits).encode()
            return self._git.bytes(*_LIST, stdin=stdin, timeout=_PATIENCE) if commits else b""
        half = (len(commits) + 1) // 2
        return b"\0".join(at_once(lambda: self._listed(commits[:half]), lambda: self._listed(commits[half:])))

    def _looked_up(self, account: Account) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Returns named commits that are here, named ids that are not, and declared paths that HEAD lacks."""
        from idse_orchestrator.constitution.account import place_of

        names = [named.id for named in account.commits]
        asked = "".join(f"{name}^{{commit}}\n" for name in names).encode()
        # A beginning that several objects share is not missing, so the answer itself is read.
        rows = self._git.lines("cat-file", "--batch-check", stdin=asked) if names else ()
        missing = [name for name, row in zip(names, rows, strict=True) if row.endswith(" missing")]
        here = (row.partition(" ")[0] for row in rows if " commit " in row)
        paths = account.paths if self._head else ()
        found = headers(self._git, (f"{self._head}:{place_of(path)}" for path in paths))
        absent = [path for path, each in zip(paths, found, strict=True) if each is None]
        return frozenset(here), frozenset(missing), frozenset(absent if self._head else account.paths)

    def _patch_ids(self, commits: Sequence[str]) -> dict[str, str]:
        """Returns the patch id of what each commit changes outside of ``.idse/``, "" for nothing."""
        stdin = "".join(f"{name}\n" for name in commits).encode()
        asked = (*_PLAIN, "diff-tree", "--stdin", "--root", "-r", *PATCH, "--", *CODE)
        diffs = self._git.bytes(*asked, stdin=stdin, timeout=_PATIENCE)
        found = {name: patch for patch, name in self._identified(diffs)}
        return {name: found.get(name, "") for name in commits}

    def _identified(self, diffs: bytes) -> Iterator[tuple[str, str]]:
        """Yields patch id and commit of each of `diffs`."""
        out = self._git.bytes("patch-id", "--stable", stdin=diffs, timeout=_PATIENCE) if diffs else b""
        rows = (row.split() for row in out.decode().splitlines())
        return ((row[0], row[1]) for row in rows if len(row) > 1)

    def _whole(self, key: SessionKey, code: Sequence[str]) -> str:
        """Returns the patch id of everything since the session began: that of a squash of it."""
        if len(code) < 2:  # one commit is its own squash
            return ""
        began = [name for name in self._began(key) or () if name]
        base = find_commit(self._git, began[0] if began else f"{code[-1]}^")
        if base is None:
            return ""
        asked = (*_PLAIN, "diff-tree", "-r", *PATCH, base, self._head, "--", *CODE)
        return next((patch for patch, _ in self._identified(self._git.bytes(*asked, timeout=_PATIENCE))), "")

    def _recorded(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, dict[str, Any]]:
        """Returns what the latest completion of the implementation of each session recorded, if it did."""
        refs = {session_ref(*key): key for key in keys}
        stdin = "".join(f"{ref}\n" for ref in refs).encode()
        asked = (*LOG, "--format=%H %S", *_SEALED, "--stdin")
        done = self._git.attempt(*asked, stdin=stdin, timeout=_PATIENCE)
        rows = [row.split(" ", 1) for row in done.stdout.decode().splitlines()]
        latest: dict[SessionKey, tuple[tuple[int, str], dict[str, Any]]] = {}
        with ObjectStream(self._git) as objects:
            events = objects.read_all(f"{commit}:{EVENT}" for commit, _ in rows)
            for (_, ref), found in zip(rows, events, strict=True):
                event = _event(found.data) if found else {}
                evidence = event.get("body", {}).get("evidence")
                order = (event.get("lamport", 0), event.get("id", ""))
                key = refs[ref]
                if isinstance(evidence, dict) and (key not in latest or order > latest[key][0]):
                    latest[key] = (order, _sound(evidence))
        return {key: evidence for key, (_, evidence) in latest.items()}

    def _unreached(self, commits: Iterable[str]) -> frozenset[str]:
        """Returns those of `commits` that are gone, or that no branch, tag or HEAD reaches."""
        names = sorted(commits)
        found = headers(self._git, names)
        here = [name for name, each in zip(names, found, strict=True) if each]
        # Older gits read no options from standard input; what they read there is wanted, wherever it stands.
        reached = ("--not", *_EVERYWHERE, *([self._head] if self._head else []))
        stdin = "".join(f"{name}\n" for name in here).encode()
        out = self._git.text("rev-list", "--stdin", *reached, stdin=stdin) if here else ""
        return frozenset(names).difference(here) | frozenset(out.split()).intersection(here)

    def _gone(self, key: SessionKey, state: SessionState, recorded: Mapping[str, Any]) -> bool:
        """Tests whether commits of `recorded` are gone and nothing here shows the same change."""
        missing = self._unreached(recorded["commits"])
        if not missing:
            return False
        if not self._head:
            return True
        return not (
            self._has_files(recorded.get("files", {}))
            or self._has_rewritten(key, recorded, missing)
            or self._has_patches(state, recorded, missing)
        )

    def _has_files(self, files: Mapping[str, str]) -> bool:
        """Tests whether the declared files stood here once just as they did then."""
        if not files:
            return False
        asked = (*LOG, "--format=", "--raw", "--no-abbrev", "-m", "-z", self._head, *_EVERYWHERE, "--")
        out = self._git.text(*asked, *(f":(top,literal){path}" for path in files))
        words = out.split("\0")
        stood = {(path, meta.split()[3]) for meta, path in pairwise(words) if meta.startswith(":")}
        return all(pair in stood for pair in files.items())

    def _has_rewritten(self, key: SessionKey, recorded: Mapping[str, Any], missing: frozenset[str]) -> bool:
        """Tests whether each commit has another in its place: a rewrite keeps note, author and subject."""
        others = self._noted(key).difference(recorded["commits"])
        reached = sorted(others.difference(self._unreached(others)))
        there = set(self._authored(reached).values())
        authored = recorded.get("authored", {})
        return all(authored.get(name) in there for name in missing)

    def _authored(self, commits: Sequence[str]) -> dict[str, str]:
        """Returns a mark of who wrote each commit, when, and under which subject: a rebase keeps that."""
        stdin = "".join(f"{name}\n" for name in commits).encode()
        asked = (*LOG, "--no-walk=unsorted", "--stdin", "--format=%H %an <%ae> %at %s")
        rows = self._git.lines(*asked, stdin=stdin) if commits else ()
        return {row[:40]: mark(row[41:]) for row in rows}

    def _has_patches(self, state: SessionState, recorded: Mapping[str, Any], missing: frozenset[str]) -> bool:
        """Tests whether commits since the session began have the same patches, each or as a whole."""
        since = f"--since={state.created_at}"
        asked = (*LOG, *PATCH, since, self._head, *_EVERYWHERE, "--", *CODE)
        diffs = self._git.bytes(*asked, timeout=_PATIENCE)
        there = {patch for patch, _ in self._identified(diffs)}
        wanted = {recorded["commits"][name] for name in missing}
        return wanted <= there or (bool(recorded.get("whole")) and recorded["whole"] in there)


def _tasks(key: SessionKey, trailers: str, *, is_noted: bool) -> tuple[str, ...]:
    """Returns the tasks of a session that trailers name; a commit of its own need not name the session."""
    found = []
    for value in trailers.split(","):
        where, _, task = value.strip().rpartition("/")
        if task.strip() and (where in (key[1], "/".join(key)) or (is_noted and not where)):
            found.append(task.split()[0])
    return tuple(found)


_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)


def _sound(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of an event's evidence has its shape: it may come from another clone, and git gets it."""
    found: dict[str, Any] = {}
    for name, key_fits, kind in (
        ("commits", _ID.fullmatch, str),
        ("authored", _ID.fullmatch, str),
        ("files", str.isprintable, str),
    ):
        table = evidence.get(name)
        pairs = table.items() if isinstance(table, dict) else ()
        found[name] = {key: value for key, value in pairs if key_fits(key) and type(value) is kind}
    tasks = evidence.get("tasks")
    found["tasks"] = [task for task in tasks if isinstance(task, str)] if isinstance(tasks, list) else []
    head = evidence.get("head")
    found["head"] = head if isinstance(head, str) and _ID.fullmatch(head) else ""
    for name in ("whole", "unseen", "no_code"):
        found[name] = evidence[name] if isinstance(evidence.get(name), str) else ""
    return found


def _said(recorded: Mapping[str, Any]) -> str:
    """Returns what a report has to say of a completion that no commit bore out."""
    if recorded.get("unseen"):
        return f"nobody could look when it was completed: {recorded['unseen']}"
    if recorded.get("commits") or recorded.get("no_code"):
        return ""
    return "no commit bore it out when it was completed"


def _event(data: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        found = json.loads(data)
        if isinstance(found, dict) and isinstance(found.get("body"), dict):
            return found
    return {}


def _body(data: bytes) -> tuple[str, Mapping[str, Any]]:
    found = _event(data)
    return found.get("kind", ""), found.get("body", {})


def _seconds(moment: str) -> int:
    with suppress(ValueError):
        return int(datetime.fromisoformat(moment).timestamp())
    return int(time.time())
