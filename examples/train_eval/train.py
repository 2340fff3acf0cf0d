"""Trains one model and stores it with its accuracy on the validation set."""

import argparse
import json
import os
import pickle

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 7


def splits():
    """Train, validation and test: the same for everybody."""
    images, labels = load_digits(return_X_y=True)
    images = images / 16.0
    rest, test, rest_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, random_state=SEED, stratify=labels
    )
    train, valid, train_labels, valid_labels = train_test_split(
        rest, rest_labels, test_size=0.2, random_state=SEED, stratify=rest_labels
    )
    return (train, train_labels), (valid, valid_labels), (test, test_labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--models", required=True, help="directory for the result")
    arguments = parser.parse_args()

    (train, train_labels), (valid, valid_labels), _ = splits()
    model = MLPClassifier(
        (64,), learning_rate_init=arguments.lr, max_iter=1, warm_start=True, random_state=SEED
    )
    accuracy = 0.0
    for epoch in range(1, arguments.epochs + 1):
        model.partial_fit(train, train_labels, classes=range(10))
        accuracy = model.score(valid, valid_labels)
        print(f"epoch {epoch:2d}  loss {model.loss_:.4f}  validation accuracy {accuracy:.4f}")

    os.makedirs(arguments.models, exist_ok=True)
    path = os.path.join(arguments.models, f"lr={arguments.lr:g}")
    with open(f"{path}.pkl", "wb") as file:
        pickle.dump(model, file)
    with open(f"{path}.json", "w") as file:
        json.dump({"lr": arguments.lr, "accuracy": accuracy, "model": f"{path}.pkl"}, file)


if __name__ == "__main__":
    main()
