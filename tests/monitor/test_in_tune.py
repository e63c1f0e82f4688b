"""Inside a real Tune trial the monitor reports to Tune; beside one it does not."""

from ray import tune

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.monitor import CapacitanceMonitor
from neurocap_search.monitor.reporting import in_tune_trial


def train(config):
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    with CapacitanceMonitor(model) as monitor:
        for epoch in range(2):
            monitor.measure(torch.rand(6, 4), torch.arange(6) % 3)
            monitor.report({"accuracy": epoch / 2})


def test_a_tune_trial_receives_all_numbers(tmp_path):
    assert not in_tune_trial()
    run = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
    with ray_cluster(ResourcesConfig(num_cpus=1)):  # on the loopback interface only, and stopped
        (result,) = tune.Tuner(train, run_config=run).fit()
    assert result.error is None
    assert result.metrics["training_iteration"] == 2
    assert result.metrics["accuracy"] == 0.5
    assert {"beta_eff", "strength_mean", "measure_seconds"} <= result.metrics.keys()
    assert not in_tune_trial()
