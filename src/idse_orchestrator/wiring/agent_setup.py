"""The agents of this user: their file, the programs that are there, their keys, and prices."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.resources import files

from idse_orchestrator.base.files import storage_error
from idse_orchestrator.errors import AgentNotReadyError
from idse_orchestrator.runner.agents.adapter import Adapter
from idse_orchestrator.runner.agents.settings import INSTALL, LOGIN, AgentSettings
from idse_orchestrator.runner.model import configuration
from idse_orchestrator.runner.model import prices as pricing
from idse_orchestrator.runner.model.configuration import SHELL, Configuration, adapter_of, read_configuration
from idse_orchestrator.runner.model.prices import Prices, read_prices

_CREDENTIAL_SECONDS = 30.0


def configuration_home(environment: Mapping[str, str]) -> str:
    """Returns the user's folder for configuration of idse."""
    given = environment.get("XDG_CONFIG_HOME", "")
    home = given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "idse")


def agents_of(environment: Mapping[str, str]) -> Configuration:
    """Returns what the user has set up; InvalidConfigurationError where the file is wrong."""
    path = os.path.join(configuration_home(environment), os.path.basename(configuration.FILE))
    return read_configuration(_content(path), path)


def prices_of(environment: Mapping[str, str]) -> Prices:
    """Returns the shipped prices with the user's own."""
    path = os.path.join(configuration_home(environment), os.path.basename(pricing.FILE))
    shipped = files("idse_orchestrator.runner").joinpath(pricing.SHIPPED).read_bytes()
    return read_prices(shipped, _content(path), path)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path) from error


def ready_adapter(settings: AgentSettings, environment: Mapping[str, str]) -> Adapter:
    """Returns the adapter of an agent that can begin: its program is there, and it has a key.

    AgentNotReadyError says by name what is missing, and what to type.
    """
    if settings.adapter == SHELL:
        return adapter_of(settings)
    program = shutil.which(settings.program, path=environment.get("PATH"))
    if program is None:
        raise AgentNotReadyError(
            f"agent {settings.name} is not installed: there is no program {settings.program}",
            where=environment.get("PATH"),
            fix=_ways(INSTALL.get(settings.adapter), settings, "program"),
        )
    shown = _installed(program, environment.get("PATH", ""))
    found = settings._replace(program=program, reads=(*settings.reads, *shown))
    if found.argv:
        found = found._replace(argv=(program, *found.argv[1:]))
    return adapter_of(found._replace(env={**found.env, **_key(found, environment)}))


def _installed(program: str, path: str) -> tuple[str, ...]:
    """Returns what a sandbox has to show of a program besides the folders of PATH.

    A package of npm lies beside the packages that it needs: the whole folder of modules is shown. Of a home
    only the program is.
    """
    real = os.path.realpath(program)
    modules, found, _ = real.partition("/node_modules/")
    folder = f"{modules}/node_modules" if found else os.path.dirname(real)
    shown = real if folder in (os.path.realpath(os.path.expanduser("~")), "/") else folder
    is_found = os.path.dirname(program) in path.split(os.pathsep)
    return (shown,) if is_found or shown == real else (program, shown)


def _key(settings: AgentSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the key that a command printed, by its variable; nothing where the environment has one."""
    if not settings.keys or any(environment.get(name) or settings.env.get(name) for name in settings.keys):
        return {}
    if not settings.credential:
        raise AgentNotReadyError(
            f"agent {settings.name} is not logged in: {settings.keys[0]} is not set",
            cause="each worker has a home of its own, so a login in yours does not count",
            fix=(
                f"export {settings.keys[0]}=KEY",
                *_ways(LOGIN.get(settings.adapter), settings, "credential"),
            ),
        )
    return {settings.keys[0]: _printed(settings)}


def _printed(settings: AgentSettings) -> str:
    """Returns the first line that the credential command of an agent prints."""
    from idse_orchestrator.runner.work.child import Start, run_to_end

    lines: list[bytes] = []
    start = Start(
        settings.credential,
        dict(os.environ),
        os.path.expanduser("~"),
        timeout_s=_CREDENTIAL_SECONDS,
        on_line=lines.append,
    )
    try:
        child = run_to_end(start)
        what = f"it ended with exit code {child.ended.code}" if child.ended and child.ended.code else ""
    except OSError as error:
        what = f"{settings.credential[0]}: {error.strerror}"
    if what or not lines or not lines[0].strip():
        raise AgentNotReadyError(
            f"agent {settings.name} is not logged in: its credential command gives no key",
            where=configuration.FILE,
            cause=what or "it printed nothing",
            fix=("run it yourself: it has to print the key, on one line",),
        )
    return lines[0].decode("utf-8", "replace").strip()


def _ways(command: str | None, settings: AgentSettings, key: str) -> tuple[str, ...]:
    named = f"agents → {settings.name} → {key} in {configuration.FILE}"
    return (f"in a terminal: {command}", f"or say it below {named}") if command else (f"mend {named}",)
