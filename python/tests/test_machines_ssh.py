"""Workers behind a real OpenSSH server, which the client starts itself for each connection: no port is opened."""

import os
import pathlib
import shutil
import subprocess

import coproc
import pytest
from machines import PATIENT, PATIENT_STOP, echo, script


@pytest.fixture
def node7(tmp_path):
    """Make a server with keys and a home of its own."""
    home = tmp_path / "it's a $HOME, & more"
    home.mkdir()
    for key in ("host_key", "user_key"):
        if shutil.which("ssh-keygen") is None or not os.path.exists("/usr/sbin/sshd"):
            pytest.skip("there is no OpenSSH server (openssh-server)")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True)
    path = pathlib.Path(coproc.__file__).parents[1]
    (tmp_path / "config").write_text(
        f"HostKey {tmp_path}/host_key\nAuthorizedKeysFile {tmp_path}/user_key.pub\nPidFile none\nStrictModes no\n"
        "UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nLogLevel ERROR\n"
        f'SetEnv "HOME={home}" "PYTHONPATH={path}"\n'
    )
    # As root it insists on a folder in /run, which it gets in a namespace of its own.
    serve = script(
        tmp_path / "serve",
        '[ "$(id -u)" != 0 ] || { mount -t tmpfs -o size=64k tmpfs /run && mkdir -m 755 /run/sshd; } || exit 1\n'
        f"exec setsid /usr/sbin/sshd -i -e -f {tmp_path}/config\n",
    )
    proxy = f"unshare --mount {serve}" if os.geteuid() == 0 else serve
    words = ["-F", "/dev/null"]
    for option in (
        f"ProxyCommand={proxy}", f"UserKnownHostsFile={tmp_path}/known", "StrictHostKeyChecking=no",
        "IdentitiesOnly=yes", "LogLevel=ERROR",
    ):  # fmt: skip
        words += ["-o", option]
    launcher = coproc.ssh("node7", [*words, "-i", str(tmp_path / "user_key")])
    said = subprocess.run(
        [*launcher.command, "echo it works"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if said.stdout != "it works\n":
        pytest.skip(f"the OpenSSH server does not work here: {said.stdout}{said.stderr}")
    return coproc.Machine(launcher, **PATIENT), home


def test_a_worker_behind_ssh(node7):
    machine, home = node7
    worker = coproc.WorkerResource(echo, machine=machine, stop=PATIENT_STOP, start_timeout=300)
    worker.start(greeting="so: ")
    assert worker.messenger.call('it\'s "quoted"') == 'so: it\'s "quoted"'
    assert worker.stop().success
    (agent,) = (path for path in (home / ".cache" / "coproc").rglob("*") if path.is_file())
    assert agent.name == "coproc-agent"  # and nothing else was sent there
