from importlib import metadata

import pytest

from core import weights
from core.errors import InputError


def test_weights_that_are_not_the_official_ones_are_refused(monkeypatch):
    monkeypatch.setitem(weights.SHA256, weights.PACKAGED, "0" * 64)
    with pytest.raises(InputError, match="not the official file"):
        weights.source_folder()


def test_a_large_encoder_that_is_not_installed_is_said_in_words(monkeypatch, workspace):
    def none(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights.metadata, "distribution", none)
    with pytest.raises(InputError, match="large base model is not installed"), weights.opened(weights.LARGE):
        pass


def test_a_large_encoder_of_other_weights_is_refused_and_leaves_nothing(monkeypatch, workspace):
    monkeypatch.setitem(weights.SHA256, weights.LARGE, "0" * 64)
    with pytest.raises(InputError, match="not the official file"), weights.opened(weights.LARGE):
        pass
    assert not list((workspace / "encoders").iterdir())


@pytest.mark.parametrize("missing", weights.FILES)
def test_a_folder_that_lacks_a_file_is_named_with_it(missing, tmp_path):
    for name in weights.FILES:
        (tmp_path / name).touch()
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=missing):
        weights.source_folder(str(tmp_path))
