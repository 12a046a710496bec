"""A sample of the torture run: enclosures at 15 digits contain those at 30."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "experiments" / "certified_torture.py"


def load():
    specification = importlib.util.spec_from_file_location("certified_torture", PATH)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.skipif(not PATH.exists(), reason="the experiments are not part of the wheel")
@pytest.mark.parametrize("first", [0, 10, 20])
def test_sample_is_contained(first: int):
    outcomes = [str(load().judge(index)["outcome"]) for index in range(first, first + 10)]
    assert not [o for o in outcomes if o in ("broken", "overlapping")]
    assert sum(o == "contained" for o in outcomes) >= 7


@pytest.mark.skipif(not PATH.exists(), reason="the experiments are not part of the wheel")
def test_an_unfinished_line_is_computed_again(tmp_path: Path):
    torture = load()
    file = tmp_path / "outcomes.csv"
    file.write_text("index,quantity\n0,density\n1,den", encoding="utf-8")
    assert torture.finished(file) == {0}
