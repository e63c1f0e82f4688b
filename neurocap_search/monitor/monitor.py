"""beta_eff of any PyTorch model while it trains, in three lines."""

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from neurocap_search.monitor.attached_probe import AttachedProbe, attach_probe
from neurocap_search.monitor.labels import check_classes, check_labels
from neurocap_search.monitor.own_head import OwnHead, head_candidates, is_head
from neurocap_search.monitor.reporting import in_tune_trial, report_to_optuna, report_to_tune
from neurocap_search.monitor.run import Inputs, Watch, device_of, run, undisturbed
from neurocap_search.monitor.strength import strength_summary
from neurocap_search.network_science import Capacitance, NeuralCapacitanceProbe

if TYPE_CHECKING:
    import optuna


class CapacitanceMonitor:
    """Measures beta_eff and node strengths of somebody's model, and leaves the model as it is.

    What beta_eff is measured on is settled at the first measurement and said by :attr:`source`:

    - the model's **own head**, if it ends in four or more linear layers with elementwise functions between
      them that are a module, or the end of an ``nn.Sequential``, of their own; it trains with the model;
    - else an **attached probe**: a frozen, random
      :class:`~neurocap_search.network_science.NeuralCapacitanceProbe` on the input of the last linear layer,
      averaged over positions. The model's loss never sees the probe, so nothing teaches the features to suit
      it, and beta_eff need not fall to zero as training converges: it tells how far features that another
      head trains happen to serve a random one. Compare such values only among models with the same classes,
      width and seed, and look whether they rank your models before you prune by them. To train through the
      probe, as the papers do, make it the model's head.

    The model runs in evaluation mode without gradients and its training mode comes back after; weights,
    gradients, buffers, random states and device stay as they are. Hooks exist only while it runs, so the
    model can be saved and copied inside the ``with`` block.

    Not for regression, nor for models whose features are not the input of an ``nn.Linear``; there, measure a
    ``NeuralCapacitanceProbe`` on your own features. The own head needs a device with float64.

    Args:
        model: Any module with at least one ``nn.Linear`` (or a probe of this package) that runs.
        width: Nodes in each hidden layer of an attached probe.
        seed: Seed of an attached probe's weights.

    Attributes:
        numbers: The last measurement; empty before the first.
        reason: Why beta_eff of the last measurement is NaN, or None.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
        >>> images, labels = torch.rand(8, 1, 8, 8), torch.arange(8) % 3
        >>> with CapacitanceMonitor(model) as monitor:
        ...     numbers = monitor.measure(images, labels)
        >>> monitor.source
        'a frozen random probe on the 144 features before layer 3'
        >>> list(numbers)[:3]
        ['beta_eff', 'beta_numerator', 'beta_denominator']
    """

    def __init__(self, model: nn.Module, *, width: int = 64, seed: int = 0) -> None:
        self.model: nn.Module = getattr(model, "_orig_mod", model)  # compiled code has no hooks
        self._width, self._seed = width, seed
        self._source: OwnHead | AttachedProbe | None = None
        self._classes = 0
        self._reports = 0
        self.numbers: dict[str, float] = {}
        self.reason: str | None = None

    def __enter__(self) -> "CapacitanceMonitor":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the model alone; what was measured stays readable."""

    @property
    def source(self) -> str:
        """What beta_eff is measured on, in words."""
        return self._source.sentence if self._source else "nothing was measured yet"

    def measure(self, inputs: Inputs, labels: Tensor) -> dict[str, float]:
        """Measure the model on one batch. Use the same batch each time, some hundred training samples.

        Args:
            inputs: What the model's forward takes: a tensor (B, ...), a tuple or a mapping of arguments;
                moved to the model's device.
            labels: Class indices, (B,).

        Returns:
            ``beta_eff``, ``beta_numerator`` and ``beta_denominator`` of softmax with cross-entropy, in nats;
            ``strength_mean``, ``strength_std`` and ``fluctuation_mean`` of the node strengths (arXiv
            2110.02628), NaN for a model that takes more than one tensor; ``measure_seconds``. A beta_eff
            that is degenerate, or of a diverged model, is NaN, with the :attr:`reason`.

        Raises:
            ValueError: If the model has no linear layer or cannot be run on the inputs, or the labels are
                not one class for each sample.
        """
        start = time.perf_counter()
        check_labels(labels)
        with undisturbed(self.model):
            if self._source is None:
                self._source, self._classes = self._choose(inputs, labels)
            result = self._capacitance(self._source, inputs, labels)
            strengths = strength_summary(self.model, inputs)
        self.reason = result.reason
        beta = (result.value, result.numerator, result.denominator)
        named = dict(zip(("beta_eff", "beta_numerator", "beta_denominator"), beta, strict=True))
        self.numbers = {**named, **strengths, "measure_seconds": time.perf_counter() - start}
        return self.numbers

    def report(
        self, metrics: Mapping[str, float], *, trial: "optuna.Trial | None" = None, epoch: int | None = None
    ) -> dict[str, float]:
        """Report metrics with the last measurement to whoever runs this trial.

        To the Optuna trial, if one is given (ask ``trial.should_prune()`` after); else to Ray Tune, inside a
        trial of Tune; else to nobody.

        Args:
            metrics: Your own numbers; the first is what an Optuna study optimises.
            trial: The Optuna trial.
            epoch: Number of finished epochs, from 1, for Optuna; None counts the reports.

        Returns:
            All numbers together.

        Raises:
            ValueError: If an Optuna trial is given without metrics.
        """
        self._reports += 1
        numbers = {**metrics, **self.numbers}
        if trial is not None:
            report_to_optuna(trial, self._reports if epoch is None else epoch, metrics, numbers)
        elif in_tune_trial():
            report_to_tune(numbers)
        return numbers

    def _choose(self, inputs: Inputs, labels: Tensor) -> tuple[OwnHead | AttachedProbe, int]:
        """Find what to measure, and the number of classes."""
        layers = [m for m in self.model.modules() if isinstance(m, nn.Linear | NeuralCapacitanceProbe)]
        with Watch(layers, keep=False) as watch:
            run(self.model, inputs)
        if not watch.order:
            raise ValueError(
                f"{type(self.model).__name__}: no nn.Linear runs in it, so there are no features to measure; "
                "measure a NeuralCapacitanceProbe on features of your choice instead"
            )
        candidates, last = head_candidates(self.model, watch.order), watch.order[-1]
        with Watch([last, *(head.watched for head in candidates)], keep=True) as watch:
            run(self.model, inputs)
        classes = watch.outputs[last].shape[-1]
        check_classes(labels, max(2, classes), watch.inputs[last])
        labels = labels.to(device_of(self.model))
        for head in candidates:
            if is_head(head, watch, last, labels):
                return head, classes
        name = next(name for name, module in self.model.named_modules() if module is last)
        probe = attach_probe(last, name, watch.inputs[last], width=self._width, seed=self._seed)
        return probe, max(2, classes)

    def _capacitance(self, source: OwnHead | AttachedProbe, inputs: Inputs, labels: Tensor) -> Capacitance:
        with Watch([source.watched], keep=True) as watch:
            run(self.model, inputs)
        features = watch.inputs[source.watched]
        check_classes(labels, self._classes, features)
        try:
            return source.measure(features, labels.to(features.device))
        except ValueError as error:  # values that are not finite: training has diverged
            return Capacitance(math.nan, math.nan, math.nan, str(error))
