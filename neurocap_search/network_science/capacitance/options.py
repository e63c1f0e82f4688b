"""The choices that the papers on neural capacitance leave open."""

from dataclasses import dataclass
from typing import Literal, get_args

from neurocap_search.network_science.capacitance.factors import Errors
from neurocap_search.network_science.capacitance.output_errors import Loss

Interaction = Literal["factor", "weighted", "hessian_blocks", "hessian"]
Sign = Literal["descent", "ascent", "absolute"]
Averaging = Literal["samples", "ratio_of_means", "mean_of_ratios", "factors", "last_batch"]
Undefined = Literal["nan", "zero"]


@dataclass(frozen=True)
class CapacitanceOptions:
    """How a line graph and its beta_eff are read off a head, where arXiv 2201.04194 leaves the choice open.

    The first choice is the default. Values of different options are different quantities: compare networks
    under one choice only. What lies outside the line graph is chosen elsewhere: depth, width, normalisation,
    seed and freezing of the head in ``NeuralCapacitanceProbe``; samples and times by what is measured and
    when; the regression in ``CapacitanceRidge``; a line graph of all layers by ``network_capacitance``.

    Attributes:
        interaction: what P contains: the factor of the influencing weight with all node states fixed
            ("factor"), that factor times the weight ("weighted"), or all dependence: minus the blocks of
            consecutive layers of the Hessian ("hessian_blocks") or all of it ("hessian").
        sign: of -dC/dw ("descent"), of +dC/dw ("ascent") or none ("absolute").
        learning_rate: factor of P; None leaves it out. It matters where the rate is scheduled.
        averaging: over the samples of P ("samples"), of numerator and denominator of each sample's own P
            ("ratio_of_means"), of their ratios ("mean_of_ratios"), of outputs, gains and errors before they
            are multiplied ("factors"), or as "samples" over the last batch alone ("last_batch").
        loss: what is put on the outputs; see ``output_errors``.
        errors: of the pre-activations, or ("activation") without the slope of the layer's own activation.
        bias_edges: whether biases are edges of the graph.
        undefined: 0/0 is a missing value ("nan") or ("zero") the zero that some public code returns.

    Raises:
        ValueError: if a choice is unknown, or two choices exclude each other.

    Example:
        >>> CapacitanceOptions(sign="absolute").averaging
        'samples'
    """

    interaction: Interaction = "factor"
    sign: Sign = "descent"
    learning_rate: float | None = None
    averaging: Averaging = "samples"
    loss: Loss = "cross_entropy"
    errors: Errors = "pre_activation"
    bias_edges: bool = False
    undefined: Undefined = "nan"

    def __post_init__(self) -> None:
        known = {"interaction": Interaction, "sign": Sign, "averaging": Averaging, "loss": Loss}
        for name, choices in (known | {"errors": Errors, "undefined": Undefined}).items():
            received = getattr(self, name)
            if received not in get_args(choices):
                raise ValueError(
                    f"{name}: expected one of {', '.join(get_args(choices))}, received {received!r}"
                )
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            raise ValueError(
                f"learning_rate: expected a positive number or None, received {self.learning_rate}"
            )
        self._check_exclusions()

    def _check_exclusions(self) -> None:
        plain = self.averaging in ("samples", "last_batch")
        if self.sign == "absolute" and not (plain and self.interaction == "factor"):
            raise ValueError(
                "sign: absolute values are those of the plain factors of each sample, received interaction "
                f"{self.interaction!r} and averaging {self.averaging!r}; use factor and samples with it"
            )
        if self.interaction != "factor" and not plain:
            raise ValueError(
                f"averaging: {self.averaging!r} is defined for the interaction factor, received "
                f"{self.interaction!r}; use samples with it"
            )
        if self.interaction.startswith("hessian") and (self.bias_edges or self.errors != "pre_activation"):
            raise ValueError(
                "interaction: the Hessian knows neither bias_edges nor errors; leave these at default"
            )
