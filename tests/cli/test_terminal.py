"""What reaches a terminal or a pipe: style, errors and the envelope."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli import terminal
from idse_orchestrator.cli.envelope import envelope, error_envelope
from idse_orchestrator.cli.failure import render_error
from idse_orchestrator.cli.layout import PLAIN, Style, style_for
from idse_orchestrator.errors import ConflictError, IdseError, UnknownNameError

ERROR = ConflictError(
    "stage `plan` cannot start: `spec` changed",
    where=".idse/projects/portal/sessions/login/spec.md",
    cause="completed with 3f2a1c9,\nthe file is now 9be0d44",
    fix=('idse stage reopen spec -m "why"', 'idse stage confirm spec -m "why"'),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class RuleBrokenError(IdseError):
    """An error whose code is a rule's."""

    code = "IDSE401"


@pytest.mark.parametrize(
    ("stream", "choice", "environ", "coloured"),
    [
        (Terminal(), "auto", {}, True),
        (io.StringIO(), "auto", {}, False),
        (Terminal(), "auto", {"NO_COLOR": "1"}, False),
        (Terminal(), "auto", {"NO_COLOR": ""}, True),
        (Terminal(), "auto", {"TERM": "dumb"}, False),
        (io.StringIO(), "auto", {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), "auto", {"FORCE_COLOR": "0"}, False),
        (Terminal(), "auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (Terminal(), "auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (Terminal(), "never", {"FORCE_COLOR": "1"}, False),
        (io.StringIO(), "always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_colour_is_chosen_by_flag_then_environment_then_terminal(stream, choice, environ, coloured):
    assert style_for(stream, choice, environ).enabled is coloured


def test_a_style_that_is_off_changes_nothing():
    assert PLAIN.bold(PLAIN.red("x")) == "x"
    assert Style(enabled=True).red("x") == "\x1b[31mx\x1b[0m"
    assert Style(enabled=True).red("") == ""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain, ünïcode, 日本語, 🎉, 👩‍💻, می‌خواهم", "plain, ünïcode, 日本語, 🎉, 👩‍💻, می‌خواهم"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("a\u2028b\ue000", "a<U+2028>b<U+E000>"),
        ("pass\u200bword\u200c\u200d", "pass<U+200B>word<U+200C><U+200D>"),
        ("日\u200d本", "日<U+200D>本"),
        ("\u3164\u115f\u034f", "<U+3164><U+115F><U+034F>"),
        ("❤️‍🔥 1️⃣ 🏴‍☠️ 葛󠄀", "❤️‍🔥 1️⃣ 🏴‍☠️ 葛󠄀"),
        ("x\ufe0f 🎉\ufe0f\ufe01\U000e0101", "x<U+FE0F> 🎉\ufe0f<U+FE01><U+E0101>"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800\uffff\U000e0041", "<U+D800><U+FFFF><U+E0041>"),
        ("non\u00a0breaking", "non\u00a0breaking"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_written_out(raw, shown):
    assert printable(raw) == shown


def test_lines_are_kept_where_a_text_may_have_lines():
    assert printable("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


@given(st.text(st.characters()))
def test_printable_text_can_be_encoded_and_stays_as_it_is_when_shown_again(text):
    shown = printable(text)
    shown.encode()
    assert printable(shown) == shown
    kept = printable(text, lines=True)
    assert printable(kept, lines=True) == kept
    assert not set(shown) & set(map(chr, [*range(32), *range(127, 160)]))


def test_an_error_says_what_where_why_and_what_to_type():
    assert (
        render_error(ERROR)
        == """\
error[IDSE012]: stage `plan` cannot start: `spec` changed
  --> .idse/projects/portal/sessions/login/spec.md
   = cause: completed with 3f2a1c9,
            the file is now 9be0d44
   = fix:   idse stage reopen spec -m "why"
            idse stage confirm spec -m "why"
   = help:  idse help IDSE012"""
    )


def test_an_error_without_details_still_points_to_help():
    assert render_error(UnknownNameError("no such session")).split("\n") == [
        "error[IDSE006]: no such session",
        "   = help:  idse help IDSE006",
    ]


def test_an_error_with_a_rules_code_points_to_the_rule():
    assert render_error(RuleBrokenError("no")).endswith("= help:  idse rule show IDSE401")


def test_an_error_cannot_carry_a_terminal_command():
    error = IdseError("a\x1b[2J", where="b\x1b[2J", cause="c\x1b[2J", fix=("d\x1b[2J",))
    assert "\x1b" not in render_error(error)


def test_the_envelope_has_schema_data_and_diagnostics():
    assert envelope("idse.status/1", {"a": [1, None]}) == (
        '{"schema": "idse.status/1", "data": {"a": [1, null]}, "diagnostics": []}'
    )


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    names: frozenset[str]


def test_the_envelope_takes_dataclasses_mappings_tuples_and_sets():
    data = MappingProxyType({"at": Point(1, frozenset({"b", "a"})), "pair": (1, 2)})
    assert json.loads(envelope("s/1", data))["data"] == {"at": {"x": 1, "names": ["a", "b"]}, "pair": [1, 2]}


def test_the_envelope_refuses_what_has_no_json():
    with pytest.raises(TypeError, match="object"):
        envelope("s/1", object())
    with pytest.raises(ValueError, match="JSON"):
        envelope("s/1", float("nan"))


def test_a_failure_has_the_same_shape():
    document = json.loads(error_envelope(ERROR, "idse.status/1"))
    assert list(document) == ["schema", "data", "diagnostics"]
    assert document["data"] is None
    (only,) = document["diagnostics"]
    assert (only["severity"], only["code"], only["exit_code"]) == ("error", "IDSE012", 3)
    assert only["fix"] == list(ERROR.fix)
    assert only["help"] == "idse help IDSE012"


@given(st.text(st.characters()))
def test_the_envelope_is_ascii_that_carries_all_text_that_is_unicode(text):
    document = envelope("s/1", {"text": text})
    assert document.isascii()
    assert document.isprintable()
    read = json.loads(document)["data"]["text"]
    read.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert read == text


@pytest.mark.parametrize(
    ("typed", "by_default", "answer"),
    [
        ("y\n", False, True),
        ("\n", False, False),
        ("no\n", True, False),
        ("\n", True, True),
        (" Yes \n", True, True),
        ("", True, False),
    ],
)
def test_only_a_person_says_yes(monkeypatch, typed, by_default, answer):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert terminal.Terminal().confirms("Really?", by_default=by_default) is answer
