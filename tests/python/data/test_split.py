import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlip_rs.data import Dataset, Frame, folds, holdout
from mlip_rs.errors import DataError


def dataset(config_types, groups=None, sizes=None, copies=None, seed=0):
    rng = np.random.default_rng(seed)
    frames = []
    for index, config_type in enumerate(config_types):
        n_atoms = sizes[index] if sizes is not None else 2
        positions = np.arange(n_atoms)[:, None] * [2.5, 0.0, 0.0] + rng.uniform(0, 1, (n_atoms, 3))
        if copies and index in copies:
            positions = frames[copies[index]].positions + 0.5
        frames.append(
            Frame(
                numbers=np.full(n_atoms, 13),
                positions=positions,
                cell=np.diag([3.0 * n_atoms, 5.0, 5.0]),
                pbc=[True] * 3,
                config_type=config_type,
                group=groups[index] if groups is not None else None,
                index=index,
            )
        )
    return Dataset(tuple(frames))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([None, None, "g", "h"]), st.integers(1, 5)),
        max_size=40,
    ),
    st.integers(2, 5),
    st.integers(0, 3),
)
def test_every_frame_has_one_fold_and_groups_are_never_split(entries, k, seed):
    data = dataset([e[0] for e in entries], [e[1] for e in entries], [e[2] for e in entries])
    try:
        assigned = folds(data, k, seed)
    except DataError:
        return
    assert set(assigned) == set(range(k))
    for group in ("g", "h"):
        assert len({fold for fold, frame in zip(assigned, data, strict=True) if frame.group == group}) <= 1


def test_folds_balance_atoms_within_each_config_type(rng):
    sizes = rng.integers(2, 9, 300)
    data = dataset(["a"] * 150 + ["b"] * 150, sizes=sizes)
    assigned = folds(data, 5)
    for part in (slice(0, 150), slice(150, 300), slice(None)):
        atoms = np.bincount(assigned[part], weights=sizes[part], minlength=5)
        assert atoms.max() < 1.1 * atoms.min()


def test_neighbouring_snapshots_stay_together():
    assigned = folds(dataset(["md"] * 200), 5)
    runs = np.flatnonzero(np.diff(assigned)) + 1
    assert (runs % 8 == 0).all()
    assert len(runs) >= 9


def test_small_config_types_spread_over_folds():
    data = dataset([name for name in "abcdefghij" for _ in range(2)])
    counts = np.bincount(folds(data, 5), minlength=5)
    assert counts.tolist() == [4] * 5


def test_duplicates_are_never_split():
    data = dataset(["a"] * 10 + ["b"] * 10, copies={15: 3})
    for seed in range(10):
        assigned = folds(data, 5, seed)
        assert assigned[3] == assigned[15]
        mask = holdout(data, 0.3, seed)
        assert mask[3] == mask[15]


def test_recurring_structure_does_not_chain_runs():
    data = dataset(["a"] * 100, copies={index: 0 for index in range(10, 100, 10)})
    assigned = folds(data, 5)
    assert np.bincount(assigned, minlength=5).tolist() == pytest.approx([20] * 5, abs=4)
    assert len({assigned[index] for index in range(0, 100, 10)}) == 1


def test_folds_are_reproducible_and_depend_on_the_seed():
    data = dataset(["a"] * 60)
    assert (folds(data, 4, seed=1) == folds(data, 4, seed=1)).all()
    assert (folds(data, 4, seed=1) != folds(data, 4, seed=2)).any()
    assert (holdout(data, 0.25, seed=1) == holdout(data, 0.25, seed=1)).all()


def test_too_few_structures_for_folds_are_refused():
    with pytest.raises(DataError, match="only one structure"):
        folds(dataset(["a"]), 5)
    with pytest.raises(DataError, match="no structures"):
        folds(dataset([]), 5)
    with pytest.raises(DataError, match="4 structures in 2 independent groups are not enough for 3 folds"):
        folds(dataset(["a"] * 4, groups=["g", "g", "h", "h"]), 3)
    with pytest.raises(DataError, match="at least 2 folds"):
        folds(dataset(["a"] * 4), 1)
    with pytest.raises(DataError, match="only one structure"):
        holdout(dataset(["a"]), 0.2)
    with pytest.raises(DataError, match="between 0 and 1"):
        holdout(dataset(["a"] * 4), 1.0)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.8])
def test_holdout_takes_its_share_of_every_config_type(fraction):
    data = dataset(["a"] * 400 + ["b"] * 200 + ["c"] * 100)
    mask = holdout(data, fraction)
    for part in (slice(0, 400), slice(400, 600), slice(600, 700)):
        assert mask[part].mean() == pytest.approx(fraction, abs=0.06)


def test_holdout_leaves_frames_on_either_side():
    data = dataset(["a", "b"], sizes=[8, 8])
    for fraction in (0.001, 0.999):
        assert 0 < holdout(data, fraction).sum() < 2
