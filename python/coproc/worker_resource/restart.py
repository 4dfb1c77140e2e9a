"""When the worker of a Supervised or of a pool is started again: options, which the core checks (core/restarts.cpp).

A new member of the C++ library's options is one line here, and one there.
"""

import dataclasses
import typing


@dataclasses.dataclass(kw_only=True)
class Backoff:
    """The delays between the starts of a worker that ends again and again. All times are seconds.

    They are counted from one start to the next, so that a worker that has lived for longer than its delay is started
    again at once. Like those of RestartOptions, the values are checked when a Supervised or a Pool is made of them.

    :param first: the delay before the first restart in succession; 0 by default
    :param then: the delay before the second one; 0.1 by default
    :param factor: each further delay is so many times the one before, 2 by default; at least 1
    :param most: no delay is longer; 30 by default
    :param spread: Each delay is longer or shorter by a random part, at most this share of it; 0.2 by default. From 0 to
        1.
    :param reset_after: a worker that has lived for so long counts as well, and the next delay is `first` again; 30 by
        default
    """

    first: float = 0.0
    then: float = 0.1
    factor: float = 2.0
    most: float = 30.0
    spread: float = 0.2
    reset_after: float = 30.0


@dataclasses.dataclass(kw_only=True)
class RecycleOptions:
    """When a worker that works makes place for a new one: since it grows, or to be on the safe side.

    It is told the end of messages, and receives and answers all that it was sent, so that nothing fails. It does not
    count as a restart. The values are checked when a Supervised or a Pool is made of them.

    :param requests: after so many requests, or tasks of a pool, were sent to it; 0, the default: never because of this
    :param memory: when it has so many resident bytes; 0, the default: never because of this
    :param age: when it was started so many seconds ago; 0, the default: never because of this
    :param spread: Each worker has limits of its own, smaller or greater by a random part, at most this share; 0.1 by
        default. From 0 to 1.
    :param grace: How many seconds it may take to answer what it has, and to end, before it is stopped; 30 by default. A
        worker of a pool is told to end when it has nothing left to answer, and is killed then.
    """

    requests: int = 0
    memory: int = 0
    age: float = 0.0
    spread: float = 0.1
    grace: float = 30.0


@dataclasses.dataclass(kw_only=True)
class HealthOptions:
    """When a worker counts as hung, and is ended; `ExitStatus.hung` then says why.

    A worker that waits for messages and has nothing to answer never hangs. All times are seconds, longer than 0. None,
    the default of each: never because of this. The values are checked when a Supervised or a Pool is made of them.
    Limits for workers on other machines are refused, by `start` of a Supervised or by the Pool.

    :param unread: there is something for it in the link, and it has taken nothing out for so long
    :param reply: A request has been in hand for so long: its target has received it, and not answered it. In a pool: a
        task has run for so long.
    :param beat: Its target has not called `this_worker.beat` for so long. This begins with its first call, and stands
        still while it waits for messages. In a pool each task that ends counts as a call, once there was one.
    :param stack: whether it is asked where its threads are before it is ended, for `ExitStatus.stack`; True by default
    """

    unread: typing.Optional[float] = None
    reply: typing.Optional[float] = None
    beat: typing.Optional[float] = None
    stack: bool = True


@dataclasses.dataclass(kw_only=True)
class RestartOptions:
    """When the worker of a Supervised is started again, and what becomes of its requests.

    The values are checked when a Supervised is made of them, which raises TypeError and ValueError then.

    :param when: After which ends: 'on_failure', the default, after all but exit code 0, with which a worker ends that
        returns or was asked to close; 'always'; 'never'. After `stop()` and `finish()` it never is.
    :param most: the most restarts, including starts that fail, within any stretch of `within`; 5 by default. At an end
        that would need one more, RestartLimitError is raised.
    :param within: that stretch in seconds; 60 by default
    :param backoff: the delays, a Backoff or a dict of its members
    :param pending: What becomes of requests that have no answer when their worker ends. 'fail', the default: the
        receive of each reply raises WorkerDiedError. 'drop': they are counted and forgotten. 'resend': they are sent
        again to the next worker, so that they run at least once, and the call that finds the end raises nothing.
    :param attempts: Of 'resend': a request that was in hand at the ends of so many workers fails by
        RequestAttemptsError; 2 by default. In hand are those that a worker has received and not answered. From 1.
    :param resend_bytes: Of 'resend': the most bytes that copies of unanswered requests take, with 256 for each; 64 MiB
        by default. A request for which there is no room fails as by 'fail'.
    :param recycle: when a worker that works makes place for a new one, RecycleOptions or a dict of their members
    :param max_state_bytes: The most bytes of a state that the worker saves; 64 MiB by default. With 0 none is kept.
    :param state_attempts: A state by which so many workers in a row have ended is dropped, and the next worker begins
        without one; 2 by default. From 1.
    :param health: when the worker counts as hung, and is ended, HealthOptions or a dict of their members
    :param unless: A function that is called with the ExitStatus at each end, in the thread that drives. If it returns
        true, that end is final. None, the default, for none.
    :param on_restart: A function that is called with the Restart after each restart, in the thread that drives. It may
        use the messenger, and is the first to send to the new worker. What it raises leaves the call that drives; the
        new worker stays. None, the default, for none.
    """

    when: str = "on_failure"
    most: int = 5
    within: float = 60.0
    backoff: Backoff = dataclasses.field(default_factory=Backoff)
    pending: str = "fail"
    attempts: int = 2
    resend_bytes: int = 64 << 20
    recycle: RecycleOptions = dataclasses.field(default_factory=RecycleOptions)
    max_state_bytes: int = 64 << 20
    state_attempts: int = 2
    health: HealthOptions = dataclasses.field(default_factory=HealthOptions)
    unless: typing.Optional[typing.Callable] = None
    on_restart: typing.Optional[typing.Callable] = None


def _slot_backoff():
    return Backoff(first=0.01, then=0.02, most=1.0, spread=0.0)


@dataclasses.dataclass(kw_only=True)
class PoolRestartOptions:
    """How often and how soon workers of a pool are replaced that end by themselves.

    Workers that make place (RecycleOptions), and those that are ended because of a time limit or of `Task.cancel`, do
    not count. The values are checked when a Pool is made of them.

    :param most: The most ends of workers, including starts that fail, within any stretch of `within`. At one more all
        tasks that no worker has fail with PoolBrokenError, which names these ends, and the next task starts workers
        again. None, the default, for no limit.
    :param within: that stretch in seconds; 60 by default
    :param backoff: How long the place of a worker stays empty if it has ended, or could not be started, before it ended
        a task: a Backoff or a dict of its members; by default 0.01 s, 0.02 s and so on up to 1 s, without a spread.
        Here the delays are counted from that end, and a task that ends begins them anew, too. A worker that ends in a
        task is replaced at once, since it is that task that fails.
    """

    most: typing.Optional[int] = None
    within: float = 60.0
    backoff: Backoff = dataclasses.field(default_factory=_slot_backoff, metadata={"kind": Backoff})


def options_of(given, kind=RestartOptions):
    """Return a copy of these options, which may be a dict of their members, or None.

    :param given: the options
    :param kind: the class of options
    :raises TypeError: if they are of another type, or there is no such member
    """
    if given is None:
        return kind()
    if not isinstance(given, (kind, dict)):
        raise TypeError(f"{kind.__name__}: one of these, a dict of its members, or None, not {given!r}")
    options = kind(**given) if isinstance(given, dict) else dataclasses.replace(given)
    for field in dataclasses.fields(kind):
        if field.default_factory is not dataclasses.MISSING:  # the member is options, too
            member = getattr(options, field.name)
            member = field.default_factory() if member is None else member
            setattr(options, field.name, options_of(member, field.metadata.get("kind", field.default_factory)))
    for name in ("unless", "on_restart"):
        function = getattr(options, name, None)
        if function is not None and not callable(function):
            raise TypeError(f"{kind.__name__}.{name}: a function or None, not {function!r}")
    return options
