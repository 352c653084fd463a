"""The files of each agent have the shape that its own documentation gives (read in November 2026).

- Agent Skills (agentskills.io/specification): a folder with ``SKILL.md``; ``name`` of 1 to 64 lower-case
  letters, digits and single hyphens, that of its folder; ``description`` of 1 to 1,024 characters.
- The folders in which they look for skills: Claude Code (code.claude.com/docs/en/skills), Codex
  (developers.openai.com/codex/skills), Cursor (cursor.com/docs/skills), Gemini CLI
  (geminicli.com/docs/cli/using-agent-skills), Copilot (docs.github.com and
  code.visualstudio.com/docs/agent-customization/agent-skills), opencode (opencode.ai/docs/skills), Windsurf
  (docs.devin.ai/desktop/cascade/skills).
- opencode commands (opencode.ai/docs/commands): ``.opencode/commands/NAME.md`` with ``description``; ``$1``,
  ``@path`` and a command behind ``!`` are replaced in the text.
- Windsurf workflows (docs.devin.ai/desktop/cascade/workflows): ``.windsurf/workflows/NAME.md`` with title,
  description and steps, of at most 12,000 characters.
- Gemini commands (geminicli.com/docs/cli/custom-commands): TOML with ``prompt`` and ``description``;
  ``{{args}}``, ``!{…}`` and ``@{…}`` are replaced in the prompt.
"""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.advice import problem_with

from idse_orchestrator.agents.agent_texts import FORMATS, commands_of
from idse_orchestrator.agents.install_files import agent_commands
from idse_orchestrator.agents.known_agents import (
    BLOCK,
    COMMAND,
    HOOKS,
    KNOWN_AGENTS,
    files_of,
    with_agents_of,
)
from idse_orchestrator.documents.marked_block import is_as_written
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES
from idse_orchestrator.errors import InvalidConfigurationError

NAMES = ["idse-next", *(f"idse-{stage}" for stage in STAGES), "idse-check"]
INSTRUCTIONS = {
    "claude": "CLAUDE.md",
    "codex": "AGENTS.md",
    "cursor": ".cursor/rules/idse.mdc",
    "gemini": "GEMINI.md",
    "copilot": "AGENTS.md",
    "opencode": "AGENTS.md",
    "windsurf": "AGENTS.md",
}
SKILLS = {
    "claude": (".claude/skills",),
    "codex": (".agents/skills",),
    "cursor": (".agents/skills", ".cursor/skills"),
    "gemini": (".agents/skills", ".gemini/skills"),
    "copilot": (".agents/skills", ".github/skills"),
    "opencode": (".agents/skills", ".opencode/skills"),
    "windsurf": (".agents/skills", ".windsurf/skills"),
}
"""Where each looks for skills of a repository, the shared folder first."""
COMMANDS = {"opencode": ".opencode/commands", "windsurf": ".windsurf/workflows"}
"""Where those look for what is typed as /NAME, which do not offer skills so."""
MOST = {"opencode": 100_000, "windsurf": 12_000}
COMMAND_FILES = [file for file in files_of(KNOWN_AGENTS, agent_commands()) if file.kind == COMMAND]


def files(agent, kind):
    (row,) = [row for row in KNOWN_AGENTS if row.name == agent]
    return [file for file in files_of([row], agent_commands()) if file.kind == kind]


def parted(content):
    """The front matter of a file, and the text after it."""
    text = content.decode("ascii")
    found = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    return yaml.safe_load(found[1]), found[2]


def test_the_seven_are_in_the_table_once():
    assert sorted(row.name for row in KNOWN_AGENTS) == sorted(INSTRUCTIONS)


@pytest.mark.parametrize("agent", INSTRUCTIONS)
def test_every_agent_is_told_in_the_file_that_it_reads(agent):
    (file,) = files(agent, BLOCK)
    assert file.path == INSTRUCTIONS[agent]
    if agent == "cursor":
        assert yaml.safe_load(file.front.decode().strip("-\n"))["alwaysApply"] is True
    else:
        assert file.front == b""


@pytest.mark.parametrize("agent", INSTRUCTIONS)
def test_every_agent_has_each_skill_once_where_it_looks_for_them(agent):
    skills = [file for file in files(agent, COMMAND) if file.path.endswith("/SKILL.md")]
    assert [file.path for file in skills] == [f"{SKILLS[agent][0]}/{name}/SKILL.md" for name in NAMES]
    for file in skills:
        front, body = parted(file.content)
        assert front.keys() == {"name", "description"}
        assert front["name"] == file.path.split("/")[-2]
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", front["name"])
        assert len(front["name"]) <= 64
        assert 1 <= len(front["description"]) <= 1024
        assert "Use it " in front["description"]  # what it is for, and when
        assert 0 < len(body.splitlines()) < 100


@pytest.mark.parametrize("agent", INSTRUCTIONS)
def test_an_agent_has_slash_commands_of_its_own_only_where_its_skills_are_none(agent):
    others = [file for file in files(agent, COMMAND) if not file.path.endswith("/SKILL.md")]
    folder = COMMANDS.get(agent)
    assert [file.path for file in others] == ([f"{folder}/{name}.md" for name in NAMES] if folder else [])
    for file in others:
        front, body = parted(file.content)
        assert front.keys() == {"description"}
        assert 1 <= len(front["description"]) <= 1024
        assert re.search(r"^# \S.*\n\n1\. ", body, re.MULTILINE)
        assert len(file.content) <= MOST[agent]


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_who_has_hooks_has_them_in_a_json_file_of_its_own(agent):
    (file,) = files(agent, HOOKS)
    assert file.path == {"claude": ".claude/settings.json", "codex": ".codex/hooks.json"}[agent]
    assert all(not files(other, HOOKS) for other in INSTRUCTIONS if other not in ("claude", "codex"))


def test_toml_has_prompt_and_description_and_no_other_key():
    for command in agent_commands():
        data = tomllib.loads(FORMATS["toml"].write(command).decode())
        assert data == {"description": command.description, "prompt": command.text}


@pytest.mark.parametrize("file", COMMAND_FILES, ids=lambda file: file.path)
def test_nothing_in_a_command_is_replaced_or_run_when_it_is_read(file):
    text = file.content.decode()
    assert not re.search(r"\$|!`|!\{|\{\{|@", text)
    assert "'''" not in text


@pytest.mark.parametrize("command", agent_commands(), ids=lambda command: command.name)
def test_what_a_command_tells_to_type_is_a_command_of_idse(command):
    typed = re.findall(r"`(idse[^`]*)`", command.text)
    assert len(typed) >= 2
    assert [(line, problem_with(line)) for line in typed if problem_with(line)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_a_command_that_asks_idse_what_to_write(stage):
    (command,) = [each for each in agent_commands() if each.name == f"idse-{stage}"]
    order = [
        f"`idse instructions {stage}`",
        f"`{ARTIFACTS[stage]}`",
        "`idse validate`",
        f"`idse stage complete {stage}`",
    ]
    places = [command.text.index(words) for words in order]
    assert places == sorted(places)
    assert ARTIFACTS[stage] in command.description


def test_sections_come_from_the_constitution():
    commands = commands_of({stage: ("One", f"Two of {stage}") for stage in STAGES})
    assert all("It holds: One, Two of " in command.description for command in commands[1:-1])


@pytest.mark.parametrize("file", COMMAND_FILES, ids=lambda file: file.path)
def test_a_command_is_known_by_its_mark_and_any_change_shows(file):
    assert is_as_written(file.content) is True
    assert is_as_written(file.content.replace(b"\n", b"\r\n")) is True
    assert is_as_written(file.content[:-20]) is False
    assert is_as_written(file.content.replace(b"description: ", b"description:  ")) is False
    assert is_as_written(file.content + file.content) is False
    assert is_as_written(re.sub(rb"\n.*idse:file.*\n", b"\n", file.content)) is None


@given(st.binary(max_size=200))
def test_no_file_is_too_odd_to_be_looked_at(content):
    assert is_as_written(content) in (None, False, True)
    assert is_as_written(content + b"\n# idse:file 1 0123456789ab\n") in (False, True)


# --- a table of one's own ---

QWEN = b"""\
agents:
  - name: qwen
    instructions: QWEN.md
    commands:
      - {folder: .qwen/commands, format: markdown}
      - {folder: .agents/skills, format: skill}
    hooks: {file: .qwen/settings.json, tools: "Edit|Write"}
"""


def test_a_row_of_the_project_stands_beside_the_others():
    table = with_agents_of(QWEN)
    assert table[:-1] == KNOWN_AGENTS
    paths = {file.path: file for file in files_of(table, agent_commands()) if "qwen" in file.agents}
    assert {"QWEN.md", ".qwen/settings.json", ".qwen/commands/idse-next.md"} < paths.keys()
    assert paths[".agents/skills/idse-next/SKILL.md"].agents[-1] == "qwen"
    assert paths[".qwen/settings.json"].tools == "Edit|Write"


def test_a_row_of_the_project_may_say_it_otherwise_for_an_agent_of_the_table():
    data = b"agents: [{name: gemini, commands: [{folder: .gemini/commands, format: toml}]}]\n"
    table = with_agents_of(data)
    assert [row.name for row in table] == [row.name for row in KNOWN_AGENTS]
    found = [file for file in files_of(table, agent_commands()) if "gemini" in file.agents]
    assert [file.path for file in found] == [f".gemini/commands/{name}.toml" for name in NAMES]


@pytest.mark.parametrize("data", [None, b"", b"# nothing yet\n"])
def test_no_table_of_the_project_is_no_trouble(data):
    assert with_agents_of(data) == KNOWN_AGENTS


@pytest.mark.parametrize(
    ("data", "where", "message", "fix"),
    [
        (b"agents: [\n", ":2", "not readable YAML", "mend that line"),
        (b"- a\n", ":1", "no table of keys", "key: value"),
        (b"agent: []\n", ":1 → agent", "no key 'agent'", "did you mean agents?"),
        (b"agents: x\n", ":1 → agents", "no list", "- key: value"),
        (b"agents:\n- x\n", ":2 → agents → 1", "no table of keys", "key: value"),
        (b"agents:\n- {instructions: A.md}\n", ":2 → agents → 1", "'name' is missing", "name: value"),
        (b"agents:\n- {name: A B, instructions: A.md}\n", ":2 → agents → 1 → name", "'A B'", "name: example"),
        (b"agents:\n- {name: 7, instructions: A.md}\n", ":2 → agents → 1 → name", "no text", "name: example"),
        (b"agents:\n- name: a\n", ":2 → agents → 1", "reads no file", "instructions: AGENTS.md"),
        (
            b"agents:\n- {name: a, hook: x}\n",
            ":2 → agents → 1 → hook",
            "no key 'hook'",
            "did you mean hooks?",
        ),
        (
            b"agents:\n- {name: a, instructions: A.md}\n- {name: a, instructions: B.md}\n",
            ":1 → agents",
            "'a' is there twice",
            "take one of them out",
        ),
        (
            b"agents:\n- name: a\n  commands:\n  - {folder: .a}\n",
            ":4 → agents → 1 → commands → 1",
            "'format' is missing",
            "format: value",
        ),
        (
            b"agents:\n- name: a\n  commands:\n  - {folder: .a, format: yaml}\n",
            ":4 → agents → 1 → commands → 1 → format",
            "'yaml' cannot stand here",
            "format: skill",
        ),
        (
            b"agents:\n- name: a\n  hooks: {file: .a/settings.toml, tools: x}\n",
            ":3 → agents → 1 → hooks → file",
            "'.a/settings.toml' cannot stand here",
            "file: .example/settings.json",
        ),
    ],
)
def test_a_row_that_cannot_be_used_says_where_why_and_what_to_write(data, where, message, fix):
    with pytest.raises(InvalidConfigurationError) as caught:
        with_agents_of(data)
    error = caught.value
    assert error.where == f".idse/agents.yaml{where}"
    assert message in error.message
    assert error.cause
    assert any(fix in words for words in error.words)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/A.md",
        "../A.md",
        "a/../../A.md",
        ".git/A.md",
        ".GIT/A.md",
        ".idse/A.md",
        "A.txt",
        "src/a.py",
        "",
        "a//A.md",
    ],
)
def test_a_row_leads_to_no_place_that_is_not_an_agents(path):
    with pytest.raises(InvalidConfigurationError, match="cannot stand here"):
        with_agents_of(f"agents:\n- {{name: a, instructions: '{path}'}}\n".encode())


@given(st.binary(max_size=120) | st.text(alphabet="agents:[]{}- \nnamefolder.", max_size=120).map(str.encode))
def test_any_bytes_are_a_table_or_refused(data):
    try:
        table = with_agents_of(data)
    except InvalidConfigurationError:
        return
    assert set(KNOWN_AGENTS) & set(table)
