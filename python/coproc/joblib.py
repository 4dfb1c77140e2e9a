"""A backend of joblib, whose batches a pool runs. joblib must be installed.

    import coproc.joblib, joblib

    joblib.register_parallel_backend("coproc", coproc.joblib.Backend)
    with joblib.parallel_backend("coproc", n_jobs=4, max_retries=2):
        scores = joblib.Parallel()(joblib.delayed(score)(model) for model in models)
"""

import multiprocessing

from joblib.parallel import AutoBatchingMixin, ParallelBackendBase

from . import _core
from .pool import Executor


class Backend(AutoBatchingMixin, ParallelBackendBase):
    """A backend of joblib over a `coproc.Executor`.

    A worker that dies fails one batch with WorkerDiedError, or costs nothing, with `max_retries`. If a task raises,
    what still runs is ended at once.

    :param nesting_level: what joblib passes
    :param inner_max_num_threads: must be None: joblib would set environment variables by it, which is too late in
        workers that have imported NumPy
    :param executor: A `coproc.Executor` that is used for all calls of joblib, and not shut down. None, the default:
        each call, or `with joblib.Parallel(...)`, has workers of its own.
    :param options: Options of `coproc.Executor`. The workers are started by 'forkserver' unless `method` says
        otherwise.
    :raises TypeError: if there are options together with `executor`
    """

    supports_timeout = True

    def __init__(self, nesting_level=None, inner_max_num_threads=None, *, executor=None, **options):
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        if executor is not None and options:
            raise TypeError(f"coproc.joblib.Backend: an executor is used as it is, without {', '.join(options)}")
        self._given = self._executor = executor
        self._options = {"method": "forkserver", **options}
        self._futures = set()  # those that have not ended

    def effective_n_jobs(self, n_jobs):
        """Return the number of workers.

        :param n_jobs: The number that the program asks for; -1 for as many as this process may use processors, and -2
            for one less. Of no effect with `executor`.
        :return: the number
        :raises ValueError: if `n_jobs` is 0
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if self._given is not None:
            return len(self._given.pool)
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(_core.usable_processors() + 1 + n_jobs, 1)

    def configure(self, n_jobs=1, parallel=None, prefer=None, require=None, **_):
        """Prepare for a call of joblib. joblib calls it.

        :param n_jobs: as of `effective_n_jobs`
        :param parallel: the `joblib.Parallel`
        :param prefer: of no effect
        :param require: of no effect
        :return: the number of workers
        :raises ValueError: if `n_jobs` is 0
        """
        count = self.effective_n_jobs(n_jobs)
        self.parallel = parallel
        if self._given is None:
            self._executor = Executor(count, **self._options)
        return count

    def apply_async(self, func, callback=None):
        """Hand over a batch. Does not wait. joblib calls it.

        :param func: the batch
        :param callback: what is called when it has ended
        :return: an object with `get(timeout)`
        """
        future = self._executor.submit(func)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        if callback is not None:
            future.add_done_callback(callback)
        return _Job(future)

    submit = apply_async  # its name from joblib 1.5 on

    def abort_everything(self, ensure_ready=True):
        """Cancel what has not ended: the workers that run something are ended and replaced. joblib calls it.

        :param ensure_ready: of no effect: the workers are ready again in any case
        """
        for future in list(self._futures):
            future.cancel()

    def terminate(self):
        """End the workers, unless they are those of `executor`. joblib calls it. Waits for their ends."""
        if self._given is None and self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        self.reset_batch_stats()


class _Job:
    def __init__(self, future):
        self._future = future

    def get(self, timeout=None):
        try:
            return self._future.result(timeout)
        except TimeoutError as error:
            if self._future.done():  # the task itself has raised it
                raise
            raise multiprocessing.TimeoutError("a batch has not ended in this time") from error
