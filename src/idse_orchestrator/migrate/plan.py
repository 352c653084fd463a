"""Plans a migration: names, files and events of each session, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.text import counted, encodable, few
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate.files import (
    DUPLICATE,
    MIGRATED,
    SIDE,
    UNKNOWN,
    Content,
    Fate,
    Found,
    arranged,
    late_place,
)
from idse_orchestrator.migrate.in_place import InPlace
from idse_orchestrator.migrate.judging import Judge, judged
from idse_orchestrator.migrate.names import new_names, similar_names
from idse_orchestrator.migrate.old_claims import OldClaim
from idse_orchestrator.migrate.overwritten import with_overwritten
from idse_orchestrator.migrate.paths import (
    CURRENT,
    DATABASE,
    DOT,
    FLAT,
    LAYOUTS,
    Place,
    document_of,
    raw_path,
)
from idse_orchestrator.migrate.reading import Reading, gathered, story_order
from idse_orchestrator.migrate.survey import Survey, survey
from idse_orchestrator.migrate.target import GitMigrationTarget
from idse_orchestrator.migrate.values import (
    CHANGED,
    CLOSED,
    DONE,
    LATE,
    NEW,
    TAKEN,
    MigrationPlan,
    MigrationRequest,
    MigrationSource,
    Progress,
    SessionPlan,
    SourceEntry,
    Step,
)
from idse_orchestrator.migrate.words import SessionRecord


@dataclass(frozen=True, slots=True)
class Planning:
    """The parts that planning needs.

    `projects` are those this repository has, `ledger_files` gives what a session's ledger holds now, and
    `untouched` the tip of one that has only a template, and that nobody else has ("" : another). `current` is
    the session that a project works on here.
    """

    source: MigrationSource
    target: GitMigrationTarget
    projects: Sequence[str]
    ledger_files: Callable[[SessionKey], Mapping[str, str]]
    untouched: Callable[[SessionKey], str]
    in_place: InPlace
    current: Callable[[str], SessionKey | None]
    judge: Judge
    on_progress: Progress


def plan_migration(planning: Planning, request: MigrationRequest) -> tuple[MigrationPlan, Survey]:
    """Plans everything, and returns what was found, too; nothing is written.

    MigrationSourceError where there is nothing to take over, UsageError where `request` names a project that
    the source does not have, NameTakenError and InvalidNameError for projects that cannot be called so.
    """
    only = request.project or (planning.projects[0] if len(planning.projects) == 1 else "")
    known = planning.target.migrated()
    entries = list(planning.source.entries())
    own = planning.in_place.own(entries, known)
    others = [entry for entry in entries if entry.path not in own]
    kept = {key: planning.current(key[0]) == key for key in own.values() if key}
    found = survey(planning.source, others, only, request.only, kept)
    here = {
        key
        for key, files in found.sessions.items()
        if key in known and planning.in_place.is_old_folder(key, files)
    }
    keys = new_names(found.sessions, request.project, request.only, planning.projects, here)
    reading = Reading(planning.source, found, keys, planning.on_progress)
    reading.read()
    reading.read_stored_agents()
    everything = _sessions(planning, reading, keys, known)
    sessions = [each for each in everything if _is_there(each)]
    history = planning.source.history(_owner_in(found)) if request.with_history else {}
    sessions = [replace(each, steps=history.get(each.source_key, ())) for each in sessions]
    sessions = list(with_overwritten(planning.source, found, sessions))
    sessions = list(judged(planning.judge, planning.source, sessions, planning.on_progress))
    fates = [*found.fates, *reading.fates, *(fate for each in everything for fate in _fates(planning, each))]
    fates += [Fate(path, DUPLICATE, _own_words(key)) for path, key in own.items()]
    fates += _fates_of_current(planning, found, {each.source_key: each for each in everything})
    called = {each.source_key: each.key for each in sessions}
    texts = {path for each in found.stored for path in each.texts}
    plan = MigrationPlan(
        source=planning.source.description,
        sessions=tuple(sessions),
        fates=_in_order(fate for fate in fates if fate.path not in texts),
        registries=reading.registries,
        constitution=planning.judge.examiner.constitution.id,
        current=called.get(reading.current_session_of() or ("", "")),
        current_of={
            key[0]: key
            for project in dict.fromkeys(project for project, _ in called)
            if (key := called.get(reading.current_session_of(project) or ("", "")))
        },
        left_out=tuple(planning.source.left_out),
        own=tuple(sorted({key for key in own.values() if key and known[key] and key not in called.values()})),
        notes=(
            *(planning.source.doubts if request.with_history else ()),
            *found.notes,
            *reading.notes,
            *(
                f"{each.name}: nothing of it can be kept, so there is no such session here"
                for each in everything
                if not _is_there(each) and each.key not in known
            ),
            *_bygone(found, history, known),
            *(note for each in found.stored for note in each.notes),
            *_untaken_claims(sessions),
        ),
        stored=tuple(found.stored),
        records=_in_order(fate for fate in fates if fate.path in texts),
    )
    _account(entries, found, plan)
    return plan, found


def _own_words(key: SessionKey | None) -> str:
    return f"the folder of {'/'.join(key)} as idse keeps it" if key else "idse keeps it here"


def _fates_of_current(
    planning: Planning, found: Survey, plans: Mapping[SessionKey, SessionPlan]
) -> Iterable[Fate]:
    """Yields the fates of the files that name a current session: it becomes that where none is here."""
    for path, source_key in found.recorded.items():
        says = f"it names {source_key[1]} as current"
        plan = plans.get(source_key)
        here = planning.current(plan.key[0]) if plan is not None and plan.verdict == NEW else None
        if plan is None:
            yield Fate(
                path, UNKNOWN, f"{says}: it belongs to project {source_key[0]}, which was not asked for"
            )
        elif plan.verdict == CLOSED:
            yield Fate(path, UNKNOWN, f"{says}, which waits")
        elif here is not None and here != plan.key:
            yield Fate(path, UNKNOWN, f"{says}, but here {here[1]} is: idse switch {plan.name}")
        else:
            yield Fate(path, MIGRATED, says)


def _in_order(fates: Iterable[Fate]) -> tuple[Fate, ...]:
    return tuple(sorted(fates, key=lambda fate: raw_path(fate.path)))


def _owner_in(found: Survey) -> Callable[[str], SessionKey | None]:
    """Returns who owns a path of the history: a session, or a database itself."""
    databases = {each.path for each in found.stored}
    return lambda path: ("", path) if path in databases else found.owner(path)


def _untaken_claims(sessions: Iterable[SessionPlan]) -> Iterable[str]:
    """Yields a sentence about the claims of each blueprint that has a ledger here already."""
    for each in sessions:
        if each.verdict == TAKEN and each.claims:
            texts = [f"{claim.text!r}" for claim in each.claims if not claim.gone]
            yield (
                f"{each.name} has a ledger here, so claims of the database are not declared in it: "
                f'{few(texts)}; idse blueprint declare "…"'
            )


def _account(entries: Sequence[SourceEntry], found: Survey, plan: MigrationPlan) -> None:
    """Checks that every file of the source has exactly one fate; else idse has a defect."""
    on_disk = sorted((entry.path for entry in entries), key=raw_path)
    accounted = [fate.path for fate in plan.fates]
    texts = sorted((path for each in found.stored for path in each.texts), key=raw_path)
    if [fate.path for fate in plan.records] != texts:
        raise AssertionError(f"{len(texts)} texts in databases, {len(plan.records)} accounted for")
    if accounted != on_disk:
        odd = sorted(set(on_disk) ^ set(accounted), key=raw_path) or "one is told twice"
        raise AssertionError(f"{len(on_disk)} files, {len(accounted)} accounted for: {odd[:3]!r}")


def _sessions(
    planning: Planning,
    reading: Reading,
    keys: Mapping[SessionKey, SessionKey],
    known: Mapping[SessionKey, frozenset[str]],
) -> list[SessionPlan]:
    """Plans each session, in order of its new name, without history, stages and waivers."""
    done = {fingerprint: key for key, fingerprints in known.items() for fingerprint in fingerprints}
    folded = {(project, name.casefold()) for project, name in known}
    similar = similar_names(keys)
    drafts = {key: _session(reading, key, called) for key, called in keys.items()}
    named = {
        key: [done[each] for each in (plan.fingerprint, *plan.halves) if each in done]
        for key, plan in drafts.items()
    }
    claimed = {names[0] for names in named.values() if names}
    plans = []
    for source_key, key in sorted(keys.items(), key=lambda pair: pair[1]):
        plan = drafts[source_key]
        plan = replace(plan, key=(*named[source_key], key)[0])  # once it has a name, it keeps that
        parents, doubts = _parents(plan, keys)
        taken = plan.key in claimed and not named[source_key]
        verdict, template = (TAKEN, "") if taken else _verdict(planning, plan, known, folded)
        plans.append(
            replace(
                plan,
                verdict=verdict,
                template=template,
                has_own_folder=planning.in_place.is_old_folder(plan.key, plan.places),
                parents=parents,
                doubts=(*plan.doubts, *doubts, *similar.get(source_key, ())),
            )
        )
    return plans


def _session(reading: Reading, source_key: SessionKey, key: SessionKey) -> SessionPlan:
    files = reading.sessions[source_key]
    facts = gathered(key[1], files.places, files.records)
    state = files.state or SessionRecord()
    facts = replace(
        facts,
        created=facts.created or state.created,
        updated=facts.updated or state.updated,
        stages=facts.stages or state.stages,
    )
    claims, told = _claims(reading.found, source_key, files.places)
    folder = arranged(Found(path, place, files.contents[path]) for path, place in files.places.items())
    return SessionPlan(
        key=key,
        source_key=source_key,
        layouts=_layouts(files.places.values()),
        places=files.places,
        contents=files.contents,
        arranged=folder,
        facts=facts,
        fingerprint=_fingerprint(source_key, files.contents),
        halves=_halves(source_key, files.places, files.contents),
        closed=files.closed,
        modified=max((reading.modified[path] for path in files.contents), default=""),
        stories=tuple(sorted(files.stories, key=story_order)),
        claims=claims,
        doubts=(*_other_texts(reading, files.places, folder.fates), *told, *facts.doubts, *files.doubts),
    )


def _claims(
    found: Survey, source_key: SessionKey, places: Mapping[str, Place]
) -> tuple[tuple[OldClaim, ...], list[str]]:
    """Returns the claims of a blueprint in databases, each once, and what there is to say about them."""
    if source_key[1] != BLUEPRINT:
        return (), []
    all_of_it = [each.claims[source_key[0]] for each in found.stored if source_key[0] in each.claims]
    doubts = [doubt for claims in all_of_it for doubt in claims.doubts]
    claims = {claim.id: claim for each in reversed(all_of_it) for claim in each.claims}
    if all(place.layout == DATABASE and len(place.rest) == 1 for place in places.values()):
        doubts.insert(
            0, "the older tool had no such session: it is made to hold what a database says of the project"
        )
    return tuple(claims.values()), doubts


def _is_made(places: Mapping[str, Place]) -> bool:
    """Tests whether a session is made for what a database says of the project, and nobody had it before."""
    return bool(places) and all(
        place.layout == DATABASE and place.rest[0].endswith(".json") for place in places.values()
    )


def _other_texts(reading: Reading, places: Mapping[str, Place], fates: Iterable[Fate]) -> Iterable[str]:
    """Yields a doubt about each document of which a database, or a folder "current", has another text."""
    for fate in fates:
        place = places[fate.path]
        document = document_of(place.rest) if place.layout in (CURRENT, DATABASE) and place.rest else None
        if document is None or fate.fate != SIDE:
            continue
        if place.layout == CURRENT:
            yield f"{fate.path} is another text than its {document.stage} document: kept as {fate.target}"
        else:
            written = reading.modified.get(fate.path)
            when = f", of {written}" if written else ""
            yield f"the database has another {document.stage}{when}: kept as {fate.target}"


def _layouts(places: Iterable[Place]) -> tuple[str, ...]:
    """Returns the layouts of a session, the one that wins first."""
    seen = set()
    only_flat = False
    for place in places:
        if not place.project and place.layout != CURRENT:
            continue  # its path does not say that it belongs to the session
        seen.add(place.layout)
        only_flat |= place.layout == FLAT and len(place.rest) == 1 and document_of(place.rest) is not None
    if DOT in seen and not only_flat:
        seen.discard(FLAT)  # the last two stages and side files stand in both at the same place
    return tuple(layout for layout in LAYOUTS if layout in seen)


def _is_there(plan: SessionPlan) -> bool:
    return bool(plan.arranged.files or plan.closed)


def _bygone(
    found: Survey, history: Mapping[SessionKey, Sequence[Step]], known: Container[SessionKey]
) -> Iterable[str]:
    """Yields a sentence about what only the history has: sessions, and what a database held before."""
    for each in found.stored:
        if (commits := len(history.get(("", each.path), ()))) > 1:
            earlier = counted(commits - 1, "earlier commit")
            yield f"{each.path}: read as it is now, and not as it was in {earlier}"
    names = [
        "/".join(key)
        for key, steps in sorted(history.items())
        if key[0] and key not in found.sessions and key not in known and any(step.files for step in steps)
    ]
    if names:
        yield f"only the history has {few([encodable(name) for name in names])}: not taken over"


def _fingerprint(source_key: SessionKey, contents: Mapping[str, Content]) -> str:
    """Returns a digest of a session of the source: its name, and every file of it."""
    digest = sha256()
    for part in (*source_key, *(text for path in sorted(contents) for text in (path, contents[path].blob))):
        digest.update(raw_path(part) + b"\0")
    return digest.hexdigest()


def _halves(
    source_key: SessionKey, places: Mapping[str, Place], contents: Mapping[str, Content]
) -> tuple[str, ...]:
    """Returns the digests of what files have of a session, and of what databases have, if both do."""
    texts = {path: content for path, content in contents.items() if places[path].layout == DATABASE}
    files = {path: content for path, content in contents.items() if path not in texts}
    return (_fingerprint(source_key, files), _fingerprint(source_key, texts)) if files and texts else ()


def _verdict(
    planning: Planning,
    plan: SessionPlan,
    known: Mapping[SessionKey, frozenset[str]],
    folded: Container[SessionKey],
) -> tuple[str, str]:
    """Tests a session against the ledgers here; `folded` has the keys of `known` without case.

    The second is the tip of the ledger that it takes the place of, "" where there is none.
    """
    migrations = known.get(plan.key)
    if migrations is None:
        clashes = (plan.key[0], plan.key[1].casefold()) in folded
        return TAKEN if clashes else CLOSED if plan.closed else NEW, ""
    files, _ = plan.halves or ("", "")
    if plan.fingerprint in migrations or (migrations and planning.target.holds(plan.key, _texts(plan))):
        return DONE, ""
    if _is_made(plan.places) or files in migrations:
        return LATE, ""
    template = "" if migrations or plan.closed else planning.untouched(plan.key)
    return (NEW if template else CHANGED if migrations else TAKEN), template


def _texts(plan: SessionPlan) -> frozenset[str]:
    """Returns the blobs that the folder would have, without notices of the place that a document has now."""
    stubs = {content.blob for content in plan.contents.values() if content.is_stub}
    return frozenset(plan.arranged.files.values()) - stubs


def _parents(
    plan: SessionPlan, keys: Mapping[SessionKey, SessionKey]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the parents that are taken over too, and a doubt about one that is not."""
    wanted = plan.facts.parent
    parent = keys.get((plan.source_key[0], wanted))
    if parent is not None and parent != plan.key:
        return (parent[1],), ()
    return (), (f"its parent {wanted!r} is not there",) if wanted else ()


def _fates(planning: Planning, plan: SessionPlan) -> Iterable[Fate]:
    """Returns the fates of a session's files: of one whose name is taken, or that waits, nothing."""
    if plan.verdict == CLOSED:
        why = f"{plan.name} waits: {plan.closed} cannot be read"
        yield from (Fate(path, UNKNOWN, why) for path in plan.contents)
        return
    held = planning.ledger_files(plan.key) if plan.verdict in (LATE, TAKEN, CHANGED) else {}
    if plan.verdict == LATE:
        yield from (_late_fate(plan, fate, held) for fate in plan.arranged.fates)
        return
    if plan.verdict not in (TAKEN, CHANGED):
        yield from plan.arranged.fates
        return
    blobs = set(held.values())
    for path, content in plan.contents.items():
        if content.blob in blobs:
            yield Fate(path, DUPLICATE, f"the ledger of {plan.name} holds the same bytes")
        else:
            why = (
                "was migrated, and this is another text"
                if plan.verdict == CHANGED
                else "has a ledger of its own"
            )
            yield Fate(path, UNKNOWN, f"{plan.name} {why}: nothing was written")


def _late_fate(plan: SessionPlan, fate: Fate, held: Mapping[str, str]) -> Fate:
    """Returns the fate of a file of a session that gets the texts of its database now."""
    target = late_place(plan.places[fate.path])
    if not target or fate.fate == UNKNOWN:
        return fate
    if held.get(target, plan.contents[fate.path].blob) != plan.contents[fate.path].blob:
        return Fate(fate.path, UNKNOWN, f"something else stands at {target} already")
    return Fate(fate.path, SIDE, "it comes after the files of its session", target)
