"""The clones that `make_bundle.py` drives: real repositories, the `idse` that PYTHONPATH names, an Agency."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from idse_orchestrator.app.ports import Draft
from idse_orchestrator.git.ledger.writer import GitLedgerWriter
from idse_orchestrator.git.notes import GitNotes
from idse_orchestrator.git.repository import discover

from idse_orchestrator.git.libgit2 import open_repository

if TYPE_CHECKING:
    import pathlib

ALL = "refs/idse/*:refs/idse/*"
CONFIGURATION = "[init]\ndefaultBranch=main\n[gc]\nauto=0\n[maintenance]\nauto=false\n"


class House:
    """A folder with an Agency and clones, sealed from the settings of the machine."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.count = 0
        programs = folder / "bin"
        programs.mkdir(parents=True)
        idse = programs / "idse"
        idse.write_text(f'#!/bin/sh\nexec {sys.executable} -m idse_orchestrator "$@"\n')
        idse.chmod(0o755)
        (folder / ".gitconfig").write_text(CONFIGURATION)
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "IDSE_", "XDG_"))
        }
        self.environment = {
            **kept,
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": str(folder / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": f"{programs}{os.pathsep}{kept['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        self.agency = self.bare("agency.git")

    def bare(self, name: str) -> pathlib.Path:
        """A new bare repository."""
        path = self.folder / name
        self.run(self.folder, "git", "init", "-q", "--bare", str(path))
        return path

    def run(
        self, where: pathlib.Path, *argv: str, stdin: str | None = None, code: int | None = 0, **env: str
    ) -> str:
        """Standard output of a program that has to end with `code`."""
        done = subprocess.run(
            argv,
            cwd=where,
            env={**self.environment, **env},
            input=stdin or "",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if code is not None and done.returncode != code:
            sys.exit(
                f"{where.name}: {' '.join(argv)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout.strip()

    def clone(self, name: str, of: Clone | None = None) -> Clone:
        """A clone of somebody of that name; with `of` it has the code and the Agency of that one."""
        clone = Clone(self, name)
        if of is not None:
            clone.git("pull", "-q", str(of.path), "main")
            clone.idse("init", "portal", "--agency", str(self.agency))
        return clone

    def settle(self, *clones: Clone) -> None:
        """All sync with the Agency until all have the same ledgers."""
        for _ in clones:
            for clone in clones:
                clone.idse("sync", "push")
        for clone in clones:
            clone.idse("sync", "pull")
        refs = {clone.refs() for clone in clones}
        if len(refs) != 1:
            sys.exit("the clones do not converge")


class Clone:
    """One clone and what its owner does."""

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        self.name = name
        self.path = house.folder / name
        self.path.mkdir()
        self.git("init", "-q")
        self.git("config", "user.name", name.capitalize())
        self.git("config", "user.email", f"{name}@example.org")
        self.repository = discover(str(self.path))
        self.store = open_repository(self.repository.common_dir)
        self.notes = GitNotes(self.repository)

    def git(self, *args: str, code: int | None = 0, **env: str) -> str:
        """Run git here."""
        return self.house.run(self.path, "git", *args, code=code, **env)

    def idse(self, *args: str, code: int = 0, agent: str = "", stdin: str = "") -> str:
        """Run idse here; `agent` acts for the person."""
        env = {"IDSE_AGENT": agent} if agent else {}
        return self.house.run(self.path, "idse", *args, code=code, stdin=stdin, **env)

    def refs(self) -> str:
        """Every ledger, notes and sync points, and where they stand."""
        return self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse")

    def commit(self, subject: str, **files: str) -> str:
        """Commit everything, and some code."""
        for name, text in files.items():
            (self.path / f"{name}.py").write_text(text)
        self.git("add", "--all")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def put(self, session: str, files: dict[str, str | bytes | None]) -> None:
        """Write files into the folder of a session; None takes one away, and so does an empty folder."""
        for path, data in files.items():
            target = self._folder(session) / path
            if data is None:
                target.unlink()
                if not any(target.parent.iterdir()):
                    target.parent.rmdir()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.encode() if isinstance(data, str) else data)

    def edit(self, session: str, files: dict[str, str | bytes | None], why: str = "work") -> None:
        """Change files of a session, starting from what its ledger holds, and save."""
        shutil.rmtree(self._folder(session), ignore_errors=True)
        self.idse("restore", session, "--force")
        self.put(session, files)
        self.idse("save", session, "-m", why)

    def text(self, session: str, path: str) -> str:
        """A file as the ledger of a session holds it."""
        return self.git("show", f"refs/idse/sessions/{session}:artifacts/{path}")

    def append(
        self,
        session: str,
        kind: str,
        body: dict,
        *,
        at: str = "",
        agent: str = "",
        is_emptied: bool = False,
        **files: str,
    ) -> None:
        """Append an event to a ledger by the library, at any date; `session` without a slash is a project.

        `files` are all that the session's folder holds from then on, where there are any.
        """
        clock = dt.datetime.fromisoformat(at).timestamp if at else dt.datetime.now().timestamp  # noqa: DTZ005
        writer = GitLedgerWriter(self.repository, agent, clock)
        draft = Draft(kind, body, "" if is_emptied else self._tree(files) if files else None)
        project, slash, name = session.partition("/")
        if slash:
            writer.append(project, name, lambda _: draft)
        else:
            writer.append_to_project(project, lambda _: draft)

    def say(self, session: str, day: str, **texts: str) -> None:
        """Record documents (stage to text), and nothing else, in a ledger on a day."""
        exists = self.git("for-each-ref", f"refs/idse/sessions/{session}")
        project, _, name = session.partition("/")
        created = {"project": project, "session": name, "type": "feature"}
        files = {f"{stage}.md": text for stage, text in texts.items()}
        kind, body = ("edited", {"changed": {}, "source": "save"}) if exists else ("created", created)
        self.append(session, kind, body, at=f"{day}T12:00:00+00:00", **files)

    def snapshot(self) -> pathlib.Path:
        """A bare repository with the ledgers as they are here now."""
        self.house.count += 1
        path = self.house.bare(f"snapshot-{self.house.count}.git")
        self.house.run(path, "git", "fetch", "-q", str(self.path), ALL)
        return path

    def take(self, *places: pathlib.Path) -> None:
        """Pull from each of `places` instead of the Agency."""
        for place in places:
            self.git("remote", "set-url", "agency", str(place))
            self.idse("sync", "pull")
        self.git("remote", "set-url", "agency", str(self.house.agency))

    def _folder(self, session: str) -> pathlib.Path:
        return self.path / ".idse/projects" / session.replace("/", "/sessions/", 1)

    def _tree(self, files: dict[str, str]) -> str:
        builder = self.store.TreeBuilder()
        for path, text in files.items():
            builder.insert(path, self.store.create_blob(text.encode()), 0o100644)
        return str(builder.write())
