#!/usr/bin/env python3
"""Turns SunSpec model definitions (JSON) into the compact tables that dergate reads.

Usage: convert.py FOLDER_WITH_model_*.json OUTPUT_FOLDER

Only facts are taken: names, types, sizes, scale factors, units, access, symbols. No descriptive text.
It stops at anything that the tables could not say, so that a new kind of definition is seen, not lost.
The keys of the tables are explained in src/device_map/library.rs.
"""
import json
import pathlib
import re
import sys

TYPE_SIZES = {
    "int16": 1, "uint16": 1, "count": 1, "raw16": 1, "acc16": 1, "enum16": 1, "bitfield16": 1, "pad": 1, "sunssf": 1,
    "int32": 2, "uint32": 2, "enum32": 2, "acc32": 2, "bitfield32": 2, "ipaddr": 2, "float32": 2,
    "int64": 4, "uint64": 4, "acc64": 4, "bitfield64": 4, "float64": 4, "eui48": 4, "ipv6addr": 8, "string": None,
}
TEXTS = {"label", "desc", "detail", "standards", "comments", "notes"}
POINT_KEYS = TEXTS | {"name", "type", "size", "sf", "units", "access", "mandatory", "static", "value", "symbols"}
GROUP_KEYS = TEXTS | {"name", "type", "count", "points", "groups"}


def text(value):
    return json.dumps(value, ensure_ascii=False)


def key(name):
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else text(name)


def only(where, table, known):
    unknown = set(table) - known
    if unknown:
        sys.exit(f"{where}: unknown keys {sorted(unknown)}")


def symbols(where, point):
    listed = point.get("symbols", [])
    names = [s["name"] for s in listed]
    if len(set(names)) != len(names):
        sys.exit(f"{where}: a symbol name stands there twice: {sorted(names)}")
    by_value = sorted(listed, key=lambda s: (s["value"], s["name"]))
    return ", ".join(f"{key(s['name'])} = {int(s['value'])}" for s in by_value)


def point_line(where, point):
    where = f"{where}.{point['name']}"
    only(where, point, POINT_KEYS)
    kind, size = point["type"], point["size"]
    if kind not in TYPE_SIZES:
        sys.exit(f"{where}: unknown type {kind}")
    parts = [f"n = {text(point['name'])}", f"t = {text(kind)}"]
    if TYPE_SIZES[kind] != size:
        if kind not in ("string", "pad"):
            sys.exit(f"{where}: {kind} cannot have {size} registers")
        parts.append(f"size = {size}")
    if "sf" in point:
        sf = point["sf"]
        parts.append(f"sf = {sf if isinstance(sf, int) else text(sf)}")
    if point.get("units", "").strip():
        parts.append(f"u = {text(point['units'].strip())}")
    for name, yes, no, short in (("access", "RW", "R", "w"), ("mandatory", "M", "O", "m"), ("static", "S", "D", "s")):
        if point.get(name, no) not in (yes, no):
            sys.exit(f"{where}: {name} is {point[name]}")
        if point.get(name) == yes:
            parts.append(f"{short} = true")
    if point.get("symbols"):
        parts.append(f"v = {{ {symbols(where, point)} }}")
    return "  { " + ", ".join(parts) + " },"


def group_lines(where, group, header):
    only(where, group, GROUP_KEYS)
    lines = ["", f"[[{header}]]"] if header else []
    lines.append(f"name = {text(group['name'])}")
    kind = group["type"]
    if kind not in ("group", "sync"):
        sys.exit(f"{where}: group type {kind}")
    if kind == "sync":
        lines.append("sync = true")
    if "count" in group:
        count = group["count"]
        lines.append(f"count = {count if isinstance(count, int) else text(count)}")
    lines.append("points = [")
    lines += [point_line(where, p) for p in group["points"]]
    lines.append("]")
    for inner in group.get("groups", []):
        lines += group_lines(f"{where}.{inner['name']}", inner, f"{header}.groups" if header else "groups")
    return lines


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    files = list(source.glob("model_*.json"))
    if not files:
        sys.exit(f"{source}: no model_*.json here")
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        model = json.loads(file.read_text(encoding="utf-8"))
        only(file.name, model, {"id", "group"})
        number = int(model["id"])
        lines = [f"# SunSpec model {number}. Made by ../convert.py from the SunSpec Alliance definition (Apache-2.0); do not edit.",
                 f"id = {number}"]
        lines += group_lines(f"model {number}", model["group"], "")
        (target / f"{number}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(files)} models written to {target}", file=sys.stderr)


if __name__ == "__main__":
    main()
