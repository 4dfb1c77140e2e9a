"""Where coproc's pools differ from those of the standard library: the tests of CPython that fail, each with its reason.

A test that is listed here has to fail, so that the list stays as short as it can be.
"""

import unittest

_PRIVATE = "it reads private attributes of the standard library's class that coproc has nothing for"
_TOGETHER = "all workers are started by the first task, and not one by one as tasks come"
_ONE_TASK = "a task fails by itself, by its own error, and the executor goes on"
_EXIT = "SystemExit in a task ends its worker, as it ends any program: WorkerDiedError has the exit code"
_CAUSE = "the cause is a coproc.RemoteTraceback, which also has the worker and the task"

#: By the name of the stock class and of its test. The start methods follow if it fails under these alone.
EXCEPTIONS = {
    # ---- test_concurrent_futures ----
    "FailingInitializerMixin.test_initializer": [
        "an executor whose initializer raises is not broken for ever: the next submit starts workers again"
    ],
    "ProcessPoolShutdownTest.test_processes_terminate": [_TOGETHER, "forkserver", "spawn"],
    "ProcessPoolShutdownTest.test_del_shutdown": [_PRIVATE],
    "ProcessPoolShutdownTest.test_shutdown_no_wait": [_PRIVATE],
    "ProcessPoolExecutorTest.test_killed_child": [_ONE_TASK],
    "ProcessPoolExecutorTest.test_traceback": [_CAUSE],
    "ProcessPoolExecutorTest.test_idle_process_reuse_one": [_TOGETHER, "forkserver", "spawn"],
    "ProcessPoolExecutorTest.test_idle_process_reuse_multiple": [_TOGETHER, "forkserver", "spawn"],
    "ProcessPoolExecutorTest.test_max_tasks_per_child": [
        "max_tasks_per_child is possible under 'fork', too: workers are replaced by other threads than the caller's",
        "fork",
    ],
    "ProcessPoolExecutorTest.test_max_tasks_per_child_defaults_to_spawn_context": [
        "max_tasks_per_child changes nothing about the start method"
    ],
    "ExecutorDeadlockTest.test_error_at_task_unpickle": [_ONE_TASK],
    "ExecutorDeadlockTest.test_error_during_result_unpickle_in_result_handler": [_ONE_TASK],
    "ExecutorDeadlockTest.test_exit_during_result_unpickle_in_result_handler": [_ONE_TASK],
    "ExecutorDeadlockTest.test_exit_during_func_exec_on_worker": [_EXIT],
    "ExecutorDeadlockTest.test_exit_during_result_pickle_on_worker": [_EXIT],
    "ExecutorDeadlockTest.test_shutdown_deadlock_pickle": [_PRIVATE],
    # ---- _test_multiprocessing ----
    "_TestPool.test_imap_handle_iterable_exception": [
        "if the input raises, the results of all items before come first; multiprocessing drops some of them"
    ],
    "_TestPool.test_resource_warning": ["an open pool may be dropped: its tasks are run, and then its workers end"],
    "_TestPool.test_traceback": [_CAUSE],
    "_TestPoolWorkerErrors.test_unpickleable_result": ["with cloudpickle a task can return a lambda"],
    "_TestPoolWorkerLifetime.test_pool_worker_lifetime": [_PRIVATE],
}

#: These are not run.
SKIPPED = {
    "ExecutorShutdownTest.test_cancel_futures": [
        "no worker may be ready at the shutdown; then all tasks are cancelled, and the test wants one that is not"
    ],
    "ExecutorTest.test_map_timeout": ["it sleeps for six seconds, and is run under 'fork'", "forkserver", "spawn"],
}


def but_for_exceptions(case, method):
    """Return the tests of a stock class that have to fail under this start method, or are skipped, marked as such."""
    marked = {}
    for kind in case.__mro__:
        for name in vars(kind):
            test = f"{kind.__name__}.{name}"
            if _applies(EXCEPTIONS, test, method):
                marked[name] = unittest.expectedFailure(_copy(getattr(case, name)))
            if _applies(SKIPPED, test, method):
                marked[name] = unittest.skip(SKIPPED[test][0])(_copy(getattr(case, name)))
    return marked


def unknown_exceptions(module, prefixes):
    """Return the listed tests that a stock module does not have, of its classes whose names begin so."""
    listed = [name.split(".") for name in (*EXCEPTIONS, *SKIPPED)]
    return [
        f"{kind}.{test}" for kind, test in listed if kind.startswith(prefixes) and not hasattr(vars(module)[kind], test)
    ]


def _applies(exceptions, test, method):
    reason, *methods = exceptions.get(test, [None])
    return reason is not None and (not methods or method in methods)


def _copy(function):
    def run(self):
        return function(self)

    return run
