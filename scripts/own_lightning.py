"""Your own Lightning module with beta_eff logged after each epoch."""

import sys

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

try:
    from neurocap_search.monitor import LightningCapacitanceCallback
except ImportError as error:
    sys.exit(str(error))

import lightning

x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
train, validation = (
    TensorDataset(x[part].float() / 16, y[part]) for part in (slice(1200), slice(1200, None))
)


class Digits(lightning.LightningModule):
    """Your module: its head has four layers, so beta_eff is that of the head itself."""

    def __init__(self):
        super().__init__()
        hidden = [layer for _ in range(3) for layer in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
        self.network = torch.nn.Sequential(*hidden, torch.nn.Linear(64, 10))

    def forward(self, images):
        """Return logits."""
        return self.network(images)

    def training_step(self, batch, index):
        """Return the loss."""
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        """Log the accuracy."""
        self.log("val_accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean(), on_epoch=True)

    def configure_optimizers(self):
        """Return the optimiser."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Printer(lightning.Callback):
    """Prints what was logged."""

    def on_train_epoch_end(self, trainer, pl_module):
        """Print one line."""
        names = ("val_accuracy", "beta_eff", "beta_numerator", "beta_denominator")
        logged = ", ".join(f"{name} {float(trainer.callback_metrics[name]):.4g}" for name in names)
        print(f"epoch {trainer.current_epoch + 1}: {logged}")


if __name__ == "__main__":
    lightning.seed_everything(0, verbose=False)
    capacitance = LightningCapacitanceCallback(*train[:512])
    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = lightning.Trainer(max_epochs=10, accelerator="cpu", callbacks=[capacitance, Printer()], **quiet)
    trainer.fit(Digits(), DataLoader(train, 64, shuffle=True), DataLoader(validation, 512))
    print(f"beta_eff is that of {capacitance.monitor.source}")
