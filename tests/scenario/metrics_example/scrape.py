"""Runs examples/metrics, asks it twice, and compares what it serves: scrape.py PROGRAM."""
import subprocess
import sys
import urllib.request

with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
    url = program.stdout.readline().strip()
    for number in (3, 4):
        program.stdin.write(f"{number}\n")
        program.stdin.flush()
        answer = int(program.stdout.readline())
        assert answer == number * number, answer
    with urllib.request.urlopen(url) as response:
        lines = response.read().decode().splitlines()
    program.stdin.close()
    assert program.wait() == 0, program.returncode

worker = r'name="square \"\\n\"",place="0"'
for line in (
    "questions_total 2",
    "# TYPE coproc_worker_up gauge",
    "coproc_worker_up{" + worker + "} 1",
    "# TYPE coproc_worker_messages_total counter",
    "coproc_worker_messages_total{" + worker + ',direction="sent"} 2',
    "coproc_worker_messages_total{" + worker + ',direction="received"} 2',
):
    assert lines.count(line) == 1, (line, lines)
