"""Clones whose ledgers say whatever a test wants, and an Agency that judges what they push."""

from __future__ import annotations

import subprocess

from here import discover, ledger_writer
from idse_orchestrator.documents.project_workspace import ARTIFACTS, upstream_of
from idse_orchestrator.git.libgit2 import libgit2, open_repository
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.server.judgement.judge import judge_push
from idse_orchestrator.server.model.push import Caller, Question
from idse_orchestrator.wiring.ledgers import KINDS

TODAY = "2026-11-30"
_SECTIONS = {
    "intent": "Goal|Problem / Opportunity|Stakeholders / Users|Success Criteria (measurable)"
    "|Constraints / Assumptions / Risks|Scope|Time / Priority",
    "context": "Environment|Stack|Constraints|Risks & Unknowns",
}
GOOD = {
    stage: f"# {stage.title()}\n\n" + "".join(f"## {name}\n\nThe log.\n\n" for name in names.split("|"))
    for stage, names in _SECTIONS.items()
}
"""Documents that keep every promise."""
SECRET = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
"""It has the shape of a key, and is none."""
ANN = Caller("k1", "c1", "shop", "Ann", ("read", "push"), ("author@example.invalid",))
BOT = ANN._replace(key_id="k2", name="bot", agent="claude-code")
CHIEF = ANN._replace(key_id="k3", name="Chief", scopes=("read", "push", "approve"))
_PLACES = {"start": ("pending", "in_progress"), "complete": ("in_progress", "complete")}
_PLACES |= {"reopen": ("complete", "in_progress"), "confirm": ("complete", "complete")}


def ref_of(session="login", project="portal"):
    """The ref of a session."""
    return f"refs/idse/sessions/{project}/{session}"


class Clone:
    """A repository whose ledgers are written as they are asked for: no gate is in the way."""

    def __init__(self, repo, project="portal", agent=""):
        self.repo = repo
        self.project = project
        self.vault = discover(str(repo.path))
        self.writer = ledger_writer(self.vault, agent)

    def append(self, session, kind, body, **more):
        """Appends one event and returns the tip."""
        draft = Draft(kind, body, **more)
        self.writer.append(self.project, session, lambda _: draft)
        return self.tip(ref_of(session, self.project))

    def create(self, session="login", **body):
        """Begins a session."""
        return self.append(
            session, "created", {"project": self.project, "session": session, "type": "feature", **body}
        )

    def save(self, session="login", /, **texts):
        """Changes documents, by stage or by path with dots as underscores; None takes one away."""
        files = self.files(session)
        for name, text in texts.items():
            path = ARTIFACTS.get(name, name.replace("_", "."))
            if text is None:
                files.pop(path)
            else:
                files[path] = text.encode() if isinstance(text, str) else text
        return self.save_files(session, files)

    def save_files(self, session, files):
        """Makes these the session's documents."""
        return self.append(
            session, "edited", {"changed": dict.fromkeys(files, "0" * 40)}, artifacts=self.tree(files)
        )

    def files(self, session="login"):
        """Content of the session's documents by path."""
        repository = open_repository(self.vault.common_dir)
        tip = GitLedgerReader(self.vault).session(self.project, session)
        if tip is None or not tip.artifacts:
            return {}

        def walk(tree, prefix):
            for entry in tree:
                if entry.type_str == "tree":
                    yield from walk(entry, f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name, entry.data

        return dict(walk(repository[tip.artifacts], ""))

    def tree(self, files):
        """Writes a folder of files and returns its id."""
        repository = open_repository(self.vault.common_dir)
        folders = {}
        builder = repository.TreeBuilder()
        for path, data in files.items():
            first, _, rest = path.partition("/")
            if rest:
                folders.setdefault(first, {})[rest] = data
            else:
                builder.insert(first, repository.create_blob(data), 0o100644)
        for name, inside in folders.items():
            builder.insert(name, libgit2().Oid(hex=self.tree(inside)), 0o040000)
        return str(builder.write())

    def stage(self, stage, action, session="login", **body):
        """Moves a stage, whatever its gate would say."""
        before, after = _PLACES[action]
        moved = {"stage": stage, "action": action, "from": before, "to": after}
        tip = GitLedgerReader(self.vault).session(self.project, session)
        if action in ("complete", "confirm"):
            blobs = GitLedgerReader(self.vault).artifact_blobs(tip.commit)
            moved["artifact"] = blobs.get(stage, "")
            moved["upstream"] = {up: blobs.get(up, "") for up in upstream_of(stage)}
            moved["reopens"] = dict(tip.state.stages[stage].reopens)
        if action in ("reopen", "confirm"):
            moved["reason"] = "because"
        return self.append(session, "stage", {**moved, **body})

    def complete(self, stage, text=None, session="login"):
        """Starts a stage if need be, writes its document, and completes it."""
        state = self.state(session)
        if state.stages[stage].status == "pending":
            self.stage(stage, "start", session)
        self.save(session, **{stage: GOOD.get(stage, "# x\n") if text is None else text})
        return self.stage(stage, "complete", session)

    def waive(self, rule, session="login", **body):
        """Waives all of a rule in a session."""
        return self.append(session, "approved", {"rule": rule, "reason": "because", "expires": None, **body})

    def state(self, session="login"):
        """The state of a session."""
        return GitLedgerReader(self.vault).session(self.project, session).state

    def project_files(self, **files):
        """Records an event of the project's ledger that carries files; a dot is an underscore."""
        named = {name.replace("_", "."): data.encode() for name, data in files.items()}
        tree = self.tree(named)
        body = {"changed": dict.fromkeys(named, "0" * 40)}
        self.writer.append_to_project(self.project, lambda _: Draft("edited", body, tree))

    def create_project(self):
        """Begins the project's ledger."""
        self.writer.append_to_project(self.project, lambda _: Draft("created", {"project": self.project}))

    def tip(self, ref):
        """Where a ref points."""
        return self.repo.git("rev-parse", ref)


class Agency:
    """A home with one bare repository, without its server: pushes are judged as they stand in its store."""

    def __init__(self, home, client="shop", repository="web"):
        self.home = home
        self.git_dir = home / "git" / client / f"{repository}.git"
        self.git_dir.mkdir(parents=True)
        (home / "rules").mkdir()
        self.git("init", "--quiet", "--bare")
        self.client = client

    def git(self, *args):
        """Runs git in the bare repository."""
        done = subprocess.run(["git", *args], cwd=self.git_dir, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def rules(self, text, *, client=False):
        """Writes the rules for all, or those of the client."""
        (self.home / "rules" / f"{self.client if client else 'agency'}.yaml").write_text(text)

    def tip(self, ref):
        """Where a ref points; "" where it is not."""
        return self.git("for-each-ref", "--format=%(objectname)", ref)

    def refs(self):
        """Where every ref points."""
        return dict(row.split()[::-1] for row in self.git("show-ref").splitlines()) if self.has_refs() else {}

    def has_refs(self):
        """Whether there is any ref."""
        return bool(self.git("for-each-ref", "--count=1"))

    def question(self, clone, refs, caller=ANN, **more):
        """The question about a push, once its objects are in the store."""
        present = [ref for ref in refs if clone.repo.git("for-each-ref", ref)]
        if present:
            self.git("fetch", "--quiet", "--no-write-fetch-head", str(clone.repo.path), *present)
        moves = tuple((ref, self.tip(ref), clone.tip(ref) if ref in present else "") for ref in refs)
        fields = {"today": TODAY, **more}
        return Question(str(self.git_dir), "", moves, caller, str(self.home), **fields)

    def push(self, clone, *refs, caller=ANN, **more):
        """Judges a push, and moves the refs where nothing is refused."""
        question = self.question(clone, refs or (ref_of(),), caller, **more)
        verdict = judge_push(question, KINDS)
        if not verdict.refused:
            for ref, _, new in question.moves:
                self.git("update-ref", ref, new)
        return verdict


def codes(refusals):
    """Ref's last part and code of each refusal."""
    return [(refusal.ref.rpartition("/")[2], refusal.code) for refusal in refusals]
