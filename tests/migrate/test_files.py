"""Arranging decides about every file of a session once, the same way in whatever order they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.text import first_problem
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.migrate.files import (
    DUPLICATE,
    MIGRATED,
    SIDE,
    STUB,
    UNKNOWN,
    Found,
    arranged,
    content_of,
)
from idse_orchestrator.migrate.names import file_name, mapped_names
from idse_orchestrator.migrate.paths import Place

NAMES = st.sampled_from(
    [
        "spec.md",
        "SPEC.md",
        "task.md",
        "tasks.md",
        "README.md",
        "readme.md",
        "a",
        "A",
        ".git",
        "current",
        "é",
        "e\u0301",
    ]
)
FOLDERS = st.sampled_from(
    ["specs", "tasks", "plans", "implementation", "feedback", "current", "a", "metadata"]
)
REST = st.lists(FOLDERS, max_size=3).flatmap(lambda folders: NAMES.map(lambda name: (*folders, name)))
CONTENT = st.sampled_from([b"one", b"two", b"three", b"# Legacy path notice\n", b""]).map(content_of)


@st.composite
def sessions(draw):
    found = []
    for number in range(draw(st.integers(0, 12))):
        layout = draw(st.sampled_from("GDCEAFB"))
        found.append(Found(f"{layout}/{number}", Place(layout, "p", "s", draw(REST)), draw(CONTENT)))
    return found


@given(sessions(), st.randoms())
def test_every_file_has_one_fate_and_no_bytes_are_lost_whatever_the_order(found, random):
    result = arranged(found)
    assert sorted(fate.path for fate in result.fates) == sorted(each.path for each in found)
    held = set(result.files.values())
    fates = {fate.path: fate for fate in result.fates}
    for each in found:
        fate = fates[each.path]
        assert fate.fate in (STUB, UNKNOWN) or each.content.blob in held
        if fate.fate in (MIGRATED, SIDE, DUPLICATE):
            assert result.files[fate.target] == each.content.blob
    shuffled = list(found)
    random.shuffle(shuffled)
    assert arranged(shuffled) == result


@given(sessions())
def test_what_is_arranged_is_a_folder_that_a_ledger_takes(found):
    files = arranged(found).files
    assert first_problem(files) is None
    folders = {path.rpartition("/")[0] for path in files if "/" in path}
    assert not folders & files.keys()
    assert not any("current" in path.split("/")[:-1] for path in files)


@given(sessions())
def test_only_documents_stand_at_the_places_of_documents(found):
    result = arranged(found)
    targets = {fate.target for fate in result.fates if fate.fate == MIGRATED}
    assert targets == result.files.keys() & set(ARTIFACTS.values())


@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_mapped_names_are_allowed_differ_in_more_than_case_and_stay_where_they_can(names):
    mapped = mapped_names("session", names)
    assert set(mapped) == set(names)
    for name in mapped.values():
        check_name("session", name)
    assert len({name.casefold() for name in mapped.values()}) == len(names)
    assert mapped == mapped_names("session", list(reversed(names)))


@given(st.text(min_size=1, max_size=40).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_name_of_a_file_becomes_one_that_a_ledger_takes(name):
    assert first_problem([file_name(name)]) is None
