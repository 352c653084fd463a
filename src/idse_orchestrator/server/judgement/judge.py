"""Judges a push, whole: whether it is sound, keeps the promises of its sessions, and who brings it.

The first of these that refuses ends it. A ledger only grows, so an event that is refused for itself would
keep its session out for ever. A push is refused for what no idse writes, or for what one more event mends;
all else comes in, does not count, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.base.names import loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import few
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.constitution.validate import SETTLING
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import ARTIFACTS, REGULAR, FileEntry
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.defects import CANNOT_JUDGE
from idse_orchestrator.ledger.events import MIGRATED, STAGE
from idse_orchestrator.ledger.refs import parse_project_ref, parse_session_ref
from idse_orchestrator.pipeline.stage_state_model import COMPLETE
from idse_orchestrator.server.judgement.promises import Promises, told
from idse_orchestrator.server.judgement.pushed import SEALED, Pushed
from idse_orchestrator.server.judgement.rules import Rulebook, core_types, generation, place_of, shipped
from idse_orchestrator.server.judgement.waivers import (
    Register,
    brought_by,
    is_own,
    new_waivers,
    why_not,
)
from idse_orchestrator.server.model.policy import EVERY, KEY, RECORD, REQUIRED
from idse_orchestrator.server.model.push import ADOPT, MIRROR, Question, Refusal, Verdict
from idse_orchestrator.sync.guard import GitGuard
from idse_orchestrator.sync.published_refs import RefMove

if TYPE_CHECKING:
    from idse_orchestrator.constitution.in_force import InstalledChecks
    from idse_orchestrator.ledger.events import Event, SessionKey
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.pipeline.stage_state_model import SessionState, Waiver
    from idse_orchestrator.server.judgement.promises import Broken, Counts, Key
    from idse_orchestrator.server.judgement.rules import Rules

NOT_ALLOWED = "not-allowed"
UNSIGNED = "unsigned"
IDENTITY = "identity"
RULES_BROKEN = "rules-broken"
NOT_JUDGED = "not-judged"
NOT_APPLIED = "not-applied"
_GOOD = ("G OK ", "G SLOP ")
"""How git marks a good signature over a fresh challenge of ours. A signer follows: one by a key that is in no
list is good for git as well, and by nobody."""
_MOVES = ("complete", "confirm")
_MOST_LOOKED_BACK = 200
"""Commits of a push, beside its tips, that are looked at for what is only told."""


def prepare(kinds: Kinds) -> None:
    """Imports and reads all that a judgement may need, for processes that are forked from this one.

    A process with threads calls it before it starts them: see `git.libgit2`.
    """
    for module in ("idse_orchestrator.ledger.merge.joiner", "shlex", "encodings.unicode_escape"):
        import_module(module)
    libgit2()
    for kind in kinds:
        folds = (part for each in kind.events.values() for part in (each.fold, each.body, each.words))
        for name in filter(None, (kind.states, *kind.kept.values(), *folds)):
            loaded(name)
    for name in SETTLING.values():
        loaded(name)
    load_constitution(constitution_bytes())
    core_types(), generation()
    warmed = b"# Spec\n\n## Agent Profile\n\n```yaml\nid: a\n```\n\n- [ ] T001 words\n"
    for path in ARTIFACTS.values():
        examine(path, FileEntry(REGULAR, "", len(warmed)), warmed, shipped())


def judge_push(
    question: Question,
    kinds: Kinds,
    refused_only: bool = False,  # noqa: FBT001, FBT002 - as the gateway calls it
    *,
    checks: InstalledChecks | None = None,
    environment: Mapping[str, str] = SEALED,
) -> Verdict:
    """Returns what is refused of a push, and what comes in without counting.

    With `refused_only` nothing is looked up that is only told. `checks` are the verbs that the Agency's own
    configuration names; `environment` is that of each git that is started. What cannot be judged raises an
    error: a caller that gets no verdict refuses.
    """
    pushed = Pushed(question.git_dir, question.objects, question.moves, environment)
    refused = [*_outside(question, kinds)] or [*_unsound(question, pushed, kinds)]
    if refused:
        return Verdict(tuple(refused))
    try:
        client = question.caller.client or place_of(question.git_dir)[0]
        book = Rulebook(question.home, client, checks)
        judge = _Judge(question, pushed, book, is_short=refused_only)
        return judge.verdict()
    except InvalidConfigurationError as error:
        return Verdict(tuple(_no_rules(ref, error) for ref, _, _ in question.moves))


def _outside(question: Question, kinds: Kinds) -> Iterator[Refusal]:
    """Yields refs of projects to which the key gives no access."""
    allowed = question.caller.projects
    for ref, _, _ in question.moves if allowed else ():
        named = kinds.named(ref)
        project = dict(zip(named.kind.parts, named.names, strict=True)).get("project") if named else None
        if project is not None and project not in allowed:
            what = f"this key is for {', '.join(allowed)}, and not for {project}"
            yield Refusal(ref, NOT_ALLOWED, what, "ask who runs the Agency for a key to this project")


def _unsound(question: Question, pushed: Pushed, kinds: Kinds) -> Iterator[Refusal]:
    """Yields what no idse writes, deletions and rewinds."""
    moves = [RefMove(*move) for move in question.moves]
    there = pushed.refs() if any(not move.old for move in moves) else ()
    found = GitGuard(pushed.vault, kinds).receiving(moves, pushed.quarantine, there)
    for ref, defects in found.items():
        defect = min(defects, key=lambda each: (each.code in CANNOT_JUDGE, each.code == "ref-rewind"))
        at = f"{defect.commit[:10]}: " if defect.commit else ""
        if defect.code in CANNOT_JUDGE:
            what = f"the Agency must be upgraded first: {defect.what}"
            yield Refusal(ref, defect.code, what, "ask who runs the Agency; nothing is lost in your clone")
        else:
            yield Refusal(ref, defect.code, at + defect.what, defect.hint)


def _no_rules(ref: str, error: InvalidConfigurationError) -> Refusal:
    why = ": ".join(filter(None, (error.where, error.message, error.cause)))
    advice = "ask who runs the Agency to mend its rules: idse agency rules check"
    return Refusal(ref, RULES_BROKEN, f"the Agency's rules cannot be used: {why}", advice)


class _Moved(NamedTuple):
    """A session whose ledger moves."""

    ref: str
    key: SessionKey
    old: str
    new: str


class _Judge:
    """One judgement of a push that is sound."""

    def __init__(self, question: Question, pushed: Pushed, book: Rulebook, *, is_short: bool) -> None:
        self._question = question
        self._pushed = pushed
        self._book = book
        self._policy = book.policy
        self._is_short = is_short
        self._register = Register(pushed, question.git_dir)
        self._rules: dict[str, Rules] = {}
        self._repository = place_of(question.git_dir)[1]
        self._refused: list[Refusal] = []
        self._recorded: list[Refusal] = []

    def verdict(self) -> Verdict:
        """Returns what the promises and the people say."""
        projects = {name: ref for ref, _, _ in self._question.moves if (name := parse_project_ref(ref))}
        for ref, old, new in sorted(self._question.moves):
            key = parse_session_ref(ref)
            if key is not None:
                self._judge_session(_Moved(ref, key, old, new))
                projects.setdefault(key[0], ref)
        if not self._is_short:
            self._tell_broken_rules(projects)
        if not self._refused:
            self._refused += self._unsigned()
        if not self._refused:
            self._register.keep()
        return Verdict(tuple(dict.fromkeys(self._refused)), tuple(dict.fromkeys(self._recorded)))

    def _unsigned(self) -> Iterator[Refusal]:
        is_good = self._question.certificate.startswith(_GOOD) or MIRROR in self._question.caller.scopes
        if self._policy.signed != REQUIRED or is_good:
            return
        what = "this Agency takes only signed pushes"
        if self._question.certificate:
            what += ", and the signature of this one is not known here"
        for ref, _, _ in self._question.moves:
            yield Refusal(ref, UNSIGNED, what, "git config push.gpgSign if-asked, with gpg.format ssh")

    def _rules_of(self, project: str) -> Rules:
        if project not in self._rules:
            self._rules[project] = self._book.of_project(self._pushed, self._repository, project)
        return self._rules[project]

    def _tell_broken_rules(self, projects: Mapping[str, str]) -> None:
        for project, ref in sorted(projects.items()):
            broken = self._rules_of(project).broken
            if broken is not None:
                why = ": ".join(filter(None, (broken.where, broken.message, broken.cause)))
                what = f"the rules of project {project} do not count as they are: {why}"
                self._recorded.append(Refusal(ref, RULES_BROKEN, what, "mend .idse/constitution.yaml"))

    def _judge_session(self, moved: _Moved) -> None:
        rules = self._rules_of(moved.key[0])
        promises = Promises(self._pushed, moved.key, rules, self._policy, self._question.today)
        new = promises.state(moved.new)
        old = promises.state(moved.old) if moved.old else None
        before = old.waivers if old is not None else ()
        brought = new_waivers(before, new.waivers)
        events = self._events(moved) if self._needs_events(brought) else ()
        self._take_in(moved.ref, brought, events)

        def counts(waiver: Waiver) -> tuple[str, str]:
            return why_not(self._policy, waiver, self._register.find(moved.ref, waiver))

        broken = promises.broken(moved.new, new, counts)
        if broken and old is not None:
            known = promises.broken(moved.old, old, counts)
            broken = {key: found for key, found in broken.items() if key not in known}
        self._refuse_or_record(moved, broken)
        if self._policy.gates == EVERY or not self._is_short:
            self._look_back(moved, promises, old, new, counts)
        if not self._is_short:
            self._tell(moved, promises, old, new, brought, counts)
            self._tell_strangers(moved.ref, events)

    def _take_in(self, ref: str, waivers: Iterable[Waiver], events: Sequence[tuple[str, Event]]) -> None:
        by_id = {event.id: event for _, event in events}
        for waiver in waivers:
            self._register.add(ref, waiver, brought_by(self._question.caller, by_id.get(waiver.event)))

    def _needs_events(self, brought: Sequence[Waiver]) -> bool:
        return bool(brought) or (self._policy.identity == KEY and not self._is_short)

    def _events(self, moved: _Moved) -> list[tuple[str, Event]]:
        """Returns the events that are new to the server, with their commits, parents first."""
        found = ((name, self._pushed.event(name)) for name in self._pushed.fresh(moved.old, moved.new))
        return [(name, event) for name, event in found if event is not None]

    def _refuse_or_record(self, moved: _Moved, broken: Mapping[Key, Sequence[Broken]]) -> None:
        """Refuses what is broken, unless nothing is refused here, or a client comes with old ledgers."""
        scopes = self._question.caller.scopes
        is_adopted = self._question.is_first and ADOPT in scopes and not moved.old
        records = self._policy.gates == RECORD or is_adopted or MIRROR in scopes
        (self._recorded if records else self._refused).extend(told(moved.ref, broken))

    def _look_back(
        self,
        moved: _Moved,
        promises: Promises,
        old: SessionState | None,
        new: SessionState,
        counts: Counts,
    ) -> None:
        """Judges the completions in the push that its tip does not show any more.

        Where each must hold they are refused. Elsewhere one that was wrong and is reopened is told.
        """
        is_judged = self._policy.gates == EVERY
        if not is_judged and (old is None or self._pushed.parents(moved.new) == (moved.old,)):
            return
        known: Mapping[Key, object] | None = None
        for commit, event in self._events(moved)[: None if is_judged else _MOST_LOOKED_BACK]:
            stage = event.body.get("stage", "") if event.kind == STAGE else ""
            if event.body.get("action") not in _MOVES or stage not in new.stages or commit == moved.new:
                continue
            if not is_judged and new.stages[stage].event == event.id:
                continue
            state = promises.state(commit)
            if state.stages[stage].event != event.id or state.stages[stage].status != COMPLETE:
                continue  # it did not apply
            broken = promises.broken(commit, state, counts)
            broken = {key: found for key, found in broken.items() if key[1] == stage}
            if broken and known is None:
                known = promises.broken(moved.old, old, counts) if old is not None else {}
            broken = {key: found for key, found in broken.items() if key not in (known or {})}
            if is_judged:
                self._refuse_or_record(moved, broken)
            else:
                self._recorded += told(moved.ref, broken, f", as {stage} was completed in {commit[:10]}")

    def _tell(
        self,
        moved: _Moved,
        promises: Promises,
        old: SessionState | None,
        new: SessionState,
        brought: Iterable[Waiver],
        counts: Counts,
    ) -> None:
        """Tells what comes in and does not count, or cannot be mended."""
        ref = moved.ref
        for waiver in brought:
            why, mend = counts(waiver)
            if why:
                what = f"the waiver of {waiver.rule} came in and does not count: {why}"
                self._recorded.append(Refusal(ref, waiver.rule, what, mend))
        before = set(old.not_applied) if old is not None else set()
        for entry in new.not_applied:
            if entry not in before:
                self._recorded.append(Refusal(ref, NOT_APPLIED, f"event {entry.event}: {entry.why}"))
        for name in promises.unjudged(moved.new):
            what = f"rule {name} of the project could not be judged here"
            self._recorded.append(Refusal(ref, NOT_JUDGED, what, "make it simpler, or use a shipped check"))
        self._tell_old_secrets(moved, promises)

    def _tell_old_secrets(self, moved: _Moved, promises: Promises) -> None:
        """Tells secrets in documents that the push brings and its tip no longer has."""
        if self._pushed.parents(moved.new) == (moved.old,):
            return
        commits = self._pushed.fresh(moved.old, moved.new)[:-1][-_MOST_LOOKED_BACK:]
        tips = [moved.new, *filter(None, (moved.old,))]
        for commit, path, hit in promises.secrets(commits, tips):
            what = f"an older {path}, of {commit[:10]}, holds {hit.params.get('kind', 'a secret')}"
            self._recorded.append(
                Refusal(moved.ref, hit.rule, what, "revoke it: the ledger keeps what it had")
            )

    def _tell_strangers(self, ref: str, events: Sequence[tuple[str, Event]]) -> None:
        """Tells which events bear an e-mail that is not of the key."""
        if self._policy.identity != KEY:
            return
        others = [
            event
            for _, event in events
            if event.kind != MIGRATED
            and "migration" not in event.body
            and not is_own(event, self._question.caller)
        ]
        if others:
            names = few(sorted({event.actor.email or "nobody" for event in others}))
            what = f"{len(others)} of its events bear the e-mail of {names}, which is not of this key"
            self._recorded.append(Refusal(ref, IDENTITY, what))
