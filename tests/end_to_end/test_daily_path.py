"""The shortest way: a repository to seven complete stages, each document written in an editor."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from greeting import CODE, DOCUMENTS
from idse_orchestrator.cli.commands.edit import editor_words
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES

FOLDER = ".idse/projects/repo/sessions/__blueprint__"
MOST_COMMANDS = 18


@pytest.fixture
def editor(tmp_path):
    """An editor that writes a good document over the one it is given, and keeps what it was called with."""
    good = tmp_path / "good"
    for path, text in DOCUMENTS.items():
        (good / path).parent.mkdir(parents=True, exist_ok=True)
        (good / path).write_text(text, encoding="utf-8")
    script = tmp_path / "vim"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\nfor path; do :; done\n'
        f'cp "{good}/${{path#*/__blueprint__/}}" "$path"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@pytest.fixture
def run(repo, editor):
    """Runs a line as a person types it, and counts it."""
    lines = []

    def typed(line, code=0):
        lines.append(line)
        words = line.split(" ")
        env = {"EDITOR": str(editor), "VISUAL": ""}
        done = repo.idse(*words[1:], env=env) if words[0] == "idse" else repo.run(*words, env=env)
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done

    typed.lines = lines
    return typed


def statuses(repo):
    data = json.loads(repo.idse("status", "--json").stdout)["data"]
    return {each["stage"]: each["status"] for each in data["stages"]}


def test_seven_stages_in_an_editor(repo, run):
    run("idse init")
    for _ in STAGES[:5]:
        run("idse edit -y")
    for path, text in CODE.items():
        repo.write(path, text)
    run("git add -A")
    run("git commit -qm work")
    run("idse edit -y")
    run("idse edit -y")
    run("git add -A")
    run("git commit -qm told")
    assert set(statuses(repo).values()) == {"complete"}
    assert len(run.lines) <= MOST_COMMANDS
    assert sum(map(len, run.lines)) <= 300
    assert repo.idse("validate", "--all", "--strict").returncode == 0


def test_seven_stages_written_by_somebody_else(repo, run):
    run("idse init")
    for path in list(ARTIFACTS.values())[:5]:
        repo.write(f"{FOLDER}/{path}", DOCUMENTS[path])
        run("idse stage complete")
    for path, text in CODE.items():
        repo.write(path, text)
    for path in list(ARTIFACTS.values())[5:]:
        repo.write(f"{FOLDER}/{path}", DOCUMENTS[path])
    run("git add -A")
    run("git commit -qm work")
    run("idse stage complete implementation feedback")
    assert set(statuses(repo).values()) == {"complete"}
    assert len(run.lines) + len(ARTIFACTS) <= MOST_COMMANDS
    assert sum(map(len, run.lines)) <= 300
    assert repo.idse("validate", "--all", "--strict").returncode == 0


class TestEdit:
    def test_opens_at_the_first_thing_that_the_gate_lacks(self, repo, run, tmp_path):
        run("idse init")
        findings = json.loads(repo.idse("validate", "--json").stdout)["data"]["findings"]
        first = min(each["line"] for each in findings)
        done = run("idse edit")
        path = f"{repo.path}/{FOLDER}/intent.md"
        assert (tmp_path / "words").read_text().split("\n")[:2] == [f"+{first}", path]
        assert "intent.md keeps all promises: idse stage complete intent" in done.stderr
        assert statuses(repo)["intent"] == "in_progress"

    def test_says_what_is_still_missing(self, repo, run, editor):
        run("idse init")
        editor.write_text("#!/bin/sh\n")
        done = run("idse edit -y", code=1)
        assert "1 promise not kept, the first at " in done.stderr
        assert "go on: idse edit intent" in done.stderr
        assert statuses(repo)["intent"] == "in_progress"

    def test_names_the_stages_where_two_are_open(self, run):
        run("idse init")
        for _ in STAGES[:5]:
            run("idse edit -y")
        run("idse stage start feedback")
        done = run("idse edit", code=2)
        assert "2 stages are in progress: implementation, feedback" in done.stderr
        assert "idse stage complete implementation" in done.stderr

    @pytest.mark.parametrize(
        ("line", "fix"),
        [
            ("idse edit spec", "idse stage start spec"),
            ("idse edit intent", 'idse stage reopen intent -m "why"'),
            ("idse edit spek", "did you mean spec?"),
        ],
    )
    def test_a_stage_that_is_not_open_is_not_edited(self, run, line, fix, tmp_path):
        run("idse init")
        run("idse edit -y")
        (tmp_path / "words").unlink()
        assert fix in run(line, code=2 if "spek" in line else 1).stderr
        assert not (tmp_path / "words").exists()

    @pytest.mark.parametrize(("script", "code"), [("exit 3", 2), (None, 2)])
    def test_an_editor_that_fails_completes_nothing(self, repo, run, editor, script, code):
        run("idse init")
        editor.write_text(f"#!/bin/sh\n{script}\n") if script else editor.unlink()
        assert "editor" in run("idse edit -y", code=code).stderr
        assert statuses(repo)["intent"] == "in_progress"

    @pytest.mark.parametrize(("answer", "status"), [("\n", "complete"), ("n\n", "in_progress")])
    def test_a_person_is_asked_whether_it_is_complete(self, repo, run, editor, answer, status):
        run("idse init")
        assert asked(repo, editor, answer).count("Complete intent? [Y/n]") == 1
        assert statuses(repo)["intent"] == status

    @pytest.mark.parametrize(
        ("editor", "words"),
        [
            ("vim", ["vim", "+7", "a b"]),
            ("/usr/bin/nano -w", ["/usr/bin/nano", "-w", "+7", "a b"]),
            ("code", ["code", "--wait", "--goto", "a b:7"]),
            ("code --wait -n", ["code", "--wait", "-n", "--goto", "a b:7"]),
            ("hx", ["hx", "a b:7"]),
            ("ed", ["ed", "a b"]),
        ],
    )
    def test_each_editor_is_told_the_line_in_its_own_way(self, editor, words):
        assert editor_words(editor, "a b", 7) == words


def asked(repo, editor, answer):
    """What a terminal shows, at which somebody types `answer`."""
    program = str(Path(sys.executable).parent / "idse")
    master, slave = pty.openpty()
    env = {**os.environ, "EDITOR": str(editor), "VISUAL": "", "CI": ""}
    child = subprocess.Popen(
        [program, "edit"], cwd=repo.path, stdin=slave, stdout=slave, stderr=slave, env=env
    )
    os.close(slave)
    os.write(master, answer.encode())
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.1)
        try:
            data = os.read(master, 4096) if ready else b""
        except OSError:
            break
        shown += data
        if not data and child.poll() is not None:
            break
    os.close(master)
    child.wait(timeout=10)
    return shown.decode()


class TestInit:
    @pytest.mark.parametrize("name", ["shop", "My Shop", "shop.git"])
    def test_the_folder_gives_its_name(self, repo, name):
        folder = repo.path / name
        folder.mkdir()
        repo.git("init", "-q", str(folder))
        done = repo.idse("init", cwd=folder)
        assert done.returncode == 0, done.stderr
        (made,) = (folder / ".idse/projects").iterdir()
        assert made.name == {"My Shop": "My-Shop", "shop.git": "shop-git"}.get(name, name)

    def test_a_folder_whose_name_says_nothing_is_asked_for_one(self, repo):
        folder = repo.path / "日本"
        folder.mkdir()
        repo.git("init", "-q", str(folder))
        done = repo.idse("init", cwd=folder)
        assert done.returncode == 2
        assert "idse init NAME" in done.stderr


class TestSwitch:
    def test_brings_a_folder_that_the_branch_does_not_carry(self, begun, make_repo, bare_remote):
        assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
        assert begun.idse("spawn", "search").returncode == 0
        begun.write(".idse/projects/portal/sessions/search/notes.md", "mine\n")
        assert begun.idse("save", "search").returncode == 0
        assert begun.idse("sync", "push").returncode == 0
        two = make_repo("other")
        two.git("pull", "-q", str(begun.path), "main")
        assert two.idse("init", "portal", "--agency", str(bare_remote.path)).returncode == 0
        assert not (two.path / ".idse/projects/portal/sessions/search").exists()
        done = two.idse("switch", "search")
        assert "brought .idse/projects/portal/sessions/search/ from its ledger (8 files)" in done.stderr
        assert two.read(".idse/projects/portal/sessions/search/notes.md") == b"mine\n"
        assert json.loads(two.idse("status", "--json").stdout)["data"]["differs"] == []

    def test_leaves_a_folder_that_is_there_alone(self, begun):
        assert begun.idse("switch", "__blueprint__").returncode == 0
        begun.write(".idse/projects/portal/sessions/login/intent.md", "edited\n")
        assert "brought" not in begun.idse("switch", "login").stderr
        assert begun.read(".idse/projects/portal/sessions/login/intent.md") == b"edited\n"


class TestTheNextStage:
    """Who completes a stage begins the one after it, unless it is somebody else's."""

    def ended(self, loop, *args, agent=""):
        """The status of context, once the intent is complete."""
        loop.write_well("intent")
        before = loop.events()
        loop.does("stage", "complete", "intent", *args, env={"IDSE_AGENT": agent})
        assert loop.stage("intent")["status"] == "complete"
        new = loop.events()[: -len(before)]
        assert [event["kind"] for event in new][-1] == "stage"
        return loop.stage("context")["status"]

    def test_it_begins(self, loop):
        assert self.ended(loop) == "in_progress"

    def test_it_does_not_where_that_was_asked_for(self, loop):
        assert self.ended(loop, "--no-start") == "pending"

    @pytest.mark.parametrize(
        ("agent", "status"), [("", "pending"), ("ann", "pending"), ("bob", "in_progress")]
    )
    def test_one_that_is_routed_is_for_its_agent(self, loop, agent, status):
        loop.does("agents", "add", "bob", "--stage", "context")
        assert self.ended(loop, agent=agent) == status

    @pytest.mark.parametrize(
        ("agent", "status"), [("", "pending"), ("bob", "pending"), ("ann", "in_progress")]
    )
    def test_one_that_is_assigned_is_for_that_agent(self, loop, agent, status):
        loop.does("agents", "add", "bob", "--stage", "context")
        loop.does("agents", "add", "ann")
        loop.does("handoff", "request", "--to", "ann", "--stage", "context", "-m", "why")
        loop.does("handoff", "accept")
        assert loop.stage("context")["status"] == "pending"  # its turn has not come
        assert self.ended(loop, agent=agent) == status

    def test_one_that_is_offered_begins_when_it_is_accepted(self, loop):
        loop.does("agents", "add", "ann", "--stage", "intent", "--protocol", "automatic")
        loop.does("agents", "add", "bob", "--stage", "context")
        loop.does("agents", "rule", "add", "intent", "ann", "context", "bob")
        assert self.ended(loop, agent="ann") == "pending"
        loop.does("handoff", "accept", env={"IDSE_AGENT": "bob"})
        assert loop.stage("context")["status"] == "in_progress"
        assert loop.stage("context")["by"] == "bob"
        assert loop.does("fsck").returncode == 0

    def test_one_that_is_accepted_where_the_branch_has_no_folder_begins_too(self, loop):
        loop.does("agents", "add", "bob", "--stage", "context")
        assert self.ended(loop) == "pending"
        shutil.rmtree(loop.path / loop.FOLDER)
        loop.does("agents", "add", "ann")
        loop.does("handoff", "request", "--to", "ann", "--stage", "context", "-m", "why")
        loop.does("handoff", "accept")
        assert loop.stage("context")["status"] == "in_progress"

    def test_one_that_waits_for_approval_waits(self, loop):
        loop.does("agents", "add", "ann", "--stage", "intent", "--protocol", "automatic")
        loop.does("agents", "add", "bob", "--stage", "spec")
        loop.does("agents", "rule", "add", "intent", "ann", "context", "bob", "--requires-approval")
        assert self.ended(loop, agent="ann") == "pending"
        assert loop.idse("handoff", "accept", env={"IDSE_AGENT": "bob"}).returncode != 0
        assert loop.stage("context")["status"] == "pending"

    def test_of_several_all_are_completed_or_none(self, loop):
        for stage in ("intent", "context"):
            loop.write_well(stage)
        before = loop.tip()
        assert loop.idse("stage", "complete", "intent", "context", "spec").returncode == 1
        assert loop.tip() == before
        loop.does("stage", "complete", "intent", "context")
        assert [loop.stage(each)["status"] for each in STAGES[:3]] == ["complete", "complete", "in_progress"]
        assert loop.does("fsck").returncode == 0

    def test_several_are_confirmed_with_one_reason(self, loop):
        loop.finish("intent", "context", "spec")
        loop.edit("intent.md", loop.text("intent.md") + "\nMore.\n")
        loop.does("stage", "confirm", "intent", "--downstream", "-m", "words")
        assert {loop.stage(each)["condition"] for each in STAGES[:3]} == {"current"}
        reasons = [event["body"].get("reason") for event in loop.events()[:3]]
        assert reasons == ["words"] * 3
        loop.edit("intent.md", loop.text("intent.md") + "\nAgain.\n")
        loop.does("stage", "confirm", "-m", "all of it")
        assert {loop.stage(each)["condition"] for each in STAGES[:3]} == {"current"}
