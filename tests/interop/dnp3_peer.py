#!/usr/bin/env python3
"""dnp3py's IEEE 1815.2 outstation, as `python -m dnp3.mesa` runs it, with a hand on its points.

    python dnp3_peer.py --control PORT [arguments of dnp3.mesa]

The outstation is dnp3py's own, started by its own command line. What comes on top is a second port, on which one line of
JSON is one request: {"ai": {"537": 6000}, "bi": {"36": true}, "bo": {"5": true}} sets points through dnp3py's database, with the events it
makes of that; every answer says what the outstation holds and which commands it was given.
"""

import asyncio
import contextlib
import functools
import json
import sys

from dnp3.mesa import __main__ as mesa
from dnp3.mesa.outstation import MesaOutstation

COMMANDS = []


def note(handler, name, kind, word):
    """Keeps a command of this handler and how the outstation took it."""
    carry_out = getattr(handler, name)

    @functools.wraps(carry_out)
    def noted(**told):
        # dnp3py names every argument.
        result = carry_out(**told)
        index, value = told["index"], told.get("code", told.get("value"))
        took = getattr(result, "status", result)
        COMMANDS.append([word, f"{kind}{index}", getattr(value, "name", value), getattr(took, "name", str(took))])
        return result

    setattr(handler, name, noted)


def hold(outstation):
    """What it holds now."""
    database = outstation.database
    return {
        "ai": {point.index: point.value for point in database.get_all_analog_inputs()},
        "bi": {point.index: point.value for point in database.get_all_binary_inputs()},
        "bo": {point.index: point.value for point in database.get_all_binary_outputs()},
        "ao": {value.index: value.value for value in outstation.ao_store.get_all()},
        "commands": COMMANDS,
    }


def change(outstation, request):
    """Sets points."""
    database = outstation.database
    for index, value in request.get("ai", {}).items():
        database.update_analog_input(int(index), float(value))
    for index, value in request.get("bi", {}).items():
        database.update_binary_input(int(index), bool(value))
    for index, value in request.get("bo", {}).items():
        # Without the event: dnp3py sends changes of outputs as changes of the inputs of the same index.
        database.get_binary_output(int(index)).update(bool(value))


async def answer(outstation, reader, writer):
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            change(outstation, json.loads(line))
            writer.write(json.dumps(hold(outstation)).encode() + b"\n")
            await writer.drain()
    writer.close()


def main():
    assert sys.argv[1] == "--control", __doc__
    port = int(sys.argv[2])
    del sys.argv[1:3]
    run = MesaOutstation.run

    async def both(outstation):
        for kind in ("binary", "analog"):
            for word in ("select", "operate", "direct_operate"):
                note(outstation.handler, f"{word}_{kind}_output", "BO" if kind == "binary" else "AO", word)
        # A line of JSON out can be long: every point.
        server = await asyncio.start_server(functools.partial(answer, outstation), "127.0.0.1", port, limit=1 << 20)
        async with server:
            await run(outstation)

    MesaOutstation.run = both
    mesa.main()


if __name__ == "__main__":
    main()
