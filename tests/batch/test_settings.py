"""Settings, and what is said of wrong ones."""

from pathlib import Path

import pytest

from marquee_batch.errors import BatchError
from marquee_batch.settings import load_settings


def test_a_file_and_changes_go_over_the_defaults(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text("[als]\nfactors = 16\nalpha = 2\n")
    settings = load_settings(file, ("als.factors=8", "item_item.sign=positive"))
    assert (settings.als.factors, settings.als.alpha, settings.item_item.sign) == (
        8,
        2.0,
        "positive",
    )
    assert settings.als.iterations == load_settings().als.iterations


def test_every_wrong_value_is_named_with_its_place():
    changes = (
        "als.factors=0",
        "als.alpha=-1",
        "holdout.share=1.5",
        "item_item.sign=odd",
        "als.colour=3",
        "art.x=1",
    )
    with pytest.raises(BatchError) as refused:
        load_settings(None, changes)
    assert refused.value.code == "MARQUEE_BATCH_SETTINGS"
    for place in (
        *("als.factors = 0", "als.alpha = -1", "holdout.share = 1.5", "item_item.sign = 'odd'"),
        *("als.colour", "art"),
    ):
        assert place in str(refused.value)


def test_a_change_that_is_none_and_a_file_that_is_no_toml(tmp_path: Path):
    with pytest.raises(BatchError, match=r"wanted is section\.name=value"):
        load_settings(None, ("factors 8",))
    file = tmp_path / "broken.toml"
    file.write_text("[als\n")
    with pytest.raises(BatchError, match=r"broken\.toml"):
        load_settings(file)
    with pytest.raises(BatchError, match="nowhere"):
        load_settings(tmp_path / "nowhere")
