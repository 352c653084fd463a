"""References to designs: ``agency://<library>/<component>``, and ``@<version>`` where no other is meant.

A library of an Agency holds components in versions. What it knows, its catalogue, is library to version to
the names of components.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidConfigurationError

SCHEME = "agency://"
NAME = r"[a-z0-9][a-z0-9-]{0,63}"
"""Of a library and of a component."""
VERSION = r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}"

CATALOGUE = "designs/catalogue.json"
"""Where it stands in the home of an Agency."""

Catalogue = Mapping[str, Mapping[str, Sequence[str]]]

_ANY = re.compile(r"agency://[^\s<>()\[\]{}\"'`|\\]*")
_WHOLE = re.compile(rf"agency://(?P<library>{NAME})/(?P<component>{NAME})(?:@(?P<version>{VERSION}))?")
_PART = re.compile(r"(\d+)")


class DesignReference(NamedTuple):
    """A component of a library; `version` is "" where the newest is meant."""

    library: str
    component: str
    version: str = ""

    def __str__(self) -> str:
        """Returns it as it is written."""
        return f"{SCHEME}{self.library}/{self.component}{self.version and f'@{self.version}'}"


def catalogue_of(data: bytes, where: str) -> Catalogue:
    """Returns the catalogue that a JSON text holds, which may come from elsewhere.

    InvalidConfigurationError, with `where` and what is wrong, for anything else.
    """
    try:
        found = json.loads(data)
        libraries = found["designs"]
        for library, versions in libraries.items():
            _check_name(library, NAME)
            for version, components in versions.items():
                _check_name(version, VERSION)
                for component in [*components]:
                    _check_name(component, NAME)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        cause = str(error) if isinstance(error, ValueError) else "it is no list of libraries"
        raise InvalidConfigurationError(
            "the catalogue of designs cannot be used", where=where, cause=cause
        ) from error
    catalogue: Catalogue = libraries
    return catalogue


def catalogue_bytes(catalogue: Catalogue) -> bytes:
    """Returns the JSON text that `catalogue_of` reads."""
    return json.dumps({"designs": catalogue}, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _check_name(name: object, grammar: str) -> None:
    if not isinstance(name, str) or re.fullmatch(grammar, name, re.ASCII) is None:
        raise ValueError(f"{str(name)[:80]!r} can be no name in it")


def reference_of(text: str) -> DesignReference | None:
    """Returns the reference that `text` is; None for anything else."""
    found = _WHOLE.fullmatch(text)
    return DesignReference(found["library"], found["component"], found["version"] or "") if found else None


def written_references(text: str) -> Iterator[tuple[int, str]]:
    """Yields offset and words of all that begins like a reference, without what ends a sentence after it."""
    for found in _ANY.finditer(text):
        yield found.start(), found[0].rstrip(".,;:!?*_~")


def newest(versions: Sequence[str] | Mapping[str, object]) -> str:
    """Returns the highest version: numbers in it count as numbers, and 2.0-beta comes before 2.0."""
    return max(versions, key=_order)


def _order(version: str) -> tuple[tuple[tuple[int, int, str], ...], int, str]:
    core, _, rest = version.partition("-")
    parts = tuple(
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in _PART.split(core) if part
    )
    return parts, 0 if rest else 1, rest


def problem_with(reference: DesignReference, catalogue: Catalogue) -> str:
    """Returns why `catalogue` does not have what is meant; "" where it does."""
    versions = catalogue.get(reference.library)
    if not versions:
        return f"there is no library {reference.library}"
    version = reference.version or newest(versions)
    if version not in versions:
        return f"{reference.library} has no version {version}"
    if reference.component not in versions[version]:
        return f"{reference.library} {version} has no component {reference.component}"
    return ""


def nearest_to(reference: DesignReference, catalogue: Catalogue) -> tuple[str, ...]:
    """Returns the question whether another name was meant; empty where none is near."""
    library, component, version = reference
    versions = catalogue.get(library)
    if not versions:
        return did_you_mean(library, catalogue, 3, f"{SCHEME}{{}}/{component}")
    having = [name for name, components in versions.items() if component in components]
    if having:
        return (f"did you mean {reference._replace(version=newest(having))}?",)
    if version not in versions:
        version = ""
    known = versions[version or newest(versions)]
    return did_you_mean(component, known, 3, f"{SCHEME}{library}/{{}}{version and f'@{version}'}")
