"""Runs examples/records: records.py PROGRAM TEST."""
import re
import signal
import socket
import subprocess
import sys


def loses_nothing(program):
    """The program itself checks that each answer is that of its request."""
    ended = subprocess.run([program, "4"], stdout=subprocess.PIPE, text=True)
    print(ended.stdout)
    assert ended.returncode == 0, ended.returncode
    runs = re.findall(r"^(.*): sent (\d+), answered (\d+), lost (\d+);", ended.stdout, re.M)
    assert [title for title, *_ in runs] == ["no kills", "a kill a second"], runs
    for title, sent, answered, lost in runs:
        assert int(sent) > 100 and sent == answered and lost == "0", title
    kills, restarts = map(int, re.search(r"^kills (\d+), restarts (\d+)$", ended.stdout, re.M).groups())
    assert kills >= 1 and restarts >= 1, (kills, restarts)  # a worker that is not back yet is not killed again


def refuses_bad_lines(program):
    with subprocess.Popen([program, "serve", "0"], stdout=subprocess.PIPE, text=True) as service:
        try:
            address = ("127.0.0.1", int(service.stdout.readline()))
            good = socket.create_connection(address)
            answers = good.makefile()

            def ask(line):
                good.sendall(line.encode())
                return answers.readline()

            assert ask("a 5\n") == "a 5\n"
            for bad in (
                "",
                " ",
                "a",
                " 5",
                "a ",
                "a x",
                "a 5x",
                "a  5",
                "a 5 5",
                "a 5\r",
                "a 2147483648",
                "\0",
            ):
                assert ask(bad + "\n") == "ERR expected: KEY NUMBER\n", bad
            with socket.create_connection(address) as bad:
                bad.sendall(b"x" * 1000)
                try:
                    assert bad.recv(1) == b""
                except ConnectionResetError:
                    pass
            # What has been refused has changed nothing.
            assert ask("a 4\nb -1\n") == "a 9\n"
            assert answers.readline() == "b -1\n"
            good.sendall(b"a ")
            assert ask("6\n") == "a 15\n"
            service.send_signal(signal.SIGTERM)
            assert service.wait() == 0, service.returncode
        finally:
            service.kill()


globals()[sys.argv[2]](sys.argv[1])
