#!/usr/bin/env python3
"""Runs every command of the README's ```sh blocks, in order, in an empty folder.

usage: readme_test.py README.md FOLDER_OF_THE_BASIN_COMMAND

Commands run as they are written, but for what a test cannot wait for or reach, listed in SHRUNK: a substitution of the
scale, or of the network by a local archive. A line without `basin` in front and not in NOT_RUN fails the test, so that no
command can be added to the README untested.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

# The two commands are run by continuous integration itself: tools/test.sh runs this test, and quickstart.sh is
# demo_test plus the package installation.
NOT_RUN = {"tools/quickstart.sh", "tools/test.sh", 'export PATH="$PWD/build/tools:$PATH"'}
# (pattern, replacement): training and grids at a size for a test. The rest of each line is run as written.
SHRUNK = [
    (r"(basin train --model resnet20.*)--epochs 10", r"\1--epochs 2 --train-images 256 --test-images 256"),
    (r"--train-images 1000 --epochs 2", "--train-images 128 --epochs 1"),
    (r"--density 4", "--density 1 --density-steps 5"),
    (r"--points (21|11)", "--points 3"),
    (r"--hessian-images 200", "--hessian-images 16"),
    (r"--images (1000|500|200)", "--images 32"),
    (r"--(x|y)=(-?[\d.]+):(-?[\d.]+):(51|41)", r"--\1=\2:\3:5"),
    (r"--(x|y)=(-?[\d.]+):(-?[\d.]+):(11|6)", r"--\1=\2:\3:3"),
]


def commands(readme):
    for block in re.findall(r"^```sh\n(.*?)^```", readme.read_text(), re.M | re.S):
        yield from (line for line in block.splitlines() if line.strip())


def archive_of(cifar, folder):
    """An archive like the official one, from BASIN_CIFAR10's own files or from the synthetic set in the same form."""
    archive = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for file in sorted(cifar.glob("*.bin")) + [cifar / "batches.meta.txt"]:
            tar.add(file, f"cifar-10-batches-bin/{file.name}")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return f"--mirror file://{archive} --sha256 {digest} --size {archive.stat().st_size}"


def main():
    readme, binaries = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    environment = dict(os.environ, PATH=f"{binaries}:{os.environ['PATH']}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cifar = pathlib.Path(os.environ.get("BASIN_CIFAR10", ""))
        if not os.environ.get("BASIN_CIFAR10"):
            cifar = folder / "synthetic"
            subprocess.run(["basin", "data", "synthesize", "--out", str(cifar)], check=True, env=environment)
        count = 0
        for line in commands(readme):
            if line in NOT_RUN:
                continue
            if not line.startswith("basin "):
                sys.exit(f"README command that no test runs: {line}")
            command = line
            for pattern, replacement in SHRUNK:
                command = re.sub(pattern, replacement, command)
            if command.startswith("basin data fetch "):
                command += " " + archive_of(cifar, folder)
            print(f"$ {command}", flush=True)
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment)
            if done.returncode != 0:
                sys.exit(f"exit {done.returncode}: {line}")
            for out in re.findall(r"--out (\S+)", command):
                if not (folder / out).exists():
                    sys.exit(f"{out} was not made: {line}")
            count += 1
        if count < 10:
            sys.exit(f"only {count} commands found in {readme}")
        print(f"{count} commands of the README work")


main()
