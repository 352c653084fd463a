"""Which changes make something else of lines: pure, without a repository."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.constitution.drift import (
    Hunk,
    Place,
    Span,
    carried,
    changing,
    is_code,
    is_moved,
    reader,
    saying,
    says_so,
    shown,
    touches,
    united,
)
from idse_orchestrator.constitution.python_code import read_python


@pytest.mark.parametrize(
    "path",
    ["src/app.py", "lib/contests.rb", "Sources/Latest.swift", "run", "bin/serve", "a.c", "contest.py"],
)
def test_code_is_code(path):
    assert is_code(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md", "docs/conf.py", "src/README", "LICENSE", "CHANGELOG", "Changes.rst", "a/b/notes.txt",
        "tests/x.py", "test_app.py", "src/app_test.go", "src/AppTest.java", "src/app.spec.ts", "schema.xml",
        "pyproject.toml", "package-lock.json", "go.sum", ".github/workflows/ci.yml", ".gitignore", "setup.py",
        "examples/a.py", "node_modules/x/index.js", "logo.svg", "certs/ca.pem", "Makefile", "conftest.py",
    ],
)  # fmt: skip
def test_what_stands_beside_code_is_none(path):
    assert not is_code(path)


class TestLines:
    def test_they_move_with_what_is_put_in_above(self):
        hunk = Hunk(Span(3, 2), Span(3, 5))
        assert carried([Span(5, 8)], [hunk], ()) == (Span(8, 11),)

    def test_what_replaces_them_is_theirs_only_where_it_is_kept(self):
        hunk = Hunk(Span(5, 6), Span(5, 9))
        assert carried([Span(4, 8)], [hunk], ()) == (Span(4, 4), Span(10, 11))
        assert carried([Span(4, 8)], [hunk], [hunk]) == (Span(4, 11),)

    def test_what_is_put_in_touches_only_between_two(self):
        gap = Hunk(Span(5, 4), Span(5, 5))
        assert touches([Span(4, 5)], gap)
        assert not touches([Span(1, 4)], gap)
        assert not touches([Span(5, 9)], gap)

    def test_they_are_united(self):
        assert united([Span(1, 2), Span(6, 7)], [Span(3, 4), Span(7, 9)]) == (Span(1, 4), Span(6, 9))

    @given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 4)), max_size=6))
    def test_as_many_are_left_as_a_list_says(self, edits):
        """A file of lines, every other of them ours, against the same edits made in a list."""
        rows = ["ours" if number % 2 else "" for number in range(60)]
        spans = [Span(number + 1, number + 1) for number, row in enumerate(rows) if row]
        hunks, at, moved = [], 1, 0
        after = list(rows)
        for skip, removed, added in edits:
            if not removed and not added:
                continue
            at += skip
            hunks.append(Hunk(Span(at, at + removed - 1), Span(at + moved, at + moved + added - 1)))
            after[at + moved - 1 : at + moved - 1 + removed] = [""] * added
            at, moved = at + removed, moved + added - removed
        found = carried(spans, hunks, ())
        lines = {line for span in found for line in range(span.first, span.last + 1)}
        assert lines == {number for number, row in enumerate(after, 1) if row}

    def test_a_place_is_shown_as_people_write_it(self):
        assert shown(Place("a.py", Span(3, 7))) == "a.py:3-7"
        assert shown(Place("a.py", Span(3, 3))) == "a.py:3"
        assert shown(Place("a.py", Span(4, 3))) == "a.py:3"
        assert shown(Place("a.py", Span(1, 0))) == "a.py:1"


BEFORE = '''\
import os


class Greeter(Base):
    loud: bool = False

    def greet(self, name, other=None):
        """Says it."""
        if name:
            raise ValueError("no such name here")
        text = "Hello, %s" % name
        try:
            return text
        except IOError:
            pass
'''


def says_else(old, new):
    """Whether a version in which `old` is `new` says something else than BEFORE, all lines being ours."""
    assert old in BEFORE
    after = BEFORE.replace(old, new)
    hunk = Hunk(Span(1, BEFORE.count("\n")), Span(1, after.count("\n")))
    readers = reader("a.py", BEFORE.encode()), reader("a.py", after.encode())
    return bool(saying([hunk], *readers)) and bool(changing([hunk], [hunk.before], *readers))


class TestPython:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("import os", "import sys"),
            ("loud: bool = False", "loud = False"),
            ("other=None):", "other: str | None = None) -> str:"),
            ('"""Says it."""', '"""Tells it."""'),
            ("no such name here", "there is no such name"),
            ('"Hello, %s" % name', 'f"Hello, {name}"'),
            ('"Hello, %s" % name', '"Hello, {}".format(name)'),
            ("text = ", "words = "),
            ("IOError", "(OSError, IOError)"),
            ("(self, name, other=None)", "(\n        self,\n        name,\n        other=None,\n    )"),
            ("        if name:", "        # why\n\n        if name:"),
            ("            pass\n", "            pass\n        assert name\n"),
        ],
    )
    def test_the_same_in_other_words(self, old, new):
        after = BEFORE.replace(old, new)
        if "words" in new:
            after = after.replace("return text", "return words")
        hunk = Hunk(Span(1, BEFORE.count("\n")), Span(1, after.count("\n")))
        assert not saying([hunk], reader("a.py", BEFORE.encode()), reader("a.py", after.encode()))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("loud: bool = False", "loud: bool = True"),
            ("other=None", "other=1"),
            ("other=None", "another=None"),
            ("if name", "if not name"),
            ("ValueError", "KeyError"),
            ("Hello, %s", "Bye, %s"),
            ("IOError", "KeyError"),
            ("            return text", "            return text + 1"),
            ("Greeter(Base)", "Greeter(Other)"),
            ("        text =", "            text ="),
        ],
    )
    def test_something_else(self, old, new):
        assert says_else(old, new)

    def test_a_field_is_one_where_annotations_make_it(self):
        plain = read_python("class A:\n    x: int\n")
        made = read_python("@dataclass\nclass A:\n    x: int\n")
        assert plain is not None
        assert made is not None
        assert plain((2, 2)) == []
        assert made((3, 3)) != []

    @given(st.text(alphabet="ab:()[]{}'\" \n\t=.%f\\#@\0é", max_size=60))
    def test_whatever_is_read_is_told(self, text):
        found = read_python(text)
        if found is not None:
            assert isinstance(found((1, 9)), list)

    def test_what_is_too_deep_is_none(self):
        assert read_python("(" * 5000 + ")" * 5000) is None
        assert read_python("x = " + "-" * 50_000 + "1") is None


class TestOtherLanguages:
    def test_layout_and_comments_say_nothing(self):
        one = reader("a.js", b"// why\nlet  x = 1\n")
        other = reader("a.js", b"let x = 1 // because\n")
        assert one(Span(1, 2)) == other(Span(1, 1))

    def test_a_line_that_is_another_says_something_else(self):
        hunk = Hunk(Span(1, 1), Span(1, 1))
        before, after = reader("a.js", b"let x = 1\n"), reader("a.js", b"let x = 2\n")
        assert changing([hunk], [Span(1, 1)], before, after) == [hunk]

    def test_a_function_of_its_own_that_is_put_in_changes_nothing(self):
        hunk = Hunk(Span(2, 1), Span(2, 2))
        before = reader("a.js", b"a()\nb()\n")
        assert changing([hunk], [Span(1, 2)], before, reader("a.js", b"a()\nfunction x() {}\nb()\n")) == []
        assert changing([hunk], [Span(1, 2)], before, reader("a.js", b"a()\nx()\nb()\n")) == [hunk]


def test_what_comes_again_elsewhere_is_moved():
    gone = ["def one():", "    return first(1)", "", "    # end of it"]
    added = Counter(row.strip() for row in gone)
    assert is_moved(gone, [], added)
    assert not is_moved(gone, gone, added), "it only stands otherwise in the same place"
    assert not is_moved(gone, [], Counter({"def one():": 1}))
    assert not is_moved(gone[:1], [], added), "one line may come again by chance"


@pytest.mark.parametrize(
    "subject",
    [
        "refactor: x",
        "style(api): y",
        "Add type hints",
        "Fix typo",
        "apply pyupgrade",
        "Run black",
        "Cleanup of x",
    ],
)
def test_a_commit_can_say_that_nothing_works_otherwise(subject):
    assert says_so(subject)


@pytest.mark.parametrize(
    "subject", ["Fix content type", "feat: styles", "Add types of rooms", "Remove x", "black box"]
)
def test_most_do_not(subject):
    assert not says_so(subject)
