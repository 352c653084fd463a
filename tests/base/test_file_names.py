"""Names that are something else on another system are found, and others are let be."""

from __future__ import annotations

import pytest

from idse_orchestrator.base.text import file_name_problem, name_problems


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".gIt",
        "git~1",
        "GIT~1",
        ".git ",
        ".git.",
        ".git. .",
        ".git::$INDEX_ALLOCATION",
        ".g\u200cit",
        "\ufeff.git",
        ".GI\u202dT",
        "a\\.git",
        ".git\\config",
        "..",
        ".",
        "",
        "..\\x",
        "a/b",
        "a\0b",
        "x" * 256,
        "é" * 128,
    ],
)
def test_a_name_that_some_system_takes_for_another_place_is_a_problem(name):
    assert file_name_problem(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "spec.md",
        ".gitignore",
        ".github",
        "git",
        "git~2",
        ".gitx",
        "...",
        "plan (2).md",
        "ünïcode.md",
        "a b",
        "日本",
        "x" * 255,
    ],
)
def test_an_ordinary_name_is_none(name):
    assert file_name_problem(name.encode()) is None


def test_bytes_that_are_no_text_are_a_problem():
    assert "UTF-8" in file_name_problem(b"caf\xe9.md")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Spec.md", "spec.md"), ("é.md", "e\u0301.md"), ("STRASSE", "straße"), ("a\u200d", "a")],
)
def test_two_names_of_one_file_are_told_at_the_second(one, other):
    ((code, name, what),) = name_problems([one.encode(), other.encode()])
    assert (code, name) == ("artifact-case", other.encode())
    assert one in what


def test_names_that_differ_are_fine_together():
    assert list(name_problems([b"spec.md", b"spec", b"Spec2.md"])) == []
