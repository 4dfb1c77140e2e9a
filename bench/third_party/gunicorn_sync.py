#!/usr/bin/python3
"""gunicorn with one worker of its default class (sync), which is killed in a request. A request is for the path /PID:
the worker of this pid holds it, any other answers with its own."""

import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work


def application(environ, start_response):
    if environ["PATH_INFO"] == f"/{os.getpid()}":
        os.write(int(os.environ["HELD_FD"]), b"!")
        time.sleep(10_000)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def request(address, pid):
    connection = http.client.HTTPConnection(*address)
    connection.request("GET", f"/{pid}")
    return connection


def answer_to(connection):
    pid = int(connection.getresponse().read())
    connection.close()
    return pid


def restart(address, hold):
    pid = answer_to(request(address, 0))
    lost, waiting = request(address, pid), request(address, 0)
    moment = hold.end_of(pid)
    try:
        answer_to(lost)
        work.check(False, "the request that was lost has an answer")
    except ConnectionError:  # closed without an answer
        pass
    next_pid = answer_to(waiting)  # its connection was not accepted before
    elapsed = (work.now() - moment) * 1e6
    work.check(next_pid != pid, "the answer is that of the dead worker")
    return elapsed


def run(job):
    program = shutil.which("gunicorn")
    if job.work != "restart" or program is None:
        return None
    hold = work.Hold()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = pathlib.Path(__file__).resolve()
        server = subprocess.Popen(
            [program, "--log-level", "critical", "--bind", f"fd://{listener.fileno()}", "--pythonpath", here.parent]
            + [f"{here.stem}:application"],
            pass_fds=[listener.fileno(), hold.write_end],
            env={**os.environ, "HELD_FD": str(hold.write_end), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            return work.time_restarts(job, lambda: restart(listener.getsockname(), hold))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    work.run_job(run)
