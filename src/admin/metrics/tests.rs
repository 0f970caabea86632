use super::*;
use crate::core::service::{Ask, Counters, DeviceView, ParameterView, ShareView};
use crate::der::{DerFunctions, EndDeviceGroup, Mrid, Name};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

fn mrid(text: &str) -> Mrid {
    Mrid::parse(text).unwrap()
}

fn device(place: usize, state: DeviceState) -> Arc<DeviceView> {
    Arc::new(DeviceView {
        mrid: mrid(&format!("D-{place}")),
        name: format!("PV-{place}"),
        link: "modbus+tcp://192.0.2.21:502?unit=1".into(),
        map: Some("sunspec".into()),
        state,
        reason: String::new(),
        since: None,
        nameplate: None,
        capability: None,
        effect: None,
        sequence: Arc::default(),
        events_left_out: 0,
        readings: Vec::new(),
    })
}

fn group(name: &str, power: Option<f64>) -> Arc<GroupView> {
    Arc::new(GroupView {
        group: Arc::new(EndDeviceGroup {
            mrid: mrid(&format!("_{name}")),
            description: None,
            functions: DerFunctions::NONE,
            members: vec![mrid("D-0")],
            names: vec![Name::plain(name)],
            version: None,
        }),
        parameters: vec![ParameterView {
            parameter: Parameter::ActivePower,
            value: power,
            at: None,
            rests_on: 1,
            installed_on: 0,
            installed_max: None,
            installed_min: None,
        }],
        online: 1,
        missing: Vec::new(),
    })
}

fn dispatch(group: &str, state: DispatchState, asked: f64) -> Arc<DispatchView> {
    Arc::new(DispatchView {
        mrid: mrid("DI"),
        names: Vec::new(),
        group: mrid(group),
        group_name: String::new(),
        parameter: Parameter::ActivePower,
        state,
        reason: String::new(),
        starts: None,
        ends: None,
        asked: Some(asked),
        delivered: None,
        rests_on: 0,
        replaced: false,
        members: 0,
        // The same device has a part in each of them, and holds one order.
        shares: vec![share("D-0", Some(false)), share("D-1", Some(true)), share("D-2", None)],
    })
}

fn share(device: &str, bounded: Option<bool>) -> ShareView {
    ShareView {
        device: mrid(device),
        name: String::new(),
        asked: Ask::Nothing,
        delivered: None,
        outcome: "",
        bounded,
        reason: String::new(),
    }
}

fn rendered(snapshot: Snapshot) -> String {
    let health = Health::new(Arc::new(AtomicBool::new(true)));
    render(Arc::new(snapshot), health, Timestamp::from_second(1_700_000_000).unwrap()).unwrap()
}

fn has(page: &str, line: &str) {
    assert!(page.lines().any(|l| l == line), "no line \"{line}\" in\n{page}");
}

#[tokio::test]
async fn every_kind_of_fact_has_its_series() {
    let page = rendered(Snapshot {
        devices: Arc::new(vec![device(0, DeviceState::Online), device(1, DeviceState::CommLost)]),
        groups: vec![group("A", Some(-1500.5)), group("B \"x\"", None)],
        dispatches: vec![
            dispatch("A", DispatchState::Active, 1.0),
            dispatch("a", DispatchState::Active, 2500.0),
            dispatch("A", DispatchState::Ended, 9.0),
        ],
        counters: Counters {
            polls: 7,
            readings: 70,
            commands: 3,
            outcomes: vec![("applied", 2), ("timed out", 1)],
            effects: vec![("no effect", 1)],
            events: 12,
            dispatches: 2,
            lateness: Lateness { counts: [5, 1, 0, 0, 0, 0, 0, 0, 1], sum: Duration::from_millis(12_500) },
        },
        ..Snapshot::default()
    });
    has(&page, &format!("dergate_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    has(&page, "process_start_time_seconds 1700000000.0");
    has(&page, "dergate_live 1");
    has(&page, "dergate_ready 0");
    has(&page, "# TYPE dergate_polls counter");
    has(&page, "dergate_polls_total 7");
    has(&page, "dergate_command_outcomes_total{outcome=\"timed out\"} 1");
    has(&page, "dergate_command_effects_total{effect=\"no effect\"} 1");
    has(&page, "dergate_device_events_total 12");
    has(&page, "dergate_poll_lateness_seconds_bucket{le=\"0.002\"} 6");
    has(&page, "dergate_poll_lateness_seconds_bucket{le=\"+Inf\"} 7");
    has(&page, "dergate_poll_lateness_seconds_sum 12.5");
    has(&page, "dergate_devices{state=\"online\"} 1");
    has(&page, "dergate_devices{state=\"asleep\"} 0");
    has(&page, "dergate_device_up{mrid=\"D-0\",name=\"PV-0\"} 1");
    has(&page, "dergate_device_up{mrid=\"D-1\",name=\"PV-1\"} 0");
    has(&page, "dergate_dispatches{state=\"active\"} 2");
    has(&page, "dergate_devices_without_time_limit 1");
    has(&page, "dergate_group_active_power_watts{mrid=\"_A\",name=\"A\"} -1500.5");
    has(&page, "dergate_group_asked_watts{mrid=\"_A\",name=\"A\"} 2500.0");
    has(&page, "dergate_group_online{mrid=\"_B \\\"x\\\"\",name=\"B \\\"x\\\"\"} 1");
    assert!(!page.contains("dergate_group_active_power_watts{mrid=\"_B"), "not known is not 0");
    assert!(!page.contains("dergate_group_delivered_watts{"), "not known is not 0");
    assert!(page.ends_with("# EOF\n"));
}

#[tokio::test]
async fn series_are_bounded_and_say_what_they_leave_out() {
    let page = rendered(Snapshot {
        devices: Arc::new((0..LABELLED + 3).map(|n| device(n, DeviceState::Online)).collect()),
        groups: (0..LABELLED + 1).map(|n| group(&format!("G{n}"), Some(1.0))).collect(),
        ..Snapshot::default()
    });
    has(&page, "dergate_series_left_out{of=\"devices\"} 3");
    has(&page, "dergate_series_left_out{of=\"groups\"} 1");
    has(&page, &format!("dergate_devices{{state=\"online\"}} {}", LABELLED + 3));
    assert_eq!(page.matches("dergate_group_active_power_watts{").count(), LABELLED);
}
