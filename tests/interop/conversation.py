"""A DMS at its daily work: creates, queries, changes, dispatches and deletes groups with clients generated from our WSDL."""

import datetime
import sys
import uuid

from client import Dms, PATHS, dispatch, expect_ok, functions, members, named, now, schedule, version
from harness import Checks, DEVICES, FUNCTIONS, Place, same, wait_for


def main(folder):
    checks, place = Checks("conversation", folder), Place(folder)
    dms = Dms(place)
    mark = uuid.uuid4().hex[:8]
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    feeder, depot = f"Feeder {mark} – Ñ & <PV>", f"Depot-{mark}"

    with checks.case("every path has a description with its own address"):
        for which, path in PATHS.items():
            dms.service(which)
            (port,) = [p for s in dms.clients[which].wsdl.services.values() for p in s.ports.values()]
            same(port.binding_options["address"], place.url + path, "address")
    with checks.case("create one group with everything that can be said about it"):
        everything = {
            "mRID": first, "description": "roofs, south side", **functions("realPowerDispatch", "connectDisconnect"),
            **members(*DEVICES[:2]), **version(1, 0),
            "Names": [
                {"name": feeder, "NameType": {"description": "d", "name": "groupName", "NameTypeAuthority": {"description": "e", "name": "DMS"}}},
                {"name": f"alias-{mark}"},
            ],
        }
        expect_ok(dms.create(everything))
    with checks.case("create two groups in one message; one device by name"):
        by_name = {"EndDevices": [{"mRID": DEVICES[2]}, {"Names": [{"name": "D-04"}]}]}
        third = {"mRID": str(uuid.uuid4()), **functions("maxRealPowerLimiting"), **named(f"empty-{mark}")}
        expect_ok(dms.create({"mRID": second, **functions("maxRealPowerLimiting"), **by_name, **named(depot)}, third))
    with checks.case("create without mRID: the reply carries the group with a new one"):
        reply = expect_ok(dms.create({**functions("realPowerDispatch"), **named(f"new-{mark}"), **members(DEVICES[0])}), payload=True)
        (group,) = reply.Payload.DERGroups.EndDeviceGroup
        uuid.UUID(group.mRID)
        same([n.name for n in group.Names], [f"new-{mark}"], "names")
        found = expect_ok(dms.query({"mRID": group.mRID}), payload=True)
        same(found.Payload.DERGroups.EndDeviceGroup[0].EndDevices[0].mRID, DEVICES[0], "member")

    with checks.case("query by mRID gives back what was created"):
        (group,) = expect_ok(dms.query({"mRID": first}), payload=True).Payload.DERGroups.EndDeviceGroup
        same((group.mRID, group.description), (first, "roofs, south side"))
        same([d.mRID for d in group.EndDevices], DEVICES[:2], "members")
        same([n.name for n in group.Names], [feeder, f"alias-{mark}"], "names")
        same((group.Names[0].NameType.name, group.Names[0].NameType.NameTypeAuthority.name), ("groupName", "DMS"))
        same([f for f in FUNCTIONS if group.DERFunction[f]], ["connectDisconnect", "realPowerDispatch"], "functions")
        same((group.version.major, group.version.minor, group.version.revision), (1, 0, 0), "version")
    with checks.case("query by name, alias, mRID in capitals and with an underscore"):
        for asked in (named(feeder), named(f"alias-{mark}"), {"mRID": first.upper()}, {"mRID": "_" + first}):
            same([g.mRID for g in expect_ok(dms.query(asked), payload=True).Payload.DERGroups.EndDeviceGroup], [first])
    with checks.case("query several: each once, in the order asked"):
        reply = expect_ok(dms.query(named(depot), {"mRID": first}, named(depot)), payload=True)
        same([g.mRID for g in reply.Payload.DERGroups.EndDeviceGroup], [second, first])
    with checks.case("query all with an empty EndDeviceGroup"):
        told = [g.mRID for g in expect_ok(dms.query({}), payload=True).Payload.DERGroups.EndDeviceGroup]
        same({first, second} <= set(told) and len(told) == len(set(told)), True, "all groups, each once")

    with checks.case("status: one parameter in its unit, measured lately, resting on all members"):
        (told,) = expect_ok(dms.status({"mRID": first}), payload=True).Payload.DERGroupStatuses.EndDeviceGroup
        power = next(p for p in told.DERMonitorableParameter if p.DERParameter == "activePower")
        same((power.yUnit, power.yMultiplier, power.flowDirection), ("W", "none", None))
        same(power.yUnitInstalledMax, 20000.0, "yUnitInstalledMax")
        same(0 < power.DERCurveData.nominalYValue <= 20000, True, "a power that two roofs can give")
        same(abs((now() - power.DERCurveData.timeStamp).total_seconds()) < 60, True, "a fresh measurement")
        same((told.status.value, told.status.remark), ("Online", "rests on 2 of 2 members"))
        same([n.name for n in told.Names][0], feeder)
    with checks.case("status of an empty group: no value, not a zero"):
        (told,) = expect_ok(dms.status(named(f"empty-{mark}")), payload=True).Payload.DERGroupStatuses.EndDeviceGroup
        same((told.status.value, told.DERMonitorableParameter[0].DERCurveData.nominalYValue), ("Empty", None))
    with checks.case("status of all groups"):
        told = expect_ok(dms.status({}), payload=True).Payload.DERGroupStatuses.EndDeviceGroup
        same({first, second} <= {g.mRID for g in told}, True, "both groups")

    with checks.case("change: nine new functions by name"):
        expect_ok(dms.change({**named(feeder), **functions("realPowerDispatch", "maxRealPowerLimiting")}))
        (group,) = dms.query({"mRID": first}).Payload.DERGroups.EndDeviceGroup
        same([f for f in FUNCTIONS if group.DERFunction[f]], ["maxRealPowerLimiting", "realPowerDispatch"])
        same(([d.mRID for d in group.EndDevices], group.version.minor, group.description), (DEVICES[:2], 0, "roofs, south side"))
    with checks.case("change: one more member by mRID, and a version"):
        expect_ok(dms.change({"mRID": first, **members(DEVICES[4]), **version(1, 1)}))
        expect_ok(dms.change({"mRID": first, **members(DEVICES[4])}))
        (group,) = dms.query({"mRID": first}).Payload.DERGroups.EndDeviceGroup
        same(([d.mRID for d in group.EndDevices], group.version.minor), (DEVICES[:2] + [DEVICES[4]], 1))
    with checks.case("change: a new name with mRID and Names"):
        expect_ok(dms.change({"mRID": second, **named(depot + "-2")}))
        same(dms.query(named(depot + "-2")).Payload.DERGroups.EndDeviceGroup[0].mRID, second)
        same(dms.query(named(depot)).Reply.Result, "FAILED", "query by the old name")
        expect_ok(dms.change({"mRID": second, **named(depot)}))
    with checks.case("create posted to /change and change posted to /create"):
        expect_ok(dms.create({"mRID": str(uuid.uuid4()), **functions(), **named(f"crossed-{mark}")}, at="change"))
        expect_ok(dms.change({**named(f"crossed-{mark}"), **version(2, 0)}, at="create"))
        expect_ok(dms.delete(named(f"crossed-{mark}"), at="create"))

    sent = dispatch({"mRID": first}, schedule(6.0, step=10), **named(f"limit-{mark}"))
    with checks.case("dispatch: constant, by mRID; the field follows and the status tells it"):
        expect_ok(dms.dispatch(sent))

        def follows():
            (told,) = dms.status({"mRID": first}).Payload.DERGroupStatuses.EndDeviceGroup
            return abs(told.DERMonitorableParameter[0].DERCurveData.nominalYValue - 6000) < 300

        wait_for("the group gives 6 kW", follows)
        known = next(d for d in place.status()["dispatches"] if d["mrid"] == sent["mRID"])
        same(known["state"] not in ("ended", "refused"), True, "a live dispatch")
    with checks.case("dispatch: straight line, several schedules, future start, by name; several in one message"):
        later = now() + datetime.timedelta(minutes=30)
        line = schedule(1, 2.5, 2, 0, style="straightLineYValues", start=later, step=15)
        after = schedule(3, 4, start=later + datetime.timedelta(hours=2), step=1, unit="h")
        expect_ok(dms.dispatch(dispatch(named(feeder), line, after), dispatch(named(depot), schedule(-1500, -800.5, step=30, unit="s"), multiplier="none")))
    with checks.case("dispatch without mRID: the reply carries it with a new one, in watts"):
        given = dispatch(named(depot), schedule(1.5, 1, step=15, start=now() + datetime.timedelta(hours=8)), mrid=None, **named(f"try-{mark}"))
        reply = expect_ok(dms.dispatch(given), payload=True)
        (told,) = reply.Payload.DERGroupDispatches.DERGroupDispatch
        uuid.UUID(told.mRID)
        same([n.name for n in told.Names], [f"try-{mark}"], "names of the dispatch")
        same(told.EndDeviceGroup.mRID, second, "group")
        power = told.EndDeviceGroup.DERMonitorableParameter
        same((power.yMultiplier, power.yUnit), ("none", "W"))
        same([p.nominalYValue for p in power.DispatchSchedule[0].DERCurveData], [1500.0, 1000.0])
    with checks.case("delete by mRID and by name; members are released"):
        expect_ok(dms.delete({"mRID": first}, named(depot)))
        same(dms.query({"mRID": first}).Reply.Error[0].code, "99.1")
        wait_for("devices released", lambda: not any(d["held"] for d in place.plant()))
    print("conversation:", dms.told())
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1])
