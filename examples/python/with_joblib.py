"""joblib whose batches run in workers of coproc, one of which dies:  with_joblib.py"""

import os
import pathlib
import signal
import tempfile

import coproc.joblib
import joblib


def score(number, once):
    """What is computed for each number. The first worker that comes to 17 dies of it."""
    if number == 17 and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(map(int, str(3**number)))


def main():
    joblib.register_parallel_backend("coproc", coproc.joblib.Backend)
    with tempfile.TemporaryDirectory() as folder, joblib.parallel_backend("coproc", n_jobs=2, max_retries=1):
        once = pathlib.Path(folder) / "died"
        scores = joblib.Parallel()(joblib.delayed(score)(number, once) for number in range(200))
    print(f"{len(scores)} scores, the best is {max(scores)}")


if __name__ == "__main__":
    main()
