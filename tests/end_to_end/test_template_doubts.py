"""A file in `.idse/templates/` that does not do what its author meant is told where templates are used."""

from __future__ import annotations

import json

import pytest

FOLDER = ".idse/templates"
NO_TEMPLATE = (
    "warning: .idse/templates/intnt.md.j2 replaces no template: did you mean .idse/templates/intent.md.j2?\n"
)
AS_IT_IS = (
    "warning: .idse/templates/intent.md is taken as it is, {{ … }} and all: "
    "name it intent.md.j2 to have it rendered\n"
)


@pytest.mark.parametrize("command", [("spawn", "search"), ("session", "new", "search")])
def test_a_misspelt_template_is_told_once_and_the_session_is_made(begun, command):
    begun.write(f"{FOLDER}/intnt.md.j2", "# Mine\n")
    done = begun.idse(*command)
    assert done.returncode == 0
    assert done.stderr.count("warning:") == 1
    assert NO_TEMPLATE in done.stderr
    assert "# Mine" not in begun.read(".idse/projects/portal/sessions/search/intent.md").decode()


def test_init_tells_it_only_where_it_renders(repo):
    repo.write(f"{FOLDER}/intnt.md.j2", "# Mine\n")
    assert NO_TEMPLATE in repo.idse("init", "portal").stderr
    assert "warning" not in repo.idse("init", "portal").stderr


def test_a_template_that_lacks_its_ending_is_told_where_it_wants_to_be_rendered(begun):
    begun.write(f"{FOLDER}/intent.md", "# {{ title }}\n")
    assert AS_IT_IS in begun.idse("spawn", "search").stderr
    begun.write(f"{FOLDER}/intent.md", "# A title of its own\n")
    assert "warning" not in begun.idse("spawn", "other").stderr


def test_a_name_like_no_template_is_led_to_the_names_there_are(begun):
    begun.write(f"{FOLDER}/zzz", "x")
    told = begun.idse("spawn", "search").stderr
    assert "zzz replaces no template: the names are those of a session's documents, such as" in told


def test_what_is_no_mistake_is_not_told(begun):
    for name in ("README.md", ".gitkeep", "plan.md.j2", "feedback/feedback.md", "spec.md.j2~"):
        begun.write(f"{FOLDER}/{name}", "x\n")
    assert "warning" not in begun.idse("spawn", "search").stderr


def test_many_are_counted_rather_than_listed(begun):
    for number in range(9):
        begun.write(f"{FOLDER}/odd{number}", "x")
    told = begun.idse("spawn", "search").stderr
    assert told.count("warning:") == 4
    assert "warning: 6 more in .idse/templates: idse doctor\n" in told


def test_json_has_them_as_diagnostics(begun):
    begun.write(f"{FOLDER}/intnt.md.j2", "x")
    done = begun.idse("spawn", "search", "--json")
    (told,) = json.loads(done.stdout)["diagnostics"]
    assert (told["severity"], told["where"]) == ("warning", f"{FOLDER}/intnt.md.j2")
    assert told["message"] == "replaces no template"
    assert (told["cause"], told["fix"]) == (f"did you mean {FOLDER}/intent.md.j2?", [])
    assert done.stderr == ""


def test_doctor_reports_them_and_touches_nothing(begun):
    assert "templates" in begun.idse("doctor", "-v").stdout
    path = begun.write(f"{FOLDER}/intnt.md.j2", "x")
    done = begun.idse("doctor", "--fix", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)["data"]["checks"]}["templates"]
    assert (done.returncode, found["verdict"]) == (0, "warning")
    assert found["says"] == (
        f"{FOLDER}/intnt.md.j2 replaces no template; did you mean {FOLDER}/intent.md.j2?"
    )
    assert path.exists()


def test_a_folder_of_templates_that_leads_elsewhere_is_not_searched(begun, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "zebra").write_text("x")
    (begun.path / FOLDER).symlink_to(tmp_path / "elsewhere")
    assert "zebra" not in begun.idse("doctor", "-v").stdout
