"""Templates and constitutions that cannot be used: file, line and reason are told, and nothing is made."""

from __future__ import annotations

import os

import pytest

TEMPLATE = ".idse/templates/intent.md.j2"
CONSTITUTION = ".idse/constitution.yaml"
MEND = "correct it, or remove the file to use the template that idse ships"
TEMPLATES = {
    "{% if %}\n": ("Expected an expression, got 'end of statement block'", MEND),
    "{{ nope }}\n": (
        "'nope' is not a value that templates have",
        "known here: date, parents, project, session, stack, title, type",
    ),
    "{{ session.__class__.__mro__ }}\n": (
        "the attribute .__mro__ is not allowed in a template",
        "inside a for: loop.first, loop.index, loop.index0, loop.last, loop.length",
    ),
    "{% include '/etc/passwd' %}\n": ("include is not allowed in a template", "use only values, if and for"),
    "{% for i in range(10**9) %}x{% endfor %}\n": (
        "a loop runs over a value by its name",
        "write: {% for parent in parents %}",
    ),
    "{{ 'x' * 10**9 }}\n": ("mul is not allowed in a template", "use only values, if and for"),
    b"\xff{{ x }}\n": ("byte 0 is not UTF-8", "save the file as UTF-8"),
}


def told_of(repo, line, cause, fix):
    return (
        "error[IDSE009]: this template cannot be used\n"
        f"  --> {repo.path}/{TEMPLATE}{line}\n"
        f"   = cause: {cause}\n"
        f"   = hint:  {fix}\n"
        "   = help:  idse help IDSE009\n"
    )


@pytest.mark.parametrize(("template", "told"), TEMPLATES.items())
def test_a_bad_template_stops_spawn_before_anything_is_made(begun, refused, template, told):
    begun.write(TEMPLATE, template)
    assert refused(begun, "IDSE009", 2, "spawn", "search") == told_of(begun, ":1", *told)


@pytest.mark.parametrize(("template", "told"), TEMPLATES.items())
def test_a_bad_template_stops_init_before_anything_is_made(repo, refused, template, told):
    repo.write(TEMPLATE, template)
    assert refused(repo, "IDSE009", 2, "init", "portal") == told_of(repo, ":1", *told)


def test_a_template_that_leads_elsewhere_is_not_read(begun, refused):
    (begun.path / TEMPLATE).parent.mkdir()
    (begun.path / TEMPLATE).symlink_to("/etc/passwd")
    told = refused(begun, "IDSE009", 2, "spawn", "search")
    assert told == told_of(
        begun, "", "a symbolic link leads from there to /etc/passwd", "put the file itself there"
    )


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_template_that_is_no_file_is_not_waited_for(begun, refused, make):
    (begun.path / TEMPLATE).parent.mkdir()
    make(begun.path / TEMPLATE)
    told = refused(begun, "IDSE009", 2, "spawn", "search")
    assert told == told_of(begun, "", "it is not a regular file", "put a text file there")


RULE = (
    "rules:\n  - {{id: ACME001, article: III, name: own, applies_to: [spec], "
    "check: {}, severity: {}, message: m, hint: h}}\n"
)
SEVERITY = "{pending: off, in_progress: off, complete: error}"
BAD_CONSTITUTIONS = {
    "rules:\n  - id: [\n": (
        "error[IDSE009]: the constitution is not readable YAML\n"
        "  --> .idse/constitution.yaml:3:1\n"
        "   = cause: did not find expected node content\n"
        "   = hint:  mend that line\n"
    ),
    b"\xff\xfe": (
        "error[IDSE009]: the constitution is not readable YAML\n"
        "  --> .idse/constitution.yaml:1:1\n"
        "   = cause: it is not UTF-8 text\n"
    ),
    "[" * 5000: (
        "error[IDSE009]: the constitution is not readable YAML\n"
        "  --> .idse/constitution.yaml:1:41\n"
        "   = cause: it is nested too deeply\n"
    ),
    "version: 1\nversion: 2\n": (
        "error[IDSE009]: the constitution is not readable YAML\n"
        "  --> .idse/constitution.yaml:2:1\n"
        "   = cause: key 'version' occurs twice\n"
    ),
    "a: !!python/object/apply:os.system ['touch pwned']\n": (
        "error[IDSE009]: the constitution is not readable YAML\n"
        "  --> .idse/constitution.yaml:1:4\n"
        "   = cause: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'\n"
    ),
    "# " + "a" * (256 * 1024): (
        "error[IDSE009]: the project's constitution is too large\n"
        "  --> .idse/constitution.yaml ({source})\n"
        "   = cause: it has 262,146 bytes, and at most 262,144 are read\n"
        "   = hint:  take rules out, or shorten their texts\n"
    ),
    "severity: {IDSE301: off}\n": (
        "error[IDSE009]: 'severity' is not a key here\n"
        "  --> .idse/constitution.yaml → severity\n"
        "   = cause: known keys: version, rules, raise, session_types\n"
        "   = hint:  take it out; an exception is for one session: idse rule waive\n"
    ),
    "- a\n": (
        "error[IDSE009]: the constitution is a list, not a table of keys\n"
        "  --> .idse/constitution.yaml\n"
        "   = cause: known keys: version, rules, raise, session_types\n"
    ),
}
NEEDS_RULES = [("validate",), ("rule", "list"), ("stage", "complete", "intent")]


@pytest.mark.parametrize("command", NEEDS_RULES)
@pytest.mark.parametrize(("text", "told"), BAD_CONSTITUTIONS.items())
def test_a_bad_constitution_stops_what_needs_its_rules(begun, refused, command, text, told):
    begun.write(CONSTITUTION, text)
    assert refused(begun, "IDSE009", 2, *command).startswith(told.replace("{source}", "worktree"))
    assert not (begun.path / "pwned").exists()


@pytest.mark.parametrize(("text", "told"), BAD_CONSTITUTIONS.items())
def test_a_bad_constitution_cannot_be_committed(begun, unchanged, text, told):
    begun.write(CONSTITUTION, text)
    begun.git("add", ".idse")
    head = begun.git("rev-parse", "HEAD")
    refs = begun.git("for-each-ref")
    done = begun.run("git", "commit", "-m", "rules")
    assert (done.returncode, begun.git("rev-parse", "HEAD")) == (1, head)
    assert done.stderr.startswith(told.replace("{source}", "index"))
    assert begun.git("for-each-ref") == refs


def test_a_bad_constitution_does_not_stop_what_needs_no_rules(begun):
    begun.write(CONSTITUTION, "rules:\n  - id: [\n")
    for command in (("status",), ("log",), ("save",), ("spawn", "search"), ("init", "portal"), ("fsck",)):
        done = begun.idse(*command)
        assert done.returncode == 0, done.stderr


def test_a_check_that_nobody_knows_is_named(begun, refused):
    begun.write(CONSTITUTION, "version: 1\n" + RULE.format("no_such_check", SEVERITY))
    told = refused(begun, "IDSE009", 2, "validate")
    assert "no_such_check" in told
    assert ".idse/constitution.yaml → rules → 1 (ACME001)" in told


def test_the_example_that_an_error_gives_runs_in_a_document_without_any_markup(begun, refused):
    """A rule of a project looks for what its patterns say, and not for what those of the core need."""
    rule = RULE.format("no_placeholder", "{pending: error}")
    begun.write(CONSTITUTION, rule)
    fix = refused(begun, "IDSE009", 2, "validate").split("in your own words:  ")[1].splitlines()[0]
    begun.write(CONSTITUTION, rule.replace("severity:", f"with: {{{fix}}}, severity:"))
    begun.write(".idse/projects/portal/sessions/login/spec.md", "# Spec\n\nWe ask TBD-12 later.\n")
    done = begun.idse("validate", "--format", "concise")
    assert done.returncode == 1, done.stderr
    assert "spec.md:3:8: error[ACME001]" in done.stdout


def test_a_rule_that_costs_too_much_is_named(begun):
    patterns = "patterns: ['a{0,4000}[0b]', 'a{0,4000}[0c]']"
    rule = RULE.format("no_placeholder", "{pending: error}")
    begun.write(CONSTITUTION, rule.replace("severity:", f"with: {{{patterns}}}, severity:"))
    begun.write(".idse/projects/portal/sessions/login/spec.md", "a" * 1_000_000)
    done = begun.idse("validate", "--format", "concise")
    assert "[IDSE108] rule ACME001 could not be checked: it would take too long here" in done.stdout


def test_a_core_rule_cannot_be_made_milder(begun, refused):
    begun.write(CONSTITUTION, "version: 1\nraise: {IDSE102: {complete: warning}}\n")
    told = refused(begun, "IDSE009", 2, "validate")
    assert told == (
        "error[IDSE009]: IDSE102 cannot be lowered from error to warning\n"
        "  --> .idse/constitution.yaml → raise → IDSE102 → complete\n"
        "   = cause: a project may make a core rule stricter, never milder\n"
        "   = hint:  an exception is for one session, and shown in every report: idse rule waive IDSE102\n"
        "   = help:  idse help IDSE009\n"
    )
