"""Seven documents from templates, and templates that try to be more than text."""

from __future__ import annotations

import os
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from idse_orchestrator.base.files import shipped_folder
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.sessions.template_folder import (
    MAX_TEMPLATE,
    TemplateFolders,
    TemplateText,
    TemplateValues,
    render_artifacts,
)

VALUES = TemplateValues("portal", "login", "Log in with a passkey", "feature", "2025-11-21")

HEADINGS = {
    "intent": "Goal|Problem / Opportunity|Stakeholders / Users|Success Criteria (measurable)"
    "|Constraints / Assumptions / Risks|Scope|Time / Priority",
    "context": "Environment|Stack|Constraints|Risks & Unknowns",
    "spec": "Overview|User Stories|Functional Requirements|Non-Functional Requirements|Acceptance Criteria"
    "|Assumptions / Constraints / Dependencies|Open Questions",
    "plan": "Product Overview|Architecture Summary|Components|Data Model|API Contracts|Test Strategy|Phases",
    "tasks": "Instructions|Phase 0 – Foundations|Phase 1 – Core Behavior|Phase 2 – NFRs / Hardening",
    "implementation": "Architecture|What Was Built|Validation Reports|Deviations from Plan"
    "|Component Impact Report",
    "feedback": "External / Internal Feedback|Impacted Artifacts|Risks / Issues Raised|Actions / Follow-ups"
    "|Decision Log",
}

ATTACKS = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ title.__class__ }}",
    "{{ title|attr('__class__') }}",
    "{{ (title|attr('format'))('{0.__class__}') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(title) }}",
    "{{ '%s' % title }}",
    "{{ title|format(title) }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ lipsum(n=1000000) }}",
    "{{ namespace().__init__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ parents.append('x') }}",
    "{{ parents.__add__ }}",
    "{{ parents|map('upper')|list }}",
    "{{ parents|map(attribute='__class__')|list }}",
    "{{ title|replace('', title) }}",
    "{{ title|center(1000000000) }}",
    "{{ title|pprint }}",
    "{{ title|safe }}",
    "{{ title|default(''.__class__) }}",
    "{{ title|default(boolean=lipsum) }}",
    "{{ 'a' * 10**10 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ title ~ title }}",
    "{{ title if ''.__class__ else 1 }}",
    "{{ [''.__class__] }}",
    "{{ {'a': 1} }}",
    "{{ title[0] }}",
    "{{ title is callable }}",
    "{{ title.x is defined }}",
    "{% set a = title %}",
    "{% set a %}x{% endset %}",
    "{% macro m() %}x{% endmacro %}",
    "{% call title() %}x{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% block b %}x{% endblock %}",
    "{% with a = 1 %}x{% endwith %}",
    "{% include '/etc/passwd' %}",
    "{% include '../../secret' %}",
    "{% include 'spec.md.j2' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import popen %}",
    "{% extends '/etc/passwd' %}",
    "{% for x in range(100000) %}{% endfor %}",
    "{% for x in 'abc' %}{% endfor %}",
    "{% for x in [1, 2] %}{% endfor %}",
    "{% for x in parents recursive %}{{ loop(parents) }}{% endfor %}",
    "{% for x in parents %}{% for y in parents %}{% endfor %}{% endfor %}",
    "{% for x in parents %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in parents %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in parents if x.__class__ %}{% endfor %}",
    "{% for x, y in parents %}{% endfor %}",
    "{% for loop in parents %}{{ loop.first.__class__ }}{% endfor %}",
    "{% for x in parents %}{% else %}{{ lipsum }}{% endfor %}",
    "{{ parents|join(parents) }}",
    "{{ parents|join('" + "x" * 100 + "') }}",
    "{{ parents|join(', ')|join(', ') }}",
    "{% if lipsum %}x{% endif %}",
    "{% if title == cycler %}x{% endif %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "not " * 10000 + "1 }}",
    "{{ " + "9" * 10000 + " }}",
    "{% if title %}" * 200 + "{% endif %}" * 200,
    "{% debug %}",
    "{% do title %}",
    "{{ title",
    "{% if title %}",
    "{{ }}",
    "{{ title | }}",
]


class OneTemplate:
    """The same text for every stage."""

    def __init__(self, text: str | bytes, *, literal: bool = False) -> None:
        data = text.encode() if isinstance(text, str) else text
        self._template = TemplateText("spec.md.j2", data, literal)

    def template(self, _stage: str) -> TemplateText:
        return self._template


def shipped() -> TemplateFolders:
    return TemplateFolders(shipped_folder("templates"))


def rendered(text: str | bytes, values: TemplateValues = VALUES) -> str:
    return render_artifacts(OneTemplate(text), values)["spec.md"].decode()


def titles(text: str) -> list[str]:
    tokens = MarkdownIt().parse(text)
    pairs = pairwise(tokens)
    return [
        inline.content for opening, inline in pairs if opening.type == "heading_open" and opening.tag == "h2"
    ]


@pytest.mark.parametrize("stage", ARTIFACTS)
def test_a_shipped_template_has_the_headings_of_its_stage(stage):
    text = render_artifacts(shipped(), VALUES)[ARTIFACTS[stage]].decode()
    assert titles(text) == HEADINGS[stage].split("|")


@pytest.mark.parametrize("stage", ARTIFACTS)
def test_every_section_asks_for_input_and_helps(stage):
    text = render_artifacts(shipped(), VALUES)[ARTIFACTS[stage]].decode()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        if section.startswith("Instructions"):
            continue
        assert "\n\n[REQUIRES INPUT]\n\n> " in section


def test_the_examples_in_the_tasks_template_are_not_tasks():
    text = render_artifacts(shipped(), VALUES)["tasks.md"].decode()
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "- [ ]" in text
    assert "- [ ]" not in outside


@pytest.mark.parametrize("kind", ["feature", "blueprint", "exploratory"])
def test_documents_fit_eighty_columns_and_end_in_one_newline(kind):
    values = TemplateValues("portal", "login", "Passkeys", kind, "2025-11-21", "Python 3.13", ("a", "b"))
    for path, data in render_artifacts(shipped(), values).items():
        text = data.decode()
        assert max(map(len, text.split("\n"))) <= 80, path
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert "\r" not in text
        assert "\n\n\n" not in text


def test_values_reach_the_documents():
    values = TemplateValues("portal", "login", "Passkeys", "feature", "2025-11-21", "Go 1.24", ("one", "two"))
    documents = render_artifacts(shipped(), values)
    assert b"# Intent: Passkeys" in documents["intent.md"]
    assert b"It builds on one, two." in documents["intent.md"]
    assert b"Go 1.24" in documents["context.md"]
    assert b"blueprint" not in documents["intent.md"]


def test_the_documents_are_the_seven_artifacts_in_pipeline_order():
    assert list(render_artifacts(shipped(), VALUES)) == list(ARTIFACTS.values())


def test_a_value_cannot_add_a_line_or_be_rendered_itself():
    values = TemplateValues("p", "s", "x\n## Goal\r{{ project }}\x1b", "feature", "2025-11-21")
    assert rendered("# {{ title }}", values) == "# x ## Goal {{ project }}\n"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda text: text[:50])
def test_a_template_that_is_more_than_text_is_refused(attack):
    with pytest.raises(InvalidConfigurationError) as caught:
        rendered("one\n" + attack)
    assert caught.value.where is not None
    assert caught.value.where.startswith("spec.md.j2")
    assert caught.value.cause
    assert caught.value.words


def test_a_refusal_names_line_and_nearest_name():
    with pytest.raises(InvalidConfigurationError) as caught:
        rendered("one\ntwo {{ titel }}")
    assert caught.value.where == "spec.md.j2:2"
    assert caught.value.words == ("did you mean 'title'?",)


def test_what_a_template_may_say():
    values = TemplateValues("p", "s", "t", "feature", "2025-11-21", parents=("a", "b"))
    text = (
        "{% for parent in parents if parent != 'x' %}{{ loop.index }}{{ parent | upper }}"
        "{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}"
        "{% if owner is defined %}{{ title }}{% else %} no owner{% endif %}"
        "{{ owner | default(' and none') }}{{ ' of' if parents | length == 2 else '' }}"
        "{# unseen #}{% raw %}{{{% endraw %}"
    )
    assert rendered(text, values) == "1A, 2B no owner and none of{{\n"


def test_a_literal_template_is_taken_as_it_is():
    source = OneTemplate("{{ title }}\r\n{% x", literal=True)
    assert render_artifacts(source, VALUES)["plan.md"] == b"{{ title }}\n{% x\n"


def test_a_template_too_large_to_read_is_refused():
    with pytest.raises(InvalidConfigurationError, match="cannot be used"):
        rendered("x" * (MAX_TEMPLATE + 1))


def test_a_template_that_makes_too_much_is_refused():
    values = TemplateValues("p", "s", "t", "feature", "2025-11-21", parents=("a",) * 5000)
    with pytest.raises(InvalidConfigurationError) as caught:
        rendered("{% for parent in parents %}" + "x" * 60_000 + "{% endfor %}", values)
    assert "1024 KiB" in str(caught.value.cause)


def test_bytes_that_are_not_utf8_are_named_by_line():
    with pytest.raises(InvalidConfigurationError) as caught:
        rendered(b"one\ntwo\n\xff")
    assert caught.value.where == "spec.md.j2:3"


def test_a_byte_order_mark_and_crlf_are_taken_away():
    assert rendered(b"\xef\xbb\xbf# {{ title }}\r\n\r\n\r\n") == "# Log in with a passkey\n"


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "title",
    "parents",
    " for x in ",
    "if ",
    "endfor",
    "endif",
    "|",
    "(",
]
TEXTS = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map("".join))


@given(TEXTS)
def test_any_text_is_rendered_or_refused(text):
    try:
        result = rendered(text.encode("utf-8", "surrogatepass"))
    except InvalidConfigurationError:
        return
    assert result.endswith("\n")


class TestFolders:
    @pytest.fixture
    def override(self, tmp_path):
        folder = tmp_path / "repo" / ".idse" / "templates"
        (folder / "implementation").mkdir(parents=True)
        return folder

    def documents(self, override):
        return render_artifacts(TemplateFolders(shipped_folder("templates"), str(override)), VALUES)

    def refusal(self, override):
        with pytest.raises(InvalidConfigurationError) as caught:
            self.documents(override)
        return caught.value

    def test_a_missing_override_folder_changes_nothing(self, tmp_path):
        assert self.documents(tmp_path / "none") == render_artifacts(shipped(), VALUES)

    def test_templates_are_overridden_one_by_one(self, override):
        (override / "spec.md.j2").write_text("# {{ session }}")
        (override / "implementation" / "README.md").write_text("# {{ session }}")
        documents = self.documents(override)
        assert documents["spec.md"] == b"# login\n"
        assert documents["implementation/README.md"] == b"# {{ session }}\n"
        assert documents["plan.md"] == render_artifacts(shipped(), VALUES)["plan.md"]

    def test_two_overrides_of_one_template_are_refused(self, override):
        (override / "spec.md.j2").write_text("a")
        (override / "spec.md").write_text("b")
        assert "both" in str(self.refusal(override).cause)

    def test_a_link_out_of_the_folder_is_refused(self, override, tmp_path):
        (tmp_path / "secret").write_text("secret")
        (override / "spec.md").symlink_to(tmp_path / "secret")
        assert "symbolic link" in str(self.refusal(override).cause)

    def test_a_link_within_the_folder_is_followed(self, override):
        (override / "plan.md.j2").write_text("{{ session }}")
        (override / "spec.md.j2").symlink_to("plan.md.j2")
        assert self.documents(override)["spec.md"] == b"login\n"

    def test_a_folder_that_is_a_link_out_of_the_repository_is_refused(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "spec.md").write_text("secret")
        (tmp_path / "repo" / ".idse").mkdir(parents=True)
        (tmp_path / "repo" / ".idse" / "templates").symlink_to(tmp_path / "elsewhere")
        assert "symbolic link" in str(self.refusal(tmp_path / "repo" / ".idse" / "templates").cause)

    def test_a_dangling_link_is_refused(self, override):
        (override / "spec.md").symlink_to("nothing.md")
        assert self.refusal(override).where == str(override / "spec.md")

    def test_a_pipe_is_refused_rather_than_waited_for(self, override):
        os.mkfifo(override / "spec.md")
        assert "not a regular file" in str(self.refusal(override).cause)

    def test_a_folder_named_like_a_template_is_refused(self, override):
        (override / "spec.md.j2").mkdir()
        assert self.refusal(override).where == str(override / "spec.md.j2")

    def test_a_large_file_is_refused(self, override):
        (override / "spec.md").write_bytes(b"x" * 10_000_000)
        assert "KiB" in str(self.refusal(override).cause)

    def test_files_that_override_nothing_are_named(self, override):
        for name in ("specs.md.j2", "plan.md.j2", "README.md", "implementation/README.md"):
            (override / name).write_text("x")
        (doubt,) = TemplateFolders(shipped_folder("templates"), str(override)).doubts()
        assert doubt.where == ".idse/templates/specs.md.j2"
        assert doubt.fix == "did you mean .idse/templates/spec.md.j2?"
