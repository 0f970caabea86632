"""SOAP clients that zeep makes from the gateway's own descriptions, and a check of every message that passes through them.

Every reply, fault or not, must be valid under the schemas as served and, where they are at hand, under the 2017 set of the
standard; its header must be right for the request. The requests that zeep makes must be valid under the 2017 set too.
"""

import copy
import datetime
import os
import re
import urllib.request
import uuid

import zeep
from lxml import etree

from harness import FUNCTIONS, M, NS, PATIENCE, SOAP, same

PATHS = {
    "create": "/create/executeDERGroups", "change": "/change/executeDERGroups", "groups": "/get/queryDERGroups",
    "statuses": "/get/queryDERGroupStatuses", "dispatches": "/create/executeDERGroupDispatches",
}
# Where the 2017 set keeps the message schema of each namespace; change/ differs from create/ in DERFunction.
FOLDERS = {"DERGroups": "create", "DERGroupQueries": "get", "DERGroupStatusQueries": "get", "DERGroupDispatches": "create"}
REPLY_NOUNS = {"DERGroupQueries": "DERGroups", "DERGroupStatusQueries": "DERGroupStatuses"}


def shared_schemas():
    """The folder of the 2017 set, or nothing: DERGATE_SHARED, else shared/schemas beside or above the repository."""
    given = os.environ.get("DERGATE_SHARED")
    here = os.path.dirname(os.path.abspath(__file__))
    above = [os.path.join(here, *[".."] * n) for n in range(2, 7)]
    for shared in [given] if given else [os.path.join(folder, "shared") for folder in above]:
        found = os.path.realpath(os.path.join(shared, "schemas", "61968-5"))
        if os.path.isdir(found):
            return found
    return None


def strip(message):
    """A message element as a document of its own: lxml validates documents."""
    return etree.ElementTree(etree.fromstring(etree.tostring(copy.deepcopy(message), with_tail=False)))


class Schemas:
    """The schemas as served, and those of the 2017 set if they are there."""

    def __init__(self, place):
        self.served, self.standard, self.checked = {}, {}, {"served": 0, "standard": 0, "requests": 0}
        self.shared = shared_schemas()
        for family, folder in FOLDERS.items():
            self.served[family] = self.fetch(place, folder, f"{family}Message.xsd")
            if self.shared:
                self.standard[family] = self.read(folder, family)
        if self.shared:
            self.standard["change"] = self.read("change", "DERGroups")

    def read(self, folder, family):
        return etree.XMLSchema(file=os.path.join(self.shared, folder, "xsd", f"{family}Message.xsd"))

    def fetch(self, place, folder, name):
        """A schema and all that it imports, over HTTP: lxml itself reads no URLs."""
        at, waiting = os.path.join(place.folder, "served", folder), [name]
        os.makedirs(at, exist_ok=True)
        while waiting:
            one = waiting.pop()
            if os.path.exists(os.path.join(at, one)):
                continue
            with urllib.request.urlopen(f"{place.url}/{folder}/xsd/{one}", timeout=PATIENCE) as answer:
                text = answer.read()
            with open(os.path.join(at, one), "wb") as f:
                f.write(text)
            waiting += [found.decode() for found in re.findall(rb'schemaLocation="([^"]+)"', text)]
        return etree.XMLSchema(file=os.path.join(at, name))

    def reply(self, message):
        family = family_of(message)
        self.served[family].assertValid(strip(message))
        self.checked["served"] += 1
        if self.shared:
            self.standard[family].assertValid(strip(message))
            self.checked["standard"] += 1

    def request(self, message):
        if self.shared:
            changes = etree.QName(message).localname in ("ChangeDERGroups", "DeleteDERGroups")
            self.standard["change" if changes else family_of(message)].assertValid(strip(message))
            self.checked["requests"] += 1


def family_of(message):
    return etree.QName(message).namespace.removeprefix(NS).removesuffix("Message")


def message_in(body):
    """The message in a SOAP body; of a fault its typed detail, or nothing if there is none."""
    (inner,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
    if etree.QName(inner).localname == "Fault":
        detail = inner.find("detail")
        return detail[0] if detail is not None and len(detail) else None
    return inner


def text_of(header, name):
    """The text of a header's child, put together around comments; nothing if there is none."""
    found = header.find(f"{{{M}}}{name}")
    return None if found is None else found.xpath("string()").strip()


class Watch:
    """Looks at every exchange."""

    def __init__(self, place):
        self.schemas, self.message_ids = Schemas(place), set()
        self.last = None
        self.requests_too = True

    def exchange(self, request, reply, status):
        self.last = told = message_in(reply)
        fault = etree.fromstring(reply).find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault") is not None
        same(status, 500 if fault else 200, "HTTP status")
        if told is not None:
            self.schemas.reply(told)
        if fault:
            return
        head = told.find("{*}Header")
        same(head.findtext(f"{{{M}}}Verb"), "reply", "Verb")
        family = family_of(told)
        same(head.findtext(f"{{{M}}}Noun"), REPLY_NOUNS.get(family, family), "Noun")
        asked = etree.fromstring(request).find(f"{{{SOAP}}}Body")[0].find("{*}Header")
        correlation, message = text_of(asked, "CorrelationID"), text_of(asked, "MessageID")
        wanted = correlation or message
        same(head.findtext(f"{{{M}}}CorrelationID"), wanted, "CorrelationID")
        fresh = head.findtext(f"{{{M}}}MessageID")
        uuid.UUID(fresh)
        if fresh in self.message_ids or fresh == message:
            raise AssertionError(f"MessageID {fresh} is not new")
        self.message_ids.add(fresh)
        sent = datetime.datetime.fromisoformat(head.findtext(f"{{{M}}}Timestamp").replace("Z", "+00:00"))
        age = datetime.datetime.now(datetime.timezone.utc) - sent
        if abs(age.total_seconds()) > PATIENCE:
            raise AssertionError(f"Timestamp {sent} is not now")


class Transport(zeep.transports.Transport):
    def __init__(self, watch):
        super().__init__(timeout=PATIENCE, operation_timeout=PATIENCE)
        self.watch = watch

    def post(self, address, message, headers):
        if self.watch.requests_too:
            self.watch.schemas.request(message_in(message))
        answer = super().post(address, message, headers)
        self.watch.exchange(message, answer.content, answer.status_code)
        return answer


class Dms:
    """A DMS: one generated client per path."""

    def __init__(self, place):
        self.place, self.watch, self.clients = place, Watch(place), {}

    def service(self, which):
        if which not in self.clients:
            url = self.place.url + PATHS[which] + "?wsdl"
            settings = zeep.Settings(strict=True)
            self.clients[which] = zeep.Client(url, settings=settings, transport=Transport(self.watch))
        return self.clients[which].service

    def create(self, *groups, at="create", **more):
        payload = {"DERGroups": {"EndDeviceGroup": list(groups)}}
        return self.service(at).CreateDERGroups(Header=header("create", "DERGroups", **more), Payload=payload)

    def change(self, *groups, at="change"):
        payload = {"DERGroups": {"EndDeviceGroup": list(groups)}}
        return self.service(at).ChangeDERGroups(Header=header("change", "DERGroups"), Payload=payload)

    def delete(self, *groups, at="change"):
        payload = {"DERGroups": {"EndDeviceGroup": list(groups)}}
        return self.service(at).DeleteDERGroups(Header=header("delete", "DERGroups"), Payload=payload)

    def query(self, *groups):
        request = {"DERGroupQueries": {"EndDeviceGroup": list(groups)}}
        return self.service("groups").QueryDERGroups(Header=header("get", "DERGroups"), Request=request)

    def status(self, *groups):
        request = {"DERGroupStatusQueries": {"EndDeviceGroup": list(groups)}}
        return self.service("statuses").QueryDERGroupStatuses(Header=header("get", "DERGroupStatuses"), Request=request)

    def dispatch(self, *dispatches):
        payload = {"DERGroupDispatches": {"DERGroupDispatch": list(dispatches)}}
        head = header("create", "DERGroupDispatches")
        return self.service("dispatches").CreateDERGroupDispatches(Header=head, Payload=payload)

    def raw(self, which, body):
        """Posts bytes as they are; gives the parsed message in the answer (of a fault, its detail) after all checks."""
        status, answer = self.place.post(PATHS[which], body)
        self.watch.exchange(body if isinstance(body, bytes) else body.encode(), answer, status)
        return self.watch.last

    def told(self):
        """One line about what was checked."""
        checked = self.watch.schemas.checked
        if not self.watch.schemas.shared:
            print("SKIP: the 2017 schemas are not here (shared/schemas, or DERGATE_SHARED): replies were checked against the served ones only")
        return f"{checked['served']} replies valid as served, {checked['standard']} under the 2017 set, {checked['requests']} requests under it"


def header(verb, noun, **more):
    made = {"Verb": verb, "Noun": noun, "Timestamp": now(), "MessageID": str(uuid.uuid4()), "CorrelationID": str(uuid.uuid4())}
    return {**made, **more}


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def named(*names):
    return {"Names": [{"name": name} for name in names]}


def version(major, minor, revision=0):
    return {"version": {"date": now(), "major": major, "minor": minor, "revision": revision}}


def functions(*on):
    return {"DERFunction": {f: f in on for f in FUNCTIONS}}


def members(*devices):
    return {"EndDevices": [{"mRID": device} for device in devices]}


def schedule(*values, style="constantYValue", start=None, step=1, unit="m"):
    points = [{"intervalNumber": n, "nominalYValue": value} for n, value in enumerate(values, 1)]
    return {"curveStyleKind": style, "startTime": start or now(), "timeIntervalDuration": step, "timeIntervalUnit": unit, "DERCurveData": points}


def dispatch(group, *schedules, parameter="activePower", multiplier="k", unit="W", mrid=True, **more):
    content = {"DERParameter": parameter, "yMultiplier": multiplier, "yUnit": unit, "DispatchSchedule": list(schedules)}
    made = {"mRID": str(uuid.uuid4())} if mrid is True else {"mRID": mrid} if mrid else {}
    return {**made, "EndDeviceGroup": {**group, "DERMonitorableParameter": content}, **more}


def expect_ok(reply, payload=False):
    same((reply.Reply.Result, [e.code for e in reply.Reply.Error]), ("OK", ["0.0"]), "Reply")
    same((reply.Reply.Error[0].level, reply.Reply.Error[0].ID), (None, None), "level and ID of a success")
    same(reply.Payload is not None, payload, "presence of a Payload")
    return reply


def expect_refused(reply, *errors, payload=False):
    """Each error as (code, text of ID, kind of ID): level is always FATAL and the object a DERGroup."""
    told = [(e.code, e.ID and e.ID._value_1, e.ID and e.ID.kind) for e in reply.Reply.Error]
    same((reply.Reply.Result, told), ("FAILED", [(e + (None, None))[:3] for e in errors]), "Reply")
    for error in reply.Reply.Error:
        same((error.level, error.ID is None or error.ID.objectType), ("FATAL", error.ID is None or "DERGroup"), "level and objectType")
        if not (error.reason or error.details):
            raise AssertionError("an error without words")
    same(reply.Payload is not None, payload, "presence of a Payload")
    return reply
