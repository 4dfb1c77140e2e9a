"""The page of coproc serve, in a browser."""

import contextlib
import json
import os
import pathlib
import signal
import urllib.parse

import pytest

import chromium
from serving import MARKUP, NAMES, SEEN_NAMES, WHOLE_MARKUP, running_host, serving

PICTURE = os.environ.get("COPROC_SERVE_PICTURE")

pytestmark = pytest.mark.skipif(not chromium.PROGRAM, reason="not run: chromium is not installed")


@pytest.fixture(scope="module")
def browser():
    with chromium.running() as one:
        yield one


@contextlib.contextmanager
def opened(browser, serve):
    """The page, when it shows what the server has told first. Nothing may have gone wrong in it at the end."""
    page = chromium.Page(browser, serve.url)
    page.until("document.body.dataset.updates > 0")
    yield page
    assert page.errors == []
    assert {urllib.parse.urlsplit(url).netloc for url in page.requests if not url.startswith("data:")} == {serve.host}
    page.close()


@pytest.fixture
def shown(browser):
    """A host of its own, and the page of it."""
    with running_host(*NAMES) as host, serving("-p", host) as serve, opened(browser, serve) as page:
        yield Shown(page, serve, host)


class Shown:
    def __init__(self, page, serve, host):
        self.page, self.serve, self.host = page, serve, host

    def pids(self):
        """By the names that the page shows."""
        rows = '[...document.querySelectorAll("#processes tr")]'
        return dict(
            self.page.value(f"{rows}.map((row) => [row.cells[0].textContent, Number(row.cells[1].textContent)])")
        )

    def row(self, pid):
        return f"""document.querySelector('#processes tr[data-pid="{pid}"]')"""


def test_shows_the_host_and_its_workers_by_their_names(shown):
    assert shown.pids().keys() == {"serve_host", "coproc-forks", *SEEN_NAMES}
    assert shown.pids()["serve_host"] == shown.host
    assert shown.page.value('document.getElementById("status").textContent').startswith(
        f"live, {2 + len(NAMES)} processes, {len(NAMES)} of them workers"
    )


def test_has_no_token_left_in_its_address(shown):
    assert shown.page.value("location.href") == f"http://{shown.serve.host}/"
    assert shown.page.value("document.cookie") == ""


def test_marks_a_worker_that_is_stopped(shown):
    pid = shown.pids()["parser"]
    assert not shown.page.value(shown.row(pid) + '.classList.contains("marked")')
    os.kill(pid, signal.SIGSTOP)
    shown.page.until(shown.row(pid) + '.classList.contains("marked")')
    assert shown.page.value(shown.row(pid) + ".cells[3].textContent") == "stopped"
    os.kill(pid, signal.SIGCONT)
    shown.page.until("!" + shown.row(pid) + '.classList.contains("marked")')


def test_shows_that_a_worker_goes_and_another_one_comes(shown):
    pid = shown.pids()["parser"]
    os.kill(pid, signal.SIGKILL)
    shown.page.until(shown.row(pid) + " === null")
    shown.page.until('[...document.querySelectorAll("td.name")].some((cell) => cell.textContent === "parser")')
    other = shown.pids()["parser"]
    assert other != pid
    lines = shown.page.value('[...document.querySelectorAll("#log li")].map((line) => line.textContent)')
    assert [line.split("  ")[1] for line in lines if f"parser {pid} " in line] == [f"parser {pid} has gone"]
    assert [line.split("  ")[1] for line in lines if f"parser {other} " in line] == [f"parser {other} has come"]


def test_shows_why_a_worker_was_started_again(shown):
    restarts = '[...document.querySelectorAll("#log li")].filter((line) => line.textContent.includes("restart "))'
    assert shown.page.value(f"{restarts}.length") == 0
    before = shown.pids()["parser"]
    for number in (1, 2):
        os.kill(before, signal.SIGKILL)
        text = f"restart {number}: worker {before} was killed by SIGKILL"
        shown.page.until(f'{restarts}.some((line) => line.textContent.includes("{text}"))')
        after = shown.pids()["parser"]
        assert shown.page.value(shown.row(after) + ".cells[11].textContent") == str(number)
        assert shown.page.value(shown.row(after) + ".cells[11].title").startswith(text)
        before = after
    assert shown.page.value(f"{restarts}.length") == 2
    assert shown.page.value(shown.row(shown.pids()["indexer"]) + ".cells[11].textContent") == ""


def test_takes_no_reason_for_markup(shown):
    pid = shown.pids()["parser"]
    restart = json.dumps({"number": 7, "time": 0, "text": MARKUP + WHOLE_MARKUP})
    shown.page.value(f"seen.processes[{pid}].restart = {restart}; show()")
    assert shown.page.value('document.querySelector("#log li").textContent').endswith(MARKUP + WHOLE_MARKUP)
    assert shown.page.value('document.querySelectorAll("img, b").length') == 0
    assert shown.page.value("document.title") == "coproc"


def test_takes_no_name_for_markup(shown):
    for name in SEEN_NAMES:
        os.kill(shown.pids()[name], signal.SIGKILL)  # for the log
        shown.page.until(
            f'[...document.querySelectorAll("#log li")].some((line) => line.textContent.includes({json.dumps(name)}))'
        )
    assert shown.page.value('document.querySelectorAll("img, b").length') == 0
    assert shown.page.value("document.title") == "coproc"
    labels = shown.page.value('[...document.querySelectorAll("#links text")].map((text) => text.textContent)')
    assert set(SEEN_NAMES) < set(labels)


def test_shows_what_goes_through_links(shown):
    row = shown.row(shown.pids()["indexer"])
    shown.page.until(row + ".cells[7].textContent.match(/^[1-9][\\d.]* \\/s$/)")
    widths = '[...document.querySelectorAll("#links path")].map((path) => Number(path.getAttribute("stroke-width")))'
    shown.page.until(f"{widths}.filter((width) => width > 2).length === 1")
    assert shown.page.value(f"{widths}.length") == len(NAMES)


def test_has_a_point_in_each_curve_for_each_event(shown):
    shown.page.until("updates >= 4")
    counts = "[updates, times.length, ...curves.map((curve) => curve.plot.data[1].length)]"
    assert len(set(shown.page.value(counts))) == 1
    assert shown.page.value("curves.every((curve) => curve.plot.data[1].every((value) => value >= 0))")
    assert shown.page.value("curves[1].plot.data[1].at(-1)") > 1
    assert shown.page.value('document.querySelectorAll("#charts canvas").length') == 3


def test_keeps_curves_and_log_short(shown):
    shown.page.value("for (let i = 0; i < 2000; ++i) { show(); log(seen.time, 'line'); }")
    assert shown.page.value("[times.length, ...curves.map((curve) => curve.points.length)]") == 4 * [1200]
    assert shown.page.value('document.querySelectorAll("#log li").length') == 64


def test_shows_a_stack_when_asked(shown):
    shown.page.value(shown.row(shown.pids()["parser"]) + '.querySelector("button").click()')
    shown.page.until('document.querySelector("dialog[open] pre").textContent.includes("echo(coproc")')
    shown.page.value('document.querySelector("dialog button").click()')
    assert shown.page.value('document.querySelector("dialog[open]")') is None


def test_says_when_the_server_has_ended(browser):
    with running_host("worker") as host, serving("-p", host) as serve:
        page = chromium.Page(browser, serve.url, may_have_errors=True)
        page.until("document.body.dataset.updates > 0")
        serve.process.terminate()
        page.until('document.getElementById("status").textContent.startsWith("connection lost, last update ")')
        assert page.value('document.querySelectorAll("#processes tr").length') == 3
        page.close()


def test_looks_as_in_the_docs(browser):
    """Makes the picture that docs/images/serve.png is a copy of; it is not compared."""
    with running_host("indexer", "parser", "renderer") as host, serving("-p", host) as serve:
        with opened(browser, serve) as page:
            page.until("updates >= 6")
            pids = {row["name"]: row["pid"] for row in page.value("Object.values(seen.processes)")}
            os.kill(pids["renderer"], signal.SIGKILL)
            os.kill(pids["parser"], signal.SIGSTOP)
            page.until('document.querySelectorAll("#log li").length >= 2')
            page.until('document.querySelectorAll("tr.marked").length === 1')
            picture = page.picture()
            os.kill(pids["parser"], signal.SIGCONT)
    assert picture.startswith(b"\x89PNG")
    if PICTURE:
        pathlib.Path(PICTURE).write_bytes(picture)
