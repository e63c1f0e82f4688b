"""An independent line graph of a perceptron in numpy: loops over pairs of edges, derivatives by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, softmax

Array = NDArray[np.float64]


def relu(a: Array) -> tuple[Array, Array]:
    return np.maximum(a, 0.0), (a > 0).astype(float)


def tanh(a: Array) -> tuple[Array, Array]:
    return np.tanh(a), 1 - np.tanh(a) ** 2


def gelu(a: Array) -> tuple[Array, Array]:
    phi, density = (1 + erf(a / 2**0.5)) / 2, np.exp(-(a**2) / 2) / (2 * np.pi) ** 0.5
    return a * phi, phi + a * density


ACTIVATIONS = {"relu": relu, "tanh": tanh, "gelu": gelu}


def last_errors(a: Array, labels: Array, loss: str) -> Array:
    y = np.eye(a.shape[1])[labels]
    p = softmax(a, axis=1)
    return {
        "cross_entropy": p - y,
        "elementwise_softmax": -y * (1 - p),  # dC/dp_k = -y_k / p_k times the diagonal p_k (1 - p_k)
        "squared_error": a - y,
        "binary_cross_entropy": expit(a) - y,
    }[loss]


@dataclass
class Perceptron:
    """A perceptron run on a batch: node outputs, gains and errors, a list entry for each layer."""

    weights: Sequence[Array]
    biases: Sequence[Array | None]
    Z: list[Array]
    U: list[Array]
    E: list[Array]
    deltas: list[Array]


def run(weights, biases, activation, features, labels, loss) -> Perceptron:
    Z, U, z = [features], [], features
    for W, b in zip(weights, biases, strict=True):
        a = z @ W.T + (0.0 if b is None else b)
        z, u = ACTIVATIONS[activation](a)
        Z.append(z)
        U.append(u)
    E = [last_errors(a, labels, loss)]
    deltas = list(E)
    for W, u in zip(reversed(weights[1:]), reversed(U[:-1]), strict=True):
        deltas.insert(0, E[0] @ W)
        E.insert(0, u * deltas[0])
    return Perceptron(weights, biases, Z, U, E, deltas)


def line_graph(
    net: Perceptron, *, bias_edges: bool = False, weighted: bool = False, errors: str = "pre_activation",
    samples: Sequence[int] | None = None, absolute: bool = False,
) -> Array:  # fmt: skip
    """P over all edges, biases included where asked for: rows influenced, columns influencing."""
    E = net.E if errors == "pre_activation" else [*net.deltas[:-1], net.E[-1]]
    chosen = list(range(len(net.Z[0]))) if samples is None else list(samples)
    edges = []  # (layer, source or None for a bias, target), layer counted from 1
    for layer, (W, b) in enumerate(zip(net.weights, net.biases, strict=True), start=1):
        edges += [(layer, j, i) for i in range(W.shape[0]) for j in range(W.shape[1])]
        if bias_edges and b is not None:
            edges += [(layer, None, i) for i in range(W.shape[0])]
    P = np.zeros((len(edges), len(edges)))
    for row, (layer, j, i) in enumerate(edges):
        for column, (above, source, k) in enumerate(edges):
            if above != layer + 1 or source != i:
                continue
            terms = [(1.0 if j is None else net.Z[layer - 1][s, j]) * net.U[layer - 1][s, i] * E[layer][s, k]
                     for s in chosen]  # fmt: skip
            P[row, column] = np.mean(np.abs(terms)) if absolute else -np.mean(terms)
            P[row, column] *= net.weights[layer][k, i] if weighted else 1.0
    return P


def sums(P: Array) -> tuple[float, float]:
    return float((P @ P).sum()), float(P.sum())
