"""beta_eff in a Lightning training, as a callback."""

from typing import TYPE_CHECKING

from torch import Tensor

from neurocap_search.monitor.callback_report import check_objective, report_objective
from neurocap_search.monitor.monitor import CapacitanceMonitor
from neurocap_search.monitor.run import Inputs

try:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.callbacks import Callback
except ImportError as error:
    raise ImportError(
        "The Lightning callback needs the package lightning: pip install 'neurocap-search[lightning]'"
    ) from error

if TYPE_CHECKING:
    import optuna


class CapacitanceCallback(Callback):  # type: ignore[misc]
    """Measures beta_eff after each epoch of a Lightning training, and logs it like any metric.

    What is measured, and what it means, is said by
    :class:`~neurocap_search.monitor.CapacitanceMonitor`. The numbers are logged at the end of the validation
    epoch (without validation, of the training epoch), so loggers and other callbacks see them.

    Not for several processes: each would measure its own copy of the model.

    Args:
        inputs: What the module's forward takes, the same batch each time.
        labels: Class indices, (B,).
        objective: The logged metric that is optimised, such as "val_accuracy". With it, metric and numbers
            are reported at the end of each training epoch: to ``trial``, or to Ray Tune inside its trials.
        trial: An Optuna trial; the training ends with ``optuna.TrialPruned`` where its study prunes it.
        width: Nodes in each hidden layer of an attached probe.
        seed: Seed of an attached probe's weights.

    Attributes:
        monitor: The monitor of the module in training; None before.

    Raises:
        ValueError: If a trial is given without an objective.

    Example:
        >>> import torch
        >>> callback = CapacitanceCallback(torch.rand(8, 4), torch.arange(8) % 3)
        >>> callback.monitor is None
        True
    """

    def __init__(
        self,
        inputs: Inputs,
        labels: Tensor,
        *,
        objective: str | None = None,
        trial: "optuna.Trial | None" = None,
        width: int = 64,
        seed: int = 0,
    ) -> None:
        check_objective(objective, trial)
        self._inputs, self._labels = inputs, labels
        self._objective, self._trial = objective, trial
        self._width, self._seed = width, seed
        self._measured_epoch: int | None = None
        self.monitor: CapacitanceMonitor | None = None

    def on_fit_start(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        """Begin to watch the module."""
        self.monitor = CapacitanceMonitor(pl_module, width=self._width, seed=self._seed)
        self._measured_epoch = None

    def on_validation_epoch_end(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        """Measure and log."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._measure(trainer, pl_module)

    def on_train_epoch_end(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        """Measure if no validation did, and report.

        Raises:
            ValueError: If the objective was not logged.
            optuna.TrialPruned: If the trial is pruned.
        """
        if self._measured_epoch != trainer.current_epoch:
            self._measure(trainer, pl_module)
        if self._objective is not None and self.monitor is not None:
            logged, epoch = trainer.callback_metrics, trainer.current_epoch + 1
            report_objective(self.monitor, logged, self._objective, self._trial, epoch)

    def _measure(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        if self.monitor is not None:
            self._measured_epoch = trainer.current_epoch
            pl_module.log_dict(self.monitor.measure(self._inputs, self._labels))
