"""The callback for Hugging Face's Trainer in real, tiny trainings; nothing is downloaded."""

import os

import optuna
import pytest
import torch

from neurocap_search.study import PolicyPruner
from tests.monitor.policies import StopAtOnce

os.environ.setdefault("HF_HUB_OFFLINE", "1")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
)

from neurocap_search.monitor import TransformersCapacitanceCallback
from neurocap_search.monitor.transformers import CapacitanceCallback

TOKENS = torch.randint(0, 20, (12, 5), generator=torch.Generator().manual_seed(0))
BATCH = {"input_ids": TOKENS, "attention_mask": torch.ones_like(TOKENS)}
LABELS = torch.arange(12) % 3
MASKS = torch.ones_like(TOKENS)
ROWS = [
    {"input_ids": t, "attention_mask": m, "labels": y} for t, m, y in zip(TOKENS, MASKS, LABELS, strict=True)
]


def bert():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=3,
    )
    return BertForSequenceClassification(config)


def fit(callback, folder, strategy="epoch", epochs=2):
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        eval_strategy=strategy,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        per_device_train_batch_size=6,
    )
    data = {"train_dataset": ROWS, "eval_dataset": ROWS}
    trainer = Trainer(model=bert(), args=arguments, callbacks=[callback] if callback else [], **data)
    trainer.train()
    return trainer


def logged(trainer):
    return [row for row in trainer.state.log_history if "eval_beta_eff" in row]


@pytest.mark.parametrize("strategy", ["epoch", "no"])
def test_beta_eff_is_logged_after_each_epoch(strategy, tmp_path):
    rows = logged(fit(CapacitanceCallback(BATCH, LABELS), tmp_path, strategy))
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[0]["eval_beta_eff"] != rows[1]["eval_beta_eff"]


def test_the_probe_stands_on_the_pooled_output(tmp_path):
    sources = []

    class Noting(CapacitanceCallback):
        def on_evaluate(self, *arguments, **named):
            super().on_evaluate(*arguments, **named)
            sources.append(self.monitor.source)

    fit(Noting(BATCH, LABELS), tmp_path, epochs=1)
    assert sources == ["a frozen random probe on the 16 features before layer classifier"]


def test_training_is_the_same_with_and_without(tmp_path):
    trained = []
    for callback in (CapacitanceCallback(BATCH, LABELS), None):
        model = fit(callback, tmp_path).model
        trained.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*trained)


def test_an_evaluation_outside_training_is_left_alone(tmp_path):
    trainer = fit(CapacitanceCallback(BATCH, LABELS), tmp_path)
    assert "eval_beta_eff" not in trainer.evaluate()
    assert len(logged(trainer)) == 2


def test_an_optuna_trial_receives_metric_and_numbers(tmp_path):
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    fit(TransformersCapacitanceCallback(BATCH, LABELS, objective="eval_loss", trial=trial), tmp_path)
    assert list(study.trials[0].intermediate_values) == [1, 2]
    assert "beta_eff" in trial.user_attrs["neurocap:report:2"]["metrics"]


def test_a_pruned_trial_ends_the_training(tmp_path):
    study = optuna.create_study(pruner=PolicyPruner(StopAtOnce(9)))
    callback = CapacitanceCallback(BATCH, LABELS, objective="eval_loss", trial=study.ask())
    with pytest.raises(optuna.TrialPruned):
        fit(callback, tmp_path)
    assert list(study.trials[0].intermediate_values) == [1]


def test_an_objective_that_is_not_computed_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"objective: 'accuracy' is not among the logged \["):
        fit(CapacitanceCallback(BATCH, LABELS, objective="accuracy"), tmp_path)
