"""Save the run: every ``save_checkpoint_steps`` steps, at a new best, when stopped, and at the end."""

from __future__ import annotations

from lmnet.training import checkpoints
from lmnet.training.callbacks.base import StepCallback
from lmnet.training.callbacks.nan_guard import check_weights
from lmnet.training.events import Saved


class Checkpoint(StepCallback):
    """Comes last: it keeps the results of validation and stop, and what it saves is recorded before."""

    def after_step(self) -> None:
        """Save when it is time; then name the best and remove what is too old."""
        state, settings = self.state, self.state.settings
        due = state.step % settings.save_checkpoint_steps == 0
        if not (due or state.is_best or state.is_last_step or self.model.stop_training):
            return
        check_weights(self.model, state)
        if state.is_best:
            state.best = checkpoints.name_of(state.step)
        facts = checkpoints.CheckpointState(
            step=state.step,
            network=settings.network,
            classes=state.dataset.classes,
            train_images=len(state.dataset.train),
            mean_iou=state.mean_iou,
            best=state.best,
            best_mean_iou=state.best_mean_iou,
            seconds=state.clock.seconds,
            cpu_seconds=state.clock.cpu_seconds,
            validations_since_best=state.validations_since_best,
        )
        folder = state.folder / checkpoints.FOLDER
        state.last = checkpoints.name_of(state.step)
        if state.strategy.process:
            return
        path = checkpoints.save(self.model, folder, facts)
        if state.is_best:
            checkpoints.write_best(state.folder, path.name)
        checkpoints.prune(folder, settings.keep_checkpoint_max, state.best)
        state.report(Saved(state.step, path))
