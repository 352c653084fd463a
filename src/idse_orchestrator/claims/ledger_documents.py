"""The artifacts that ledgers hold, now and at every earlier commit; what is damaged is left out.

Replacement refs and grafts of this clone do not count: a ledger is what its own objects say.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.claims.gate import Version
from idse_orchestrator.documents.project_workspace import ARTIFACTS as PATHS
from idse_orchestrator.git.raw_objects import CarefulObjects
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.commit import ARTIFACTS
from idse_orchestrator.ledger.refs import SESSIONS, parse_session_ref

_ROW = "%H %ct %P"


class GitLedgerDocuments:
    """The `LedgerDocuments` port on a repository."""

    def __init__(self, vault: Vault) -> None:
        self._git = vault.git.with_environment({"GIT_NO_REPLACE_OBJECTS": "1"})

    def tips(self, project: str) -> Mapping[str, Version]:
        """Returns the newest ledger commit of every session, by session."""
        refs = self._git.lines(
            "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", f"{SESSIONS}{project}/"
        )
        found: dict[str, str] = {}
        for kind, commit, ref in (row.split(" ", 2) for row in refs):
            key = parse_session_ref(ref)
            if key and kind == "commit":
                found[key[1]] = commit
        versions = self._versions(self._listed(found.values(), "--no-walk=unsorted")) if found else {}
        return {session: versions[commit] for session, commit in found.items() if commit in versions}

    def history(self, tips: Iterable[str]) -> Mapping[str, Version]:
        """Returns every commit that `tips` lead to; where git cannot go on, what came before."""
        wanted = list(tips)
        return self._versions(self._listed(wanted)) if wanted else {}

    def contents(self, blobs: Iterable[str]) -> Mapping[str, bytes]:
        """Returns the bytes of each blob that is here and whole."""
        names = [blob for blob in dict.fromkeys(blobs) if blob]
        with CarefulObjects(self._git) as objects:
            read = zip(names, objects.read_all(names), strict=True)
            # a damaged file can give other bytes than those that git calls so
            return {
                name: found.data
                for name, found in read
                if found and found.kind == "blob" and blob_id(found.data) == name
            }

    def _listed(self, commits: Iterable[str], *how: str) -> Sequence[str]:
        stdin = "".join(f"{commit}\n" for commit in commits).encode()
        done = self._git.attempt("log", f"--format={_ROW}", *how, "--stdin", stdin=stdin)
        return done.stdout.decode("ascii", "replace").splitlines()

    def _versions(self, rows: Sequence[str]) -> dict[str, Version]:
        # A commit that another program wrote may have no date, and then it is no ledger's.
        parts = [each for row in rows if (each := row.split(" "))[1].removeprefix("-").isdecimal()]
        blobs = self._blobs([each[0] for each in parts])
        return {
            commit: Version(commit, tuple(filter(None, parents)), int(at), _day(int(at)), blobs[commit])
            for commit, at, *parents in parts
        }

    def _blobs(self, commits: Sequence[str]) -> dict[str, dict[str, str]]:
        """Stage to blob id of the documents in each commit."""
        questions = [(commit, stage) for commit in commits for stage in PATHS]
        stdin = "".join(f"{commit}:{ARTIFACTS}/{PATHS[stage]}\n" for commit, stage in questions).encode()
        done = self._git.attempt(
            "cat-file", "--batch-check=%(objecttype) %(objectname)", "--buffer", stdin=stdin
        )
        found: dict[str, dict[str, str]] = {commit: {} for commit in commits}
        for (commit, stage), answer in zip(questions, done.stdout.decode().splitlines(), strict=False):
            kind, _, name = answer.partition(" ")
            if kind == "blob":
                found[commit][stage] = name
        return found


def _day(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "no date"
