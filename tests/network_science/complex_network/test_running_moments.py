from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.network_science.complex_network.running_moments import running_moments


@settings(max_examples=50, deadline=None, database=None)
@given(
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True), shift=st.sampled_from([0.0, 1e8])
)
def test_batches_give_the_moments_of_all_samples(cuts, shift):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(100, 3, generator=generator, dtype=torch.float64) + shift
    ends = [0, *sorted(cuts), 100]
    joined, *rest = [running_moments(rows[a:b]) for a, b in pairwise(ends)]
    for moments in rest:
        joined = joined.merged(moments)
    assert joined.count == 100
    torch.testing.assert_close(joined.mean, rows.mean(0), rtol=1e-14, atol=1e-14)
    # At 1e8 a sum of squares would have lost all digits of a variance of 1.
    torch.testing.assert_close(joined.std, rows.std(0, correction=0), rtol=1e-7, atol=0.0)


def test_float32_is_widened_before_it_is_added_up():
    moments = running_moments(torch.tensor([[2.0**24], [1.0], [1.0]]))
    assert moments.mean.item() == (2**24 + 2) / 3


def test_an_empty_batch_is_refused():
    with pytest.raises(
        ValueError, match=r"rows: expected at least one sample, received shape \(0, 3\); skip"
    ):
        running_moments(torch.zeros(0, 3))
