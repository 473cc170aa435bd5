"""Diversity by identities, by hand, and on procedural songs of one request and of many."""

from pathlib import Path

import numpy as np
import pytest

from acestep.starter.songs import make_song
from evaluation.diversity import (
    DiversityError,
    cosines,
    diversity,
    mean_distance,
    nearest_songs,
    read_embeddings,
    song_embeddings,
    standardised,
    vendi_score,
)

RATE = 24_000  # Hz, of procedural songs


@pytest.fixture(scope="module")
def songs() -> list[np.ndarray]:
    return [make_song(6_000 + number, 10.0).samples for number in range(16)]


@pytest.fixture(scope="module")
def embeddings(songs: list[np.ndarray]) -> np.ndarray:
    return song_embeddings([(samples, RATE) for samples in songs])


def test_equal_songs_are_worth_one_and_songs_with_nothing_in_common_all_of_them():
    assert vendi_score(np.ones((5, 5))) == pytest.approx(1)
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert vendi_score(np.kron(np.eye(3), np.ones((2, 2)))) == pytest.approx(3)  # three pairs of twins


def test_two_songs_with_a_cosine_of_a_half_worked_by_hand():
    k = np.array([[1.0, 0.5], [0.5, 1.0]])  # K / 2 has the eigenvalues 3/4 and 1/4
    assert vendi_score(k) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))


def test_order_and_length_of_vectors_do_not_matter(embeddings: np.ndarray):
    rng = np.random.default_rng(0)
    other = embeddings[rng.permutation(len(embeddings))] * rng.uniform(0.5, 2, (len(embeddings), 1))
    assert vendi_score(cosines(other, other)) == pytest.approx(vendi_score(cosines(embeddings, embeddings)))
    assert mean_distance(other) == pytest.approx(mean_distance(embeddings))


def test_distances_worked_by_hand():
    east, north, west = np.eye(2)[0], np.eye(2)[1], -np.eye(2)[0]
    assert mean_distance(np.array([east, north, west])) == pytest.approx((1 + 1 + 2) / 3)
    distance, index = nearest_songs(np.array([2 * north, west]), np.array([east, north, east + west * 3]))
    np.testing.assert_allclose(distance, [0, 0], atol=1e-12)
    np.testing.assert_array_equal(index, [1, 2])


def test_standardising_leaves_out_what_never_varies():
    real = np.array([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_allclose(standardised(np.array([[5.0, 9.0]]), real), [[3.0, 0.0]])


def test_real_songs_are_as_diverse_as_themselves_and_copies_are_not(embeddings: np.ndarray):
    found = diversity(embeddings[:6], embeddings[6:])
    assert found.size == 5
    assert found.songs.vendi == pytest.approx(found.real.vendi, rel=0.25)
    assert found.songs.nearest == pytest.approx(found.real.nearest, rel=0.4)
    copied = diversity(embeddings[[6, 6, 6, 6, 7]], embeddings[6:])
    assert copied.songs.vendi < 0.6 * copied.real.vendi
    np.testing.assert_array_equal(copied.nearest_index, [0, 0, 0, 0, 1])
    np.testing.assert_allclose(copied.nearest, 0, atol=1e-9)


def test_a_song_and_its_noisy_copies_are_worth_hardly_more_than_one(songs: list[np.ndarray], embeddings: np.ndarray):
    rng = np.random.default_rng(0)
    noise = [0.02 * songs[0].std() * rng.normal(size=len(songs[0])) for _ in range(4)]
    copies = song_embeddings([((songs[0] + hiss).astype(np.float32), RATE) for hiss in noise])
    assert diversity(copies, embeddings).songs.vendi < 1.3


def test_few_training_songs_leave_nothing_to_compare_with(embeddings: np.ndarray):
    found = diversity(embeddings[:4], embeddings[4:7])
    assert (found.real, found.size) == (None, 4)


def test_embeddings_of_another_model_are_read_by_name(tmp_path: Path):
    (tmp_path / "disc").mkdir()
    np.save(tmp_path / "a.npy", np.array([1.0, 2.0], np.float16))
    np.save(tmp_path / "disc" / "b.npy", np.array([[0, 1], [2, 5]]))
    np.testing.assert_array_equal(read_embeddings(tmp_path, ["disc/b.mp3", "a.wav"]), [[1, 3], [1, 2]])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros(3), "`b.npy` has 3 dimensions, and `a.npy` has 2. Take all embeddings from one model."),
        (np.array([1.0, np.nan]), "`b.npy` holds numbers that are not finite."),
        (np.zeros((1, 2, 2)), "`b.npy` holds float64 of shape \\(1, 2, 2\\)."),
        (np.zeros((0, 2)), "`b.npy` holds float64 of shape \\(0, 2\\)."),
        (np.array(["x", "y"]), "`b.npy` holds <U1 of shape"),
        (np.array([{"a": 1}]), "`b.npy` is no array of NumPy's."),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(tmp_path: Path, values: np.ndarray, sentence: str):
    np.save(tmp_path / "a.npy", np.ones(2))
    np.save(tmp_path / "b.npy", values, allow_pickle=True)
    with pytest.raises(DiversityError, match=sentence):
        read_embeddings(tmp_path, ["a.wav", "b.wav"])


def test_files_that_are_no_arrays_are_refused(tmp_path: Path):
    with pytest.raises(DiversityError, match="There is no `a.npy` in"):
        read_embeddings(tmp_path, ["a.wav"])
    (tmp_path / "a.npy").write_text("0.1 0.2")
    with pytest.raises(DiversityError, match="`a.npy` is no array of NumPy's."):
        read_embeddings(tmp_path, ["a.wav"])
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, x=np.ones(2))
    with pytest.raises(DiversityError, match="`a.npy` is an archive of arrays."):
        read_embeddings(tmp_path, ["a.wav"])


def test_mistakes_get_a_sentence(embeddings: np.ndarray):
    with pytest.raises(DiversityError, match="2 songs or more, got 1."):
        diversity(embeddings[:1], embeddings)
    with pytest.raises(DiversityError, match="2 training songs or more, got 0."):
        diversity(embeddings, embeddings[:0])
    with pytest.raises(DiversityError, match="all of one width, got shapes \\(16, 120\\) and \\(16, 119\\)"):
        diversity(embeddings, embeddings[:, 1:])
    with pytest.raises(DiversityError, match="no direction"):
        mean_distance(np.array([[0.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(DiversityError, match="no training song"):
        nearest_songs(embeddings, embeddings[:0])
    with pytest.raises(DiversityError, match="eigenvalue -0.338 is negative"):
        vendi_score(np.array([[1, 0.9, 0], [0.9, 1, 0.99], [0, 0.99, 1]]))
    with pytest.raises(DiversityError, match="a square matrix, items by items, got shape \\(2, 3\\)"):
        vendi_score(np.ones((2, 3)))
    with pytest.raises(DiversityError, match="the same both ways"):
        vendi_score(np.array([[1, 0.5], [0.2, 1]]))
