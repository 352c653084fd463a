"""The generated pages of the reference say what the code says."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import generate
import pytest

from idse_orchestrator import errors

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_code_says(name):
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def errors_page(tmp_path):
    generate.main(["--into", str(tmp_path), "errors"])
    return tmp_path / "errors.md"


def test_a_page_that_was_just_written_passes_the_check(errors_page):
    assert generate.main(["--check", "--into", str(errors_page.parent), "errors"]) == 0


def test_a_page_that_somebody_changed_fails_the_check_and_is_shown(errors_page, capsys):
    errors_page.write_text(errors_page.read_text().replace("IDSE002", "IDSE999"))
    assert generate.main(["--check", "--into", str(errors_page.parent), "errors"]) == 1
    printed = capsys.readouterr().out
    assert "-## IDSE999" in printed
    assert "+## IDSE002" in printed


def test_a_missing_page_fails_the_check(tmp_path):
    assert generate.main(["--check", "--into", str(tmp_path), "exit-codes"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_every_error_has_one_heading_to_link_to(errors_page):
    codes = re.findall(r"^## (IDSE\d+)$", errors_page.read_text(), re.MULTILINE)
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.IdseError)]
    assert sorted(codes) == sorted(k.code for k in kinds if k is not errors.IdseError)
    assert len(codes) == len(set(codes))


def test_every_exit_code_is_explained():
    page = generate.exit_codes()
    constants = [value for name, value in vars(errors).items() if name.startswith("EXIT_")]
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [str(n) for n in sorted(constants)]


def test_every_rule_has_one_heading_to_link_to():
    page = generate.rules()
    ids = re.findall(r"^### (IDSE\d+)$", page, re.MULTILINE)
    assert len(ids) == len(set(ids)) > 30
    assert [title[0] for title in re.findall(r"^## (\dxx .*)$", page, re.MULTILINE)] == list("123456789")


def test_every_command_of_the_table_has_its_section():
    page = generate.commands()
    for name in ("init", "status", "stage start", "validate", "log", "hooks install"):
        assert re.search(rf"^##+ idse {name}$", page, re.MULTILINE), name


def test_values_of_options_are_called_as_in_the_help():
    page = generate.commands()
    assert "| `--at` `EVENT\\|REV` |" in page
    assert "| `-m` `WHY` |" in page


def test_what_stands_below_the_options_of_a_help_page_is_told_too():
    section = generate.commands().split("## idse log\n")[1].split("\n## ")[0]
    assert "FORMAT is oneline, short" in section


def test_options_of_every_command_are_explained_once():
    page = generate.commands()
    assert page.count("-vv shows tracebacks") == 1
    assert page.count("| `--json` |") > 5
