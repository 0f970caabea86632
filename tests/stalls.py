#!/usr/bin/env python3
"""Runs the built tests on a machine that is made slow and uneven, and says which of them do not bear it.

The test binaries are stopped (SIGSTOP) at random moments for up to some seconds while other processes burn the
processor. A test that fails here expects something within a time, or expects it first; it would fail one day on a
busy machine. Such a test is to wait for what it wants. This is a heavy run, not part of .ci/run.

It deliberately judges nothing: it lists the tests that failed, how often, and what each said the last time.
"""

import argparse
import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Of what one test says, enough to recognise it; documents of a megabyte are cut.
LINE = 600
LINES = 30


def built(cargo):
    """The test binaries, as cargo builds them: (name, path)."""
    command = ["cargo", "test", "--no-run", "--message-format=json", *cargo]
    out = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    messages = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [
        (m["target"]["name"], m["executable"])
        for m in messages
        if m.get("reason") == "compiler-artifact" and m["profile"]["test"] and m.get("executable")
    ]


def burn():
    """A process that does nothing but use the processor."""
    return subprocess.Popen([sys.executable, "-c", "while True: pass"])


def stall(process, args, done):
    """Stops and continues `process` until it has ended; the moments and lengths are random, in seconds."""
    while not done.wait(random.uniform(0, args.run)):
        try:
            process.send_signal(signal.SIGSTOP)
            done.wait(random.uniform(0, args.stop))
        finally:
            process.send_signal(signal.SIGCONT)


def run(path, args):
    """Runs one binary once, stalled. Returns its whole output and its exit status (None: it never ended)."""
    environment = {**os.environ, "CARGO_MANIFEST_DIR": ROOT, "RUST_BACKTRACE": "0"}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([path, *args.filters], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
        done = threading.Event()
        staller = threading.Thread(target=stall, args=(process, args, done))
        staller.start()
        try:
            status = process.wait(args.limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            done.set()
            staller.join()
            process.kill()
            process.wait()
        out.seek(0)
        return out.read().decode(errors="replace"), status


def failures(output):
    """The failed tests of one run and what each said."""
    said = {}
    for part in re.split(r"^---- (?=\S+ stdout ----$)", output, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        body = re.split(r"^failures:$", body, flags=re.M)[0]
        said[head.split(" ")[0]] = "\n".join(line[:LINE] for line in body.strip().splitlines()[:LINES])
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each binary is run")
    parser.add_argument("--copies", type=int, default=2, help="how many copies of it at once")
    parser.add_argument("--burners", type=int, default=2, help="how many processes use the processor beside them")
    parser.add_argument("--run", type=float, default=2.0, help="the longest time between two stalls, in seconds")
    parser.add_argument("--stop", type=float, default=3.0, help="the longest stall, in seconds")
    parser.add_argument("--limit", type=float, default=3600.0, help="how long one run may take, in seconds")
    parser.add_argument("--binary", action="append", help="a test binary that is built already (else cargo builds all)")
    parser.add_argument("--cargo", action="append", default=[], help="an option for cargo, e.g. --cargo=--no-default-features")
    parser.add_argument("filters", nargs="*", help="only the tests with one of these words in their names")
    args = parser.parse_args()

    binaries = [(os.path.basename(b), b) for b in args.binary] if args.binary else built(args.cargo)
    counts, last, odd = collections.Counter(), {}, []
    lock = threading.Lock()

    def once(name, path, number):
        began = time.monotonic()
        output, status = run(path, args)
        said = failures(output)
        with lock:
            for test, words in said.items():
                counts[name, test] += 1
                last[name, test] = words
            if status != 0 and not said:
                odd.append(f"{name}: ended with status {status}; the end of its output:\n{output[-2000:]}")
            took = time.monotonic() - began
            print(f"{name}, run {number}: {len(said)} failed, status {status}, {took:.0f} s {' '.join(said)}", flush=True)

    burners = [burn() for _ in range(args.burners)]
    try:
        for name, path in binaries:
            for number in range(args.rounds):
                copies = [threading.Thread(target=once, args=(name, path, f"{number + 1}.{c + 1}")) for c in range(args.copies)]
                for copy in copies:
                    copy.start()
                for copy in copies:
                    copy.join()
    finally:
        for burner in burners:
            burner.kill()

    for (name, test), count in counts.most_common():
        print(f"\n== {name} {test}: failed in {count} of {args.rounds * args.copies} runs; the last time it said\n{last[name, test]}")
    print(*odd, sep="\n")
    print(f"{len(counts)} tests failed at least once, {len(odd)} runs ended oddly")
    sys.exit(1 if counts or odd else 0)


if __name__ == "__main__":
    main()
