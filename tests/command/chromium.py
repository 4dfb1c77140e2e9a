"""A Chromium without a window, driven by the DevTools protocol through two pipes."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAM = shutil.which("chromium")
# Tests may be run by root, whose Chromium has no sandbox of its own.
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
# Pages that Chromium believes nobody sees would be slowed down.
OPTIONS += ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows"]
OPTIONS += ["--disable-renderer-backgrounding"]
OPTIONS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"]


class Page:
    """A tab. It keeps what goes wrong in it, and what it requests."""

    def __init__(self, browser, url, may_have_errors=False):
        self._browser = browser
        self.may_have_errors = may_have_errors
        self.errors, self.requests = [], []
        self._target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.command("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        browser.listeners[self._session] = self._hear
        for domain in ("Runtime", "Log", "Network", "Page"):
            self._command(f"{domain}.enable")
        self._command("Page.navigate", url=url)

    def _command(self, method, **parameters):
        return self._browser.command(method, self._session, **parameters)

    def _hear(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(parameters["args"])

    def value(self, expression):
        """What a JavaScript expression, or its promise, results in."""
        result = self._command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, expression):
        """Waits until it is true, however long that takes. What goes wrong in the page meanwhile ends the wait."""
        look = f"(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"
        while not self.value(look):
            assert self.errors == [] or self.may_have_errors, self.errors
            time.sleep(0.02)

    def picture(self):
        return base64.b64decode(self._command("Page.captureScreenshot")["data"])

    def close(self):
        self._browser.command("Target.closeTarget", targetId=self._target)


class Chromium:
    def __init__(self, folder, size):
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for pair in (os.pipe(), os.pipe()) for end in pair]
        commands, self._to, self._from, answers = ends
        self._input = open(self._from, "rb", buffering=0)
        self._left = b""
        self._count = 0
        self.listeners = {}

        def become_three_and_four():
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            [PROGRAM, *OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={folder}", f"--window-size={size}"],
            env={**os.environ, "HOME": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(3, 4),
            preexec_fn=become_three_and_four,
        )
        os.close(commands)
        os.close(answers)

    def _receive(self):
        while b"\0" not in self._left:
            piece = self._input.read(1 << 20)
            assert piece, "chromium has ended"
            self._left += piece
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def command(self, method, session=None, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._count:
            if answer.get("sessionId") in self.listeners:
                self.listeners[answer["sessionId"]](answer["method"], answer["params"])
        assert "error" not in answer, answer
        return answer["result"]

    def end(self):
        """Lets it end by itself, since it takes its files along only then. What does not is killed."""
        with contextlib.suppress(AssertionError, OSError, subprocess.TimeoutExpired):
            self.command("Browser.close")
            self.process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # helpers of it, too
        self.process.wait()
        self._input.close()
        os.close(self._to)


@contextlib.contextmanager
def running(size="1300,900"):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Chromium(folder, size)
        try:
            yield browser
        finally:
            browser.end()
