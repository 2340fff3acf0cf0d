"""Evaluates the best of the trained models on the test set."""

import argparse
import glob
import json
import os
import pickle
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from train import splits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", required=True, help="where train.py stored its results")
    arguments = parser.parse_args()

    results = []
    for path in sorted(glob.glob(os.path.join(arguments.models, "*.json"))):
        with open(path) as file:
            results.append(json.load(file))
    if not results:
        sys.exit(f"no models in {arguments.models}")
    best = max(results, key=lambda result: result["accuracy"])
    print(f"best of {len(results)}: lr {best['lr']:g}, validation accuracy {best['accuracy']:.4f}")

    with open(best["model"], "rb") as file:
        model = pickle.load(file)
    _, _, (test, test_labels) = splits()
    predicted = model.predict(test)
    print(f"accuracy {accuracy_score(test_labels, predicted):.2f}")

    display = ConfusionMatrixDisplay.from_predictions(test_labels, predicted, colorbar=False)
    display.ax_.set_title(f"digits, learning rate {best['lr']:g}")
    path = os.path.join(arguments.models, "confusion.png")
    plt.savefig(path, dpi=120, bbox_inches="tight")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
