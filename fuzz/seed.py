#!/usr/bin/env python3
"""Writes first inputs for the fuzz targets into fuzz/corpus, from what ships: maps, models, register images.

The bytes are those that src/southbound/fuzzing.rs takes from the front of an input, one after another.
"""

import json
import struct
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MODELS = ROOT / "device-maps" / "sunspec" / "models"
IDS = sorted(int(path.stem) for path in MODELS.glob("*.toml"))

DEVICES = {
    "legacy": [1, 103, 120, 121, 122, 123],
    "float": [1, 113, 120, 121, 123, 160],
    "storage": [1, 101, 120, 121, 123, 124, 802],
    "curves": [1, 103, 120, 121, 126, 129, 130, 131, 132, 134],
    "newer": [1, 701, 702, 703, 704, 713, 714, 715],
    "newer-curves": [1, 701, 702, 705, 706, 707, 708, 709, 710, 711, 712],
    "meter": [1, 203, 204],
    "meter-float": [1, 213],
    "strings": [1, 103, 305, 307, 403],
}


def number(value):
    return bytes([0]) + struct.pack(">h", value)


def setpoints():
    """One of each kind: its number, then its values."""
    yield bytes([0]) + number(4800)
    yield bytes([1]) + number(-2000)
    for kind in (2, 3, 4, 7, 12):
        yield bytes([kind])
    yield bytes([5]) + number(1000)
    yield bytes([6, 0, 100]) + struct.pack(">h", 95)
    yield bytes([8]) + (bytes([0]) + number(10)) * 3
    for curve in range(9):
        points = b"".join(number(90 + 5 * k) + number(30 - 10 * k) for k in range(4))
        yield bytes([9, curve, 4]) + points + bytes([0, 0, 50])
        yield bytes([10, curve])
    yield bytes([9, 4, 200]) + (bytes([100]) + struct.pack(">h", 5)) * 4 + bytes([255])
    yield bytes([11]) + (bytes([0]) + number(100)) * 4 + bytes([0, 0, 50]) * 3


def models(ids):
    """Each at its usual length, with something in every point."""
    return bytes([len(ids) - 1]) + b"".join(bytes([IDS.index(id), 0, 2, 0, 0, 0]) for id in ids if id in IDS)


def chain():
    wishes = list(setpoints())
    for name, ids in DEVICES.items():
        for kind in (0, 4, 8):
            yield f"{name}-{kind}", bytes([kind, 0, 0, 0, 0, 0]) + models(ids)
        for at in range(0, len(wishes), 4):
            some = wishes[at : at + 4]
            asked = b"".join(bytes([60]) + wish for wish in some)
            yield f"{name}-asked-{at}", bytes([8, 0, 0, 0, 0, len(some)]) + asked + models(ids)
    words = [1, 65] + [0x4100] * 65 + [0xFFFF, 0]
    yield "raw", bytes([9, 0, 0, 0, 0, 0]) + struct.pack(f">{len(words)}H", *words)


def points():
    wishes = list(setpoints())
    for name, ids in DEVICES.items():
        for at in range(0, len(wishes), 11):
            some = wishes[at : at + 11]
            asked = b"".join(wish + struct.pack(">HB", 60, at) for wish in some)
            yield f"{name}-{at}", bytes([0, 0, len(some)]) + asked + models(ids)
    images = sorted((ROOT / "tests" / "register-images").glob("*.toml"))
    maps = [path for path in sorted((ROOT / "device-maps").glob("*.toml")) if b"[[point]]" in path.read_bytes()]
    for place, path in enumerate(maps):
        words = [0, 1, 100, 5000]
        for image in images:
            document = tomllib.loads(image.read_text())
            if document.get("map") == path.stem:
                for table in ("input", "holding"):
                    words = [word for block in document.get(table, {}).values() for word in block] + words
        for at in (0, 5):
            asked = b"".join(wish + struct.pack(">H", 60) for wish in wishes[at : at + 5])
            head = bytes([1, place, 0, 0, 0, 0, 5]) + asked
            yield f"{path.stem}-{at}", head + struct.pack(f">{len(words)}H", *words)


def frames():
    for kind in (0, 1, 2, 0x80, 0x81, 0x82, 0x83):
        for step in range(9):
            yield f"{kind}-{step}", bytes([kind]) + bytes([step, 4, 1, 3]) * 8
        yield f"{kind}-all", bytes([kind]) + b"".join(bytes([step, 5, step, 9, 2]) for step in range(20))


def maps():
    for path in sorted((ROOT / "device-maps").glob("*.toml")):
        yield path.stem, path.read_bytes()
    readme = (ROOT / "device-maps" / "README.md").read_text()
    for place, text in enumerate(readme.split("```toml\n")[1:]):
        yield f"readme-{place}", text.split("```")[0].encode()
    for id in (1, 103, 123, 160, 705, 711, 802):
        yield f"model-{id}", (MODELS / f"{id}.toml").read_bytes()
    head = [{"name": name, "type": "uint16", "size": 1} for name in ("ID", "L", "N")]
    inner = {"name": "Crv", "type": "sync", "count": "N", "points": [{"name": "W", "type": "int16", "sf": "W_SF", "size": 1}]}
    head.append({"name": "W_SF", "type": "sunssf", "size": 1})
    yield "json", json.dumps({"id": 64001, "group": {"name": "g", "type": "group", "points": head, "groups": [inner]}}).encode()


def value(which, index, raw, flags=1, how=0):
    """A value of an outstation: an even `which` takes a point of the map by its place."""
    return struct.pack(">HH", which, index) + number(raw) + bytes([flags, how])


def outstations():
    wishes = [wish + struct.pack(">H", 60) for wish in setpoints()]
    values = [value(0, place, 100 * place % 30000) for place in range(60)]
    head = bytes([len(values)]) + b"".join(values)
    shipped = [path for path in sorted((ROOT / "device-maps").glob("dnp3-*.toml"))]
    texts = {path.stem: path.read_bytes() for path in shipped}
    readme = (ROOT / "device-maps" / "README.md").read_text()
    for place, text in enumerate(readme.split("```toml\n")[1:]):
        if 'kind = "dnp3"' in text:
            texts[f"readme-{place}"] = text.split("```")[0].encode()
    for at in range(0, len(wishes), 11):
        some = wishes[at : at + 11]
        said = head + bytes([len(some)]) + b"".join(some)
        for place in range(len(shipped)):
            yield f"shipped-{place}-{at}", bytes([2 * place + 1]) + said
        for name, text in texts.items():
            yield f"{name}-{at}", bytes([0]) + said + text


for target in (frames, chain, points, maps, outstations):
    folder = HERE / "corpus" / target.__name__
    folder.mkdir(parents=True, exist_ok=True)
    seeds = dict(target())
    for name, data in seeds.items():
        (folder / f"seed-{name}").write_bytes(data)
    print(f"{target.__name__}: {len(seeds)} seeds")
