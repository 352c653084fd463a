"""Checks of what idse itself keeps in a repository: hooks, views, sessions, the setting that shows notes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.agents.checkup import agents_diagnosis, mend_agents
from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.files import known_replica_id, remove_file, storage_error, write_atomically
from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.documents.project_workspace import (
    CONSTITUTION_PATH,
    GITIGNORE,
    GITIGNORE_PATH,
    WORKSPACE,
)
from idse_orchestrator.errors import IdseError, NoAgencyError
from idse_orchestrator.git.object_stream import find
from idse_orchestrator.health.recovery import (
    bring_back,
    current_refs,
    in_the_way,
    lost_ledgers,
    moved_back,
)
from idse_orchestrator.ledger.note_tree import NOTES_KEY, NOTES_VALUE, GitSettings
from idse_orchestrator.ledger.refs import CURRENT as CURRENT_SESSION
from idse_orchestrator.ledger.refs import (
    parse_project_ref,
    parse_session_ref,
    project_ref,
    session_ref,
    sync_ref,
)
from idse_orchestrator.sessions.resolve import sound_states
from idse_orchestrator.sync.published_refs import PublishedRefs
from idse_orchestrator.sync.remotes import path_in
from idse_orchestrator.worktree.branches import mapping_key, session_named
from idse_orchestrator.worktree.hook import CURRENT, DISABLED, EDITED, MISSING, NOT_EXECUTABLE, OUTDATED
from idse_orchestrator.worktree.hook_files import hooks_status, install_hooks
from idse_orchestrator.worktree.ignore_rules import CURRENT as CURRENT_RULES
from idse_orchestrator.worktree.ignore_rules import EDITED as EDITED_RULES
from idse_orchestrator.worktree.ignore_rules import UNCLEAR, IgnoreRules

if TYPE_CHECKING:
    from idse_orchestrator.health.recovery import Lost
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.sessions.ports import ViewFiles
    from idse_orchestrator.sessions.template_folder import TemplateFolders
    from idse_orchestrator.sessions.views import Views
    from idse_orchestrator.sync.agency import Agency
    from idse_orchestrator.worktree.branches import GitBranches
    from idse_orchestrator.worktree.hook_files import GitHookFiles
    from idse_orchestrator.worktree.work_tree import WorkTree

_SHOWN = 3
_SHOW_EXCLUDE = 'cat "$(git rev-parse --git-path info/exclude)"'


class Patient(NamedTuple):
    """The parts of a project that the checks examine.

    `agency` finds the Agency, `rules` reads the constitution in force; both raise what is wrong with it.
    """

    ledgers: LedgerReader
    workspace: ViewFiles
    views: Views
    hooks: GitHookFiles
    work_tree: WorkTree
    templates: TemplateFolders
    kinds: Kinds
    agency: Callable[[], Agency]
    rules: Callable[[], object]
    branches: GitBranches


def lost_check(patient: Patient) -> Check:
    """Returns the check of refs that are gone."""
    return Check(
        "lost ledgers", lambda: _lost(patient), lambda: bring_back(patient.work_tree, _find_lost(patient))
    )


def checks_of(patient: Patient) -> Iterator[Check]:
    """Yields all checks of this file. Views come after the current session, which they are written from."""
    if not _is_begun(patient):
        yield Check(
            "project", lambda: Diagnosis(NOTE, "there is no IDSE project here yet", ("idse init NAME",))
        )
        return
    places = patient.ledgers, patient.workspace
    yield Check("projects", lambda: _projects(patient))
    yield Check("moved back", lambda: _moved_back(patient))
    yield Check("folder .idse", lambda: _folder(patient))
    yield Check("rules", lambda: _rules(patient))
    yield Check("Agency", lambda: _agency(patient))
    yield Check("hooks", lambda: _hooks(patient), lambda: _mend_hooks(patient))
    yield Check("branches", lambda: _branches(patient))
    yield Check("notes in git log", lambda: _notes(patient), lambda: _mend_notes(patient))
    yield Check("ignored views", lambda: _ignored(patient), lambda: _mend_ignored(patient))
    yield Check("current session", lambda: _current(patient), lambda: _mend_current(patient))
    yield Check("views", lambda: _views(patient), lambda: _mend_views(patient))
    yield Check("agents", lambda: agents_diagnosis(*places), lambda: mend_agents(*places))
    yield Check("sessions", lambda: _sessions(patient))
    yield Check("conflicts", lambda: _conflicts(patient))
    yield Check("templates", lambda: _templates(patient))


def _is_begun(patient: Patient) -> bool:
    try:
        return bool(patient.ledgers.projects() or patient.workspace.session_folders())
    except IdseError:
        return True  # what keeps us from reading them is told by the checks that need them


def _find_lost(patient: Patient) -> Sequence[Lost]:
    led_to = (key for _, key in current_refs(patient.work_tree.git_dir) if key)
    named = dict.fromkeys((*patient.workspace.session_folders(), *led_to))
    return lost_ledgers(patient.work_tree, patient.kinds, named)


def _lost(patient: Patient) -> Diagnosis:
    lost = _find_lost(patient)
    if not lost:
        return Diagnosis(OK, "no ref of a ledger that was here is gone")
    says = _some(
        [
            f"{each.ref} {'holds no commit' if each.is_there else 'is gone'}, and {each.told_by} knows its "
            f"last commit {each.tip[:12]}"
            for each in lost
        ]
    )
    blocks = filter(None, (in_the_way(patient.work_tree, each.ref) for each in lost))
    steps = [f"move away what stands in its way: {one_word(path)}" for path in dict.fromkeys(blocks)]
    return Diagnosis(PROBLEM, says, (*steps[:_SHOWN], "idse doctor --fix  # has the refs point there again"))


def _projects(patient: Patient) -> Diagnosis:
    known = set(patient.ledgers.projects())
    without = sorted({project for project, _ in patient.ledgers.sessions()} - known)
    if not without:
        return Diagnosis(OK, f"{len(known)} with a ledger")
    says = f"sessions are here, and the ledger of their project is not: {_some(without)}"
    begin = tuple(f"idse init {project}  # begins it again" for project in without[:_SHOWN])
    return Diagnosis(PROBLEM, says, ("idse sync pull  # if the Agency has it", *begin))


def _moved_back(patient: Patient) -> Diagnosis:
    found = moved_back(patient.work_tree, patient.kinds)
    if not found:
        return Diagnosis(OK, "no ledger was set to an older commit by hand")
    says = _some(
        [f"{ref} was at {before[:12]}, and is at the older {now[:12]}" for ref, now, before in found]
    )
    steps = (
        f"git update-ref {one_word(ref)} {before} {now}  # moves it forward" for ref, now, before in found
    )
    return Diagnosis(PROBLEM, says, tuple(steps)[:_SHOWN])


def _folder(patient: Patient) -> Diagnosis:
    for name in (WORKSPACE, f"{WORKSPACE}/projects"):
        path = os.path.join(patient.work_tree.top, name)
        if os.path.islink(path) or (os.path.lexists(path) and not os.path.isdir(path)):
            what = (
                "a symbolic link: git keeps the link, and no document" if os.path.islink(path) else "a file"
            )
            return Diagnosis(PROBLEM, f"{name} is {what}", (f"put the folder itself where {name} is",))
    return Diagnosis(OK, "a folder, or not on this branch")


def _rules(patient: Patient) -> Diagnosis:
    patient.rules()
    return Diagnosis(OK, "the constitution in force can be read")


def _agency(patient: Patient) -> Diagnosis:
    """Looks at what is configured; nobody is asked over the network."""
    try:
        agency = patient.agency()
    except NoAgencyError as error:
        own = known_replica_id(patient.work_tree.private)
        if own and find(patient.work_tree.git, sync_ref(own)):
            says = f"this clone was synced before, and {error.message} now"
            return Diagnosis(WARNING, says, error.fix)
        return Diagnosis(OK, "none is configured: ledgers stay here")
    place = path_in(agency.url)
    if place and not os.path.exists(place):
        return Diagnosis(
            WARNING, f"{agency.url} is not there (it is named by {agency.origin})", _elsewhere(agency)
        )
    return Diagnosis(OK, f"{agency.url} (nobody was asked)")


def _elsewhere(agency: Agency) -> tuple[str, ...]:
    if agency.remote:
        return ("mount it", f"git remote set-url {agency.remote} URL  # or says where it is now")
    return ("mount it", "idse config set agency.url URL  # or says where it is now")


def _hooks(patient: Patient) -> Diagnosis:
    report = hooks_status(patient.hooks)
    manager = report.place.manager
    bad = [state for state in report.states if state.name in report.silent or state.condition == OUTDATED]
    if not bad:
        return Diagnosis(OK, "git calls idse")
    if manager and set(report.silent) & set(manager.waiting):
        names = ", ".join(manager.waiting)
        return Diagnosis(PROBLEM, f"git does not call {manager.name} for {names}", (manager.install,))
    says = ", ".join(f"{state.name} is {state.condition}" for state in bad)
    if all(state.condition == OUTDATED for state in bad):
        return Diagnosis(WARNING, says, ("idse hooks install",))
    if all(state.condition == MISSING for state in report.states) and not report.place.outside:
        return Diagnosis(WARNING, "no hook is installed, so nothing checks a commit", ("idse hooks install",))
    if report.place.outside and len(report.silent) == len(report.states):
        says = f"nothing checks a commit: git looks for hooks in {report.place.folder}, and not here"
        return Diagnosis(PROBLEM, says, ("idse hooks install  # says what to do",))
    fix: tuple[str, ...] = ("idse hooks install",)
    if any(state.condition == EDITED for state in bad):
        fix = ("move the edited hook away, then install the hooks again",)
    elif any(state.condition == DISABLED for state in bad):
        fix = ("git config --get-all --show-origin core.hooksPath", *fix)
    return Diagnosis(PROBLEM, says, fix)


def _branches(patient: Patient) -> Diagnosis:
    mapped = patient.branches.mapped()
    known = set(patient.ledgers.sessions())
    lost = {branch: name for branch, name in mapped.items() if session_named(name) not in known}
    if not lost:
        return Diagnosis(OK, f"{len(mapped)} with a session of their own" if mapped else "none has a session")
    says = _some(
        [f"branch {branch} belongs to {name}, which has no ledger here" for branch, name in lost.items()]
    )
    mend = (f"git config --unset {one_word(mapping_key(branch))}  # or has it free" for branch in lost)
    return Diagnosis(WARNING, says, ("idse sync pull  # if the Agency has it", *mend)[: 1 + _SHOWN])


def _mend_hooks(patient: Patient) -> str:
    """Reinstalls what was installed once. Hooks that somebody took away, or never had, are his decision."""
    states = hooks_status(patient.hooks).states
    if not any(state.condition in (OUTDATED, NOT_EXECUTABLE, CURRENT) for state in states):
        return "left the hooks as they are: idse hooks install puts them in place"
    report = install_hooks(patient.hooks)
    if report.refusal:
        return f"left the hooks as they are: {report.refusal}"
    changed = [
        outcome.name for outcome in report.outcomes if outcome.result in ("updated", "installed", "chained")
    ]
    return "wrote " + (", ".join(changed) or "no hook")


def _notes(patient: Patient) -> Diagnosis:
    if GitSettings(patient.work_tree).shows_notes():
        return Diagnosis(OK, "plain `git log` shows them")
    return Diagnosis(
        WARNING,
        "plain `git log` does not show them",
        (f"git config --add {NOTES_KEY} '{NOTES_VALUE}'",),
    )


def _mend_notes(patient: Patient) -> str:
    GitSettings(patient.work_tree).show_notes()
    return f"set {NOTES_KEY}"


def _ignored(patient: Patient) -> Diagnosis:
    condition, why = IgnoreRules(patient.work_tree).condition()
    if condition in (EDITED_RULES, UNCLEAR):
        return Diagnosis(WARNING, why, (_SHOW_EXCLUDE,))
    if condition != CURRENT_RULES:
        return Diagnosis(WARNING, why, ("idse doctor --fix",))
    content = _content(patient, GITIGNORE_PATH)
    missing = [line for line in _patterns(GITIGNORE) if line not in _patterns(content or b"")]
    if not missing:
        return Diagnosis(OK, f"info/exclude and {GITIGNORE_PATH} keep them out of commits")
    if content is None and not patient.workspace.session_folders():
        return Diagnosis(OK, f"info/exclude keeps them out of commits; this branch has no {GITIGNORE_PATH}")
    says = f"{GITIGNORE_PATH} " + ("does not exist" if content is None else "does not have all of them")
    return Diagnosis(WARNING, says, (f"add to {GITIGNORE_PATH}: " + ", ".join(missing),))


def _mend_ignored(patient: Patient) -> str:
    if IgnoreRules(patient.work_tree).renew():
        return "put the rules into info/exclude"
    content = _content(patient, GITIGNORE_PATH)
    if content is None:
        write_atomically(os.path.join(patient.work_tree.top, GITIGNORE_PATH), GITIGNORE)
        return f"wrote {GITIGNORE_PATH}"
    missing = [line for line in _patterns(GITIGNORE) if line not in _patterns(content)]
    before = content if content.endswith(b"\n") or not content else content + b"\n"
    added = "".join(f"{line}\n" for line in missing).encode()
    write_atomically(os.path.join(patient.work_tree.top, GITIGNORE_PATH), before + added)
    return f"added {len(missing)} lines to {GITIGNORE_PATH}"


def _content(patient: Patient, path: str) -> bytes | None:
    """Returns the content of a file by repository-relative path; None where there is none, or a link."""
    full = os.path.join(patient.work_tree.top, path)
    if os.path.islink(full) or not os.path.isfile(full):
        return None
    try:
        with open(full, "rb") as file:
            return file.read()
    except OSError as error:
        raise storage_error(error, path) from error


def _patterns(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _current(patient: Patient) -> Diagnosis:
    dangling = _dangling(patient)
    if not dangling:
        return Diagnosis(OK, "every current session has a ledger")
    says = ", ".join(f"{ref} leads to {_name(key)}, which has no ledger" for ref, key in dangling)
    return Diagnosis(PROBLEM, says, ("idse switch NAME",))


def _dangling(patient: Patient) -> list[tuple[str, SessionKey | None]]:
    known = set(patient.ledgers.sessions())
    return [(ref, key) for ref, key in current_refs(patient.work_tree.git_dir) if key not in known]


def _mend_current(patient: Patient) -> str:
    """Forgets what leads nowhere; a project that is left without a current session gets its blueprint."""
    dangling = _dangling(patient)
    for ref, key in dangling:
        if key:
            patient.work_tree.git.bytes("symbolic-ref", "--delete", ref)
        else:  # no symbolic ref, and git deletes nothing else
            remove_file(os.path.join(patient.work_tree.git_dir, ref))
    known = set(patient.ledgers.sessions())
    done = []
    for project in sorted(set(_without_current(patient, dangling))):
        current = patient.workspace.current(project) or (project, BLUEPRINT)
        if current in known:
            patient.workspace.set_current(*current)
            done.append(f"switched to {_name(current)}")
        else:
            done.append(f"no session of {project} is current now")
    return "; ".join(done) or "removed what led nowhere"


def _without_current(patient: Patient, dangling: Sequence[tuple[str, SessionKey | None]]) -> Iterator[str]:
    """Yields the projects whose current session was forgotten; a damaged ref may still say it by its name."""
    projects = patient.ledgers.projects()
    for ref, key in dangling:
        if key:
            yield key[0]
        elif ref != CURRENT_SESSION:
            yield ref.rpartition("/")[2]
        elif len(projects) == 1:
            yield projects[0]


def _views(patient: Patient) -> Diagnosis:
    wrong = [path for path, content in _wanted(patient) if _content(patient, path) != content]
    if not wrong:
        return Diagnosis(OK, "they say what the refs say")
    return Diagnosis(WARNING, f"not what the refs say: {_some(wrong)}", ("idse doctor --fix",))


def _wanted(patient: Patient) -> list[tuple[str, bytes]]:
    return sorted(patient.views.contents().items())


def _mend_views(patient: Patient) -> str:
    written = [
        path for view, content in _wanted(patient) for path in patient.workspace.write_views({view: content})
    ]
    return f"wrote {_some(written)}"


def _conflicts(patient: Patient) -> Diagnosis:
    deleted = _deleted(patient)
    refs = [session_ref(*key) for key in patient.ledgers.sessions() if key not in deleted]
    refs += map(project_ref, patient.ledgers.projects())
    found = PublishedRefs(patient.work_tree).conflicts(refs)
    if not found:
        return Diagnosis(OK, "no ledger has one")
    keys = dict.fromkeys(key for place in found if (key := parse_session_ref(place.ref)))
    rules = [project for place in found if (project := parse_project_ref(place.ref))]
    says = [
        f"{_name(key) if key else 'project ' + place.ref.rpartition('/')[2]}: {place.path}, line {place.line}"
        for place in found
        for key in [parse_session_ref(place.ref)]
    ]
    fix = [f"bring both together in {CONSTITUTION_PATH}, commit it, idse sync push"] if rules else []
    return Diagnosis(PROBLEM, _some(says), (*(f"idse restore {_name(key)}" for key in keys), *fix))


def _sessions(patient: Patient) -> Diagnosis:
    ledgers, folders = set(patient.ledgers.sessions()), set(patient.workspace.session_folders())
    deleted = _deleted(patient)
    ledgers, folders = ledgers - deleted, folders - deleted
    parts = []
    if folders - ledgers:
        parts.append("folders without a ledger: " + _some([_name(key) for key in sorted(folders - ledgers)]))
    if ledgers - folders:
        parts.append(
            "ledgers without a folder here: " + _some([_name(key) for key in sorted(ledgers - folders)])
        )
    if not parts:
        return Diagnosis(OK, f"{len(ledgers)} with folder and ledger")
    fix = ("idse init PROJECT  # brings their ledgers, or says what to type",) if folders - ledgers else ()
    return Diagnosis(NOTE, "; ".join(parts), fix)


def _deleted(patient: Patient) -> set[SessionKey]:
    """Returns the sessions that were deleted: whether they have a folder is nobody's concern."""
    states = [sound_states(patient.ledgers, project) for project in patient.ledgers.projects()]
    return {key for each in states for key, state in each.items() if state.is_deleted}


def _templates(patient: Patient) -> Diagnosis:
    doubts = patient.templates.doubts()
    if not doubts:
        return Diagnosis(OK, "no file in .idse/templates is odd")
    says = _some([f"{doubt.where} {doubt.what}" for doubt in doubts])
    return Diagnosis(WARNING, says, tuple(doubt.fix for doubt in doubts[:_SHOWN]))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _name(key: SessionKey | None) -> str:
    return "/".join(key) if key else "no session"
