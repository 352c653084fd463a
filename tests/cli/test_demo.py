"""`idse demo` really runs the loop, and shows each command with its whole output."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from idse_orchestrator.cli.commands.demo import AGENCY_STEPS, STEPS


def normal(text):
    """Without what differs from run to run: ids, dates, times, and the length of paddings."""
    text = re.sub(r"\b[0-9a-f]{40}\b", "<commit>", text)
    text = re.sub(r"\b[0-9a-f]{7}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "<date>", text)
    text = re.sub(r"(?m)^Date: .*$", "Date: <when>", text)
    return re.sub(r"(?m)^(\s*at:? ).*$", r"\1<when>", text)


def sections(text):
    """Command to what it printed, in the order of the demo."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and not line.startswith("# "):
            found[-1][1].append(line)
    return [(command, "\n".join(lines).strip("\n")) for command, lines in found]


def test_every_step_is_shown_and_does_what_it_should(repo, tmp_path):
    done = repo.idse("demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nEvery step did what it should.\n")
    shown = sections(normal(done.stdout.removesuffix("\nEvery step did what it should.\n")))
    assert [command for command, _ in shown] == [step.shown for step in STEPS]
    said = [line[2:] for line in done.stdout.splitlines() if line.startswith("# ")]
    assert said == [step.says for step in STEPS if step.says]
    output = dict(enumerate(text for _, text in shown))
    path = ".idse/projects/portal/sessions/__blueprint__/intent.md"
    quiet = [index for index, text in output.items() if not text]
    assert [STEPS[index].shown.split()[0] for index in quiet] == [
        "git", "$EDITOR", "$EDITOR", "$EDITOR",
        "git", "git", "cd", "$EDITOR", "cd", "$EDITOR",
    ]  # fmt: skip
    assert output[1] == (
        "started project portal\n"
        "  made session __blueprint__: .idse/projects/portal/sessions/__blueprint__/\n"
        "  hooks: pre-commit, pre-merge-commit, post-commit, post-merge, post-rewrite, "
        "post-checkout, pre-push\n"
        f"next: write {path}, or let idse edit open it"
    )
    assert output[2] == "idse: 1 warning: idse validate"
    assert output[3].splitlines()[1].startswith("error[IDSE301]: 7 unresolved [REQUIRES INPUT] in intent.md")
    assert output[5] == (
        "intent: in_progress → complete  (<id>)\n"
        "context: pending → in_progress  (<id>)\n"
        "next: write context.md\n"
        "      idse stage complete context"
    )
    assert output[6] == "idse: 1 warning: idse validate"
    assert output[8].endswith("idse: commit blocked (git commit --no-verify skips the check)")
    assert "[IDSE402]" in output[8]
    assert output[9] == "intent: complete → in_progress  (<id>)"
    assert output[11].splitlines()[0] == "intent: in_progress → complete  (<id>)"
    assert output[12] == "idse: 1 warning: idse validate"
    assert output[13] == (
        "portal/__blueprint__  blueprint, active\n"
        "\n"
        "  ✓ intent         complete     <date>  You\n"
        "  ▶ context        in progress  <date>  You\n"
        "  · spec           pending\n"
        "  · plan           pending\n"
        "  · tasks          pending\n"
        "  · implementation pending\n"
        "  · feedback       pending\n"
        "\n"
        "next: write context.md\n"
        "      idse stage complete context"
    )
    assert "The deadline moved" in output[14]
    assert "portal/__blueprint__" in output[15]
    assert "passing" in output[15]
    assert output[16].splitlines()[-1] == "<id> created portal/__blueprint__"


def test_the_second_clone_starts_with_what_the_first_has_and_both_end_with_the_work_of_both(repo, tmp_path):
    done = repo.idse("demo", cwd=tmp_path)
    output = [text for _, text in sections(normal(done.stdout))][17:]
    commands = [step.shown for step in STEPS][17:]
    pushed, brought = commands.index("idse sync push"), commands.index("idse init --agency ../agency.git")
    assert output[pushed].endswith("\n3 pushed")
    assert output[brought].splitlines()[0].endswith(": 3 pulled")
    assert "  merged  portal/__blueprint__  " in output[commands.index("idse sync pull")]
    graph = output[commands.index("idse log --graph --oneline -n 4")].splitlines()
    assert graph[0] == "*   <id> merged <id> and <id>"
    assert {line.removeprefix("| ").removeprefix("* ").lstrip("| ") for line in graph[2:4]} == {
        "<id> saved spec.md",
        "<id> saved context.md",
    }
    assert "\n3 equal; last push " in output[-1]


def test_nothing_outside_of_its_folder_is_touched_and_the_folder_is_gone(repo, tmp_path, sealed):
    before = (sealed / ".gitconfig").read_bytes()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = repo.idse("demo", env={"TMPDIR": str(temporary)})
    assert done.returncode == 0
    assert list(temporary.iterdir()) == []
    assert (sealed / ".gitconfig").read_bytes() == before
    assert repo.git("for-each-ref") == ""


def test_the_repository_is_kept_for_who_asks(repo, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = repo.idse("demo", "--keep", env={"TMPDIR": str(temporary)})
    assert done.returncode == 0
    (folder,) = temporary.iterdir()
    assert done.stderr == f"the repository is in {folder}/portal\n"
    for name in ("portal", "laptop", "agency.git"):
        assert repo.run("git", "-C", str(folder / name), "fsck", "--strict").returncode == 0
    assert repo.run("git", "-C", str(folder / "agency.git"), "for-each-ref", "refs/heads").stdout == ""


def test_settings_of_the_user_do_not_change_what_is_shown(repo, sealed):
    (sealed / ".gitconfig").write_text("[core]\n\thooksPath = /nowhere\n[log]\n\tdate = relative\n")
    assert repo.idse("demo", env={"IDSE_AGENT": "codex", "IDSE_PROJECT": "x"}).returncode == 0


def servers():
    """Command lines of the servers of this machine."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if b"agency" in line and b"serve" in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


def test_with_an_agency_a_broken_promise_is_refused_by_name_and_the_other_client_sees_nothing(repo, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = repo.idse("demo", "--agency", env={"TMPDIR": str(temporary)})
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Every step did what it should.")
    shown = sections(normal(done.stdout))
    assert [command for command, _ in shown] == [step.shown for step in AGENCY_STEPS]
    first, refused, mended = [text for command, text in shown if command.endswith("idse sync push")]
    assert first.endswith("\n3 pushed")
    assert re.search(r"rejected  portal/__blueprint__\n +error\[IDSE402\] intent.md changed", refused)
    assert mended.endswith("\n1 pushed, 2 up to date")
    assert list(temporary.iterdir()) == []
    assert [line for line in servers() if str(temporary) in line] == []


def test_a_step_that_fails_ends_the_demo_and_its_server(repo, tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    (tmp_path / "sitecustomize.py").write_text(
        "import idse_orchestrator.cli.commands.demo as demo\n"
        "refused = demo.Step('false', 'A step that is to succeed.')\n"
        "demo.AGENCY_STEPS = (*demo.AGENCY_STEPS[:4], refused)\n"
    )
    done = repo.idse("demo", "--agency", env={"PYTHONPATH": str(tmp_path), "TMPDIR": str(folder)})
    assert done.returncode == 1
    assert " listens at 127.0.0.1:" in done.stdout
    assert "`false` was to succeed, and ended with exit code 1" in done.stderr
    assert list(folder.iterdir()) == []
    assert [line for line in servers() if str(folder) in line] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_ended_takes_its_server_along(tmp_path, sealed, number, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "idse_orchestrator", "demo", "--agency"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert any(" listens at " in line for line in process.stdout)
        assert len([line for line in servers() if str(temporary) in line]) > 0
        process.send_signal(number)
        process.stdout.read()
    assert process.returncode != 0
    time.sleep(0.1)
    assert [line for line in servers() if str(temporary) in line] == []
    assert list(temporary.iterdir()) == []


def test_without_the_extra_it_says_what_to_install(repo, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest)\n"
    )
    home = {"PYTHONPATH": str(tmp_path), "IDSE_AGENCY_HOME": str(tmp_path / "home")}
    assert repo.idse("agency", "init", env=home).returncode == 0
    for command in (("demo", "--agency"), ("agency", "serve"), ("agency", "ssh-shell", "x")):
        done = repo.idse(*command, env=home)
        assert done.returncode == 2
        assert "uvicorn is missing" in done.stderr
        assert "pip install 'idse-orchestrator[agency]'" in done.stderr
