"""What a comparison's YAML may say."""

from pathlib import Path

import pytest
import yaml

from neurocap_search.comparison.config import DEFAULT_RULES, CompareConfig, LiveConfig
from neurocap_search.config_reader import dump_config, read_as
from neurocap_search.errors import UserError
from neurocap_search.rules import make_rule
from tests.conftest import ROOT

LIVE = {
    "search": {"space": {"name": "mlp"}, "training": {"epochs": 4}},
    "rules": {"beta_eff": {"grace_period": 2}, "asha": {"name": "asha", "grace_period": 2}},
}


def read(tmp_path: Path, values: dict, *overrides: str) -> CompareConfig:
    path = tmp_path / "compare.yaml"
    path.write_text(yaml.safe_dump(values))
    return read_as(CompareConfig, path, overrides)


def test_what_is_printed_is_read_back(tmp_path: Path) -> None:
    for values in ({"replay": {}}, {"live": LIVE}):
        config = read(tmp_path, values)
        (tmp_path / "printed.yaml").write_text(dump_config(config))
        assert read_as(CompareConfig, tmp_path / "printed.yaml") == config


def test_the_example_is_valid_and_replays_the_bundled_bank() -> None:
    config = read_as(CompareConfig, ROOT / "configs" / "compare_replayed.yaml")
    assert (config.kind, config.candidate, config.rival) == ("replayed", "beta_eff", "asha")
    assert config.replay is not None
    assert config.replay.bank is None


def test_every_default_rule_exists() -> None:
    assert [make_rule(name).name for name in DEFAULT_RULES] == list(DEFAULT_RULES)


def test_seeds_begin_with_the_first(tmp_path: Path) -> None:
    assert list(read(tmp_path, {"replay": {}, "seed": 5, "seeds": 3}).all_seeds) == [5, 6, 7]


def test_live_searches_propose_the_same_to_all_unless_a_sampler_is_named(tmp_path: Path) -> None:
    live = read(tmp_path, {"live": LIVE}).live
    assert isinstance(live, LiveConfig)
    assert (live.search.search.sampler, live.is_paired) == ("random", True)
    other = read(tmp_path, {"live": LIVE}, "live.search.search.sampler=tpe").live
    assert other is not None
    assert not other.is_paired


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "give one of the sections replay: and live:, received neither"),
        ({"replay": {}, "live": LIVE}, "give one of the sections replay: and live:, received both"),
        ({"replay": {}, "rival": "beta_eff"}, "candidate and rival are both 'beta_eff'; name two rules"),
        ({"replay": {}, "candidate": "mine"}, "candidate: 'mine' is none of the rules learned_promotion, "),
        ({"replay": {"workers": [4, 4]}}, "workers: 4 stands there twice; leave one out"),
        ({"replay": {"workers": [0]}}, "greater than or equal to 1, received 0"),
        ({"replay": {"rules": ["asha", "asha"]}}, "rules: 'asha' stands there twice; leave one out"),
        ({"replay": {"trials": 1}}, "greater than or equal to 2, received 1"),
        ({"replay": {"trails": 9}}, "replay.trails: unknown key, received 9. Did you mean replay.trials?"),
        ({"replay": {}, "seeds": 0}, "seeds: Input should be greater than or equal to 1, received 0"),
        ({"live": {**LIVE, "search": {**LIVE["search"], "seed": 3}}}, "seed is set for all searches by seed"),
        (
            {"live": {**LIVE, "rules": {"beta_eff": {"grace_period": 9}, "asha": {"grace_period": 2}}}},
            "rules.beta_eff.grace_period: 9 exceeds search.training.epochs = 4; lower the one or raise",
        ),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, values: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, values)
    assert message in str(caught.value)
