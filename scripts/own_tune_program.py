"""Your own Ray Tune program with the neural capacitance scheduler in ASHA's place."""

import torch
from ray import tune
from sklearn.datasets import load_digits

from neurocap_search import NeuralCapacitanceProbe, NeuralCapacitanceScheduler


def train(config):
    """Train your network and report your metric, with beta_eff and whatever else may tell beside it."""
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    x, x_val, y, y_val = x[:1200].float() / 16, x[1200:].float() / 16, y[:1200], y[1200:]
    body = torch.nn.Sequential(torch.nn.Linear(64, config["width"]), torch.nn.ReLU())
    head = NeuralCapacitanceProbe(config["width"], 10, frozen=False)  # the last layers of your network
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=config["lr"])
    for _ in range(16):
        for batch in torch.randperm(len(x)).split(64):
            loss = torch.nn.functional.cross_entropy(head(body(x[batch])), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = (head(body(x_val)).argmax(1) == y_val).float().mean().item()
        beta_eff = head.measure(body(x[:512]), y[:512]).value
        size = 64 * config["width"]
        tune.report(
            {"accuracy": accuracy, "train_loss": loss.item(), "parameters": size, "beta_eff": beta_eff}
        )


if __name__ == "__main__":
    scheduler = NeuralCapacitanceScheduler(max_t=16, grace_period=2, reduction_factor=2)
    space = {"width": tune.choice([8, 32, 128]), "lr": tune.loguniform(1e-4, 1e-1)}
    config = tune.TuneConfig(
        metric="accuracy", mode="max", scheduler=scheduler, num_samples=12, reuse_actors=True
    )
    results = tune.Tuner(train, param_space=space, tune_config=config).fit()
    print(scheduler.debug_string(), results.get_best_result().config)
    print(*[d[-1].reason for d in scheduler.decisions.values() if d[-1].pruned], sep="\n")
