#!/usr/bin/env python3
"""Basin against PyTorch on this machine, in one run, taking turns: prints a table of ratios.

  tools/bench/compare.py                          operations, training steps, surfaces and Hessians
  tools/bench/compare.py --filter surface --threads 1 --json out.json
  tools/bench/compare.py --device cuda --filter 'training|surface'    on a GPU, where operations are not paired

Needs python3-torch (Debian: run with /usr/bin/python3) and basin_bench, built with libbenchmark-dev by
  cmake --preset release -DBASIN_BENCHMARKS=ON && cmake --build build --target basin_bench
A figure is the median over --rounds turns of both sides; PyTorch's is that of its fastest variant. The spread is
(slowest - fastest) / median of Basin's turns.
"""
import argparse
import ctypes
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

BENCH = pathlib.Path(__file__).resolve().parents[2] / "build/tools/bench/basin_bench"


def timed(call, seconds):
    """Seconds per call over at least `seconds`, after one warm-up call."""
    call()
    calls, start = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return elapsed / calls


def basin(arguments, name=None):
    command = [str(arguments.bench), f"--device={arguments.device}", f"--threads={arguments.threads}",
               "--benchmark_format=json",
               f"--benchmark_min_time={arguments.seconds}", f"--benchmark_filter={name or arguments.filter}",
               *images(arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def basin_row(arguments, name):
    """Seconds per item (image or point) where the benchmark counts them, per call elsewhere; and all that it reports."""
    report = basin(arguments, f"^{re.escape(name)}/real_time$")
    row = report["benchmarks"][0]
    unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[row["time_unit"]]
    return 1 / row["items_per_second"] if "items_per_second" in row else row["real_time"] * unit, row


def images(arguments):
    return [f"--images={arguments.images}"] if arguments.images else []


def names(arguments):
    command = [str(arguments.bench), f"--device={arguments.device}", "--benchmark_list_tests=true",
               f"--benchmark_filter={arguments.filter}", *images(arguments)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    found = [line.removesuffix("/real_time") for line in lines if line.endswith("/real_time")]
    return found if arguments.device == "cpu" else [name for name in found if name.startswith(("training/", "surface/"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default=".", help="regular expression over the benchmarks' names")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--bench", type=pathlib.Path, default=BENCH, help="the program basin_bench")
    parser.add_argument("--images", type=int, help="images of surfaces and Hessians (default: 512, on a GPU 10000)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="least time of one turn")
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    arguments = parser.parse_args()
    if not arguments.bench.exists():
        sys.exit(f"error: {arguments.bench} is missing; build it with: cmake --preset release -DBASIN_BENCHMARKS=ON && "
                 "cmake --build build --target basin_bench")
    try:
        import torch
    except ImportError:
        sys.exit("error: this Python has no torch (Debian: apt-get install python3-torch, run with /usr/bin/python3)")
    import peer
    import peer_cuda
    peer_jobs = peer.jobs
    if arguments.device != "cpu":
        if not torch.cuda.is_available():
            sys.exit(f"error: --device {arguments.device}: PyTorch {torch.__version__} finds no GPU")
        peer_jobs = lambda name: peer_cuda.jobs(name, arguments.device)
    torch.set_num_threads(arguments.threads)
    for parameter, mib in ((-3, 32), (-1, 2000), (-2, 256)):  # glibc: keep freed memory, which PyTorch gains most from
        ctypes.CDLL(None).mallopt(parameter, mib << 20)
    cpu = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=BENCH.parent, capture_output=True, text=True)
    device = torch.cuda.get_device_name(arguments.device) if arguments.device != "cpu" else "cpu"
    report = dict(cpu=cpu[0] if cpu else "?", device=device, threads=arguments.threads, torch=torch.__version__,
                  commit=git.stdout.strip(), date=time.strftime("%Y-%m-%d"), results=[])
    print(f"{report['cpu']}, {device}, {arguments.threads} threads, PyTorch {torch.__version__}, commit {report['commit']}")
    print(f"{'benchmark':58} {'Basin':>11} {'spread':>7} {'PyTorch':>11} {'ratio':>6}  PyTorch's best variant")
    for name in names(arguments):
        jobs = peer_jobs(name)
        ours, theirs = [], {variant: [] for variant, _, _ in jobs}
        for _ in range(arguments.rounds):
            seconds, row = basin_row(arguments, name)
            ours.append(seconds)
            for variant, call, items in jobs:
                theirs[variant].append(timed(call, arguments.seconds) / items)
        best = min(theirs, key=lambda variant: statistics.median(theirs[variant]))
        mine, other = statistics.median(ours), statistics.median(theirs[best])
        report["results"].append(dict(name=name, basin_seconds=ours, torch_seconds=theirs, best=best, ratio=other / mine,
                                      basin=row))
        show = (lambda s: f"{s * 1e6:8.0f} us") if name.startswith("operation") else (lambda s: f"{1 / s:9.1f}/s")
        print(f"{name:58} {show(mine):>11} {100 * (max(ours) - min(ours)) / mine:6.1f}% {show(other):>11} "
              f"{other / mine:5.2f}x  {best}", flush=True)
        if arguments.device != "cpu":
            for variant, seconds in theirs.items():
                print(f"    against {variant:40} {statistics.median(seconds) / mine:6.2f}x", flush=True)
            for counter in ("images/s", "FLOP/s", "of mma.sync"):
                if counter in row:
                    print(f"    {counter:48} {row[counter]:.4g}", flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
