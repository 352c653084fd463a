"""The shipped constitution, what projects may add, and how wrong files are told so."""

from __future__ import annotations

import re

import pytest
import yaml

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.checks.verbs import ANY_FILE, COMMON_PARAMS, CONTENT, TEXT, VERBS, loaded
from idse_orchestrator.constitution.file import load_constitution, project_layer
from idse_orchestrator.constitution.rules import FAMILIES, Constitution, constitution_id, family_of
from idse_orchestrator.constitution.schema import OPTIONS, RuleEntry, Strict
from idse_orchestrator.constitution.validate import SETTLING
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidConfigurationError

CORE = constitution_bytes()
RULE = (
    "{id: ACME001, name: ticket, applies_to: [spec], check: has_text, with: {texts: [ABC]}"
    ", message: m, hint: h}"
)


def one(old, new):
    """A project file with RULE, said otherwise in one place."""
    assert old in RULE
    return f"rules: [{RULE.replace(old, new)}]"


def load(project):
    data = project.encode() if isinstance(project, str) else project
    return load_constitution(CORE, [] if data is None else [project_layer(data)])


def refused(project):
    with pytest.raises(InvalidConfigurationError) as caught:
        load(project)
    return caught.value


# --- the core ---


def test_there_are_twelve_articles_each_with_a_text(constitution):
    ids = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    assert [article.id for article in constitution.articles] == ids
    assert all(len(article.text.split()) > 15 for article in constitution.articles)


def test_every_rule_stands_under_an_article_and_in_the_family_of_its_number(constitution):
    for rule in constitution.rules:
        assert constitution.article(rule.article) is not None
        assert rule.family == family_of(rule.id)
    assert {rule.family for rule in constitution.rules} == set(FAMILIES.values())


def test_every_verb_but_those_for_projects_is_used_by_the_core(constitution):
    assert set(VERBS) - {rule.check for rule in constitution.rules} == {"no_text", "has_text"}


def test_no_message_speaks_of_one_thing_as_of_many(constitution):
    for rule in constitution.rules:
        assert not re.search(r"\{count\}( [A-Z]+)? \w+s\b", rule.message), rule.id


def test_no_rule_grows_milder_as_its_stage_goes_on_or_at_its_gate(constitution):
    order = ["off", "warning", "error"]
    for rule in constitution.rules:
        grades = [rule.severity[status] for status in ("pending", "in_progress", "complete")] + [rule.gate]
        assert grades == sorted(grades, key=order.index), rule.id


def test_a_rule_is_found_in_either_case_and_is_none_where_there_is_none(constitution):
    assert constitution.rule("idse301") is constitution.rule("IDSE301")
    assert constitution.rule("IDSE999") is None


# --- what a project may say ---


@pytest.mark.parametrize("project", ["", "# nothing\n", "rules: []\n", "version: 1\n"])
def test_a_file_that_says_nothing_changes_no_rule(project):
    assert load(project).rules == load(None).rules


def test_a_project_adds_rules_of_its_own():
    loaded = load(f"rules: [{RULE}]")
    rule = loaded.rule("ACME001")
    assert loaded.rules[:-1] == load(None).rules
    assert (rule.origin, rule.family, rule.article) == ("project", "project", "")
    assert rule.severity == {"pending": "off", "in_progress": "warning", "complete": "error"}


def test_a_project_raises_a_severity():
    rule = load("raise: {IDSE403: {complete: error}}").rule("IDSE403")
    assert rule.raised
    assert rule.severity == {"pending": "off", "in_progress": "off", "complete": "error"}


def test_a_gate_is_never_milder_than_what_a_raise_made_of_complete():
    project = "raise: {IDSE701: {complete: error}}"
    assert load(project).rule("IDSE701").gate == "error"


def test_a_raise_to_what_it_was_is_no_raise():
    assert not load("raise: {IDSE301: {complete: error}}").rule("IDSE301").raised


def test_an_alias_saves_words():
    project = f"rules:\n  - &one {RULE}\n  - <<: *one\n    id: ACME002\n"
    assert load(project).rule("ACME002").options == {"texts": ["ABC"]}


# --- what it may not ---

FILE = ".idse/constitution.yaml"


@pytest.mark.parametrize(
    ("project", "message", "where", "cause"),
    [
        ("a: [1\nb: 2", "the constitution is not readable YAML", f"{FILE}:2:2", "expected"),
        (
            "rules: []\nrules: []",
            "the constitution is not readable YAML",
            f"{FILE}:2:1",
            "key 'rules' occurs twice",
        ),
        (
            "a: &a [*a]",
            "the constitution is not readable YAML",
            f"{FILE}:1:4",
            "an alias leads back to itself",
        ),
        ("a: *b", "the constitution is not readable YAML", f"{FILE}:1:4", "found undefined alias"),
        ("a: \x07", "the constitution is not readable YAML", f"{FILE}:1:4", "a character is not allowed"),
        (b"a: \xff", "the constitution is not readable YAML", f"{FILE}:1:4", "it is not UTF-8 text"),
        ("[" * 99, "the constitution is not readable YAML", f"{FILE}:1:41", "it is nested too deeply"),
        (
            "a: !!python/name:os.system",
            "the constitution is not readable YAML",
            f"{FILE}:1:4",
            "could not determine",
        ),
        ("#" * 300_000, "the constitution is not readable YAML", FILE, "it has 300000 bytes"),
        (
            "- a",
            "the constitution is a list, not a table of keys",
            FILE,
            "known keys: version, rules, raise, session_types",
        ),
        (
            "rule: []",
            "'rule' is not a key here",
            f"{FILE} → rule",
            "known keys: version, rules, raise, session_types",
        ),
        ("disable: [IDSE301]", "'disable' is not a key here", f"{FILE} → disable", "known keys"),
        (
            "rules: [{id: ACME001}]",
            "'name' is missing",
            f"{FILE} → rules → 1 (ACME001) → name",
            "needed keys: id, name, applies_to, check, message, hint",
        ),
        (
            one("hint: h", "hint: h, severty: {}"),
            "'severty' is not a key here",
            f"{FILE} → rules → 1 (ACME001) → severty",
            "known keys: id, article, name",
        ),
        (
            one("hint: h", "hint: h, severity: {complete: fatal}"),
            "'complete' has a value that does not fit",
            f"{FILE} → rules → 1 (ACME001) → severity → complete",
            "Input should be 'off', 'warning' or 'error'",
        ),
        (
            one("has_text", "has_txt"),
            "there is no check 'has_txt'",
            f"{FILE} → rules → 1 (ACME001) → check",
            "known checks: ",
        ),
        (
            one("has_text", "unchanged"),
            "there is no check 'unchanged'",
            f"{FILE} → rules → 1 (ACME001) → check",
            "known checks: ",
        ),
        (
            one("texts:", "text:"),
            "'texts' is missing",
            f"{FILE} → rules → 1 (ACME001) → with → texts",
            "needed keys: texts",
        ),
        (
            one("has_text", "required_sections").replace("texts: [ABC]", "sections: {specs: []}"),
            "'specs' is not a key here",
            f"{FILE} → rules → 1 (ACME001) → with → sections → specs",
            "Input should be 'intent', 'context'",
        ),
        (
            "version: [1]",
            "'version' has a value that does not fit",
            f"{FILE} → version",
            "Input should be a valid string",
        ),
        ("3: x", "'3' is not a key here", f"{FILE} → 3", "known keys: version, rules, raise, session_types"),
        ("rules: [3]", "entry 1 has a value that does not fit", f"{FILE} → rules → 1", "Input should be"),
        (
            one("spec", "specs"),
            "'specs' is nothing a rule can apply to",
            f"{FILE} → rules → 1 (ACME001) → applies_to",
            "known: artifacts",
        ),
        (
            one("message: m", 'message: "{count}"'),
            "{count} is not filled by the check 'has_text'",
            f"{FILE} → rules → 1 (ACME001) → message",
            "it fills {artifact}",
        ),
        (
            one("message: m", 'message: "{path.__class__}"'),
            "{path.__class__} is not filled by the check 'has_text'",
            f"{FILE} → rules → 1 (ACME001) → message",
            "it fills {artifact}",
        ),
        (
            one("hint: h", "hint: h, article: XX"),
            "there is no article 'XX'",
            f"{FILE} → rules → 1 (ACME001) → article",
            None,
        ),
        (
            one("hint: h", "hint: h, severity_of: design"),
            "'design' is not a stage",
            f"{FILE} → rules → 1 (ACME001) → severity_of",
            "stages: intent",
        ),
        (
            f"rules: [{RULE}, {RULE}]",
            "the id ACME001 is used twice",
            f"{FILE} → rules → 2 (ACME001) → id",
            None,
        ),
        (
            one("ACME001", "IDSE301"),
            "the rule IDSE301 cannot be replaced",
            f"{FILE} → rules → 1 (IDSE301) → id",
            "ids that begin with IDSE belong to the core",
        ),
        (
            one("ACME001", "IDSE999"),
            "IDSE999 is reserved",
            f"{FILE} → rules → 1 (IDSE999) → id",
            "ids that begin with IDSE belong to the core",
        ),
        (
            one("ACME001", "acme1"),
            "'acme1' cannot be the id of a rule",
            f"{FILE} → rules → 1 (acme1) → id",
            "two to ten capital letters",
        ),
        (
            "raise: {IDSE301: {complete: warning}}",
            "IDSE301 cannot be lowered from error to warning",
            f"{FILE} → raise → IDSE301 → complete",
            "a project may make a core rule stricter, never milder",
        ),
        (
            "raise: {IDSE801: {pending: off}}",
            "IDSE801 cannot be lowered from error to off",
            f"{FILE} → raise → IDSE801 → pending",
            "a project may make a core rule stricter, never milder",
        ),
        (
            "raise: {IDSE401: {gate: warning}}",
            "IDSE401 cannot be lowered from error to warning",
            f"{FILE} → raise → IDSE401 → gate",
            "a project may make a core rule stricter, never milder",
        ),
        (
            "raise: {IDSE310: {complete: error}}",
            "there is no core rule 'IDSE310' to raise",
            f"{FILE} → raise → IDSE310",
            "only rules of the shipped constitution can be raised",
        ),
        (
            "raise: {IDSE301: {done: error}}",
            "'done' is not a key here",
            f"{FILE} → raise → IDSE301 → done",
            "known keys: pending, in_progress, complete, gate",
        ),
        (
            one("has_text, with: {texts: [ABC]}", "no_placeholder, with: {patterns: ['(a+)+$']}"),
            "the pattern '(a+)+$' cannot be used",
            f"{FILE} → rules → 1 (ACME001) → with",
            "it repeats without a bound",
        ),
    ],
)
def test_a_wrong_file_is_told_where_and_why(project, message, where, cause):
    error = refused(project)
    assert error.message == message
    assert error.where == where
    assert error.cause is None if cause is None else cause in error.cause


@pytest.mark.parametrize(
    ("project", "fix"),
    [
        ("rule: []", "did you mean rules?"),
        (one("has_text", "has_txt"), "did you mean has_text"),
        ("raise: {IDSE310: {complete: error}}", "did you mean IDSE"),
        ("raise: {IDSE301: {complete: off}}", "idse rule waive IDSE301"),
        (one("ACME001", "IDSE301"), "choose an id such as ACME001"),
        ("disable: [IDSE301]", "idse rule waive"),
        (
            "rules: [{id: ACME001}]",
            f"add below {FILE} → rules → 1 (ACME001), in your own words:  name: no-weasel-words",
        ),
        (
            "rules: [{name: no-id}]",
            f"add below {FILE} → rules → 1 (no-id), in your own words:  id: ACME001",
        ),
        (
            one("texts: [ABC]", ""),
            f"add below {FILE} → rules → 1 (ACME001) → with, in your own words:  texts: [leverage, seamless]",
        ),
        (one("name: ticket", "name: Ticket"), "write it such as:  name: no-weasel-words"),
        (one("[spec]", "spec"), "write it such as:  applies_to: [intent, spec]"),
    ],
)
def test_a_wrong_file_is_told_what_to_do(project, fix):
    assert fix in " ".join(refused(project).words)


def models_below(shape):
    yield shape
    for field in shape.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, Strict):
                yield from models_below(inner)


@pytest.mark.parametrize(
    "shape", dict.fromkeys(model for top in (RuleEntry, *OPTIONS.values()) for model in models_below(top))
)
def test_every_key_that_a_rule_needs_has_an_example_that_fits(shape):
    needed = {field.alias or name: field for name, field in shape.model_fields.items() if field.is_required()}
    shape.model_validate({key: yaml.safe_load(field.examples[0]) for key, field in needed.items()})


def test_a_rule_of_a_project_advises_no_command():
    """It comes with whatever branch is checked out, and agents type what is called a fix."""
    rule = {**yaml.safe_load(RULE), "check": "no_text", "with": {"texts": ["a"]}}
    load(yaml.safe_dump({"rules": [rule]}))
    with pytest.raises(InvalidConfigurationError, match="'fix' is not a key here"):
        load(yaml.safe_dump({"rules": [{**rule, "fix": {"complete": ["rm -rf ~"]}}]}))


@pytest.mark.parametrize("check", OPTIONS)
def test_every_example_that_an_error_gives_is_taken(check):
    """Key after key as the errors say, until the rule is taken."""
    if VERBS[check].needs > TEXT:
        return
    options = {}
    while True:
        rule = {**yaml.safe_load(RULE), "check": check, "with": options}
        try:
            load(yaml.safe_dump({"rules": [rule]}))
        except InvalidConfigurationError as error:
            (words,) = error.words
            added = yaml.safe_load(words.partition("in your own words:  ")[2])
            assert added, words
            assert not added.keys() & options.keys()
            options.update(added)
        else:
            break
    assert options or not any(field.is_required() for field in OPTIONS[check].model_fields.values())


def test_an_alias_bomb_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "it stands for more than" in refused("\n".join(lines)).cause


def test_a_file_elsewhere_is_called_by_its_own_name():
    with pytest.raises(InvalidConfigurationError) as caught:
        load_constitution(CORE, [project_layer(b"[", "HEAD:.idse/constitution.yaml")])
    assert caught.value.where.startswith("HEAD:.idse/constitution.yaml:")


def test_an_extra_check_cannot_take_the_name_of_a_built_in_one():
    project = f"rules: [{RULE.replace('has_text', 'unchanged').replace('{texts: [ABC]}', '{}')}]".encode()
    with pytest.raises(InvalidConfigurationError):
        load_constitution(CORE, [project_layer(project)], extra_checks={"unchanged": lambda *_: ()})


def test_the_options_of_an_extra_check_must_be_like_json():
    project = f"rules: [{RULE.replace('has_text', 'acme').replace('[ABC]', '2024-01-01')}]".encode()
    with pytest.raises(InvalidConfigurationError) as caught:
        load_constitution(CORE, [project_layer(project)], extra_checks={"acme": lambda *_: ()})
    assert "not like JSON" in caught.value.cause


# --- compiled ---


@pytest.mark.parametrize("project", [None, f"rules: [{RULE}]\nraise: {{IDSE403: {{complete: error}}}}"])
def test_the_compiled_form_is_the_same_constitution(project):
    loaded = load(project)
    again = Constitution.from_json(loaded.to_json())
    assert again == loaded
    assert again.to_json() == loaded.to_json()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 0}', '{"format": 1, "version": "1"}', "null"]
)
def test_a_damaged_compiled_form_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        Constitution.from_json(text)


def test_the_id_follows_the_bytes_of_both_files():
    ids = {
        constitution_id(CORE),
        constitution_id(CORE, [project_layer(b"")]),
        constitution_id(CORE + b"\n"),
        constitution_id(CORE, [project_layer(b"rules: []")]),
        constitution_id(CORE, checks="acme 1.0"),
        constitution_id(CORE + b"rules: []", [project_layer(b"")]),
    }
    assert len(ids) == 6
    assert load("rules: []").id == constitution_id(CORE, [project_layer(b"rules: []")])


def test_messages_and_hints_hold_only_what_is_filled(constitution):
    for rule in constitution.rules:
        verb = VERBS[rule.check]
        assert verb.needs in (ANY_FILE, CONTENT, TEXT) or verb.run is None
        for words in (rule.message, rule.hint):
            names = {part.split("}")[0] for part in words.split("{")[1:]}
            assert names <= {*COMMON_PARAMS, *verb.params}


def test_artifacts_means_all_seven(constitution):
    assert constitution.rule("IDSE201").applies_to == STAGES


def test_every_verb_of_one_file_has_a_check_that_can_be_loaded():
    assert all(callable(verb.check) for verb in VERBS.values() if verb.needs in (ANY_FILE, CONTENT, TEXT))
    assert SETTLING.keys() <= VERBS.keys()
    assert all(callable(loaded(name)) for name in SETTLING.values())
