"""The example messages of the 61968-5 reference section 13, read at run time, sent as they are and written otherwise.

What says the same must be answered the same: other prefixes, a default namespace on every level, comments, CDATA, character
references, white space. The reference is not part of this repository: without it nothing is checked here.
"""

import copy
import datetime
import os
import random
import re
import sys
import uuid

from lxml import etree

from client import Dms, PATHS, expect_ok, functions, members, named, shared_schemas
from harness import Checks, M, Place, SOAP, same

OFFERED = {
    "CreateDERGroups": "create", "ChangeDERGroups": "change", "DeleteDERGroups": "change", "DERGroupQueriesRequestMessage": "groups",
    "DERGroupStatusQueriesRequestMessage": "statuses", "CreateDERGroupDispatches": "dispatches",
}
PV, BESS = "7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01", "c41f9b06-2d7e-4a39-8f10-5be2d7a6e902"
DEVICE = "1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f4"
# White space around these says nothing to XML Schema; around strings and enumerations it does.
COLLAPSED = {"nominalYValue", "intervalNumber", "timeIntervalDuration", "startTime", "Timestamp", "date", "major", "minor", "revision"}


def examples(text):
    """Messages by root name, each once: requests of section 13, and replies in order."""
    section = text[text.index("\n## 13."):]
    section = section[: section.index("\n## 14.")]
    messages = []
    for block in re.findall(r"```xml\n(.*?)```", section, re.S):
        messages += list(etree.fromstring(f"<all>{block}</all>"))
    return messages


def envelope(message, prefix="soap"):
    return f'<{prefix}:Envelope xmlns:{prefix}="{SOAP}"><{prefix}:Header/><{prefix}:Body>{message}</{prefix}:Body></{prefix}:Envelope>'


def as_is(message):
    message = copy.deepcopy(message)
    message.tail = None
    return envelope(etree.tostring(message, encoding="unicode"))


def is_flag(element):
    return element.text in ("true", "false")


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rewrite(element, style, rng, parent=None, depth=0):
    """The element as text in another style: `prefixes`, `defaults`, `comments`, `cdata`, `references`, `space`, `bools`."""
    namespace, local = etree.QName(element).namespace, etree.QName(element).localname
    attributes = "".join(f' {k}="{escaped(v)}"' for k, v in element.attrib.items())
    if style == "prefixes":
        prefix = f"p{rng.randrange(10**6)}_"
        tag, attributes = f"{prefix}:{local}", f' xmlns:{prefix}="{namespace}"{attributes}'
    elif namespace != parent:
        tag, attributes = local, f' xmlns="{namespace}"{attributes}'
    else:
        tag = local
    children = [child for child in element if isinstance(child.tag, str)]
    text = element.text or ""
    if children:
        between = {"comments": "<!-- <no:thing/> & -->", "space": "\r\n\t  ", "cdata": "<![CDATA[]]>", "processing": "<?note?>"}.get(style, "")
        inner = between + "".join(rewrite(child, style, rng, namespace, depth + 1) + between for child in children)
    elif style == "comments":
        half = len(text) // 2
        inner = f"{escaped(text[:half])}<!-- in the middle -->{escaped(text[half:])}"
    elif style == "processing":
        inner = f"<?a b?>{escaped(text)}<?c?>"
    elif style == "cdata":
        half = len(text) // 2
        inner = f"<![CDATA[{text[:half]}]]>{escaped(text[half:])}"
    elif style == "references":
        inner = "".join(rng.choice([f"&#{ord(c)};", f"&#x{ord(c):X};"]) for c in text)
    elif style == "space":
        inner = f"\n  {escaped(text)}\t" if local in COLLAPSED or is_flag(element) else escaped(text)
    elif style == "bools" and is_flag(element):
        inner = "1" if text == "true" else "0"
    else:
        inner = escaped(text)
    return f"<{tag}{attributes}>{inner}</{tag}>"


STYLES = ["prefixes", "defaults", "comments", "processing", "cdata", "references", "space", "bools"]


def rewritten(message, style, rng):
    text = envelope(rewrite(message, style, rng), prefix="S" if style == "prefixes" else "soap")
    if style == "comments":
        text = '<?xml version="1.0" encoding="utf-8"?>\n<!-- first -->\n' + text + "\n<!-- last -->\n"
    if style == "space":
        text = "\ufeff" + text.replace("><soap:Body", ">\n\n<soap:Body") + "\n\n"
    again = etree.fromstring(text.encode())
    same(etree.QName(again).localname, "Envelope")
    return text


def canonical(reply, renamed=None):
    """A reply without what differs each time: its own ID and times, and what is measured."""
    reply = copy.deepcopy(reply)
    for element in reply.iter("{*}Timestamp", "{*}MessageID", "{*}timeStamp", "{*}dateTime", "{*}nominalYValue"):
        element.text = "-"
    text = etree.tostring(reply, method="c14n").decode()
    for new, old in (renamed or {}).items():
        text = text.replace(new, old)
    return text


def outcome(reply):
    """Result and, per error, code, level and the objects named."""
    reply = reply.find("{*}Reply")
    ids = lambda error: [(i.text, i.get("kind"), i.get("objectType")) for name in ("ID", "relatedID") for i in error.findall(f"{{{M}}}{name}")]
    errors = [(e.findtext(f"{{{M}}}code"), e.findtext(f"{{{M}}}level"), ids(e)) for e in reply.findall(f"{{{M}}}Error")]
    return reply.findtext(f"{{{M}}}Result"), errors


class State:
    """Puts the two groups of the examples in or out of the gateway."""

    def __init__(self, dms):
        self.dms = dms

    def clear(self):
        for asked in ({"mRID": PV}, {"mRID": BESS}):
            if self.dms.query(asked).Reply.Result == "OK":
                expect_ok(self.dms.delete(asked))

    def prepare(self, root):
        self.clear()
        if root != "CreateDERGroups":
            on = functions("connectDisconnect", "maxRealPowerLimiting", "rampRateControl", "realPowerDispatch")
            expect_ok(self.dms.create({"mRID": PV, **on, **members(DEVICE + "01", DEVICE + "02"), **named("FDR12-PV")}))
        if root in ("ChangeDERGroups", "DeleteDERGroups", "DERGroupQueriesRequestMessage"):
            on = functions("connectDisconnect", "realPowerDispatch")
            expect_ok(self.dms.create({"mRID": BESS, **on, **members(DEVICE + "03"), **named("DEPOT-BESS")}))


def later(message):
    """A dispatch with its times moved into the future and mRIDs of its own; and what was renamed."""
    moved, renamed = copy.deepcopy(message), {}
    start = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for element in moved.iter("{*}startTime"):
        element.text = start
    for dispatch in moved.iter("{*}DERGroupDispatch"):
        own = dispatch.find("{*}mRID")
        new = str(uuid.uuid4())
        renamed[new], own.text = own.text, new
    return moved, renamed


def main(folder):
    checks, dms = Checks("examples", folder), Dms(Place(folder))
    schemas = shared_schemas()
    reference = schemas and os.path.join(schemas, "..", "..", "reference", "61968-5.md")
    if not reference or not os.path.exists(reference):
        print("SKIP: the reference with the examples is not here (shared/reference/61968-5.md, or DERGATE_SHARED)")
        checks.end()
    with open(reference) as f:
        messages = examples(f.read())
    state, rng = State(dms), random.Random(5)
    roots = [etree.QName(message).localname for message in messages]
    with checks.case("the reference has an example of every operation"):
        same(set(OFFERED) <= set(roots), True, f"roots {roots}")

    def expected_after(at):
        """The replies that stand behind an example."""
        found = []
        for message in messages[at + 1:]:
            if not etree.QName(message).localname.endswith("ResponseMessage"):
                break
            found.append(message)
        return found

    for at, (root, message) in enumerate(zip(roots, messages, strict=True)):
        if root.endswith("ResponseMessage") or root.endswith("FaultMessage"):
            continue
        if root not in OFFERED:
            with checks.case(f"{root}: not offered, and refused in words"):
                status, reply = dms.place.post(PATHS["change"], as_is(message))
                detail = etree.fromstring(reply).find(".//detail")[0]
                same((status, outcome(detail)[0], outcome(detail)[1][0][0]), (500, "FAILED", "2.5"))
            continue
        which, answers = OFFERED[root], expected_after(at)
        with checks.case(f"{root}: as it is"):
            state.prepare(root)
            told = dms.raw(which, as_is(message))
            first = canonical(told)
            expected = ("OK", [("0.0", None, [])])
            if root == "DERGroupStatusQueriesRequestMessage":
                expected = outcome(answers[0])
            if root == "CreateDERGroupDispatches":
                # The examples' day is over, so what could be done then is refused now.
                same([(e[0], e[2][0][0]) for e in outcome(told)[1]], [("6.1", "FDR12-PV"), ("6.1", "FDR12-PV"), ("99.1", "DEPOT-BESS")])
                expected = outcome(told)
                same(expected[1][2], outcome(answers[0])[1][0], "the refusal that the reference shows")
            same(outcome(told), expected)
        if root == "CreateDERGroups":
            with checks.case(f"{root}: again: the reply that the reference shows"):
                same(outcome(dms.raw(which, as_is(message))), outcome(answers[2]))
        for style in STYLES:
            with checks.case(f"{root}: written otherwise: {style}"):
                state.prepare(root)
                same(canonical(dms.raw(which, rewritten(message, style, rng))), first, "the reply")
        if root == "CreateDERGroupDispatches":
            with checks.case(f"{root}: in the future: power accepted, ramp rate and unknown group refused"):
                state.prepare(root)
                moved, renamed = later(message)
                told = dms.raw(which, as_is(moved))
                same([(e[0], e[2][0][0]) for e in outcome(told)[1]], [("6.1", "FDR12-PV"), ("99.1", "DEPOT-BESS")])
                first = canonical(told, renamed)
                stored = [d["mrid"] for d in dms.place.status()["dispatches"]]
                same([new in stored for new in renamed], [True, False, False], "stored")
            for style in STYLES:
                with checks.case(f"{root}: in the future, written otherwise: {style}"):
                    state.prepare(root)
                    moved, renamed = later(message)
                    same(canonical(dms.raw(which, rewritten(moved, style, rng)), renamed), first, "the reply")
    with checks.case("clean up"):
        state.clear()
    print("examples:", dms.told())
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1])
