"""What comes over can be used: old Agent Profiles compile, and old lists of tasks are read."""

from __future__ import annotations

import json

import yaml

OUT = ".idse/projects/p/build/agents"
BLUEPRINT = """# Spec

## Agent Profile

```yaml
id: base
name: Base
tools:
  - git
source_session: __blueprint__
source_blueprint: __blueprint__
```
"""
SOUND = "# Spec\n\n## Agent Profile\n\n```yaml\nid: a\nname: A\n```\n"
UNFILLED = """# Spec

## Agent Profile

```yaml
id: [REQUIRES INPUT]
name: [REQUIRES INPUT]
source_session:
source_blueprint:
```
"""


def test_profiles_of_the_older_template_compile_and_one_that_nobody_filled_in_is_refused(old, taker):
    for session, text in (("__blueprint__", BLUEPRINT), ("a", SOUND), ("b", UNFILLED)):
        old.put(old.where("D", "spec", session, "p"), text)
    taker.migrate(old)
    done = taker.idse("compile", "agent-spec", "--all")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"{OUT}/__blueprint__.profile.yaml", f"{OUT}/a.profile.yaml"]
    profile = yaml.safe_load(taker.read(f"{OUT}/a.profile.yaml"))
    assert (profile["tools"], profile["source_session"], profile["source_blueprint"]) == (
        ["git"],
        "a",
        "__blueprint__",
    )
    assert "warning" not in done.stderr
    assert "not every Agent Profile was compiled: there are 2 problems" in done.stderr
    assert "line 6: id is a list, and a text is meant" in done.stderr
    assert "line 7: name is a list, and a text is meant" in done.stderr


def test_a_list_of_tasks_with_ranges_and_all_has_no_unknown_dependency(old, taker):
    lines = (
        ("0.1", "one", "none"),
        ("0.2", "two", "0.1"),
        ("0.3", "three", "0.1-0.2"),
        ("0.4", "four", "ALL"),
    )
    text = "".join(
        f"- [x] Task {name} – {words} (Owner: a) (Deps: {deps}) (Acceptance: x)\n"
        for name, words, deps in lines
    )
    old.put(old.where("D", "tasks", "s", "p"), f"# Tasks\n\n## Phase 0 – Foundations\n{text}")
    taker.migrate(old)
    found = json.loads(taker.idse("validate", "--json").stdout)["data"]["findings"]
    assert {each["rule"] for each in found}.isdisjoint(
        {"IDSE601", "IDSE602", "IDSE603", "IDSE604", "IDSE607", "IDSE608"}
    )
