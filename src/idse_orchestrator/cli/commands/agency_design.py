"""``idse agency design``: libraries of components that plans refer to as ``agency://LIBRARY/COMPONENT``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.options import Group, agency_command
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.documents.design_reference import (
    SCHEME,
    DesignReference,
    newest,
    reference_of,
)
from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.server.tenants.designs import Design, Designs, Library

_SCHEMA = "idse.agency-design/1"


def _designs(home: str) -> Designs:
    from idse_orchestrator.server.tenants.designs import Designs
    from idse_orchestrator.server.tenants.home import open_home

    return Designs(open_home(home).path)


@agency_command("add", click.argument("folder", metavar="FOLDER", type=click.Path()))
def add(_run: Run, home: str, folder: str) -> Answer:
    """Add the library in FOLDER: design.json, README.md and the files that design.json names.

    It is copied, and a version never changes. Clones know of it with their next sync.
    """
    library, is_new = _designs(home).add(folder)
    what = f"{library.library} {library.version}"
    return Answer(
        _SCHEMA,
        lambda: {**_library_data(library), "new": is_new},
        [
            Said(
                f"added {what}: {counted(len(library.components), 'component')}"
                if is_new
                else f"{what} is there already, with the same content"
            ),
            Said(f"next: idse agency design show {library.library}"),
        ],
    )


@agency_command("list")
def list_designs(_run: Run, home: str) -> Answer:
    """List the libraries, each with its versions and how many components the newest has."""
    catalogue = _designs(home).catalogue()

    def lines() -> Iterator[str]:
        for name, versions in catalogue.items():
            others = ", ".join(version for version in versions if version != newest(versions))
            count = counted(len(versions[newest(versions)]), "component")
            yield f"{name}  {newest(versions)}  {count}" + (f"  (older: {others})" if others else "")
        if not catalogue:
            yield Said("there are no designs")
            yield Said("next: idse agency design add FOLDER")

    return Answer("idse.agency-designs/1", lambda: catalogue, lines())


@agency_command("show", click.argument("name", metavar="LIBRARY[/COMPONENT][@VERSION]"))
def show(_run: Run, home: str, name: str) -> Answer:
    """Show a library, or one component as plans refer to it, with what its README says."""
    designs = _designs(home)
    asked = name.removeprefix(SCHEME)
    reference = reference_of(SCHEME + asked)
    if reference is not None:
        found = designs.find(reference)
        return Answer(_SCHEMA, lambda: _design_data(found), _design_lines(found))
    library_name, _, version = asked.partition("@")
    if not library_name or "/" in asked:
        raise UsageError(
            f"{name!r} names no design",
            cause="it is LIBRARY, LIBRARY@VERSION or LIBRARY/COMPONENT[@VERSION]",
            fix=("idse agency design list",),
        )
    library = designs.library(library_name, version)
    return Answer(_SCHEMA, lambda: _library_data(library), _library_lines(library))


def _library_data(library: Library) -> Mapping[str, object]:
    return library.model_dump()


def _design_data(design: Design) -> Mapping[str, object]:
    shown = {"reference": design.reference, "folder": design.folder, "readme": design.readme}
    return {**shown, "component": design.component.model_dump()}


def _library_lines(library: Library) -> Iterator[str]:
    yield f"{library.library} {library.version}"
    for each in library.components:
        reference = DesignReference(library.library, each.name)
        yield f"  {reference}  {printable(each.summary)}"


def _design_lines(design: Design) -> Iterator[str]:
    yield f"{design.reference}  {printable(design.component.summary)}"
    for name in design.component.files:
        yield f"  {printable(name)}"
    for name, value in design.component.props.items():
        yield f"  {printable(name)}: {printable(json.dumps(value, ensure_ascii=False))}"
    yield f"in {printable(design.folder)}"
    yield ""
    yield from map(printable, design.readme.splitlines())


design = Group(
    "design",
    commands=[add, list_designs, show],
    help="Add and show designs, which plans refer to as agency://LIBRARY/COMPONENT.",
)
