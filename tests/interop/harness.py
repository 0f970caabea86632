"""What every interoperability check shares: the plant and gateway files, where things listen, counting, raw posts.

    python harness.py prepare FOLDER     writes plant.toml, gateway.toml and place.json with free ports
    python harness.py wait FOLDER        waits until the gateway is ready and every device is online

Starts no process: run.sh does. Only the standard library is used.
"""

import contextlib
import json
import os
import random
import socket
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

NS = "http://iec.ch/TC57/2017/"
M = "http://iec.ch/TC57/2011/schema/message"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
FUNCTIONS = [
    "connectDisconnect", "frequencyWattCurveFunction", "maxRealPowerLimiting", "rampRateControl",
    "reactivePowerDispatch", "realPowerDispatch", "voltageRegulation", "voltVarCurveFunction", "voltWattCurveFunction",
]
# The first three are the devices that the examples of the reference name.
DEVICES = [f"1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f4{n:02}" for n in range(1, 9)]
KINDS = ["pv", "pv-700", "storage", "storage-700", "pv-float", "pv-single", "pv", "storage"]
# Longest a request may take to arrive at the gateway under test: short, so that slow senders are seen to be cut off.
# Longer than a busy machine may stall in the middle of a request that is meant well.
REQUEST_TIMEOUT = 6

# Longest wait for anything that is to come, in seconds: only a failure takes as long, however busy the machine is.
PATIENCE = 120


class Place:
    """Where the gateway under test is."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "place.json")) as f:
            told = json.load(f)
        self.north, self.admin, self.control = told["north"], told["admin"], told["control"]
        self.url = f"http://127.0.0.1:{self.north}/61968-5"

    def status(self):
        return get(f"http://127.0.0.1:{self.admin}/status.json")

    def plant(self):
        return get(f"http://127.0.0.1:{self.control}/devices")

    def log(self):
        with open(os.path.join(self.folder, "gateway.log"), errors="replace") as f:
            return f.read()

    def resident(self):
        """Memory of the gateway in KiB."""
        with open(os.path.join(self.folder, "gateway.pid")) as f:
            pid = f.read().strip()
        with open(f"/proc/{pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def post(self, path, body, headers=None):
        """Posts bytes; gives HTTP status and body, also of a refusal."""
        given = {"Content-Type": "text/xml; charset=utf-8", **(headers or {})}
        request = urllib.request.Request(self.url + path, body if isinstance(body, bytes) else body.encode(), given)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


class Checks:
    """Counts cases; a case that raises has failed and the others go on."""

    def __init__(self, title, folder):
        self.title, self.folder, self.passed, self.failed = title, folder, 0, 0

    @contextlib.contextmanager
    def case(self, name):
        try:
            yield
        except Exception as error:  # a check that fails is one line of the result, not the end of the run
            self.failed += 1
            print(f"{self.title}: FAILED: {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc(limit=-3)
        else:
            self.passed += 1
            print(f"{self.title}: ok: {name}", flush=True)

    def end(self):
        with open(os.path.join(self.folder, "counts"), "a") as f:
            f.write(f"{self.passed} {self.failed}\n")
        sys.exit(1 if self.failed else 0)


def same(told, expected, what="value"):
    if told != expected:
        raise AssertionError(f"{what} is {told!r}; expected {expected!r}")


def get_bytes(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read()


def get(url):
    return json.loads(get_bytes(url))


def wait_for(what, holds, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (OSError, urllib.error.URLError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}" + (f" ({last})" if last else ""))


def header(verb, noun, message_id=None, correlation_id=None):
    ids = f"<m:MessageID>{message_id or uuid.uuid4()}</m:MessageID>"
    if correlation_id:
        ids += f"<m:CorrelationID>{correlation_id}</m:CorrelationID>"
    return f"<t:Header><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun>{ids}</t:Header>"


def envelope(root, family, inner):
    """A SOAP message with the prefixes t (message), m (envelope parts) and o (objects of the family)."""
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><t:{root} xmlns:t="{NS}{family}Message" xmlns:m="{M}" '
        f'xmlns:o="{NS}{family}#">{inner}</t:{root}></s:Body></s:Envelope>'
    )


def flags(*on):
    return "<o:DERFunction>" + "".join(f"<o:{f}>{str(f in on).lower()}</o:{f}>" for f in FUNCTIONS) + "</o:DERFunction>"


def free_ports(count):
    """Free ports, each once, below those that the kernel gives to outgoing connections: nobody takes them meanwhile."""
    sockets = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        with contextlib.suppress(OSError):
            sockets.append(socket.create_server(("127.0.0.1", port)))
        if len(sockets) == count:
            break
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def prepare(folder):
    north, admin, control, *ports = free_ports(3 + len(DEVICES))
    with open(os.path.join(folder, "place.json"), "w") as f:
        json.dump({"north": north, "admin": admin, "control": control}, f)
    with open(os.path.join(folder, "plant.toml"), "w") as f:
        f.write(f'[control]\nlisten = "127.0.0.1:{control}"\n')
        for mrid, kind, port in zip(DEVICES, KINDS, ports, strict=True):
            f.write(f'\n[[sunspec]]\nname = "D-{mrid[-2:]}"\nmrid = "{mrid}"\nkind = "{kind}"\nrated_w = 10000\n')
            f.write(f'listen = "127.0.0.1:{port}"\n')
            f.write("energy_wh = 20000\n" if kind.startswith("storage") else "irradiance = 0.9\n")
    with open(os.path.join(folder, "gateway.toml"), "w") as f:
        f.write('[gateway]\nname = "interop"\ndata_dir = "data"\n')
        f.write(f'[northbound]\nlisten = "127.0.0.1:{north}"\nrequest_timeout = "{REQUEST_TIMEOUT}s"\n')
        f.write(f'[admin]\nlisten = "127.0.0.1:{admin}"\n')
        for mrid, port in zip(DEVICES, ports, strict=True):
            f.write(f'[[device]]\nmrid = "{mrid}"\nname = "D-{mrid[-2:]}"\npoll = "200ms"\n')
            f.write(f'link = "modbus+tcp://127.0.0.1:{port}"\n')


def wait(folder):
    place = Place(folder)
    ready = f"http://127.0.0.1:{place.admin}/readyz"
    wait_for("the gateway is ready", lambda: urllib.request.urlopen(ready, timeout=PATIENCE).status == 200)
    wait_for("every device is online", lambda: all(d["state"] == "online" for d in place.status()["devices"]))


if __name__ == "__main__":
    {"prepare": prepare, "wait": wait}[sys.argv[1]](sys.argv[2])
