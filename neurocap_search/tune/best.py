"""The best network of a search, kept where anybody can read it."""

import json
import shutil
from pathlib import Path

from neurocap_search.config import SearchConfig
from neurocap_search.tracking import TrialRecord
from neurocap_search.tracking.tables import write_json
from neurocap_search.training import ImageData, evaluate, load_weights
from neurocap_search.training.weights import WEIGHTS_FILE


def keep_best(config: SearchConfig, folder: Path, data: ImageData, trial: TrialRecord) -> float | None:
    """Write architecture and weights of the best trial; return its accuracy on the test images."""
    target = folder / "best"
    target.mkdir(exist_ok=True)
    shape, classes = data.input_shape, data.num_classes
    facts = {"trial": trial.name, "input_shape": list(shape), "num_classes": classes, **trial.config}
    write_json(target / "architecture.json", json.loads(json.dumps(facts)))
    if trial.weights is None:
        return None
    shutil.copyfile(folder / trial.weights / WEIGHTS_FILE, target / WEIGHTS_FILE)
    model = config.space.build(trial.config["architecture"], shape, classes)
    load_weights(model, target)
    return evaluate(model, data.test, "test")["test_accuracy"]
