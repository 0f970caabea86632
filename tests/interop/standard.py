"""The 2017 WSDLs and the gateway's own: the same services, ports, operations, actions and messages; and a client made from
the standard's files, as a DMS that never saw ours would have it. Without the files nothing is checked here."""

import os
import sys
import uuid

import zeep
from lxml import etree

from client import Dms, PATHS, Transport, dispatch, expect_ok, functions, header, members, named, schedule, shared_schemas
from harness import Checks, DEVICES, Place, get_bytes, same

FILES = {
    "create": "create/ExecuteDERGroups.wsdl", "change": "change/ExecuteDERGroups.wsdl", "groups": "get/QueryDERGroups.wsdl",
    "statuses": "get/QueryDERGroupStatuses.wsdl", "dispatches": "create/ExecuteDERGroupDispatches.wsdl",
}
W, S = "{http://schemas.xmlsoap.org/wsdl/}", "{http://schemas.xmlsoap.org/wsdl/soap/}"


def offered(description):
    """What a WSDL says that a client depends on: (namespace, service, port, binding, operation, action, elements)."""
    root = etree.fromstring(description)
    expand = lambda element, name: (element.nsmap.get(name.split(":")[0]), name.split(":")[1]) if ":" in name else (element.nsmap.get(None), name)
    elements = {m.get("name"): [expand(p, p.get("element")) for p in m.findall(f"{W}part")] for m in root.findall(f"{W}message")}
    bindings = {b.get("name"): b for b in root.findall(f"{W}binding")}
    ports = {p.get("name"): p for p in root.findall(f"{W}portType")}
    found = set()
    for service in root.findall(f"{W}service"):
        for port in service.findall(f"{W}port"):
            binding = bindings[port.get("binding").split(":")[-1]]
            kind = ports[binding.get("type").split(":")[-1]]
            for operation in binding.findall(f"{W}operation"):
                name = operation.get("name")
                (abstract,) = [o for o in kind.findall(f"{W}operation") if o.get("name") == name]
                parts = tuple(tuple(elements[abstract.find(f"{W}{way}").get("message").split(":")[-1]]) for way in ("input", "output", "fault"))
                action = operation.find(f"{S}operation").get("soapAction")
                found.add((root.get("targetNamespace"), service.get("name"), port.get("name"), binding.get("name"), name, action, parts))
    return found


def main(folder):
    checks, place = Checks("standard", folder), Place(folder)
    dms, schemas = Dms(place), shared_schemas()
    if not schemas:
        print("SKIP: the 2017 WSDLs are not here (shared/schemas, or DERGATE_SHARED)")
        checks.end()
    mark, proxies = uuid.uuid4().hex[:8], {}
    dms.service = proxies.__getitem__
    for which, file in FILES.items():
        path = os.path.join(schemas, file)
        with checks.case(f"{file}: ours offers all that it does, under the same names"):
            with open(path, "rb") as f:
                wanted = offered(f.read())
            missing = wanted - offered(get_bytes(place.url + PATHS[which] + "?wsdl"))
            same(missing, set(), "what ours lacks")
        with checks.case(f"{file}: a client made from it"):
            # Not strict: the standard's own files have a stray schema behind the service.
            client = zeep.Client(path, settings=zeep.Settings(strict=False), transport=Transport(dms.watch))
            (service,) = client.wsdl.services.values()
            (port,) = service.ports.values()
            proxies[which] = client.create_service(port.binding.name.text, place.url + PATHS[which])
    group = str(uuid.uuid4())
    with checks.case("it creates, changes, queries, dispatches and deletes"):
        expect_ok(dms.create({"mRID": group, **functions("realPowerDispatch"), **members(*DEVICES[:2]), **named(f"S-{mark}")}))
        expect_ok(dms.change({"mRID": group, **members(DEVICES[2])}))
        same(len(expect_ok(dms.query(named(f"S-{mark}")), payload=True).Payload.DERGroups.EndDeviceGroup[0].EndDevices), 3)
        expect_ok(dms.status({"mRID": group}), payload=True)
        expect_ok(dms.dispatch(dispatch({"mRID": group}, schedule(2), mrid=None)), payload=True)
        expect_ok(dms.delete({"mRID": group}))
    with checks.case("a typed fault reaches it"):
        dms.watch.requests_too = False
        try:
            dms.service("change").DeleteDERGroups(Header=header("remove", "DERGroups"), Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": group}]}})
        except zeep.exceptions.Fault as fault:
            same(etree.QName(fault.detail[0]).localname, "DERGroupsFaultMessage")
        else:
            raise AssertionError("a wrong verb was accepted")
    print("standard:", dms.told())
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1])
