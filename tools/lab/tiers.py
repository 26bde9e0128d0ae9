#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""All the tests in one command, with a summary: what tools/check runs."""
import argparse
import collections
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import results	# noqa: E402

LAB = pathlib.Path(__file__).resolve().parent
TOOLS = LAB.parent

# Each set has all of the one before it.
SETS = {
    "default": "what everybody runs",
    "full": "what continuous integration runs: three quarters of an hour, and a kernel to build",
    "all": "everything, however long it takes",
}

# What these find beside the others is no part of what everybody waits for: second layouts
# of tests, guests in guests, what sums up.
LONG = ("guest.tail guest_dma.mig_fixed guest_acpi guest_numa guest_numa.two guest_numa.life "
        "guest_numa.poison guest_numa.demands "
        "scenarios walkthrough reload sim_random ready_wait.pm reset_paths.gb200").split()
# Ten boots of a guest, which differ in nothing: minutes that find little.
STARTS = ["guest_numa.starts"]
# On the debug kernel a host checks itself for a minute in the end: what needs such a kernel
# goes into few hosts.
DEBUG = "kunit fail_nth kernel_vfio kernel_vfio.nvgpu iommufd guest_dma guest_dma.mig_fixed "\
    "pasid pasid.plain pasid.vfio_pci".split()


def all_tests():
    command = [TOOLS / "test/selftests/run-selftests", "--list"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


SHORT = [name for name in all_tests() if name not in LONG + STARTS]


def lab(*args):
    return [LAB / "lab", *args]


def selftests(names, *options, hosts=5):
    return lab("test", "--hosts", str(hosts), "--brief", *options, *names)


# The command prints "N passed, N failed, N skipped" last; it fails where something did.
# That of the demo counts nothing: it works or it does not.
Tier = collections.namedtuple("Tier", "name set title command counts", defaults=[True])
TIERS = [
    Tier("static", "default", "builds with W=1 and sparse for each kernel, checkpatch --strict, shellcheck ...",
         lab("static")),
    Tier("selftests", "default", "tools/test/selftests on the newest kernel, in emulated hosts", selftests(SHORT)),
    Tier("fuzz", "default", "random operations on twelve kinds of GPU and on a model of them, a few seconds",
         lab("fuzz", "--seconds", "6")),
    Tier("long", "full", "the selftests that take long: guests with UEFI or NUMA nodes, all scenarios ...",
         selftests(LONG)),
    Tier("verdict", "full", "does the lab's verdict see hangs, panics, splats, missing tests?", lab("verdict")),
    Tier("intree", "full", "the driver inside a kernel tree: patches, arm64 and amd64 builds, coccicheck",
         lab("intree")),
    Tier("nvgpuctl", "full", "the operator's program, with sanitizers, on machines made of files", lab("nvgpuctl")),
    Tier("demo", "full", "tools/demo, from bind to guest to unload", [TOOLS / "demo"], False),
    Tier("readme", "full", "README's chapter for operators, word by word, and a reboot with persisted GPUs", lab("readme")),
    Tier("matrix", "full", "builds with W=1 for ten kernels of Debian and for the releases between them",
         lab("matrix")),
    Tier("fuzz-1m", "full", "1 000 000 random operations on GPUs and on a model of them",
         lab("fuzz", "--ops", "1000000")),
    Tier("stable", "full", "tools/test/selftests on Debian's stable kernel", selftests(SHORT, "--kernel", "stable")),
    Tier("amd64", "full", "tools/test/selftests on amd64 hosts", selftests(SHORT, "--kernel", "newest-amd64")),
    Tier("debug", "full", "KUnit, each allocation fails once, iommufd, the kernel's vfio tests: on the debug kernel",
         selftests(DEBUG, "--kernel", "debug", hosts=2)),
    Tier("stress", "full", "everything at once, 60 s, on the debug kernel",
         lab("stress", "--kernel", "debug", "--seconds", "60")),
    Tier("soak", "all", "the selftests of default 10 times, with all CPUs kept busy",
         selftests(SHORT, "--repeat", "10", "--load", hosts=3)),
    Tier("starts", "all", "ten starts in a row of a guest that uses the GPU's memory", selftests(STARTS, hosts=1)),
    Tier("stable-long", "all", "the selftests that take long, on Debian's stable kernel",
         selftests(LONG, "--kernel", "stable")),
    Tier("64k", "all", "tools/test/selftests with pages of 64K, as Grace hosts have them",
         selftests(SHORT, "--kernel", "newest-64k")),
    Tier("64k-long", "all", "the selftests that take long, with pages of 64K",
         selftests(LONG, "--kernel", "newest-64k")),
    Tier("amd64-long", "all", "the selftests that take long, on amd64 hosts",
         selftests(LONG, "--kernel", "newest-amd64")),
    Tier("nvgpuctl-host", "all", "nvgpuctl doctor and bind on simulated GPUs with faults", lab("nvgpuctl-host")),
    Tier("acpi", "all", "tools/test/selftests on hosts with UEFI, ACPI and 16K pages",
         selftests([], "--acpi", "--kernel", "newest-16k", hosts=4)),
    Tier("debug-4k", "all", "all of tools/test/selftests on the debug kernel",
         selftests([], "--kernel", "debug", "--timeout", "5400", hosts=3)),
    Tier("debug-64k", "all", "the same with 64K pages",
         selftests([], "--kernel", "debug-64k", "--timeout", "5400", hosts=3)),
    Tier("sim-random", "all", "1000 random sequences on simulated GPUs, on the debug kernel",
         lab("sim-random", "--kernel", "debug", "--sequences", "1000")),
    Tier("stress-4k", "all", "everything at once, 10 minutes, on the debug kernel",
         lab("stress", "--kernel", "debug", "--seconds", "600")),
    Tier("stress-64k", "all", "the same with 64K pages", lab("stress", "--kernel", "debug-64k", "--seconds", "600")),
    Tier("fuzz-10m", "all", "10 000 000 random operations", lab("fuzz", "--ops", "10000000")),
    Tier("fuzz-debug", "all", "100 000 random operations on the debug kernel",
         lab("fuzz", "--kernel", "debug", "--ops", "100000")),
    Tier("verdict-debug", "all", "does the verdict see leaks and wrong orders of locks? On the debug kernel",
         lab("verdict", "--kernel", "debug")),
    Tier("deb", "all", "Debian and RPM packages: build, lint, install, upgrade, purge in bare systems", lab("deb")),
    Tier("mutants", "all", "forty defects of the driver, one at a time: does a test see each?",
         [TOOLS / "test/mutants/run-mutants"]),
    Tier("compare", "all", "the same probes against the in-tree nvgrace-gpu, as a table", [LAB / "compare"]),
]


def usage():
    tiers = "\n".join(f"  {tier.name:<14} {tier.set:<8} {tier.title}" for tier in TIERS)
    sets = "\n".join(f"  {name:<11} {text}" for name, text in SETS.items())
    return f"""\
Tests the driver, the simulated GPU and the tools, on any amd64 Debian 12 or 13, as root; no
GPU and no /dev/kvm is needed. The first run prepares the lab from Debian packages (a few
minutes; see tools/lab/lab --help).

Sets, each with all of the one before it; without an argument: default
{sets}

Tiers, and the smallest set that has each
{tiers}

Ends with a table of the tiers, what first went wrong in each that failed, and where its log
is, which is kept; the last line counts results: "N passed, N failed, N skipped".
Exit status: 0 all passed, 1 something failed, 2 wrong usage."""


class Row:
    """A line of the table: how a tier went."""

    def __init__(self, tier, log, status, seconds):
        text = log.read_text(errors="replace")
        self.name, self.log, self.seconds = tier.name, log, seconds
        counts = results.counts_of(text)
        if not tier.counts:
            counts = results.Counts(passed=int(status == 0))
        # It failed that ended so without counting a failure, or counted nothing.
        self.counts = counts or results.Counts()
        if status != 0 or not sum(self.counts.values()):
            self.counts["failed"] = self.counts["failed"] or 1
        self.why = results.trouble(text) if status is not None else "was interrupted"
        if not self.counts["failed"]:
            log.unlink()


def line(name, counts, seconds):
    passed, failed, skipped = (counts[kind] for kind in ("passed", "failed", "skipped"))
    print(f"{name:<14}{passed:>7} {failed:>7} {skipped:>8} {seconds // 60:>6}:{seconds % 60:02d}")


def summary(rows, seconds):
    total = results.Counts()
    print(f"\n{'tier':<14}{'passed':>7} {'failed':>7} {'skipped':>8} {'time':>9}")
    for row in rows:
        line(row.name, row.counts, row.seconds)
        total += row.counts
    line("all", total, seconds)
    failed = [row for row in rows if row.counts["failed"]]
    if failed:
        print("\nFailed:")
        for row in failed:
            print(f"  {row.name:<14} {row.why}\n  {'':<14} log: {row.log}")
        print()
    print(total, flush=True)
    return total


def run(command, log):
    """Shows and keeps what the command prints; its status, or None if it was interrupted."""
    with open(log, "w") as out, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace") as process:
        try:
            for text in process.stdout:
                out.write(text)
                print(text, end="", flush=True)
        except KeyboardInterrupt:
            process.terminate()
            return None
    return process.returncode


def select(names):
    """The tiers of these sets, and those named, each once."""
    order = list(SETS)
    chosen = []
    for name in names:
        if name in SETS:
            chosen += [tier for tier in TIERS if order.index(tier.set) <= order.index(name)]
        else:
            chosen += [tier for tier in TIERS if tier.name == name]
    return list(dict.fromkeys(tier.name for tier in chosen))


def main():
    parser = argparse.ArgumentParser(prog="tools/check", usage="tools/check [SET | TIER]...",
                                     description=usage(),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the tiers, each with its set")
    parser.add_argument("names", nargs="*", default=["default"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    tiers = {tier.name: tier for tier in TIERS}
    if args.list:
        for tier in TIERS:
            print(tier.name, tier.set)
        return 0
    for name in args.names:
        if name not in tiers and name not in SETS:
            parser.error(f'no set or tier is called "{name}"; see tools/check --help')

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    logs, begin, rows = pathlib.Path(tempfile.mkdtemp(prefix="nvgpu-check.")), time.monotonic(), []
    # Not into a log, since it draws on the terminal.
    if subprocess.run(lab("prepare"), stdin=subprocess.DEVNULL).returncode:
        print("\ntools/check: the lab could not be prepared; why is above\n0 passed, 1 failed, 0 skipped")
        return 1
    for name in select(args.names):
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        status = run(tiers[name].command, logs / name)
        rows.append(Row(tiers[name], logs / name, status, int(time.monotonic() - began)))
        if status is None:
            break
    total = summary(rows, int(time.monotonic() - begin))
    if not any(logs.iterdir()):
        logs.rmdir()
    return 130 if status is None else 0 if total.good else 1


if __name__ == "__main__":
    sys.exit(main())
