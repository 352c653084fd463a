"""Files of a session that are no documents: no gate, no commit and no ledger lets them in."""

from __future__ import annotations

import hashlib
import os

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
INTENT = f"{FOLDER}/intent.md"
LEDGER = "refs/idse/sessions/portal/login"
KEEP_OUT = "keep it outside of the session's folder and refer to it"


def blob_id(content):
    """What git calls a file of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def too_large(repo):
    repo.write(INTENT, b"x" * 50_000_000)


def linked_out(repo):
    (repo.path / INTENT).unlink()
    (repo.path / INTENT).symlink_to("/etc/passwd")


def linked_folder(repo):
    (repo.path / FOLDER / "etc").symlink_to("/etc")


def executable(repo):
    (repo.path / INTENT).chmod(0o755)


def oddly_named(repo):
    path = os.path.join(os.fsencode(repo.path / FOLDER), b"caf\xe9.md")
    try:
        with open(path, "wb") as file:
            file.write(b"text\n")
    except OSError:
        pytest.skip("this file system has no such names")


REFUSED = {
    too_large: ("intent.md", "it has 50,000,000 bytes, and the limit is 1,048,576", KEEP_OUT, "IDSE103"),
    linked_out: (
        "intent.md",
        "it is a symbolic link, and a ledger holds documents",
        "replace it by the text itself",
        "IDSE104",
    ),
    linked_folder: (
        "etc",
        "it is a symbolic link, and a ledger holds documents",
        "replace it by the text itself",
        "IDSE104",
    ),
    executable: ("intent.md", "it is executable", f"chmod -x {INTENT}", "IDSE105"),
    oddly_named: ("caf\\xe9.md", "its name is not UTF-8", "give the file another name", "IDSE109"),
}


@pytest.mark.parametrize("command", [("save",), ("stage", "complete", "intent")])
@pytest.mark.parametrize(("spoil", "told"), REFUSED.items())
def test_what_is_no_document_never_enters_a_ledger(begun, refused, command, spoil, told):
    spoil(begun)
    name, cause, fix, _ = told
    assert refused(begun, "IDSE017", 1, *command) == (
        "error[IDSE017]: a file cannot enter the ledger\n"
        f"  --> {FOLDER}/{name}\n"
        f"   = cause: {cause}\n"
        f"   = {'fix: ' if fix.startswith('chmod') else 'hint:'}  {fix}\n"
        "   = help:  idse help IDSE017\n"
    )


@pytest.mark.parametrize(("spoil", "told"), REFUSED.items())
def test_what_is_no_document_is_found_by_validate(begun, unchanged, spoil, told):
    spoil(begun)
    with unchanged(begun):
        done = begun.idse("validate", "--format", "concise")
    assert done.returncode == 1
    assert f"error[{told[3]}]" in done.stdout
    assert f"{FOLDER}/{told[0]}" in done.stdout


@pytest.mark.parametrize(("spoil", "told"), REFUSED.items())
def test_what_is_no_document_blocks_the_commit(begun, spoil, told):
    spoil(begun)
    begun.git("add", ".idse")
    before = begun.git("for-each-ref")
    done = begun.run("git", "commit", "-m", "no document")
    assert done.returncode == 1
    assert f"error[{told[3]}]" in done.stderr
    assert "idse: commit blocked (git commit --no-verify skips the check)\n" in done.stderr
    assert begun.git("for-each-ref") == before


@pytest.mark.parametrize("spoil", REFUSED)
def test_what_is_no_document_stays_out_of_the_ledger_even_unverified(begun, spoil):
    spoil(begun)
    begun.write(f"{FOLDER}/context.md", "# Context\n\nA new line.\n")
    begun.git("add", ".idse")
    done = begun.run("git", "commit", "--no-verify", "-m", "forced")
    assert done.returncode == 0
    assert "did not record" not in done.stderr
    assert begun.git("show", f"{LEDGER}:artifacts/context.md") == "# Context\n\nA new line."
    modes = {line.split()[0] for line in begun.git("ls-tree", "-r", LEDGER).splitlines()}
    assert modes == {"100644"}
    assert "caf" not in begun.git("ls-tree", "-r", "--name-only", LEDGER)
    assert begun.idse("fsck").returncode == 0


UNREADABLE = {
    b"\0\1\2\xff" * 1000: ("IDSE102", "IDSE107"),
    b"# Intent\n\xff\xfe bad\n": ("IDSE102",),
    "# Intent\n".encode("utf-16"): ("IDSE102", "IDSE107"),
}


@pytest.mark.parametrize(("content", "rules"), UNREADABLE.items())
def test_bytes_that_are_no_text_complete_no_stage_and_block_the_commit(begun, unchanged, content, rules):
    begun.write(INTENT, content)
    with unchanged(begun):
        gate = begun.idse("stage", "complete", "intent")
    assert gate.returncode == 1
    assert "error[IDSE010]: stage `intent` cannot be completed" in gate.stderr
    begun.git("add", ".idse")
    before = begun.git("for-each-ref")
    commit = begun.run("git", "commit", "-m", "no text")
    assert commit.returncode == 1
    assert begun.git("for-each-ref") == before
    for rule in rules:
        assert f"error[{rule}]" in gate.stdout
        assert f"error[{rule}]" in commit.stderr


@pytest.mark.parametrize("content", UNREADABLE)
def test_bytes_that_are_no_text_are_saved_as_they_are(begun, content):
    begun.write(INTENT, content)
    assert begun.idse("save").returncode == 0
    assert begun.git("rev-parse", f"{LEDGER}:artifacts/intent.md") == blob_id(content)
    assert begun.idse("fsck").returncode == 0


@pytest.mark.parametrize("name", ["pipe", "intent.md"])
def test_a_pipe_is_waited_for_by_nobody(begun, refused, name):
    path = begun.path / FOLDER / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    for command in (("save",), ("stage", "complete", "intent")):
        assert refused(begun, "IDSE017", 1, *command) == (
            "error[IDSE017]: a file cannot enter the ledger\n"
            f"  --> {FOLDER}/{name}\n"
            "   = cause: it is not a regular file\n"
            "   = hint:  move it out of the session's folder\n"
            "   = help:  idse help IDSE017\n"
        )
    for command in (("validate",), ("status",), ("log",)):
        assert begun.idse(*command).returncode == 0


@pytest.mark.parametrize("setting", ["false", "true", "input"])
def test_line_ends_are_kept_as_git_records_them(begun, setting):
    text = b"# Intent\r\n\r\nA line.\r\n"
    begun.git("config", "core.autocrlf", setting)
    begun.write(INTENT, text)
    assert begun.idse("save").returncode == 0
    recorded = text if setting == "false" else text.replace(b"\r\n", b"\n")
    assert begun.git("rev-parse", f"{LEDGER}:artifacts/intent.md") == blob_id(recorded)
    begun.commit("line ends", INTENT)
    assert begun.git("rev-parse", f"{LEDGER}:artifacts") == begun.git("rev-parse", f"HEAD:{FOLDER}")
    assert begun.read(INTENT) == text
    assert "differs" not in begun.idse("status").stdout
    assert "nothing to save" in begun.idse("save").stderr


@pytest.fixture
def kept_crlf(begun):
    """`begun` with an intent committed with CRLF before somebody set core.autocrlf: git calls it clean."""
    begun.write(INTENT, b"# Intent\r\n\r\nA line.\r\n")
    begun.commit("line ends", INTENT)
    begun.git("config", "core.autocrlf", "true")
    assert begun.git("status", "--porcelain") == ""
    return begun


def test_line_ends_that_git_leaves_alone_are_recorded_as_they_are(kept_crlf):
    kept_crlf.write(f"{FOLDER}/context.md", "# Context\n\nAnother document.\n")
    assert kept_crlf.idse("save").returncode == 0
    kept_crlf.git("add", FOLDER)
    assert kept_crlf.git("rev-parse", f"{LEDGER}:artifacts") == kept_crlf.git(
        "write-tree", f"--prefix={FOLDER}/"
    )


def test_an_edit_of_a_document_with_kept_line_ends_is_recorded_as_git_add_would(kept_crlf):
    kept_crlf.write(INTENT, b"# Intent\r\n\r\nAnother line.\r\n")
    assert kept_crlf.idse("save").returncode == 0
    kept_crlf.git("add", INTENT)
    assert kept_crlf.git("rev-parse", f"{LEDGER}:artifacts/intent.md") == kept_crlf.git(
        "rev-parse", f":{INTENT}"
    )


def test_kept_line_ends_are_no_difference_from_the_ledger(kept_crlf):
    assert "differs" not in kept_crlf.idse("status").stdout
    assert "nothing to save" in kept_crlf.idse("save").stderr


def test_a_document_with_kept_line_ends_can_be_restored(kept_crlf):
    before = kept_crlf.read(INTENT)
    kept_crlf.write(INTENT, before.replace(b"A line", b"A typo"))
    assert kept_crlf.idse("save").returncode == 0
    done = kept_crlf.idse("restore", "--at", kept_crlf.git("rev-parse", f"{LEDGER}~1"))
    assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
    assert kept_crlf.read(INTENT) == before


def test_a_session_folder_that_leads_elsewhere_is_refused(begun, refused, tmp_path):
    outside = tmp_path / "outside"
    (begun.path / FOLDER).rename(outside)
    (begun.path / FOLDER).symlink_to(outside)
    told = refused(begun, "IDSE017", 1, "validate")
    assert f"{FOLDER} is a symbolic link, not a folder" in told
    assert (outside / "intent.md").exists()


def test_a_repository_inside_a_session_is_no_document(begun, refused):
    begun.git("init", "--quiet", f"{FOLDER}/inner")
    begun.git("-C", f"{FOLDER}/inner", "commit", "--quiet", "--allow-empty", "-m", "inner")
    told = refused(begun, "IDSE017", 1, "save")
    assert f"  --> {FOLDER}/inner\n" in told
