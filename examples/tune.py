"""Tunes a model: 24 settings, each of them a task; the best one is printed.

    pip install scikit-learn tqdm
    python tune.py             # or: python tune.py 4, for the first four only

`min_devices=1` instead of `min_devices=0` gives each setting a GPU of its own.
"""

import sys
from itertools import product

import cattino

SETTINGS = [
    {"C": c, "gamma": gamma, "kernel": kernel}
    for c, gamma, kernel in product([0.1, 1.0, 10.0], [0.0001, 0.001, 0.01, 0.1], ["rbf", "sigmoid"])
]


def score(setting):
    """How good it is: the mean of a three-fold cross-validation."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC

    images, digits = load_digits(return_X_y=True)
    print("trying", setting)  # into the task's stdout.log
    return cross_val_score(SVC(**setting), images, digits, cv=3).mean()


if __name__ == "__main__":
    from tqdm import tqdm

    settings = SETTINGS[: int(sys.argv[1])] if len(sys.argv) > 1 else SETTINGS
    with cattino.Executor(name="tune", min_devices=0, cpus=1) as executor:
        scores = list(tqdm(executor.map(score, settings), total=len(settings)))
    best = max(range(len(settings)), key=scores.__getitem__)
    print(f"best of {len(settings)}: {scores[best]:.3f} with {settings[best]}")
