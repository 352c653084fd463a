"""How git runs for a client: its hook, and settings by environment, never in a repository.

What stands in a repository's own configuration, or in that of the user who runs the server, cannot
weaken them: settings by environment count last.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.records import NamedTuple

ASK, ANSWER = "IDSE_ASK", "IDSE_ANSWER"
"""Variables that name the pipe on which the hook asks, and the one on which it is answered."""
END, OK, NO = "end", "ok", "no"
"""Words on the pipes: what ends a question, and the first line of an answer. What follows a no is shown."""
ABOUT = (
    "GIT_QUARANTINE_PATH",
    "GIT_PUSH_CERT",
    "GIT_PUSH_CERT_STATUS",
    "GIT_PUSH_CERT_NONCE_STATUS",
    "GIT_PUSH_CERT_SIGNER",
)
"""What git tells a hook in variables: the first lines of a question, before the moves of refs."""

_FEW = 16
"""So many moves of refs cost less in sh than the start of another program."""

HOOK = f"""\
#!/bin/sh
# Asks the judge about a push, on two pipes that the server gave to git. Anything but its "{OK}" refuses.
refuse() {{ printf 'idse: %s: nothing was taken\\n' "$1" >&2; exit 1; }}
test -n "${ASK}" && test -n "${ANSWER}" || refuse 'there is no judge'
{{ printf '%s\\n' {" ".join(f'"${name}"' for name in ABOUT)}
  n=0
  while [ $n -lt {_FEW} ] && IFS= read -r line; do printf '%s\\n' "$line"; n=$((n+1)); done
  [ $n -lt {_FEW} ] || cat && echo {END}; }} 2>/dev/null >"/dev/fd/${ASK}" || refuse 'the judge is gone'
{{ IFS= read -r answer || answer=
  case $answer in
    {OK}) exit 0 ;;
    {NO}) cat >&2; exit 1 ;;
  esac; }} <"/dev/fd/${ANSWER}"
refuse 'the judge gave no answer'
"""

_NAME = "pre-receive"


class Hook:
    """The one hook of all repositories, in a `folder` that holds nothing else."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self.path = os.path.join(self.folder, _NAME)

    def write(self) -> None:
        """Puts the hook there, whatever stands there now, and takes away any other one."""
        make_folder(self.folder, "the home of the Agency")
        write_atomically(self.path, HOOK.encode(), mode=0o700)
        for name in os.listdir(self.folder):
            if name != _NAME:
                os.unlink(os.path.join(self.folder, name))

    def is_whole(self) -> bool:
        """Tests whether git will run it as we wrote it; of a hook that is missing git says nothing."""
        try:
            with open(self.path, "rb") as file:
                return file.read() == HOOK.encode() and os.access(self.path, os.X_OK)
        except OSError:
            return False


class Limits(NamedTuple):
    """What git is told: `path` to its program, the most bytes of a pack, and what signed pushes need.

    Without a `nonce_seed` no push can be signed; `signers` is git's file of allowed signers: where it is not
    there, no signature is known.
    """

    path: str
    pack_bytes: int
    nonce_seed: str = ""
    signers: str = ""


_SLOP_SECONDS = 600


def git_environment(hook: Hook, limits: Limits, extra: Mapping[str, str]) -> dict[str, str]:
    """Returns the whole environment of a git that serves a client; of our own, PATH alone."""
    settings = {
        "core.hooksPath": hook.folder,
        "core.logAllRefUpdates": "always",
        "safe.directory": "*",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "http.receivepack": "true",
        "http.uploadpack": "true",
        "http.getanyfile": "false",
        "transfer.fsckObjects": "true",
        "transfer.hideRefs": "refs/idse-internal",
        "uploadpack.allowAnySHA1InWant": "false",
        "receive.maxInputSize": str(limits.pack_bytes),
        "receive.autogc": "false",
        "receive.denyNonFastForwards": "true",
        "receive.denyDeletes": "true",
        "receive.updateServerInfo": "false",
    }
    if limits.nonce_seed:
        settings["receive.certNonceSeed"] = limits.nonce_seed
        settings["receive.certNonceSlop"] = str(_SLOP_SECONDS)
    if limits.signers and os.path.isfile(limits.signers):
        settings["gpg.format"] = "ssh"
        settings["gpg.ssh.allowedSignersFile"] = limits.signers
    made = {
        "PATH": limits.path,
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_TERMINAL_PROMPT": "0",
    }
    for number, (key, value) in enumerate(settings.items()):
        made[f"GIT_CONFIG_KEY_{number}"] = key
        made[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**made, **extra}
