"""The line graph of a small head, entry by entry: the reference for the closed form."""

import math
from itertools import pairwise, product

import numpy as np
from scipy.sparse import coo_array, csr_array

from neurocap_search.network_science.capacitance.closed_form import Capacitance
from neurocap_search.network_science.capacitance.degeneracy import RELATIVE_TOLERANCE, degeneracy
from neurocap_search.network_science.capacitance.factors import HeadFactors


def line_graph(factors: HeadFactors) -> csr_array:
    """Build the interaction matrix P between the edges of a head.

    The update of the edge j -> i of layer l contains every edge i -> k of layer l + 1 as a linear factor.
    The rest of that term, averaged over the samples s, is the interaction
    P[(j -> i), (i -> k)] = -mean_s(z_j u_i e_k), at learning rate 1; all other entries are zero
    (edge dynamics of arXiv 2201.04194). So (P w)_p = -dC/dw_p for every edge p below the last layer.

    Only for small heads: one Python step for each of sum n_{l-1} n_l n_{l+1} entries. For anything else
    use :func:`neural_capacitance`, which never forms P.

    Args:
        factors: the nodes' outputs, gains and errors on a batch.

    Returns:
        P in float64, square, one row an edge: layer by layer, each layer in the row-major order of its
        (n_l, n_{l-1}) weight. Row: the influenced edge; column: the influencing one. Its unit is the loss's.

    Example:
        >>> import torch
        >>> z, u, e = (torch.full((1, 1), x, dtype=torch.float64) for x in (2.0, 1.0, 3.0))
        >>> line_graph(HeadFactors((z, z), (u,), (e, e))).toarray().tolist()
        [[0.0, -6.0], [0.0, 0.0]]
    """
    Z, U, E = ([t.cpu().numpy() for t in ts] for ts in (factors.outputs, factors.gains, factors.errors))
    sizes = [z.shape[1] for z in Z] + [E[-1].shape[1]]
    first = np.cumsum([0] + [n * m for n, m in pairwise(sizes)])  # the first edge of each layer
    rows, columns, values = [], [], []
    for layer in range(len(U)):  # counted from 0
        below, here, above = sizes[layer : layer + 3]
        for j, i, k in product(range(below), range(here), range(above)):
            rows.append(first[layer] + i * below + j)
            columns.append(first[layer + 1] + k * here + i)
            values.append(-np.mean(Z[layer][:, j] * U[layer][:, i] * E[layer + 1][:, k]))
    return coo_array((values, (rows, columns)), shape=(first[-1], first[-1])).tocsr()


def line_graph_capacitance(P: csr_array, *, rtol: float = RELATIVE_TOLERANCE) -> Capacitance:
    """Evaluate beta_eff = 1'PP1 / 1'P1 on an explicit interaction matrix.

    Not for a large P, whose entries alone do not fit in memory: use :func:`neural_capacitance`.

    Args:
        P: square, row influenced by column.
        rtol: share of the sums of absolute values, 1'|P||P|1 and 1'|P|1, below which a sum counts as zero.

    Returns:
        beta_eff with both sums; the value is NaN, with a reason, where either is rounding noise.

    Example:
        >>> line_graph_capacitance(csr_array([[0.0, 2.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]])).value
        1.3333333333333333
    """
    numerator, denominator = sums = _sums(P)
    reason = degeneracy(sums, _sums(abs(P)), rtol=rtol)
    value = math.nan if reason else numerator / denominator
    return Capacitance(value, numerator, denominator, reason)


def _sums(P: csr_array) -> tuple[float, float]:
    received, sent = P.sum(axis=1), P.sum(axis=0)
    return float(sent @ received), float(received.sum())
