"""What every DesignStore promises, held against all that are shipped and one that a stranger wrote."""

from __future__ import annotations

import importlib.util
import itertools
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from here import discover
from idse_orchestrator.base.names import blob_id
from idse_orchestrator.errors import CorruptLedgerError, InvalidNameError, LedgerMovedError, UnknownNameError
from idse_orchestrator.stores.design_store import Loaded
from idse_orchestrator.stores.entry import Content, entry_id, make_entry
from idse_orchestrator.stores.filesystem_store import FilesystemStore
from idse_orchestrator.stores.git_ledger import GitStore
from memory_store import MemoryStore

LOGIN = ("portal", "login")
PORTAL = ("portal", "")
WRITERS = 8
EACH = 6


def strangers_store(location):
    """The store of the how-to, as somebody would copy it."""
    page = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "write-a-store.md"
    code = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    spec = importlib.util.spec_from_loader("sqlite_store", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(code, str(page), "exec"), module.__dict__)
    return module.open_store(str(location))


@pytest.fixture(params=["memory", "filesystem", "git", "stranger"])
def opened(request, make_repo, tmp_path):
    """A function that opens the store once more, as another process would."""
    if request.param == "memory":
        store = MemoryStore()
        return lambda: store
    if request.param == "filesystem":
        return lambda: FilesystemStore(str(tmp_path / "store"))
    if request.param == "stranger":
        return lambda: strangers_store(tmp_path / "store")
    repository = discover(str(make_repo("ledgers").path))
    return lambda: GitStore(repository)


@pytest.fixture
def store(opened):
    return opened()


def entry(parents=(), *, lamport=1, event=b'{"kind":"created"}', artifacts=None, seconds=0, text="begin\n"):
    state = b'{"lamport":%d}' % lamport
    who = f"Test Author <author@example.invalid> {1_700_000_000 + lamport + seconds} +0130"
    return make_entry(Content(event, state, artifacts), parents, who, text)


def chain(length, store, key=LOGIN):
    tip = None
    for lamport in range(1, length + 1):
        made = entry([tip] if tip else [], lamport=lamport)
        tip = store.save_session(key, [made], tip)
    return tip


def test_an_empty_store_lists_and_loads_nothing(store):
    assert (list(store.list_projects()), list(store.list_sessions())) == ([], [])
    assert store.load_session(LOGIN) is None
    assert store.load_state(PORTAL) is None
    assert list(store.entries(LOGIN)) == []


def test_what_was_saved_is_what_another_process_loads(opened):
    content = opened().save_artifact(b"# Intent\n")
    first = entry(artifacts={"intent.md": content})
    tip = opened().save_session(LOGIN, [first], None)
    assert tip == entry_id(first)
    assert opened().load_session(LOGIN) == Loaded(tip, first.state, {"intent.md": content})
    assert opened().load_state(LOGIN) == first.state
    assert list(opened().entries(LOGIN)) == [first]
    assert opened().load_artifact(content) == b"# Intent\n"


def test_sessions_are_listed_in_order_and_a_project_is_none_of_them(store):
    for key in [("zoo", "b"), ("zoo", "a"), ("portal", "login"), ("portal", ""), ("attic", "")]:
        store.save_session(key, [entry(text=f"{key}\n")], None)
    assert list(store.list_projects()) == ["attic", "portal"]
    assert list(store.list_sessions()) == [("portal", "login"), ("zoo", "a"), ("zoo", "b")]
    assert list(store.list_sessions("zoo")) == [("zoo", "a"), ("zoo", "b")]
    assert list(store.list_sessions("nobody")) == []


def test_entries_come_newest_first(store):
    chain(5, store)
    assert [each.state for each in store.entries(LOGIN)] == [b'{"lamport":%d}' % n for n in (5, 4, 3, 2, 1)]


def test_a_merge_keeps_both_sides_and_every_entry_comes_before_its_parents(store):
    root = entry()
    one = entry([entry_id(root)], lamport=2, text="one\n", seconds=50)
    other = entry([entry_id(root)], lamport=2, text="other\n")
    late = entry([entry_id(other)], lamport=3, text="late\n")
    sides = sorted([entry_id(one), entry_id(late)])
    merge = entry(sides, lamport=3, event=None, text="merge\n")
    first = store.save_session(LOGIN, [root, one], None)
    store.save_session(LOGIN, [other, late, merge], first)
    found = list(store.entries(LOGIN))
    assert sorted(map(entry_id, found)) == sorted(map(entry_id, [root, one, other, late, merge]))
    places = {entry_id(each): place for place, each in enumerate(found)}
    assert all(
        places[entry_id(each)] < places[parent] for each, parent in ((e, p) for e in found for p in e.parents)
    )
    assert found[0] == merge
    assert found[0].event is None


def test_the_ledger_of_a_project_and_those_of_its_sessions_are_apart(store):
    tip = store.save_session(PORTAL, [entry(text="project\n")], None)
    store.save_session(LOGIN, [entry(text="session\n")], None)
    assert store.load_session(PORTAL).tip == tip
    assert store.load_session(LOGIN).tip != tip


def test_an_append_to_a_tip_that_moved_is_refused_and_changes_nothing(store):
    old = chain(1, store)
    new = store.save_session(LOGIN, [entry([old], lamport=2)], old)
    with pytest.raises(LedgerMovedError):
        store.save_session(LOGIN, [entry([old], lamport=2, text="late\n")], old)
    assert store.load_session(LOGIN).tip == new


def test_beginning_a_ledger_that_is_there_is_refused(store):
    tip = chain(1, store)
    with pytest.raises(LedgerMovedError):
        store.save_session(LOGIN, [entry(text="again\n")], None)
    assert store.load_session(LOGIN).tip == tip


def test_appending_to_a_ledger_that_is_not_there_is_refused(store):
    with pytest.raises(LedgerMovedError):
        store.save_session(LOGIN, [entry()], entry_id(entry()))
    assert store.load_session(LOGIN) is None


def test_entries_that_do_not_follow_from_the_ledger_are_refused(store):
    tip = chain(2, store)
    for wrong in (
        [],
        [entry(text="another root\n")],
        [entry(["0" * 40], lamport=3)],
        [entry(["../../etc"], lamport=3)],
        [entry([tip], lamport=3, artifacts={"intent.md": "1" * 40})],
        [replace(entry([tip], lamport=3), artifacts={"intent.md": "../../etc/passwd"})],
    ):
        with pytest.raises(CorruptLedgerError):
            store.save_session(LOGIN, wrong, tip)
    assert store.load_session(LOGIN).tip == tip


def test_an_entry_whose_commit_names_other_content_is_refused(store):
    with pytest.raises(CorruptLedgerError):
        store.save_session(LOGIN, [replace(entry(), state=b'{"lamport":9}')], None)
    assert store.load_session(LOGIN) is None


def test_many_entries_are_one_append(store):
    made, tip = [], None
    for lamport in range(1, 41):
        made.append(entry([tip] if tip else [], lamport=lamport))
        tip = entry_id(made[-1])
    assert store.save_session(LOGIN, made, None) == tip
    assert list(store.entries(LOGIN)) == made[::-1]


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 8, b"line\r\nline\r\n", b"\xff" * 3_000_000])
def test_artifacts_come_back_byte_for_byte(opened, content):
    name = opened().save_artifact(content)
    assert name == blob_id(content)
    assert opened().save_artifact(content) == name
    assert opened().load_artifact(name) == content


@pytest.mark.parametrize("name", ["0" * 40, "", "intent.md", "../../../etc/passwd", "A" * 40])
def test_content_that_is_not_there_is_unknown(store, name):
    with pytest.raises(UnknownNameError):
        store.load_artifact(name)


@pytest.mark.parametrize(
    "key", [("..", ""), ("", ""), ("portal", ".."), ("portal", "a/b"), ("portal", "ä"), ("portal", "x.lock")]
)
def test_bad_names_are_refused_by_every_method(store, key):
    for method in (
        lambda: store.load_session(key),
        lambda: store.load_state(key),
        lambda: list(store.entries(key)),
        lambda: store.save_session(key, [entry()], None),
        lambda: store.delete_session(key, "0" * 40),
    ):
        with pytest.raises(InvalidNameError):
            method()


def test_names_that_differ_only_in_case_are_refused(store):
    chain(1, store)
    for key in (("portal", "Login"), ("Portal", ""), ("Portal", "other")):
        with pytest.raises(InvalidNameError):
            store.save_session(key, [entry()], None)
    assert list(store.list_sessions()) == [LOGIN]


def test_names_of_documents_may_hold_any_character(store):
    content = store.save_artifact("größer\n".encode())
    paths = dict.fromkeys(("übersicht.md", "日本/語.md", "with space.md", 'a"b.md', "line\nend.md"), content)
    store.save_session(LOGIN, [entry(artifacts=paths, text="ünïcode ✓\n")], None)
    assert store.load_session(LOGIN).artifacts == paths
    assert next(store.entries(LOGIN)).message == "ünïcode ✓\n".encode()


def test_no_folder_and_an_empty_folder_are_not_the_same_entry(store):
    none, empty = entry(artifacts=None), entry(artifacts={})
    store.save_session(("portal", "none"), [none], None)
    store.save_session(("portal", "empty"), [empty], None)
    assert next(store.entries(("portal", "none"))) == none
    assert next(store.entries(("portal", "empty"))) == empty


def test_a_deleted_session_is_gone_and_can_begin_again(store):
    tip = chain(2, store)
    store.delete_session(LOGIN, tip)
    assert store.load_session(LOGIN) is None
    assert list(store.list_sessions()) == []
    assert list(store.entries(LOGIN)) == []
    assert chain(1, store) == store.load_session(LOGIN).tip


def test_deleting_what_moved_or_is_not_there_is_refused(store):
    with pytest.raises(UnknownNameError):
        store.delete_session(LOGIN, "0" * 40)
    old = chain(1, store)
    tip = store.save_session(LOGIN, [entry([old], lamport=2)], old)
    with pytest.raises(LedgerMovedError):
        store.delete_session(LOGIN, old)
    assert store.load_session(LOGIN).tip == tip


def test_deleting_a_project_leaves_its_sessions(store):
    store.save_session(PORTAL, [entry(text="project\n")], None)
    tip = chain(2, store)
    store.delete_session(PORTAL, store.load_session(PORTAL).tip)
    assert list(store.list_projects()) == []
    assert store.load_session(LOGIN).tip == tip
    assert len(list(store.entries(LOGIN))) == 2


def test_entries_are_those_of_one_moment(store):
    tip = chain(3, store)
    reading = store.entries(LOGIN)
    store.save_session(LOGIN, [entry([tip], lamport=4)], tip)
    assert len(list(reading)) == 3


def test_eight_writers_at_once_lose_nothing(opened):
    numbers = itertools.count()

    def write(_):
        store = opened()
        for _ in range(EACH):
            append(store, f"{next(numbers)} by {threading.get_ident()}\n")

    def append(store, text):
        while True:
            found = store.load_session(LOGIN)
            content = store.save_artifact(text.encode())
            lamport = len(list(store.entries(LOGIN))) + 1 if found else 1
            made = entry(
                [found.tip] if found else [], artifacts={"a.md": content}, lamport=lamport, text=text
            )
            try:
                store.save_session(LOGIN, [made], found.tip if found else None)
            except LedgerMovedError:
                continue
            return

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    store = opened()
    found = list(store.entries(LOGIN))
    assert len({each.message for each in found}) == len(found) == WRITERS * EACH
    assert all(store.load_artifact(each.artifacts["a.md"]) == each.message for each in found)
