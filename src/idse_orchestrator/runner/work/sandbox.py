"""The sandbox of an attempt: bubblewrap, or namespaces by `unshare`, or none, which is said loudly.

A rung of this ladder counts as there when a program really ran on it. What an attempt can reach under
bubblewrap: the system's own folders, those of PATH, git's objects and its task, to read; its workspace, its
home and its output, to write; nothing else. `unshare` gives it processes of its own and hides the user's
home and the folders that idse keeps; other files are as open as to the user. Both end all processes of an
attempt when its first one ends.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from shutil import which

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UsageError
from idse_orchestrator.runner.work.child import MARK, Start, run_to_end

BWRAP, UNSHARE, NONE = "bwrap", "unshare", "none"
AUTO, REQUIRED = "auto", "required"
WANTED = (AUTO, REQUIRED, NONE)

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/nix/store")
_RESOLVERS = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf")
_TRIAL_SECONDS = 10.0


class Reach(NamedTuple):
    """What an attempt may reach: absolute paths. `hidden` are folders that even the weaker rung hides."""

    write: tuple[str, ...]
    read: tuple[str, ...]
    hidden: tuple[str, ...]
    network: bool = True


class Sandbox(NamedTuple):
    """A rung of the ladder; `program` is what makes it. `passed` says why better ones were passed by."""

    name: str
    program: str = ""
    passed: tuple[str, ...] = ()

    @property
    def contains(self) -> bool:
        """True where the end of its first process takes all others along."""
        return self.name != NONE

    def start(self, start: Start, reach: Reach) -> Start:
        """Returns how `start` is started in it; its environment gets its mark."""
        if self.name == NONE:
            return start._replace(env={**start.env, MARK: start.mark}) if start.mark else start
        wrap = _bwrap if self.name == BWRAP else _unshare
        before = wrap(self.program, start, reach)
        return start._replace(argv=(*before, *start.argv), contained=True)


def find_sandbox(wanted: str, environment: Mapping[str, str]) -> Sandbox:
    """Returns the best rung that works here; UsageError where one is required and none does."""
    if wanted == NONE:
        return Sandbox(NONE)
    passed: list[str] = []
    path = environment.get("PATH", "")
    for name, program in ((BWRAP, "bwrap"), (UNSHARE, "unshare")):
        place = which(program, path=path)
        if place is None:
            passed.append(f"{program} is not installed")
            continue
        found = Sandbox(name, place, tuple(passed))
        trouble = _trouble(found, path)
        if not trouble:
            return found
        passed.append(f"{program} does not work here: {trouble}")
    if wanted == REQUIRED:
        raise UsageError(
            "there is no sandbox here, and one is required",
            cause="; ".join(passed),
            fix=("install bubblewrap", "idse run --sandbox none  # what an agent does is not contained then"),
        )
    return Sandbox(NONE, passed=tuple(passed))


def _trouble(sandbox: Sandbox, path: str) -> str:
    """Returns what keeps a program from running in `sandbox`, "" where one did."""
    trial = Start(("true",), {"PATH": path, "LC_ALL": "C"}, "/", timeout_s=_TRIAL_SECONDS, mark="trial")
    try:
        child = run_to_end(sandbox.start(trial, Reach((), (), (), network=False)))
    except OSError as error:
        return error.strerror or str(error)
    ended = child.ended
    if ended is not None and ended.code == 0:
        return ""
    words = child.words.decode("utf-8", "replace").strip().split("\n")
    return words[-1] or "it does not end well"


def _bwrap(program: str, start: Start, reach: Reach) -> Sequence[str]:
    args = [program, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts"]
    args += ["--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL"]
    args += [] if reach.network else ["--unshare-net"]
    args += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/var/tmp"]  # noqa: S108 - its own
    for place in (*_SYSTEM, *(_RESOLVERS if reach.network else ())):
        args += ["--ro-bind-try", place, place]
    folders = (*_of_path(start.env.get("PATH", "")), *reach.read)
    for place in _outermost(folders):
        args += ["--ro-bind-try", place, place]
    for place in reach.write:
        args += ["--bind", place, place]
    for place in _closed() if os.geteuid() == 0 else ():
        args += ["--tmpfs", place] if os.path.isdir(place) else ["--ro-bind", "/dev/null", place]
    if start.mark:
        # Not by its own environment: to end an attempt is to end what carries the mark, and bwrap at last.
        args += ["--setenv", MARK, start.mark]
    return (*args, "--chdir", start.cwd, "--")


@cache
def _closed() -> Sequence[str]:
    """Returns what below /etc only root may read, such as keys of the host: inside, root reads it still."""
    found: list[str] = []
    for folder, folders, names in os.walk("/etc"):
        for name in (*folders, *names):
            place = os.path.join(folder, name)
            with suppress(OSError):
                mode = os.lstat(place).st_mode
                if not stat.S_ISLNK(mode) and not mode & (0o005 if stat.S_ISDIR(mode) else 0o004):
                    found.append(place)
        folders[:] = [name for name in folders if os.path.join(folder, name) not in found]
    return found


_HIDE = """\
set -e
while [ "$1" != -- ]; do
  case $1 in
    keep) n=$((${n-3} + 1)); eval "exec $n<\\"\\$2\\"; kept_$n=\\$2" ;;
    hide) [ -d "$2" ] && mount -t tmpfs -o mode=755 tmpfs "$2" ;;
  esac
  shift 2
done
shift
i=4
while [ $i -le ${n-3} ]; do
  eval "place=\\$kept_$i"
  if [ -d /proc/self/fd/$i ]; then mkdir -p "$place"; else mkdir -p "${place%/*}"; : >>"$place"; fi
  mount --no-canonicalize --rbind /proc/self/fd/$i "$place"
  eval "exec $i<&-"
  i=$((i + 1))
done
cd "$1"
shift
exec "$@"
"""
"""Hides folders below empty ones, and binds what is to be kept into these again."""

_MOST_KEPT = 6
"""A file descriptor above 9 cannot be named in every shell."""


def _unshare(program: str, start: Start, reach: Reach) -> Sequence[str]:
    args = [program, "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount"]
    args += ["--mount-proc", "--ipc", *([] if reach.network else ["--net"])]
    hidden = [place for place in _outermost(reach.hidden) if os.path.isdir(place)]
    kept = [
        place
        for place in _outermost((*reach.write, *reach.read, *_of_path(start.env.get("PATH", ""))))
        if _is_below(place, hidden) and os.path.exists(place)
    ]
    words = ["-c", _HIDE, "sh"]
    for place in kept[:_MOST_KEPT]:
        words += ["keep", place]
    for place in hidden:
        words += ["hide", place]
    mark = ["env", f"{MARK}={start.mark}"] if start.mark else []
    return (*args, "--", "/bin/sh", *words, "--", start.cwd, *mark)


def _of_path(path: str) -> Iterable[str]:
    """Yields what programs of PATH need: its folders, and all of an installation that is told by its form.

    A folder such as ``~/.local`` or ``~/.cargo`` has keys beside its programs, so only its ``bin`` is bound.
    """
    for folder in dict.fromkeys(filter(os.path.isabs, path.split(os.pathsep))):
        if not os.path.isdir(folder) or _is_below(folder, _SYSTEM):
            continue
        above, name = os.path.split(os.path.normpath(folder))
        if name == "shims" or "/versions/" in above or "/installs/" in above:
            yield above
        elif os.path.isfile(os.path.join(above, "pyvenv.cfg")):
            yield above
            python = os.path.realpath(os.path.join(folder, "python3"))
            base = os.path.dirname(os.path.dirname(python))
            if os.path.isfile(python) and base != "/" and not _is_below(base, _SYSTEM):
                yield base
        else:
            yield folder


def _outermost(places: Iterable[str]) -> list[str]:
    """Returns `places` without those that lie within another one."""
    known = list(dict.fromkeys(map(os.path.normpath, places)))
    return [place for place in known if not _is_below(place, [each for each in known if each != place])]


def _is_below(place: str, folders: Iterable[str]) -> bool:
    return any(place == each or place.startswith(each.rstrip("/") + "/") for each in folders)
