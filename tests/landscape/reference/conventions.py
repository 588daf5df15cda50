#!/usr/bin/env python3
"""Basin's command on the numbers of a program that follows the conventions of Li et al.'s scripts, in PyTorch.

usage: conventions.py BASIN

Written from the published conventions: directions are one normal tensor per parameter, scaled filter by filter, zero for
tensors of one dimension; HDF5 groups xdirection and ydirection hold them as "0", "1", ... in the order of the parameters;
weights are theta + alpha delta + beta eta, in eval mode, with the losses averaged over the images; row = y. Principal
components are sklearn's: of the differences to the last network less their mean, and a network's coordinate is
<theta_e - theta_last, pc> / |pc|. Compared: losses to 1e-4, accuracies exactly, coordinates and variance ratios to 1e-5.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(f"skipped: {error} (Debian: python3-torch python3-h5py)")
    sys.exit(0)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "models"))
from pytorch_models import MODELS  # noqa: E402
from pytorch_parity import initialize, write_safetensors  # noqa: E402

MEAN = torch.tensor([125.3, 123.0, 113.9]) / 255
DEVIATION = torch.tensor([63.0, 62.1, 66.7]) / 255
IMAGES = 32


def write_cifar(folder):
    """A CIFAR-10 folder of random images: five files of IMAGES / 4 for training, one to test; label, then planes."""
    folder.mkdir()
    generator = np.random.default_rng(1)
    classes = "airplane automobile bird cat deer dog frog horse ship truck".split()
    (folder / "batches.meta.txt").write_text("\n".join(classes) + "\n")
    pixels, labels = [], []
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        x = generator.integers(0, 256, (IMAGES // 4, 3, 32, 32), dtype=np.uint8)
        y = generator.integers(0, 10, IMAGES // 4, dtype=np.uint8)
        (folder / name).write_bytes(b"".join(bytes([l]) + p.tobytes() for l, p in zip(y, x)))
        if name != "test_batch.bin":
            pixels.append(x)
            labels.append(y)
    x = torch.from_numpy(np.concatenate(pixels)[:IMAGES]).float() / 255
    x = (x - MEAN.view(1, 3, 1, 1)) / DEVIATION.view(1, 3, 1, 1)
    return x, torch.from_numpy(np.concatenate(labels)[:IMAGES]).long()


def random_direction(weights):
    direction = [torch.randn(w.size()) for w in weights]
    for d, w in zip(direction, weights):
        if d.dim() <= 1:
            d.fill_(0)
        else:
            for filter_of_d, filter_of_w in zip(d, w):
                filter_of_d.mul_(filter_of_w.norm() / (filter_of_d.norm() + 1e-10))
    return direction


def write_directions(path, x, y):
    with h5py.File(path, "w") as file:
        for name, direction in (("xdirection", x), ("ydirection", y)):
            group = file.create_group(name)
            for i, tensor in enumerate(direction):
                group.create_dataset(str(i), data=tensor.numpy())


def surface(net, weights, x, y, alphas, betas, images, labels):
    losses, accuracies = np.empty((len(betas), len(alphas))), np.empty((len(betas), len(alphas)))
    parameters = list(net.parameters())
    for row, beta in enumerate(betas):
        for column, alpha in enumerate(alphas):
            with torch.no_grad():
                for p, w, dx, dy in zip(parameters, weights, x, y):
                    p.data = w + dx * alpha + dy * beta
                logits = net(images)
            losses[row, column] = F.cross_entropy(logits, labels).item()
            accuracies[row, column] = 100 * (logits.argmax(1) == labels).double().mean().item()
    for p, w in zip(parameters, weights):
        p.data = w
    return losses, accuracies


def check(what, found, expected, tolerance):
    error = np.max(np.abs(np.asarray(found) - expected) / tolerance_scale(expected))
    print(f"{what}: largest relative error {error:.1e}")
    if not error <= tolerance:
        sys.exit(f"{what}: {error} is above {tolerance}\nfound {found}\nexpected {expected}")


def tolerance_scale(expected):
    return np.maximum(np.abs(expected), 1e-3 * np.max(np.abs(expected)))


def compare_surface(basin, folder, net, images, labels):
    weights = [p.data.clone() for p in net.parameters()]
    x, y = random_direction(weights), random_direction(weights)
    write_directions(folder / "directions.h5", x, y)
    for alphas, betas in ((np.linspace(-1, 1, 3), np.linspace(-1, 1, 3)), (np.linspace(-0.5, 0.5, 4), np.linspace(0, 0.4, 2))):
        losses, accuracies = surface(net, weights, x, y, alphas, betas, images, labels)
        spec = [f"--{n}={v[0]}:{v[-1]}:{len(v)}" for n, v in (("x", alphas), ("y", betas))]
        basin("surface", "net.safetensors", "--model", "resnet20", *spec, "--direction-file", "directions.h5", "--out", "s.h5", "--force")
        # As the scripts' plotting reads it.
        with h5py.File(folder / "s.h5", "r") as file:
            check("xcoordinates", file["xcoordinates"][:], alphas, 1e-12)
            check("ycoordinates", file["ycoordinates"][:], betas, 1e-12)
            check("losses", file["train_loss"][:], losses, 1e-4)
            check("accuracies", file["train_acc"][:], accuracies, 1e-9)


def compare_trajectory(basin, folder, net):
    """Networks on a random path, biases and batch norms left out."""
    names = []
    for step in range(6):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(0.01 * (1 + step % 3) * torch.randn_like(p))
        names.append(f"epoch{step}.safetensors")
        write_safetensors(folder / names[-1], net.state_dict())
        vector = torch.cat([p.data.flatten() if p.dim() > 1 else torch.zeros(p.numel()) for p in net.parameters()]).double().numpy()
        path = vector[None] if step == 0 else np.concatenate([path, vector[None]])
    differences = path - path[-1]
    centred = differences - differences.mean(0)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    basin("trajectory", *names, "--model", "resnet20", "--centering", "mean", "--out", "t.h5", "--force")
    with h5py.File(folder / "t.h5", "r") as file:
        ratios = singular ** 2 / np.sum(singular ** 2)
        check("explained_variance_ratio_", file["explained_variance_ratio_"][:5], ratios[:5], 1e-5)
        check("singular_values_", file["singular_values_"][:5], singular[:5], 1e-5)
        check("explained_variance_", file["explained_variance_"][:5], singular[:5] ** 2 / 5, 1e-5)
        for k, name in enumerate(("proj_xcoord", "proj_ycoord")):
            pc = components[k]
            expected = differences @ pc / np.linalg.norm(pc)
            found = file[name][:]
            sign = np.sign(found @ expected)  # of a component it is free
            check(name, sign * found, expected, 1e-5)
    # And the components themselves, from the directions beside it.
    with h5py.File(folder / "t.directions.h5", "r") as file:
        for k, group in enumerate(("xdirection", "ydirection")):
            found = np.concatenate([file[group][str(i)][:].astype(float).ravel() for i in range(len(file[group]))])
            if not abs(abs(found @ components[k]) - 1) <= 1e-5:
                sys.exit(f"{group}: cosine {found @ components[k]} with the component")


def main():
    executable = sys.argv[1]
    torch.manual_seed(3)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def basin(*arguments):
            done = subprocess.run([executable, *arguments, "--data", "data", "--images", str(IMAGES), "--device", "cpu", "--quiet"],
                                  cwd=folder, capture_output=True, text=True, env=dict(os.environ))
            if done.returncode != 0:
                sys.exit(f"basin {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")

        images, labels = write_cifar(folder / "data")
        net = MODELS["resnet20"]()
        initialize(net, eval_mode=True)
        net.eval()
        write_safetensors(folder / "net.safetensors", net.state_dict())
        compare_surface(basin, folder, net, images, labels)
        compare_trajectory(basin, folder, net)
    print("the conventions of the paper's scripts are reproduced")


main()
