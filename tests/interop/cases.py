"""The interoperability test script's cases in their order (61968-5 reference 11), as far as this version goes.

Adapted: only activePower is dispatched, there are no operation sets (DERG-3), no forecasts (DERGF), no connect and disconnect
(DERGCD) and no Receive listeners (DERG-6 to 9), so DG8 is created like the others and DG7 never exists.
"""

import datetime
import sys
import uuid

from client import Dms, dispatch, expect_ok, expect_refused, functions, members, named, now, schedule, version
from harness import Checks, DEVICES, FUNCTIONS, Place, same


def main(folder):
    checks, dms = Checks("cases", folder), Dms(Place(folder))
    mrid = {n: str(uuid.uuid4()) for n in range(1, 9)}
    real = functions("connectDisconnect", "realPowerDispatch")
    soon = now() + datetime.timedelta(minutes=20)
    curve = schedule(1, 2, 3, 2, 1, style="straightLineYValues", start=soon, step=15)
    power = {"parameter": "reactivePower", "unit": "VAr"}

    def full(n, *devices, flags=real):
        return {"mRID": mrid[n], **flags, **members(*devices), **named(f"DG{n}"), **version(1, 0)}

    with checks.case("DERG-1a: create DG1 with three members"):
        expect_ok(dms.create(full(1, *DEVICES[:3])))
    with checks.case("DERG-1b: create DG1 again"):
        expect_refused(dms.create(full(1, *DEVICES[3:5])), ("6.1", mrid[1], "uuid"))
    with checks.case("DERG-1c: create DG2 and DG3"):
        expect_ok(dms.create(full(2, *DEVICES[:2]), full(3, *DEVICES[2:6])))
    with checks.case("DERG-1d: create DG4 and DG5 without mRID, DG5 with an unknown member: DG4 exists"):
        voltage = functions("realPowerDispatch", "voltageRegulation")
        bad = {**real, **members(str(uuid.uuid4())), **named("DG5")}
        expect_refused(dms.create({**voltage, **members(DEVICES[6]), **named("DG4"), **version(1, 0)}, bad), ("6.1", "DG5", "name"))
        mrid[4] = expect_ok(dms.query(named("DG4")), payload=True).Payload.DERGroups.EndDeviceGroup[0].mRID
    with checks.case("DERG-1e: create DG6 without mRID"):
        reply = expect_ok(dms.create({**functions("realPowerDispatch", "reactivePowerDispatch"), **members(DEVICES[7]), **named("DG6")}), payload=True)
        mrid[6] = reply.Payload.DERGroups.EndDeviceGroup[0].mRID
        uuid.UUID(mrid[6])
    with checks.case("DERG-2a: change DG1's functions by name"):
        expect_ok(dms.change({**named("DG1"), **functions("connectDisconnect", "realPowerDispatch", "voltageRegulation")}))
        (group,) = dms.query(named("DG1")).Payload.DERGroups.EndDeviceGroup
        same([f for f in FUNCTIONS if group.DERFunction[f]], ["connectDisconnect", "realPowerDispatch", "voltageRegulation"])
    with checks.case("DERG-2b: one more member for DG2 by mRID, version 1.1.0"):
        expect_ok(dms.change({"mRID": mrid[2], **members(DEVICES[4]), **version(1, 1)}))
    with checks.case("DERG-4: delete DG1 by name"):
        expect_ok(dms.delete(named("DG1")))
    with checks.case("DERG-5a: query DG2 by name: three members, version 1.1.0"):
        (group,) = expect_ok(dms.query(named("DG2")), payload=True).Payload.DERGroups.EndDeviceGroup
        same([d.mRID for d in group.EndDevices], DEVICES[:2] + [DEVICES[4]])
        same((group.version.major, group.version.minor, group.version.revision), (1, 1, 0))
    with checks.case("DERG-5b: query DG2 and DG4"):
        reply = expect_ok(dms.query(named("DG2"), named("DG4")), payload=True)
        same([g.mRID for g in reply.Payload.DERGroups.EndDeviceGroup], [mrid[2], mrid[4]])
    with checks.case("DERG-5c: query an unknown group"):
        expect_refused(dms.query(named("DG1")), ("99.1", "DG1", "name"))
    with checks.case("DG8, which the script brings in by an event, is created"):
        expect_ok(dms.create(full(8, DEVICES[1])))

    with checks.case("DERGS-1a: status of DG2: activePower"):
        (told,) = expect_ok(dms.status({"mRID": mrid[2]}), payload=True).Payload.DERGroupStatuses.EndDeviceGroup
        same(told.DERMonitorableParameter[0].DERParameter, "activePower")
        same([n.name for n in told.Names], ["DG2"])
    with checks.case("DERGS-1b: status of DG1, deleted"):
        expect_refused(dms.status(named("DG1")), ("99.1", "DG1", "name"))
    with checks.case("DERGS-1c: status of DG3 and DG4"):
        told = expect_ok(dms.status({"mRID": mrid[3]}, {"mRID": mrid[4]}), payload=True).Payload.DERGroupStatuses.EndDeviceGroup
        same([g.mRID for g in told], [mrid[3], mrid[4]])
    with checks.case("DERGS-1d: status of DG6 and DG7: an error for DG7 and DG6 in the payload"):
        reply = expect_refused(dms.status(named("DG6"), named("DG7")), ("99.1", "DG7", "name"), payload=True)
        same([g.mRID for g in reply.Payload.DERGroupStatuses.EndDeviceGroup], [mrid[6]])

    with checks.case("DERGD-1a: dispatch DG2 along a line of five points"):
        expect_ok(dms.dispatch(dispatch(named("DG2"), curve, **named("P-1"))))
    with checks.case("DERGD-1a with the two Names swapped"):
        expect_ok(dms.dispatch(dispatch(named("P-2"), curve, **named("DG2"))))
    with checks.case("DERGD-1b: dispatch for DG1, named on the dispatch only"):
        expect_refused(dms.dispatch(dispatch({}, curve, **named("DG1"))), ("99.1", "DG1", "name"))
    with checks.case("DERGD-1c, adapted: reactive power of DG3 and voltage of DG4 are refused in words"):
        doubled = {**schedule(1, 2, start=soon, step=15), "DERCurveData": [{"intervalNumber": 2, "nominalYValue": 1}, {"intervalNumber": 2, "nominalYValue": 2}]}
        reply = dms.dispatch(dispatch(named("DG3"), curve, **power), dispatch(named("DG4"), doubled, parameter="voltage", unit="V"))
        expect_refused(reply, ("6.1", "DG3", "name"), ("6.1", "DG4", "name"))
    with checks.case("DERGD-1c, adapted: points numbered 2, 2 are taken in the order written"):
        reply = expect_ok(dms.dispatch(dispatch(named("DG4"), doubled, mrid=None)), payload=True)
        points = reply.Payload.DERGroupDispatches.DERGroupDispatch[0].EndDeviceGroup.DERMonitorableParameter.DispatchSchedule[0].DERCurveData
        same([(p.intervalNumber, p.nominalYValue) for p in points], [(1, 1000.0), (2, 2000.0)])
    with checks.case("DERGD-1d: DG6 reactive power (adapted: refused) and DG7, gone"):
        reply = dms.dispatch(dispatch(named("DG6"), curve, **power), dispatch(named("DG7"), curve))
        expect_refused(reply, ("6.1", "DG6", "name"), ("99.1", "DG7", "name"))
    with checks.case("DERGD-1e: dispatch DG8 without dispatch mRID"):
        reply = expect_ok(dms.dispatch(dispatch(named("DG8"), curve, mrid=None, **named("P-8"))), payload=True)
        (told,) = reply.Payload.DERGroupDispatches.DERGroupDispatch
        uuid.UUID(told.mRID)
        same((told.EndDeviceGroup.mRID, [n.name for n in told.Names]), (mrid[8], ["P-8"]))
    with checks.case("clean up"):
        expect_ok(dms.delete(*[{"mRID": mrid[n]} for n in (2, 3, 4, 6, 8)]))
    print("cases:", dms.told())
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1])
