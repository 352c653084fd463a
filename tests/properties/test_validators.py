"""The engine survives any bytes, and always says the same of the same."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.file import load_constitution, project_layer
from idse_orchestrator.constitution.hits import hits_from_json, hits_to_json
from idse_orchestrator.constitution.placement_judgement import judge_placement
from idse_orchestrator.constitution.rules import STRICTNESS
from idse_orchestrator.constitution.session_judgement import Subject, judge_gate, judge_session
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.markdown_parser import parsed_blocks
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    EXECUTABLE,
    GITLINK,
    REGULAR,
    STAGES,
    SYMLINK,
    FileEntry,
)
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.pipeline.stage_state_model import STAGE_STATUSES, SessionState, StageRecord, Waiver

if TYPE_CHECKING:
    import pathlib

CORE = constitution_bytes()
CONSTITUTION = load_constitution(CORE)
PATHS = [*ARTIFACTS.values(), "notes.md", "picture.png"]
MODES = [REGULAR, EXECUTABLE, SYMLINK, GITLINK]
PIECES = [
    "# ", "## Goal", "## Open Questions", "## Acceptance Criteria", "## Agent Profile",
    "## Impacted Artifacts", "[REQUIRES INPUT]", "\\[REQUIRES INPUT\\]", "`", "```", "```yaml\n",
    "~~~", "<!--", "-->", "> ", "- ", "* ", "1. ", "- [ ] Task 0.1 – a", "- [x] T001 [P] b",
    "(Deps: 0.1", "(Files: a/)", ")", "\n", "\n\n", "    ", "\t", "\r\n", "\r", "<<<<<<< a\n",
    "=======\n", ">>>>>>> b\n", "---", "===", "***", "{{ a }}", "<what you say>", "id: a\n", "? ",
    "Yes", "ghp_", "-----BEGIN PRIVATE KEY-----", "\x00", "\ufeff", "\u2028", "\x85", "é",
    "|a|b|\n|-|-|\n", "[a]: b\n", "\\",
    "\u202e", "\u200b", "\U000e0041", "\ufe0f", "\u200d", "\u200e", "\u05d0",
]  # fmt: skip
DOCUMENTS = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(PIECES), max_size=60).map(lambda pieces: "".join(pieces).encode()),
)


@settings(max_examples=400)
@given(st.sampled_from(PATHS), st.sampled_from(MODES), DOCUMENTS)
def test_examining_survives_any_bytes_and_every_check_runs(path, mode, data):
    hits = examine(path, FileEntry(mode, "", len(data)), data, CONSTITUTION)
    assert not [hit for hit in hits if hit.rule == "IDSE108"]
    assert hits_from_json(hits_to_json(hits)) == hits
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert all(0 <= hit.line <= lines and hit.column >= 0 for hit in hits)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_the_fast_parser_sees_what_the_stock_parser_sees(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    stock = MarkdownIt("commonmark").disable(["inline", "text_join"]).parse(text)
    fast = parsed_blocks(text)
    assert [(t.type, t.tag, t.map, t.level, t.content) for t in fast] == [
        (t.type, t.tag, t.map, t.level, t.content) for t in stock
    ]


RECORDS = st.builds(
    StageRecord,
    status=st.sampled_from(STAGE_STATUSES),
    artifact=st.sampled_from(["", "x", "y"]),
    upstream=st.dictionaries(st.sampled_from(STAGES), st.sampled_from(["x", "y"])),
)
STATES = st.none() | st.builds(
    SessionState,
    parts=st.just({}),
    project=st.just("p"),
    session=st.just("s"),
    stages=st.fixed_dictionaries(dict.fromkeys(STAGES, RECORDS)),
    waivers=st.lists(
        st.builds(
            Waiver,
            rule=st.sampled_from(["IDSE301", "IDSE402"]),
            session=st.sampled_from(["s", "t"]),
            reason=st.just("r"),
            expires=st.none() | st.just("2024-01-01"),
            by=st.just("a"),
            event=st.just("e"),
        ),
        max_size=3,
    ).map(tuple),
)
FILES = st.dictionaries(st.sampled_from(PATHS), DOCUMENTS, max_size=5)


def seen(files, state):
    entries = {path: FileEntry(REGULAR, "x", len(data)) for path, data in files.items()}
    hits = {path: examine(path, entries[path], data, CONSTITUTION) for path, data in files.items()}
    return Subject("p", "s", entries, state), hits


@given(FILES, STATES, st.sampled_from(STAGES))
def test_judging_is_ordered_and_does_not_depend_on_the_order_of_files(files, state, stage):
    subject, hits = seen(files, state)
    backwards, hits_backwards = seen(dict(reversed(files.items())), state)
    for judge in (judge_session, lambda *args: judge_gate(*args[:-1], stage, args[-1])):
        found = judge(CONSTITUTION, subject, hits, "2024-06-15")
        assert found == judge(CONSTITUTION, backwards, hits_backwards, "2024-06-15")
        assert list(found) == sorted(found, key=lambda finding: finding.sort_key())


@given(FILES, STATES, st.sampled_from(STAGES))
def test_a_stage_whose_gate_holds_has_no_error_once_it_is_complete(files, state, stage):
    subject, hits = seen(files, state or SessionState("p", "s"))
    if any(
        finding.severity == "error"
        for finding in judge_gate(CONSTITUTION, subject, hits, stage, "2024-06-15")
    ):
        return
    blobs = subject.blobs
    record = StageRecord("complete", artifact=blobs.get(stage, ""), upstream=blobs)
    after = Subject("p", "s", subject.files, subject.state.with_stage(stage, record))
    found = judge_session(CONSTITUTION, after, hits, "2024-06-15")
    assert not [finding for finding in found if finding.severity == "error" and finding.stage == stage]


SEGMENTS = st.sampled_from(
    [".idse", "projects", "p", "sessions", "s", "current", "specs", "intent.md", "CURRENT_SESSION", "é"]
)


@given(
    st.lists(st.lists(SEGMENTS, min_size=1, max_size=7).map("/".join), max_size=8),
    st.none() | st.just(frozenset({("p", "s")})),
    st.none() | st.just({".idse/projects/p/CURRENT_SESSION": b"s"}),
)
def test_placement_is_ordered_and_does_not_depend_on_the_order_of_paths(paths, known, views):
    contents = {".idse/projects/p/CURRENT_SESSION": b"t"}

    def judge(some):
        legacy = [path for path in some if not path.startswith(".idse/")]
        return judge_placement(
            CONSTITUTION, dict.fromkeys(some, FileEntry(REGULAR, "", 0)), legacy, known, views, contents
        )

    assert judge(paths) == judge(paths[::-1])
    assert list(judge(paths)) == sorted(judge(paths), key=lambda finding: finding.sort_key())


SEVERITIES = st.sampled_from(["off", "warning", "error"])
RAISES = st.dictionaries(
    st.sampled_from([rule.id for rule in CONSTITUTION.rules]),
    st.dictionaries(st.sampled_from(["pending", "in_progress", "complete", "gate"]), SEVERITIES),
    max_size=4,
)
PROJECTS = st.one_of(
    RAISES.map(lambda raises: f"raise: {raises}".encode()),
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                "rules:",
                "raise:",
                "\n",
                "  ",
                "- ",
                "id: IDSE301",
                "IDSE801: ",
                "{",
                "}",
                "[",
                "]",
                "off",
                "&a",
                "*a",
            ]
        )
    ).map(lambda pieces: "".join(pieces).encode()),
)


@settings(max_examples=300)
@given(PROJECTS)
def test_whatever_a_project_says_no_core_rule_grows_milder_or_disappears(project):
    try:
        loaded = load_constitution(CORE, [project_layer(project)])
    except InvalidConfigurationError:
        return
    for before, after in zip(CONSTITUTION.rules, loaded.rules, strict=False):
        assert (before.id, before.check, before.options, before.applies_to) == (
            after.id,
            after.check,
            after.options,
            after.applies_to,
        )
        assert STRICTNESS[after.gate] >= STRICTNESS[before.gate]
        for status in STAGE_STATUSES:
            assert STRICTNESS[after.severity_at(status)] >= STRICTNESS[before.severity_at(status)]
    assert len(loaded.rules) >= len(CONSTITUTION.rules)


def test_examining_needs_neither_yaml_nor_pydantic_nor_rich(tmp_path: pathlib.Path):
    import subprocess

    compiled = tmp_path / "constitution.json"
    compiled.write_text(CONSTITUTION.to_json(), encoding="utf-8")
    script = (
        "import sys; from idse_orchestrator.constitution.validation_engine import *\n"
        "from idse_orchestrator.constitution.rules import Constitution\n"
        "from idse_orchestrator.documents.project_workspace import FileEntry\n"
        f"c = Constitution.from_json(open({str(compiled)!r}, encoding='utf-8').read())\n"
        "before = 'markdown_it' in sys.modules\n"
        "examine('spec.md', FileEntry(0o100644, '', 9), b'# Spec\\n\\nx', c)\n"
        "print(before, *sorted({'yaml', 'pydantic', 'rich', 'hashlib', 'pathlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:1] == ["False"]
    assert not {"yaml", "pydantic", "rich"} & set(done.stdout.split())


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_file_is_survived(path):
    examine(path, FileEntry(REGULAR, "", 0), b"", CONSTITUTION)


@pytest.mark.parametrize("start", ["> ", "- ", "1. ", ">"])
def test_the_fast_parser_gives_up_on_depth_where_the_stock_parser_does(start):
    text = f"{start * 60}[REQUIRES INPUT]\n"
    stock = MarkdownIt("commonmark").disable(["inline", "text_join"]).parse(text)
    assert [(t.type, t.map) for t in parsed_blocks(text)] == [(t.type, t.map) for t in stock]
    data = text.encode()
    hits = examine("plan.md", FileEntry(REGULAR, "", len(data)), data, CONSTITUTION)
    assert "IDSE301" in {hit.rule for hit in hits}
