import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.network_science.complex_network.neuron_activity import NeuronActivity


@pytest.fixture
def conv_net():
    torch.manual_seed(0)
    conv, head = nn.Conv2d(1, 3, 3), nn.Linear(27, 4)
    return nn.Sequential(conv, nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), head).train()


def data(samples, seed=0):
    return torch.randn(samples, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def assert_same(found, values):
    """Compare with the moments of (n, samples) values."""
    np.testing.assert_allclose(found.mean, values.mean(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.std, values.std(1), rtol=1e-5)
    assert found.fluctuation == pytest.approx(values.mean(1).std(), rel=1e-5)


def test_before_and_after_the_activation_over_samples_and_positions(conv_net):
    inputs = data(20)
    activity = NeuronActivity().update(conv_net, inputs[:7]).update(conv_net, inputs[7:])
    summary = activity.compute()
    assert conv_net.training
    conv_net.eval()
    with torch.no_grad():
        before, flat, logits = conv_net[0](inputs), conv_net[:5](inputs), conv_net(inputs)
    by_channel = before.permute(1, 0, 2, 3).reshape(3, -1).numpy()
    assert_same(summary.strength["0"], by_channel)
    assert_same(summary.strength["5"], logits.T.numpy())
    assert_same(summary.activation["5"], flat.T.numpy())
    assert_same(summary.activation["0"], inputs.reshape(1, -1).numpy())
    assert list(summary.strength) == list(summary.activation) == ["0", "5"]


def test_tokens_count_like_samples():
    torch.manual_seed(0)
    net, inputs = nn.Sequential(nn.Linear(4, 3)), torch.randn(5, 6, 4)
    summary = NeuronActivity().update(net, inputs).compute()
    assert_same(summary.strength["0"], net(inputs).detach().reshape(-1, 3).T.numpy())


def test_batches_do_not_change_the_result_and_reset_forgets(conv_net):
    inputs = data(12)
    whole = NeuronActivity().update(conv_net, inputs).compute()
    parts = NeuronActivity().update(conv_net, data(5, seed=1))
    parts.reset()
    for batch in inputs.split(5):
        parts.update(conv_net, batch)
    for found, expected in zip(parts.compute().strength.values(), whole.strength.values(), strict=True):
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.std, expected.std, rtol=1e-6)


def test_a_summary_does_not_change_with_later_batches(conv_net):
    activity = NeuronActivity().update(conv_net, data(4))
    before = activity.compute().strength["0"]
    kept = before.mean.copy()
    activity.update(conv_net, data(4, seed=1) + 3.0)
    np.testing.assert_array_equal(before.mean, kept)


def test_nothing_gathered_is_an_error():
    with pytest.raises(ValueError, match=r"no weight layer has been seen: call update\(network, inputs\)"):
        NeuronActivity().compute()


def test_a_broken_batch_is_named_and_not_added(conv_net):
    activity = NeuronActivity().update(conv_net, data(4))
    before = activity.compute()
    with torch.no_grad():
        conv_net[5].bias[0] = float("inf")
    with pytest.raises(
        ValueError, match="output of layer 5: expected finite values, received 4 infinite or NaN"
    ):
        activity.update(conv_net, data(4, seed=1))
    assert activity.compute().strength["0"].mean.tolist() == before.strength["0"].mean.tolist()


def test_another_width_is_refused():
    activity = NeuronActivity().update(nn.Sequential(nn.Linear(2, 3)), torch.zeros(1, 2))
    message = r"output of layer 0: expected 3 neurons as in the batches before, received 4; call reset\(\)"
    with pytest.raises(ValueError, match=message):
        activity.update(nn.Sequential(nn.Linear(2, 4)), torch.zeros(1, 2))
