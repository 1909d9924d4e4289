"""A generated online course: what learners do week by week, and who passes."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

_EDUCATION = np.array(["school", "college", "university"], dtype=object)


def _engagement(n_samples: int, n_weeks: int, rng: np.random.RandomState) -> np.ndarray:
    """Return the engagement, (n_samples, n_weeks): it wanders, and is -inf after a learner left."""
    start, drift = rng.normal(0.0, 0.6, n_samples), rng.normal(-0.05, 0.05, n_samples)
    steps = np.vstack([start, rng.normal(drift, 0.2, (n_weeks - 1, n_samples))])
    engagement = steps.cumsum(axis=0).T
    leaves = rng.uniform(size=(n_samples, n_weeks)) < 0.08 / (1.0 + np.exp(2.0 + 3.0 * engagement))
    engagement[np.maximum.accumulate(leaves, axis=1)] = -np.inf
    return engagement


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_weeks": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_course_events(
    n_samples: int = 100,
    *,
    n_weeks: int = 16,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[Any, Any]:
    """Generate the weeks of learners in an online course, and who passes its exam.

    These are not observations: no such records with a clear licence are small enough to be part of
    the package. The generator has what is known of real courses: engagement falls, some
    learners leave, not all take the tests, and what was learned fades.

    Parameters
    ----------
    n_samples : int, default=100
        The number of learners.
    n_weeks : int, default=16
        The number of weeks before the exam.
    random_state : int, RandomState instance or None, default=None
        Determines the generated learners. Pass an int for reproducible output.

    Returns
    -------
    X : DataFrame
        A row for each learner and week, with the index (learner, week) and these columns.

        education : "school", "college" or "university", the same in all weeks
        videos, posts : how many videos the learner watched, and wrote in the forum
        minutes : the time on the pages of the course
        score : of the weekly test, 0 to 100; NaN if the learner did not take it
    y : Series
        1 for the learners who pass, 0 for others, with the index learner.

    Notes
    -----
    A learner has an ability, which is a little higher after more education, and an engagement,
    which is a random walk with a drift of its own. Learners of low engagement may leave and are
    then not seen again. Counts are Poisson, with a mean that is exponential in the engagement.
    Knowledge fades by 15% a week and grows with the videos of the week and the ability; scores
    measure it with errors. Who knows enough in the last week, with some luck, passes.

    Examples
    --------
    >>> from sklstm.datasets import make_course_events
    >>> X, y = make_course_events(n_samples=3, random_state=0)
    >>> X.shape, len(y)
    ((48, 5), 3)
    """
    import pandas as pd

    rng = check_random_state(random_state)
    education = rng.randint(3, size=n_samples)
    ability = rng.normal(0.3 * (education - 1), 1.0)
    engagement = _engagement(n_samples, n_weeks, rng)
    intensity = np.exp(engagement)  # (n_samples, n_weeks), 0 after the learner left
    videos = rng.poisson(3.0 * intensity)
    posts = rng.poisson(0.5 * intensity)
    minutes = (12 * videos + 8 * posts) * rng.gamma(4.0, 0.25, videos.shape)
    gain = np.log1p(videos) + 0.35 * ability[:, np.newaxis] * (videos > 0)
    knowledge = np.zeros_like(gain)
    known = np.zeros(n_samples)
    for week in range(n_weeks):
        known = 0.85 * known + 0.15 * gain[:, week]
        knowledge[:, week] = known
    score = 30.0 + 35.0 * knowledge / (1.0 - 0.85 ** np.arange(1, n_weeks + 1))
    score = np.clip(score + rng.normal(0.0, 12.0, score.shape), 0.0, 100.0).round()
    takes_test = rng.uniform(size=score.shape) < 1.0 / (1.0 + np.exp(-0.5 - 1.5 * engagement))
    exam = knowledge[:, -1] + rng.normal(0.0, 0.12, n_samples)
    y = (exam > 1.0).astype(np.int64)

    index = pd.MultiIndex.from_product(
        [np.arange(n_samples), np.arange(1, n_weeks + 1)], names=["learner", "week"]
    )
    X = pd.DataFrame(
        {
            "education": _EDUCATION[education].repeat(n_weeks),
            "videos": videos.ravel(),
            "posts": posts.ravel(),
            "minutes": minutes.ravel().round(),
            "score": np.where(takes_test, score, np.nan).ravel(),
        },
        index,
    )
    return X, pd.Series(y, pd.RangeIndex(n_samples, name="learner"), name="passed")
