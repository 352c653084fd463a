"""Agent Profiles that are attacks or accidents: one error, in time, and nothing is written."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
SPEC = f"{FOLDER}/spec.md"
OUT = ".idse/projects/portal/build"
HEADING = "# Spec\n\n## Agent Profile\n\n```yaml\n"
MEGABYTES = 300
"""As much memory as a run may take, Python and all."""


def wide_bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    return "\n".join(lines)


def merged_bomb():
    return "\n".join(
        ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60))]
    )


BLOCKS = {
    "an anchor bomb": (wide_bomb(), "it stands for more than 50000 values"),
    "a bomb of merges": (merged_bomb(), "it stands for more than 50000 values"),
    "very deep": ("id: " + "[" * 100_000, "it is nested too deeply"),
    "tabs": ("goals:\n\t- a", "a tab indents this line, YAML wants spaces"),
    "a key twice": ("id: a\nname: A\nid: b", "key 'id' occurs twice"),
    "wrong types": ("id: [a]\nname: {b: c}\ngoals: 3", "there are 3 problems"),
    "5 MB": ("description: " + "x" * 5_000_000, "the document has 5,000,05"),
    "900 KB": ("description: " + "x" * 900_000, "it has 900014 bytes, at most 262144 are read"),
    "code in a tag": ("id: !!python/object/apply:os.system [touch /tmp/idse-was-here]", "is not known here"),
    "an escape for the terminal": ('id: a\nname: "\\e]0;owned\\a"', "holds the character U+001B"),
}


@pytest.fixture
def with_block(begun):
    """Writes a spec that has this text as the YAML of its profile."""

    def write(text):
        begun.write(SPEC, f"{HEADING}{text}\n```\n")
        return begun

    return write


@pytest.mark.parametrize(("block", "says"), BLOCKS.values(), ids=BLOCKS)
def test_a_hostile_block_is_one_error_and_changes_nothing(with_block, refused, block, says):
    repo = with_block(block)
    told = refused(repo, "IDSE040", 1, "compile", "agent-spec", "--session", "login")
    assert says in told
    assert SPEC in told
    assert len(told) < 5_000
    assert "\x1b" not in told


@pytest.mark.parametrize("name", ["an anchor bomb", "a bomb of merges", "very deep", "900 KB", "5 MB"])
def test_memory_is_bounded_whatever_the_block_is(with_block, name):
    repo = with_block(BLOCKS[name][0])
    program = os.path.join(os.path.dirname(sys.executable), "idse")
    limit = MEGABYTES * 1024 * 1024

    def bound():
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = subprocess.run(
        [program, "compile", "agent-spec"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        preexec_fn=bound,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error[IDSE040]")


def linked(repo):
    (repo.path / SPEC).unlink()
    (repo.path / SPEC).symlink_to("/etc/passwd")


def latin(repo):
    repo.write(SPEC, b"# Spec\n\n## Agent Profile\n\ncaf\xe9\n")


def with_nul(repo):
    repo.write(SPEC, b"## Agent Profile\n\n```yaml\nid: \0\n```\n")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (linked, "it is no plain file, and nothing is read through a link"),
        (latin, "spec.md:5:4"),
        (with_nul, "the document holds a NUL byte"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_spec_that_is_no_document_is_refused(begun, refused, spoil, says):
    spoil(begun)
    assert says in refused(begun, "IDSE040", 1, "compile", "agent-spec", "--session", "login")


def test_a_spec_that_is_not_there_is_said_to_be_missing(begun, refused):
    (begun.path / SPEC).unlink()
    told = refused(begun, "IDSE041", 1, "compile", "agent-spec", "--session", "login")
    assert "this session has no spec" in told


GOOD = "id: a\nname: A"


@pytest.mark.parametrize("place", [OUT, f"{OUT}/agents"])
def test_no_link_leads_out_of_the_work_tree(with_block, refused, tmp_path, place):
    repo = with_block(GOOD)
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo.path / place).parent.mkdir(parents=True, exist_ok=True)
    (repo.path / place).symlink_to(outside)
    told = refused(repo, "IDSE042", 3, "compile", "agent-spec", "--force")
    assert "symbolic link" in told
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_plain_file_is_not_replaced_even_by_force(with_block, refused, kind):
    repo = with_block(GOOD)
    target = repo.path / OUT / "agents" / "login.profile.yaml"
    target.parent.mkdir(parents=True)
    if kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(repo.path / "README.md")
    else:
        os.mkfifo(target)
    refused(repo, "IDSE042", 3, "compile", "agent-spec", "--force")


def test_a_file_where_a_folder_is_needed_is_refused(with_block, refused):
    repo = with_block(GOOD)
    repo.write("agents", "mine\n")
    refused(repo, "IDSE042", 3, "compile", "agent-spec", "--out", "agents")


def test_a_folder_that_cannot_be_written_is_an_error(with_block, as_nobody, refused, sealed):
    repo = with_block(GOOD)
    repo.git("config", "--global", "--add", "safe.directory", "*")
    for root in (repo.path, sealed):
        _open_to_all(root)
    told = refused(repo, "IDSE015", 2, "compile", "agent-spec", wrap=as_nobody)
    assert "Permission denied" in told


def _open_to_all(path):
    for folder in (path, *list(path.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    for inner in path.rglob("*"):
        if not inner.is_symlink():
            inner.chmod(inner.stat().st_mode | (0o055 if inner.is_dir() else 0o044))


def test_a_full_disk_leaves_the_old_file_whole(begun, small_disk):
    begun.write(SPEC, f"{HEADING}{GOOD}\n```\n")
    assert begun.idse("compile", "agent-spec", "--out", str(small_disk)).returncode == 0
    before = (small_disk / "login.profile.yaml").read_bytes()
    begun.write(SPEC, f"{HEADING}{GOOD}\ndescription: {'x' * 100_000}\n```\n")
    with contextlib.suppress(OSError):  # the disk is full afterwards
        (small_disk / "filler").write_bytes(b"x" * 4_000_000)
    done = begun.idse("compile", "agent-spec", "--out", str(small_disk))
    assert done.returncode == 2, done.stderr
    assert "error[IDSE015]" in done.stderr
    assert (small_disk / "login.profile.yaml").read_bytes() == before
    assert sorted(os.listdir(small_disk)) == ["filler", "login.profile.yaml"]
