"""The Lightning callback in real, tiny trainings."""

import csv
from pathlib import Path

import optuna
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from neurocap_search.study import PolicyPruner
from tests.monitor.policies import StopAtOnce

pytest.importorskip("lightning")

import lightning
from lightning.pytorch.loggers import CSVLogger

from neurocap_search.monitor import LightningCapacitanceCallback
from neurocap_search.monitor.lightning import CapacitanceCallback

pytestmark = [
    # Advice about worker processes and the logging interval, which a tiny data set has no use for.
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches:UserWarning"),
    # Lightning 2.6's own use of PyTorch 2.14.
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"),
]

INPUTS = torch.rand(24, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(24) % 3


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, index):
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Validated(Module):
    def validation_step(self, batch, index):
        self.log("val_accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean())


def fit(module, callback, folder, epochs=3, **arguments):
    loader = DataLoader(TensorDataset(INPUTS, LABELS), batch_size=8)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[callback],
        logger=CSVLogger(folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **arguments,
    )
    trainer.fit(module, loader, loader if isinstance(module, Validated) else None)
    return trainer


def rows_with_beta(trainer):
    with Path(trainer.logger.experiment.metrics_file_path).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["beta_eff"]]


def seeded(make):
    torch.manual_seed(0)
    return make()


@pytest.mark.parametrize("make", [Module, Validated])
def test_beta_eff_is_logged_after_each_epoch(make, tmp_path):
    callback = CapacitanceCallback(INPUTS, LABELS)
    trainer = fit(seeded(make), callback, tmp_path, num_sanity_val_steps=2)
    rows = rows_with_beta(trainer)
    assert len(rows) == 3
    assert len({row["beta_eff"] for row in rows}) == 3
    assert callback.monitor.source == "a frozen random probe on the 8 features before layer net.2"
    assert float(rows[-1]["beta_eff"]) == pytest.approx(callback.monitor.numbers["beta_eff"], rel=1e-5)


def test_where_validation_is_rare_each_epoch_is_measured_all_the_same(tmp_path):
    trainer = fit(seeded(Validated), CapacitanceCallback(INPUTS, LABELS), tmp_path, check_val_every_n_epoch=2)
    assert len(rows_with_beta(trainer)) == 3


def test_training_is_the_same_with_and_without(tmp_path):
    trained = []
    for callback in (CapacitanceCallback(INPUTS, LABELS), lightning.Callback()):
        module = seeded(Validated)
        fit(module, callback, tmp_path)
        trained.append(torch.cat([p.detach().flatten() for p in module.parameters()]))
    assert torch.equal(*trained)


def test_an_optuna_trial_receives_metric_and_numbers_by_epoch(tmp_path):
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    callback = LightningCapacitanceCallback(INPUTS, LABELS, objective="val_accuracy", trial=trial)
    trainer = fit(seeded(Validated), callback, tmp_path)
    values = study.trials[0].intermediate_values
    assert list(values) == [1, 2, 3]
    assert values[3] == pytest.approx(float(trainer.callback_metrics["val_accuracy"]))
    assert "beta_eff" in trial.user_attrs["neurocap:report:3"]["metrics"]


def test_a_pruned_trial_ends_the_training(tmp_path):
    study = optuna.create_study(direction="maximize", pruner=PolicyPruner(StopAtOnce(9)))
    trial = study.ask()
    callback = CapacitanceCallback(INPUTS, LABELS, objective="val_accuracy", trial=trial)
    with pytest.raises(optuna.TrialPruned):
        fit(seeded(Validated), callback, tmp_path)
    assert list(study.trials[0].intermediate_values) == [1]


def test_an_objective_that_is_not_logged_is_named(tmp_path):
    callback = CapacitanceCallback(INPUTS, LABELS, objective="accuracy")
    with pytest.raises(
        ValueError, match=r"objective: 'accuracy' is not among the logged \['beta_denominator'"
    ):
        fit(seeded(Validated), callback, tmp_path)


def test_a_trial_without_an_objective_is_refused():
    with pytest.raises(ValueError, match="objective: expected the name of the metric"):
        CapacitanceCallback(INPUTS, LABELS, trial=optuna.create_study().ask())


def test_validation_outside_training_is_left_alone(tmp_path):
    callback = CapacitanceCallback(INPUTS, LABELS)
    module = seeded(Validated)
    trainer = fit(module, callback, tmp_path, epochs=1)
    before = callback.monitor.numbers
    trainer.validate(module, DataLoader(TensorDataset(INPUTS, LABELS), batch_size=8), verbose=False)
    assert callback.monitor.numbers is before
