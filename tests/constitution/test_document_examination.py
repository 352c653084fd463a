"""Every rule about one document: documents it lets pass, and documents it notices."""

from __future__ import annotations

import re

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.checks.document import Notice
from idse_orchestrator.constitution.file import load_constitution, project_layer
from idse_orchestrator.constitution.hits import hits_from_json, hits_to_json
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    EXECUTABLE,
    GITLINK,
    REGULAR,
    STAGES,
    SYMLINK,
    FileEntry,
)

MARKER = "[REQUIRES INPUT]"
PEM = "-----BEGIN RSA PRIVATE KEY-----"


def rules(hits):
    return sorted({hit.rule for hit in hits})


@pytest.mark.parametrize("stage", STAGES)
def test_a_complete_document_has_no_hit(stage, document, hits_of):
    assert hits_of(stage, document(stage)) == ()


@pytest.mark.parametrize("stage", STAGES)
def test_carriage_returns_and_a_byte_order_mark_change_nothing(stage, document, hits_of):
    assert hits_of(stage, b"\xef\xbb\xbf" + document(stage).replace("\n", "\r\n").encode()) == ()


# --- 1xx ---


@pytest.mark.parametrize(
    ("rule", "path", "content", "mode"),
    [
        ("IDSE102", "spec.md", b"caf\xe9", REGULAR),
        ("IDSE102", "notes.md", b"caf\xe9", REGULAR),
        ("IDSE103", "spec.md", b"a" * (1024 * 1024 + 1), REGULAR),
        ("IDSE103", "picture.png", b"\0" * (1024 * 1024 + 1), REGULAR),
        ("IDSE104", "spec.md", b"../../../etc/passwd", SYMLINK),
        ("IDSE104", "vendored", b"", GITLINK),
        ("IDSE105", "spec.md", b"", EXECUTABLE),
        ("IDSE109", "caf\udce9.md", b"text\n", REGULAR),
        ("IDSE106", "spec.md", b"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n", REGULAR),
        ("IDSE106", "spec.md", b"```\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n```\n", REGULAR),
        ("IDSE106", "notes.md", b"<<<<<<< a\r\n||||||| base\r\n=======\r\n>>>>>>> b\r\n", REGULAR),
        ("IDSE107", "spec.md", b"a\0b", REGULAR),
        ("IDSE107", "spec.md", "UTF-16".encode("utf-16"), REGULAR),
    ],
)
def test_a_file_that_is_no_plain_text_document_is_noticed(rule, path, content, mode, hits_of):
    assert rule in rules(hits_of(path, content, mode))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\xff"),
        ("notes.md", b"Title\n=======\n\n<<<<<<< quoted alone\n"),
        ("notes.md", b">>>>>>> a\n=======\n<<<<<<< b\n"),
        ("notes.md", b"[REQUIRES INPUT] and no headings"),
        ("data.json", b"{}"),
    ],
)
def test_a_side_file_may_be_what_it_likes(path, content, hits_of):
    assert hits_of(path, content) == ()


def test_a_file_that_is_too_large_is_judged_by_its_size_alone(constitution):
    entry = FileEntry(REGULAR, "0" * 40, 50_000_000)
    (hit,) = examine("spec.md", entry, b"", constitution)
    assert hit.rule == "IDSE103"
    assert hit.params == {"size": "50000000", "limit": "1048576"}


def test_a_conflict_is_placed_where_it_opens_and_says_where_it_ends(hits_of):
    text = "a\n<<<<<<< x\n=======\n>>>>>>> y\n\n<<<<<<< x\nb\n=======\n>>>>>>> y\n"
    found = [(hit.line, hit.params["until"]) for hit in hits_of("notes.md", text)]
    assert found == [(2, "4"), (6, "9")]


def test_the_first_bad_byte_is_placed(places_of):
    assert places_of("IDSE102", "notes.md", b"ok\nab\xff") == [(2, 3)]


# --- 2xx ---


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_of_the_template_is_required(stage, document, hits_of):
    headings = re.findall(r"^## (.*)$", document(stage), re.MULTILINE)
    for heading in headings:
        hits = hits_of(stage, document(stage, {heading: None}))
        missing = [hit.params["section"] for hit in hits if hit.rule == "IDSE201"]
        assert len(missing) == 1
        assert missing[0].split(" (")[0] == heading.split(" (")[0]


@pytest.mark.parametrize(
    "heading",
    [
        "## goal",
        "# GOAL",
        "## 1. Goal",
        "## 1.2.3 Goal:",
        "## 3 · Goal",
        "## 2) Goal",
        "## IV. Goal",
        "## 🎯 Goal",
        "## 1️⃣ Goal",
        "## — Goal —",
        "## **Goal**",
        "## [Goal](#goal)",
        "## Goal (what for)",
        "## Purpose / Goal",
        "## Purpose",
        "Goal\n----",
        "### Goal",
    ],
)
def test_a_heading_is_known_however_it_is_written(heading, document, hits_of):
    text = document("intent", {"Goal": None}) + f"\n{heading}\n\nSee it.\n"
    assert hits_of("intent", text) == ()


@pytest.mark.parametrize(
    "heading", ["## Goalkeeper", "## Goal setting process", "**Goal**", "```\n## Goal\n```"]
)
def test_another_heading_is_not_taken_for_it(heading, document, hits_of):
    text = document("intent", {"Goal": None}) + f"\n{heading}\n\nSee it.\n"
    assert rules(hits_of("intent", text)) == ["IDSE201"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "<!-- think\nabout it -->",
        "<!-- never closed",
        "> What will be true that is not true now?\n> One or two sentences.",
        "*What will be true that is not true now?*",
        "_What will be true that is not true now?_",
        "---",
        "- \n-",
        "- [ ] ",
        "- **Owner:**\n- Date:",
        "### Part one\n\n### Part two",
        "```\n```",
    ],
)
def test_a_section_that_says_nothing_is_noticed(text, document, places_of):
    content = document("intent", {"Time / Priority": text})
    assert len(places_of("IDSE202", "intent", content)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "None.",
        "*None.*",
        "- one",
        "### Part one\n\nText.",
        "```\ncode\n```",
        "    indented code",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "> help\n\nAnswer",
        "Owner: ana",
        "<!-- note --> Answer",
    ],
)
def test_a_section_with_words_of_its_own_passes(text, document, hits_of):
    assert hits_of("intent", document("intent", {"Time / Priority": text})) == ()


def test_a_section_that_holds_a_marker_is_reported_once_by_the_marker_rule(document, hits_of):
    text = document("intent", {"Goal": f"{MARKER}\n\n> Help."})
    assert rules(hits_of("intent", text)) == ["IDSE301"]


# --- 3xx ---


@pytest.mark.parametrize(
    "text",
    [
        MARKER,
        r"\[REQUIRES INPUT\]",
        f"- **{MARKER}**",
        f"> {MARKER}",
        f"a line\n  and {MARKER} more",
        "[requires input]",
        "[REQUIRES INPUT: who decides?]",
        f"`code` {MARKER}",
        f"a ` lonely {MARKER}",
        f"| a | {MARKER} |",
        f'"the {MARKER} marker"',
        f"don't {MARKER}",
    ],
)
def test_an_open_marker_is_noticed(text, document, hits_of):
    assert "IDSE301" in rules(hits_of("plan", document("plan", {"Phases": text})))


@pytest.mark.parametrize(
    "text",
    [
        f"See `{MARKER}` there.",
        f"See `` `{MARKER}` `` there.",
        f"See `a\n{MARKER}\nb` there.",
        f"See\n\n```\n{MARKER}\n```\n",
        f"See\n\n~~~text\n{MARKER}\n~~~\n",
        f"See\n\n    {MARKER}\n",
        f"- item\n\n  ```\n  {MARKER}\n  ```\n",
        f'the marker "{MARKER}" must go',
        f"the marker “{MARKER}” must go",
        f"the marker '{MARKER}' must go",
        f"the marker «{MARKER}» must go",
        f"Text <!-- {MARKER} -->",
        "[REQUIRED INPUTS]",
    ],
)
def test_a_marker_that_is_only_spoken_of_passes(text, document, hits_of):
    assert hits_of("plan", document("plan", {"Phases": text})) == ()


def test_all_markers_of_a_document_make_one_hit_that_lists_their_lines(hits_of, document):
    text = document("context", {"Stack": f"a {MARKER}", "Constraints": MARKER})
    (hit,) = hits_of("context", text)
    lines = [str(n) for n, line in enumerate(text.split("\n"), 1) if MARKER in line]
    assert hit.params == {"count": "2", "marker": MARKER, "lines": f"lines {', '.join(lines)}"}
    assert (hit.line, hit.column) == (int(lines[0]), 3)


def test_a_marker_at_the_very_end_is_noticed(document, places_of):
    assert len(places_of("IDSE301", "plan", document("plan").rstrip() + f" {MARKER}")) == 1


@pytest.mark.parametrize(
    "text", ["{{ title }}", "by {{name}} x", "{% if a %}", "<name of the owner>", "- <what you built>"]
)
def test_a_placeholder_of_a_template_is_noticed(text, document, hits_of):
    assert rules(hits_of("plan", document("plan", {"Phases": f"Text\n\n{text}"}))) == ["IDSE302"]


@pytest.mark.parametrize(
    "text",
    [
        "`{{ title }}`",
        "<br>",
        "<https://a.example>",
        '<div class="a">',
        "a < b and c > d",
        "`<your name here>`",
    ],
)
def test_what_only_looks_like_a_placeholder_passes(text, document, hits_of):
    assert hits_of("plan", document("plan", {"Phases": f"Text\n\n{text}"})) == ()


# --- 5xx ---


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("No block.", "it has no fenced yaml block"),
        ("```\nid: a\n```", "it has no fenced yaml block: the block there does not say yaml"),
        ("```yaml\nid: a\nname: b\n```\n\n```yaml\nid: c\n```", "it has 2 yaml blocks, in lines "),
        ("```yaml\n- a\n```", "the block is not a mapping of keys to values"),
        ("```yaml\n```", "the block is empty"),
        ("```yaml\nid: 7\nname: b\n```", "id is a number: YAML takes 7 for one"),
        ("```yaml\nid: ''\nname: b\n```", "id is empty"),
        ("```yaml\nid: a\nid: b\n```", "key 'id' occurs twice"),
        ("```yaml\nid: a\n\tname: b\n```", "a tab indents this line, YAML wants spaces"),
        ("```yaml\nid: [a\n```", "did not find expected ',' or ']'"),
        ("```yaml\nid: a\nname:\n```", "name has no value, and every profile needs one"),
        (
            "```yaml\nid: !!python/object:os.system a\n```",
            "the tag !!python/object:os.system is not known",
        ),
    ],
)
def test_an_agent_profile_that_cannot_be_used_is_noticed(text, problem, document, hits_of):
    hits = hits_of("spec", document("spec", {"6. Agent Profile": text}))
    assert rules(hits) == ["IDSE501"]
    assert hits[0].params["problem"].startswith(problem)


@pytest.mark.parametrize(
    "text",
    ["```yaml\nid: a\nname: b\n```", "Words.\n\n```yml\nid: a\nname: b\ntools: [x]\n```\n\n```json\n{}\n```"],
)
def test_an_agent_profile_of_one_mapping_passes(text, document, hits_of):
    assert hits_of("spec", document("spec", {"Agent Profile": text})) == ()


def test_a_second_agent_profile_is_noticed(document, hits_of):
    block = "```yaml\nid: a\nname: b\n```"
    text = document("spec", {"Agent Profile": block, "8. Agent Profile": block})
    (hit,) = hits_of("spec", text)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line.endswith("Agent Profile")]
    assert hit.line == lines[1]
    assert hit.params["problem"] == (
        f'there are two sections "Agent Profile", in lines {lines[0]} and {lines[1]}'
    )


def test_an_agent_profile_without_what_every_one_needs_is_noticed_key_by_key(document, hits_of):
    text = document("spec", {"Agent Profile": "```yaml\ntools: [git]\n```"})
    hits = hits_of("spec", text)
    assert rules(hits) == ["IDSE504"]
    assert [hit.params["key"] for hit in hits] == ["id", "name"]
    assert {hit.line for hit in hits} == {text.split("\n").index("## Agent Profile") + 1}


def test_a_mention_of_an_agent_profile_is_none(document, hits_of):
    decoys = {
        "Item 7 Completion — Agent Profile Injection": "```yaml\n- not a profile\n```",
        "Notes": "The Agent Profile is below.\n\n### Agent Profile\n\n```yaml\n- no\n```",
    }
    assert hits_of("spec", document("spec", decoys)) == ()


def test_the_line_of_a_flaw_in_an_agent_profile_is_that_of_the_document(document, hits_of):
    text = document("spec", {"Agent Profile": "```yaml\nid: a\nname: [b\n```"})
    line = text.split("\n").index("name: [b") + 1
    (hit,) = hits_of("spec", text)
    assert line <= hit.line <= line + 1


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("It works well.", False),
        ("Given a user, then she is glad.", False),
        ("- it works", True),
        ("1. it works", True),
        ("| id | criterion |\n|---|---|\n| 1 | works |", True),
        ("Given a user\nWhen she logs in\nThen she is in", True),
    ],
)
def test_acceptance_criteria_can_be_checked_one_by_one(text, passes, document, hits_of):
    hits = hits_of("spec", document("spec", {"Acceptance Criteria": text}))
    assert rules(hits) == ([] if passes else ["IDSE502"])


@pytest.mark.parametrize(
    "text",
    [
        "- Who pays?",
        "- [ ] Who pays",
        "1. Who pays?",
        "Who pays?",
        "- Who pays? (owner: ana)",
        "- Who pays?\n  We must ask ana.",
        "- Who pays? Not yet resolved.",
        "- [ ] Who pays? Open: ask ana",
        "- Who pays? Notary, perhaps",
    ],
)
def test_an_open_question_is_noticed(text, document, places_of):
    assert len(places_of("IDSE503", "spec", document("spec", {"Open Questions": text}))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "None.",
        "There are none left.",
        "- [x] Who pays?",
        "- ~~Who pays?~~",
        "- Who pays? Answer: we do.",
        "- Who pays?\n  Answer: we do.",
        "- Who pays?\n  - Decision: we do.",
        "- Who pays? → we do",
        "- May they pay? Yes.",
        "- May they pay? No, never.",
        "- **Resolved**: who pays?",
        "> Is this help? Yes it is?\n\nNone.",
        "- Payment is settled.",
    ],
)
def test_a_settled_question_passes(text, document, hits_of):
    assert hits_of("spec", document("spec", {"Open Questions": text})) == ()


# --- 6xx ---


def tasks(document, *lines):
    return document("tasks", {"Phase 0 – Foundations": "\n".join(lines)})


@pytest.mark.parametrize(
    "line",
    [
        "- [x] Task 0.1 – text",
        "* [X] Task 0.1 - text",
        "+ [x] Task 0.1: text",
        "- [x] **Task 0.1** text",
        "- [x] **Task 0.1:** text [P]",
        "- [x] T001 [P] text (Deps: -)",
        "- [x] [P] Task 0.1 – text",
        "- [x] Task 0.1 – text (Owner: ana (lead)) (Acceptance: f(x) holds)",
        "- [x] Task 0.1 – text\n  - [ ] a step without id\n  more text",
        "- [x] Task 0.1 – text\n\nTask 7 was hard.\n\n- Tasks are good\n- Task force\n- [a link](b)",
        "```\n- [ ] anything\n```\n- [x] Task 0.1 – text",
    ],
)
def test_a_task_line_is_read(line, document, hits_of):
    more = {"Phase 1 – Core Behavior": "Later.", "Phase 2 – NFRs / Hardening": "Later."}
    text = document("tasks", {"Phase 0 – Foundations": line, **more})
    assert hits_of("tasks", text) == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("- [ ] write tests", '"write tests" has no id'),
        ("- [y] Task 0.9 – a", "the box is [y], where [ ] or [x] is meant"),
        ("- [] Task 0.9 – a", "the box is [], where [ ] or [x] is meant"),
        ("-[ ] Task 0.9 – a", "a space is missing beside the box"),
        ("- [ ]Task 0.9 – a", "a space is missing beside the box"),
        ("- Task 0.9 – a", '"Task 0.9 – a" has no box [ ] before it'),
        ("- [ ] Task 0.9 –", "task 0.9 has no text"),
        ("- [ ] Task 0.9 – (Owner: ana)", "task 0.9 has no text"),
        ("- [ ] Task 0.9 – a (Deps: 0.1", "a parenthesis is not closed"),
        ("- [ ]", "an empty box"),
    ],
)
def test_a_line_that_is_meant_as_a_task_says_what_is_wrong(line, problem, document, hits_of):
    hits = [
        hit for hit in hits_of("tasks", tasks(document, "- [x] Task 0.1 – a", line)) if hit.rule == "IDSE601"
    ]
    assert [hit.params["problem"] for hit in hits] == [problem]


def test_an_id_that_is_used_twice_is_noticed_at_the_second(document, hits_of):
    text = tasks(document, "- [x] Task 0.1 – a", "- [x] Task 0.1 – b")
    (hit,) = hits_of("tasks", text)
    first = text.split("\n").index("- [x] Task 0.1 – a") + 1
    assert (hit.rule, hit.line, hit.params) == ("IDSE602", first + 1, {"task": "0.1", "first": str(first)})


def test_a_dependency_on_no_task_is_noticed(document, hits_of):
    (hit,) = hits_of("tasks", tasks(document, "- [x] Task 0.1 – a (Deps: Task 9.9, none)"))
    assert (hit.rule, hit.params) == ("IDSE603", {"task": "0.1", "dependency": "9.9"})


def test_a_range_and_all_are_dependencies_that_are_there(document, hits_of):
    text = tasks(
        document,
        "- [x] Task 0.1 – one (Owner: a) (Deps: none) (Acceptance: x)",
        "- [x] Task 0.2 – two (Owner: a) (Deps: 0.1) (Acceptance: x)",
        "- [x] Task 0.3 – three (Owner: a) (Deps: 0.1-0.2) (Acceptance: x)",
        "- [x] Task 0.4 – four (Owner: a) (Deps: ALL) (Acceptance: x)",
    )
    assert hits_of("tasks", text) == ()


def test_an_end_of_a_range_that_is_no_task_is_noticed(document, hits_of):
    text = tasks(document, "- [x] Task 0.1 – a", "- [x] Task 0.2 – b (Deps: 0.1-0.1, 0.0-0.1)")
    (hit,) = hits_of("tasks", text)
    assert (hit.rule, hit.params) == ("IDSE603", {"task": "0.2", "dependency": "0.0"})


def test_a_doubt_is_noticed_where_it_stands(document, hits_of):
    text = tasks(document, "- [x] Task 0.1 – a", "- [x] Task 0.2 – b after task 0.1")
    (hit,) = hits_of("tasks", text)
    assert (hit.rule, hit.line) == (
        "IDSE608",
        text.split("\n").index("- [x] Task 0.2 – b after task 0.1") + 1,
    )
    assert hit.params == {"problem": 'task 0.2: "after task 0.1" in its text orders nothing'}


def test_parallel_tasks_that_a_range_or_all_puts_in_order_may_share_a_path(document, hits_of):
    one, other = "- [x] Task 0.1 [P] – a (Files: a)", "- [x] Task 0.2 [P] – b (Files: a)"
    for deps in ("0.1-0.1", "ALL"):
        assert hits_of("tasks", tasks(document, one, f"{other} (Deps: {deps})")) == ()
    assert [hit.rule for hit in hits_of("tasks", tasks(document, one, other))] == ["IDSE605"]


def test_a_cycle_is_named(document, hits_of):
    text = tasks(
        document,
        "- [x] Task 0.1 – a (Deps: 0.2)",
        "- [x] Task 0.2 – b (Deps: 0.3)",
        "- [x] Task 0.3 – c (Deps: 0.1)",
    )
    (hit,) = hits_of("tasks", text)
    assert (hit.rule, hit.params) == ("IDSE604", {"cycle": "0.1 → 0.2 → 0.3 → 0.1"})


def test_a_task_that_waits_for_itself_is_a_cycle(document, hits_of):
    (hit,) = hits_of("tasks", tasks(document, "- [x] Task 0.1 – a (Deps: 0.1)"))
    assert (hit.rule, hit.params) == ("IDSE604", {"cycle": "0.1 → 0.1"})


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("(Files: src/a.py, b)", "(Files: c, src/a.py)", "src/a.py"),
        ("(Path: `src/a.py`)", "(Paths: ./src/a.py)", "src/a.py"),
        ("(Files: src/)", "(Files: src/a.py)", "src/a.py"),
        ("(Files: src)", "(Files: src/a.py)", None),
        ("(Files: a)", "(Files: b)", None),
        ("(Files: a)", "", None),
        ("(Files: a)", "(Files: a) (Deps: 0.1)", None),
    ],
)
def test_parallel_tasks_of_a_phase_share_no_path(first, second, shared, document, hits_of):
    text = tasks(document, f"- [x] Task 0.1 [P] – a {first}", f"- [x] Task 0.2 [P] – b {second}")
    found = [hit.params["shared"] for hit in hits_of("tasks", text)]
    assert found == ([shared] if shared else [])


def test_parallel_tasks_of_different_phases_may_share_a_path(document, hits_of):
    assert hits_of("tasks", tasks(document, "- [x] Task 0.1 [P] – a (Files: src/log.py)")) == ()


def test_open_tasks_are_a_matter_of_the_implementation(document, hits_of):
    (hit,) = hits_of("tasks", tasks(document, "- [x] Task 0.1 – a", "- [ ] Task 0.2 – b"))
    assert (hit.rule, hit.stage) == ("IDSE606", "implementation")
    assert hit.params == {"count": "1", "total": "4", "first": "0.2"}


def test_a_list_without_tasks_is_noticed(document, hits_of):
    text = document(
        "tasks",
        dict.fromkeys(
            ("Phase 0 – Foundations", "Phase 1 – Core Behavior", "Phase 2 – NFRs / Hardening"), "Soon."
        ),
    )
    assert rules(hits_of("tasks", text)) == ["IDSE607"]


# --- 8xx ---

SECRETS = {
    "GitHub token": "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2,
    "GitLab token": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "AWS access key id": "AKIA" + "Q3Z7M2K9P4X8L1V6",
    "Slack token": "xoxb-" + "1234567890-abcdefghij",
    "Google API key": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "Stripe key": "sk_" + "live_a1B2c3D4e5F6g7H8",
    "Anthropic key": "sk-" + "ant-a1B2c3D4e5F6g7H8i9J0k1L2",
    "OpenAI key": "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
    "npm token": "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "PyPI token": "pypi-" + "a1B2c3D4e5" * 6,
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
@pytest.mark.parametrize("around", ["key: {}", "```\nexport A={}\n```", "`{}`", '"{}"'])
@pytest.mark.parametrize("path", ["context.md", "notes.txt"])
def test_a_secret_is_noticed_anywhere_and_never_repeated(kind, secret, around, path, hits_of):
    hits = [hit for hit in hits_of(path, around.format(secret)) if hit.rule == "IDSE801"]
    assert [hit.params["kind"] for hit in hits] == [kind]
    assert secret not in hits_to_json(hits)
    assert secret[8:] not in hits_to_json(hits)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "ghp_" + "your" * 10,
        "risk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
        "ghp_short",
        "sk-learn and task-list",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_plainly_no_secret_passes(text, places_of):
    assert places_of("IDSE801", "notes.md", text) == []


def test_a_secret_between_bytes_that_are_not_text_is_noticed(places_of):
    content = b"\xff\0" + SECRETS["npm token"].encode() + b"\0"
    assert len(places_of("IDSE801", "dump.bin", b" " + content)) == 1


# --- 9xx ---


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("spec.md gets a story", True),
        ("The Plan changes.", True),
        ("`implementation/README.md`", True),
        ("None, because all of it was praise.", True),
        ("No artifact changes: all of it was praise.", True),
        ("None.", False),
        ("Something must change.", False),
        ("respecting the planet", False),
    ],
)
def test_feedback_names_the_artifacts_it_changes(text, passes, document, hits_of):
    hits = hits_of("feedback", document("feedback", {"Impacted Artifacts": text}))
    assert rules(hits) == ([] if passes else ["IDSE901"])


# --- extra checks ---

EXTRA = b"""
rules:
  - id: ACME001
    name: ticket
    applies_to: [spec]
    check: acme_ticket
    with: {prefix: ABC-}
    message: "{what}"
    hint: h
"""


def acme_ticket(document, options):
    if options["prefix"] not in document.text:
        yield Notice(1, 1, {"what": "no ticket"})


def acme_broken(_document, _options):
    raise RuntimeError("a secret detail")
    yield


def test_an_installed_check_runs_like_a_built_in_one(document):
    checks = {"acme_ticket": acme_ticket}
    loaded = load_constitution(constitution_bytes(), [project_layer(EXTRA)], extra_checks=checks)
    data = document("spec").encode()
    (hit,) = examine("spec.md", FileEntry(REGULAR, "", len(data)), data, loaded, checks)
    assert (hit.rule, hit.params) == ("ACME001", {"what": "no ticket"})


@pytest.mark.parametrize(
    ("checks", "why"),
    [
        ({}, "its check is not installed here"),
        ({"acme_ticket": acme_broken}, "its check failed with RuntimeError"),
    ],
)
def test_a_check_that_cannot_run_is_a_hit_and_not_silence(checks, why, document):
    loaded = load_constitution(
        constitution_bytes(), [project_layer(EXTRA)], extra_checks={"acme_ticket": acme_ticket}
    )
    data = document("spec").encode()
    (hit,) = examine("spec.md", FileEntry(REGULAR, "", len(data)), data, loaded, checks)
    assert hit.rule == "IDSE108"
    assert hit.params == {
        "about": "ACME001",
        "verb": "acme_ticket",
        "why": why,
        "fix": "Install the package that brings the check `acme_ticket` and name it in the configuration,"
        " or mend it",
    }


def test_a_smaller_limit_of_the_project_keeps_no_core_rule_from_looking(document):
    rule = b"id: ACME001, name: short, applies_to: [spec], check: max_size, with: {bytes: 10}"
    project = b"rules: [{%s, message: m, hint: h}]" % rule
    loaded = load_constitution(constitution_bytes(), [project_layer(project)])
    data = document("spec", {"Overview": MARKER}).encode()
    hits = examine("spec.md", FileEntry(REGULAR, "", len(data)), data, loaded)
    assert rules(hits) == ["ACME001", "IDSE301"]


def test_words_that_a_project_forbids_or_asks_for_are_noticed(document):
    project = b"""
rules:
  - {id: ACME001, name: no-asap, check: no_text, with: {texts: [asap]}, message: "{text}", <<: &more}
  - {id: ACME002, name: ticket, check: has_text, with: {texts: [Ticket]}, message: "{texts}", <<: *more}
""".replace(b"&more", b"&more {applies_to: [spec], hint: h}")
    loaded = load_constitution(constitution_bytes(), [project_layer(project)])
    for overview, expected in [
        ("Do it ASAP", ["ACME001", "ACME002"]),
        ("See ticket 7", []),
        ("asaph", ["ACME002"]),
    ]:
        data = document("spec", {"Overview": overview}).encode()
        assert rules(examine("spec.md", FileEntry(REGULAR, "", len(data)), data, loaded)) == expected


def test_hits_survive_the_trip_through_json(document, hits_of):
    hits = hits_of("tasks", tasks(document, "- [ ] x", "- [ ] Task 1 – a (Deps: 1)"))
    assert len(hits) > 2
    assert hits_from_json(hits_to_json(hits)) == hits


@pytest.mark.parametrize("text", ["", "{}x", '[["a"', "[1]", '[["a",1,2,3,4,5,6]]'])
def test_a_damaged_list_of_hits_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        hits_from_json(text)


def test_the_number_of_hits_of_one_rule_is_bounded(constitution):
    data = b"{{ a }}\n" * 5000
    hits = examine(ARTIFACTS["plan"], FileEntry(REGULAR, "", len(data)), data, constitution)
    assert sum(hit.rule == "IDSE302" for hit in hits) == 100


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ("given a user\nwhen it logs in\nthen it is told", False),
        ("then it is told, when it logs in, given a user", True),
        ("given when given when", True),
        ("GIVEN x WHEN y THEN z", False),
        ("| a | b |", False),
        ("| - | : |", True),
        ("|aaaaaaaa", True),
        ("a | b |", True),
    ],
)
def test_criteria_are_told_by_words_in_their_order_or_by_a_row(text, noticed, document, hits_of):
    assert ("IDSE502" in rules(hits_of("spec", document("spec", {"Acceptance Criteria": text})))) == noticed


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("src/, b", "src/a.py, src/b.py", "src/a.py"),
        ("src/a/b/c.py", "docs/, src/", "src/a/b/c.py"),
        ("src/a/", "src/", "src/a/"),
        ("src/", "src/", "src/"),
        ("src", "src/a", None),
        ("a, b, c", "d, c", "c"),
    ],
)
def test_folders_over_paths_are_found_however_deep(one, other, shared, document, hits_of):
    lines = f"- [x] T1 [P] one (Files: {one})\n- [x] T2 [P] other (Files: {other})"
    found = [
        hit.params["shared"]
        for hit in hits_of("tasks", document("tasks", {"Setup": lines}))
        if hit.rule == "IDSE605"
    ]
    assert found == ([shared] if shared else [])


def test_parallel_tasks_beyond_counting_are_said_to_be_so(hits_of):
    phases = "".join(
        f"## Phase {phase}\n\n"
        + "".join(
            f"- [ ] T{phase * 300 + n} [P] a (Deps: T{phase * 300 + n - 1}) (Files: x)\n" for n in range(300)
        )
        for phase in range(60)
    )
    cut = [hit.params["about"] for hit in hits_of("tasks", phases) if hit.rule == "IDSE108"]
    assert cut == ["IDSE605"]


def test_what_a_message_shows_stays_short(hits_of):
    (hit,) = [
        hit for hit in hits_of("tasks", f"- [ ] T1 a (Deps: {'x' * 100_000})\n") if hit.rule == "IDSE603"
    ]
    assert len(hit.params["dependency"]) < 400


@pytest.mark.parametrize(
    ("text", "column", "points"),
    [
        ("admin\u202enimda", 6, "U+202E"),
        ("a \u2066\u202eb\u2069 c", 3, "U+2066 U+202E"),
        ("pass\u200bword", 5, "U+200B"),
        ("\u200c\u200d\u200c\u200d", 1, "U+200C U+200D U+200C U+200D"),
        ("a\ufeffb", 2, "U+FEFF"),
        ("a\u2063b", 2, "U+2063"),
        ("go" + "".join(chr(0xE0000 + ord(each)) for each in "obey me now"), 3, "U+E006F U+E0062"),
        ("\U0001f3f4" + "".join(chr(0xE0000 + ord(each)) for each in "do it"), 2, "U+E0064"),
        ("x\ufe0f\ufe01\ufe02", 3, "U+FE01 U+FE02"),
        ("\U0001f600" + "\U000e0101" * 3, 2, "U+E0101 U+E0101 U+E0101"),
        ("a\u3164b", 2, "U+3164"),
        ("a\u200eb", 2, "U+200E"),
        ("a\x1b[8mhidden\x1b[0m", 2, "U+001B"),
        ("a\x9b8mhidden", 2, "U+009B"),
        ("\xad\xad", 1, "U+00AD U+00AD"),
        ("a\U000e0001b", 2, "U+E0001"),
    ],
)
@pytest.mark.parametrize("path", ["spec", "notes.txt"])
def test_text_that_nobody_sees_is_named_by_place_and_code_points(
    text, column, points, path, document, hits_of
):
    before = document(path) if path == "spec" else "first\n"
    found = [hit for hit in hits_of(path, f"{before}{text}\n") if hit.rule == "IDSE802"]
    assert (found[0].line, found[0].column) == (before.count("\n") + 1, column)
    assert found[0].params["points"].startswith(points)
    assert all(hit.params["points"].isascii() for hit in found)


@pytest.mark.parametrize(
    "text",
    [
        "plain, caf\xe9, \u4e2d\u6587, \u00a0no-break, \u2009thin, \u2028line",
        "\u2764\ufe0f and \u2764\ufe0f\u200d\U0001f525 and 1\ufe0f\u20e3",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(each)) for each in "gbeng") + "\U000e007f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u05e9\u05dc\u05d5\u05dd (git)\u200f.",
        "Donau\xaddampf",
        "\u8fbb\U000e0100",
        "a\tb\x0c",
    ],
)
def test_what_scripts_and_pictures_need_is_no_hidden_text(text, hits_of):
    assert hits_of("notes.md", f"\ufeff{text}\n") == ()


def test_a_name_that_is_not_seen_is_told(hits_of):
    (hit,) = hits_of("no\u202etes.md", "text\n")
    assert (hit.rule, hit.line, hit.params) == (
        "IDSE802",
        0,
        {"where": "the name of the file", "points": "U+202E"},
    )


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        ("- [ ] T1 a (Files: x)\n- [ ] T2 b (Files: x)", []),
        ("- [ ] T1 a (Files: x)\n- [ ] T2 [P] b (Files: x)", [("T1", "T2")]),
        ("- [ ] T1 a\n- [ ] T2 b (Deps: T1) (Files: x)\n- [ ] T3 c (Deps: T1) (Files: x)", [("T2", "T3")]),
        ("- [ ] T1 a (Files: x)\n- [ ] T2 b (Deps: T1)\n- [ ] T3 c (Deps: T2) (Files: x)", []),
        ("- [ ] T1 [P] a (Files: x)\n\n## Next\n\n- [ ] T2 [P] b (Files: x)", []),
        ("- [ ] T1 a\n- [ ] T2 b (Files: x)\n\n## Next\n\n- [ ] T3 c (Deps: T1) (Files: x)", [("T2", "T3")]),
    ],
)
def test_tasks_that_may_be_worked_on_at_once_are_found_in_the_whole_list(lines, pairs, document, hits_of):
    found = [
        (hit.params["first"], hit.params["second"])
        for hit in hits_of("tasks", document("tasks", {"Setup": lines}))
        if hit.rule == "IDSE605"
    ]
    assert found == pairs
