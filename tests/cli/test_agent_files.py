"""`idse agent-files install|uninstall|status`, `idse init --agent-files`: files of agents, to the byte."""

from __future__ import annotations

import json
import os
import pathlib
import re
import stat

import pytest

from idse_orchestrator.agents.agent_texts import INSTRUCTIONS
from idse_orchestrator.agents.install_files import agent_commands
from idse_orchestrator.agents.known_agents import BLOCK, COMMAND, HOOKS, KNOWN_AGENTS, files_of

USUAL = files_of([row for row in KNOWN_AGENTS if row.usual], agent_commands())
PATHS = [file.path for file in USUAL]
TEXTS = [file.path for file in USUAL if file.kind == BLOCK]
SETTINGS = [file.path for file in USUAL if file.kind == HOOKS]
COMMANDS = [file.path for file in USUAL if file.kind == COMMAND]
LINES = {file.label for file in USUAL}
SAMPLE = [*TEXTS, *SETTINGS, ".claude/skills/idse-next/SKILL.md", ".agents/skills/idse-spec/SKILL.md"]
MINE = {
    "CLAUDE.md": b"# Rules\r\n\r\nMine.",
    "AGENTS.md": b"\xef\xbb\xbf# Rules\n\nMine \xe4 in Latin-1.\n",
    ".cursor/rules/idse.mdc": b"---\nalwaysApply: false\n---\nMine.\n\n\n",
    ".claude/settings.json": b'{"permissions": {"allow": ["Bash(ls:*)"]}, "hooks": {"Stop": []}}',
    ".codex/hooks.json": b'\xef\xbb\xbf{\r\n\t"hooks" : {\r\n\t}\r\n}\r\n',
}


def files_of_tree(root):
    """Every file and folder of the work tree with its mode and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name == ".git" or name.startswith(".git/"):
            continue
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else os.path.islink(path)
        found[name] = (stat.S_IMODE(path.lstat().st_mode), data)
    return found


def install(repo, *args):
    return repo.idse("agent-files", "install", *args)


def uninstall(repo, *args):
    return repo.idse("agent-files", "uninstall", *args)


def conditions(repo):
    data = json.loads(repo.idse("agent-files", "status", "--json").stdout)["data"]
    return {file["path"]: file["condition"] for file in data["files"]}


@pytest.fixture
def mine(repo):
    """A repository whose owner has all of the files already, each with an oddity."""
    for path, content in MINE.items():
        repo.write(path, content)
    (repo.path / ".claude/settings.json").chmod(0o600)
    (repo.path / "AGENTS.md").chmod(0o666)  # more than the umask leaves to a new file
    return repo


# --- in and out ---


def test_a_fresh_repository_gets_every_file_and_is_bare_again_after_uninstalling(repo):
    done = install(repo)
    assert done.returncode == 0, done.stderr
    assert sorted(path for path, (_, data) in files_of_tree(repo.path).items() if data) == sorted(PATHS)
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == {}
    assert not (repo.path / ".git/idse").exists()


def test_what_the_owner_wrote_stays_to_the_byte_and_comes_back_alone(mine):
    before = files_of_tree(mine.path)
    assert install(mine).returncode == 0
    after = files_of_tree(mine.path)
    assert {path for path in after.keys() - before.keys() if after[path][1]} == set(COMMANDS)
    for path in TEXTS:
        assert after[path][1].startswith(MINE[path])
    assert {path: after[path][0] for path in before} == {path: mode for path, (mode, _) in before.items()}
    assert uninstall(mine).returncode == 0
    assert files_of_tree(mine.path) == before


@pytest.mark.parametrize("fixture", ["repo", "mine"])
def test_a_second_install_changes_nothing_and_says_so(request, fixture):
    repo = request.getfixturevalue(fixture)
    install(repo)
    before = files_of_tree(repo.path)
    done = install(repo)
    assert done.returncode == 0
    assert files_of_tree(repo.path) == before
    assert done.stderr.count("already") == len(LINES)


def test_uninstalling_twice_says_that_nothing_is_there(repo):
    assert "nothing of idse" in uninstall(repo).stderr


def test_idse_uninstall_takes_all_of_it_in_every_work_tree(mine):
    mine.idse("init", "demo", "--agent-files")
    mine.commit("all", no_verify=True)
    other = mine.worktree("other")
    assert set(conditions(other).values()) == {"current"}
    assert mine.idse("uninstall").returncode == 0
    for tree in (mine, other):
        assert b"idse hook" not in tree.read(".claude/settings.json")
        for path in TEXTS:
            assert tree.read(path) == MINE[path]
    assert mine.read(".codex/hooks.json") == MINE[".codex/hooks.json"]


def test_a_dry_run_tells_the_same_and_writes_nothing(mine):
    before = files_of_tree(mine.path)
    told = install(mine, "--dry-run")
    assert files_of_tree(mine.path) == before
    assert told.stdout.count("added") == len(MINE)
    assert told.stdout.count("9 commands") == len(LINES) - len(MINE)
    install(mine)
    before = files_of_tree(mine.path)
    assert uninstall(mine, "--dry-run").stdout.count("removed") == len(LINES)
    assert files_of_tree(mine.path) == before
    assert "agent file: " in mine.idse("uninstall", "--dry-run").stdout


@pytest.mark.parametrize("agent", ["claude", "codex", "cursor"])
def test_a_name_says_which_agent_is_told(repo, agent):
    assert install(repo, agent).returncode == 0
    expected = {file.path for file in USUAL if agent in file.agents}
    assert {path for path, how in conditions(repo).items() if how == "current"} == expected
    assert {how for path, how in conditions(repo).items() if path not in expected} == {"missing"}


@pytest.mark.parametrize("agent", ["claude", "codex", "cursor"])
def test_a_file_goes_with_its_agent_unless_another_that_is_told_reads_it(repo, agent):
    install(repo)
    done = uninstall(repo, agent)
    assert done.returncode == 0
    gone = {file.path for file in USUAL if file.agents == (agent,)}
    assert {path for path in PATHS if not (repo.path / path).exists()} == gone
    assert ("reads it, too" in done.stderr) == (agent != "claude")
    assert uninstall(repo, "claude", "codex", "cursor").returncode == 0
    assert files_of_tree(repo.path) == {}


@pytest.mark.parametrize("wrong", [["gemini2"], ["claude", ""], ["Claude"], ["claude,codex"]])
def test_an_agent_that_nobody_knows_is_refused(repo, wrong):
    done = install(repo, *wrong)
    assert done.returncode == 2
    assert "claude, codex, cursor, gemini, copilot, opencode, windsurf" in done.stderr
    assert ".idse/agents.yaml" in done.stderr
    assert files_of_tree(repo.path) == {}


def test_a_clone_without_our_memory_takes_the_blocks_out_to_the_byte(mine):
    install(mine)
    mine.commit("told")
    clone = mine.clone("clone")
    assert uninstall(clone).returncode == 0
    for path in TEXTS:
        assert clone.read(path) == MINE[path]
    assert json.loads(clone.read(".claude/settings.json")) == {"permissions": {"allow": ["Bash(ls:*)"]}}
    assert not (clone.path / ".codex").exists()


def test_a_clone_of_files_we_made_is_bare_after_uninstalling(repo):
    install(repo)
    repo.commit("told")
    clone = repo.clone("clone")
    assert uninstall(clone).returncode == 0
    assert files_of_tree(clone.path) == {}


def test_folders_and_files_that_somebody_uses_by_now_stay(repo):
    install(repo)
    repo.write(".claude/agents/reviewer.md", "mine\n")
    repo.write("CLAUDE.md", repo.read("CLAUDE.md") + b"\nMine.\n")
    settings = json.loads(repo.read(".claude/settings.json"))
    repo.write(".claude/settings.json", json.dumps({"model": "best", **settings}))
    assert uninstall(repo).returncode == 0
    left = {path: data for path, (_, data) in files_of_tree(repo.path).items() if data}
    assert left.keys() == {"CLAUDE.md", ".claude/settings.json", ".claude/agents/reviewer.md"}
    assert left["CLAUDE.md"].strip() == b"Mine."
    assert left[".claude/settings.json"] == b'{"model": "best"}'


def test_an_empty_folder_that_was_there_before_stays(repo):
    (repo.path / ".claude").mkdir()
    install(repo)
    uninstall(repo)
    assert list(files_of_tree(repo.path)) == [".claude"]


def test_a_folder_that_was_made_goes_even_after_somebody_removed_its_file(repo):
    install(repo)
    (repo.path / ".codex/hooks.json").unlink()
    (repo.path / ".cursor/rules/idse.mdc").unlink()
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == {}
    assert not (repo.path / ".git/idse").exists()


def test_settings_that_changed_meanwhile_keep_the_change(mine):
    install(mine)
    text = mine.read(".claude/settings.json").replace(b"Bash(ls:*)", b"Bash(cat:*)")
    mine.write(".claude/settings.json", text)
    assert uninstall(mine).returncode == 0
    assert mine.read(".claude/settings.json").startswith(b'{"permissions": {"allow": ["Bash(cat:*)"]}')
    assert b"idse" not in mine.read(".claude/settings.json")


# --- what somebody changed, and what is old ---


@pytest.mark.parametrize("path", TEXTS)
def test_a_block_changed_by_hand_is_reported_and_kept(repo, path):
    install(repo)
    edited = repo.read(path).replace(b"Begin with", b"Never begin with")
    repo.write(path, edited)
    for done in (install(repo), uninstall(repo)):
        assert done.returncode == 3
        assert "error[IDSE035]" in done.stderr
        assert re.search(rf"--> {re.escape(path)}:\d+", done.stderr)
        assert repo.read(path) == edited
        install(repo, "claude", "codex", "cursor")
    status = repo.idse("agent-files", "status")
    assert status.returncode == 1
    assert f"{path}:" in status.stdout
    assert "changed by hand" in status.stdout
    assert install(repo, "--force").returncode == 0
    assert conditions(repo)[path] == "current"
    assert uninstall(repo).returncode == 0


def test_force_also_takes_a_changed_block_out(repo):
    repo.write("CLAUDE.md", "mine\n")
    install(repo)
    repo.write("CLAUDE.md", repo.read("CLAUDE.md").replace(b"Begin with", b"Never begin with"))
    assert uninstall(repo, "--force").returncode == 0
    assert repo.read("CLAUDE.md") == b"mine\n"


def test_idse_uninstall_leaves_a_changed_block_and_says_so(repo):
    repo.idse("init", "demo", "--agent-files")
    edited = repo.read("CLAUDE.md").replace(b"Begin with", b"Never begin with")
    repo.write("CLAUDE.md", edited)
    done = repo.idse("uninstall")
    assert done.returncode == 3
    assert "CLAUDE.md stays" in done.stderr
    assert repo.read("CLAUDE.md") == edited
    assert not (repo.path / "AGENTS.md").exists()


@pytest.mark.parametrize("path", SETTINGS)
def test_a_hook_changed_by_hand_is_reported_and_kept_until_force(repo, path):
    install(repo)
    edited = repo.read(path).replace(b'"timeout": 15', b'"timeout": 5')
    repo.write(path, edited)
    done = install(repo)
    assert done.returncode == 3
    assert "PreToolUse" in done.stderr
    assert repo.read(path) == edited
    assert install(repo, "--force").returncode == 0
    assert repo.read(path).count(b"idse hook") == 3
    assert conditions(repo)[path] == "current"


def test_a_command_into_which_somebody_put_ours_stays_until_force(repo):
    install(repo, "claude")
    path = ".claude/settings.json"
    mixed = repo.read(path).replace(b"idse hook agent-stop claude", b"my-lint && idse hook agent-stop claude")
    repo.write(path, mixed)
    done = uninstall(repo)
    assert done.returncode == 3
    assert "Stop" in done.stderr
    assert "idse agent-files uninstall claude --force" in done.stderr
    assert "agent-files install" not in done.stderr
    assert repo.read(path) == mixed
    assert uninstall(repo, "--force").returncode == 0
    assert not (repo.path / path).exists()


def old(content):
    """A file as an idse with another text would have written it."""
    from idse_orchestrator.documents.marked_block import find_block, renewed

    return renewed(content, find_block(content), b"\nWhat we said last year.\n\n")


def test_doctor_notices_a_block_of_an_older_idse_and_renews_it(mine):
    mine.idse("init", "demo", "--agent-files")
    mine.write("CLAUDE.md", old(mine.read("CLAUDE.md")))
    looked = mine.idse("doctor")
    assert re.search(r"warning +agent files +written by an older idse: CLAUDE.md", looked.stdout)
    assert mine.idse("agent-files", "status").returncode == 1
    fixed = mine.idse("doctor", "--fix")
    assert "renewed CLAUDE.md" in fixed.stdout
    assert INSTRUCTIONS.replace(b"\n", b"\r\n") in mine.read("CLAUDE.md")
    assert uninstall(mine).returncode == 0
    assert mine.read("CLAUDE.md") == MINE["CLAUDE.md"]


def test_doctor_installs_nothing_that_was_not_there(repo):
    repo.idse("init", "demo")
    assert "agent files" not in repo.idse("doctor", "--fix", "-v").stdout
    assert install(repo, "claude").returncode == 0
    assert "CLAUDE.md, .claude/settings.json" in repo.idse("doctor", "--fix", "-v").stdout
    assert not (repo.path / "AGENTS.md").exists()


def test_doctor_says_that_agents_find_no_idse(repo, tmp_path):
    repo.idse("init", "demo", "--agent-files")
    (tmp_path / "bin").mkdir()
    for name in ("git", "sh"):
        os.symlink(f"/usr/bin/{name}", tmp_path / "bin" / name)
    done = repo.idse("doctor", env={"PATH": str(tmp_path / "bin")})
    assert "agents call idse, which is not on PATH" in done.stdout


OFF = b'{"disableAllHooks": true}\n'
ON = b'{"disableAllHooks": false}\n'


@pytest.mark.parametrize(
    ("settings", "local", "blamed"),
    [
        (OFF, None, ".claude/settings.json"),
        (None, OFF, ".claude/settings.local.json"),
        (OFF, OFF, ".claude/settings.local.json"),
        (OFF, ON, ""),
        (None, b"{", ""),
        (None, b"[]", ""),
    ],
)
def test_hooks_that_somebody_switched_off_are_not_said_to_work(repo, settings, local, blamed):
    for path, content in ((".claude/settings.json", settings), (".claude/settings.local.json", local)):
        if content is not None:
            repo.write(path, content)
    repo.idse("init", "demo")
    says = f"the agent calls no hook: disableAllHooks is set in {blamed}"
    assert (says in install(repo).stderr) == bool(blamed)
    assert (says in repo.idse("agent-files", "status").stdout) == bool(blamed)
    found = re.search(f"warning +agent files +{re.escape(says)}", repo.idse("doctor").stdout)
    assert bool(found) == bool(blamed)
    assert repo.idse("agent-files", "status").returncode == 0


# --- what cannot be served is left exactly as it is ---


def markers(repo):
    install(repo)
    return repo.read("CLAUDE.md")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda text: text + text, lambda text: text.count(b"\n") + 1),
        (lambda text: text.replace(b"<!-- idse:end -->\n", b""), lambda _: 1),
        (lambda text: text[text.index(b"\n") + 1 :], lambda text: text.count(b"\n") - 1),
    ],
    ids=["two blocks", "a lost end", "a lost begin"],
)
def test_markers_in_disorder_are_an_error_that_says_where(repo, spoil, line):
    text = markers(repo)
    repo.write("CLAUDE.md", spoil(text))
    before = files_of_tree(repo.path)
    for done in (install(repo), install(repo, "--force"), uninstall(repo, "claude", "--dry-run")):
        assert done.returncode == 3
        assert f"--> CLAUDE.md:{line(text)}" in done.stderr
    assert files_of_tree(repo.path) == before
    assert repo.idse("init", "demo").returncode == 0
    assert re.search(r"problem +agent files", repo.idse("doctor", "--fix").stdout)
    assert files_of_tree(repo.path)["CLAUDE.md"] == before["CLAUDE.md"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a": 1,}',
        b"// a comment\n{}",
        b"[]",
        b'{"hooks": []}',
        b'{"hooks": {"Stop": "x"}}',
        b'{"a": 1}\n{"b": 2}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"hooks": {}, "hooks": {}}',
    ],
)
@pytest.mark.parametrize("path", SETTINGS)
def test_settings_that_are_not_valid_are_left_and_what_to_paste_is_told(repo, path, content):
    repo.write(path, content)
    for args in ((), ("--force",)):
        done = install(repo, *args)
        assert done.returncode == 3
        assert "error[IDSE035]" in done.stderr
        assert path in done.stderr
        assert set(json.loads(done.stdout)["hooks"]) == {"SessionStart", "PreToolUse", "Stop"}
        assert repo.read(path) == content
    assert {found for where, found in conditions(repo).items() if where != path} == {"current"}
    assert uninstall(repo).returncode == 0
    assert repo.read(path) == content


@pytest.mark.parametrize("path", SETTINGS)
def test_settings_that_were_broken_with_our_hooks_in_them_are_a_problem_and_stay(repo, path):
    repo.idse("init", "demo", "--agent-files")
    broken = repo.read(path).rstrip(b"\n}") + b",}\n"
    repo.write(path, broken)
    looked = repo.idse("doctor")
    assert looked.returncode == 1
    assert re.search(rf"problem +agent files +{re.escape(path)}: it is not valid JSON", looked.stdout)
    for command in (("agent-files", "uninstall"), ("uninstall",)):
        done = repo.idse(*command)
        assert done.returncode == 3
        assert path in done.stderr
        assert repo.read(path) == broken


def a_folder(path):
    path.mkdir(parents=True)


def a_pipe(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def a_link_out(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    target = pathlib.Path(os.environ["HOME"]) / "mine"
    target.write_text("mine\n")
    path.symlink_to(target)


def a_link_to_nothing(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")


def a_loop(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_link_out, a_link_to_nothing, a_loop])
@pytest.mark.parametrize("path", SAMPLE)
def test_what_is_no_plain_file_of_this_work_tree_is_left(repo, make, path, sealed):
    make(repo.path / path)
    home, before = files_of_tree(sealed), files_of_tree(repo.path)
    done = install(repo)
    assert done.returncode == 3
    assert path in done.stderr
    assert files_of_tree(repo.path)[path] == before[path]
    assert files_of_tree(sealed) == home
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == before


def test_a_folder_that_cannot_be_written_keeps_no_other_file_from_its_block(repo, bound_idse):
    (repo.path / ".codex").mkdir(mode=0o555)
    done = repo.run(*bound_idse, "agent-files", "install")
    assert done.returncode == 3
    assert ".codex/hooks.json" in done.stderr
    assert "Permission denied" in done.stderr
    assert {path for path, how in conditions(repo).items() if how != "current"} == {".codex/hooks.json"}
    (repo.path / ".claude").chmod(0o555)
    before = repo.read(".claude/settings.json")
    done = repo.run(*bound_idse, "agent-files", "uninstall")
    assert done.returncode == 3
    assert files_of_tree(repo.path).keys() == {".claude", ".claude/settings.json", ".claude/skills", ".codex"}
    assert repo.read(".claude/settings.json") == before
    (repo.path / ".claude").chmod(0o755)
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path).keys() == {".codex"}


def test_a_folder_that_leads_into_the_home_is_left(repo, sealed):
    (sealed / ".claude").mkdir()
    (repo.path / ".claude").symlink_to(sealed / ".claude")
    assert install(repo).returncode == 3
    assert files_of_tree(sealed / ".claude") == {}


def test_a_file_where_a_folder_is_needed_is_left(repo):
    repo.write(".claude", "mine\n")
    done = install(repo)
    assert done.returncode == 3
    assert ".claude is not a folder" in done.stderr
    assert repo.read(".claude") == b"mine\n"


def test_a_link_to_a_file_that_is_not_there_yet_keeps_that_file_from_nothing(repo):
    (repo.path / "CLAUDE.md").symlink_to("AGENTS.md")
    before = files_of_tree(repo.path)
    assert install(repo, "claude", "codex").returncode == 3
    assert INSTRUCTIONS in repo.read("AGENTS.md")
    assert install(repo, "claude", "codex").returncode == 0
    assert uninstall(repo).returncode == 0
    assert files_of_tree(repo.path) == before


def test_two_names_of_one_file_get_one_block(repo):
    repo.write("AGENTS.md", "mine\n")
    (repo.path / "CLAUDE.md").symlink_to("AGENTS.md")
    assert install(repo).returncode == 0
    assert repo.read("AGENTS.md").count(b"idse:begin") == 1
    assert (repo.path / "CLAUDE.md").is_symlink()
    assert re.search(r"AGENTS\.md +needed +claude reads it, too", uninstall(repo, "codex").stderr)
    assert repo.read("AGENTS.md").count(b"idse:begin") == 1
    assert uninstall(repo).returncode == 0
    assert repo.read("AGENTS.md") == b"mine\n"


# --- init ---


def test_init_installs_agent_files_when_asked(repo):
    done = repo.idse("init", "demo", "--agent-files", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"]["agent_files"] == dict.fromkeys(PATHS, "created")
    again = repo.idse("init", "demo", "--agent-files")
    assert "nothing changed" in again.stderr


def test_init_makes_no_agent_file_unless_asked(repo):
    done = repo.idse("init", "demo", "--json")
    assert json.loads(done.stdout)["data"]["agent_files"] == {}
    assert not any((repo.path / path).exists() for path in PATHS)


def test_init_says_in_one_document_which_file_was_left(repo):
    repo.write(".claude/settings.json", "{")
    done = repo.idse("init", "demo", "--agent-files", "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["data"]["agent_files"][".claude/settings.json"] == "kept"
    (told,) = [each for each in document["diagnostics"] if each["code"] == "IDSE035"]
    assert told["where"] == ".claude/settings.json"


def test_the_form_of_before_names_agents_with_commas(repo):
    assert install(repo, "--only", "claude,gemini").returncode == 0
    assert (repo.path / "GEMINI.md").exists()
    assert not (repo.path / ".codex").exists()
    uninstall(repo, "--only", "gemini")
    assert not (repo.path / "GEMINI.md").exists()
    done = install(repo, "--only", "claude,gemni")
    assert done.returncode == 2
    assert "did you mean gemini?" in done.stderr


def test_what_was_typed_before_does_the_same_and_no_help_names_it(loop):
    assert "install" not in {
        line.split()[0] for line in loop.does("agents", "--help").stdout.splitlines() if line
    }
    for words in (
        ("install", "--dry-run"),
        ("install", "--only", "claude"),
        ("status",),
        ("status", "--json"),
    ):
        told = []
        for group in ("agents", "agent-files"):
            done = loop.repo.idse(group, *words)
            told.append((done.returncode, done.stdout, done.stderr))
            loop.repo.idse("agent-files", "uninstall")
        assert told[0] == told[1], words
    loop.does("agents", "install", "claude")
    assert (loop.path / "CLAUDE.md").is_file()
    loop.does("agents", "uninstall")
    assert not (loop.path / "CLAUDE.md").exists()
    assert loop.does("agents", "install", "--help").stdout.startswith("Usage: idse agents install")
