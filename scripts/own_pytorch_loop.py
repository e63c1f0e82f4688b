"""Your own PyTorch loop with beta_eff measured after each epoch."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from neurocap_search.monitor import CapacitanceMonitor

x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
x = x.float().reshape(-1, 1, 8, 8) / 16
x, x_val, y, y_val = x[:1200], x[1200:], y[:1200], y[1200:]


def network():
    """Your network."""
    convolutions = [
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
    ]
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def main():
    """Train it; three lines are new."""
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with CapacitanceMonitor(model) as monitor:
        for epoch in range(1, 11):
            model.train()
            for batch in torch.randperm(len(x)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                optimizer.step()
            model.eval()
            accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
            numbers = monitor.measure(x[:512], y[:512])
            monitor.report({"val_accuracy": accuracy})  # to Ray Tune in a trial of it; give trial= for Optuna
            print(
                f"epoch {epoch}: val_accuracy {accuracy:.3f}, beta_eff {numbers['beta_eff']:.4f}, "
                f"strength_std {numbers['strength_std']:.3f}, measured in {numbers['measure_seconds']:.3f} s"
            )
    print(f"beta_eff is that of {monitor.source}")


if __name__ == "__main__":
    main()
