"""The Dockerfile and the compose file: whatever can be known of them without a container engine."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from agency_bed import AgencyBed

HOUSE = pathlib.Path(__file__).parents[2]
DEPLOY = HOUSE / "deploy"
BIN = pathlib.Path(sys.executable).parent
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def lines(instruction):
    """What stands behind an instruction of the Dockerfile, each time."""
    return re.findall(rf"(?m)^\s*{instruction}\s+(.*)$", DOCKERFILE)


def test_the_compose_file_keeps_to_its_schema():
    done = run(
        str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")
    )
    assert done.returncode == 0, done.stdout


def test_the_linter_finds_nothing_in_the_dockerfile():
    if not (BIN / "hadolint").exists():
        pytest.skip("hadolint is not installed here: its wheels are for Linux on x86_64")
    done = run(str(BIN / "hadolint"), str(DEPLOY / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def commands():
    """The words of each command of ours: of the services, and of the image where none is given."""
    ours = [each for each in SERVICES.values() if "build" in each]
    return [json.loads(lines("CMD")[-1]), *(each["command"] for each in ours)]


def test_every_command_is_one_of_ours(sealed):
    assert json.loads(lines("ENTRYPOINT")[0]) == ["idse"]
    assert len(commands()) == 3
    for words in commands():
        options = [each for each in words if each.startswith("--")]
        done = run(str(BIN / "idse"), *words[:2], "--help")
        assert done.returncode == 0, words
        assert all(option in done.stdout for option in options), words


def test_variables_of_the_compose_file_are_those_of_the_example():
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    said = re.findall(r"(?m)^(\w+)=", (DEPLOY / ".env.example").read_text())
    assert sorted(used) == sorted(said)
    assert all(
        f"Dockerfile -t {image}" in (DEPLOY / "Dockerfile").read_text() for image in [_said("AGENCY_IMAGE")]
    )


def _said(name):
    return re.search(rf"(?m)^{name}=(.*)$", (DEPLOY / ".env.example").read_text())[1]


def test_variables_of_the_server_are_known_to_it():
    from idse_orchestrator.server.tenants.configuration import SETTINGS, VARIABLE

    known = {VARIABLE, *(each.variable for each in SETTINGS.values())}
    named = {name for each in SERVICES.values() for name in each["environment"] if name.startswith("IDSE_")}
    named |= set(re.findall(r"(IDSE_\w+)=", " ".join(lines("ENV"))))
    assert named == {"IDSE_AGENCY_HOME", "IDSE_AGENCY_BASE_URL"}
    assert named <= known


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_little(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not service["user"].startswith("0")
    assert not [key for key in service["environment"] if "PASSWORD" in key and not key.endswith("_FILE")]
    for port in service.get("ports", []):
        assert port.startswith("${AGENCY_LISTEN")
    assert _said("AGENCY_LISTEN").startswith("127.0.0.1:")


def test_images_are_pinned_and_are_not_root():
    bases = [each.split()[0] for each in lines("FROM")]
    assert len(set(bases)) == 1
    for image in (*bases, SERVICES["postgres"]["image"]):
        assert re.search(r":\d+\.\d+(\.\d+)?-[\w-]+$", image), image
    assert lines("USER") == [SERVICES["agency"]["user"]]
    assert "10001" in DOCKERFILE.partition("useradd")[2].partition("&&")[0]


def test_what_the_dockerfile_copies_makes_the_whole_wheel(tmp_path):
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    source = tmp_path / "source"
    source.mkdir()
    copied = [word for each in lines("COPY") if not each.startswith("--from") for word in each.split()[:-1]]
    assert sorted(f"!{each}" for each in copied) == sorted(each for each in ignored if each.startswith("!"))
    for name in copied:
        there = HOUSE / name
        shutil.copytree(there, source / name) if there.is_dir() else shutil.copy(there, source)
    done = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source),
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    listed = run(sys.executable, "-m", "zipfile", "-l", str(next(tmp_path.glob("*.whl")))).stdout
    for name in ("_shipped/hooks/pre-push", "_shipped/templates/spec.md.j2", "pages/templates/pages.css"):
        assert name in listed


def test_the_health_check_says_whether_it_can_serve(tmp_path, sealed):
    (words,) = (json.loads(each.partition("CMD")[2]) for each in lines("HEALTHCHECK"))
    bed = AgencyBed(tmp_path / "agency")
    bed.start()
    code = words[2].replace("127.0.0.1:8417", bed.address)
    assert run(sys.executable, "-c", code).returncode == 0
    bed.stop()
    assert run(sys.executable, "-c", code).returncode != 0


def test_the_how_to_says_what_stands_here():
    text = (HOUSE / "docs/how-to/an-agency-with-compose.md").read_text()
    profiles = {name for each in SERVICES.values() for name in each.get("profiles", ())}
    assert all(f"`{name}`" in text for name in {*profiles, *SERVICES})
    for line in re.findall(r"(?m)^docker compose (.*)$", text):
        words = shlex.split(line)
        assert any(word in ("build", "up", "run", "down", "logs", "exec") for word in words), line
