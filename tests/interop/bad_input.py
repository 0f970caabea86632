"""What must not harm the gateway: broken, hostile and slow input on raw sockets. Standard library only.

For each case: one clear answer, and the next request on a new connection is served. Over the whole run: no panic in the log,
and memory that stays where it was once the allocator has seen the largest messages.
"""

import concurrent.futures
import re
import socket
import sys
import time
import uuid

from harness import DEVICES, NS, PATIENCE, SOAP, Checks, Place, envelope, flags, header, same

QUERY = envelope(
    "DERGroupQueriesRequestMessage", "DERGroupQueries",
    header("get", "DERGroups") + "<t:Request><o:DERGroupQueries><o:EndDeviceGroup/></o:DERGroupQueries></t:Request>",
)
GROUP, NOBODY = str(uuid.uuid4()), str(uuid.uuid4())
WARM_ROUNDS = 4
GROWTH_KIB = 20 * 1024
FIRST_ROUNDS_KIB = 96 * 1024


def head(body, path="/61968-5/create/executeDERGroups", length=None, more=""):
    length = len(body) if length is None else length
    return (f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {length}\r\n{more}\r\n").encode()


def exchange(place, data, then_close=False, patience=PATIENCE):
    """Sends bytes and reads until the answer is whole or the connection ends; gives all that came."""
    with socket.create_connection(("127.0.0.1", place.north), timeout=patience) as s:
        try:
            s.sendall(data)
            if then_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the gateway may hang up on a flood; what it said is still read
        return receive(s)


def receive(s):
    got = b""
    try:
        while not whole(got):
            more = s.recv(65536)
            if not more:
                break
            got += more
    except (ConnectionError, TimeoutError):
        pass
    return got


def whole(got):
    top, found, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", top)
    return bool(found) and length is not None and len(body) >= int(length[1])


def read(answer):
    """HTTP status, 61968 code and words of an answer."""
    status = re.match(rb"HTTP/1\.1 (\d+)", answer)
    code = re.search(rb"<m:code>([^<]*)", answer)
    words = re.search(rb"<(?:faultstring|m:reason|m:details)>([^<]*)", answer)
    text = lambda found: found[1].decode() if found else ""
    return int(status[1]) if status else None, text(code), text(words)


def create(inner, root="CreateDERGroups", family="DERGroups", verb="create"):
    return envelope(root, family, header(verb, family) + f"<t:Payload><o:{family}>{inner}</o:{family}></t:Payload>")


def group(mrid, name, devices=DEVICES[:1], on=("realPowerDispatch",)):
    devices = "".join(f"<o:EndDevices><o:mRID>{d}</o:mRID></o:EndDevices>" for d in devices)
    return f"<o:EndDeviceGroup><o:mRID>{mrid}</o:mRID>{flags(*on)}{devices}<o:Names><o:name>{name}</o:name></o:Names></o:EndDeviceGroup>"


def dispatch(asked=GROUP, value="1", unit="W", style="constantYValue", points=True):
    point = f"<o:DERCurveData><o:intervalNumber>1</o:intervalNumber><o:nominalYValue>{value}</o:nominalYValue></o:DERCurveData>"
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return create(
        f"<o:DERGroupDispatch><o:EndDeviceGroup><o:mRID>{asked}</o:mRID><o:DERMonitorableParameter><o:DERParameter>activePower</o:DERParameter>"
        f"<o:yMultiplier>k</o:yMultiplier><o:yUnit>{unit}</o:yUnit><o:DispatchSchedule><o:curveStyleKind>{style}</o:curveStyleKind>"
        f"<o:startTime>{start}</o:startTime><o:timeIntervalDuration>1</o:timeIntervalDuration><o:timeIntervalUnit>m</o:timeIntervalUnit>"
        f"{point if points else ''}</o:DispatchSchedule></o:DERMonitorableParameter></o:EndDeviceGroup></o:DERGroupDispatch>",
        "CreateDERGroupDispatches", "DERGroupDispatches",
    )


def bomb():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE s:Envelope [<!ENTITY e0 "lol">{entities}]>' + create(group(str(uuid.uuid4()), "&e9;"))


def messages():
    """Name, body, HTTP status and code that are right for it."""
    good = create(group(str(uuid.uuid4()), f"bad-input-{uuid.uuid4()}"))
    deep = f'<s:Envelope xmlns:s="{SOAP}"><s:Body>' + "<a>" * 10_000 + "</a>" * 10_000 + "</s:Body></s:Envelope>"
    names = "".join(f"<o:Names><o:name>{n}</o:name></o:Names>" for n in range(80_000))
    senseless = dispatch(unit="V").replace("<o:DERGroupDispatches>", f'<o:DERGroupDispatches xmlns="{NS}DERGroupDispatches#">')
    at, close = senseless.index("<o:DERGroupDispatch>"), "</o:DERGroupDispatch>"
    end = senseless.index(close) + len(close)
    one = senseless[at:end].replace("o:", "")  # 6,000 of them with prefixes are larger than a body may be
    return [
        ("an empty body", "", 500, "1.8"),
        ("XML that ends early", good[: len(good) // 2], 500, "1.8"),
        ("not UTF-8", good.encode().replace(b"bad-input", b"caf\xe9"), 500, "1.8"),
        ("UTF-16", good.encode("utf-16"), 500, "1.8"),
        ("a NUL character", good.replace("bad-input", "bad\0input"), 500, "1.8"),
        ("a DTD", "<!DOCTYPE x>" + good, 500, "1.8"),
        ("a DTD with an external entity", '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + good.replace("bad-input", "&f;"), 500, "1.8"),
        ("an entity bomb", bomb(), 500, "1.8"),
        ("an entity nobody declared", good.replace("bad-input", "&f;"), 500, "1.8"),
        ("10,000 nested elements", deep, 500, "1.8"),
        ("10,000 nested elements that never close", deep[:40_000], 500, "1.8"),
        ("300,000 elements", create(group(str(uuid.uuid4()), "many") + "<o:x/>" * 300_000), 500, "1.8"),
        ("10,000 attributes", good.replace("<s:Body>", "<s:Body " + " ".join(f'a{n}="1"' for n in range(10_000)) + ">"), 500, "1.8"),
        ("50,000 namespaces", good.replace("<s:Body>", "<s:Body " + " ".join(f'xmlns:n{n}="u{n}"' for n in range(50_000)) + ">"), 500, "1.8"),
        ("the wrong namespace", good.replace(f'"{NS}DERGroupsMessage"', '"http://iec.ch/TC57/2016/DERGroupsMessage"'), 500, "1.8"),
        ("the wrong namespace of the object", good.replace(f'"{NS}DERGroups#"', f'"{NS}DERGroups"'), 500, "1.8"),
        ("an unknown root", good.replace("CreateDERGroups", "MakeCoffee"), 500, "2.5"),
        ("a SOAP 1.2 envelope", good.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"), 500, ""),
        ("two messages in one body", good.replace("<s:Body>", "<s:Body><a/>"), 500, "1.8"),
        ("JSON", '{"verb": "create"}', 500, "1.8"),
        ("a wrong enumeration case", dispatch(style="ConstantYValue"), 500, "1.8"),
        ("a number that is NaN", dispatch(value="NaN"), 200, "1.8"),
        ("an infinite number", dispatch(value="INF"), 200, "1.8"),
        ("a number beyond all numbers", dispatch(value="1" + "0" * 4000), 200, "1.8"),
        ("a missing Header", envelope("CreateDERGroups", "DERGroups", f"<t:Payload><o:DERGroups>{group(NOBODY, 'x')}</o:DERGroups></t:Payload>"), 500, "1.5"),
        ("a duplicate mRID", create(group(GROUP, "another name")), 200, "6.1"),
        ("an unknown group", dispatch(asked=NOBODY), 200, "99.1"),
        ("an unknown member", create(group(NOBODY, "n", [NOBODY])), 200, "6.1"),
        ("an empty schedule", dispatch(points=False), 200, "5.8"),
        ("a unit that does not fit", dispatch(unit="VAr"), 200, "1.8"),
        ("80,000 names of one group", create(f"<o:EndDeviceGroup><o:mRID>{GROUP}</o:mRID>{names}</o:EndDeviceGroup>", "ChangeDERGroups", verb="change"), 500, "1.8"),
        ("6,000 dispatches of which none makes sense", senseless[:at] + one * 6_000 + senseless[end:], 500, "1.8"),
        ("30,000 unknown groups to delete", create("".join(f"<o:EndDeviceGroup><o:mRID>z{n}</o:mRID></o:EndDeviceGroup>" for n in range(30_000)), "DeleteDERGroups", verb="delete"), 200, "99.1"),
        ("a name of 1 MB", create(group(str(uuid.uuid4()), "n" * 1_000_000)), 500, "1.8"),
    ]


def asks(place):
    """Every case with one answer: name, how to ask, the HTTP status (or statuses) and the code that are right."""
    big = QUERY.encode() + b" " * (20 * 1024 * 1024)
    chunked = b"POST /61968-5/create/executeDERGroups HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    return [(name, lambda body=body: send(place, body), status, code) for name, body, status, code in messages()] + [
        ("a body of 20 MB", lambda: exchange(place, head(big) + big), 413, "3.1"),
        ("20 MB in chunks", lambda: exchange(place, chunked + chunk * 20 + b"0\r\n\r\n"), 413, "3.1"),
        ("a body said to be 1 TB", lambda: exchange(place, head(b"", length=10**12)), 413, "3.1"),
        ("a body cut off", lambda: exchange(place, head(QUERY.encode()) + QUERY.encode()[:100], then_close=True), (400, None), ""),
        ("garbage instead of HTTP", lambda: exchange(place, bytes(range(256)) * 40), (400, None), ""),
        ("TLS instead of HTTP", lambda: exchange(place, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 500), (400, None), ""),
        ("a head of 1 MB", lambda: exchange(place, head(b"", more="X-Long: " + "x" * 1_000_000 + "\r\n")), (431, 400), ""),
        ("a length that is no number", lambda: exchange(place, head(b"", length="many")), 400, ""),
        ("two lengths", lambda: exchange(place, head(b"", length=5, more="Content-Length: 6\r\n") + b"hello!"), 400, ""),
        ("a compressed body", lambda: exchange(place, head(b"x", more="Content-Encoding: gzip\r\n") + b"x"), 415, "1.8"),
        ("another character set", lambda: exchange(place, head(b"x").replace(b"utf-8", b"iso-8859-1") + b"x"), 415, "1.8"),
        ("a path that is not there", lambda: exchange(place, head(b"x", path="/61968-5/nothing") + b"x"), 404, ""),
        ("a path with tricks", lambda: exchange(place, b"GET /61968-5/get/xsd/..%2f..%2fetc/passwd HTTP/1.1\r\nHost: g\r\n\r\n"), 404, ""),
        ("another method", lambda: exchange(place, head(b"x").replace(b"POST", b"PUT") + b"x"), 405, ""),
        ("a header that never ends", lambda: slowly(place, b"POST /61968-5/get/queryDERGroups HTTP/1.1\r\nX: ", b"x"), (408, None), ""),
        ("a body that never ends", lambda: slowly(place, head(QUERY.encode(), length=5000), b" "), 408, "4.1"),
    ]


def served(place):
    status, code, _ = read(exchange(place, head(QUERY.encode(), "/61968-5/get/queryDERGroups") + QUERY.encode()))
    same((status, code), (200, "0.0"), "the next request on a new connection")


def main(folder):
    checks, place = Checks("bad input", folder), Place(folder)
    made = create(group(GROUP, f"bad-input-{GROUP}")).encode()
    answer = exchange(place, head(made) + made)
    same(read(answer)[:2], (200, "0.0"), "creation of the group")
    cold = place.resident()
    # Before measuring: an allocator keeps what its largest messages took, in each of its arenas.
    for _ in range(WARM_ROUNDS):
        for _, body, _, _ in messages():
            send(place, body)
    for _, ask, _, _ in asks(place):
        ask()
    burst(place, 300)
    before = place.resident()
    for one in asks(place):
        case(checks, place, *one)

    with checks.case("300 connections at once, each a whole request"):
        answers = burst(place, 300)
        print(f"bad input: 300 connections: {answers.count((200, '0.0'))} answered")
        same(answers.count((200, "0.0")), 300, "answered")
        served(place)
    with checks.case("300 connections that say nothing: served again when they are cut off"):
        idle = [socket.create_connection(("127.0.0.1", place.north)) for _ in range(300)]
        began = time.monotonic()
        served(place)
        print(f"bad input: behind 300 silent connections a request waited {time.monotonic() - began:.1f} s")
        for s in idle:
            s.close()
    with checks.case("memory stays where it was"):
        growth = place.resident() - before
        print(f"bad input: resident memory {cold} KiB before anything, {before} KiB after some rounds, {growth:+} KiB after the next")
        same(growth < GROWTH_KIB, True, f"growth of {growth} KiB below {GROWTH_KIB} KiB")
        same(before - cold < FIRST_ROUNDS_KIB, True, f"growth of {before - cold} KiB in the first rounds below {FIRST_ROUNDS_KIB} KiB")
    with checks.case("no panic in the log"):
        same([line for line in place.log().splitlines() if "panic" in line.lower()], [])
    checks.end()


def case(checks, place, name, ask, status, code):
    with checks.case(name):
        told = read(ask())
        print(f"bad input: {name}: HTTP {told[0]}, code {told[1] or '-'}: {told[2][:150] or '-'}", flush=True)
        allowed = status if isinstance(status, tuple) else (status,)
        same(told[0] in allowed, True, f"HTTP status {told[0]}, one of {allowed}")
        if code:
            same(told[1], code, "code")
        if status in (200, 500) and not told[2]:
            raise AssertionError("an answer without words")
        served(place)


def send(place, body):
    body = body if isinstance(body, bytes) else body.encode()
    return exchange(place, head(body) + body)


def slowly(place, start, drop):
    """One byte at a time, for ever; gives the answer, and insists on being cut off."""
    with socket.create_connection(("127.0.0.1", place.north), timeout=0.2) as s:
        s.sendall(start)
        deadline, got = time.monotonic() + PATIENCE, b""
        while time.monotonic() < deadline:
            try:
                s.sendall(drop)
                more = s.recv(65536)
                if not more:
                    return got
                got += more
                if whole(got):
                    return got
            except TimeoutError:
                pass
            except OSError:
                return got
        raise AssertionError("never cut off")


def burst(place, count):
    ask = head(QUERY.encode(), "/61968-5/get/queryDERGroups") + QUERY.encode()
    sockets = [socket.create_connection(("127.0.0.1", place.north), timeout=PATIENCE) for _ in range(count)]

    def one(s):
        with s:
            s.sendall(ask)
            return read(receive(s))[:2]

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, sockets))


if __name__ == "__main__":
    main(sys.argv[1])
