"""The rules of an Agency and of its client stand over a project's, and none can make another milder."""

from __future__ import annotations

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.file import load_constitution, project_layer
from idse_orchestrator.constitution.in_force import FileVerdictCache, constitution_of
from idse_orchestrator.constitution.rules import AGENCY, CLIENT, Constitution, Layer, constitution_id
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry
from idse_orchestrator.errors import InvalidConfigurationError

CORE = constitution_bytes()


def rule(ident, text="ASAP", check="no_text", more=""):
    return (
        f"{{id: {ident}, name: no-words, applies_to: [spec], check: {check}, with: {{texts: [{text}]}},"
        f" message: '{{text}} is no plan', hint: Say when{more}}}"
    )


def agency(text):
    return Layer(AGENCY, "rules/agency.yaml", text.encode())


def client(text):
    return Layer(CLIENT, "rules/shop.yaml", text.encode())


def project(text):
    return project_layer(text.encode())


def load(*layers):
    return load_constitution(CORE, layers)


def refused(*layers):
    with pytest.raises(InvalidConfigurationError) as caught:
        load(*layers)
    return caught.value


def test_each_layer_adds_rules_and_they_stand_in_the_order_of_the_layers():
    given = [
        client(f"rules: [{rule('SHOP001')}]"),
        project(f"rules: [{rule('ACME001')}]"),
        agency(f"rules: [{rule('HOUSE001')}]"),
    ]
    loaded = load(*given)
    assert [(each.id, each.origin, each.family) for each in loaded.rules[-3:]] == [
        ("ACME001", "project", "project"),
        ("HOUSE001", "agency", "agency"),
        ("SHOP001", "client", "client"),
    ]
    assert Constitution.from_json(loaded.to_json()) == loaded


def test_the_strictest_of_all_layers_counts_whoever_says_it():
    """Each combination of two severities from a project and from an Agency."""
    words = ["warning", "error"]
    for one in words:
        for other in words:
            raised = "raise: {IDSE301: {in_progress: %s}}"
            loaded = load(project(raised % one), agency(raised % other))
            assert loaded.rule("IDSE301").severity["in_progress"] == max(one, other, key=words.index)


def test_a_client_raises_rules_of_the_agency_and_never_lowers_them():
    house = agency(f"rules: [{rule('HOUSE001')}]\nraise: {{IDSE301: {{in_progress: error}}}}")
    loaded = load(house, client("raise: {HOUSE001: {in_progress: error}}"))
    assert loaded.rule("HOUSE001").severity["in_progress"] == "error"
    assert loaded.rule("HOUSE001").raised
    bad = refused(house, client("raise: {IDSE301: {in_progress: warning}}"))
    assert bad.where == "rules/shop.yaml → raise → IDSE301 → in_progress"
    assert "milder than the Agency's" in bad.cause
    assert "there is no rule 'SHOP009'" in refused(house, client("raise: {SHOP009: {gate: error}}")).message


def test_an_agency_does_not_raise_what_only_a_project_has():
    """Its file would be good for one project and break for the next."""
    bad = refused(project(f"rules: [{rule('ACME001')}]"), agency("raise: {ACME001: {gate: error}}"))
    assert bad.where == "rules/agency.yaml → raise → ACME001"


def test_where_two_layers_have_one_id_the_project_is_wrong():
    same = f"rules: [{rule('ACME001', 'never', more=', severity: {complete: warning}, gate: warning')}]"
    for other in (agency(f"rules: [{rule('ACME001')}]"), client(f"rules: [{rule('ACME001')}]")):
        bad = refused(project(same), other)
        assert bad.where.startswith(".idse/constitution.yaml → rules → 1 (ACME001)")
        assert other.origin in bad.cause
    bad = refused(agency(same), client(same))
    assert bad.where.startswith("rules/shop.yaml")


def test_where_two_layers_have_one_type_the_project_is_wrong():
    types = "session_types: {study: [intent, feedback]}"
    bad = refused(project(types), agency("session_types: {study: [intent, spec, feedback]}"))
    assert bad.where == ".idse/constitution.yaml → session_types → study"
    assert "the Agency's rules" in bad.cause
    loaded = load(project(types), agency("session_types: {look: [intent, spec]}"))
    assert (loaded.types["study"], loaded.types["look"]) == (("intent", "feedback"), ("intent", "spec"))


def test_only_an_agencys_file_has_a_policy():
    assert load(agency("policy: {gates: every}")).rules == load().rules
    assert "policy" in refused(project("policy: {gates: record}")).where


def test_the_id_covers_every_layer_and_where_it_stands():
    some, other = b"rules: []", b"raise: {}"
    ids = [
        constitution_id(CORE, layers)
        for layers in (
            [],
            [project_layer(some)],
            [Layer(AGENCY, "a", some)],
            [Layer(CLIENT, "a", some)],
            [project_layer(some), Layer(AGENCY, "a", some)],
            [Layer(AGENCY, "a", some), Layer(CLIENT, "a", some)],
            [Layer(AGENCY, "a", some), Layer(CLIENT, "a", other)],
            [Layer(AGENCY, "a", other), Layer(CLIENT, "a", some)],
        )
    ]
    assert len(set(ids)) == len(ids)
    assert constitution_id(CORE, [Layer(AGENCY, "elsewhere", some)]) == ids[2]


def test_the_patterns_of_a_project_use_up_nothing_of_the_agencys():
    """A project whose rules cost too much is not judged by them, and is by the Agency's."""
    costly = "rules: [" + ", ".join(rule(f"ACME{number:03}", f"w{number}") for number in range(1, 60)) + "]"
    loaded = load(project(costly), agency(f"rules: [{rule('HOUSE001')}]"))
    data = b"# Spec\n\nDo it ASAP.\n" + b" ".join(b"w%d" % n for n in range(60)) * 100
    found = {hit.rule for hit in examine("spec.md", FileEntry(REGULAR, "", len(data)), data, loaded)}
    assert {"HOUSE001", "IDSE108"} <= found


def test_compiled_layers_are_kept_with_where_each_rule_comes_from(tmp_path):
    cache = FileVerdictCache(str(tmp_path), "1")
    layers = [agency(f"rules: [{rule('HOUSE001')}]"), client("raise: {HOUSE001: {in_progress: error}}")]
    loaded = constitution_of(layers, cache)
    assert cache.compiled(loaded.id)
    again = constitution_of(layers, cache)
    assert again == loaded
    assert (again.rule("HOUSE001").origin, again.rule("HOUSE001").raised) == ("agency", True)
