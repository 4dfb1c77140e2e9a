"""The machine of a measurement: kernel, compiler, processors, and how much of these others used."""

import os
import pathlib
import platform
import re
import resource
import subprocess
import time


def usable_processors():
    return sorted(os.sched_getaffinity(0))


def describe(build):
    """Return what stays the same during a run. The compiler is that of the build directory `build`."""
    return {
        "processor": processor_name(),
        "processors": len(usable_processors()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "compiler": compiler_name(build),
        "python": f"Python {platform.python_version()}",
    }


def processor_name():
    names = re.findall(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def compiler_name(build):
    try:
        cache = (pathlib.Path(build) / "CMakeCache.txt").read_text()
        value = lambda name: re.search(rf"^{name}:\w+=(.*)$", cache, re.MULTILINE).group(1)
        version = subprocess.run([value("CMAKE_CXX_COMPILER"), "--version"], capture_output=True, text=True).stdout
        kind = value("CMAKE_BUILD_TYPE")
        flags = value(f"CMAKE_CXX_FLAGS_{kind.upper()}")
        return f"{version.splitlines()[0]}, {kind} ({flags})"
    except (OSError, AttributeError, IndexError):
        return "unknown"


class Noise:
    """The shares of all processors' time that the hypervisor has stolen, and that processes of others have used."""

    def __init__(self):
        self.begin = self._read()

    def percent(self):
        now = self._read()
        all_time, stolen, busy, own = (b - a for a, b in zip(self.begin, now))
        if all_time <= 0:
            return {"stolen_percent": 0.0, "others_percent": 0.0}
        return {
            "stolen_percent": round(100 * stolen / all_time, 2),
            "others_percent": round(max(0.0, 100 * (busy - own) / all_time), 2),
        }

    @staticmethod
    def _read():
        fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        user, nice, system, idle, waiting, hard, soft, stolen = (x / os.sysconf("SC_CLK_TCK") for x in fields)
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        busy = user + nice + system
        return busy + idle + waiting + hard + soft + stolen, stolen, busy, own


class QuietMoments:
    """Waits until nothing else wants a processor, up to a number of seconds in all."""

    def __init__(self, seconds):
        self.left = seconds

    def wait(self):
        begin = time.monotonic()
        while self.left > time.monotonic() - begin:
            # The fourth field of loadavg is "running/existing". One of those that run is this process.
            if int(pathlib.Path("/proc/loadavg").read_text().split()[3].split("/")[0]) <= 1:
                break
            time.sleep(0.02)
        self.left -= time.monotonic() - begin
