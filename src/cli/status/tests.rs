use super::*;
use crate::admin::{Health, serve};
use crate::core::service::{
    Ask, DeviceView, DispatchView, EventView, GroupView, ParameterView, ReadingView, Service, ShareView,
    Snapshot,
};
use crate::der::{
    Clock, DerFunctions, DeviceState, DispatchState, EndDeviceGroup, Mrid, Name, Parameter, Quality,
    Quantity, SequenceEvent,
};
use std::sync::{Arc, atomic::AtomicBool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const DOCUMENT: &str = r#"{"at": "2026-03-01T12:00:00Z", "version": "0.1.0", "something new": [1],
"devices": [
  {"mrid": "1", "name": "PV-1", "state": "online", "reason": "", "since": "2026-03-01T10:00:00Z",
   "values": {"activePower": {"value": 4200.0, "unit": "W", "quality": "good", "at": "2026-03-01T11:59:59Z"}}},
  {"mrid": "2", "name": "PV-2", "state": "comm_lost", "reason": "connection refused", "since": "2026-03-01T11:55:00Z",
   "values": {"activePower": {"value": 900.0, "unit": "W", "quality": "stale", "at": "2026-03-01T11:54:59Z"}}},
  {"mrid": "3", "name": "Bat-1", "state": "online", "reason": "", "since": null, "nameplate": null, "values": {},
   "effect": {"asked": "limit active power to 1 W", "effect": "no effect", "reason": "power still 900 W", "at": "2026-03-01T11:59:59Z"}}],
"groups": [
  {"mrid": "7", "name": "FDR12-PV", "state": "Degraded", "online": 2, "members": ["1", "2", "3"],
   "values": {"activePower": {"value": 4200.0, "unit": "W", "quality": "good", "at": null, "rests_on": 1,
     "installed_max": 20000.0, "installed_min": -5000.0}}},
  {"mrid": "8", "name": "Empty", "state": "Empty", "online": 0, "members": [], "values": {}}],
"dispatches": [
  {"mrid": "9", "name": "DI-1", "state": "active", "group": "7", "group_name": "FDR12-PV", "parameter": "activePower",
   "unit": "W", "starts": "2026-03-01T11:50:00Z", "ends": "2026-03-01T12:10:00Z", "asked": 6000.0, "delivered": 4200.0,
   "rests_on": 1, "members": 3, "reason": "1800 W short", "shares": [
     {"device": "1", "name": "PV-1", "asked": 6000.0, "release": false, "delivered": 4200.0, "outcome": "applied", "bounded": false, "reason": ""},
     {"device": "2", "name": "PV-2", "asked": null, "release": true, "delivered": null, "outcome": "unreachable", "bounded": true, "reason": ""},
     {"device": "3", "name": "Bat-1", "asked": null, "release": false, "delivered": null, "outcome": "", "bounded": false, "reason": "not offered"}]}]}"#;

const TABLES: &str = "\
dergate 0.1.0 at 2026-03-01T12:00:00Z

DEVICES: 3 (1 comm_lost, 2 online)
  NAME   STATE      SINCE    POWER  QUALITY         AGE  WHY
  PV-2   comm_lost  5 min    900 W  stale         5 min  connection refused
  Bat-1  online         ?        ?  not reported      ?  power still 900 W
  PV-1   online       2 h  4.20 kW  good            1 s

GROUPS: 2 (1 Degraded, 1 Empty)
  NAME      STATE     ONLINE    POWER  RESTS ON             INSTALLED
  FDR12-PV  Degraded  2 of 3  4.20 kW    1 of 3  -5.00 kW .. 20.00 kW
  Empty     Empty     0 of 0        ?         ?                     ?

DISPATCHES: 1 (1 active)
  DI-1: activePower of FDR12-PV, active, asked 6.00 kW, delivered 4.20 kW (70 %) by 1 of 3 members, 10 min left: 1800 W short
      MEMBER    ASKED  DELIVERED  OUTCOME      WHY
      PV-2    release          ?  unreachable
      Bat-1   nothing          ?               not offered; no time limit: it holds this until it is released, also if the gateway dies
      PV-1    6.00 kW    4.20 kW  applied      no time limit: it holds this until it is released, also if the gateway dies
";

/// Runs the command against a server that gives this answer once.
async fn run_against(status: &str, body: &'static str, json: bool) -> (End, String) {
    run_with(status, body, |url| Args { url, json, device: None }).await
}

async fn run_with(status: &str, body: &'static str, args: impl FnOnce(String) -> Args) -> (End, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        assert!(asked.starts_with(b"GET /status.json "));
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
    });
    let mut out = Vec::new();
    let end = run(&args(url), &mut out).await;
    (end, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn the_tables_put_the_trouble_on_top_and_invent_nothing() {
    let (end, out) = run_against("200 OK", DOCUMENT, false).await;
    assert_eq!(end, End::Done);
    // Compared line by line for a readable failure.
    assert_eq!(out.lines().collect::<Vec<_>>(), TABLES.lines().collect::<Vec<_>>());
}

#[tokio::test]
async fn json_prints_the_document_as_it_is() {
    let (end, out) = run_against("200 OK", DOCUMENT, true).await;
    assert_eq!((end, out), (End::Done, format!("{DOCUMENT}\n")));
}

#[tokio::test]
async fn an_empty_gateway_is_three_lines() {
    let empty = r#"{"at": "2026-03-01T12:00:00Z", "devices": [], "groups": [], "dispatches": []}"#;
    let (_, out) = run_against("200 OK", empty, false).await;
    assert!(out.ends_with("DEVICES: none\n\nGROUPS: none\n\nDISPATCHES: none\n"), "{out}");
}

#[tokio::test]
async fn failures_and_silence_are_told_apart() {
    let (end, out) = run_against("500 Oh", "first line\n\nthe page could not be made\n", false).await;
    let End::Failed(words) = end else { panic!("{end:?}") };
    assert!(
        words.contains("answers 500") && words.ends_with(": first line the page could not be made"),
        "{words}"
    );
    assert_eq!(out, "");
    let (end, _) = run_against("200 OK", "<html>", false).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("not the admin listener")), "{end:?}");
    let args = |url: &str| Args { url: url.to_owned(), json: false, device: None };
    let closed = TcpListener::bind(crate::testing::own_address()).await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let end = run(&args(&url), &mut Vec::new()).await;
    assert!(matches!(&end, End::NoAnswer(words) if words.contains("is dergate running")), "{end:?}");
    assert!(matches!(run(&args("ftp://x"), &mut Vec::new()).await, End::Usage(_)));
}

#[tokio::test]
async fn the_northbound_listener_is_told_as_such() {
    let core = crate::northbound::testing::PlayedCore::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = tokio_util::sync::CancellationToken::new();
    let settings = crate::northbound::Settings::default();
    tokio::spawn(crate::northbound::serve(settings, listener, core.service.clone(), stop));
    let end = run(&Args { url: url.clone(), json: false, device: None }, &mut Vec::new()).await;
    let told = format!("{url} is the northbound listener of a dergate;");
    assert!(matches!(&end, End::Failed(words) if words.starts_with(&told)), "{end:?}");
}

#[tokio::test]
async fn before_and_after_its_time_a_dispatch_has_no_unknown_values() {
    let document = r#"{"at": "2026-03-01T12:00:00Z", "devices": [], "groups": [], "dispatches": [
      {"mrid": "9", "name": "later", "state": "scheduled", "group_name": "G", "parameter": "activePower", "unit": "W",
       "starts": "2026-03-01T12:10:00Z", "ends": "2026-03-01T12:20:00Z", "asked": null, "delivered": null},
      {"mrid": "7", "name": "going", "state": "releasing", "group_name": "G", "parameter": "activePower", "unit": "W",
       "starts": "2026-03-01T11:10:00Z", "ends": "2026-03-01T11:55:00Z", "asked": null, "delivered": null},
      {"mrid": "8", "name": "over", "state": "ended", "group_name": "G", "parameter": "activePower", "unit": "W",
       "starts": "2026-03-01T11:10:00Z", "ends": "2026-03-01T12:20:00Z", "asked": null, "delivered": null,
       "reason": "its group was deleted"}]}"#;
    let (_, out) = run_against("200 OK", document, false).await;
    assert!(out.contains("\n  later: activePower of G, scheduled, begins in 10 min\n"), "{out}");
    assert!(out.contains("\n  going: activePower of G, releasing, time is over\n"), "{out}");
    assert!(out.ends_with("\n  over: activePower of G, ended: its group was deleted\n"), "{out}");
}

fn mrid(text: &str) -> Mrid {
    Mrid::parse(text).unwrap()
}

/// Its clock was never set, so that it counts from when it was received.
fn event(received: Timestamp) -> EventView {
    let event = SequenceEvent {
        at: "2026-03-01T11:58:00.125Z".parse().unwrap(),
        clock: Clock::DeviceUnsynchronised,
        point: "local".to_owned(),
        value: "on".to_owned(),
        quality: Quality::Good,
    };
    EventView {
        event: Arc::new(event),
        received,
        repeats: 7,
        first: Some("2026-03-01T11:00:00Z".parse().unwrap()),
    }
}

fn device(then: Timestamp) -> DeviceView {
    DeviceView {
        mrid: mrid("D"),
        name: "PV-1".to_owned(),
        link: "modbus+tcp://192.0.2.21:502?unit=1".into(),
        map: Some("sunspec".into()),
        state: DeviceState::Degraded,
        reason: "model 704 is silent".to_owned(),
        since: Some(then),
        nameplate: None,
        capability: None,
        effect: None,
        sequence: vec![event(then)].into(),
        events_left_out: 9,
        readings: vec![ReadingView {
            quantity: Quantity::ActivePower,
            value: Some(4200.0),
            quality: Quality::Good,
            at: Some(then),
        }],
    }
}

fn group(then: Timestamp) -> GroupView {
    let power = ParameterView {
        parameter: Parameter::ActivePower,
        value: Some(4200.0),
        at: Some(then),
        rests_on: 1,
        installed_on: 1,
        installed_max: Some(9000.0),
        installed_min: Some(-1000.0),
    };
    let group = EndDeviceGroup {
        mrid: mrid("G"),
        description: None,
        functions: DerFunctions::NONE,
        members: vec![mrid("D")],
        names: vec![Name::plain("FDR12")],
        version: None,
    };
    GroupView { group: Arc::new(group), parameters: vec![power], online: 1, missing: Vec::new() }
}

fn dispatch(then: Timestamp) -> DispatchView {
    let share = ShareView {
        device: mrid("D"),
        name: "PV-1".to_owned(),
        asked: Ask::Share(5000.0),
        delivered: Some(4200.0),
        outcome: "refused",
        bounded: Some(false),
        reason: "locked".to_owned(),
    };
    DispatchView {
        mrid: mrid("DI"),
        names: vec![Name::plain("noon")],
        group: mrid("G"),
        group_name: "FDR12".to_owned(),
        parameter: Parameter::ActivePower,
        state: DispatchState::Active,
        reason: "short".to_owned(),
        starts: Some(then),
        ends: Some(Timestamp::now() + jiff::SignedDuration::from_hours(5)),
        asked: Some(5000.0),
        delivered: Some(4200.0),
        rests_on: 1,
        members: 1,
        replaced: false,
        shares: vec![share],
    }
}

/// The two ends of the document are written apart: what the gateway says must be what this command reads.
#[tokio::test]
async fn it_reads_what_the_admin_listener_says() {
    let then = Timestamp::now() - jiff::SignedDuration::from_hours(75);
    let (service, _requests, cell) = Service::new(1);
    cell.store(Arc::new(Snapshot {
        devices: Arc::new(vec![Arc::new(device(then))]),
        groups: vec![Arc::new(group(then))],
        dispatches: vec![Arc::new(dispatch(then))],
        ..Snapshot::default()
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let health = Health::new(Arc::new(AtomicBool::new(true)));
    tokio::spawn(serve(listener, service, health, tokio_util::sync::CancellationToken::new()));
    let mut out = Vec::new();
    assert_eq!(run(&Args { url: url.clone(), json: false, device: None }, &mut out).await, End::Done);
    let args = Args { url, json: false, device: Some("PV-1".to_owned()) };
    assert_eq!(run(&args, &mut out).await, End::Done);
    let out = String::from_utf8(out).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = out.lines().map(words).collect();
    for wanted in [
        "PV-1 degraded 3 d 4.20 kW good 3 d model 704 is silent",
        "FDR12 Online 1 of 1 4.20 kW 1 of 1 -1.00 kW .. 9.00 kW",
        "noon: activePower of FDR12, active, asked 5.00 kW, delivered 4.20 kW (84 %), 4 h left: short",
        "PV-1 5.00 kW 4.20 kW refused locked; no time limit: it holds this until it is released, also if the gateway dies",
        "EVENTS: the last 1 that devices recorded by themselves; --device NAME shows all that are kept of one",
        "2026-03-01 11:58:00.125Z 3 d PV-1 local on (its clock is not synchronised, and 7 times before, since 2026-03-01 11:00:00Z)",
        "state degraded for 3 d: model 704 is silent",
        "2026-03-01 11:58:00.125Z 3 d local on (its clock is not synchronised, and 7 times before, since 2026-03-01 11:00:00Z)",
        "9 older ones are not kept; the log of the gateway had them, as far as it has room",
        "link modbus+tcp://192.0.2.21:502?unit=1",
        "map sunspec",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "no line \"{wanted}\" in\n{out}");
    }
}

const TOLD: &str = r#"{"at": "2026-03-01T12:00:00Z", "devices": [
  {"mrid": "1", "name": "PV-1", "state": "online", "reason": "", "since": "2026-03-01T10:00:00Z",
   "link": "dnp3+tcp://192.0.2.31:20000?outstation=1024&master=1", "map": null,
   "nameplate": {"manufacturer": "Acme", "model": "X1", "serial": "77", "version": null},
   "capability": {"injection_max": 5000.0, "absorption_max": 2000.0, "controls": ["connectDisconnect"]},
   "effect": {"asked": "limit active power to 1 W", "effect": "no effect", "reason": "power still 900 W", "at": "2026-03-01T11:59:00Z"},
   "values": {"stateOfCharge": {"value": null, "unit": "%", "quality": "invalid", "at": null},
     "activePower": {"value": 4200.0, "unit": "W", "quality": "good", "at": "2026-03-01T11:59:59Z"}},
   "events": [
     {"at": "2026-03-01T11:59:30.5Z", "clock": "device", "received": "2026-03-01T11:59:31Z", "point": "local", "value": "on", "quality": "good"},
     {"at": "2026-03-01T11:58:00Z", "clock": "gateway", "received": "2026-03-01T11:58:00Z", "point": "door", "value": "open", "quality": "good"}]},
  {"mrid": "2", "name": "Bat-1", "state": "online", "values": {},
   "events": [
     {"at": "1970-01-01T00:00:07Z", "clock": "device, not synchronised", "received": "2026-03-01T11:59:50Z", "point": "trip", "value": "on", "quality": "invalid"},
     {"at": "2099-01-01T00:00:00Z", "clock": "device", "received": "2026-03-01T11:00:00Z", "point": "ahead", "value": "on", "quality": "good"}]}],
"groups": [], "dispatches": []}"#;

const EVENTS: &str = "\
EVENTS: the last 4 that devices recorded by themselves
  AT                          AGE  DEVICE  POINT  VALUE
  1970-01-01 00:00:07.000Z   10 s  Bat-1   trip   on (invalid, its clock is not synchronised)
  2026-03-01 11:59:30.500Z   29 s  PV-1    local  on
  2026-03-01 11:58:00.000Z  2 min  PV-1    door   open (time of receipt)
  2099-01-01 00:00:00.000Z   60 min  Bat-1   ahead  on
";

const ONE_DEVICE: &str = "\
PV-1 (1) at 2026-03-01T12:00:00Z
  state       online for 2 h
  link        dnp3+tcp://192.0.2.31:20000?outstation=1024&master=1
  map         ? (known once the device was read)
  nameplate   Acme, X1, serial 77
  capability  -2.00 kW .. 5.00 kW; controls: connectDisconnect
  effect      limit active power to 1 W: no effect, 60 s ago: power still 900 W

VALUES: 2
  QUANTITY         VALUE  QUALITY  AGE
  activePower    4.20 kW  good     1 s
  stateOfCharge        ?  invalid    ?

EVENTS: the last 2 that it recorded by itself
  AT                          AGE  POINT  VALUE
  2026-03-01 11:59:30.500Z   29 s  local  on
  2026-03-01 11:58:00.000Z  2 min  door   open (time of receipt)
";

#[tokio::test]
async fn the_latest_events_of_all_come_first_whatever_a_device_takes_for_the_time() {
    let (_, out) = run_against("200 OK", TOLD, false).await;
    let (_, events) = out.split_once("\n\nEVENTS").unwrap();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&format!("EVENTS{events}")), words(EVENTS), "{out}");
}

#[tokio::test]
async fn one_device_is_shown_whole() {
    let device = |name: &str| {
        let device = Some(name.to_owned());
        run_with("200 OK", TOLD, move |url| Args { url, json: false, device })
    };
    let (end, out) = device("PV-1").await;
    assert_eq!(end, End::Done);
    assert_eq!(out.lines().collect::<Vec<_>>(), ONE_DEVICE.lines().collect::<Vec<_>>());
    let (end, _) = device("PV-01").await;
    let right = "this gateway has no device \"PV-01\"; did you mean \"PV-1\"?";
    assert_eq!(end, End::Failed(right.to_owned()));
    let (end, out) = device("2").await;
    assert!(end == End::Done && out.contains("Bat-1 (2)") && out.contains("VALUES: none"), "{out}");
}

#[tokio::test]
async fn what_is_accepted_and_not_verified_is_called_so_and_stands_above_what_is_applied() {
    let document = r#"{"at": "2026-03-01T12:00:00Z", "devices": [], "groups": [], "dispatches": [
      {"mrid": "9", "name": "noon", "state": "active", "group_name": "G", "parameter": "activePower", "unit": "W",
       "starts": null, "ends": null, "asked": 2.0, "delivered": 2.0, "shares": [
        {"name": "PV-1", "asked": 1.0, "delivered": 1.0, "outcome": "applied"},
        {"name": "PV-2", "asked": 1.0, "delivered": 1.0, "outcome": "accepted, not verified", "reason": "no echo"}]}]}"#;
    let (_, out) = run_against("200 OK", document, false).await;
    let at = |text: &str| out.find(text).unwrap_or_else(|| panic!("no {text} in\n{out}"));
    assert!(at("accepted, not verified  no echo") < at("applied"), "{out}");
}

#[tokio::test]
async fn what_goes_on_comes_first_and_of_what_has_ended_the_latest() {
    let one = |name: &str, state: &str, hour: u32| {
        format!(
            r#"{{"name": "{name}", "state": "{state}", "group_name": "G", "parameter": "activePower", "unit": "W",
            "starts": "2026-03-01T01:00:00Z", "ends": "2026-03-01T{hour:02}:00:00Z", "asked": null, "delivered": null}}"#
        )
    };
    // In the order of acceptance, as the gateway tells them.
    let all: Vec<String> =
        (1..=8).map(|n| one(&format!("old-{n}"), "ended", n)).chain([one("now", "active", 13)]).collect();
    let document = format!(
        r#"{{"at": "2026-03-01T12:00:00Z", "devices": [], "groups": [], "dispatches": [{}]}}"#,
        all.join(", ")
    );
    let (_, out) = run_against("200 OK", Box::leak(document.into_boxed_str()), false).await;
    let (_, told) = out.split_once("\n\nDISPATCHES").unwrap();
    let mut lines = told.lines();
    assert_eq!(lines.next().unwrap(), ": 9 (1 active, 8 ended)");
    let names: Vec<&str> =
        lines.by_ref().take(6).map(|line| line.split(':').next().unwrap().trim()).collect();
    assert_eq!(names, ["now", "old-8", "old-7", "old-6", "old-5", "old-4"], "{told}");
    assert!(told.contains("  old-8: activePower of G, ended 4 h ago\n"), "{told}");
    assert_eq!(lines.collect::<Vec<_>>(), ["  3 more have ended; --json shows them too"]);
}

#[tokio::test]
async fn storage_tells_its_charge_and_a_long_reason_is_cut_in_the_list_only() {
    let long = "model 704 is silent; ".repeat(20);
    let document = format!(
        r#"{{"at": "2026-03-01T12:00:00Z", "groups": [], "dispatches": [], "devices": [
        {{"name": "BESS-1", "state": "online", "values": {{"stateOfCharge": {{"value": 79.4, "unit": "%", "quality": "good"}}}}}},
        {{"name": "BESS-2", "state": "online", "values": {{"stateOfCharge": {{"value": 0.0, "unit": "%", "quality": "stale"}}}}}},
        {{"name": "BESS-3", "state": "online", "values": {{"stateOfCharge": {{"value": null, "unit": "%", "quality": "invalid"}}}}}},
        {{"name": "PV-2", "state": "online", "values": {{"activePower": {{"value": 1.0, "unit": "W", "quality": "stale"}}}}}},
        {{"name": "PV-1", "state": "degraded", "reason": "{long}", "values": {{}}}}]}}"#
    );
    let document: &str = Box::leak(document.into_boxed_str());
    let (_, out) = run_against("200 OK", document, false).await;
    let line = |name: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(line("NAME").ends_with("AGE CHARGE WHY"), "{out}");
    assert!(line("BESS-1").ends_with("? 79 %"), "{out}");
    let place = |name: &str| out.lines().position(|line| line.trim_start().starts_with(name)).unwrap();
    assert!(
        place("PV-1") < place("PV-2") && place("PV-2") < place("BESS-1"),
        "old values need a look: {out}"
    );
    assert!(line("BESS-2").ends_with("? 0 % (stale)"), "{out}");
    assert!(line("BESS-3").ends_with("? ?"), "not known is not 0: {out}");
    assert!(line("PV-1").ends_with("silent …"), "{out}");
    assert!(out.contains("\n  …: `dergate status --device PV-1` says all of it\n"), "{out}");
    let device = Some("PV-1".to_owned());
    let (_, out) = run_with("200 OK", document, move |url| Args { url, json: false, device }).await;
    assert!(out.contains(long.trim_end()), "{out}");
}

#[tokio::test]
async fn a_device_that_tells_much_does_not_push_out_what_others_tell() {
    let events = |name: &str, minute: u32, count: u32| {
        let event = |n: u32| {
            let at = format!("2026-03-01T11:{minute:02}:{n:02}Z");
            format!(
                r#"{{"at": "{at}", "clock": "device", "received": "{at}", "point": "{name}-{n}", "value": "on", "quality": "good"}}"#
            )
        };
        let events: Vec<String> = (0..count).rev().map(event).collect();
        let events = events.join(", ");
        format!(
            r#"{{"mrid": "{name}", "name": "{name}", "state": "online", "values": {{}}, "events": [{events}]}}"#
        )
    };
    let shown = async |devices: Vec<String>| -> Vec<String> {
        let document = format!(
            r#"{{"at": "2026-03-01T12:00:00Z", "groups": [], "dispatches": [], "devices": [{}]}}"#,
            devices.join(", ")
        );
        let (_, out) = run_against("200 OK", Box::leak(document.into_boxed_str()), false).await;
        let (_, events) = out.split_once("\nEVENTS: ").unwrap();
        events.lines().skip(2).map(|line| line.split_whitespace().nth(5).unwrap().to_owned()).collect()
    };
    let all = shown(vec![events("A", 50, 30), events("B", 40, 1), events("C", 30, 1)]).await;
    let wanted = ["A-29", "A-28", "A-27", "A-26", "A-25", "A-24", "A-23", "A-22", "B-0", "C-0"];
    assert_eq!(all, wanted, "the others have their place, and the rest is not left empty");
}
