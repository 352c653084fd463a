"""Skills and commands of agents: in, up to date, and out again to the byte beside files of the user's own."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
from tests.cli.test_agent_files import conditions, files_of_tree, install, uninstall

from idse_orchestrator.agents.install_files import agent_commands
from idse_orchestrator.agents.known_agents import COMMAND, KNOWN_AGENTS, files_of
from idse_orchestrator.documents.marked_block import marked_file

AGENTS = [row.name for row in KNOWN_AGENTS]
EVERY = files_of(KNOWN_AGENTS, agent_commands())
SKILL = ".agents/skills/idse-next/SKILL.md"
OTHER = ".agents/skills/idse-spec/SKILL.md"
OURS = {file.path: file.content for file in EVERY if file.kind == COMMAND}
OLD = marked_file(
    b"---\nname: idse-next\ndescription: What it was.\n---\n\n", b"\nSay what we said last year.\n"
)


def of(agent):
    return [file for file in EVERY if agent in file.agents]


def beside(repo, agent):
    """Files of the user's own wherever those of `agent` go; one has a name like ours."""
    for file in of(agent):
        folder = file.path.rpartition("/")[0]
        repo.write(f"{folder}/mine.md" if folder else "mine.md", b"Mine.\r\n")
        if file.group.endswith("/SKILL.md"):
            repo.write(
                f"{folder.rpartition('/')[0]}/mine/SKILL.md", b"---\nname: mine\n---\nMine, no line break"
            )
        elif file.kind == COMMAND:
            repo.write(f"{folder}/idse-mine.md", b"Mine, too.\n")
        if file.kind == "block":
            repo.write(file.path, b"# Mine\n\nNo line break")


@pytest.mark.parametrize("agent", AGENTS)
def test_files_of_an_agent_come_and_go_beside_the_users_own_to_the_byte(repo, agent):
    beside(repo, agent)
    before = files_of_tree(repo.path)
    assert install(repo, agent).returncode == 0
    after = files_of_tree(repo.path)
    commands = {file.path for file in of(agent) if file.kind == COMMAND}
    assert {path: after[path][1] for path in commands} == {path: OURS[path] for path in commands}
    changed = {path for path in after if path not in before or after[path] != before[path]}
    assert {path for path in changed if after[path][1]} == {file.path for file in of(agent)}
    assert uninstall(repo, agent).returncode == 0
    assert files_of_tree(repo.path) == before
    assert not (repo.path / ".git/idse").exists()


@pytest.mark.parametrize("agent", AGENTS)
def test_commands_of_an_older_idse_are_renewed_and_those_of_the_user_stay(repo, agent):
    beside(repo, agent)
    before = files_of_tree(repo.path)
    install(repo, agent)
    told = files_of_tree(repo.path)
    for file in of(agent):
        if file.kind == COMMAND:
            repo.write(file.path, OLD)
    status = repo.idse("agent-files", "status")
    assert status.returncode == 1
    assert status.stdout.count("outdated  9 commands") == len({file.group for file in of(agent)} - {""})
    assert "renewed" in install(repo, agent).stderr
    assert files_of_tree(repo.path) == told
    assert uninstall(repo, agent).returncode == 0
    assert files_of_tree(repo.path) == before


@pytest.mark.parametrize("agent", AGENTS)
def test_a_clone_that_does_not_remember_takes_exactly_the_commands_out(repo, agent):
    beside(repo, agent)
    repo.commit("mine")
    before = files_of_tree(repo.path)
    install(repo, agent)
    repo.commit("told")
    clone = repo.clone("clone")
    assert uninstall(clone, agent).returncode == 0
    left = {path: data for path, (_, data) in files_of_tree(clone.path).items() if data}
    assert left == {path: data for path, (_, data) in before.items() if data}


def test_without_names_those_are_told_that_are_used_here(repo):
    for sign in (".windsurf/rules/mine.md", "opencode.json", ".gemini/settings.json"):
        repo.write(sign, "{}\n")
    told = install(repo).stderr
    for label in ("GEMINI.md", ".opencode/commands/idse-*.md", ".windsurf/workflows/idse-*.md"):
        assert re.search(rf"^{re.escape(label)} +created", told, re.MULTILINE)
    assert uninstall(repo).returncode == 0
    assert {path for path, (_, data) in files_of_tree(repo.path).items() if data} == {
        ".windsurf/rules/mine.md",
        "opencode.json",
        ".gemini/settings.json",
    }


def test_a_folder_of_skills_that_leads_to_the_shared_one_is_served_once(repo):
    (repo.path / ".claude").mkdir()
    (repo.path / ".claude/skills").symlink_to("../.agents/skills")
    before = files_of_tree(repo.path)
    assert install(repo).returncode == 0
    assert install(repo).returncode == 0
    assert uninstall(repo, "claude").returncode == 0
    assert len(list((repo.path / ".claude/skills").iterdir())) == 9
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == before


def test_agents_that_read_the_same_files_get_them_once(repo):
    install(repo, "codex", "copilot", "cursor", "opencode", "windsurf")
    assert len(list((repo.path / ".agents/skills").iterdir())) == 9
    assert repo.read("AGENTS.md").count(b"idse:begin") == 1


# --- what is not ours is left ---


@pytest.mark.parametrize("mine", [b"---\nname: idse-next\ndescription: mine\n---\nMine.\n", b"", b"\xff\xfe"])
def test_a_file_of_the_user_with_the_name_of_ours_is_left_unless_force(repo, mine):
    repo.write(SKILL, mine)
    done = install(repo)
    assert done.returncode == 3
    assert f"--> {SKILL}" in done.stderr
    assert "it is not of idse" in done.stderr
    assert "idse agent-files install codex --force" in done.stderr
    assert repo.read(SKILL) == mine
    assert conditions(repo)[SKILL] == "foreign"
    assert conditions(repo)[OTHER] == "current"
    assert install(repo, "--force").returncode == 0
    assert repo.read(SKILL) == OURS[SKILL]
    assert uninstall(repo).returncode == 0
    assert {path: data for path, (_, data) in files_of_tree(repo.path).items() if data or path == SKILL} == {
        SKILL: mine
    }


def test_uninstalling_leaves_a_file_of_the_user_with_the_name_of_ours(repo):
    repo.write(SKILL, b"Mine.\n")
    install(repo)
    assert uninstall(repo).returncode == 0
    assert {path for path, (_, data) in files_of_tree(repo.path).items() if data} == {SKILL}
    assert "nothing of idse" in uninstall(repo, "--force").stderr
    assert repo.read(SKILL) == b"Mine.\n"


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"mend it", b"delete it"),
        lambda text: text.replace(b"description: ", b"disable-model-invocation: true\ndescription: "),
        lambda text: text[: len(text) // 2],
        lambda text: text + b"\nMine.\n",
    ],
    ids=["the text", "the front matter", "cut off", "added to"],
)
def test_a_command_changed_by_hand_is_neither_renewed_nor_removed_unless_force(repo, edit):
    repo.idse("init", "demo", "--agent-files")
    edited = edit(repo.read(SKILL))
    repo.write(SKILL, edited)
    for done in (
        install(repo),
        uninstall(repo, "--dry-run"),
        uninstall(repo, "codex", "cursor", "--dry-run"),
    ):
        assert done.returncode == 3
        assert f"--> {SKILL}" in done.stderr
        assert "changed by hand" in done.stderr
        assert repo.read(SKILL) == edited
    assert re.search(
        rf"note +agent files +changed by hand: {re.escape(SKILL)}", repo.idse("doctor", "--fix").stdout
    )
    assert repo.idse("uninstall").returncode == 3
    assert repo.read(SKILL) == edited
    assert uninstall(repo, "--force").returncode == 0
    assert not (repo.path / ".agents").exists()


# --- old and half removed ---


def test_doctor_sees_a_command_of_an_older_idse_and_renews_it(repo):
    repo.idse("init", "demo", "--agent-files")
    repo.write(SKILL, OLD)
    looked = repo.idse("doctor").stdout
    assert re.search(
        r"warning +agent files +written by an older idse: \.agents/skills/idse-\*/SKILL\.md", looked
    )
    assert "renewed .agents/skills/idse-*/SKILL.md" in repo.idse("doctor", "--fix").stdout
    assert repo.read(SKILL) == OURS[SKILL]


def test_doctor_sees_that_some_commands_are_gone_and_brings_them_back(repo):
    repo.idse("init", "demo", "--agent-files")
    (repo.path / SKILL).unlink()
    assert re.search(
        rf"warning +agent files +missing beside the others: {re.escape(SKILL)}", repo.idse("doctor").stdout
    )
    status = repo.idse("agent-files", "status")
    assert status.returncode == 1
    assert re.search(rf"{re.escape(SKILL)} +missing", status.stdout)
    assert "renewed" in repo.idse("doctor", "--fix").stdout
    assert repo.read(SKILL) == OURS[SKILL]


def test_doctor_brings_no_commands_where_none_are(repo):
    repo.idse("init", "demo", "--agent-files")
    for path in OURS:
        if path.startswith(".agents/") and (repo.path / path).exists():
            (repo.path / path).unlink()
    assert re.search(r"ok +agent files", repo.idse("doctor", "--fix", "-v").stdout)
    assert not (repo.path / SKILL).exists()


def test_doctor_notes_a_file_of_somebody_else_among_ours(repo):
    repo.idse("init", "demo", "--agent-files")
    repo.write(SKILL, b"Mine.\n")
    assert re.search(rf"note +agent files +changed by hand: {re.escape(SKILL)}", repo.idse("doctor").stdout)


# --- a table of one's own ---

QWEN = b"""\
agents:
  - name: qwen
    instructions: QWEN.md
    commands:
      - {folder: .qwen/commands, format: toml}
    hooks: {file: .qwen/settings.json, tools: "Edit|Write"}
"""


def test_an_agent_of_the_project_is_told_like_the_others(repo):
    repo.write(".idse/agents.yaml", QWEN)
    repo.write(".qwen/settings.json", b'{"theme": "dark"}\n')
    before = files_of_tree(repo.path)
    assert install(repo).returncode == 0
    assert b"idse:begin" in repo.read("QWEN.md")
    settings = json.loads(repo.read(".qwen/settings.json"))
    (group,) = settings["hooks"]["PreToolUse"]
    assert group["matcher"] == "Edit|Write"
    assert group["hooks"][0]["command"] == "idse hook agent-before-edit qwen || echo '{}'"
    assert sorted(path.name for path in (repo.path / ".qwen/commands").iterdir()) == sorted(
        f"{command.name}.toml" for command in agent_commands()
    )
    assert {
        conditions(repo)[path] for path in ("QWEN.md", ".qwen/settings.json", ".qwen/commands/idse-next.toml")
    } == {"current"}
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == before


@pytest.mark.parametrize("table", [None, b"agents: []\n"])
def test_files_of_an_agent_that_left_the_table_go_with_all_others(repo, table):
    repo.write(".idse/agents.yaml", QWEN)
    repo.write(".qwen/settings.json", b'{"theme": "dark"}\n')
    repo.write("QWEN.md", b"Mine.\n")
    install(repo)
    repo.write("QWEN.md", repo.read("QWEN.md") + b"More.\n")
    (repo.path / ".idse/agents.yaml").unlink()
    if table:
        repo.write(".idse/agents.yaml", table)
    assert install(repo).returncode == 0
    assert uninstall(repo, "claude", "codex", "cursor").returncode == 0
    assert (repo.path / ".qwen/commands/idse-next.toml").exists()
    assert "QWEN.md" in repo.idse("uninstall", "--dry-run").stdout
    assert uninstall(repo).returncode == 0
    left = {
        path: data for path, (_, data) in files_of_tree(repo.path).items() if data and path[:5] != ".idse"
    }
    assert left == {".qwen/settings.json": b'{"theme": "dark"}\n', "QWEN.md": b"Mine.\nMore.\n"}
    assert not (repo.path / ".qwen/commands").exists()


def test_a_changed_file_of_an_agent_that_left_the_table_stays_until_force(repo):
    repo.write(".idse/agents.yaml", QWEN)
    install(repo)
    (repo.path / ".idse/agents.yaml").unlink()
    path = ".qwen/commands/idse-next.toml"
    repo.write(path, repo.read(path) + b"# mine\n")
    done = uninstall(repo)
    assert done.returncode == 3
    assert f"--> {path}" in done.stderr
    assert "idse agent-files uninstall --force" in done.stderr
    assert uninstall(repo, "--force").returncode == 0
    assert not (repo.path / ".qwen").exists()


def test_a_table_that_cannot_be_used_stops_what_needs_it_and_says_where(repo):
    repo.idse("init", "demo", "--agent-files")
    repo.write(".idse/agents.yaml", b"agents:\n  - name: qwen\n    instruction: QWEN.md\n")
    for args in (("agent-files", "install"), ("agent-files", "status"), ("agent-files", "uninstall")):
        done = repo.idse(*args)
        assert done.returncode == 2
        assert "error[IDSE009]: there is no key 'instruction'" in done.stderr
        assert "--> .idse/agents.yaml:3 → agents → 1 → instruction" in done.stderr
        assert "did you mean instructions?" in done.stderr
    looked = repo.idse("doctor").stdout
    assert re.search(r"problem +agent files +\.idse/agents\.yaml:3", looked)
    assert repo.idse("uninstall").returncode == 0  # who leaves is not held up by a table
    assert not (repo.path / SKILL).exists()
    assert not (repo.path / "CLAUDE.md").exists()


def test_init_begins_nothing_where_the_table_cannot_be_used(repo):
    repo.write(".idse/agents.yaml", b"agents: x\n")
    assert repo.idse("init", "demo", "--agent-files").returncode == 2
    assert not (repo.path / ".idse/projects").exists()


def test_the_help_and_the_page_name_every_agent_of_the_table(repo):
    told = repo.idse("agent-files", "install", "--help").stdout
    page = (pathlib.Path(__file__).parents[2] / "docs/how-to/coding-agents.md").read_text()
    for row in KNOWN_AGENTS:
        assert re.search(rf"\b{row.name}\b", told)
        (line,) = re.findall(rf"^\| `{row.name}` \|.*", page, re.MULTILINE)
        files = [row.instructions, *(place.folder for place in row.commands)]
        assert all(f"`{file}`" in line for file in files)
        assert line.endswith("| three |" if row.hooks else "| none |")


def test_a_table_behind_a_link_out_of_the_repository_is_not_read(repo, sealed):
    (sealed / "agents.yaml").write_bytes(QWEN)
    (repo.path / ".idse").mkdir()
    (repo.path / ".idse/agents.yaml").symlink_to(sealed / "agents.yaml")
    done = install(repo)
    assert done.returncode == 2
    assert "a symbolic link leads out of this work tree" in done.stderr
    assert not (repo.path / "QWEN.md").exists()
