"""Your own Optuna study with the neural capacitance pruner in Hyperband's place."""

import optuna
import torch
from sklearn.datasets import load_digits

from neurocap_search import NeuralCapacitanceProbe
from neurocap_search.study import NeuralCapacitancePruner, decisions, report

x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
x, x_val, y, y_val = x[:1200].float() / 16, x[1200:].float() / 16, y[:1200], y[1200:]


def objective(trial):
    """Train your network and report your metric, with whatever else may tell how it will end."""
    torch.manual_seed(trial.number)
    width = trial.suggest_categorical("width", [8, 32, 128])
    body = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU())
    head = NeuralCapacitanceProbe(width, 10, frozen=False)  # the last layers of your network
    rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=rate)
    for epoch in range(1, 17):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(head(body(x[batch])), y[batch])
            loss.backward()
            optimizer.step()
        accuracy = (head(body(x_val)).argmax(1) == y_val).float().mean().item()
        beta_eff = head.measure(body(x[:512]), y[:512]).value
        numbers = {"train_loss": loss.item(), "parameters": 64 * width, "beta_eff": beta_eff}
        report(trial, epoch, {"val_accuracy": accuracy, **numbers})
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = NeuralCapacitancePruner(max_resource=16, reduction_factor=2, metric="val_accuracy")
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=20)
    pruned = [trial for trial in study.trials if trial.state is optuna.trial.TrialState.PRUNED]
    print(
        f"{len(pruned)} of {len(study.trials)} trials pruned; best {study.best_value:.3f} {study.best_params}"
    )
    print(*[f"trial {trial.number}, {decisions(trial)[-1].reason}" for trial in pruned], sep="\n")
    insight = pruner.insight(study)
    for rung in insight.rungs:
        worth = ", ".join(f"{group} {share:.0%}" for group, share in rung.by_group.items())
        print(f"epoch {rung.epoch}, {rung.trials} trials: {worth}")
    print(insight.sentence)
