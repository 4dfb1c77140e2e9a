"""`coproc serve`, and a host that it shows."""

import contextlib
import http.client
import os
import re
import signal
import subprocess

from seen import COPROC

HOST = os.environ["COPROC_SERVE_HOST"]
MARKUP = "<img src=x onerror=document.title=1>"  # a process keeps 15 bytes of it
WHOLE_MARKUP = "<b>x</b><img/>"
QUOTES = 'say "a\\b"'
NAMES = ["indexer", "parser", MARKUP, WHOLE_MARKUP, QUOTES]
SEEN_NAMES = [name[:15] for name in NAMES]


@contextlib.contextmanager
def running_host(*names):
    """The pid of the program serve_host, with workers of these names."""
    with subprocess.Popen([HOST, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.stdin.close()
        assert process.wait() == 0


class Serve:
    def __init__(self, *words, launcher=()):
        self.process = subprocess.Popen(
            [*launcher, COPROC, "serve", *map(str, words)], stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().strip()
        match = re.fullmatch(r"http://(.*):(\d+)/\?token=([0-9a-f]{32})", self.url)
        assert match, self.url
        self.address, self.port, self.token = match[1].strip("[]"), int(match[2]), match[3]
        self.host = f"{match[1]}:{self.port}"

    def connect(self):
        return http.client.HTTPConnection(self.address, self.port)

    def ask(self, path, method="GET", headers=(), token=True):
        """The answer, with its text. The Host is that of the address, unless `headers` have another one."""
        connection = self.connect()
        headers = list(headers)
        if not any(name == "Host" for name, _ in headers):
            headers.append(("Host", self.host))
        connection.putrequest(method, path + (f"?token={self.token}" if token else ""), skip_host=True)
        for name, value in headers:
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        if answer.getheader("Content-Type") != "text/event-stream":
            answer.text = answer.read().decode()
            connection.close()
        return answer

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def serving(*words, launcher=()):
    serve = Serve(*words, launcher=launcher)
    try:
        yield serve
        assert serve.process.poll() in (None, 128 + signal.SIGTERM)
    finally:
        serve.end()
