#!/usr/bin/python3
"""scp to an OpenSSH server of this machine, which its client starts for each connection: no port is opened.

`remote_lent` is a file of SIZE bytes that is copied there, with the connection that each scp makes for itself: whoever
moves the data of a task to another machine by hand does this. Nothing there looks at the bytes."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter as now

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work

CONFIGURATION = """HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
Subsystem sftp internal-sftp
LogLevel ERROR
"""
# As root the server insists on a folder in /run, which it gets in a namespace of its own.
SERVE = """#!/bin/sh
[ "$(id -u)" != 0 ] || { mount -t tmpfs -o size=64k tmpfs /run && mkdir -m 755 /run/sshd; } || exit 1
exec setsid /usr/sbin/sshd -i -e -f {folder}/config
"""


def words_of(folder):
    """Make the keys and the configuration of a server, and return the words that scp needs to reach it."""
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    (folder / "config").write_text(CONFIGURATION.format(folder=folder))
    serve = folder / "serve"
    serve.write_text(SERVE.replace("{folder}", str(folder)))
    serve.chmod(0o700)
    proxy = f"unshare --mount {serve}" if os.geteuid() == 0 else str(serve)
    options = {
        "ProxyCommand": proxy,
        "UserKnownHostsFile": folder / "known",
        "StrictHostKeyChecking": "no",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
    }
    words = ["scp", "-q", "-F", "/dev/null", "-i", str(folder / "user_key")]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return words


def run(job):
    programs = (shutil.which("scp"), shutil.which("ssh-keygen"), os.path.exists("/usr/sbin/sshd"))
    if job.work != "remote_lent" or not all(programs):
        return None
    with tempfile.TemporaryDirectory(prefix="coproc-scp-") as name:
        folder = pathlib.Path(name)
        words = words_of(folder)
        source, target = folder / "source", folder / "target"
        source.write_bytes(os.urandom(job.size))
        rates, begin = [], now()
        while now() < begin + job.seconds or len(rates) < 3:
            start = now()
            subprocess.run([*words, str(source), f"node7:{target}"], check=True, stdin=subprocess.DEVNULL)
            rates.append(1 / (now() - start))
            if target.stat().st_size != job.size:
                raise RuntimeError("scp has not copied the file")
            target.unlink()
        return {"unit": "messages/s", "value": median(rates), "messages": len(rates)}


if __name__ == "__main__":
    work.run_job(run)
