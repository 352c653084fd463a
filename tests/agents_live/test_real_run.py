"""Real agents on one list, each in its sandbox, against the fake model: merged branch, report and cost."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys

import pytest

from run_bed import BRANCH, begin_project, check_invariants, events_of, states_of

pytestmark = pytest.mark.agents

HERE = pathlib.Path(__file__).parent
LIST = """\
- [ ] T001 [P] Do it, write-here: src/a.py (Files: src/a.py) (Agent: claude)
- [ ] T002 [P] Do it, write-here: src/b.py (Files: src/b.py) (Agent: codex)
- [ ] T003 [P] Do it, write-here: src/c.py (Files: src/c.py) (Agent: gemini)
- [ ] T004 [P] Do it, write-here: src/d.py (Files: src/d.py) (Agent: build)
"""
AGENTS = """\
agents:
  claude: {model: claude-opus-5}
  codex:
    model: gpt-5.4
    arguments: ["-c", "model_provider=fake", "-c", 'model_providers.fake={name="fake",\
 base_url="http://127.0.0.1:8377/v1", wire_api="responses", env_key="CODEX_API_KEY",\
 supports_websockets=false}']
  gemini: {model: gemini-3.5-flash}
  build: {command: 'mkdir -p src; echo "# $IDSE_TASK" >$IDSE_PATHS'}
"""


@pytest.fixture
def project(repo):
    """A project with one task for each agent."""
    missing = [name for name in ("claude", "codex", "gemini", "unshare") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")
    return begin_project(repo, LIST)


def in_room(repo, mode, *words):
    """Runs idse beside the model, in a network that is loopback alone."""
    home = pathlib.Path(os.environ["HOME"])
    (home / ".config" / "idse").mkdir(parents=True, exist_ok=True)
    (home / ".config" / "idse" / "agents.yaml").write_text(AGENTS)
    keys = dict.fromkeys(("ANTHROPIC_API_KEY", "CODEX_API_KEY", "GEMINI_API_KEY"), "sk-dummy")
    bases = {"ANTHROPIC_BASE_URL": "{url}", "GOOGLE_GEMINI_BASE_URL": "{url}"}
    idse = str(pathlib.Path(sys.executable).parent / "idse")
    room = ("unshare", "-rn", sys.executable, str(HERE / "fake_llm.py"), mode, "--", idse)
    return repo.run(*room, *words, env={**keys, **bases, "PATH": os.environ["PATH"]})


def test_four_agents_work_off_one_list(project):
    done = in_room(project, "done", "run", "--agents", "claude,codex,gemini,build", "-j", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(states_of(project).values()) == {"done"}
    changed = project.git("diff", "--name-only", f"HEAD...{BRANCH}").split()
    assert changed == ["src/a.py", "src/b.py", "src/c.py", "src/d.py"]
    check_invariants(project)
    used = {
        task: [e for e in events_of(project, task) if "usage" in e][-1]["usage"]
        for task in states_of(project)
    }
    assert used["T001"]["basis"] == "reported"
    assert used["T002"]["basis"] == "priced"
    # 224 input, 2,000 from the cache, 80 output, by the shipped price of gpt-5.4.
    assert used["T002"]["cost_usd"] == 0.00226
    assert "basis" not in used["T004"]
    report = json.loads(project.idse("cost", "report", "--by", "agent", "--json").stdout)["data"]
    assert {row["agent"] for row in report["rows"]} == {"claude", "codex", "gemini", "build"}


@pytest.mark.parametrize("mode", ["phantom", "auth"])
def test_what_only_looks_like_work_is_not_done(project, mode):
    done = in_room(project, mode, "run", "--agents", "claude", "--only", "T001")
    assert done.returncode == 1, done.stdout + done.stderr
    assert states_of(project)["T001"] == ("failed" if mode == "phantom" else "ready")
