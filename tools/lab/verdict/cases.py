#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Gives results.py, handout.py and tiers.py what went wrong in each way we know, and what did not.

Needs no host, no root and a second; "tools/lab/lab verdict" does it too, and boots hosts.
Prints TAP. Exit status: 0 all passed, 1 something failed.
"""
import contextlib
import io
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import handout	# noqa: E402
import results	# noqa: E402
import tiers	# noqa: E402

GOOD_OUTPUT = """\
TAP version 14
# Subtest: alpha
    TAP version 13
    1..2
    # Subtest: within alpha
        1..1
        ok 1 deeper
    ok 1 first
    # 5 passed, 5 failed, 5 skipped
    ok 2 second
ok 1 - alpha
# Subtest: beta
    1..2
    ok 1 third
    ok 2 fourth # SKIP needs another kernel
ok 2 - beta
1..2
"""
GOOD = "3 passed, 0 failed, 1 skipped"
SPLATS = """\
WARNING: CPU: 0 PID: 1 at mm/memory.c:1 do_wp_page+0x1/0x2
WARNING: possible circular locking dependency detected
BUG: KASAN: slab-use-after-free in foo+0x1/0x2
Unable to handle kernel paging request at virtual address 0
Internal error: Oops: 0000000096000004 [#1] SMP
Call trace:
refcount_t: underflow; use-after-free.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
INFO: task vfio:42 blocked for more than 60 seconds.
UBSAN: array-index-out-of-bounds in x.c:1:2
watchdog: BUG: soft lockup - CPU#1 stuck for 22s!
kmemleak: 2 new suspected memory leaks"""


def good_run(path):
    """Two tests, one of them with a skip."""
    path.mkdir()
    files = {
        "manifest": "alpha\nbeta\n", "qemu.status": "0\n", "qemu.log": "", "nonce": "feedface\n",
        "verdict": "lab-up\nlab-verdict feedface status=0\n",
        "kernel.log": "[    0.000000] Booting Linux\n[    4.0] reboot: Power down\n",
        "output.log": GOOD_OUTPUT,
    }
    for name, text in files.items():
        (path / name).write_text(text)
    return results.Run(path)


class Cases:
    """Counts results, in TAP."""

    def __init__(self, scratch):
        self.scratch, self.number, self.failed = scratch, 0, 0

    def report(self, title, cause):
        self.number += 1
        self.failed += bool(cause)
        print(f"{'not ' if cause else ''}ok {self.number} - {title}{f' # {cause}' if cause else ''}")

    def same(self, title, got, want):
        self.report(title, "" if got == want else f"got {got!r}, expected {want!r}")

    def judged(self, runs, **options):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            counts = results.judge_runs(runs, options.get("names", []), options.get("repeat", 1))
        return counts, said.getvalue()

    def fresh(self):
        return good_run(self.scratch / str(self.number))

    def accepts(self, title, change=None, want=GOOD):
        run = self.fresh()
        if change:
            change(run.path)
        counts, said = self.judged([run])
        self.same(title, (str(counts), said), (want, ""))

    def rejects(self, title, pattern, change, want=None):
        """The run must fail, with a finding that says why and a failure counted."""
        run = self.fresh()
        change(run.path)
        counts, said = self.judged([run])
        cause = "" if counts["failed"] and not counts.good else f"counted {counts}"
        if not re.search(pattern, said):
            cause += f" no line like '{pattern}', but: {said!r}"
        if want and str(counts) != want:
            cause += f" counted {counts}"
        self.report(title, cause)


def write(name, text):
    return lambda run: (run / name).write_text(text)


def add(name, text):
    return lambda run: (run / name).open("a").write(text)


def remove(*names):
    return lambda run: [(run / name).unlink() for name in names]


def edit(old, new, count=1):
    """Changes the output at the first @count places, all without one."""
    def change(run):
        text = (run / "output.log").read_text()
        changed = re.sub(old, new, text, count=count, flags=re.M)
        assert changed != text, old
        (run / "output.log").write_text(changed)
    return change


def both(first, second):
    return lambda run: (first(run), second(run))


def host_cases(cases):
    cases.rejects("a host that hangs until its time limit", "still running at its time limit",
                  write("qemu.status", "124\n"))
    cases.rejects("a QEMU that was killed", "QEMU was killed", write("qemu.status", "137\n"))
    cases.rejects("a QEMU that left no status", "no exit status", remove("qemu.status"))
    cases.rejects("a QEMU that failed", "no such machine",
                  both(write("qemu.status", "1\n"), write("qemu.log", "qemu: no such machine\n")))
    cases.rejects("a kernel that did not come up", "did not come up",
                  write("qemu.not-up", "the kernel did not come up within 9 s\n"))
    for title, verdict in (("no verdict", ""),
                           ("the verdict of another run", "lab-verdict 12345678 status=0\n"),
                           ("a truncated verdict", "lab-verdict feedface status=\n")):
        cases.rejects(title, "never told how its job ended", write("verdict", verdict))
    cases.rejects("a verdict without a nonce", "never told how its job ended",
                  both(write("nonce", ""), write("verdict", "lab-verdict  status=0\n")))
    cases.rejects("a job that failed though its tests passed", "ended with status 3",
                  write("verdict", "lab-verdict feedface status=3\n"))


def check_cases(cases):
    """A kernel that checks itself must have done so, in this run, and found nothing."""
    lockdep = write("checks", "lockdep\n")
    cases.rejects("a check that was not made", "lockdep: not checked", lockdep)
    cases.rejects("the check of another run", "lockdep: not checked",
                  both(lockdep, add("verdict", "lab-check 12345678 lockdep clean\n")))
    cases.rejects("a check that found something", "kmemleak: 3 objects",
                  both(write("checks", "lockdep\nkmemleak\n"),
                       add("verdict", "lab-check feedface lockdep clean\n"
                                      "lab-check feedface kmemleak 3 objects\n")))
    cases.accepts("a check that found nothing",
                  both(lockdep, add("verdict", "lab-check feedface lockdep clean\n")))


def kernel_cases(cases):
    cases.rejects("an empty kernel log", "logged nothing", write("kernel.log", ""))
    for line in SPLATS.splitlines():
        cases.rejects(f"kernel log: {line.replace('#', '')}", "the kernel complained, 1 lines",
                      add("kernel.log", f"[    9.9] {line}\n"))
    cases.rejects("a complaint names the test that it came in", "complained during beta, 1 lines",
                  add("kernel.log", f"{results.MARK}alpha\n{results.MARK}beta\nBUG: x\n"))
    lists = results.LAB
    for title, text in (("no list of what a kernel log may not have", None),
                        ("a list with a broken pattern", "list_(add\n")):
        results.LAB = cases.scratch / f"lab{cases.number}"
        results.LAB.mkdir()
        if text:
            (results.LAB / "splats").write_text(text)
        cases.rejects(title, "cannot be searched", lambda run: None)
    results.LAB = lists


def tap_cases(cases):
    cases.rejects("a test that is missing", "alpha: reported 0 times",
                  both(edit(r"(?s)# Subtest: alpha.*ok 1 - alpha\n", ""), edit(r"^1\.\.2", "1..1")))
    cases.rejects("a test that reports twice", "alpha: reported 2 times",
                  edit("ok 2 - beta", "ok 2 - alpha"))
    cases.rejects("a test that nobody asked for", "gamma: reported 1 times instead of 0",
                  both(edit(r"^1\.\.2", "ok 3 - gamma\n1..3"), lambda run: None))
    cases.rejects("a failed result in a test that claims success", "alpha: not ok 1 first",
                  edit("    ok 1 first", "    not ok 1 first"), "3 passed, 1 failed, 1 skipped")
    cases.rejects("a failed result has its cause", "alpha: not ok 1 first: aer.c:7:x:not so",
                  edit("    ok 1 first", "    # aer.c:6:x:Expected 1 == 2\n    # aer.c:7:x:not so\n"
                                         "    not ok 1 first"))
    cases.rejects("a test that failed as a whole", "not ok 1 - alpha # timed out",
                  edit("^ok 1 - alpha", "not ok 1 - alpha # timed out"),
                  "3 passed, 1 failed, 1 skipped")
    cases.rejects("a result that is missing", "alpha: planned 2 results, gave 1",
                  edit("    ok 2 second\n", ""))
    cases.rejects("a result too many", "alpha: planned 2 results, gave 3",
                  edit("(    ok 2 second\n)", r"\1    ok 3 more\n"))
    cases.rejects("a test without a plan", "alpha: printed no plan", edit(r"^    1\.\.2\n", ""))
    cases.rejects("a test with two plans", "alpha: printed two plans",
                  edit(r"(^    1\.\.2\n)", r"\1\1"))
    cases.rejects("a nested plan is no plan of the test", "alpha: printed no plan",
                  edit(r"^    1\.\.2\n", "        1..2\n"))
    cases.rejects("a nested result that is missing", "alpha: planned 7 results, gave 1",
                  edit(r"^        1\.\.1\n", "        1..7\n"))
    cases.rejects("a nested result that failed", "alpha: not ok 1 deeper\n",
                  edit("ok 1 deeper", "not ok 1 deeper"), "2 passed, 1 failed, 1 skipped")
    cases.rejects("a skip without a reason", "beta: skips without a reason",
                  edit(" # SKIP .*", " # SKIP"))
    cases.rejects("tests that run nothing and say nothing", "ran nothing and gave no reason",
                  both(edit(r"^    1\.\.2", "    1..0", 0), edit("^    ok.*\n", "", 0)))
    cases.rejects("output that ends after the first test", "printed 0 plans",
                  edit(r"(?s)# Subtest: beta.*", ""))
    cases.rejects("a result after the plan that ends the run", "planned 2 tests and reported 3",
                  add("output.log", "# Subtest: alpha\n    1..1\n    ok 1 late\nok 3 - alpha\n"))
    cases.rejects("no output at all", "printed 0 plans", write("output.log", ""))
    cases.rejects("a run that gave up", "Bail out",
                  add("output.log", "Bail out! alpha: cannot be killed\n"))
    cases.rejects("a run that only skips", "nothing passed",
                  edit(r"^( +ok \d \w+).*", r"\1 # SKIP no GPU", 0))
    cases.accepts("line ends of a serial line", edit("$", "\r", 0))


def flat_cases(cases):
    """Streams of so many results, 9 and 10 of which have a different number of digits."""
    for title, nr, plan, want in (
            ("a flat stream", 10, "1..10\n", "10 passed, 0 failed, 0 skipped"),
            ("a flat stream that ends early", 9, "1..10\n", "9 passed, 1 failed, 0 skipped"),
            ("a flat stream without a plan", 9, "", "9 passed, 1 failed, 0 skipped"),
            ("a flat stream that planned nothing", 0, "1..0\n", "0 passed, 1 failed, 0 skipped"),
            ("a flat stream that skips all", 0, "1..0 # SKIP no\n", "0 passed, 0 failed, 1 skipped"),
            ("a flat stream with a count in it", 2, "# 9 passed, 9 failed, 9 skipped\n1..2\n",
             "2 passed, 0 failed, 0 skipped")):
        stream = cases.scratch / "flat"
        stream.write_text(plan + "".join(f"ok {i + 1} - result\n" for i in range(nr)))
        with contextlib.redirect_stderr(io.StringIO()):
            counts = results.judge_flat([stream])
        cases.same(title, (str(counts), counts.good), (want, want.endswith(" 0 failed, 0 skipped")))


def tier_cases(cases):
    last = "3 passed, 0 failed, 1 skipped"
    cases.same("the counts that a tier ends with", str(results.counts_of(f"ok 1 - x\n{last}\n")), last)
    cases.same("counts that are not the end", results.counts_of(f"{last}\nnot ok 4 - late\n"), None)
    cases.same("counts within a line", results.counts_of(f"# {last}\n"), None)
    for title, text, status, counts, want in (
            ("a tier that failed and has counted no failure", last, 1, True, "3 passed, 1 failed, 1 skipped"),
            ("a tier that ended well and counted nothing", "ok\n", 0, True, "0 passed, 1 failed, 0 skipped"),
            ("a tier that goes on after its counts", f"{last}\nmore\n", 0, True, "0 passed, 1 failed, 0 skipped"),
            ("a tier that was interrupted", last, None, True, "3 passed, 1 failed, 1 skipped"),
            ("a tier that works or does not", "done\n", 0, False, "1 passed, 0 failed, 0 skipped"),
            ("a tier that does not work", "done\n", 1, False, "0 passed, 1 failed, 0 skipped")):
        log = cases.scratch / "log"
        log.write_text(text)
        row = tiers.Row(tiers.Tier("x", "all", "x", [], counts), log, status, 1)
        cases.same(title, str(row.counts), want)
    cases.same("what went wrong in a tier, from one of several hosts",
               results.trouble(f"[1] ok 1 - x\n[2]     not ok 2 y\n{last}"), "not ok 2 y")
    cases.same("what went wrong in a tier that could not run",
               results.trouble("lab: building\nlab: no space left\n"), "lab: no space left")


def hosts_cases(cases):
    """Two hosts that share four tests."""
    def hosts():
        first, second = cases.fresh(), good_run(cases.scratch / f"{cases.number}b")
        for name in ("manifest", "output.log"):
            text = (second.path / name).read_text().replace("alpha", "gamma").replace("beta", "delta")
            (second.path / name).write_text(text)
        return [first, second]

    def judged(title, pattern, change, want="0 failed", names="alpha beta gamma delta", repeat=1):
        runs = hosts()
        change(*(run.path for run in runs))
        counts, said = cases.judged(runs, names=names.split(), repeat=repeat)
        good = re.search(pattern, said) and re.search(want, str(counts))
        cases.report(title, "" if good else f"counted {counts} and said {said!r}")

    bad = "[1-9][0-9]* failed"
    judged("two good hosts", "^$", lambda a, b: None, "^6 passed, 0 failed, 2 skipped$")
    judged("one of two hosts dies", "FAILED: the host never told how its job ended",
           lambda a, b: (write("verdict", "")(b), edit(r"(?s)# Subtest: delta.*", "")(b)), bad)
    judged("one of two hosts never boots", "FAILED: QEMU has left no exit status",
           lambda a, b: remove("qemu.status", "verdict", "output.log", "kernel.log")(b), bad)
    judged("one of two hosts hangs", "FAILED: the host was still running",
           lambda a, b: write("qemu.status", "124\n")(a), bad)
    judged("one of two hosts came too late for a test", "^$",
           lambda a, b: (write("manifest", "")(b), write("output.log", "TAP version 14\n1..0\n")(b)),
           "^3 passed, 0 failed", "alpha beta")
    judged("a test that no host was given", "FAILED: no host has had them.* epsilon",
           lambda a, b: None, bad, "alpha beta gamma delta epsilon")
    judged("a test that two hosts were given", "FAILED: no host has had them.* alpha",
           lambda a, b: add("manifest", "alpha\n")(b), bad)
    judged("tests that were to be repeated and were not", "FAILED: no host has had them.* alpha",
           lambda a, b: None, bad, repeat=2)
    judged("of tests to be repeated one fails and the rest is left", "^lab: FAILED: alpha: not ok 1 first\n",
           lambda a, b: edit("ok 1 first", "not ok 1 first")(a), "^6 passed, 1 failed", repeat=2)


def queue_cases(cases):
    """What two hosts are given that ask in turn."""
    def given(names, asks, repeat=1, counted=()):
        runs = [cases.scratch / f"q{cases.number}{i}" for i in (0, 1)]
        for run in runs:
            run.mkdir()
        queue = handout.Queue(names.split(), repeat, runs, [runs[i] for i in counted])
        return " ".join(queue.next(runs[int(ask[0])], "f" in ask) or "-" for ask in asks.split())

    known = {"quick": (9, set()), "mid": (300, set()), "slow": (600, set()), "clock": (500, {"counted"}),
             "guest": (1000, {"full"}), "more": (900, {"full"})}
    handout.manifest, manifest = lambda: known, handout.manifest
    cases.same("who may take longest is first", given("quick mid slow", "0 1 0 1"), "slow mid quick -")
    cases.same("tests that need much memory share a host",
               given("mid guest more slow", "0 1 1 1 0 0"), "guest slow mid - more -")
    cases.same("tests that judge times go to a host that counts, and no others",
               given("mid clock slow", "1 1 0 0 0", counted=(1,)), "clock - slow mid -")
    cases.same("where all hosts count they take everything",
               given("mid clock", "1 0", counted=(0, 1)), "clock mid")
    cases.same("tests are repeated one round after the other", given("mid slow", "0 0 0 0 0", 2),
               "slow mid slow mid -")
    cases.same("after a failure nothing is repeated", given("mid slow", "0 1 0f 1", 9), "slow mid - -")
    cases.same("after a failure the other tests go on", given("mid slow", "0 0f 0"), "slow mid -")
    handout.manifest = manifest
    marks = set().union(*(marks for _, marks in manifest().values()))
    cases.same("the manifest has no marks but those", marks, {"counted", "full"})


def main():
    with tempfile.TemporaryDirectory() as scratch:
        cases = Cases(pathlib.Path(scratch))
        cases.accepts("a good run")
        for group in (host_cases, check_cases, kernel_cases, tap_cases, flat_cases, tier_cases,
                      hosts_cases, queue_cases):
            group(cases)
    print(f"1..{cases.number}")
    return 1 if cases.failed else 0


if __name__ == "__main__":
    sys.exit(main())
