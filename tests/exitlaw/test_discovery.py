"""Metadata read off the sources say what importing would say, and selection finds claims."""

import pytest

from exitlaw.claim import REGISTRY
from exitlaw.discovery import (
    all_metadata,
    content_modules,
    load,
    read_metadata,
    select,
    with_dependencies,
)
from theory.errors import InputError


def test_metadata_are_those_of_the_registered_claims():
    for one in all_metadata():
        load(one.module)
        claim = REGISTRY[one.id]
        assert (claim.title, claim.source, claim.depends, claim.corrected, claim.module) == (
            one.title,
            one.source,
            one.depends,
            one.corrected,
            one.module,
        )
        assert {p: str(v) for p, v in claim.expected.items()} == dict(one.expected)


def test_every_claim_of_the_content_is_listed():
    for module in content_modules():
        load(module)
    content = {c.id for c in REGISTRY.values() if c.module.startswith("derivations.")}
    assert content == {one.id for one in all_metadata()}


def test_what_claims_refer_to_exists():
    known = {one.id for one in all_metadata()}
    for one in all_metadata():
        assert set(one.depends) <= known, one.id
        assert one.corrected is None or one.corrected in known
        assert one.corrected is None or "refuted" in one.expected.values()


def test_selection_by_id_prefix_and_glob():
    known = all_metadata()
    ids = [one.id for one in select(["noise"], known)]
    assert ids == ["noise/quadratic-covariance", "noise/linear-regression"]
    assert [one.id for one in select(["*/linear-regression"], known)] == ids[1:]
    assert [one.id for one in select([ids[0]], known)] == ids[:1]
    assert select([], known) == known


def test_unknown_pattern_names_what_is_near():
    with pytest.raises(InputError, match=r"nearest: .*noise/linear-regression"):
        select(["noise/linear-regresion"], all_metadata())


def test_dependencies_come_along():
    known = all_metadata()
    for one in known:
        needed = {other.id for other in with_dependencies([one], known)}
        assert {one.id, *one.depends} <= needed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('@claim("a/b")\ndef f(): ...\n', "title"),
        ('@claim("a/b", title=name)\ndef f(): ...\n', "plain strings"),
        ('@claim("a/b", title="t", expected="sure")\ndef f(): ...\n', "sure"),
        ('@claim("a/b", title="t", expected="unknown")\ndef f(): ...\n', "no verdict to expect"),
        ('@claim("a/b", title="t", expected="conflict")\ndef f(): ...\n', "no verdict to expect"),
        ('@claim("a/b", title="t", expected={"quick": "proved"})\ndef f(): ...\n', "full"),
        ('@claim("a/b", title="t\\x1b[2K")\ndef f(): ...\n', "control character"),
        ('@claim("a/b\\n", title="t")\ndef f(): ...\n', "line break"),
    ],
)
def test_bad_metadata_are_refused_with_their_place(tmp_path, source, message):
    path = tmp_path / "claims_x.py"
    path.write_text(source)
    with pytest.raises(InputError, match=message) as error:
        read_metadata(path, "x")
    assert f"{path}:1" in str(error.value)


def test_expectation_may_differ_by_profile(tmp_path):
    path = tmp_path / "claims_x.py"
    path.write_text(
        '@exitlaw.claim("a/b", title="t", expected={"quick": "agrees", "full": "proved"})\n'
        "def f(): ...\n"
    )
    (one,) = read_metadata(path, "x")
    assert one.as_json()["expected"] == {"quick": "agrees", "full": "proved"}
