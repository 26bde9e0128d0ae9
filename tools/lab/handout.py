#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Hands tests out to emulated hosts, which ask for the next one when they are done.

A host asks with a line, "next" or "next failed", on a virtio port that QEMU connects to the
socket "queue" in its run, and gets the name of a test, or an empty line when there is none
left for it. What a host was given is in the file "manifest" of its run.
"""
import argparse
import asyncio
import os
import pathlib

LIST = pathlib.Path(__file__).resolve().parents[1] / "test/selftests/LIST"



def manifest():
    """Of each test the seconds that it may take, and the marks that LIST explains."""
    tests = {}
    for line in LIST.read_text().splitlines():
        if line and not line.startswith("#"):
            name, limit, *_ = line.split()
            seconds, *marks = limit.split(",")
            tests[name] = int(seconds), set(marks)
    return tests


class Queue:
    """The tests that nobody has yet, those that may take longest first. Of the runs, those
    in @counted are of hosts whose clock counts instructions."""

    def __init__(self, names, repeat, runs, counted):
        self.tests = manifest()
        ordered = sorted(names, key=lambda name: -self.tests[name][0])
        self.left = [name for _ in range(repeat) for name in ordered]
        self.stop_at_failure = repeat > 1
        # Where all hosts are of one kind they take everything.
        self.counted = counted if len(counted) < len(runs) else None
        self.full_run = None

    def fits(self, name, run):
        marks = self.tests[name][1]
        if self.counted is not None and ("counted" in marks) != (run in self.counted):
            return False
        return "full" not in marks or self.full_run in (None, run)

    def next(self, run, failed):
        if failed and self.stop_at_failure:
            self.left = []
        name = next((name for name in self.left if self.fits(name, run)), "")
        if not name:
            return ""
        if "full" in self.tests[name][1]:
            self.full_run = run
        self.left.remove(name)
        with (run / "manifest").open("a") as given:
            print(name, file=given)
        return name


async def serve(queue, runs):
    def answer(run):
        async def talk(reader, writer):
            while line := await reader.readline():
                name = queue.next(run, line.strip() == b"next failed")
                writer.write(f"{name}\n".encode())
                await writer.drain()
        return talk

    for run in runs:
        (run / "manifest").touch()
        os.chdir(run)	# the name of a socket may have 107 bytes
        await asyncio.start_unix_server(answer(run), "queue.new")
        os.rename("queue.new", "queue")
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", metavar="N", type=int, default=1,
                        help="hand out each test so often, until one fails")
    parser.add_argument("names", metavar="NAMES", type=pathlib.Path, help="file with the names")
    parser.add_argument("runs", metavar="RUN", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    counted = [run for run in args.runs if (run / "counted").exists()]
    queue = Queue(args.names.read_text().split(), args.repeat, args.runs, counted)
    asyncio.run(serve(queue, args.runs))


if __name__ == "__main__":
    main()
