"""Calls a running gateway the way a DMS with a generated SOAP client would: zeep reads our WSDLs from the gateway itself.

    python3 -m venv v && v/bin/pip install zeep==4.3.3
    v/bin/python tests/interop/zeep_client.py http://127.0.0.1:8061 DEVICE_MRID

The device must be one of the gateway's. Ends with status 0 and the line "zeep: all good"; anything else is a failure.
"""

import datetime
import sys
import uuid

import zeep
from lxml import etree

FLAGS = [
    "connectDisconnect", "frequencyWattCurveFunction", "maxRealPowerLimiting", "rampRateControl",
    "reactivePowerDispatch", "realPowerDispatch", "voltageRegulation", "voltVarCurveFunction",
    "voltWattCurveFunction",
]


def header(verb, noun):
    return {"Verb": verb, "Noun": noun, "Timestamp": datetime.datetime.now(datetime.timezone.utc),
            "MessageID": str(uuid.uuid4()), "CorrelationID": str(uuid.uuid4())}


def main(url, device):
    base = url.rstrip("/") + "/61968-5"

    def client(path):
        # strict: what the gateway sends must be what its schemas say.
        return zeep.Client(base + path + "?wsdl", settings=zeep.Settings(strict=True))

    name = "zeep-" + str(uuid.uuid4())[:8]
    mrid = str(uuid.uuid4())
    create, change = client("/create/executeDERGroups"), client("/change/executeDERGroups")
    functions = {flag: flag in ("realPowerDispatch", "connectDisconnect") for flag in FLAGS}
    group = {"mRID": mrid, "DERFunction": functions, "EndDevices": [{"mRID": device}], "Names": [{"name": name}],
             "version": {"date": datetime.datetime.now(datetime.timezone.utc), "major": 1, "minor": 0, "revision": 0}}

    sent = header("create", "DERGroups")
    reply = create.service.CreateDERGroups(Header=sent, Payload={"DERGroups": {"EndDeviceGroup": [group]}})
    assert reply.Reply.Result == "OK", reply
    assert reply.Reply.Error[0].code == "0.0", reply
    assert reply.Header.CorrelationID == sent["CorrelationID"], reply
    reply = create.service.CreateDERGroups(Header=sent, Payload={"DERGroups": {"EndDeviceGroup": [group]}})
    assert (reply.Reply.Result, reply.Reply.Error[0].code) == ("FAILED", "6.1"), reply
    assert reply.Reply.Error[0].ID._value_1 == mrid, reply

    reply = change.service.ChangeDERGroups(
        Header=header("change", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [{"Names": [{"name": name}], "version": {"major": 1, "minor": 1}}]}})
    assert reply.Reply.Result == "OK", reply

    query = client("/get/queryDERGroups")
    reply = query.service.QueryDERGroups(
        Header=header("get", "DERGroups"), Request={"DERGroupQueries": {"EndDeviceGroup": [{"Names": [{"name": name}]}]}})
    found = reply.Payload.DERGroups.EndDeviceGroup[0]
    assert (found.mRID, found.version.minor, found.DERFunction.realPowerDispatch) == (mrid, 1, True), reply

    statuses = client("/get/queryDERGroupStatuses")
    reply = statuses.service.QueryDERGroupStatuses(
        Header=header("get", "DERGroupStatuses"),
        Request={"DERGroupStatusQueries": {"EndDeviceGroup": [{"mRID": mrid}, {"mRID": "no-such-group"}]}})
    assert (reply.Reply.Result, reply.Reply.Error[0].code) == ("FAILED", "99.1"), reply
    told = reply.Payload.DERGroupStatuses.EndDeviceGroup[0]
    assert told.mRID == mrid and told.DERMonitorableParameter[0].yUnit == "W", reply

    dispatches = client("/create/executeDERGroupDispatches")
    schedule = {"curveStyleKind": "constantYValue", "startTime": datetime.datetime.now(datetime.timezone.utc),
                "timeIntervalDuration": 15, "timeIntervalUnit": "m",
                "DERCurveData": [{"intervalNumber": 1, "nominalYValue": 1.5}, {"intervalNumber": 2, "nominalYValue": 1}]}
    dispatch = {"EndDeviceGroup": {"Names": [{"name": name}], "DERMonitorableParameter": {
        "DERParameter": "activePower", "yMultiplier": "k", "yUnit": "W", "DispatchSchedule": [schedule]}}}
    reply = dispatches.service.CreateDERGroupDispatches(
        Header=header("create", "DERGroupDispatches"), Payload={"DERGroupDispatches": {"DERGroupDispatch": [dispatch]}})
    assert reply.Reply.Result == "OK", reply
    given = reply.Payload.DERGroupDispatches.DERGroupDispatch[0]
    points = given.EndDeviceGroup.DERMonitorableParameter.DispatchSchedule[0].DERCurveData
    assert given.mRID and [point.nominalYValue for point in points] == [1500.0, 1000.0], reply

    try:
        change.service.DeleteDERGroups(Header={"Verb": "DELET", "Noun": "DERGroups"},
                                       Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": mrid}]}})
        raise AssertionError("a wrong verb was accepted")
    except zeep.exceptions.Fault as fault:
        assert "Header/Verb" in fault.message, fault.message
        assert b"DERGroupsFaultMessage" in etree.tostring(fault.detail), fault.detail
    reply = change.service.DeleteDERGroups(
        Header=header("delete", "DERGroups"), Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": mrid}]}})
    assert reply.Reply.Result == "OK", reply
    print("zeep: all good")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
