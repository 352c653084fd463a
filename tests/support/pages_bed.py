"""Sessions of every kind for pages to show: each way in which a stage can stand, long names, hostile text."""

from __future__ import annotations

from pushes import GOOD

HOSTILE = "<script>document.title='owned'</script> & \"quotes\" \u202eevil\u2066 <img src=x onerror=alert(1)>"
SHOWN = HOSTILE.replace("\u202e", "<U+202E>").replace("\u2066", "<U+2066>")
LONG = "a-session-whose-name-says-all-that-could-be-said-about-it-in-64x"
DOCUMENT = f"""# Plan <!-- a comment of a template -->

<!-- what nobody
has to read -->
{HOSTILE}

<iframe src="https://example.org/"></iframe><style>body {{ display: none }}</style>

![a picture](https://example.org/picture.png) and [a trap](javascript:alert(1)),
[a page](https://example.org/), [another document](spec.md), <b onclick=alert(1)>bold</b>.

| what | how much |
|---|---|
| {"w" * 120} | 1 |

- [ ] a task
- [x] another

```
<script>alert(1)</script> {"x" * 200}
```
"""
WORDS = ("login", "search", "invoices", "export", "alerts", "audit-trail", "billing", "two-factor", "dark")
STAGES = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")


def fill(clone, many=0):
    """Writes the ledgers of a project: one session of each kind, and `many` more."""
    clone.create_project()
    clone.create("login", title="Customers log in with a second factor", owner="Ann Lee <ann@example.org>")
    for stage in ("intent", "context"):
        clone.complete(stage)
    clone.stage("spec", "start")
    clone.save(intent=GOOD["intent"] + "More.\n")  # intent changed, context stale
    clone.create("hostile", title=HOSTILE)
    clone.save("hostile", plan=DOCUMENT, intent="# Intent\n<<<<<<< one\na\n=======\nb\n>>>>>>> two\n")
    clone.complete("intent", "# Nothing\n", session="hostile")
    clone.waive("IDSE402", "login", reason=HOSTILE)
    clone.create(LONG, title="w" * 300)
    clone.create("done", title="All seven stages are behind it")
    for stage in STAGES:
        clone.complete(stage, session="done")
    for number in range(many):
        name = f"{WORDS[number % len(WORDS)]}-{number:03}"
        clone.create(name, title=f"What {WORDS[number % len(WORDS)]} needs, part {number}")
        for stage in STAGES[: number % 8]:
            clone.complete(stage, session=name)
        if number % 3 == 0 and number % 8 < 7:
            clone.stage(STAGES[number % 8], "start", name)
