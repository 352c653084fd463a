"""The settings idse knows, and what they are here: several layers, of which the last that speaks counts.

built-in < ``~/.idseconfig.json`` < git's own configuration (``idse.*``) < environment (``IDSE_*``). No
setting names a command, and none is read from a file that a branch carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from idse_orchestrator.base.names import check_known, check_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import IdseError, InvalidConfigurationError, UnsafeRemoteError
from idse_orchestrator.redaction import has_secret, redacted

BUILT_IN = "built-in"
HOME = "home"
GIT = "git"
ENVIRONMENT = "environment"
LAYERS = (BUILT_IN, HOME, GIT, ENVIRONMENT)
_DAY = 86_400
_ANSWERS = ("allow", "warn", "ask", "deny")


class Setting(NamedTuple):
    """A setting: its key, its variable, its built-in value, what it is for, and what it may be."""

    key: str
    variable: str
    default: str
    summary: str
    check: Callable[[str], str]


def _text(value: str) -> str:
    if any(not char.isprintable() for char in value):
        raise InvalidConfigurationError("a line break or control character is in it")
    return value


def _project(value: str) -> str:
    return check_name("project", value) if value else value


def _name(value: str) -> str:
    return check_name("remote", value) if value else value


def _seconds(value: str) -> str:
    if not value.isdecimal() or not 1 <= int(value) <= _DAY:
        raise InvalidConfigurationError(f"it is a number of seconds from 1 to {_DAY}")
    return value


def _answer(value: str) -> str:
    if value not in _ANSWERS:
        raise InvalidConfigurationError(f"it is one of: {', '.join(_ANSWERS)}")
    return value


def _yes_or_no(value: str) -> str:
    words = {"true": "true", "yes": "true", "on": "true", "1": "true"}
    words |= {"false": "false", "no": "false", "off": "false", "0": "false"}
    if value.lower() not in words:
        raise InvalidConfigurationError("it is true or false")
    return words[value.lower()]


def _url(value: str) -> str:
    if value.startswith("-") or "::" in value.partition("/")[0]:
        raise InvalidConfigurationError("git could take it for an option or a program")
    return _text(value)


MISPLACED_CODE = "misplaced-code"
FORMER = {"code-edits": MISPLACED_CODE}
"""Keys of before, to those that they are called now. They go on to count, where the other is not said."""
_FORMER_VARIABLES = {"IDSE_CODE_EDITS": MISPLACED_CODE}

SETTINGS = {
    setting.key: setting
    for setting in (
        Setting("agent", "IDSE_AGENT", "", "The agent that acts for the git identity.", _text),
        Setting("project", "IDSE_PROJECT", "", "The project to work on where nothing else says.", _project),
        Setting(
            MISPLACED_CODE,
            "IDSE_MISPLACED_CODE",
            "warn",
            "What is done about code before implementation, after the end, or on a branch of no session: "
            "allow, warn, ask or deny.",
            _answer,
        ),
        Setting(
            "requireledgers",
            "IDSE_REQUIRE_LEDGERS",
            "false",
            "Whether to judge nothing where the ledgers are missing that say what was promised.",
            _yes_or_no,
        ),
        Setting(
            "drift",
            "IDSE_DRIFT",
            "true",
            "Whether status and report say where code changed after its implementation was complete.",
            _yes_or_no,
        ),
        Setting("checks", "IDSE_CHECKS", "", "Check verbs of installed packages that rules may use.", _text),
        Setting(
            "agency.url", "IDSE_AGENCY_URL", "", "The Agency: the remote that ledgers are pushed to.", _url
        ),
        Setting(
            "agency.remote",
            "IDSE_AGENCY_REMOTE",
            "",
            "The Agency's git remote, where it is not agency.",
            _name,
        ),
        Setting(
            "agency.timeout",
            "IDSE_AGENCY_TIMEOUT",
            "300",
            "Seconds without a word from the Agency.",
            _seconds,
        ),
    )
}


class Value(NamedTuple):
    """What a setting is, the layer that says so (one of LAYERS), and where exactly (a file, a variable)."""

    key: str
    value: str
    layer: str
    origin: str

    @property
    def shown(self) -> str:
        """The value without the passwords in it."""
        return redacted(self.value)


class Stated(NamedTuple):
    """What one layer says of one key, and where; `named` is the key as it stands there, where it differs."""

    key: str
    value: str
    origin: str
    named: str = ""


class Layers(Protocol):
    """Where settings come from. Reading may raise InvalidConfigurationError."""

    def home(self) -> Sequence[Stated]:
        """Returns what ``~/.idseconfig.json`` says."""

    def git(self) -> Sequence[Stated]:
        """Returns what git's configuration says, weakest first."""

    def environment(self) -> Mapping[str, str]:
        """Environment variables."""

    def write(self, key: str, value: str) -> None:
        """Sets ``idse.<key>`` in this repository's git configuration."""


def configuration(layers: Layers) -> Mapping[str, Value]:
    """Returns every setting, by key.

    InvalidConfigurationError names a value that cannot be used, and its place.
    """
    stated = _everything(layers)
    return {key: _resolved(key, stated) for key in SETTINGS}


def get_setting(layers: Layers, key: str) -> Value:
    """Returns one setting; UnknownNameError for a key that idse does not know.

    The others need not be usable.
    """
    return _resolved(known_key(key), _everything(layers))


def stated_values(layers: Layers, key: str) -> Sequence[str]:
    """Returns what every layer says of `key`, whether it counts or not, weakest first; unchecked."""
    return [said.value for _, all_said in _everything(layers) for said in all_said if said.key == key]


def set_setting(layers: Layers, key: str, value: str) -> Value:
    """Sets `key` for this repository; what it is now, which another layer may still decide."""
    known = known_key(key)
    if has_secret(value):
        raise UnsafeRemoteError(
            f"setting {known} cannot hold a password or a token",
            where="the command line",
            cause="it would be seen in process lists and in messages",
            fix=(
                f"idse config set {known} {one_word(redacted(value))}",
                "git config credential.helper store  # lets git keep it: git help credentials",
            ),
        )
    layers.write(known, _checked(Stated(known, value, "the command line")))
    return get_setting(layers, known)


def unknown_keys(layers: Layers) -> Sequence[Stated]:
    """Returns what the home file and git's configuration say about keys that idse does not know."""
    said = (*layers.home(), *layers.git())
    return [each for each in said if each.key not in SETTINGS and each.key not in FORMER]


def known_key(key: str) -> str:
    """Returns `key` in the spelling of SETTINGS; UnknownNameError when there is none like it."""
    plain = key.lower().removeprefix("idse.")
    return check_known("setting", FORMER.get(plain, plain), SETTINGS, ("idse config list",))


def _everything(layers: Layers) -> Sequence[tuple[str, Sequence[Stated]]]:
    found = (HOME, layers.home()), (GIT, layers.git()), (ENVIRONMENT, _variables(layers))
    return [(layer, _renamed(stated)) for layer, stated in found]


def _renamed(stated: Sequence[Stated]) -> Sequence[Stated]:
    """Returns the same under the keys of today; what a layer says under one of these counts more."""
    former = [each._replace(key=FORMER[each.key], named=each.key) for each in stated if each.key in FORMER]
    return [*former, *(each for each in stated if each.key not in FORMER)]


def _resolved(key: str, stated: Sequence[tuple[str, Sequence[Stated]]]) -> Value:
    found = Value(key, SETTINGS[key].default, BUILT_IN, BUILT_IN)
    for layer, all_said in stated:
        for said in all_said:
            if said.key == key:
                found = Value(key, _checked(said), layer, said.origin)
    return found


def _variables(layers: Layers) -> Sequence[Stated]:
    environment = layers.environment()
    former = [
        Stated(key, environment[name], name)
        for name, key in _FORMER_VARIABLES.items()
        if environment.get(name)
    ]
    return former + [
        Stated(setting.key, environment[setting.variable], setting.variable)
        for setting in SETTINGS.values()
        if environment.get(setting.variable)
    ]


def _checked(said: Stated) -> str:
    try:
        return SETTINGS[said.key].check(said.value)
    except IdseError as error:
        raise InvalidConfigurationError(
            f"setting {said.named or said.key} cannot be {said.value!r}",
            where=said.origin,
            cause=error.message,
            fix=error.words + error.fix,
        ) from error
