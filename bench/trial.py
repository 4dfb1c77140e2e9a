"""Runs one benchmark program for one trial, with a probe of the processors' distance before and after it."""

import json
import os
import signal
import subprocess
import sys

NOT_OFFERED = 3
PROBE_SECONDS = 0.02
TIMEOUT_SECONDS = 90


class Failed(Exception):
    pass


def run(program, work, size, processors, seconds):
    """Return the result that the program prints, or None if it does not offer this work or size."""
    command = [str(program), work, str(size), *map(str, processors), f"{seconds:g}"]
    # A session of its own, so that everything that it has started can be killed if it hangs or is interrupted.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: not done after {TIMEOUT_SECONDS} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode == NOT_OFFERED:
        return None
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {process.returncode}: {err.strip()[-500:]}")
    try:
        result = json.loads(out.strip().splitlines()[-1])
        float(result["value"])
        return result
    except (ValueError, KeyError, IndexError, TypeError):
        raise Failed(f"{' '.join(command)}: printed no result: {out.strip()[-200:]}")


class Prober:
    """Measures the time in which a flag goes to the other processor and back. The probe after one trial also serves as
    the probe before the next one, unless `forget` is called."""

    def __init__(self, flag_program, processors):
        self.flag_program = flag_program
        self.processors = processors
        self.latest = None

    def before(self):
        return self.after() if self.latest is None else self.latest

    def after(self):
        result = run(self.flag_program, "round_trip", 64, self.processors, PROBE_SECONDS)
        self.latest = result["value"]
        return self.latest

    def forget(self):
        self.latest = None


def is_steady(*probes):
    """Return whether these probes agree."""
    known = [probe for probe in probes if probe is not None]
    return not known or max(known) <= 1.4 * min(known)


def warn(text):
    print(text, file=sys.stderr, flush=True)
