"""The repository lives by its own rules: its blueprint session is real, whole and valid."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from idse_orchestrator.base.files import shipped_folder
from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.project_workspace import ARTIFACTS, GITIGNORE, GITIGNORE_PATH, session_folder
from idse_orchestrator.sessions.template_folder import TemplateFolders, TemplateValues, render_artifacts

ROOT = Path(__file__).parents[2]
SESSION = ROOT / session_folder("idse-orchestrator", BLUEPRINT)
TASK = re.compile(
    r"- \[(?P<box>[ x])\] Task (?P<id>\d+\.\d+)( \[P\])? \N{EN DASH} [^()]+(?P<fields>( \([^()]*\))*)"
)


def read(path: str) -> str:
    return (SESSION / path).read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    pairs = pairwise(MarkdownIt().parse(text))
    return [
        inline.content for opening, inline in pairs if opening.type == "heading_open" and opening.tag == "h2"
    ]


def tasks() -> dict[str, dict[str, str]]:
    """Task id to its box and its fields."""
    lines = [line for line in read("tasks.md").split("\n") if line.startswith("- [")]
    found = [TASK.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {
        match["id"]: {"box": match["box"], **dict(re.findall(r"\((\w+): ([^()]*)\)", match["fields"]))}
        for match in found
        if match
    }


@pytest.mark.parametrize("stage", ARTIFACTS)
def test_each_document_has_the_sections_its_template_asks_for_and_fills_them(stage):
    values = TemplateValues("p", "s", "t", "blueprint", "2026-11-21")
    template = render_artifacts(TemplateFolders(shipped_folder("templates")), values)[
        ARTIFACTS[stage]
    ].decode()
    text = read(ARTIFACTS[stage])
    assert headings(text) == headings(template)
    for section in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]:
        assert len(section.split()) > 10


@pytest.mark.parametrize("stage", ARTIFACTS)
def test_no_document_waits_for_input(stage):
    assert "REQUIRES INPUT" not in read(ARTIFACTS[stage])


def test_every_task_has_an_owner_and_an_acceptance():
    found = tasks()
    assert len(found) > 20
    assert all(task["Owner"] and task["Acceptance"] for task in found.values())


def test_task_ids_are_unique_and_their_dependencies_exist_without_a_cycle():
    found = tasks()
    assert len(found) == read("tasks.md").count("\n- [")
    needs = {each: re.findall(r"\d+\.\d+", task.get("Deps", "")) for each, task in found.items()}
    assert {need for all_needs in needs.values() for need in all_needs} <= set(found)
    TopologicalSorter(needs).prepare()


def test_no_task_is_ticked_before_those_it_depends_on():
    found = tasks()
    for name, task in found.items():
        if task["box"] == "x":
            open_needs = [
                need for need in re.findall(r"\d+\.\d+", task.get("Deps", "")) if found[need]["box"] == " "
            ]
            assert open_needs == [], name


@pytest.mark.parametrize("kind", ["FR", "NFR"])
def test_every_requirement_of_the_spec_is_met_by_a_task_or_an_acceptance_criterion(kind):
    spec, criteria = read("spec.md").split("## Acceptance Criteria")
    wanted = set(re.findall(rf"^(?:- |\| ){kind}-(\d+) ", spec, flags=re.MULTILINE))
    named = set()
    for first, last in re.findall(rf"\b{kind}-(\d+)(?: to {kind}-(\d+))?", criteria + read("tasks.md")):
        named |= {str(number) for number in range(int(first), int(last or first) + 1)}
    assert wanted
    assert wanted <= named


def test_the_workspace_ignores_its_views_as_init_would_write_it():
    assert (ROOT / GITIGNORE_PATH).read_bytes() == GITIGNORE


class TestThisRepository:
    """A clone of this repository, as somebody who just arrived has it: documents, and no ledger."""

    @pytest.fixture
    def clone(self, repo):
        """The documents of this checkout, committed in a repository of their own."""
        for path in (ROOT / ".idse").rglob("*"):
            if path.is_file() and path.name not in ("CURRENT_SESSION", "session_state.json"):
                repo.write(path.relative_to(ROOT), path.read_bytes())
        repo.commit("documents")
        return repo

    def test_it_is_valid_without_a_ledger(self, clone):
        done = clone.idse("validate", "--all", "--format", "json")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_it_is_valid_once_it_is_adopted(self, clone):
        done = clone.idse("init", "--new-ledger")
        assert done.returncode == 0, done.stderr
        assert f"adopted session {BLUEPRINT}" in done.stderr
        assert clone.git("status", "--porcelain") == ""
        done = clone.idse("validate", "--all", "--strict")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_its_first_stages_keep_their_promises(self, clone):
        clone.idse("init", "--new-ledger")
        for stage in ("intent", "context", "spec", "plan", "tasks"):
            if stage != "intent":
                assert clone.idse("stage", "start", stage).returncode == 0
            done = clone.idse("stage", "complete", stage)
            assert done.returncode == 0, done.stdout + done.stderr
        clone.write("code.py", "pass\n")
        clone.commit("hooks agree")
        assert clone.idse("fsck").returncode == 0
