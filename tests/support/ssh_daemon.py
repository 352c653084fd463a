"""A real sshd on a port of this machine, for the user who runs the tests."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import types

from agency_bed import left_out

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv GIT_PROTOCOL
PermitUserEnvironment no
AllowTcpForwarding yes
LogLevel VERBOSE
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def new_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextlib.contextmanager
def running_sshd(folder):
    """An sshd whose files are in `folder`; `port` is where it listens."""
    if SSHD is None or shutil.which("ssh") is None:
        words = "there is no sshd here: apt-get install openssh-server"
        left_out(words)
    port = free_port()
    new_key(folder / "host")
    (folder / "config").write_text(CONFIGURATION.format(port=port, folder=folder))
    (folder / "authorized_keys").touch()
    if os.geteuid() == 0:
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "config")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    made = types.SimpleNamespace(folder=folder, port=port, process=process)
    for _ in range(200):
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        subprocess.run(["sleep", "0.05"], check=True)
    yield made
    process.terminate()
    process.wait(timeout=20)
