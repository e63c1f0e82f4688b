"""Reading a configuration: what users write, and what they are told when it cannot be used."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from neurocap_search.comparison.config import CompareConfig
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import dump_config, read_as, read_config
from neurocap_search.errors import UserError
from neurocap_search.traces.record_config import RecordConfig

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / "configs" / "digits.yaml"


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "cifar10"])
def test_every_shipped_configuration_is_valid(name: str) -> None:
    config = read_config(DIGITS.with_name(f"{name}.yaml"))
    assert config.search.num_trials >= 24


def test_overrides_win_and_are_typed() -> None:
    config = read_config(
        DIGITS, ["search.num_trials=50", "training.learning_rate=1e-3", "space.widths=[8, 16]"]
    )
    assert config.search.num_trials == 50
    assert config.training.learning_rate == pytest.approx(0.001)
    assert config.space.model_dump()["widths"] == (8, 16)


def test_a_mapping_replaces_a_whole_section() -> None:
    config = read_config(DIGITS, ["space={name: cell, channels: 4}", "resources.gpus_per_trial=0.25"])
    assert config.space.name == "cell"
    assert config.resources.gpus_per_trial == 0.25


def test_the_printed_configuration_reads_back_the_same(tmp_path: Path) -> None:
    config = read_config(DIGITS, ["space.hyperparameters.learning_rate={low: 0.01, high: 0.1, log: true}"])
    path = tmp_path / "again.yaml"
    path.write_text(dump_config(config))
    assert read_config(path) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.num_trals=3", "search.num_trals: unknown key, received 3. Did you mean search.num_trials?"),
        ("serch.num_trials=3", "serch: unknown key, received {'num_trials': 3}. Did you mean search?"),
        ("zzz=1", "zzz: unknown key, received 1. Known keys: name, seed, data, space"),
        ("space.widhts=[3]", "space.widhts: unknown key, received [3]. Did you mean space.widths?"),
        ("search.num_trials=three", "search.num_trials: Input should be a valid integer"),
        ("search.num_trials=three", "received 'three'"),
        ("search.num_trials=0", "search.num_trials: Input should be greater than or equal to 1, received 0"),
        (
            "training.learning_rate=.nan",
            "training.learning_rate: Input should be a finite number, received nan",
        ),
        ("space.name=mpl", "space.name: unknown, received 'mpl'. Did you mean mlp? Known: mlp, cell."),
        ("scheduler.name=ashaa", "received 'ashaa'. Did you mean asha?"),
        (
            "scheduler.grace_period=40",
            "scheduler.grace_period: 40 exceeds training.epochs = 18; lower the one",
        ),
        ("data.source=npz", "data: source npz needs data.train_files and data.test_files"),
        ("data.source=torchvision", "data: source torchvision needs data.name, for example FashionMNIST"),
        ("space.depth={low: 4, high: 1}", "space.depth: low (4) must not exceed high (1)"),
        ("search.num_trials=true", "search: num_trials cannot be true: give it a value of its kind"),
        (
            "resources.gpus_per_trial=1.5",
            "gpus_per_trial: 1.5 is neither a share of one GPU nor a number of them",
        ),
        (
            "training.batch_size=1",
            "training.batch_size: Input should be greater than or equal to 2, received 1",
        ),
        (
            "space.hyperparameters.weight_decay={low: -1, high: 1, log: false}",
            "low (-1.0) must not be negative",
        ),
        ("tracking.uri=http://me:secret@host", "tracking: uri holds a name, password or token"),
        ("name=a/b", "name: String should match pattern"),
        ("scheduler.early_stops=[1.5]", "Input should be less than 1, received 1.5"),
        ("scheduler.early_stops=0.25", "scheduler.early_stops: Input should be a list, received 0.25."),
        ("scheduler.early_stops=[0.5, 0.25]", "early_stops: must ascend, received [0.5, 0.25]"),
        (
            "scheduler={name: asha, early_stops: [0.5]}",
            "early_stops: only 'learned' has them, received name 'asha'",
        ),
        ("nonsense", "An override reads key.path=value, received 'nonsense'."),
        ("seed.x=3", "seed.x cannot be set: 'seed' is a single value, received 'seed.x=3'."),
        ("seed=[", "The value of seed is not readable as YAML, received '['."),
    ],
)
def test_a_wrong_value_names_the_key_the_value_and_the_way_out(override: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_config(DIGITS, [override])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "stops", "factor"),
    [
        ([], (0.25,), 3.5),
        (["scheduler.early_stops=[]"], (), 4),
        (["scheduler.early_stops=[0.25, 0.5]"], (0.25, 0.5), 3.5),
        (["scheduler.type=stopping"], (0.25,), 2.5),
        (["scheduler.grace_period=3"], (), 4),  # who waits for epoch 3 wants nobody judged before it
        (["scheduler={name: asha}"], (), 3),
    ],
)
def test_the_worse_half_ends_in_mid_epoch_unless_nobody_is_to_be_judged_so_soon(
    overrides: list[str], stops: tuple[float, ...], factor: float
) -> None:
    scheduler = read_config(DIGITS, overrides).scheduler
    assert (scheduler.early_stops, scheduler.reduction_factor) == (stops, factor)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        read_config(DIGITS, ["search.num_trials=0", "seed=-1", "bogus=1"])
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "seed",
        "search.num_trials",
        "bogus",
    ]


def test_a_missing_file_suggests_its_neighbour() -> None:
    with pytest.raises(
        UserError, match=r"No configuration file at .*digitz\.yaml\. Did you mean .*digits\.yaml\?"
    ):
        read_config(DIGITS.with_name("digitz.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("space: [", "is not readable as YAML"),
        ("- a list", "must hold sections such as 'space:' and 'training:', received a list"),
        ("seed: 1", "space: is missing. Add it to the file or as space=VALUE."),
        ("space: {name: mlp}\nevil: !!python/object/apply:os.system ['true']", "is not readable as YAML"),
    ],
)
def test_an_unusable_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert message in str(caught.value)


def test_dump_holds_every_default() -> None:
    values = yaml.safe_load(dump_config(read_config(DIGITS)))
    assert values["scheduler"]["brackets"] == 1
    assert values["space"]["head"] == {"width": 64, "depth": 4, "frozen": True, "seed": 0}


def test_a_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(UserError) as caught:
        read_config(DIGITS, ["tracking.uri=http://me:secret@host"])
    assert "secret" not in str(caught.value).replace("secrets", "")


@pytest.mark.parametrize(
    ("kind", "file", "command"),
    [
        (SearchConfig, "configs/compare_digits.yaml", "neurocap compare FILE"),
        (SearchConfig, "configs/compare_replayed.yaml", "neurocap compare FILE"),
        (SearchConfig, "configs/bank/fashion-mlp.yaml", "neurocap record FILE"),
        (CompareConfig, "configs/digits.yaml", "neurocap search FILE"),
        (RecordConfig, "configs/digits.yaml", "neurocap search FILE"),
    ],
)
def test_a_configuration_for_another_command_is_told_from_a_misspelt_one(
    kind: type[BaseModel], file: str, command: str
) -> None:
    with pytest.raises(UserError) as raised:
        read_as(kind, ROOT / file)
    assert str(raised.value) == f"{ROOT / file} is a configuration for another command: {command}"
