"""The options of supervised workers: the names and values of the C++ library, and what is refused."""

import coproc
import pytest
from coproc import RestartOptions, Supervised, _core
from supervised import tenfold


def test_the_options_have_the_values_of_the_core():
    def as_dict(options):
        values = dict(vars(options))
        for name in ("unless", "on_restart"):
            assert values.pop(name) is None
        return {name: vars(each) if hasattr(each, "__dict__") else each for name, each in values.items()}

    assert as_dict(RestartOptions()) == _core.restart_defaults()


@pytest.mark.parametrize(
    "error, says, options",
    [
        (TypeError, "mots", {"mots": 3}),
        (TypeError, "RestartOptions", "always"),
        (TypeError, "Backoff", {"backoff": 3}),
        (TypeError, "RestartOptions.most", {"most": 2.5}),
        (TypeError, "RestartOptions.most", {"most": True}),
        (TypeError, "RestartOptions.within", {"within": "long"}),
        (TypeError, "RestartOptions.within", {"within": None}),
        (TypeError, "RestartOptions.unless", {"unless": 3}),
        (TypeError, "RestartOptions.backoff.first", {"backoff": {"first": "soon"}}),
        (ValueError, "'never', 'on_failure', 'always'", {"when": "sometimes"}),
        (ValueError, "'fail', 'drop', 'resend'", {"pending": None}),
        (ValueError, "RestartOptions.most", {"most": -1}),
        (ValueError, "`attempts` is at least 1", {"attempts": 0}),
        (ValueError, "`within` is longer than nothing", {"within": 0}),
        (ValueError, "RestartOptions.backoff", {"backoff": {"factor": 0}}),
        (ValueError, "RestartOptions.backoff", {"backoff": {"first": -1}}),
        (ValueError, "not nan", {"within": float("nan")}),
        (ValueError, "`state_attempts` is at least 1", {"state_attempts": 0}),
        (ValueError, "RestartOptions.max_state_bytes", {"max_state_bytes": -1}),
        (TypeError, "RecycleOptions", {"recycle": 100}),
        (TypeError, "request", {"recycle": {"request": 100}}),
        (TypeError, "RestartOptions.recycle.requests", {"recycle": {"requests": 1.5}}),
        (TypeError, "RestartOptions.recycle.age", {"recycle": {"age": None}}),
        (ValueError, "RestartOptions.recycle.memory", {"recycle": {"memory": -1}}),
        (ValueError, "`age` and `grace` are not negative", {"recycle": {"age": -1}}),
        (ValueError, "`age` and `grace` are not negative", {"recycle": {"grace": -1}}),
        (ValueError, "RecycleOptions: `spread` is from 0 to 1", {"recycle": {"spread": 1.5}}),
        (TypeError, "HealthOptions", {"health": 30}),
        (TypeError, "RestartOptions.health.reply", {"health": {"reply": "long"}}),
        (TypeError, "RestartOptions.health.stack", {"health": {"stack": 1}}),
        (ValueError, "`reply` is longer than 0, or None", {"health": {"reply": 0}}),
        (ValueError, "`unread` is longer than 0, or None", {"health": {"unread": -1}}),
        (ValueError, "not nan", {"health": {"beat": float("nan")}}),
        (ValueError, "raise `within`, or lower `most`", {"within": 0.001}),
    ],
)
def test_options_that_cannot_work_are_refused(error, says, options):
    with pytest.raises(error, match=says.replace(".", r"\.")) as told:
        Supervised(tenfold, restart=options)
    assert "::" not in str(told.value)


def test_the_options_are_copied():
    options = RestartOptions(most=7, backoff=coproc.Backoff(first=1), recycle=coproc.RecycleOptions(requests=3))
    worker = Supervised(tenfold, restart=options)
    options.backoff.first = 2
    options.recycle.requests = 4
    assert worker.restart_options == RestartOptions(
        most=7, backoff=coproc.Backoff(first=1), recycle=coproc.RecycleOptions(requests=3)
    )
    assert worker.restart_options is not options and worker.restart_options.backoff is not options.backoff
