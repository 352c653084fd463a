"""Each broken state of the table is told, and none is made worse: by looking, or by `idse doctor --fix`."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil

import pytest

from breaking import STATES, Victim


def image_of(root):
    """Everything below a folder, objects too: mode and content by path."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(folder, name)
            content = os.readlink(path) if os.path.islink(path) else ""
            if os.path.isfile(path) and not content:
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, root)] = (os.lstat(path).st_mode, content)
    return found


def changed(before, after):
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def victim(repo, kept, loop_in):
    """A copy of one that was made once: two sessions, some history, all of it in an Agency."""
    if not (kept / "repo").exists():
        loop = loop_in(repo)
        repo.commit("start")
        loop.does("session", "new", "login")
        for text in ("one", "two"):
            spec = ".idse/projects/portal/sessions/login/spec.md"
            repo.write(spec, repo.read(spec) + text.encode() + b"\n")
            repo.commit(text)
        repo.git("init", "--quiet", "--bare", str(kept / "agency.git"))
        loop.does("sync", "setup", str(kept / "agency.git"))
        loop.does("sync", "push")
        loop.does("doctor", "--fix")
        shutil.copytree(repo.path, kept / "repo", symlinks=True)
    shutil.rmtree(repo.path)
    shutil.copytree(kept / "repo", repo.path, symlinks=True)
    return Victim(repo)


def asked(victim, *words):
    """What idse said, and its exit code; never that of a defect of its own."""
    done = victim.repo.idse(*words)
    assert done.returncode != 70
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def examined(victim, *flags):
    code, out = asked(victim, "doctor", "--json", *flags)
    checks = {check["name"]: check for check in json.loads(out)["data"]["checks"]}
    assert code == (1 if any(check["verdict"] == "problem" for check in checks.values()) else 0)
    return code, checks


def typed(victim, steps, agency):
    """Type the steps that are commands, with the words in capital letters filled in."""
    told = asked(victim, "fsck")[1]
    sound = told.partition("the last sound commit is ")[2][:40]
    for step in steps:
        command = step.partition("  # ")[0]
        for word, value in {"REMOTE": "agency", "COMMIT": sound, "URL": str(agency)}.items():
            command = command.replace(word, value)
        if command.startswith(("git ", "mv ", "rm ", "idse ")) and not command.endswith("fsck"):
            victim.repo.run("sh", "-c", command)


def test_before_it_breaks_all_is_well(victim):
    code, checks = examined(victim)
    assert (code, {check["verdict"] for check in checks.values()}) == (0, {"ok"})
    assert asked(victim, "fsck")[0] == 0


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.what)
def test_it_is_told_and_not_made_worse(victim, kept, state):
    state.make(victim)
    broken = image_of(victim.path)
    if state.verdict == "error":
        code, out = asked(victim, "doctor")
        assert (code, state.check in out, state.says in out, state.step in out) == (2, True, True, True), out
        asked(victim, "fsck")
        assert asked(victim, "doctor", "--fix")[0] == 2
        assert changed(broken, image_of(victim.path)) == set()
        return

    code, checks = examined(victim)
    found = checks[state.check]
    assert (code, found["verdict"]) == (state.code, state.verdict), checks
    assert state.says in found["says"]
    sound, out = asked(victim, "fsck")
    assert state.fsck in out
    assert sound == 0 or state.fsck
    assert changed(broken, image_of(victim.path)) == set()

    code, checks = examined(victim, "--fix")
    touched = changed(broken, image_of(victim.path))
    if state.mended:
        wrong = {path for path in touched if not any(fnmatch.fnmatch(path, each) for each in state.mended)}
        assert (wrong, checks[state.check]["verdict"]) == (set(), "fixed"), checks
        assert (code, asked(victim, "fsck")[0]) == (0, 0)
        assert {check["verdict"] for check in examined(victim)[1].values()} <= {"ok", "note"}
        return
    assert touched <= {state.also}
    told = (*checks[state.check]["fix"], checks[state.check]["says"])
    assert any(state.step in each for each in told) or state.verdict == "ok"
    if state.typed:
        typed(victim, checks[state.check]["fix"], kept / "agency.git")
        after = examined(victim)[1][state.check]
        assert after["verdict"] == "ok", after
        assert asked(victim, "fsck")[0] == 0


def test_a_command_that_meets_a_lock_of_git_says_so(victim):
    victim.write("config.lock", "", old=True)
    code, out = asked(victim, "config", "set", "agency.timeout", "20")
    assert code == 2
    assert "make room" not in out
    assert "idse doctor  # tells locks that are old" in out


def test_the_table_has_as_many_states_as_it_says():
    assert len({state.what for state in STATES}) == len(STATES) >= 32
