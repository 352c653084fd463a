"""Agents that print what real ones printed (tests/agents_live/recorded), and write the files of their task.

So `idse run` is tried everywhere as with the real programs: same lines, same exit codes, other costs.
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex

RECORDED = pathlib.Path(__file__).parents[1] / "agents_live" / "recorded"
_WRITES = 'for path in $IDSE_PATHS; do mkdir -p "$(dirname "$path")"; echo "$IDSE_TASK" >>"$path"; done; '


def printing(mode, *, cost=None, writes=True, before=""):
    """Returns the command line of an agent that prints what Claude Code did in `mode`.

    `cost` is what it says it cost; `before` is run by the shell first.
    """
    text = (RECORDED / f"claude-{mode}.jsonl").read_text()
    if cost is not None:
        rows = [json.loads(line) for line in text.splitlines()]
        rows[-1]["total_cost_usd"] = cost
        text = "".join(json.dumps(row) + "\n" for row in rows)
    code = json.loads((RECORDED / "index.json").read_text())["claude"]["ends"][mode][0]
    script = f"{before}{_WRITES if writes else ''}printf %s {shlex.quote(text)}; exit {code}"
    return ["sh", "-c", script]


def set_up(folder=None, **sections):
    """Writes the user's file of agents: `sections` as JSON, which is YAML."""
    home = pathlib.Path(folder or os.environ["HOME"]) / ".config" / "idse"
    home.mkdir(parents=True, exist_ok=True)
    (home / "agents.yaml").write_text(json.dumps(sections))


def agent(mode, **more):
    """Returns the settings of an agent that prints what Claude Code did in `mode`."""
    settings = {key: more.pop(key) for key in ("account", "models", "model") if key in more}
    return {
        "argv": printing(mode, **more),
        "format": "claude",
        "keys": [],
        "account": "anthropic",
        **settings,
    }
