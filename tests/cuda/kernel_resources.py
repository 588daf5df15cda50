#!/usr/bin/env python3
"""What ptxas says of each kernel of a file, for each architecture, against the table that is checked in.

  kernel_resources.py --nvcc NVCC --include DIR --table TABLE.csv FILE.cu...            compares; names what differs
  kernel_resources.py --nvcc NVCC --include DIR --table TABLE.csv --update FILE.cu...   writes the rows of these files

A row: file, kernel, architecture, registers a thread, bytes of spill stores and loads, bytes of static shared memory.
Another nvcc than the table's may use less, not more.
"""
import argparse
import csv
import pathlib
import re
import subprocess
import sys

ARCHITECTURES = "sm_80", "sm_90", "sm_120"
FIELDS = "registers", "spill_stores", "spill_loads", "static_shared"


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def version_of(nvcc):
    return re.search(r"V(\d+\.\d+\.\d+)", output_of([nvcc, "--version"]))[1]


def readable(mangled):
    """The kernel's name and template arguments, without namespaces and parameters."""
    name = subprocess.run(["c++filt", mangled], capture_output=True, text=True).stdout.strip()
    name = re.sub(r"(basin::|cuda::|\(anonymous namespace\)::|_GLOBAL__N__\w+::)", "", name)
    name = re.sub(r"^void ", "", name)
    depth = 0
    for i, letter in enumerate(name):  # up to the parameter list
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            name = name[:i]
            break
    return re.sub(r"\((int|bool|unsigned int)\)", "", name).replace(" ", "")


def resources(nvcc, include, source, architecture):
    report = output_of([nvcc, "-std=c++20", "-O3", f"-arch={architecture}", f"-I{include}", "-Xptxas=-v", "-cubin", "-o",
                        "/dev/null", source])
    rows = {}
    for part in report.split("Compiling entry function '")[1:]:
        spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part)
        shared = re.search(r"(\d+) bytes smem", part)
        rows[readable(part[:part.index("'")])] = [int(re.search(r"Used (\d+) registers", part)[1]), int(spills[1]),
                                                  int(spills[2]), int(shared[1]) if shared else 0]
    if not rows and "__global__" in source.read_text():
        sys.exit(f"error: {source}: ptxas names no kernel:\n{report}")
    return rows


def read_table(path):
    """(version of nvcc, {(file, kernel, architecture): values})"""
    if not path.exists():
        return "", {}
    lines = path.read_text().splitlines()
    rows = {tuple(row[:3]): [int(value) for value in row[3:]] for row in csv.reader(lines[2:])}
    return lines[0].removeprefix("# nvcc "), rows


def write_table(path, version, rows):
    with path.open("w") as file:
        file.write(f"# nvcc {version}\n# file,kernel,architecture,{','.join(FIELDS)}\n")
        writer = csv.writer(file, lineterminator="\n")
        for key in sorted(rows):
            writer.writerow([*key, *rows[key]])


def differences(expected, found, exact):
    for key in sorted(expected.keys() | found.keys()):
        name = "{} {} {}".format(*key)
        if key not in found or key not in expected:
            yield f"{name}: {'is no longer there' if key not in found else 'is not in the table'}"
            continue
        for field, old, new in zip(FIELDS, expected[key], found[key]):
            if new != old if exact else new > old:
                yield f"{name}: {field}: expected {old}, found {new}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvcc", required=True)
    parser.add_argument("--include", required=True, type=pathlib.Path)
    parser.add_argument("--table", required=True, type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("sources", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    found = {}
    for source in arguments.sources:
        name = str(source.resolve().relative_to(arguments.include.resolve()))
        for architecture in ARCHITECTURES:
            for kernel, values in resources(arguments.nvcc, arguments.include, source, architecture).items():
                found[name, kernel, architecture] = values
    names = {name for name, _, _ in found}
    version, table = read_table(arguments.table)
    here = version_of(arguments.nvcc)
    if arguments.update:
        rows = {key: values for key, values in table.items() if key[0] not in names}
        return write_table(arguments.table, here, rows | found)
    expected = {key: values for key, values in table.items() if key[0] in names}
    lines = list(differences(expected, found, exact=here == version))
    for line in lines:
        print(line)
    if lines:
        sys.exit(f"error: {len(lines)} differences from {arguments.table} (of nvcc {version}, here {here}); if they are "
                 "meant: --update")
    print(f"{len(found)} instances as in the table" + ("" if here == version else f", or below (nvcc {here})"))


if __name__ == "__main__":
    main()
