#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads what tests print, and decides whether a run went well.

The only reader of TAP and of counts in this tree. A run has to prove success: silence, an
early end or a missing line is a failure.
"""
import argparse
import collections
import pathlib
import re
import sys

LAB = pathlib.Path(__file__).resolve().parent

PLAN = re.compile(r"1\.\.(\d+)(?:\s+# *SKIP\b\s*(.*))?\s*$", re.I)
RESULT = re.compile(r"(not )?ok (?:\d+\b(?: +-)?|-) *(.*)$")
SKIP = re.compile(r"# *SKIP\b\s*(.*)$", re.I)
COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$")
SUBTEST = "# Subtest: "
INDENT = "    "
MARK = "nvgpu-selftest: "	# run-selftests writes it to the kernel log, with the test's name

# The cause of a failed result precedes it. The kselftest harness prints several lines, of
# which its own "Expected ..." tells least.
HARNESS = re.compile(r"# +(RUN|OK|FAIL|SKIP|Starting|Subtest:) |.*: Test (failed|terminated by assertion)$")
LOCATED = re.compile(r"# .*\.c:\d+:")
EXPECTED = re.compile(r"# .*\.c:\d+:\w+:Expected ")


class Counts(collections.Counter):
    """Results by kind: passed, failed, skipped."""

    def __str__(self):
        return f"{self['passed']} passed, {self['failed']} failed, {self['skipped']} skipped"

    @property
    def good(self):
        return self["passed"] > 0 and not self["failed"]


class Stream:
    """A TAP or KTAP stream: what a test prints. Of a result with a stream of its own, which
    precedes it and is indented, the results of that count instead."""

    def __init__(self, lines):
        self.counts = Counts()
        self.first_failure = None
        self.skip_reason = None	# of all of it
        self.problems = []
        self.plans, results, before, inside = [], 0, [], []
        for line in lines:
            plan, result = PLAN.match(line), RESULT.match(line)
            if line.startswith(INDENT):
                inside.append(line[len(INDENT):])
            elif plan:
                self.plans.append(plan)
            elif result:
                results += 1
                self.take_result(line, result, before, Stream(inside) if inside else None)
                before, inside = [], []
            else:
                before.append(line)
        self.check_plan(results)

    def take_result(self, line, result, before, inner):
        skip = SKIP.search(result[2] or "")
        if inner and inner.plans:
            self.counts += inner.counts
            self.problems += inner.problems
            self.first_failure = self.first_failure or inner.first_failure
            if not result[1] or inner.counts["failed"]:
                return
        if result[1]:
            self.counts["failed"] += 1
            self.first_failure = self.first_failure or with_cause(line, before)
        elif skip:
            self.counts["skipped"] += 1
            if not skip[1]:
                self.problems.append(f"skips without a reason: {line}")
        else:
            self.counts["passed"] += 1

    def check_plan(self, results):
        if len(self.plans) != 1:
            self.problems.append("printed two plans" if self.plans else "printed no plan")
            return
        planned, reason = int(self.plans[0][1]), self.plans[0][2]
        if planned != results:
            self.problems.append(f"planned {planned} results, gave {results}")
        elif not planned and not reason:
            self.problems.append("ran nothing and gave no reason")
        elif not planned:
            self.counts["skipped"] += 1
            self.skip_reason = reason


def with_cause(line, before):
    """A failed result, and why, as far as the lines before it tell."""
    notes = [text for text in before if text.startswith("# ") and not HARNESS.match(text)]
    located = [text for text in notes if LOCATED.match(text)]
    better = [text for text in located if not EXPECTED.match(text)]
    others = [text for text in notes if text not in located]
    plain = [text for text in before if text.strip() and not re.match("#|TAP version|KTAP version", text)]
    cause = better[:1] or others[-1:] or located[:1] or plain[-1:]
    return line + (": " + re.sub(r"^# (.*/)?", "", cause[0]) if cause else "")


Test = collections.namedtuple("Test", "name good line stream")


class Suite:
    """A TAP stream of one subtest for each test, as the runners in the host print it."""

    def __init__(self, text):
        self.tests, self.plans, self.bail_out, inside = [], [], None, []
        for line in text.replace("\r", "").splitlines():
            plan, result = PLAN.match(line), RESULT.match(line)
            if line.startswith(SUBTEST):
                inside = []
            elif line.startswith(INDENT):
                inside.append(line[len(INDENT):])
            elif line.startswith("Bail out!"):
                self.bail_out = line
            elif plan:
                self.plans.append(int(plan[1]))
            elif result:
                name = re.sub(r" *#.*", "", result[2] or "")
                self.tests.append(Test(name, not result[1], line, Stream(inside)))
                inside = []

    def judge(self, names):
        """Findings and counts, given the names that must have reported, one for each time."""
        findings, counts = [], Counts()
        for test in self.tests:
            findings += test_findings(test)
            counts += test.stream.counts
            if not test.good and not test.stream.counts["failed"]:
                counts["failed"] += 1
        if self.bail_out:
            findings.append(self.bail_out)
        if len(self.plans) != 1:
            findings.append(f"the run printed {len(self.plans)} plans instead of one: it ended early")
        elif self.plans[0] != len(self.tests):
            findings.append(f"the run planned {self.plans[0]} tests and reported {len(self.tests)}: it ended early")
        wanted = collections.Counter(names)
        seen = collections.Counter(test.name for test in self.tests)
        for name in wanted | seen:
            if wanted[name] != seen[name]:
                findings.append(f"{name}: reported {seen[name]} times instead of {wanted[name]}")
        # A host that came late has had none.
        if not counts["passed"] and names:
            findings.append("nothing passed")
        return findings, counts


def test_findings(test):
    findings = [f"{test.name}: {problem}" for problem in test.stream.problems]
    if test.stream.first_failure:
        number = test.stream.counts["failed"]
        more = f" (and {number - 1} more)" if number > 1 else ""
        findings.append(f"{test.name}: {test.stream.first_failure}{more}")
    if not test.good and (not findings or "#" in test.line):
        findings.insert(0, test.line)
    return findings


class Run:
    """The files that the lab leaves of one boot."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self, name):
        try:
            return (self.path / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def names(self):
        return self.text("manifest").split()

    def last_line(self, name):
        return (self.text(name).splitlines() or [""])[-1]

    def verdict(self, what):
        """What PID 1 has said in this very run: the lines with its nonce."""
        nonce = self.text("nonce").strip()
        said = f"lab-{what} {nonce} "
        return [line[len(said):] for line in self.text("verdict").splitlines()
                if nonce and line.startswith(said)]

    def status(self):
        """Status of the job, or None."""
        said = [line for line in self.verdict("verdict") if re.fullmatch(r"status=\d{1,3}", line)]
        return int(said[0][len("status="):]) if len(said) == 1 else None

    def judge_qemu(self):
        not_up = self.text("qemu.not-up").strip()
        status = self.text("qemu.status").strip()
        if not_up:
            return [not_up]
        if status == "0":
            return []
        return [{
            "124": "the host was still running at its time limit and was ended: it hangs, or needs a longer --timeout",
            "137": "QEMU was killed: this machine has run out of memory, or it did not end at its time limit",
            "": "QEMU has left no exit status: the run was interrupted",
        }.get(status, f"QEMU ended with status {status}: {self.last_line('qemu.log')}")]

    def judge_job(self):
        status = self.status()
        if status is None:
            return ["the host never told how its job ended: it panicked, hung or lost power"]
        return [f"the job ended with status {status}"] if status else []

    def judge_checks(self):
        """Each check that the kernel has must have said that all is well."""
        said = [line.split(" ", 1) for line in self.verdict("check")]
        if self.status() is None:
            return []
        return [f"{name}: {dict(said).get(name, 'not checked at the end of the run')}"
                for name in self.text("checks").split() if [name, "clean"] not in said]

    def splats(self):
        """(line number, test it came in or None, text) of each complaint in the kernel log."""
        pattern, test, found = splat_pattern(), None, []
        for number, line in enumerate(self.text("kernel.log").replace("\r", "").splitlines(), 1):
            if MARK in line:
                test = line.split(MARK, 1)[1]
            elif pattern.search(line):
                found.append((number, test, line))
        return found

    def judge_kernel(self):
        if not self.text("kernel.log"):
            return ["the kernel has logged nothing"]
        try:
            splats = self.splats()
        except (OSError, re.error) as error:
            return [f"the kernel log cannot be searched for complaints: {error}"]
        if not splats:
            return []
        number, test, line = splats[0]
        during = f" during {test}" if test else ""
        return [f"the kernel complained{during}, {len(splats)} lines, first at {number}:{line}"]

    def judge_host(self):
        return self.judge_qemu() + self.judge_kernel() + self.judge_checks()

    def judge_tests(self):
        """Findings and counts of a run of tests."""
        findings, counts = Suite(self.text("output.log")).judge(self.names())
        findings += self.judge_host() + self.judge_job()
        if findings and not counts["failed"]:
            counts["failed"] = 1
        return findings, counts

    def report(self, findings):
        """Shows what is wrong, and where to look."""
        (self.path / "findings").write_text("".join(f"{line}\n" for line in findings))
        if not findings:
            return
        for line in findings:
            complain(f"FAILED: {line}")
        try:
            for number, _, line in self.splats()[:12]:
                complain(f"  kernel.log:{number}:{line}")
        except (OSError, re.error):
            pass
        complain(f"logs: {self.path} (kernel.log, output.log, qemu.log)")


def splat_pattern():
    """What no kernel log may have: one extended regular expression a line of the list."""
    lines = (LAB / "splats").read_text().splitlines()
    return re.compile("|".join(f"(?:{line})" for line in lines if not line.startswith("#")))


def complain(text):
    print(f"lab: {text}", file=sys.stderr)


def judge_runs(runs, names, repeat):
    """Each run has to be good, and together they have to have run each name so often."""
    counts, wanted, given = Counts(), collections.Counter(), collections.Counter()
    for run in runs:
        findings, of_run = run.judge_tests()
        run.report(findings)
        counts += of_run
        given.update(run.names())
    for name in names or given:
        wanted[name] = repeat if names else given[name]
    # After a failure nobody takes another test of those to be repeated.
    if given != wanted and not (repeat > 1 and counts["failed"] and given <= wanted):
        wrong = sorted(name for name in given | wanted if given[name] != wanted[name])
        complain(f"FAILED: no host has had them, or more often than wanted: {' '.join(wrong)}")
        counts["failed"] += 1
    return counts


def judge_flat(paths):
    """Streams without subtests, one a file, as one sum."""
    counts = Counts()
    for path in paths:
        stream = Stream(pathlib.Path(path).read_text(errors="replace").replace("\r", "").splitlines())
        counts += stream.counts
        for problem in stream.problems:
            complain(f"FAILED: {pathlib.Path(path).name}: {problem}")
        counts["failed"] += len(stream.problems)
    return counts


def counts_of(text):
    """The counts that a command ended with, or None: only its very last line has them."""
    match = COUNTS.match((text.splitlines() or [""])[-1])
    return match and Counts(dict(zip(("passed", "failed", "skipped"), map(int, match.groups()))))


def trouble(text):
    """The first line of a log that says what is wrong, or the last of a command that could
    not run. Lines of several hosts have the number of theirs in front."""
    lines = [re.sub(r"^(\[\d+\])? *", "", line) for line in text.splitlines()]
    bad = [line for line in lines if re.match(r"not ok|lab: FAILED", line)]
    rest = [line for line in lines if line and not COUNTS.match(line)]
    return (bad[:1] or rest[-1:] or lines[-1:] or ["it said nothing"])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    tests = commands.add_parser("tests", help="runs of tests; prints counts last")
    tests.add_argument("--names", metavar="FILE", help="what must have run in all of them")
    tests.add_argument("--repeat", metavar="N", type=int, default=1, help="so often each")
    tests.add_argument("runs", nargs="+", metavar="RUN", type=Run)
    job = commands.add_parser("job", help="a run of one job; ends with the status of that")
    job.add_argument("run", metavar="RUN", type=Run)
    kernel = commands.add_parser("kernel", help="complaints in the kernel log of a run")
    kernel.add_argument("run", metavar="RUN", type=Run)
    flat = commands.add_parser("flat", help="TAP streams without subtests; prints counts last")
    flat.add_argument("files", nargs="+", metavar="FILE")
    args = parser.parse_args()

    if args.command == "job":
        status = args.run.status()
        findings = args.run.judge_host() + (args.run.judge_job() if status is None else [])
        args.run.report(findings)
        return 1 if findings else status
    if args.command == "kernel":
        for line in args.run.judge_kernel():
            print(line)
        return 0
    if args.command == "flat":
        counts = judge_flat(args.files)
    else:
        names = pathlib.Path(args.names).read_text().split() if args.names else []
        counts = judge_runs(args.runs, names, args.repeat)
    print(counts)
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
