"""Tunes a small network with PyTorch: 24 settings, each of them a task with a share of a GPU.

    pip install torch tqdm
    python tune_torch.py       # or: python tune_torch.py 4, for the first four only

Each setting asks for 3 GiB of one device, so that an 80 GiB card trains all 24 side by side. Where there
is no GPU, they ask for a core.
"""

import math
import sys
from itertools import product

import cattino

SETTINGS = [
    {"lr": lr, "width": width, "depth": depth}
    for lr, width, depth in product([0.001, 0.003, 0.01, 0.03], [16, 64, 256], [1, 3])
]
STEPS = 500


def loss(setting):
    """How far a network with this setting is from a wave, once it is trained: the mean squared error."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = [1] + [setting["width"]] * setting["depth"] + [1]
    layers = []
    for inward, outward in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inward, outward), nn.Tanh()]
    network = nn.Sequential(*layers[:-1]).to(device)
    x = torch.linspace(-1, 1, 512, device=device).unsqueeze(1)
    y = torch.sin(3 * math.pi * x)
    optimizer = torch.optim.Adam(network.parameters(), lr=setting["lr"])
    for step in range(STEPS):
        error = nn.functional.mse_loss(network(x), y)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        if step % 50 == 49:
            cattino.report(step=step + 1, total=STEPS, loss=float(error))
    return float(error)


if __name__ == "__main__":
    from tqdm import tqdm

    settings = SETTINGS[: int(sys.argv[1])] if len(sys.argv) > 1 else SETTINGS
    accelerated = any(device.kind == "accelerator" for device in cattino.Client().devices())
    request = {"requires_memory_per_device": "3GiB"} if accelerated else {"min_devices": 0, "cpus": 1}
    with cattino.Executor(name="tune", **request) as executor:
        losses = list(tqdm(executor.map(loss, settings), total=len(settings)))
    best = min(range(len(settings)), key=losses.__getitem__)
    print(f"best of {len(settings)}: {losses[best]:.5f} with {settings[best]}")
