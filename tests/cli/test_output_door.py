"""Whatever is printed goes through one door: nothing drives a terminal, hides in it, or fails to fit in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
HIDDEN = "\x1b\x07\x08\x9b\x9d\xad\u061c\u200b\u200d\u202e\u2066\u2069\ufeff\U000e0041\u3164\u115f\U000e0101"
"""Escapes, C1, bidi controls, zero width, tags, letters without a glyph, and variants of nothing."""
EVIL = "a" + "b".join(HIDDEN) + "z"
TEXT = [
    ("status",),
    ("status", "--all"),
    ("next",),
    ("prime",),
    ("session", "list"),
    ("session", "show"),
    ("handoff", "list"),
    ("handoff", "list", "--all"),
    ("handoff", "show"),
    ("log",),
    ("log", "--oneline"),
    ("log", "--format", "full"),
    ("log", "--graph"),
    ("log", "--format", "%s %b %an"),
    ("show",),
    ("show", "-p", "@{1}"),
    ("diff",),
    ("diff", "--name-only"),
    ("diff", "--stat"),
    ("diff", "--color", "always"),
    ("validate",),
    ("validate", "--format", "concise"),
    ("validate", "--format", "github"),
    ("validate", "--format", "junit"),
    ("validate", "--format", "sarif"),
    ("agents", "list"),
    ("agents", "route", "context"),
    ("rule", "list"),
    ("rule", "show", "IDSE301"),
    ("doctor",),
    ("fsck",),
    ("config", "list"),
    ("sync", "status"),
    ("hooks", "status"),
    ("stage", "start", EVIL),
    ("session", "show", EVIL),
    ("show", EVIL),
    ("log", "--since", EVIL),
    ("rule", "show", EVIL),
    ("help", EVIL),
    ("spawn", EVIL),
    (EVIL,),
    ("--help",),
    ("help", "exit-codes"),
]
FITTING = [("handoff", "list"), ("handoff", "show"), ("diff", "--stat"), ("log", "--graph"), ("rule", "list")]
FITTING += [("status",), ("show",), ("validate",), ("session", "list"), ("--help",), ("help", "exit-codes")]
"""What prints a character beyond ASCII."""


@pytest.fixture
def hostile(loop):
    """A session in which everything that people and agents may write holds what a terminal would obey."""
    loop.git("config", "user.name", f"Ann {EVIL}")
    loop.git("config", "idse.agency", f"https://example.invalid/{EVIL.replace(chr(0x1B), '')}")
    loop.finish("intent")
    loop.does("session", "set", "--title", EVIL, "--owner", EVIL)
    loop.does("agents", "add", "claude", "--role", EVIL)
    loop.does("stage", "start", "context", "-m", EVIL)
    loop.does("handoff", "request", "--to", "claude", "-m", EVIL)
    loop.edit("context.md", f"# {EVIL}\n\n[REQUIRES INPUT] {EVIL}\n")
    loop.edit(f"notes {EVIL}.md", f"{EVIL}\n")
    loop.does("save", "-m", EVIL)
    loop.edit("context.md", f"# {EVIL}\n\n[REQUIRES INPUT] {EVIL}\n\nmore {EVIL}\n")
    loop.edit(f"more {EVIL}.md", f"{EVIL}\n")
    return loop


def found_in(text):
    return sorted(f"U+{ord(char):04X}" for char in set(text) & set(HIDDEN))


def test_no_word_of_anybody_reaches_a_terminal_as_a_command_or_hides_there(hostile):
    for args in TEXT:
        done = hostile.idse(*args, env={"FORCE_COLOR": ""})
        assert done.returncode != 70, done.stderr
        out = done.stdout if "--color" not in args else re.sub(r"\x1b\[(?:[012]|3[1-6])m", "", done.stdout)
        if args[0] != "diff" or len(args) > 1:  # the bytes of a patch, for `git apply`
            assert (args, found_in(out)) == (args, [])
        assert (args, found_in(done.stderr)) == (args, [])


def test_colours_are_the_only_escapes_that_pass(hostile):
    for args in TEXT:
        done = hostile.idse(*args, env={"FORCE_COLOR": "1"})
        for text in (done.stdout, done.stderr):
            assert (args, found_in(re.sub(r"\x1b\[(?:[012]|3[1-6])m", "", text))) == (args, [])


def test_json_loses_no_character(hostile):
    assert hostile.status()["title"] == EVIL.replace("\x1b", " ").replace("\x07", " ").replace("\x08", " ")
    (handoff,) = json.loads(hostile.does("handoff", "list", "--json").stdout)["data"]["handoffs"]
    assert "\u202e" in handoff["reason"]
    assert "\\u202e" in hostile.does("handoff", "list", "--json").stdout


def test_text_names_the_code_point_of_what_it_does_not_show(hostile):
    said = hostile.does("handoff", "list").stdout
    for name in ("<U+202E>", "<U+200B>", "<U+3164>", "\\x9b", "\\x9d"):
        assert name in said


def test_agents_are_told_in_words_that_hide_nothing(hostile):
    call = json.dumps({"cwd": str(hostile.path), "session_id": "s", "hook_event_name": "Stop"})
    for hook in ("agent-session-start", "agent-stop"):
        said = json.dumps(json.loads(hostile.does("hook", hook, stdin=call).stdout), ensure_ascii=False)
        assert found_in(said) == []


def test_a_document_that_is_piped_is_its_bytes(hostile):
    assert hostile.does("show", f"@{{0}}:notes {EVIL}.md").stdout == f"{EVIL}\n"


ENCODINGS = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "ascii:strict", "PYTHONUNBUFFERED": "1"},
    {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "LC_ALL": "C"},
]


@pytest.mark.parametrize("env", ENCODINGS, ids=str)
def test_every_answer_fits_into_every_encoding(hostile, env):
    encoding = env.get("PYTHONIOENCODING", "ascii").partition(":")[0]
    hostile.git("config", "user.name", "Åse 日本")
    hostile.does("session", "set", "--title", "Zahlung → fällig in 3 Tagen … 日本")
    for args in FITTING:
        usual, done = hostile.idse(*args), hostile.idse(*args, env=env)
        assert (args, done.returncode) == (args, usual.returncode), done.stderr
        (done.stdout + done.stderr).encode("utf-8", "surrogateescape").decode(encoding)


@pytest.mark.parametrize("env", ENCODINGS, ids=str)
def test_json_is_the_same_in_every_encoding(loop, env):
    loop.does("session", "set", "--title", "日本 \u202e é")
    for args in (("status",), ("log",), ("session", "list"), ("validate",)):
        assert loop.idse(*args, "--json", env=env).stdout == loop.idse(*args, "--json").stdout


def test_what_does_not_fit_is_written_plainer_or_by_its_code_point(loop):
    loop.does("session", "set", "--title", "Zahlung → fällig … 日")
    said = loop.does("status", env={"PYTHONIOENCODING": "ascii"}).stdout
    assert "Zahlung -> f<U+00E4>llig ... <U+65E5>" in said
    assert "  > intent" in said


def test_a_blocked_commit_says_so_in_every_encoding(loop):
    loop.finish("intent")
    loop.commit("intent")
    loop.edit("intent.md", loop.text("intent.md") + "… → 日本\n")
    for env in ENCODINGS:
        done = loop.run("git", "commit", "-qam", "breach", env=env)
        assert done.returncode == 1
        assert "IDSE402" in done.stderr


def test_a_push_of_names_beyond_ascii_is_judged_in_every_encoding(loop, bare_remote):
    loop.git("branch", "größe-日本")
    for env in ENCODINGS:
        done = loop.run("git", "push", "--dry-run", str(bare_remote.path), "größe-日本", env=env)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def latin(tmp_path):
    """The environment of a locale that is not UTF-8."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef")
    made = ("localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / "de_DE.ISO-8859-1"))
    subprocess.run(made, check=False, capture_output=True)
    if not (tmp_path / "de_DE.ISO-8859-1").is_dir():
        pytest.skip("localedef has no sources of locales")
    return {"LOCPATH": str(tmp_path), "LC_ALL": "de_DE.ISO-8859-1"}


def test_a_name_is_the_same_in_every_locale(loop, latin):
    loop.edit("größe.md", "text\n")
    title = "Größe".encode("latin-1").decode("utf-8", "surrogateescape")
    for env in (latin, {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "LC_ALL": "C"}):
        loop.does("save", env=env)
        assert loop.ledger("größe.md") == "text\n"
        assert loop.does("diff", "--name-only", env=env).stdout == ""
        assert loop.does("show", "@{0}:größe.md", env=env).stdout == "text\n"
        loop.edit("größe.md", "other\n")
        loop.does("save")
        loop.edit("größe.md", "text\n")
    loop.does("session", "set", "--title", title, env=latin)
    assert loop.status()["title"] == "Größe"
    assert title in loop.does("status", env=latin).stdout
