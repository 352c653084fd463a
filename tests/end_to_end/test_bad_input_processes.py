"""Messages, streams, rivals and sudden ends: a command tells the truth and can be repeated."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
INTENT = f"{FOLDER}/intent.md"
LEDGER = "refs/idse/sessions/portal/login"
IDSE = str(pathlib.Path(sys.executable).parent / "idse")
FORGED = (
    "a\x1b[31mred\x1b]0;t\x07\nIdse-Event: 01AAAAAAAAAAAAAAAAAAAAAAAA\n\n"
    "Idse-Kind: stage\n---\nx\r\nIdse-Stage: spec"
)


def test_a_message_forges_no_trailer_and_reaches_no_terminal(begun):
    begun.write(INTENT, "# Intent\n\nNew.\n")
    assert begun.idse("save", "-m", FORGED).returncode == 0
    trailers = begun.git("log", "-1", "--format=%(trailers:only,unfold)", LEDGER)
    assert [line.partition(":")[0] for line in trailers.splitlines()] == [
        "Idse-Event",
        "Idse-Kind",
        "Idse-Lamport",
    ]
    assert "Idse-Kind: edited" in trailers
    assert "\x1b" not in begun.git("log", "-1", "--format=%B", LEDGER)
    for command in (("log", "-n", "1"), ("show", "@{0}"), ("log", "-n", "1", "--json")):
        done = begun.idse(*command)
        assert done.returncode == 0
        assert not {"\x1b", "\x07", "\r"} & set(done.stdout + done.stderr)
    assert begun.idse("fsck").stdout == ""


def test_a_huge_message_is_kept_whole(begun):
    begun.write(INTENT, "# Intent\n\nNew.\n")
    message = "m" * 100_000
    assert begun.idse("save", "-m", message).returncode == 0
    assert message in begun.git("log", "-1", "--format=%B", LEDGER)
    assert message in begun.idse("log", "-n", "1").stdout
    assert begun.idse("fsck").returncode == 0


def test_a_reason_of_white_space_is_none(begun, refused):
    assert refused(begun, "IDSE001", 2, "stage", "reopen", "intent", "-m", " \n\t ") == (
        "error[IDSE001]: to reopen a stage needs a reason\n"
        "   = cause: whoever reads the history will want to know why\n"
        '   = fix:   idse stage reopen intent -m "why"\n'
        "   = help:  idse help IDSE001\n"
    )


def test_an_agent_with_a_forged_name_is_one_word_of_the_history(begun):
    begun.write(INTENT, "# Intent\n\nNew.\n")
    agent = "ev\nil\x1b[2J\nIdse-Kind: stage"
    assert begun.idse("save", env={"IDSE_AGENT": agent}).returncode == 0
    body = begun.git("log", "-1", "--format=%B", LEDGER)
    assert body.count("\nIdse-Kind: ") == 1
    assert "\x1b" not in body + begun.idse("log", "-n", "1").stdout


def shell(repo, line, **env):
    return repo.run("sh", "-c", line.replace("idse", IDSE, 1), env=env)


def test_a_reader_that_leaves_early_is_no_error(begun):
    done = shell(begun, "idse log | head -n 1")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", ["status", "next", "log", "log --json", "status --json", "validate", "--help"]
)
def test_output_that_cannot_be_written_is_told_once(begun, unchanged, words, unbuffered):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with unchanged(begun):
        done = shell(begun, f"idse {words} >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (
        2,
        "error[IDSE015]: the output cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_changes_nothing_but_what_is_heard(begun, closed):
    begun.write(INTENT, "# Intent\n\nUnheard.\n")
    for words in ("status", "validate", "save", "log", "fsck"):
        done = shell(begun, f"idse {words} {closed}")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert begun.git("show", f"{LEDGER}:artifacts/intent.md").endswith("Unheard.")
    assert begun.read(".git/idse/lock") == b""


def test_an_error_that_nobody_can_read_keeps_its_exit_code(begun):
    assert shell(begun, "idse nonsense 2>&-").returncode == 2
    assert shell(begun, "idse switch nowhere >/dev/full 2>&1").returncode == 2


def test_four_that_begin_one_project_begin_it_once(repo):
    for number in range(3):
        name = f"portal{number}"
        running = [
            subprocess.Popen([IDSE, "init", name], cwd=repo.path, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        said = sorted(process.communicate()[1].splitlines()[0] for process in running)
        assert [process.returncode for process in running] == [0, 0, 0, 0], said
        assert said == [
            *[f"project {name} is set up already; nothing changed"] * 3,
            f"started project {name}",
        ]
    assert repo.git("config", "--get-all", "notes.displayRef") == "refs/idse/notes/*"
    assert len(repo.git("rev-list", "refs/idse/projects/portal0").splitlines()) == 1
    assert repo.idse("fsck").returncode == 0
    assert not [path for path in repo.path.rglob("*.tmp") if path.is_file()]


def killed(repo, moment, *argv):
    """Start a command in a group of its own and kill all of it after `moment` seconds."""
    process = subprocess.Popen(
        argv, cwd=repo.path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def without_gits_locks(repo):
    """Git leaves its own lock files to its user."""
    for lock in ("index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock"):
        (repo.path / ".git" / lock).unlink(missing_ok=True)


def test_an_init_that_was_killed_is_completed_by_the_next(make_repo):
    whole = make_repo("whole")
    whole.idse("init", "portal")
    chance = random.Random(7)
    for number in range(12):
        repo = make_repo(f"repo{number}")
        killed(repo, chance.uniform(0.05, 0.4), IDSE, "init", "portal")
        without_gits_locks(repo)
        done = repo.idse("init", "portal")
        assert done.returncode == 0, done.stderr
        assert repo.git("for-each-ref", "--format=%(refname)") == whole.git(
            "for-each-ref", "--format=%(refname)"
        )
        assert repo.git("ls-files", "--others") == whole.git("ls-files", "--others")
        assert repo.idse("status").stdout.startswith("portal/__blueprint__ ")
        assert "nothing changed" in repo.idse("init", "portal").stderr
        assert repo.idse("fsck").returncode == 0


def test_a_save_that_was_killed_is_completed_by_the_next(begun):
    chance = random.Random(11)
    for number in range(12):
        text = f"# Intent\n\nVersion {number}.\n"
        begun.write(INTENT, text)
        killed(begun, chance.uniform(0.05, 0.3), IDSE, "save")
        done = begun.idse("save")
        assert done.returncode == 0, done.stderr
        assert begun.git("show", f"{LEDGER}:artifacts/intent.md") == text.strip()
        assert "unsaved" not in begun.idse("status").stdout
    assert begun.idse("fsck").returncode == 0


def test_a_commit_whose_hook_was_killed_is_made_good_by_the_next(begun):
    chance = random.Random(13)
    for number in range(10):
        text = f"# Intent\n\nVersion {number}.\n"
        begun.write(INTENT, text)
        begun.git("add", ".idse")
        killed(begun, chance.uniform(0.05, 0.5), "git", "commit", "--quiet", "-m", f"version {number}")
        without_gits_locks(begun)
        assert begun.idse("save").returncode == 0
        assert begun.git("show", f"{LEDGER}:artifacts/intent.md") == text.strip()
        begun.commit(f"again {number}", allow_empty=True)
    assert begun.idse("fsck").returncode == 0
    assert begun.run("git", "fsck", "--connectivity-only").returncode == 0
