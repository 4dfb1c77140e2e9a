"""Pools on the nodes of a real Slurm cluster, which has network namespaces of its own."""

import contextlib
import os
import pathlib
import subprocess
import sys

import coproc
import pytest

_CLUSTER = pathlib.Path(__file__).parents[2] / "tests" / "machines" / "launcher" / "slurm_cluster.sh"


@contextlib.contextmanager
def cluster(folder):
    """Make a cluster of two nodes, h1 and h2. The result executes a Python program on h0, and returns its output."""
    if os.geteuid() != 0:
        pytest.skip("there is no Slurm cluster: only root can make network namespaces")
    with subprocess.Popen(
        ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", str(_CLUSTER), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        said = ""
        for line in process.stdout:
            said += line
            if line == "the cluster is up\n":
                break
        else:
            pytest.skip(f"there is no Slurm cluster ({said})")
        (first,) = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        environment = {
            **os.environ,
            "HOME": str(folder),
            "SLURM_CONF": f"{folder}/slurm.conf",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        in_h0 = ["nsenter", f"--net=/proc/{first}/root/run/netns/h0", "unshare", "--uts", "sh", "-c"]

        def run(program):
            done = subprocess.run(
                [*in_h0, 'hostname h0 && exec "$@"', "sh", sys.executable, "-c", program],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            return done.stdout

        yield run


def test_a_pool_on_two_nodes(tmp_path):
    program = """if True:
        import os, subprocess
        import coproc

        allocation = subprocess.run(["salloc", "-N2", "--no-shell"], check=True, capture_output=True)
        os.environ["SLURM_JOB_ID"] = subprocess.check_output(["squeue", "-h", "-o", "%i"], text=True).strip()
        machines = coproc.slurm(2, name="node", silence=600)
        with coproc.Pool(2, machines=machines, start_timeout=300, stop=coproc.StopOptions(close=None)) as pool:
            pool.start()
            print(sum(pool.map(abs, range(-100, 0))))
            print([(each.machine, each.starts) for each in pool.insights()])
            while len(names := set(pool.map(lambda _: os.uname().nodename, range(100), chunksize=1))) < 2:
                pass
            print(sorted(names))
        subprocess.run(["scancel", "-u", "root"], check=True)
        while subprocess.check_output(["squeue", "-h"]):
            pass
    """
    with cluster(tmp_path) as run:
        assert run(program) == "5050\n[('node 0', 1), ('node 1', 1)]\n['h1', 'h2']\n"


def test_arguments_of_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    one, two = coproc.slurm(2, ["-p", "batch"], name="node", program_there="python3", ports=(7000, 7010))
    assert (one.name, two.name) == ("node 0", "node 1") and one.ports == (7000, 7010)
    assert one.launcher.connects_back and one.launcher.ships and one.program_there == "python3"
    assert one.launcher.command[0] == "srun" and one.launcher.command[-2:] == ["-p", "batch"]
    assert os.access(one.agent, os.X_OK)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert coproc.slurm(2)[1].launcher.command[-2:] == ["--overlap", "--relative=1"]
    for nodes in (0, -1):
        with pytest.raises(ValueError, match="at least one node is needed"):
            coproc.slurm(nodes)
