import numpy as np
import pandas as pd
import pytest

from sklstm.datasets import make_course_events


def test_form():
    X, y = make_course_events(20, n_weeks=5, random_state=0)
    assert X.index.names == ["learner", "week"]
    assert list(X) == ["education", "videos", "posts", "minutes", "score"]
    assert (len(X), len(y)) == (100, 20)
    assert X.index.equals(pd.MultiIndex.from_product([range(20), range(1, 6)]))
    assert set(y) == {0, 1}
    assert X["score"].dropna().between(0, 100).all()
    assert X[["videos", "posts", "minutes"]].min().min() >= 0
    assert X["score"].isna().any()


def test_same_seed_same_learners():
    first, second = make_course_events(10, random_state=1), make_course_events(10, random_state=1)
    pd.testing.assert_frame_equal(first[0], second[0])
    pd.testing.assert_series_equal(first[1], second[1])
    assert not first[0].equals(make_course_events(10, random_state=2)[0])


def test_engagement_falls_and_late_weeks_count_more():
    X, y = make_course_events(2000, random_state=0)
    videos = X["videos"].unstack()
    assert videos[16].mean() < videos[1].mean()
    assert ((videos == 0).mean().diff().dropna() > -0.02).all()
    correlation = np.log1p(videos).corrwith(y)
    assert correlation[16] > correlation[8] > correlation[1] > 0


def test_education_stays_the_same():
    X, _ = make_course_events(50, random_state=0)
    assert (X["education"].groupby("learner").nunique() == 1).all()


def test_bad_size_is_named():
    with pytest.raises(ValueError, match="'n_weeks' parameter of make_course_events"):
        make_course_events(n_weeks=0)
