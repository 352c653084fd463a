"""What documents say about code, and whether facts bear it out: pure, on texts."""

from __future__ import annotations

import pytest

from greeting import DOCUMENTS
from idse_orchestrator.constitution.account import Criterion, Reports, account_of, ids_in
from idse_orchestrator.constitution.checks.document import Document
from idse_orchestrator.constitution.evidence import (
    CodeCommit,
    Facts,
    judge_evidence,
    judge_kept,
    proof_of,
)
from idse_orchestrator.documents.project_workspace import REGULAR, STAGE_OF, FileEntry

BUILT = "implementation/README.md"
ONE = "a" * 39 + "1"


@pytest.fixture
def account(constitution):
    """``account({path: text, …})``: what the documents of a greeting say, some of them otherwise."""

    def account(texts=()):
        documents = {}
        for path, text in {**DOCUMENTS, **dict(texts)}.items():
            data = text.encode()
            documents[STAGE_OF[path]] = Document(path, FileEntry(REGULAR, "0" * 40, len(data)), data)
        return account_of(documents, constitution)

    return account


def commit(*paths, tasks=(), name=ONE):
    return CodeCommit(name, tuple(paths), tuple(tasks))


def told(constitution, account, facts):
    found = judge_evidence(constitution, account, facts)
    return {hit.rule: dict(hit.params) for hits in found.values() for hit in hits}


class TestWhatDocumentsSay:
    def test_all_of_it(self, account):
        found = account()
        assert [each.id for each in found.criteria] == ["AC-1", "AC-2"]
        assert found.criteria_in == "spec"
        assert found.paths == ("tests/test_greet.py", "src/greet.py", "docs/")
        assert [words.partition(" ")[0] for _, words in found.reports] == ["AC-1", "AC-2"]
        assert (found.commits, found.no_code) == ((), "")

    def test_without_a_spec_success_criteria_count(self, constitution):
        documents = {
            STAGE_OF[path]: Document(path, FileEntry(REGULAR, "0" * 40, 1), text.encode())
            for path, text in DOCUMENTS.items()
            if path != "spec.md"
        }
        found = account_of(documents, constitution)
        assert ([each.id for each in found.criteria], found.criteria_in) == (["SC-1"], "intent")

    @pytest.mark.parametrize(
        ("line", "names"),
        [
            ("Done in commit abcdef1 and 1234567.", ["abcdef1", "1234567"]),
            ("- `3f2a1c9` adds it (and 0000a11b)", ["3f2a1c9"]),
            ("- commits `3f2a1c9`, `0000a11b`", ["3f2a1c9", "0000a11b"]),
            (
                "squashed as 0123456789abcdef0123456789abcdef01234567",
                ["0123456789abcdef0123456789abcdef01234567"],
            ),
            ("merged on 20261130, build 20261130 after the commit", []),
            ("Committed 12345678 rows by migration revision 20240115123000", []),
            ("Alembic revision 1a2b3c4d5e6f, order 100e1000, a1b2c3d4", []),
            ('etag "33a64df5", serial 4f5e6d7c8b of the commit', []),
            ("a defaced facade, 1234567 lines, 12ab", []),
            ("sha256 9f86d081884c7d65", []),
            ("uuid 550e8400-e29b-41d4-a716-446655440000", []),
            ("src/a1b2c3d4.py, v1.2.3a4b5c6d, a1b2c3d4.tar", []),
            ("<!-- commit abcdef1 -->", []),
            ("    commit abcdef1 in code", []),
        ],
    )
    def test_which_words_are_commits(self, account, line, names):
        text = DOCUMENTS[BUILT].replace(
            "The function and its tests.", line if line[0] != " " else f"\n{line}"
        )
        assert [each.id for each in account({BUILT: text}).commits if each.is_sure] == names

    @pytest.mark.parametrize(
        ("line", "elsewhere"),
        [
            ("in commit billing@3f2a1c9", ("billing@3f2a1c9",)),
            ("Commits: acme/billing@3f2a1c9", ("acme/billing@3f2a1c9",)),
            ("see ana@abcdef1 for chat", ()),
            ("redis@1234567 in a commit", ()),
            ("uses actions/checkout@b4ffde65", ()),
        ],
    )
    def test_a_commit_of_another_repository_is_none_of_this(self, account, line, elsewhere):
        found = account({BUILT: DOCUMENTS[BUILT].replace("The function and", line)})
        assert (found.commits, found.elsewhere) == ((), elsewhere)

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("No code: a contract", "a contract"),
            ("- **No code:** a contract", "a contract"),
            ("no code: a contract", "a contract"),
            ("No code:", ""),
            ("No code: n/a", ""),
            ("No code: none", ""),
            ("There is no code: a contract", ""),
            ("> No code: a contract", ""),
            ("```\nNo code: a contract\n```", ""),
        ],
    )
    def test_that_there_is_no_code(self, account, line, why):
        assert account({BUILT: f"{DOCUMENTS[BUILT]}\n{line}\n"}).no_code == why


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("AC-1, ac-2, AC3, AC 4, AC_5, AC-06 and FR-1.2", {*(f"AC-{n}" for n in range(1, 7)), "FR-1.2"}),
        ("US1-AC1, FR-1-AC-2, REQ-PAY-01", {"US-1-AC-1", "FR-1-AC-2", "REQ-PAY-1"}),
        ("AC-1 to AC-3", {"AC-1", "AC-2", "AC-3"}),
        ("AC-1–3, AC-9", {"AC-1", "AC-2", "AC-3", "AC-9"}),
        ("AC-3 to AC-1", {"AC-1", "AC-3"}),
        ("AC-1 to AC-9999", {"AC-1", "AC-9999"}),
        ("AC-10 and XAC-1y", {"AC-10"}),
    ],
)
def test_ids_are_found_in_words(words, ids):
    assert ids_in(words) == ids


@pytest.mark.parametrize(
    ("reports", "is_reported"),
    [
        ("- AC-1: tests/test_greet.py passed", True),
        ("- AC-1 to AC-3: by hand, on the test server", True),
        ("| AC-1 | pytest | passed |", False),  # the head of a table
        ("| what | how |\n|---|---|\n| AC-1 | pytest |", True),
        ("AC-1 was checked by hand.", True),
        ("- AC-10: passed", False),
        ("- AC-1", False),
        ("> AC-1: tests/test_greet.py passed", False),
        ("- AC-1: ok", True),
        ("- AC-1: ✅", True),
        ("- AC-1: 合格", True),
        ("- AC-01 and AC-2:\n  ```\n  passed\n  ```", True),
        ("### AC-1\n\n```\n1 passed\n```", True),
        ("### AC-1\n\n| how | result |\n|---|---|\n| pytest | passed |", True),
        ("| n | what | how |\n|---|---|---|\n| 1 | AC-1 | pytest |", True),
        ("- US1-AC1: passed", False),
        ("All is well.", False),
    ],
)
def test_a_criterion_with_an_id_is_reported_by_it(account, reports, is_reported):
    text = f"# Implementation\n\n## Validation Reports\n\n{reports}\n"
    found = account({BUILT: text})
    assert (Reports(found).of(found.criteria[0]) is not None) == is_reported


@pytest.mark.parametrize(
    ("report", "is_reported"),
    [
        ("- The list shows both invoices of a customer: seen in the browser", True),
        ("- The list shows both invoices of a customer", False),
        ("- Customers sign in: seen in the browser", False),
    ],
)
def test_one_without_an_id_is_reported_by_its_words(account, report, is_reported):
    found = account({BUILT: f"# Implementation\n\n## Validation Reports\n\n{report}\n"})
    criterion = Criterion("", "The list shows both invoices of a customer", 3)
    assert (Reports(found).of(criterion) is not None) == is_reported


class TestProof:
    LINKS = (
        "[it](../../../../../../lib/linked.py), ./lib/at.py:12, lib\\windows.py and "
        "https://forge.example/a/b/blob/main/lib/blob.py#L3\n"
    )

    @pytest.mark.parametrize(
        ("declared", "path", "is_covered"),
        [
            ("src/a.py", "src/a.py", True),
            ("src/a.py", "src/a.pyc", False),
            ("src/", "src/a/b.py", True),
            ("src", "src/a/b.py", True),
            ("src/", "srcs/a.py", False),
            ("src/*.py", "src/a.py", True),
            ("src/a.py:10-20", "src/a.py", True),
            ("src/a.py#L10", "src/a.py", True),
            ("src/a.py::test_a", "src/a.py", True),
            ("src\\a.py", "src/a.py", True),
            ("./src/a.py", "src/a.py", True),
            ("/src/a.py", "src/a.py", True),
            ("src/../src/a.py", "src/a.py", True),
            ("[a](../../src/a.py)", "src/a.py", True),
            ("src/gre?t.py", "src/greet.py", True),
        ],
    )
    def test_a_declared_path_covers_what_is_below_it(self, account, declared, path, is_covered):
        tasks = DOCUMENTS["tasks.md"].replace("src/greet.py", declared)
        found = proof_of(account({"tasks.md": tasks}), [commit(path)])
        assert bool(found.tasks["1.1"]) == is_covered

    def test_a_trailer_names_a_task_as_people_write_it(self, account):
        found = proof_of(account(), [commit("other.rs", tasks=("task 1.1",))])
        assert [each.id for each in found.tasks["1.1"]] == [ONE]
        assert found.tasks["0.1"] == []

    @pytest.mark.parametrize(
        ("path", "is_related"),
        [
            ("src/greet.py", True),
            ("src/other.py", False),
            ("other/src/greet.py", False),
            ("lib/engine.py", False),
            ("README.md", False),
            ("function", False),
            ("pkg/x/y.py", True),
            ("pkgs/y.py", False),
            ("test/y.py", False),
            ("Makefile", True),
            ("lib/linked.py", True),
            ("lib/at.py", True),
            ("lib/blob.py", True),
            ("lib/windows.py", True),
            ("lib", False),
        ],
    )
    def test_documents_lead_to_a_path_that_they_name(self, account, path, is_related):
        tasks = {"tasks.md": DOCUMENTS["tasks.md"].replace("(Files: ", "(Owner: ")}
        built = {BUILT: f"{DOCUMENTS[BUILT]}\nIn pkg/, by the `Makefile`, a test with it.\n{self.LINKS}"}
        assert bool(proof_of(account({**tasks, **built}), [commit(path)]).related) == is_related

    def test_documents_lead_to_a_commit_that_they_name(self, account):
        text = DOCUMENTS[BUILT].replace("The function and", f"In {ONE[:4]}, then commit {'b' * 6}1: the")
        found = account({BUILT: text})
        assert proof_of(found, [commit("x", name="b" * 6 + "1" + "c" * 33)]).related
        assert not proof_of(found, [commit("x")]).related


class TestTheJudge:
    def test_code_that_bears_it_out_is_no_news(self, account, constitution):
        facts = Facts(head=ONE, commits=(commit("src/greet.py", "tests/test_greet.py", "docs/x.md"),))
        assert told(constitution, account(), facts) == {}

    def test_no_code_is_one_finding(self, account, constitution):
        assert list(told(constitution, account(), Facts(head=ONE))) == ["IDSE651"]

    def test_where_nobody_can_look_nothing_is_said(self, account, constitution):
        assert told(constitution, account(), Facts(unseen="shallow")) == {}
        text = DOCUMENTS[BUILT].replace("The function and", "Commit billing@3f2a1c9. The function and")
        assert told(constitution, account({BUILT: text}), Facts(head=ONE)) == {}

    def test_unproved_tasks_are_one_finding(self, account, constitution):
        found = told(constitution, account(), Facts(head=ONE, commits=(commit("src/greet.py"),)))
        assert found == {"IDSE655": {"share": "2 of 3", "tasks": "0.1, 2.1", "first": "0.1"}}

    def test_what_was_kept_needs_no_commits(self, account, constitution):
        assert (
            told(
                constitution,
                account(),
                Facts(head=ONE, kept=frozenset({"0.1", "1.1", "2.1"}), absent=frozenset({"docs/"})),
            )
            == {}
        )

    def test_many_names_are_cut(self, constitution):
        [hit] = judge_kept(constitution, [f"{number:040x}" for number in range(12)])
        assert hit.params["commits"].endswith("and 4 more")

    @pytest.mark.parametrize("path", sorted(DOCUMENTS))
    @pytest.mark.parametrize(
        "text", ["", "\n", "|\n|", "# x\n## Validation Reports", "- [x] Task 1.1 – \x85x"]
    )
    def test_odd_documents_are_read(self, account, constitution, path, text):
        told(constitution, account({path: text}), Facts(head=ONE, commits=(commit("a"),)))

    @pytest.mark.parametrize(
        "text",
        [
            "## Validation Reports\n" + "".join(f"- AC-{n}: passed\n" for n in range(4000)),
            "## Validation Reports\n" + "- the same words again and again\n" * 4000,
            "a/" * 200_000,
            "abc1234 " * 60_000,
            "`x" * 100_000,
            "../" * 100_000,
        ],
        ids=["ids", "words", "a path", "hexadecimal", "ticks", "dots"],
    )
    def test_long_documents_are_read_once(self, account, constitution, text):
        spec = "## Acceptance Criteria\n" + "".join(f"- the same words as number {n}\n" for n in range(4000))
        found = account({BUILT: text, "spec.md": spec})
        commits = tuple(commit(f"src/{n}.py", name=f"{n:040x}") for n in range(2000))
        told(constitution, found, Facts(head=ONE, commits=commits))
