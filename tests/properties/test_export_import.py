"""Ledgers travel through a folder and keep every id, whatever is in them and however often they travel."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from here import discover, ledger_writer
from idse_orchestrator.base.names import content_id, folder_objects, nested
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.stores.copy_ledgers import COPIED, EQUAL, NEWER, all_keys, copy_ledgers
from idse_orchestrator.stores.filesystem_store import FilesystemStore
from idse_orchestrator.stores.git_ledger import GitStore
from idse_orchestrator.stores.import_ledgers import import_ledgers
from idse_orchestrator.stores.plain_ledger_source import problem_with
from idse_orchestrator.wiring.ledgers import KINDS
from memory_store import MemoryStore

SETTINGS = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])


class Place:
    """A repository with ledgers, written as idse writes them."""

    def __init__(self, folder, name):
        self.path = pathlib.Path(folder) / name
        self.path.mkdir()
        self.git("init", "--quiet")
        self.repository = discover(str(self.path))
        self.writer = ledger_writer(self.repository)
        self.objects = open_repository(self.repository.common_dir)
        self.store = GitStore(self.repository)

    def git(self, *words):
        return subprocess.run(
            ["git", *words], cwd=self.path, capture_output=True, text=True, check=True
        ).stdout

    def refs(self):
        return self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse").split("\n")

    def act(self, deed):
        """One event: a session's folder becomes `files`, or a title is given."""
        session, title, files = deed
        tree = ""
        if files:
            names = {path: str(self.objects.create_blob(content)) for path, content in files.items()}
            tree, rows = folder_objects(nested(names))
            for _, content in rows:
                self.objects.write(2, content)
        if self.store.load_state(("portal", "")) is None:
            self.writer.append_to_project(
                "portal", lambda _: Draft("created", {"project": "portal", "stack": title})
            )
        self.writer.append("portal", session, lambda tip: self.draft(tip, session, title, tree))

    @staticmethod
    def draft(tip, session, title, tree):
        if tip is None:
            body = {"project": "portal", "session": session, "type": "feature", "title": title}
            return Draft("created", body | {"owner": "", "parents": []}, tree)
        if tree and tree != tip.artifacts:
            return Draft("edited", {"changed": {}, "source": "save"}, tree)
        return Draft("described", {"title": title})


PATHS = st.sampled_from(["intent.md", "spec.md", "implementation/README.md", "übersicht.md", "deep/er/x.md"])
CONTENTS = st.one_of(st.binary(max_size=80), st.sampled_from([b"", b"a\r\nb\r\n", b"a\nb\nc\n", bytes(9000)]))
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["login", "search", "__blueprint__"]),
        st.text("aZ 0üж✓-:#", max_size=12),
        st.dictionaries(PATHS, CONTENTS, max_size=3),
    ),
    max_size=8,
)


@SETTINGS
@given(DEEDS)
def test_an_export_into_a_folder_and_an_import_elsewhere_give_the_same_refs(deeds):
    with tempfile.TemporaryDirectory() as folder:
        one, other = Place(folder, "one"), Place(folder, "other")
        for deed in deeds:
            one.act(deed)
        middle = FilesystemStore(f"{folder}/middle")
        copied = copy_ledgers(one.store, middle, all_keys(one.store))
        assert {each.result for each in copied.ledgers} <= {COPIED}
        assert import_ledgers(other.repository, KINDS, middle).exit_code == 0
        assert other.refs() == one.refs()
        assert {each.result for each in import_ledgers(other.repository, KINDS, middle).ledgers} <= {EQUAL}
        assert other.refs() == one.refs()
        other.git("fsck", "--strict")


@SETTINGS
@given(DEEDS, DEEDS)
def test_a_second_export_brings_what_came_since(first, second):
    with tempfile.TemporaryDirectory() as folder:
        one, other = Place(folder, "one"), Place(folder, "other")
        for deeds in (first, second):
            for deed in deeds:
                one.act(deed)
            middle = FilesystemStore(f"{folder}/middle")
            copy_ledgers(one.store, middle, all_keys(one.store))
            import_ledgers(other.repository, KINDS, middle)
            assert other.refs() == one.refs()


@SETTINGS
@given(DEEDS, DEEDS, DEEDS)
def test_histories_that_moved_on_are_joined_and_then_both_sides_have_one(shared, left, right):
    with tempfile.TemporaryDirectory() as folder:
        one, other = Place(folder, "one"), Place(folder, "other")
        for deed in shared:
            one.act(deed)
        there = FilesystemStore(f"{folder}/there")
        copy_ledgers(one.store, there, all_keys(one.store))
        import_ledgers(other.repository, KINDS, there)
        for place, deeds in ((one, left), (other, right)):
            for deed in deeds:
                place.act(deed)
        copy_ledgers(one.store, there, all_keys(one.store))
        assert import_ledgers(other.repository, KINDS, there).exit_code == 0
        back = FilesystemStore(f"{folder}/back")
        copy_ledgers(other.store, back, all_keys(other.store))
        assert import_ledgers(one.repository, KINDS, back).exit_code == 0
        assert one.refs() == other.refs()
        memory = MemoryStore()
        assert copy_ledgers(back, memory, all_keys(back), partial(problem_with, KINDS)).exit_code == 0
        assert [memory.load_session(key) for key in all_keys(back)] == [
            one.store.load_session(key) for key in all_keys(one.store)
        ]


@SETTINGS
@given(DEEDS, DEEDS)
def test_a_folder_that_has_more_keeps_it(first, second):
    with tempfile.TemporaryDirectory() as folder:
        one, late = Place(folder, "one"), Place(folder, "late")
        for deed in first:
            one.act(deed)
        middle = FilesystemStore(f"{folder}/middle")
        copy_ledgers(one.store, middle, all_keys(one.store))
        import_ledgers(late.repository, KINDS, middle)
        for deed in second:
            one.act(deed)
        copy_ledgers(one.store, middle, all_keys(one.store))
        before = [middle.load_session(key) for key in all_keys(middle)]
        outcome = copy_ledgers(late.store, middle, all_keys(late.store))
        assert {each.result for each in outcome.ledgers} <= {EQUAL, NEWER}
        assert [middle.load_session(key) for key in all_keys(middle)] == before


@given(st.dictionaries(st.sampled_from(["a", "a.b", "a-b", "ab", "ä", "z/a", "z/b/c", "z.a"]), st.binary()))
def test_ids_are_those_of_git(files):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder, "one")
        for path, content in files.items():
            target = place.path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        place.git("-c", "core.autocrlf=false", "add", "--all")
        names = {path: content_id("blob", content) for path, content in files.items()}
        assert folder_objects(nested(names))[0] == place.git("write-tree").strip()
