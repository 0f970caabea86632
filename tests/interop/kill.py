#!/usr/bin/env python3
"""Sudden death: kill -9 at random moments in a stream of requests, restart, and compare with what was acknowledged.

Every acknowledged operation must be there after the restart, a request must be there whole or not at all, and devices
whose dispatch ended while the gateway was down must be released. Only the standard library is used.

    python3 tests/interop/kill.py --rounds 50 [--program target/release/dergate] [--seed N]
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
import xml.etree.ElementTree as ET

from harness import FUNCTIONS, M, NS, PATIENCE, SOAP, free_ports

DEVICES = 8


class Refused(Exception):
    pass


class Gone(Exception):
    """The gateway died before it answered: the operation may be there or not."""


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


def wait_for(what, holds, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    raise SystemExit(f"not within {seconds} s: {what}")


class Soap:
    def __init__(self, base):
        self.base = base

    def post(self, path, noun, root, verb, body):
        text = (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><t:{root} xmlns:t="{NS}{noun}Message" xmlns:m="{M}">'
            f"<t:Header><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun><m:MessageID>{uuid.uuid4()}</m:MessageID></t:Header>"
            f"{body}</t:{root}></s:Body></s:Envelope>"
        )
        request = urllib.request.Request(
            self.base + path, text.encode(), {"Content-Type": "text/xml; charset=utf-8"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                reply = ET.fromstring(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from None
        except (OSError, urllib.error.URLError) as error:
            raise Gone(str(error)) from None
        except Exception as error:  # http.client raises its own kinds when the peer dies mid-answer
            raise Gone(str(error)) from None
        result = reply.find(f".//{{{M}}}Result")
        if result is None or result.text != "OK":
            raise Refused(ET.tostring(reply).decode())
        return reply

    def groups(self):
        """Every group: mRID -> (members, functions, minor version)."""
        q = NS + "DERGroupQueries#"
        body = f'<t:Request><q:DERGroupQueries xmlns:q="{q}"><q:EndDeviceGroup/></q:DERGroupQueries></t:Request>'
        reply = self.post("/get/queryDERGroups", "DERGroupQueries", "DERGroupQueriesRequestMessage", "get", body)
        g = "{" + NS + "DERGroups#}"
        found = {}
        for group in reply.iter(g + "EndDeviceGroup"):
            members = frozenset(e.findtext(g + "mRID") for e in group.findall(g + "EndDevices"))
            flags = group.find(g + "DERFunction")
            functions = frozenset(f for f in FUNCTIONS if flags.findtext(g + f) == "true")
            version = group.find(g + "version")
            minor = int(version.findtext(g + "minor")) if version is not None else 0
            found[group.findtext(g + "mRID")] = (members, functions, minor)
        return found


def group_xml(mrid, members, functions, minor, name=None):
    flags = ""
    if functions is not None:
        flags = "".join(f"<g:{f}>{'true' if f in functions else 'false'}</g:{f}>" for f in FUNCTIONS)
        flags = f"<g:DERFunction>{flags}</g:DERFunction>"
    devices = "".join(f"<g:EndDevices><g:mRID>{m}</g:mRID></g:EndDevices>" for m in sorted(members))
    names = f"<g:Names><g:name>{name}</g:name></g:Names>" if name else ""
    version = f"<g:version><g:major>1</g:major><g:minor>{minor}</g:minor></g:version>"
    return f"<g:EndDeviceGroup><g:mRID>{mrid}</g:mRID>{flags}{devices}{names}{version}</g:EndDeviceGroup>"


def groups_payload(inner):
    return f'<t:Payload><g:DERGroups xmlns:g="{NS}DERGroups#">{inner}</g:DERGroups></t:Payload>'


def dispatch_payload(mrid, group, kw, seconds):
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return (
        f'<t:Payload><d:DERGroupDispatches xmlns:d="{NS}DERGroupDispatches#"><d:DERGroupDispatch><d:mRID>{mrid}</d:mRID>'
        f"<d:EndDeviceGroup><d:mRID>{group}</d:mRID><d:DERMonitorableParameter><d:DERParameter>activePower</d:DERParameter>"
        f"<d:yMultiplier>k</d:yMultiplier><d:yUnit>W</d:yUnit><d:DispatchSchedule>"
        f"<d:curveStyleKind>constantYValue</d:curveStyleKind><d:startTime>{start}</d:startTime>"
        f"<d:timeIntervalDuration>{seconds}</d:timeIntervalDuration><d:timeIntervalUnit>s</d:timeIntervalUnit>"
        f"<d:DERCurveData><d:intervalNumber>1</d:intervalNumber><d:nominalYValue>{kw}</d:nominalYValue></d:DERCurveData>"
        f"</d:DispatchSchedule></d:DERMonitorableParameter></d:EndDeviceGroup></d:DERGroupDispatch>"
        f"</d:DERGroupDispatches></t:Payload>"
    )


class Client:
    """Sends operations one after another and keeps what was acknowledged, and the one that was not answered."""

    def __init__(self, soap, devices, rng):
        self.soap, self.devices, self.rng = soap, devices, rng
        self.groups = {}
        self.dispatches = []
        self.doubt = None
        self.acknowledged = 0

    def one(self):
        choice = self.rng.random()
        if len(self.groups) < 3 or choice < 0.35:
            self.create()
        elif choice < 0.6:
            self.change()
        elif choice < 0.8:
            self.dispatch()
        else:
            self.delete()
        self.acknowledged += 1

    def create(self):
        new = {}
        for _ in range(self.rng.randint(1, 4)):
            members = frozenset(self.rng.sample(self.devices, self.rng.randint(1, 4)))
            functions = frozenset(["realPowerDispatch"] + self.rng.sample(FUNCTIONS, 2))
            new[str(uuid.uuid4())] = (members, functions, 0)
        inner = "".join(group_xml(k, *v, name=f"G-{k}") for k, v in new.items())
        self.doubt = ("create", new)
        self.soap.post("/create/executeDERGroups", "DERGroups", "CreateDERGroups", "create", groups_payload(inner))
        self.groups.update(new)
        self.doubt = None

    def change(self):
        changed = {}
        for key in self.rng.sample(sorted(self.groups), min(2, len(self.groups))):
            members, functions, minor = self.groups[key]
            changed[key] = (members | {self.rng.choice(self.devices)}, functions, minor + 1)
        inner = "".join(group_xml(k, v[0], None, v[2]) for k, v in changed.items())
        self.doubt = ("change", changed)
        self.soap.post("/change/executeDERGroups", "DERGroups", "ChangeDERGroups", "change", groups_payload(inner))
        self.groups.update(changed)
        self.doubt = None

    def delete(self):
        keys = self.rng.sample(sorted(self.groups), min(2, len(self.groups)))
        inner = "".join(f"<g:EndDeviceGroup><g:mRID>{k}</g:mRID></g:EndDeviceGroup>" for k in keys)
        self.doubt = ("delete", keys)
        self.soap.post("/change/executeDERGroups", "DERGroups", "DeleteDERGroups", "delete", groups_payload(inner))
        for key in keys:
            del self.groups[key]
        self.doubt = None

    def dispatch(self):
        group, mrid = self.rng.choice(sorted(self.groups)), str(uuid.uuid4())
        seconds = self.rng.choice([2, 3, 4])
        self.doubt = ("dispatch", mrid)
        self.soap.post(
            "/create/executeDERGroupDispatches", "DERGroupDispatches", "CreateDERGroupDispatches", "create",
            dispatch_payload(mrid, group, self.rng.randint(1, 20), seconds),
        )
        self.dispatches.append(mrid)
        self.doubt = None

    def stream(self, ended):
        try:
            while True:
                self.one()
        except Gone:
            pass
        except Exception as error:  # seen by the main thread: a refusal here is a failure of the test
            ended.append(error)

    def settle(self, found):
        """Decides the operation in doubt by what is there: whole, or not at all."""
        if self.doubt is None:
            return
        kind, what = self.doubt
        self.doubt = None
        if kind == "create":
            there = [k for k in what if k in found]
            check(len(there) in (0, len(what)), f"half of a create is there: {there} of {list(what)}")
            if there:
                self.groups.update(what)
        elif kind == "change":
            done = [k for k, v in what.items() if found.get(k) == v]
            undone = [k for k in what if found.get(k) == self.groups[k]]
            check(len(done) in (0, len(what)) or len(undone) == len(what), f"half of a change is there: {done}")
            if len(done) == len(what):
                self.groups.update(what)
        elif kind == "delete":
            gone = [k for k in what if k not in found]
            check(len(gone) in (0, len(what)), f"half of a delete is there: {gone} of {what}")
            for key in gone:
                del self.groups[key]


def check(holds, text):
    if not holds:
        raise SystemExit(f"FAILED: {text}")


def write_files(folder, ports):
    plant, config = os.path.join(folder, "plant.toml"), os.path.join(folder, "gateway.toml")
    mrids = [str(uuid.uuid5(uuid.NAMESPACE_DNS, f"kill-{i}")) for i in range(DEVICES)]
    kinds = ["pv", "pv-700", "storage", "storage-700"]
    with open(plant, "w") as f:
        f.write(f'[control]\nlisten = "127.0.0.1:{ports["control"]}"\n')
        for i, mrid in enumerate(mrids):
            kind = kinds[i % len(kinds)]
            f.write(f'\n[[sunspec]]\nname = "D-{i}"\nmrid = "{mrid}"\nkind = "{kind}"\nrated_w = 10000\n')
            f.write(f'listen = "127.0.0.1:{ports["devices"][i]}"\n')
            f.write("energy_wh = 20000\n" if kind.startswith("storage") else "irradiance = 0.9\n")
    with open(config, "w") as f:
        f.write(f'[gateway]\nname = "kill"\ndata_dir = "{folder}/data"\n')
        f.write(f'[northbound]\nlisten = "127.0.0.1:{ports["north"]}"\n[admin]\nlisten = "127.0.0.1:{ports["admin"]}"\n')
        for i, mrid in enumerate(mrids):
            f.write(f'[[device]]\nmrid = "{mrid}"\nname = "D-{i}"\npoll = "200ms"\n')
            f.write(f'link = "modbus+tcp://127.0.0.1:{ports["devices"][i]}"\n')
    return plant, config, mrids


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--program", default="target/release/dergate")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    rng = random.Random(args.seed)
    print(f"kill -9 test: {args.rounds} rounds, seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="dergate-kill-") as folder:
        free = free_ports(3 + DEVICES)
        ports = dict(zip(("control", "north", "admin"), free), devices=free[3:])
        plant_file, config, mrids = write_files(folder, ports)
        log = open(os.path.join(folder, "log"), "w")
        plant = subprocess.Popen([args.program, "simulate", plant_file], stdout=log, stderr=log)
        gateway = None
        control, admin = f"http://127.0.0.1:{ports['control']}", f"http://127.0.0.1:{ports['admin']}"
        try:
            wait_for("the plant", lambda: len(get(control + "/devices")) == DEVICES)
            client = Client(Soap(f"http://127.0.0.1:{ports['north']}/61968-5"), mrids, rng)
            total = released = 0

            def start():
                process = subprocess.Popen([args.program, "run", "--config", config], stdout=log, stderr=log)
                wait_for("the gateway", lambda: urllib.request.urlopen(admin + "/readyz", timeout=PATIENCE).status == 200)
                return process

            for number in range(args.rounds + 1):
                gateway = start()
                found = client.soap.groups()
                client.settle(found)
                check(found == client.groups, difference(found, client.groups))
                status = get(admin + "/status.json")
                known = {d["mrid"] for d in status["dispatches"]}
                lost = [d for d in client.dispatches[-50:] if d not in known]
                check(not lost, f"acknowledged dispatches are gone: {lost}")
                if number == args.rounds:
                    break
                wait_for("devices online", lambda: all(d["state"] == "online" for d in get(admin + "/status.json")["devices"]))
                ended = []
                before = client.acknowledged
                sender = threading.Thread(target=client.stream, args=(ended,))
                sender.start()
                time.sleep(rng.uniform(0.02, 0.6))
                gateway.send_signal(signal.SIGKILL)
                gateway.wait()
                sender.join()
                check(not ended, f"an operation was refused: {ended}")
                total += client.acknowledged - before
                # Every third time long enough for every dispatch to end meanwhile.
                if number % 3 == 2:
                    time.sleep(5)
                    gateway = start()
                    held = lambda: [d["name"] for d in get(control + "/devices") if d["held"]]
                    wait_for("release of devices whose dispatch ended meanwhile", lambda: not held())
                    ends = lambda: all(d["state"] == "ended" for d in get(admin + "/status.json")["dispatches"])
                    wait_for("dispatches ended", ends)
                    released += 1
                    gateway.send_signal(signal.SIGKILL)
                    gateway.wait()
            print(f"kill -9 test: {args.rounds} kills, {total} operations acknowledged, none lost, none half-done;")
            print(f"kill -9 test: {released} restarts after every dispatch had ended: every device released")
        except BaseException:
            log.flush()
            sys.stderr.write("".join(open(log.name).readlines()[-40:]))
            raise
        finally:
            for process in (gateway, plant):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()


def difference(found, expected):
    lines = [f"missing {k}" for k in expected.keys() - found.keys()]
    lines += [f"too many {k}" for k in found.keys() - expected.keys()]
    lines += [f"differs {k}: {found[k]} instead of {expected[k]}" for k in found.keys() & expected.keys() if found[k] != expected[k]]
    return "; ".join(lines)


if __name__ == "__main__":
    main()
