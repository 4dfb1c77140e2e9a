import os
import pickle
import subprocess
import sys
import traceback

import coproc
import pytest
from coproc import PriorityMessenger, WorkerResource


class Unpicklable(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.generator = (i for i in ())


class NeedsTwo(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class WithNotes(Exception):
    def __init__(self, text, code):
        super().__init__(text, code)
        self.code = code


class Unprintable(Exception):
    def __str__(self):
        raise ZeroDivisionError


class OfBase(BaseException):
    pass


def raise_it(messenger, error):
    raise error


def raise_with_cause(messenger):
    try:
        {}["missing"]
    except KeyError as error:
        raise WithNotes("could not look it up", 7) from error


def raise_local(messenger):
    class Local(Exception):
        pass

    raise Local("of a function")


def raise_unpicklable(messenger):
    raise Unpicklable("cannot be pickled")


def raise_needs_two(messenger):
    raise NeedsTwo(1, 2)


def raise_unprintable(messenger):
    raise Unprintable()


def raise_interrupt(messenger):
    raise KeyboardInterrupt("by itself")


def raise_surrogates(messenger):
    raise ValueError("\ud800")


def raise_huge(messenger):
    raise ValueError("x" * (1 << 25))


def outcome(target, **kwargs):
    worker = WorkerResource(target)
    worker.start(**kwargs)
    try:
        worker.messenger.receive_blocking()
    except BaseException as error:
        assert worker.join().code == 1
        return error
    raise AssertionError("nothing was raised")


def test_an_exception_arrives_as_itself_with_where_it_was_raised():
    error = outcome(raise_with_cause)
    assert type(error) is WithNotes
    assert (error.args, error.code) == (("could not look it up", 7), 7)
    text = "".join(traceback.format_exception(error))
    assert "in raise_with_cause" in text and "KeyError: 'missing'" in text and "direct cause" in text


def test_of_any_type_that_can_be_pickled():
    for error in (
        ValueError("a"),
        OSError(2, "no file", "name"),
        KeyError("k"),
        UnicodeDecodeError("utf8", b"x", 0, 1, "bad"),
        StopIteration(3),
    ):
        arrived = outcome(raise_it, error=error)
        assert type(arrived) is type(error) and str(arrived) == str(error)
    assert type(outcome(raise_local)).__name__ == "Local"


@pytest.mark.parametrize("target", [raise_unpicklable, raise_needs_two, raise_interrupt])
def test_what_cannot_be_itself_is_a_remote_error(target):
    error = outcome(target)
    assert type(error) is coproc.RemoteError
    assert error.type_name in ("test_errors.Unpicklable", "test_errors.NeedsTwo", "KeyboardInterrupt")
    assert error.text in ("cannot be pickled", "1 and 2", "by itself")
    assert target.__name__ in str(error.__cause__)


def test_odd_texts_do_no_harm():
    assert type(outcome(raise_unprintable)) is Unprintable
    assert type(outcome(raise_surrogates)) is ValueError
    error = outcome(raise_huge)
    assert type(error) is coproc.RemoteError and len(error.text) <= 1 << 16


def test_an_exit_status_says_what_left_the_target():
    worker = WorkerResource(raise_with_cause)
    worker.start()
    status = worker.join()
    assert status.code == 1 and "could not look it up" in status.exception_text
    assert "could not look it up" in status.report()
    with pytest.raises(WithNotes):
        worker.messenger.receive_blocking()


def test_errors_are_sent_on_purpose(capfd):
    a, b = PriorityMessenger.new_pair()
    a.send_norequest("before")
    a.send_error(WithNotes("sent", 1))
    with pytest.raises(WithNotes) as caught:
        b.receive_blocking()
    assert caught.value.__cause__ is None  # it was raised nowhere
    assert b.receive_blocking() == "before"
    a.send_error(OfBase("base"))
    with pytest.raises(OfBase):
        b.receive_available()
    assert capfd.readouterr().err == ""
    a.send_error(ValueError("shown"), print_trace=True)
    assert "ValueError: shown" in capfd.readouterr().err
    with pytest.raises(TypeError, match="no exception"):
        a.send_error("text")
    a, b = PriorityMessenger.new_pair()
    a.send_request("asked")
    with pytest.raises(TypeError, match="no exception"):
        b.reply_error_to(b.receive_message_blocking(), "text")


def test_the_old_errors_are_no_exceptions():
    for kind in (
        coproc.ResourceRequestedClose, coproc.MessageNotRecognizedError, coproc.WorkerIsAlreadyAliveError,
        coproc.WorkerIsAlreadyDeadError, coproc.WorkerIsDeadError,
    ):  # fmt: skip
        assert kind.__mro__[1] is BaseException
    assert issubclass(coproc.WorkerDiedError, (coproc.WorkerIsDeadError, Exception))


def test_errors_can_be_pickled():
    died = coproc.WorkerDiedError("text", "name", 5)
    for error in (
        died,
        coproc.RemoteError("type", "text"),
        coproc.StartError("text", "fork", 5),
        coproc.LoanError("x"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


def test_a_crash_says_where():
    script = """
import coproc, ctypes
def crash(messenger):
    ctypes.string_at(0)
worker = coproc.WorkerResource(crash)
worker.start()
try:
    worker.messenger.receive_blocking()
except coproc.WorkerDiedError as error:
    print(error)
    print(error.exit_status.report())
"""
    # pytest has Python's own handlers of crashes in this process, which are left alone.
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "was killed by SIGSEGV" in done.stdout, done.stderr
    assert "ctypes" in done.stdout


def send_then_fail(messenger):
    messenger.send_reply(messenger.receive_blocking())
    raise ValueError("afterwards")


def test_what_was_sent_before_an_error_is_not_lost():
    worker = WorkerResource(send_then_fail)
    worker.start()
    worker.messenger.send_request(os.getpid())
    worker.join()
    with pytest.raises(ValueError):
        worker.messenger.receive_blocking()
    assert worker.messenger.receive_blocking() == os.getpid()


def end_at_once(messenger):
    os._exit(3)


def test_names_and_texts_of_workers_that_hold_a_cpp_type_are_shown_as_they_are():
    cpp_type = "coproc_python::PythonError: "
    with WorkerResource(end_at_once, name=f"{cpp_type}first") as worker, pytest.raises(coproc.WorkerDiedError) as died:
        worker.messenger.receive_blocking()
    assert f"({cpp_type}first)" in str(died.value)
    worker = WorkerResource(raise_it)
    worker.start(error=ValueError(f"it is {cpp_type}second"))
    with pytest.raises(ValueError):
        worker.messenger.receive_blocking()
    status = worker.join()
    expected = f"ValueError: it is {cpp_type}second"
    assert status.exception_text == expected
    assert status.describe() == f"exited with code 1 after {expected}"
    assert status.report().startswith(status.describe()) and repr(status) == f"<ExitStatus: {status.describe()}>"
