"""What tells a worker apart from its host's others."""

import os
import random
import subprocess
import sys

import coproc
import numpy as np
import pytest
from coproc import this_worker


def tell(messenger):
    messenger.send_norequest((this_worker.number(), this_worker.seed(), random.random(), np.random.random()))


def told(**options):
    with coproc.WorkerResource(tell, **options) as worker:
        return worker.messenger.receive_blocking()


def test_each_has_its_number_and_its_seed(method):
    first, second = told(method=method), told(method=method)
    assert second[0] == first[0] + 1
    assert second[1] != first[1] and second[1] < 2**64
    assert this_worker.number() == 0 and this_worker.seed() not in (first[1], second[1])


def test_a_run_can_be_had_again(method):
    first = told(method=method, number=7, seed=42)
    assert first[0] == 7
    assert told(method=method, number=7, seed=42) == first
    other = told(method=method, number=8, seed=42)
    assert not set(other) & set(first)


def test_a_workers_own_workers_are_counted_anew():
    def start_one(messenger):
        messenger.send_norequest(told(method="fork")[0])

    with coproc.WorkerResource(start_one, method="fork") as worker:
        assert worker.messenger.receive_blocking() == 0


def test_a_pools_numbers_are_its_places():
    def who(_):
        return this_worker.number(), this_worker.seed(), random.random()

    def drawn():
        with coproc.Pool(1, seed=5) as pool:
            before = pool.map(who, [1])
            os.kill(pool.pids()[0], 9)
            return before + pool.map(who, [1])

    first, replaced = drawn()
    assert first == replaced and first[0] == 0
    assert drawn() == [first, replaced]
    with coproc.Pool(3) as pool:
        assert set(pool.map(this_worker_number, range(300), 1)) <= {0, 1, 2}


def this_worker_number(_):
    return this_worker.number()


@pytest.mark.parametrize("options", [{"number": -1}, {"seed": 1.5}, {"number": "one"}])
def test_what_is_no_number_is_refused(options):
    with pytest.raises(ValueError):
        coproc.WorkerResource(tell, **options)


def test_it_is_there_when_the_module_is_imported():
    assert (
        subprocess.run(
            [sys.executable, "-c", "import coproc; print(coproc.this_worker.number())"], capture_output=True, text=True
        ).stdout
        == "0\n"
    )


def beat(messenger):
    for chunk in range(3):
        this_worker.beat(f"chunk {chunk}")
    this_worker.beat()
    with pytest.raises(TypeError):
        this_worker.beat(17)
    messenger.send_norequest("beaten")


def test_a_worker_beats_and_anybody_else_does_so_in_vain(method):
    this_worker.beat("here is no worker")
    worker = coproc.WorkerResource(beat, method=method)
    worker.start()
    assert worker.messenger.receive_blocking() == "beaten"
    assert worker.join().hung is None  # nobody looks at it
