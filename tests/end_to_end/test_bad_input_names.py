"""Names that cannot be names: refused in one sentence, whoever asks, and nothing is made."""

from __future__ import annotations

import pytest

CAUSE = "a name has 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter, a digit or '_'"
BAD = {
    "a/b": ("it has a character that is not allowed there", "a-b"),
    "../x": ("it has a character that is not allowed there", "x"),
    "..": ("it has a character that is not allowed there", "my-{kind}"),
    "a..b": ("it contains '..'", "a-b"),
    "-x": ("it has a character that is not allowed there", "x"),
    "x" * 65: ("it has 65 characters", "x" * 64),
    "ü": ("it has a character that is not allowed there", "my-{kind}"),
    "": ("it is empty", "my-{kind}"),
    "a.lock": ("git refuses names that end in '.lock'", "a"),
    "a b": ("it has a character that is not allowed there", "a-b"),
    "a\nb": ("it has a character that is not allowed there", "a-b"),
    "a\x1b[31m": ("it has a character that is not allowed there", "a-31m"),
    "caf\udce9": ("it has a character that is not allowed there", "caf"),
}


def expected(kind, name, problem, suggestion):
    suggestion = suggestion.format(kind=kind)
    return (
        f"error[IDSE004]: {name!r} cannot name a {kind}: {problem}\n"
        f"   = cause: {CAUSE}\n"
        f"   = hint:  choose another {kind} name, for instance {suggestion!r}\n"
        "   = help:  idse help IDSE004\n"
    )


@pytest.mark.parametrize(("name", "told"), BAD.items())
def test_a_project_is_not_begun_under_a_bad_name(repo, refused, name, told):
    assert refused(repo, "IDSE004", 2, "init", "--", name) == expected("project", name, *told)


@pytest.mark.parametrize(("name", "told"), BAD.items())
def test_a_session_is_not_made_under_a_bad_name(begun, refused, name, told):
    assert refused(begun, "IDSE004", 2, "spawn", "--", name) == expected("session", name, *told)


@pytest.mark.parametrize("name", [name for name in BAD if "/" not in name])
def test_a_bad_name_is_never_switched_to(begun, refused, name):
    assert refused(begun, "IDSE004", 2, "switch", "--", name) == expected("session", name, *BAD[name])


@pytest.mark.parametrize("name", ["../x", "ü", "", "x" * 65])
@pytest.mark.parametrize("command", [("status",), ("next",), ("log",), ("save",), ("spawn", "more")])
def test_a_bad_project_is_never_looked_for(begun, refused, command, name):
    told = refused(begun, "IDSE004", 2, *command, f"--project={name}")
    assert told == expected("project", name, *BAD[name])


def test_a_bad_project_in_the_environment_is_never_looked_for(begun, refused):
    told = refused(begun, "IDSE004", 2, "status", env={"IDSE_PROJECT": "../x"})
    assert told == expected("project", "../x", *BAD["../x"])


def test_a_project_that_differs_only_in_case_is_refused(begun, refused):
    assert refused(begun, "IDSE004", 2, "init", "PORTAL") == (
        "error[IDSE004]: project 'PORTAL' differs from 'portal' only in case\n"
        "   = cause: such names share one folder on macOS and Windows\n"
        "   = hint:  choose a name that differs in more than case\n"
        "   = help:  idse help IDSE004\n"
    )


def test_a_session_that_differs_only_in_case_is_refused(begun, refused):
    for name, other in (("Login", "login"), ("__BLUEPRINT__", "__blueprint__")):
        told = refused(begun, "IDSE004", 2, "spawn", name)
        assert told.startswith(f"error[IDSE004]: session {name!r} differs from {other!r} only in case\n")


def test_a_session_that_differs_only_in_case_from_a_mere_folder_is_refused(begun, refused):
    begun.write(".idse/projects/portal/sessions/search/intent.md", "# Search\n")
    told = refused(begun, "IDSE004", 2, "spawn", "Search")
    assert "session 'Search' differs from 'search' only in case" in told


def test_a_name_that_looks_like_an_option_is_an_option(begun, refused):
    told = refused(begun, "IDSE001", 2, "spawn", "-x")
    assert told == (
        "error[IDSE001]: no such option '-x'\n"
        "   = cause: usage: idse spawn [OPTIONS] NAME\n"
        "   = fix:   idse spawn --help\n"
        "   = help:  idse help IDSE001\n"
    )


def test_a_taken_name_is_refused(begun, refused):
    assert refused(begun, "IDSE005", 3, "spawn", "login") == (
        "error[IDSE005]: session 'login' exists already\n"
        "   = hint:  choose another name\n"
        "   = fix:   idse switch login  # works on it\n"
        "   = help:  idse help IDSE005\n"
    )


@pytest.mark.parametrize("words", [("validate",), ("validate", "--all"), ("validate", "--commit", "HEAD")])
def test_a_folder_that_can_be_no_session_is_a_finding_beside_all_others(begun, words):
    begun.write(".idse/projects/portal/sessions/a:b/intent.md", "# Intent\n")
    begun.git("add", "-A")
    begun.git("commit", "-q", "--no-verify", "-m", "a stranger's folder")
    done = begun.idse(*words, "--format", "concise")
    assert done.returncode == (0 if words == ("validate",) else 1)
    assert ("IDSE707" in done.stdout) == (words != ("validate",))
    assert "IDSE004" not in done.stderr


def test_a_commit_of_a_folder_that_can_be_no_session_is_stopped_with_its_name(begun):
    begun.write(".idse/projects/portal/sessions/a:b/intent.md", "# Intent\n")
    begun.git("add", "-A")
    done = begun.run("git", "commit", "-q", "-m", "a stranger's folder")
    assert (done.returncode, "IDSE707" in done.stderr, "a:b" in done.stderr) == (1, True, True)
