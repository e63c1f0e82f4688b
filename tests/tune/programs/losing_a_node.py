"""A Tune program on a cluster of two nodes, one of which dies in the middle.

Usage: python -m tests.tune.programs.losing_a_node FOLDER
"""

import os
import sys
import threading
import time
from pathlib import Path

os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}

import ray
import ray._private.services as services
from ray import tune
from ray.cluster_utils import Cluster

from neurocap_search.tune import NeuralCapacitanceScheduler, RecordCallback
from tests.tune.programs.experiment import MAX_T, train


def main() -> None:
    folder = Path(sys.argv[1])
    os.environ["TRAINED"] = str(folder / "trained.txt")
    services.resolve_ip_for_localhost = lambda host: host  # the whole cluster stays on loopback
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "node_ip_address": "127.0.0.1"})
    doomed = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
    ray.init(address=cluster.address, log_to_driver=False)
    threading.Thread(target=lose, args=(cluster, doomed, folder / "trained.txt"), daemon=True).start()
    scheduler = NeuralCapacitanceScheduler("epoch", "value", "max", max_t=MAX_T, grace_period=MAX_T)
    tune.Tuner(
        train,
        param_space={"quality": tune.grid_search([0.2, 0.4]), "seconds": 1.0},
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=tune.RunConfig(
            name="exp",
            storage_path=str(folder),
            callbacks=[RecordCallback(scheduler)],
            failure_config=tune.FailureConfig(max_failures=2),
            verbose=0,
        ),
    ).fit()
    print(scheduler.debug_string(), flush=True)


def lose(cluster: Cluster, node: object, trained: Path) -> None:
    """Take the node away without a word once both trials are at it."""
    while not trained.is_file() or len({line.split()[0] for line in trained.read_text().splitlines()}) < 2:
        time.sleep(0.1)
    time.sleep(3)
    cluster.remove_node(node, allow_graceful=False)


if __name__ == "__main__":
    main()
