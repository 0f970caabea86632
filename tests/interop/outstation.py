#!/usr/bin/env python3
"""DNP3 against an outstation that no one here wrote: dnp3py's IEEE 1815.2 simulator, read and dispatched by the gateway.

    python outstation.py FOLDER --program target/debug/dergate

What it is: some 3100 points of the full profile; AI0 says 110; analog outputs are mirrored to their inputs, binary outputs are not
(so that an enable is accepted and cannot be verified); it answers polls and never reports by itself; one connection at a
time. As it starts, every measurement is "no value" and it supports nothing: what a device shows is set from here.
It reports the change of a binary output as that of the binary input with the same index (g2 for g11); the next reading of
everything puts that right. So what its inputs say after a command is not looked at here.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from harness import PATIENCE, Checks, free_ports, get, same, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PV, STORAGE = "3c7b3ff0-5d0e-4d0a-8f00-0000000000a1", "3c7b3ff0-5d0e-4d0a-8f00-0000000000a2"
GROUPS = {"PV": ("3c7b3ff0-5d0e-4d0a-8f00-0000000000b1", [PV]), "ESS": ("3c7b3ff0-5d0e-4d0a-8f00-0000000000b2", [STORAGE])}
OUTSTATION, MASTER = 1024, 1
# The words for a command that the device took and does not show.
ACCEPTED = "accepted, not verified"
# A device at work. Raw values of the profile: 0.1 V, 0.001 Hz, W, var.
METER = {536: 50_000, 537: 6_000, 541: 400, 545: 99, 546: 6_013, 547: 2_301, 549: 2_302, 551: 2_303, 553: 3_990}
CURRENTS = (554, 555, 556)
# What stands for "no value".
NOTHING = -2_147_483_648
RATED = {4: 10_000, 14: 10_000, 32: 10_000, 34: 4_400, 35: -4_400, 36: 10_000}
CHARGES = {5: -10_000, 15: -10_000, 33: -10_000, 37: -10_000, 47: 500, 48: 500, 16: 20_000, 17: 20_000, 18: 20_000}
RUNS = {14: True, 19: True, 23: True, 36: True, 46: True, 47: True, 16: True, 17: True}


class Peer:
    """An outstation, and the way to its points."""

    def __init__(self, folder, name, port, control=None):
        self.name, self.port, self.control = name, port, control
        module = ["-m", "dnp3.mesa"] if control is None else [os.path.join(HERE, "dnp3_peer.py"), "--control", str(control)]
        told = ["--host", "127.0.0.1", "--port", str(port), "--address", str(OUTSTATION), "--master-address", str(MASTER)]
        self.log = open(os.path.join(folder, f"{name}.log"), "w")
        self.process = subprocess.Popen([sys.executable, "-u", *module, *told], stdout=self.log, stderr=subprocess.STDOUT)
        self.wire = None

    def link(self, **more):
        told = {"outstation": OUTSTATION, "master": MASTER, **more}
        return f"dnp3+tcp://127.0.0.1:{self.port}?" + "&".join(f"{k}={v}" for k, v in told.items())

    def ready(self):
        with open(self.log.name) as f:
            if "Entities" not in f.read():
                return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.control or self.port), timeout=PATIENCE) as wire:
            if self.control is not None:
                self.wire = wire.dup()
            return True
        return False

    def tell(self, **points):
        """Sets points; tells what it holds."""
        self.wire.sendall(json.dumps(points).encode() + b"\n")
        told = b""
        while not told.endswith(b"\n"):
            part = self.wire.recv(1 << 16)
            assert part, f"{self.name} hung up"
            told += part
        return json.loads(told)

    def held(self):
        return self.tell()

    def at_work(self, storage):
        """Shows a device that delivers 6 kW, connected; as a device would, before anybody asks."""
        self.tell(ai={**RATED, **METER, **dict.fromkeys(CURRENTS, 87), **(CHARGES if storage else {})}, bi={**RUNS, 37: storage}, bo={5: True})

    def commands(self, since):
        """What it was told and took, without the selects: AO88=300."""
        told = [c for c in self.held()["commands"] if c[0] != "select"]
        return [f"{point}={value if isinstance(value, str) else int(value)} {took}" for _, point, value, took in told[since:]]

    def count(self):
        return len([c for c in self.held()["commands"] if c[0] != "select"])

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Run:
    """A gateway of its own and the outstations."""

    def __init__(self, folder, program):
        self.folder, self.program = folder, program
        ports = free_ports(11)
        self.north, self.admin = ports[:2]
        self.pv = Peer(folder, "pv", ports[2], ports[3])
        self.storage = Peer(folder, "storage", ports[4], ports[5])
        self.tools = Peer(folder, "tools", ports[6], ports[7])
        # As it comes.
        self.plain = Peer(folder, "plain", ports[8])
        self.switch = Peer(folder, "switch", ports[9], ports[10])
        self.peers = [self.pv, self.storage, self.tools, self.switch, self.plain]
        self.gateway = None

    def start(self):
        for peer in self.peers:
            wait_for(f"{peer.name} is there", peer.ready)
        self.pv.at_work(storage=False)
        self.pv.tell(ai=dict.fromkeys(CURRENTS, NOTHING))
        self.storage.at_work(storage=True)
        self.tools.at_work(storage=False)
        self.switch.at_work(storage=False)
        config = os.path.join(self.folder, "dnp3.toml")
        with open(config, "w") as f:
            f.write('[gateway]\nname = "dnp3"\ndata_dir = "dnp3-data"\n')
            f.write(f'[northbound]\nlisten = "127.0.0.1:{self.north}"\n[admin]\nlisten = "127.0.0.1:{self.admin}"\n')
            for mrid, peer in ((PV, self.pv), (STORAGE, self.storage)):
                f.write(f'[[device]]\nmrid = "{mrid}"\nname = "{peer.name}"\nlink = "{peer.link()}"\n')
            for name, (mrid, members) in GROUPS.items():
                f.write(f'[[group]]\nmrid = "{mrid}"\nname = "{name}"\nmembers = {json.dumps(members)}\n')
                f.write('functions = ["connectDisconnect", "maxRealPowerLimiting", "realPowerDispatch"]\n')
        self.check = subprocess.run([self.program, "check", config], capture_output=True, text=True)
        log = open(os.path.join(self.folder, "dnp3.log"), "w")
        self.gateway = subprocess.Popen([self.program, "run", "--config", config], stdout=log, stderr=subprocess.STDOUT)

    def device(self, mrid):
        status = get(f"http://127.0.0.1:{self.admin}/status.json")
        return next(d for d in status["devices"] if d["mrid"] == mrid)

    def value(self, mrid, quantity):
        return self.device(mrid)["values"].get(quantity, {})

    def shares(self, group):
        status = get(f"http://127.0.0.1:{self.admin}/status.json")
        return [s for d in status["dispatches"] if d["group_name"] == group for s in d["shares"]]

    def command(self, *args, expects=0, stdin=""):
        """One command of the program; its output if it ends as expected."""
        done = subprocess.run([self.program, *args], capture_output=True, text=True, input=stdin, timeout=PATIENCE)
        if done.returncode != expects:
            raise AssertionError(f"{args} ended with {done.returncode}, not {expects}: {done.stdout[-800:]}{done.stderr[-800:]}")
        return done

    def stop(self):
        if self.gateway:
            self.gateway.send_signal(signal.SIGTERM)
            same(self.gateway.wait(timeout=PATIENCE), 0, "exit status of the gateway")
            self.gateway = None
        for peer in self.peers:
            peer.stop()


def near(told, expected, off=0.01):
    assert told is not None and abs(told - expected) <= off, f"{told} instead of {expected}"


def readings(run, check):
    with check.case("three lines of configuration are enough"):
        same(run.check.returncode, 0, f"check says {run.check.stdout}{run.check.stderr}; its exit status")

    with check.case("found, and read whole: integrity in several fragments"):
        wait_for("both read", lambda: [run.device(m)["state"] for m in (PV, STORAGE)] == ["degraded", "online"])
        wait_for("active power good", lambda: run.value(PV, "activePower").get("quality") == "good")

    with check.case("readings with unit and sign"):
        values = run.device(PV)["values"]
        for quantity, told in {"activePower": 6_000, "reactivePower": 400, "apparentPower": 6_013, "frequency": 50.0}.items():
            near(values[quantity]["value"], told)
            same(values[quantity]["quality"], "good", f"quality of {quantity}")
        same(values["activePower"]["unit"], "W", "unit")

    with check.case("a value that it does not have is said, and not shown as 0"):
        device = run.device(PV)
        assert "no value" in device["reason"] and "current_a" in device["reason"], device["reason"]
        same((device["values"]["current"]["value"], device["values"]["current"]["quality"]), (None, "invalid"), "current")
        run.pv.tell(ai=dict.fromkeys(CURRENTS, 87))
        wait_for("online", lambda: run.device(PV)["state"] == "online")
        near(run.value(PV, "current")["value"], 26.1)

    with check.case("nameplate from its points"):
        plate = run.device(PV)["nameplate"]
        near(plate["active_power_max"], 10_000)
        near(plate["apparent_power_max"], 10_000)
        near(run.device(STORAGE)["nameplate"]["charge_max"], 10_000)
        near(run.value(STORAGE, "stateOfCharge")["value"], 50.0)


def events(run, check):
    with check.case("a change comes as an event"):
        for watts in (5_200, -300, 6_400):
            run.pv.tell(ai={537: watts})
            wait_for(f"{watts} W is shown", lambda: run.value(PV, "activePower").get("value") == watts)

    with check.case("no value is told as such, and comes back"):
        run.pv.tell(ai={537: NOTHING})
        wait_for("not good", lambda: run.value(PV, "activePower").get("quality") != "good")
        run.pv.tell(ai={537: 6_000})
        wait_for("good again", lambda: run.value(PV, "activePower").get("quality") == "good")
        near(run.value(PV, "activePower")["value"], 6_000)

    with check.case("an alarm is in the sequence of events"):
        # Without a time of its own: dnp3py sends g2v1.
        run.pv.tell(bi={2: True})
        wait_for("told", lambda: run.device(PV)["events"])
        assert any(e["clock"] == "gateway" and e["value"] == "on" for e in run.device(PV)["events"]), run.device(PV)["events"]
        print(f"dnp3: its events: {run.device(PV)['events'][:3]}")
        run.pv.tell(bi={2: False})

    with check.case("local mode holds commands back"):
        run.storage.tell(bi={10: True})
        wait_for("said", lambda: "local" in run.device(STORAGE)["reason"].lower())
        run.storage.tell(bi={10: False})
        wait_for("over", lambda: "local" not in run.device(STORAGE)["reason"].lower())


def follow(run, peer, group, watts, commands):
    """Sends a dispatch; the outstation gets these commands, and its measurement follows as a device's would."""
    since = peer.count()
    run.command("dispatch", "--group", group, "--active-power", f"{watts}W", "--for", "5m", "--url", f"http://127.0.0.1:{run.north}")
    wait_for(f"{group} is asked", lambda: any(c.startswith(commands[-1]) for c in peer.commands(since)))
    told = peer.commands(since)
    print(f"dnp3: {group} to {watts} W: {', '.join(told)}")
    for command in commands:
        assert any(c.startswith(command + " ") for c in told), f"{command} is not in {told}"
    places = [next(n for n, c in enumerate(told) if c.startswith(command + " ")) for command in commands]
    same(places, sorted(places), "the order of the commands")
    assert all(c.endswith(" SUCCESS") for c in told), f"refused: {told}"
    peer.tell(ai={537: watts})
    return told


def dispatches(run, check):
    with check.case("a limit arrives: settings first, both limits, reversion, enable last"):
        told = follow(run, run.pv, "PV", 3_000, ["AO88=300", "BO17=LATCH_ON"])
        assert any(c.startswith("AO87=") for c in told), f"the limit on charging is not written: {told}"
        reversion = [c for c in told if c.startswith("AO85=")]
        assert reversion and not reversion[0].startswith("AO85=0 "), f"no reversion: {told}"
        same(run.pv.held()["ai"]["149"], 300, "AI149")
        same(run.pv.held()["bo"]["17"], True, "BO17")

    with check.case("its enable is accepted and cannot be verified, and is shown as that"):
        wait_for("outcome", lambda: [s for s in run.shares("PV") if s["outcome"] not in ("waiting", "sent")])
        wait_for(ACCEPTED, lambda: any(ACCEPTED in f"{s['outcome']} {s['reason']}" for s in run.shares("PV")))
        shown = run.command("status", "--url", f"http://127.0.0.1:{run.admin}").stdout
        assert ACCEPTED in shown, shown
        print(f"dnp3: {run.shares('PV')}")

    with check.case("a set point arrives, with its sign"):
        follow(run, run.storage, "ESS", -2_500, ["AO93=-250", "BO18=LATCH_ON"])
        same(run.storage.held()["ai"]["154"], -250, "AI154")
        wait_for(ACCEPTED, lambda: any(ACCEPTED in f"{s['outcome']} {s['reason']}" for s in run.shares("ESS")))

    with check.case("the gateway goes on after its commands"):
        for mrid in (PV, STORAGE):
            same(run.value(mrid, "activePower")["quality"], "good", "quality of the active power")


def tools(run, check):
    link = run.tools.link()
    with check.case("probe: who it is, its map, live values"):
        told = json.loads(run.command("probe", link, "--json").stdout)
        text = json.dumps(told)
        assert "dnp3-ieee1815-2" in text, f"the map is not named: {text[:600]}"
        assert "6000" in text, "its active power is not there"
        assert "6000" in run.command("probe", link).stdout, "nor in words"

    with check.case("probe --trace shows decoded objects"):
        trace = run.command("probe", link, "--trace").stderr
        assert "g30" in trace.lower() or "Group30" in trace, trace[:600]

    with check.case("read: one point by address, several in one command"):
        told = json.loads(run.command("read", link, "AI537", "AI536", "BI23", "--json").stdout)
        text = json.dumps(told)
        assert "6000" in text and "50" in text, text

    with check.case("read: an index that is not there fails"):
        run.command("read", link, "AI60000", expects=1)

    with check.case("write: an output, after a yes; not without"):
        since = run.tools.count()
        run.command("write", link, "AO88=400", "--dry-run")
        same(run.tools.commands(since), [], "commands after a dry run")
        run.command("write", link, "AO88=400", "--yes")
        same(run.tools.commands(since), ["AO88=400 SUCCESS"], "commands")

    with check.case("write: what the outstation refuses is said and fails"):
        refused = run.command("write", link, "AO88=5000", "--yes", "--beyond-range", expects=1)
        assert "OUT_OF_RANGE" in refused.stdout + refused.stderr, refused.stderr

    with check.case("record: every point"):
        file = os.path.join(run.folder, "outstation.json")
        run.command("record", link, "-o", file)
        with open(file) as f:
            size = f.read()
        assert size.count("537") >= 1 and len(size) > 20_000, f"{len(size)} bytes"
        run.command("probe", "--from", file)

    with check.case("control: a limit by hand"):
        since = run.tools.count()
        ended = run.command("control", link, "limit_active_power", "40%", "--yes", "--watch", "0").stdout
        assert ACCEPTED in ended and "read back as written" not in ended, ended
        told = run.tools.commands(since)
        assert "AO88=400 SUCCESS" in told and told[-1] == "BO17=LATCH_ON SUCCESS", told

    with check.case("as it comes: found, nothing measured, a limit refused before anything is written"):
        plain = run.command("probe", run.plain.link()).stdout
        assert "dnp3-ieee1815-2" in plain, plain[:600]
        refused = run.command("control", run.plain.link(), "limit_active_power", "40%", "--yes", "--watch", "0", expects=1)
        print(f"dnp3: as it comes: {(refused.stdout + refused.stderr).strip().splitlines()[-1]}")

    with check.case("exit status: nothing answers, wrong use"):
        [free] = free_ports(1)
        run.command("probe", f"dnp3+tcp://127.0.0.1:{free}?outstation=1&master=2", expects=3)
        run.command("probe", run.tools.link(outstation=77), "--timeout", "1s", expects=3)
        run.command("probe", "dnp3+tcp://127.0.0.1:1?outstation=70000", expects=2)
        refused = run.command("read", link, "XX5", expects=1)
        assert "no point is named" in refused.stderr, refused.stderr


class Ceasing(threading.Thread):
    """Disconnects an outstation and connects it again, which takes as long as its map grants a stop and a start: beside the others."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.site, self.ends = run, {}

    def run(self):
        peer = self.site.switch
        # What it shows before each is not what is wanted, and dnp3py changes no input by itself.
        for command, shows in (("disconnect", {16: False, 17: False}), ("connect", {14: False, 15: True})):
            peer.tell(bi=shows)
            args = [self.site.program, "control", peer.link(), command, "--yes", "--watch", "0"]
            self.ends[command] = subprocess.run(args, capture_output=True, text=True, timeout=2 * PATIENCE)


def ceased(run, check, ceasing):
    with check.case("control: disconnect and connect arrive, permissions first, and cannot be verified"):
        ceasing.join(timeout=4 * PATIENCE)
        same(list(ceasing.ends), ["disconnect", "connect"], "what ended")
        for command, end in ceasing.ends.items():
            same(end.returncode, 0, f"{command} says {end.stdout[-600:]}{end.stderr[-600:]}; its exit status")
            assert "not verified" in end.stdout + end.stderr, f"{command}: {end.stdout}"
        switches = [c for c in run.switch.commands(0) if c.startswith("BO")]
        same(switches, [f"BO{n}=LATCH_ON SUCCESS" for n in (4, 2, 3, 1)], "switches")


def away(run, check):
    with check.case("gone and back: shown, and read again"):
        run.pv.stop()
        wait_for("not online", lambda: run.device(PV)["state"] == "comm_lost")
        quality = run.value(PV, "activePower").get("quality")
        assert quality != "good", f"its power is still {quality}"
        same(run.device(STORAGE)["state"], "online", "the other")
        again = Peer(run.folder, "pv-again", run.pv.port, run.pv.control)
        run.peers[0] = run.pv = again
        wait_for("back", again.ready)
        again.at_work(storage=False)
        wait_for("online", lambda: run.device(PV)["state"] == "online")
        wait_for("good", lambda: run.value(PV, "activePower").get("quality") == "good")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", default=None)
    arguments.add_argument("--program", default="target/debug/dergate")
    told = arguments.parse_args()
    folder = told.folder or tempfile.mkdtemp(prefix="dergate-dnp3-")
    check = Checks("dnp3", folder)
    run = Run(folder, os.path.realpath(told.program))
    try:
        run.start()
        ceasing = Ceasing(run)
        ceasing.start()
        for part in (readings, events, dispatches, tools, away):
            part(run, check)
        ceased(run, check, ceasing)
    except BaseException:
        for name in ("dnp3.log", "pv.log"):
            with contextlib.suppress(OSError), open(os.path.join(folder, name)) as f:
                print(f"--- end of {name}\n{''.join(f.readlines()[-40:])}")
        raise
    finally:
        with check.case("ends in order"):
            run.stop()
    check.end()


if __name__ == "__main__":
    main()
