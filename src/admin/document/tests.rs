use super::*;
use crate::der::{
    Clock, Controls, DerFunctions, DeviceState, DispatchState, EndDeviceGroup, Name, Quantity, SequenceEvent,
    VoltAmperes, Watts,
};
use serde_json::{Value, json};
use std::sync::Arc;

fn mrid(text: &str) -> Mrid {
    Mrid::parse(text).unwrap()
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn reading(quantity: Quantity, value: Option<f64>, quality: Quality) -> ReadingView {
    ReadingView { quantity, value, quality, at: at("2026-03-01T12:00:00Z") }
}

fn device() -> DeviceView {
    DeviceView {
        mrid: mrid("_D-1"),
        name: "PV \"süd\"".to_owned(),
        link: "modbus+tcp://192.0.2.21:502?unit=1".into(),
        map: Some("sunspec".into()),
        state: DeviceState::CommLost,
        reason: "no answer".to_owned(),
        since: at("2026-03-01T11:59:00Z"),
        nameplate: Some(Arc::new(Nameplate {
            manufacturer: Some("Acme".to_owned()),
            apparent_power_max: Some(VoltAmperes::new(11_000.0)),
            ..Nameplate::default()
        })),
        capability: Some(Capability {
            injection_max: Watts::new(10_000.0),
            absorption_max: Watts::ZERO,
            controls: Controls::NONE.with(Control::Connect),
        }),
        effect: None,
        sequence: Arc::default(),
        events_left_out: 0,
        readings: vec![
            reading(Quantity::ActivePower, Some(-0.5), Quality::Stale),
            reading(Quantity::Frequency, Some(49.98), Quality::Invalid),
            reading(Quantity::Voltage, Some(f64::NAN), Quality::Good),
            ReadingView {
                quantity: Quantity::StateOfCharge,
                value: None,
                quality: Quality::NeverRead,
                at: None,
            },
        ],
    }
}

fn group() -> GroupView {
    let parameter = |parameter, value, rests_on| ParameterView {
        parameter,
        value,
        at: None,
        rests_on,
        installed_on: 0,
        installed_max: value.map(|_| 20_000.0),
        installed_min: None,
    };
    GroupView {
        group: Arc::new(EndDeviceGroup {
            mrid: mrid("_G-1"),
            description: None,
            functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
            members: vec![mrid("_D-1"), mrid("D-2")],
            names: vec![Name::plain("FDR12-PV")],
            version: None,
        }),
        parameters: vec![
            parameter(Parameter::ActivePower, Some(1500.0), 1),
            parameter(Parameter::Voltage, None, 0),
        ],
        online: 1,
        missing: vec![mrid("D-2")],
    }
}

fn dispatch() -> DispatchView {
    let share = |name: &str, asked, outcome| ShareView {
        device: mrid(name),
        name: name.to_owned(),
        asked,
        delivered: None,
        outcome,
        bounded: (outcome == "applied").then_some(false),
        reason: String::new(),
    };
    DispatchView {
        mrid: mrid("DI-1"),
        names: Vec::new(),
        group: mrid("_G-1"),
        group_name: "FDR12-PV".to_owned(),
        parameter: Parameter::ActivePower,
        state: DispatchState::Active,
        reason: "500 W short".to_owned(),
        starts: at("2026-03-01T12:00:00Z"),
        ends: None,
        asked: Some(2000.0),
        delivered: Some(1500.0),
        rests_on: 1,
        replaced: false,
        members: 3,
        shares: vec![
            share("A", Ask::Share(2000.0), "applied"),
            share("B", Ask::Release, "waiting"),
            share("C", Ask::Nothing, ""),
        ],
    }
}

fn rendered(snapshot: &Snapshot) -> Value {
    let bytes = render(snapshot, "2026-03-01T12:00:01.5Z".parse().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn an_empty_gateway_has_empty_arrays() {
    let page = rendered(&Snapshot::default());
    assert_eq!(
        (&page["devices"], &page["groups"], &page["dispatches"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(page["at"], "2026-03-01T12:00:01.5Z");
}

#[test]
fn a_device_is_shown_with_what_is_known_and_null_for_the_rest() {
    let page = rendered(&Snapshot { devices: Arc::new(vec![Arc::new(device())]), ..Snapshot::default() });
    let device = &page["devices"][0];
    assert_eq!(device["mrid"], "_D-1");
    assert_eq!(device["name"], "PV \"süd\"");
    assert_eq!(device["link"], "modbus+tcp://192.0.2.21:502?unit=1");
    assert_eq!(device["map"], "sunspec");
    assert_eq!(device["state"], "comm_lost");
    assert_eq!(device["since"], "2026-03-01T11:59:00Z");
    assert_eq!(device["nameplate"]["apparent_power_max"], 11_000.0);
    assert_eq!(device["nameplate"]["serial"], Value::Null);
    assert_eq!(device["capability"]["controls"], json!(["connectDisconnect"]));
    let values = &device["values"];
    let at = "2026-03-01T12:00:00Z";
    assert_eq!(values["activePower"], json!({"value": -0.5, "unit": "W", "quality": "stale", "at": at}));
    assert_eq!(
        values["frequency"],
        json!({"value": null, "unit": "Hz", "quality": "invalid", "at": at}),
        "an invalid value is no value"
    );
    assert_eq!(values["voltage"]["value"], Value::Null, "JSON has no NaN");
    assert_eq!(
        values["stateOfCharge"],
        json!({"value": null, "unit": "%", "quality": "never read", "at": null}),
        "never 0"
    );
    assert!(values.get("reactivePower").is_none(), "a quantity that the device lacks is not there");
}

#[test]
fn a_group_and_its_dispatch_say_what_they_rest_on() {
    let page = rendered(&Snapshot {
        groups: vec![Arc::new(group())],
        dispatches: vec![Arc::new(dispatch())],
        ..Snapshot::default()
    });
    let group = &page["groups"][0];
    assert_eq!(
        (&group["name"], &group["state"], &group["online"]),
        (&json!("FDR12-PV"), &json!("Degraded"), &json!(1))
    );
    assert_eq!(group["members"], json!(["_D-1", "D-2"]));
    assert_eq!(group["missing"], json!(["D-2"]));
    assert_eq!(group["functions"], json!(["realPowerDispatch"]));
    assert_eq!(
        group["values"]["activePower"],
        json!({"value": 1500.0, "unit": "W", "quality": "good", "at": null, "rests_on": 1,
            "installed_on": 0, "installed_max": 20_000.0, "installed_min": null})
    );
    assert_eq!(group["values"]["voltage"]["value"], Value::Null);
    assert_eq!(group["values"]["voltage"]["quality"], "never read");
    let dispatch = &page["dispatches"][0];
    assert_eq!((&dispatch["mrid"], &dispatch["name"]), (&json!("DI-1"), &json!("DI-1")));
    assert_eq!(
        (&dispatch["asked"], &dispatch["unit"], &dispatch["ends"]),
        (&json!(2000.0), &json!("W"), &Value::Null)
    );
    assert_eq!(dispatch["reason"], "500 W short");
    assert_eq!(
        dispatch["shares"][0],
        json!({"device": "A", "name": "A", "asked": 2000.0, "release": false, "delivered": null,
            "outcome": "applied", "bounded": false, "reason": ""})
    );
    assert_eq!((&dispatch["rests_on"], &dispatch["members"]), (&json!(1), &json!(3)));
    assert_eq!(dispatch["shares"][2]["bounded"], Value::Null, "it is not known to hold anything");
    let asks = |n: usize| (dispatch["shares"][n]["asked"].clone(), dispatch["shares"][n]["release"].clone());
    assert_eq!(asks(1), (Value::Null, json!(true)));
    assert_eq!(asks(2), (Value::Null, json!(false)));
}

#[test]
fn counters_carry_outcomes_by_name() {
    let counters =
        Counters { polls: 7, outcomes: vec![("applied", 2), ("timed out", 1)], ..Counters::default() };
    let page = rendered(&Snapshot { counters, ..Snapshot::default() });
    assert_eq!(page["counters"]["polls"], 7);
    assert_eq!(page["counters"]["outcomes"], json!({"applied": 2, "timed out": 1}));
}

fn event(value: usize, clock: Clock) -> EventView {
    let event = SequenceEvent {
        at: "2026-03-01T11:58:00.125Z".parse().unwrap(),
        clock,
        point: "local".to_owned(),
        value: value.to_string(),
        quality: Quality::Good,
    };
    EventView {
        event: Arc::new(event),
        received: "2026-03-01T12:00:00Z".parse().unwrap(),
        repeats: 0,
        first: None,
    }
}

#[test]
fn events_say_whose_time_it_is_and_their_number_is_bounded_by_the_fleet() {
    let of = |events: usize| {
        let mut sequence: Vec<EventView> =
            (0..events).map(|n| event(n, Clock::DeviceUnsynchronised)).collect();
        if let Some(last) = sequence.last_mut() {
            (last.repeats, last.first) = (10, at("2026-03-01T11:00:00Z"));
        }
        Arc::new(DeviceView { sequence: sequence.into(), events_left_out: 5, ..device() })
    };
    let page = |devices: Vec<Arc<DeviceView>>| {
        rendered(&Snapshot { devices: Arc::new(devices), ..Snapshot::default() })
    };
    let page_of_two = page(vec![of(50), of(0)]);
    let events = &page_of_two["devices"][0]["events"];
    assert_eq!(events.as_array().unwrap().len(), 50);
    assert_eq!(
        events[0],
        json!({"at": "2026-03-01T11:58:00.125Z", "clock": "device, not synchronised",
            "received": "2026-03-01T12:00:00Z", "point": "local", "value": "0", "quality": "good",
            "repeats": 0, "first": null})
    );
    assert_eq!((&events[49]["repeats"], &events[49]["first"]), (&json!(10), &json!("2026-03-01T11:00:00Z")));
    assert_eq!(page_of_two["devices"][0]["events_left_out"], 5);
    assert_eq!(page_of_two["devices"][1]["events"], json!([]));
    let large = page(vec![of(50); 5000]);
    assert_eq!(large["devices"][4999]["events"].as_array().unwrap().len(), EVENTS_OF_DEVICE);
    // 47 that are kept and not shown, one of which stands for ten more.
    assert_eq!(large["devices"][4999]["events_left_out"], 5 + 47 + 10);
}
