"""beta_eff in a training by Hugging Face's ``Trainer``, as a callback."""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from neurocap_search.monitor.callback_report import check_objective, report_objective
from neurocap_search.monitor.monitor import CapacitanceMonitor
from neurocap_search.monitor.run import Inputs

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise ImportError(
        "The callback for Hugging Face's Trainer needs the package transformers: "
        "pip install 'neurocap-search[transformers]'"
    ) from error

if TYPE_CHECKING:
    import optuna


class CapacitanceCallback(TrainerCallback):  # type: ignore[misc]
    """Measures beta_eff after each evaluation (without any, each epoch) of a ``transformers.Trainer``.

    What is measured, and what it means, is said by :class:`~neurocap_search.monitor.CapacitanceMonitor`. The
    numbers are appended to ``trainer.state.log_history`` and added to the metrics of the evaluation, each
    with the prefix "eval_".

    Not for several processes: each would measure its own copy of the model. The loggers of ``report_to`` run
    before other callbacks and do not see the numbers.

    Args:
        inputs: What the model takes, the same batch each time: a mapping such as a tokenizer's, without
            labels.
        labels: Class indices, (B,).
        objective: The metric that is optimised, such as "eval_loss". With it, metric and numbers are reported
            after each evaluation in training, counted from 1: to ``trial``, or to Ray Tune inside its trials.
        trial: An Optuna trial; the training ends with ``optuna.TrialPruned`` where its study prunes it.
        width: Nodes in each hidden layer of an attached probe.
        seed: Seed of an attached probe's weights.

    Attributes:
        monitor: The monitor of the model in training; None before and after.

    Raises:
        ValueError: If a trial is given without an objective.

    Example:
        >>> import torch
        >>> callback = CapacitanceCallback({"input_ids": torch.ones(8, 4).long()}, torch.arange(8) % 3)
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
        self.monitor: CapacitanceMonitor | None = None

    def on_train_begin(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        *,
        model: nn.Module,
        **kwargs: Any,
    ) -> None:
        """Begin to watch the model."""
        self.monitor = CapacitanceMonitor(model, width=self._width, seed=self._seed)

    def on_epoch_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **kwargs: Any
    ) -> None:
        """Measure where nothing is evaluated."""
        if self.monitor is not None and args.eval_strategy == "no":
            self._measure(self.monitor, state)

    def on_evaluate(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        *,
        metrics: dict[str, float],
        **kwargs: Any,
    ) -> None:
        """Measure, add the numbers to the metrics, and report.

        Raises:
            ValueError: If the objective is not among the metrics.
            optuna.TrialPruned: If the trial is pruned.
        """
        if self.monitor is None:
            return  # an evaluation outside training
        metrics |= self._measure(self.monitor, state)
        if self._objective is not None:
            report_objective(self.monitor, metrics, self._objective, self._trial)

    def on_train_end(
        self, args: "TrainingArguments", state: "TrainerState", control: "TrainerControl", **kwargs: Any
    ) -> None:
        """Leave later evaluations alone."""
        self.monitor = None

    def _measure(self, monitor: CapacitanceMonitor, state: "TrainerState") -> dict[str, float]:
        numbers = monitor.measure(self._inputs, self._labels)
        named = {f"eval_{name}": value for name, value in numbers.items()}
        state.log_history.append({**named, "epoch": state.epoch, "step": state.global_step})
        return named
