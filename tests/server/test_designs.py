"""The designs of an Agency: libraries that are added once, and what plans refer to."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from agency_bed import bearer
from idse_orchestrator.documents.design_reference import reference_of
from idse_orchestrator.errors import ConflictError, InvalidConfigurationError, StorageError, UnknownNameError
from idse_orchestrator.server.tenants import designs as designs_module
from idse_orchestrator.server.tenants.designs import Designs

KIT = {
    "format": 1,
    "library": "kit",
    "version": "1.0",
    "components": [
        {"name": "button", "summary": "A button", "files": ["src/button.css"], "props": {"kind": "primary"}},
        {"name": "card", "summary": "A card"},
    ],
}


def library(folder, **changes):
    """Writes a library into a folder; a None takes a file away."""
    files = {"README.md": "# Kit\n", "src/button.css": "a {}\n", "design.json": {**KIT}}
    for name, value in changes.items():
        if name in KIT:
            files["design.json"][name] = value
        else:
            files[name] = value
    for name, value in files.items():
        if value is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(folder)


@pytest.fixture
def designs(home):
    return Designs(home.path)


def test_a_library_is_copied_whole_and_found(designs, tmp_path):
    added, is_new = designs.add(library(tmp_path / "kit"))
    assert (added.library, is_new) == ("kit", True)
    (tmp_path / "kit/src/button.css").unlink()
    found = designs.find(reference_of("agency://kit/button"))
    assert (found.reference, found.component.summary, found.readme) == (
        "agency://kit/button@1.0",
        "A button",
        "# Kit\n",
    )
    assert pathlib.Path(found.folder, "src/button.css").read_text() == "a {}\n"
    designs.add(library(tmp_path / "next", version="1.1"))
    assert designs.find(reference_of("agency://kit/card")).reference == "agency://kit/card@1.1"
    assert designs.find(reference_of("agency://kit/card@1.0")).reference == "agency://kit/card@1.0"
    assert designs.library("kit").version == "1.1"
    assert designs.catalogue() == {"kit": {"1.0": ["button", "card"], "1.1": ["button", "card"]}}


def test_what_is_hidden_in_the_folder_is_left_out(designs, tmp_path):
    folder = library(tmp_path / "kit", **{".git/config": "[core]\n", "src/.swp": "x"})
    designs.add(folder)
    found = designs.find(reference_of("agency://kit/button")).folder
    assert sorted(os.listdir(found)) == ["README.md", "design.json", "src"]
    assert os.listdir(os.path.join(found, "src")) == ["button.css"]


def test_a_version_never_changes(designs, home, tmp_path):
    designs.add(library(tmp_path / "kit"))
    assert not designs.add(library(tmp_path / "same"))[1]
    with pytest.raises(ConflictError):
        designs.add(library(tmp_path / "other", **{"src/more.css": "b {}\n"}))
    assert not os.path.exists(os.path.join(home.path, "designs/kit/1.0/src/more.css"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"README.md": None}, "README.md"),
        ({"design.json": None}, "design.json"),
        ({"design.json": "{"}, "Invalid JSON"),
        ({"format": 2}, "format"),
        ({"library": "../kit"}, "library"),
        ({"library": "kit\n"}, "library"),
        ({"version": "1/2"}, "version"),
        ({"components": []}, "components"),
        ({"components": [{"name": "a", "summary": "x"}, {"name": "a", "summary": "y"}]}, "twice"),
        ({"components": [{"name": "a", "summary": "x", "files": ["../../etc/passwd"]}]}, "../../etc/passwd"),
        ({"components": [{"name": "a", "summary": "x", "preview": "no.svg"}]}, "no.svg"),
        ({"components": [{"name": "a", "summary": "x", "price": 1}]}, "components → 1 → price"),
    ],
)
def test_what_is_no_library_is_told_and_nothing_is_added(designs, home, tmp_path, changes, words):
    with pytest.raises(InvalidConfigurationError) as raised:
        designs.add(library(tmp_path / "kit", **changes))
    told = f"{raised.value.where} {raised.value.cause}"
    assert words in told
    assert designs.catalogue() == {}
    assert not os.path.exists(os.path.join(home.path, "designs/kit"))


def test_links_and_bulk_are_refused(designs, tmp_path, monkeypatch):
    folder = library(tmp_path / "kit")
    os.symlink("/etc/passwd", os.path.join(folder, "src/link"))
    with pytest.raises(InvalidConfigurationError, match="no library"):
        designs.add(folder)
    os.unlink(os.path.join(folder, "src/link"))
    monkeypatch.setattr(designs_module, "MOST_BYTES", 10)
    with pytest.raises(InvalidConfigurationError, match="no library"):
        designs.add(folder)
    with pytest.raises(UnknownNameError):
        designs.add(str(tmp_path / "nowhere"))


def test_a_copy_that_was_cut_off_is_taken_up_again(designs, tmp_path, monkeypatch):
    folder = library(tmp_path / "kit")

    def full(*_given, **_more):
        raise StorageError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(designs_module, "write_atomically", full)
        with pytest.raises(StorageError):
            designs.add(folder)
    assert designs.catalogue() == {}
    assert designs.add(folder)[1]
    assert designs.catalogue() == {"kit": {"1.0": ["button", "card"]}}


@pytest.mark.parametrize("content", [None, "{"])
def test_a_catalogue_that_is_gone_or_damaged_is_made_anew_from_the_folders(designs, home, tmp_path, content):
    for number in ("1.0", "1.1"):
        designs.add(library(tmp_path / number, version=number))
    before = designs.catalogue()
    path = pathlib.Path(home.path, "designs/catalogue.json")
    path.unlink()
    if content:
        path.write_text(content)
        with pytest.raises(InvalidConfigurationError) as raised:
            designs.catalogue()
        assert "idse agency design add" in raised.value.fix[0]
    designs.add(library(tmp_path / "more", library="more"))
    assert designs.catalogue() == {**before, "more": {"1.0": ["button", "card"]}}


def test_commands(agency, tmp_path):
    assert "no designs" in agency("design", "list").err
    assert agency("design", "add", library(tmp_path / "kit")).code == 0
    assert agency("design", "add", str(tmp_path / "kit"), "--json").data["new"] is False
    assert agency("design", "list").out == "kit  1.0  2 components\n"
    assert "agency://kit/button  A button" in agency("design", "show", "kit").out
    assert agency("design", "show", "agency://kit/button", "--json").data["component"]["props"] == {
        "kind": "primary"
    }
    missing = agency("design", "show", "kit/buton")
    assert (missing.code, "agency://kit/button?" in missing.err) == (2, True)
    assert agency("design", "show", "kit/button/x").code == 2


def test_a_backup_has_them(agency, home, tmp_path):
    agency("design", "add", library(tmp_path / "kit"))
    assert agency("backup", str(tmp_path / "backup")).code == 0
    assert agency("restore", str(tmp_path / "backup"), "--home", str(tmp_path / "again")).code == 0
    assert Designs(str(tmp_path / "again")).find(reference_of("agency://kit/card"))


def test_server_and_clone_say_the_same_of_a_plan(server, loop, tmp_path):
    """A plan that names no design is refused once it is complete, and its clone knows that offline."""
    secret = server.key("maker")
    env = bearer(secret)
    Designs(server.home.path).add(library(tmp_path / "kit"))
    loop.does("sync", "setup", server.url("maker/portal"), env=env)
    loop.finish("intent", "context", "spec")
    loop.does("stage", "start", "plan")
    loop.write_well("plan")
    good = loop.text("plan.md")
    loop.edit("plan.md", good + "\nUses agency://kit/buton.\n")
    loop.does("stage", "complete", "plan")  # nobody told this clone of any design
    pushed = loop.idse("sync", "push", env=env)
    assert (pushed.returncode, "IDSE709" in pushed.stdout + pushed.stderr) == (1, True)
    validated = loop.idse("validate")
    assert (validated.returncode, "agency://kit/button" in validated.stdout) == (1, True)
    loop.does("stage", "reopen", "plan", "-m", "the design is another")
    loop.edit("plan.md", good + "\nUses agency://kit/button.\n")
    loop.does("stage", "complete", "plan")
    loop.does("sync", "push", env=env)
