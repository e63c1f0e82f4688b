"""The reproduction of the paper: its population is trained once, and its page comes from the file alone."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from neurocap_search.network_science import GraphSignature, lenet, node_strength
from tests.conftest import ROOT

SHIPPED = ROOT / "docs" / "graph_signatures" / "population.jsonl"
SMALL = ["--train-images=64", "--validation-images=20", "--test-images=20", "--epochs=6", "--networks=3"]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's digits in the files of Fashion-MNIST."""
    digits = load_digits()
    images = np.pad(np.kron(digits.images, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2))) * 15
    root = tmp_path_factory.mktemp("data")
    (root / "FashionMNIST" / "raw").mkdir(parents=True)
    for name, part in (("train", slice(0, 1200)), ("t10k", slice(1200, None))):
        for kind, values in (("images-idx3", images[part]), ("labels-idx1", digits.target[part])):
            head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
            path = root / "FashionMNIST" / "raw" / f"{name}-{kind}-ubyte"
            path.write_bytes(head + values.astype(np.uint8).tobytes())
    return root


def run(*arguments: object) -> int:
    from reproduce_graph_signatures import main

    return main([str(argument) for argument in arguments])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def untimed(path: Path) -> list[dict[str, Any]]:
    kept = [{key: line[key] for key in line if key != "processor_seconds"} for line in lines(path)]
    return sorted(kept, key=lambda line: line["number"])


def test_a_finished_network_is_never_trained_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "population.jsonl"
    assert run("--data", data, "--population", path, *SMALL) == 0
    whole, before = path.read_bytes(), untimed(path)
    assert [line["number"] for line in before] == [0, 1, 2]
    assert run("--data", data, "--population", path, *SMALL) == 0
    assert path.read_bytes() == whole
    kept = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(kept[:2]) + kept[2][:50])  # cut off while the second network was written
    assert run("--data", data, "--population", path, "--processes=2", *SMALL) == 0
    assert path.read_bytes().startswith(b"".join(kept[:2]))
    assert untimed(path) == before
    assert run("--data", data, "--population", path, *SMALL, "--epochs=7") == 2
    assert "epochs=6), received Protocol(" in capsys.readouterr().err


def test_the_grid_is_the_papers_and_every_beginning_of_it_stays() -> None:
    from graph_signatures.population import settings

    grid = settings(360)
    assert len({(s.learning_rate, s.dropout) for s in grid}) == 360
    rates = sorted({s.learning_rate for s in grid})
    assert rates[:6] == pytest.approx([2e-6, 2.5e-6, 3e-6, 3.5e-6, 4e-6, 4.5e-6])
    assert rates[::6] == pytest.approx([2e-6, 2e-5, 2e-4, 2e-3, 2e-2, 2e-1])
    assert {s.dropout for s in grid} == {d / 10 for d in range(10)}
    assert settings(50) == grid[:50]


def test_a_network_that_learns_nothing_keeps_the_signature_it_started_with(data: Path) -> None:
    from graph_signatures.population import Protocol, Setting, load, train
    from graph_signatures.scores import BOTH, inputs

    protocol = Protocol(train_images=32, validation_images=20, test_images=20, epochs=5)
    images = load(data, protocol)
    assert images.train.images.shape == (32, 3, 32, 32)
    line = train(Setting(7, 1e-30, 0.2), images, protocol)
    torch.manual_seed(7)
    network, signature = lenet(dropout=0.2).eval(), GraphSignature()
    for _ in range(5):
        signature.update(network, images.train.images[:1])
    measured = inputs([line])[BOTH][0].reshape(5, 2, 5)
    np.testing.assert_allclose(measured, signature.compute().reshape(5, 2, 5), rtol=2e-3, atol=2e-3)
    strengths = node_strength(network, images.train.images[:1]).strengths
    curves = line["curves"]
    for name, values in strengths.items():
        assert curves[f"fluctuation {name}"] == pytest.approx([values.std()] * 5, rel=1e-4)
    with torch.no_grad():
        right = network(images.test.images).argmax(1) == images.test.labels
    assert line["final_accuracy"] == pytest.approx(right.double().mean().item())


def test_a_network_that_diverges_is_not_trained_on(data: Path) -> None:
    from graph_signatures.population import Protocol, Setting, load, train
    from graph_signatures.scores import BOTH, inputs

    protocol = Protocol(train_images=64, validation_images=20, test_images=20)
    line = train(Setting(0, 1e6, 0.0), load(data, protocol), protocol)
    assert line["curves"]["train_loss"][-1] is None
    assert len(line["curves"]["train_loss"]) < 5
    assert np.isnan(inputs([line])[BOTH]).any()


def test_the_page_says_what_scikit_learn_says(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    population = tmp_path / "population.jsonl"
    population.write_bytes(SHIPPED.read_bytes())
    assert run("--document", page, "--population", population, "--repeats=1") == 0
    text = page.read_text(encoding="utf-8")
    assert (tmp_path / "classed_right.png").is_file()
    assert "(classed_right.png)" in text
    finals = np.array([line["final_accuracy"] for line in sorted(lines(SHIPPED), key=lambda x: x["number"])])
    losses = [line["curves"]["train_loss"] for line in sorted(lines(SHIPPED), key=lambda x: x["number"])]
    X = np.array([[loss[4] if len(loss) == 5 and loss[4] is not None else np.nan] for loss in losses])
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        QuantileTransformer(n_quantiles=10_000),
        StandardScaler(),
        SVC(),
    )
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=1, random_state=0)
    with pytest.warns(UserWarning, match="n_quantiles"):
        right = cross_val_score(model, X, finals > np.median(finals), cv=cv).mean()
    (said,) = re.findall(r"^\| training loss at epoch 5 \| (\S+) %", text, re.MULTILINE)
    assert float(said) == pytest.approx(100 * right, abs=0.06)


def test_the_shipped_page_is_of_the_shipped_population() -> None:
    text = (ROOT / "docs" / "graph_signatures.md").read_text(encoding="utf-8")
    finals = [line["final_accuracy"] for line in lines(SHIPPED)]
    assert f"\n{len(finals)} LeNets drawn from" in text
    assert f"divide the population at its median,\n{np.median(finals):.3f}." in text


def test_too_few_networks_for_a_page_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    population = tmp_path / "population.jsonl"
    population.write_text("".join(SHIPPED.read_text().splitlines(keepends=True)[:4]))
    assert run("--document", tmp_path / "page.md", "--population", population) == 2
    assert "10 on either side are needed: give --data and more --networks." in capsys.readouterr().err
    assert run("--document", tmp_path / "page.md", "--population", tmp_path / "none.jsonl") == 2
    assert "none.jsonl cannot be read as a population: FileNotFoundError" in capsys.readouterr().err
