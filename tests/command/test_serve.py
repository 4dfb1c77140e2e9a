"""coproc serve, by HTTP: what it answers, and to whom."""

import base64
import contextlib
import hashlib
import json
import os
import re
import select
import signal
import socket
import time

import pytest

from seen import OTHER_USER, run, until
from serving import NAMES, QUOTES, SEEN_NAMES, Serve, running_host, serving

PATHS = [("GET", "/"), ("GET", "/events"), ("GET", "/snapshot.json"), ("GET", "/metrics"), ("POST", "/stack/1")]


@pytest.fixture(scope="module")
def host():
    with running_host(*NAMES) as pid:
        yield pid


@pytest.fixture(scope="module")
def serve(host):
    with serving("-p", host) as one:
        yield one


def pids_of(processes):
    return {one["name"]: one["pid"] for one in processes}


def pids_in(serve):
    return pids_of(json.loads(serve.ask("/snapshot.json").text)["processes"])


class TestToken:
    @pytest.mark.parametrize("method, path", PATHS)
    def test_is_needed_everywhere(self, serve, method, path):
        answer = serve.ask(path, method, token=False)
        assert answer.status == 401
        assert serve.token not in answer.text + str(answer.headers)

    @pytest.mark.parametrize(
        "change", [lambda it: it[:-1] + "g", lambda it: it[:-1], lambda it: it + "0", lambda it: ""]
    )
    def test_is_compared_whole(self, serve, change):
        for path in ("/?token={}", "/?x&token={}&y", "/?{}", "/{}"):
            assert serve.ask(path.format(change(serve.token)), token=False).status == 401
        assert serve.ask(f"/?token={change(serve.token)}&token={serve.token}", token=False).status == 401

    def test_becomes_a_cookie_of_this_port(self, serve):
        cookie = serve.ask("/").getheader("Set-Cookie")
        assert cookie == f"coproc-{serve.port}={serve.token}; Path=/; HttpOnly; SameSite=Strict"
        value = cookie.split(";")[0]
        for words in (value, f"other=1; {value}", f"{value}; other=1"):
            assert serve.ask("/snapshot.json", headers=[("Cookie", words)], token=False).status == 200
        for words in (value[:-1], value.replace("coproc-", "coproc-1"), f"x{value}", serve.token):
            assert serve.ask("/snapshot.json", headers=[("Cookie", words)], token=False).status == 401

    def test_is_another_one_each_time(self, serve, host):
        with serving("-p", host) as other:
            assert other.token != serve.token
            assert other.ask(f"/?token={serve.token}", token=False).status == 401


class TestOtherSites:
    def test_cannot_ask_by_names_of_their_own(self, serve):
        wrong = ["evil.example", f"evil.example:{serve.port}", "127.0.0.1", f"127.0.0.1:{serve.port}0"]
        wrong += [
            f"127.0.0.2:{serve.port}",
            f"x127.0.0.1:{serve.port}",
            f"127.0.0.1:{serve.port}.evil.example",
            "",
            None,
        ]
        for host in wrong:
            for method, path in PATHS:
                assert serve.ask(path, method, headers=[("Host", host)]).status == 403, host
        assert serve.ask("/", headers=[("Host", serve.host), ("Host", "evil.example")]).status in (400, 403)
        assert serve.ask("/", headers=[("Host", f"localhost:{serve.port}")]).status == 200

    def test_cannot_ask_by_their_pages(self, serve):
        for origin in ("http://evil.example", "null", f"https://{serve.host}", "http://127.0.0.1", ""):
            for method, path in PATHS:
                assert serve.ask(path, method, headers=[("Origin", origin)]).status == 403, origin
        for origin in (f"http://{serve.host}", f"http://localhost:{serve.port}"):
            assert serve.ask("/", headers=[("Origin", origin)]).status == 200

    def test_learn_nothing_from_any_answer(self, serve):
        answers = [serve.ask(path, method) for method, path in PATHS]
        answers += [serve.ask("/", token=False), serve.ask("/", headers=[("Host", "x")]), serve.ask("/nowhere")]
        answers += [serve.ask("/", "PUT"), serve.ask("/", headers=[("X", 9216 * "x")])]
        assert {answer.status for answer in answers} == {200, 401, 403, 404, 405, 431}
        for answer in answers:
            assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy")
            assert answer.getheader("Cache-Control") == "no-store"
            assert answer.getheader("X-Content-Type-Options") == "nosniff"
            assert answer.getheader("Referrer-Policy") == "no-referrer"
            assert answer.getheader("Access-Control-Allow-Origin") is None


class TestPage:
    def test_has_nothing_but_the_style_and_the_script_that_are_permitted(self, serve):
        page = serve.ask("/")
        policy = page.getheader("Content-Security-Policy")
        for element in ("style", "script"):
            (text,) = re.findall(f"<{element}>(.*?)</{element}>", page.text, re.DOTALL)
            expected = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{element}-src 'sha256-{expected}';" in policy
        assert "unsafe" not in policy
        assert page.getheader("Content-Type") == "text/html; charset=utf-8"


class TestLimits:
    def test_requests_are_small(self, serve):
        assert serve.ask("/", headers=[("X", 7000 * "x")]).status == 200
        assert serve.ask("/", headers=[("X", 9216 * "x")]).status == 431
        assert serve.ask("/", headers=[(f"X{i}", "x") for i in range(2000)]).status == 431
        assert serve.ask("/" + 9216 * "x").status == 431

    def test_refusals_arrive_before_the_connection_ends(self, serve):
        with socket.create_connection((serve.address, serve.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + (8 << 20) * b"x")
            answer = client.makefile("rb").read()  # an end, and no reset
            assert answer.startswith(b"HTTP/1.1 431 ") and answer.endswith(b"too large.\n")

    def test_requests_have_no_bodies(self, serve):
        with socket.create_connection((serve.address, serve.port)) as client:
            head = f"POST /stack/1?token={serve.token} HTTP/1.1\r\nHost: {serve.host}\r\nContent-Length: 5\r\n\r\n"
            client.sendall(head.encode() + b"hello")
            assert client.makefile("rb").readline().split()[1] == b"413"

    @pytest.mark.parametrize("words", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0\n\n"])
    def test_what_is_no_request_is_refused(self, serve, words):
        with socket.create_connection((serve.address, serve.port)) as client:
            client.sendall(words)
            assert client.makefile("rb").readline().split()[1] == b"400"
        assert serve.ask("/").status == 200

    def test_clients_that_are_slow_are_dropped(self, serve):
        with contextlib.ExitStack() as stack:
            silent, slow = (stack.enter_context(socket.create_connection((serve.address, serve.port))) for _ in "12")
            slow.sendall(b"GET / HTTP/1.1\r\nX: ")
            waiting = {silent, slow}
            while waiting:
                for client in select.select(waiting, [], [], 0.3)[0]:
                    with contextlib.suppress(ConnectionResetError):
                        assert client.recv(1) == b""
                    waiting.remove(client)
                if slow in waiting:
                    with contextlib.suppress(ConnectionError):
                        slow.sendall(b"x")
        assert serve.ask("/").status == 200
        # Nobody has looked for longer than that, so there is nothing that rates could be of.
        assert {one["processors"] for one in self.processes(serve)} == {None}
        until(lambda: self.processes(serve), lambda all: all[0]["processors"] is not None)

    def processes(self, serve):
        return json.loads(serve.ask("/snapshot.json").text)["processes"]

    def test_connections_are_few(self, host):
        with serving("-p", host) as serve:
            viewers = [serve.ask("/events") for _ in range(16)]
            assert {viewer.status for viewer in viewers} == {200}
            assert serve.ask("/").status == 503
            viewers.pop().close()
            until(lambda: serve.ask("/").status, lambda status: status == 200)
            for viewer in viewers:
                assert viewer.readline() == b"retry: 1000\n"
                viewer.close()


def events_of(answer):
    """What the server tells, as a page keeps it, after each event."""

    def merged(target, patch):
        for key, value in patch.items():
            if value is None:
                target.pop(key, None)
            else:
                target[key] = merged(target.get(key) or {}, value) if isinstance(value, dict) else value
        return target

    known, is_whole = None, False
    for line in answer:
        if line == b"event: whole\n":
            assert known is None
            is_whole = True
        elif line.startswith(b"data: "):
            assert is_whole or known is not None
            known = merged(known or {}, json.loads(line[6:]))
            yield known


class TestEvents:
    def test_tell_what_changes(self, serve):
        answer = serve.ask("/events")
        assert answer.getheader("Content-Type") == "text/event-stream"
        events = events_of(answer)
        before = pids_of(next(events)["processes"].values())
        assert set(SEEN_NAMES) < set(before)
        os.kill(before["parser"], signal.SIGKILL)
        for known in events:
            after = pids_of(known["processes"].values())
            if after.get("parser") not in (None, before["parser"]) and str(before["parser"]) not in known["processes"]:
                break
        to_indexer = (one for one in known["links"].values() if one["worker"] == after["indexer"])
        assert next(to_indexer)["there"]["messages_per_second"] > 0
        answer.close()
        assert pids_in(serve) == after

    def test_are_not_looked_for_while_nobody_listens(self, host):
        def reads():
            with open(f"/proc/{serve.process.pid}/io") as file:
                return int(re.search(r"syscr: (\d+)", file.read())[1])

        def is_busy():
            before = reads()
            time.sleep(1.2)  # two periods
            return reads() > before

        with serving("-p", host) as serve:
            assert not is_busy()
            viewer = serve.ask("/events")
            next(events_of(viewer))
            until(is_busy, bool)
            viewer.close()
            until(is_busy, lambda it: not it)
            assert not is_busy()


class TestSnapshot:
    def test_is_what_top_prints(self, serve, host):
        top = json.loads(run("top", "--json", "-n", 1, "-d", 0.05, host).stdout)
        snapshot = json.loads(serve.ask("/snapshot.json").text)
        assert snapshot.keys() == top.keys()
        assert pids_of(snapshot["processes"]) == pids_of(top["processes"])
        for kind in ("processes", "links"):
            assert [one.keys() for one in snapshot[kind]] == [one.keys() for one in top[kind]]


class TestMetrics:
    def test_are_those_of_the_processes_that_are_shown(self, serve, host):
        pids = pids_in(serve)
        answer = serve.ask("/metrics")
        assert answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")
        label = r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
        line = rf"coproc_seen_\w+\{{{label}(?:,{label})*\}} [0-9.e+-]+"
        samples = [one for one in answer.text.splitlines() if not one.startswith("#")]
        assert all(re.fullmatch(line, one) for one in samples)
        threads = f'coproc_seen_process_threads{{pid="{pids["indexer"]}",name="indexer",host="{host}"}} 1'
        assert threads in samples
        quoted = QUOTES.replace("\\", "\\\\").replace('"', '\\"')
        assert any(f'pid="{pids[QUOTES]}",name="{quoted}"' in one for one in samples)
        sent = rf'coproc_seen_link_sent_bytes_total\{{link="[^"]+",host="{host}",worker="{pids["indexer"]}"'
        assert any(re.match(sent + r',direction="back"\} [1-9]', one) for one in samples)


class TestRestarts:
    def test_are_told_with_their_reason(self):
        with running_host("one", "two") as host, serving("-p", host) as serve:

            def workers():
                processes = json.loads(serve.ask("/snapshot.json").text)["processes"]
                return {one["name"]: one for one in processes if one["is_worker"]}

            before = until(workers, lambda seen: seen.keys() == {"one", "two"})
            assert all(one["restart"] is None for one in before.values())
            killed = before["two"]["pid"]
            begin = time.time()
            os.kill(killed, signal.SIGKILL)
            restart = until(workers, lambda seen: seen.get("two", {}).get("restart"))["two"]["restart"]
            assert (restart["number"], restart["reason"], restart["pid_before"]) == (1, "its_end", killed)
            assert restart["text"].startswith(f"restart 1: worker {killed} was killed by SIGKILL")
            assert begin - 1 < restart["time"] < time.time() + 1
            assert workers()["one"]["restart"] is None
            samples = re.findall(
                r"^coproc_seen_worker_restarts_total\{.*name=\"(.*?)\".*\} 1$", serve.ask("/metrics").text, re.M
            )
            assert samples == ["two"]


class TestStack:
    def test_of_a_worker_says_where_it_is(self, serve):
        answer = serve.ask(f"/stack/{pids_in(serve)['parser']}", "POST")
        assert answer.status == 200
        assert "echo(coproc" in answer.text

    def test_costs_the_process_something_and_so_is_a_post(self, serve):
        answer = serve.ask(f"/stack/{pids_in(serve)['parser']}")
        assert (answer.status, answer.getheader("Allow")) == (405, "POST")
        assert serve.ask("/", "POST").status == 405

    @pytest.mark.parametrize("pid", [2**22 + 1, "1x", "", "-1", "0", "99999999999999", os.getpid()])
    def test_of_what_is_not_shown_is_refused(self, serve, pid):
        assert serve.ask(f"/stack/{pid}", "POST").status == 404

    def test_of_another_users_process_is_refused(self, host):
        launcher, pid = (OTHER_USER, host) if os.geteuid() == 0 else ((), 1)
        with serving(launcher=launcher) as serve:
            answer = serve.ask(f"/stack/{pid}", "POST")
            assert answer.status == 403
            assert "cannot be looked into" in answer.text


class TestCommand:
    def test_shows_only_what_belongs_to_a_process(self, serve, host):
        with running_host("elsewhere"), serving() as whole:
            assert "elsewhere" in pids_in(whole)
            assert "elsewhere" not in pids_in(serve)

    def test_ends_after_its_time(self):
        assert run("serve", "--for", "0.1s").returncode == 0
        assert run("serve", "--for", "0.001m").returncode == 0
        assert run("serve", "--for", "soon").returncode != 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_ends_by_a_signal(self, number):
        serve = Serve()
        viewer = serve.ask("/events")
        serve.process.send_signal(number)
        assert serve.process.wait() == 128 + number
        assert viewer.read().startswith(b"retry: ")
        serve.end()

    def test_of_a_process_that_is_not_there_is_refused(self):
        result = run("serve", "-p", 2**22 + 1)
        assert (result.returncode, result.stdout) == (1, "")
        assert "there is no such process" in result.stderr

    def test_listens_where_it_is_told(self, serve):
        with serving("--bind", "127.0.0.2") as other:
            assert other.host == f"127.0.0.2:{other.port}"
            assert other.ask("/").status == 200
        result = run("serve", "--port", serve.port)
        assert (result.returncode, result.stdout) == (125, "")
        assert f"127.0.0.1, port {serve.port}" in result.stderr

    @pytest.mark.parametrize("address", ["0.0.0.0", "::", "localhost", "192.0.2.7"])
    def test_listens_at_addresses_of_this_machine_alone(self, address):
        result = run("serve", "--bind", address)
        assert (result.returncode, result.stdout) == (125, "")
        assert "coproc: " in result.stderr

    def test_listens_by_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no ::1")
        with serving("--bind", "::1") as serve:
            assert serve.url.startswith("http://[::1]:")
            assert serve.ask("/").status == 200

    def test_says_what_it_means_to_be_reached_by_other_machines(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                pytest.skip("this machine has no other address")
            address = probe.getsockname()[0]
        result = run("serve", "--bind", address, "--for", "0.1s")
        assert result.returncode == 0
        assert "nothing is encrypted" in result.stderr
        assert run("serve", "--for", "0.1s").stderr == ""
