"""Runs trials side by side with Ray Tune, and ends those early that do worse than others at the same point."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from blueoil.errors import BlueoilError
from blueoil.tuning import trial
from blueoil.tuning.trial import Job, Record

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a config start where the command was called
    "RAY_AIR_NEW_OUTPUT": "0",  # prints nothing when told so, unlike the new one
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # an experiment has records of its own
}
"""Set before Ray is imported, unless the user has set them."""

FIRST_CUT, KEPT = 10, 3
"""Per cent of a run after which a trial may be ended, and the share kept at each cut, one in so many."""


def search(
    job: Job,
    drawn: Sequence[dict[str, Any]],
    *,
    parallel: int | None,
    told: Callable[[Record], None],
) -> bool:
    """Run a trial for each of the drawn values, whose folder keeps its record; return whether all came to their end.

    Early ends follow ASHA (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020): of the
    trials that came to a point of the run, the best third goes on.

    Args:
        job: what all trials share.
        drawn: values of each trial.
        parallel: trials at once, which share processors and GPUs; none: one a GPU, one without.
        told: called with the record of a trial after each of its validations.

    Raises:
        BlueoilError: Ray is not installed.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        from ray import tune
        from ray.tune.progress_reporter import TrialProgressCallback
        from ray.tune.schedulers import ASHAScheduler
    except ModuleNotFoundError:
        raise BlueoilError("Ray Tune is not installed", fix="pip install '.[tune]' in the source tree") from None

    ended: set[int] = set()

    class Tell(TrialProgressCallback):  # in the place of Ray's own, which prints
        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
            if "record" in result:
                told(Record(**result["record"]))

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            ended.add(trial.config["number"])

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            """Tell nothing: the table will."""

    def run(config: dict[str, Any]) -> None:
        def report(record: Record) -> None:
            tune.report({"mean_iou": record.mean_iou, "percent": 100 * record.share, "record": asdict(record)})

        trial.run(job, config["number"], drawn[config["number"] - 1], report)

    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        found = ray.cluster_resources()
        processors, gpus = int(found["CPU"]), int(found.get("GPU", 0))
        side_by_side = parallel or max(1, gpus)
        share = {"cpu": max(1, processors // side_by_side), "gpu": gpus / side_by_side}
        with tempfile.TemporaryDirectory() as notes:
            tune.Tuner(
                tune.with_resources(run, share),
                param_space={"number": tune.grid_search(list(range(1, len(drawn) + 1)))},
                tune_config=tune.TuneConfig(
                    metric="mean_iou",
                    mode="max",
                    max_concurrent_trials=side_by_side,
                    scheduler=ASHAScheduler(
                        time_attr="percent", max_t=100, grace_period=FIRST_CUT, reduction_factor=KEPT
                    ),
                ),
                run_config=tune.RunConfig(storage_path=notes, name="tune", verbose=0, callbacks=[Tell()]),
            ).fit()
    finally:
        ray.shutdown()
    return len(ended) == len(drawn)
