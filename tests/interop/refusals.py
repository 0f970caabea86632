"""Every refusal of the 61968-5 reference 4.3 that applies here: code, level, and the object as the request named it."""

import datetime
import sys
import uuid

import zeep

from client import Dms, dispatch, expect_ok, expect_refused, functions, members, named, now, schedule
from harness import Checks, DEVICES, M, Place, envelope, flags, header, same


def raw_dispatch(group, point="<o:DERCurveData><o:intervalNumber>1</o:intervalNumber><o:nominalYValue>1</o:nominalYValue></o:DERCurveData>",
                 parameter="activePower", multiplier="k", unit="W", style="constantYValue", step="15"):
    start = (now() + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    inner = (
        f"<t:Payload><o:DERGroupDispatches><o:DERGroupDispatch><o:mRID>{uuid.uuid4()}</o:mRID><o:EndDeviceGroup><o:mRID>{group}</o:mRID>"
        f"<o:DERMonitorableParameter><o:DERParameter>{parameter}</o:DERParameter><o:yMultiplier>{multiplier}</o:yMultiplier>"
        f"<o:yUnit>{unit}</o:yUnit><o:DispatchSchedule><o:curveStyleKind>{style}</o:curveStyleKind><o:startTime>{start}</o:startTime>"
        f"<o:timeIntervalDuration>{step}</o:timeIntervalDuration><o:timeIntervalUnit>m</o:timeIntervalUnit>{point}</o:DispatchSchedule>"
        f"</o:DERMonitorableParameter></o:EndDeviceGroup></o:DERGroupDispatch></o:DERGroupDispatches></t:Payload>"
    )
    return envelope("CreateDERGroupDispatches", "DERGroupDispatches", header("create", "DERGroupDispatches") + inner)


def point(value):
    return f"<o:DERCurveData><o:intervalNumber>1</o:intervalNumber><o:nominalYValue>{value}</o:nominalYValue></o:DERCurveData>"


def error_of(message):
    """Result, code, level and words of a raw reply's one Error."""
    reply = message.find("{*}Reply")
    (error,) = reply.findall(f"{{{M}}}Error")
    words = error.findtext(f"{{{M}}}reason") or error.findtext(f"{{{M}}}details")
    return reply.findtext(f"{{{M}}}Result"), error.findtext(f"{{{M}}}code"), error.findtext(f"{{{M}}}level"), words


def main(folder):
    checks, dms = Checks("refusals", folder), Dms(Place(folder))
    mark = uuid.uuid4().hex[:8]
    group, name = str(uuid.uuid4()), f"R-{mark}"
    nobody = str(uuid.uuid4())

    def alive(mrid):
        return dms.query({"mRID": mrid}).Reply.Result == "OK"

    expect_ok(dms.create({"mRID": group, **functions("realPowerDispatch", "rampRateControl"), **members(*DEVICES[:2]), **named(name)}))
    plain, other = str(uuid.uuid4()), str(uuid.uuid4())
    expect_ok(dms.create({"mRID": plain, **functions("connectDisconnect"), **members(DEVICES[0]), **named(f"plain-{mark}")}))

    with checks.case("duplicate mRID"):
        expect_refused(dms.create({"mRID": group, **functions(), **named(f"x-{mark}")}), ("6.1", group, "uuid"))
    with checks.case("duplicate mRID, written otherwise, is named as in the request"):
        written = "_" + group.upper()
        expect_refused(dms.create({"mRID": written, **functions(), **named(f"x-{mark}")}), ("6.1", written, "uuid"))
    with checks.case("duplicate name"):
        expect_refused(dms.create({"mRID": other, **functions(), **named(name)}), ("6.1", name, "name"))
    with checks.case("the same mRID twice in one message: the first counts"):
        twice = str(uuid.uuid4())
        expect_refused(dms.create({"mRID": twice, **functions(), **named(f"t1-{mark}")}, {"mRID": twice, **functions(), **named(f"t2-{mark}")}), ("6.1", twice, "uuid"))
        same(alive(twice), True, "the first")
    for kind, asked, text in (("uuid", {"mRID": nobody}, nobody), ("name", named("No Such Group"), "No Such Group")):
        unknown = ("99.1", text, kind)
        with checks.case(f"unknown group by {kind}: change, delete, query, status, dispatch"):
            expect_refused(dms.change({**asked, **members(DEVICES[0])}), unknown)
            expect_refused(dms.delete(asked), unknown)
            expect_refused(dms.query(asked), unknown)
            expect_refused(dms.status(asked), unknown)
            reply = expect_refused(dms.dispatch(dispatch(asked, schedule(1))), unknown)
            same(reply.Reply.Error[0].relatedID.objectType, "DERGroupDispatch", "relatedID")
    for kind, asked, text in (("uuid", {"mRID": nobody}, nobody), ("name", named("No Such Device"), "No Such Device")):
        with checks.case(f"unknown member by {kind}: create, change"):
            refusal = expect_refused(dms.create({"mRID": other, **functions(), "EndDevices": [{"mRID": DEVICES[0]}, asked]}), ("6.1", other, "uuid"))
            related = refusal.Reply.Error[0].relatedID
            same((related._value_1, related.kind, related.objectType), (text, kind, "EndDevice"), "relatedID")
            same(alive(other), False, "the refused group")
            refusal = expect_refused(dms.change({**named(name), "EndDevices": [asked]}), ("6.1", name, "name"))
            same(refusal.Reply.Error[0].relatedID.objectType, "EndDevice", "relatedID")
    with checks.case("function not enabled"):
        expect_refused(dms.dispatch(dispatch({"mRID": plain}, schedule(1))), ("6.1", plain, "uuid"))
        expect_refused(dms.dispatch(dispatch(named(name), schedule(1), parameter="voltage", unit="V")), ("6.1", name, "name"))
    with checks.case("unsupported parameter: ramp rate, reactive power of a group that allows it"):
        expect_refused(dms.dispatch(dispatch({"mRID": group}, schedule(1), parameter="increasingRampRate", unit="WPers")), ("6.1", group, "uuid"))
        expect_ok(dms.change({"mRID": plain, **functions("reactivePowerDispatch")}))
        expect_refused(dms.dispatch(dispatch({"mRID": plain}, schedule(1), parameter="reactivePower", unit="VAr")), ("6.1", plain, "uuid"))
    with checks.case("a unit that does not fit the parameter"):
        expect_refused(dms.dispatch(dispatch({"mRID": group}, schedule(1), unit="VAr")), ("1.8", group, "uuid"))
    for value in ("NaN", "INF", "-INF", "1e400"):
        with checks.case(f"the value {value}"):
            same(error_of(dms.raw("dispatches", raw_dispatch(group, point(value))))[:3], ("FAILED", "1.8", "FATAL"))
    with checks.case("a schedule without points, and no schedule at all"):
        same(error_of(dms.raw("dispatches", raw_dispatch(group, "")))[:3], ("FAILED", "5.8", "FATAL"))
        without = raw_dispatch(group)
        at, end = without.index("<o:DispatchSchedule>"), without.index("</o:DispatchSchedule>") + len("</o:DispatchSchedule>")
        same(error_of(dms.raw("dispatches", without[:at] + without[end:]))[:3], ("FAILED", "5.8", "FATAL"))
    with checks.case("an interval of no length; a schedule that is over"):
        same(error_of(dms.raw("dispatches", raw_dispatch(group, step="0")))[:3], ("FAILED", "1.8", "FATAL"))
        expect_refused(dms.dispatch(dispatch({"mRID": group}, schedule(1, start=now() - datetime.timedelta(days=1)))), ("6.1", group, "uuid"))
    with checks.case("a dispatch mRID that is taken"):
        taken = str(uuid.uuid4())
        later = schedule(1, start=now() + datetime.timedelta(hours=3))
        expect_ok(dms.dispatch(dispatch({"mRID": group}, later, mrid=taken)))
        reply = dms.dispatch(dispatch({"mRID": group}, later, mrid=taken))
        error = reply.Reply.Error[0]
        same((error.code, error.ID._value_1, error.ID.objectType, error.relatedID._value_1), ("6.1", taken, "DERGroupDispatch", group))
    with checks.case("no identity: payload 1.7; an empty query means all"):
        expect_refused(dms.create(functions()), ("1.7",))
        expect_refused(dms.change(functions()), ("1.7",))
        expect_refused(dms.delete({}), ("1.7",))
        reply = dms.dispatch(dispatch({}, schedule(1)))
        same((reply.Reply.Result, reply.Reply.Error[0].code, reply.Reply.Error[0].ID), ("FAILED", "1.7", None))
    with checks.case("mRID and name of two different groups"):
        expect_refused(dms.delete({"mRID": group, **named(f"plain-{mark}")}), ("6.1", group, "uuid"))
        same(alive(group) and alive(plain), True, "both groups")

    with checks.case("partial: create and dispatch do the good ones, FAILED, no payload; queries carry the good ones"):
        good = str(uuid.uuid4())
        expect_refused(dms.create({"mRID": good, **functions("realPowerDispatch"), **members(DEVICES[5]), **named(f"good-{mark}")}, {"mRID": group, **functions()}), ("6.1", group, "uuid"))
        same(alive(good), True, "the good group")
        reply = expect_refused(dms.query({"mRID": good}, {"mRID": nobody}), ("99.1", nobody, "uuid"), payload=True)
        same([g.mRID for g in reply.Payload.DERGroups.EndDeviceGroup], [good])
        reply = expect_refused(dms.status(named("No Such Group"), {"mRID": good}), ("99.1", "No Such Group", "name"), payload=True)
        same([g.mRID for g in reply.Payload.DERGroupStatuses.EndDeviceGroup], [good])
        kept = dispatch({"mRID": good}, schedule(1, start=now() + datetime.timedelta(hours=1)))
        expect_refused(dms.dispatch(kept, dispatch({"mRID": nobody}, schedule(1)), dispatch({"mRID": good}, schedule(1), unit="V")), ("99.1", nobody, "uuid"), ("1.8", good, "uuid"))
        same([d["mrid"] for d in dms.place.status()["dispatches"] if d["mrid"] == kept["mRID"]], [kept["mRID"]])
        expect_refused(dms.change({"mRID": good, **members(DEVICES[6])}, {"mRID": nobody}), ("99.1", nobody, "uuid"))
        same(len(dms.query({"mRID": good}).Payload.DERGroups.EndDeviceGroup[0].EndDevices), 2, "members after the change")
        expect_refused(dms.delete({"mRID": nobody}, {"mRID": good}), ("99.1", nobody, "uuid"))
        same(alive(good), False, "the deleted group")

    payload = f"<t:Payload><o:DERGroups><o:EndDeviceGroup><o:mRID>{uuid.uuid4()}</o:mRID>{flags()}</o:EndDeviceGroup></o:DERGroups></t:Payload>"
    create = header("create", "DERGroups")
    asks = f"<t:Request><o:DERGroupQueries><o:EndDeviceGroup/></o:DERGroupQueries></t:Request>"
    for what, code, which, message in (
        ("Header", "1.5", "create", envelope("CreateDERGroups", "DERGroups", payload)),
        ("Header of a query", "1.5", "groups", envelope("DERGroupQueriesRequestMessage", "DERGroupQueries", asks)),
        ("Payload", "1.7", "create", envelope("CreateDERGroups", "DERGroups", create)),
        ("Payload of a dispatch", "1.7", "dispatches", envelope("CreateDERGroupDispatches", "DERGroupDispatches", header("create", "DERGroupDispatches"))),
        ("Request", "1.6", "groups", envelope("DERGroupQueriesRequestMessage", "DERGroupQueries", header("get", "DERGroups"))),
        ("Request of a status query", "1.6", "statuses", envelope("DERGroupStatusQueriesRequestMessage", "DERGroupStatusQueries", header("get", "DERGroupStatuses"))),
        ("DERFunction on create", "1.8", "create", envelope("CreateDERGroups", "DERGroups", create + payload.replace(flags(), ""))),
        ("one of nine functions", "1.8", "create", envelope("CreateDERGroups", "DERGroups", create + payload.replace("<o:voltVarCurveFunction>false</o:voltVarCurveFunction>", ""))),
        ("mandatory Verb", "1.8", "create", envelope("CreateDERGroups", "DERGroups", create.replace("<m:Verb>create</m:Verb>", "") + payload)),
    ):
        with checks.case(f"fault with typed detail: missing {what}"):
            result, told, level, words = error_of(dms.raw(which, message))
            same((result, told, level), ("FAILED", code, "FATAL"))
            same(bool(words), True, "words")
    for what, message in (
        ("parameter ActivePower", raw_dispatch(group, parameter="ActivePower")), ("unit w", raw_dispatch(group, unit="w")),
        ("multiplier K", raw_dispatch(group, multiplier="K")), ("style constantyvalue", raw_dispatch(group, style="constantyvalue")),
        ("an empty multiplier", raw_dispatch(group, multiplier="")), ("a word for a number", raw_dispatch(group, point("much"))),
    ):
        with checks.case(f"fault: {what}"):
            result, told, level, words = error_of(dms.raw("dispatches", message))
            same((result, told, level, ": " in words), ("FAILED", "1.8", "FATAL", True))
    with checks.case("zeep raises a Fault with our words"):
        dms.watch.requests_too = False  # the request is invalid on purpose
        try:
            dms.service("change").DeleteDERGroups(Header={"Verb": "remove", "Noun": "DERGroups"}, Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": group}]}})
        except zeep.exceptions.Fault as fault:
            same(("Header/Verb" in fault.message, fault.code.endswith("Client")), (True, True), fault.message)
        else:
            raise AssertionError("a wrong verb was accepted")
        finally:
            dms.watch.requests_too = True
    with checks.case("correlation: CorrelationID, else MessageID, else nothing"):
        for ids in ({"message_id": "m-1", "correlation_id": "c-1"}, {"message_id": "free text & more".replace("&", "&amp;")}):
            dms.raw("groups", envelope("DERGroupQueriesRequestMessage", "DERGroupQueries", header("get", "DERGroups", **ids) + asks))
        bare = "<t:Header><m:Verb>get</m:Verb><m:Noun>DERGroups</m:Noun></t:Header>"
        told = dms.raw("groups", envelope("DERGroupQueriesRequestMessage", "DERGroupQueries", bare + asks))
        same(told.find(f"{{*}}Header/{{{M}}}CorrelationID"), None)
    with checks.case("clean up"):
        expect_ok(dms.delete({"mRID": group}, {"mRID": plain}, {"mRID": twice}))
    print("refusals:", dms.told())
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1])
