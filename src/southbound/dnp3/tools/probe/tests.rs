use super::*;
use crate::der::{Control, Quantity};
use crate::device_map::Maps;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request};

fn usual() -> (Arc<DeviceMap>, Arc<OutstationMap>) {
    let map = Maps::builtin().get("dnp3-an2018").unwrap().clone();
    let outstation = map.outstation.clone().unwrap();
    (map, outstation)
}

fn battery() -> Outstation {
    let field = Outstation::new(&[
        ("AI0", 100.0),
        ("AI4", 10_000.0),
        ("AI32", 9_000.0),
        ("AI33", -8_000.0),
        ("AI537", 5_000.0),
        ("AI536", 50_010.0),
        ("BI1", 1.0),
        ("BI10", 0.0),
        ("BI19", 1.0),
        ("BI20", 0.0),
        ("BI36", 1.0),
        ("BI37", 0.0),
        ("BO17", 0.0),
        ("AO88", 0.0),
        ("AI60000", 3.0),
    ]);
    field.state().identity.serial = Some("SN-7".to_owned());
    field
}

async fn probe(field: &Outstation) -> ProbeReport {
    let (map, outstation) = usual();
    discover(field, &map, &outstation, &|_| {}).await.unwrap()
}

#[tokio::test]
async fn an_outstation_is_shown_as_the_driver_sees_it() {
    let report = probe(&battery()).await;
    let shown = report.outstation.as_ref().unwrap();
    assert_eq!(shown.mark, MarkReport::Fits("AI0 = 100".to_owned()));
    assert_eq!(report.nameplate.serial.as_deref(), Some("SN-7"));
    let power = report.readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap();
    assert_eq!(power.value, 5_000.0);
    assert_eq!(shown.states, ["generating"]);
    assert_eq!(shown.alarms.len(), 1, "{:?}", shown.alarms);
    let says = |name: &str| shown.modes.iter().find(|(mode, ..)| mode == name).unwrap().2;
    assert_eq!((says("limit_active_power"), says("set_active_power")), (Some(true), Some(false)));
    assert_eq!(says("set_power_factor"), None, "it does not say");
    assert!(report.capability.controls.has(Control::LimitActivePower));
    assert!(!report.capability.controls.has(Control::SetActivePower));
    let counts = shown.counts();
    let analog = counts.iter().find(|(kind, ..)| kind.letters() == "AI").unwrap();
    assert_eq!((analog.1, analog.2), (7, 1), "AI60000 is in neither map nor profile");
    assert_eq!(report.warnings, [] as [String; 0]);
}

/// Wrong data never passes as good.
#[tokio::test]
async fn bad_flags_leave_no_reading_and_no_state() {
    let field = battery();
    for (_, flags) in field.state().points.values_mut() {
        *flags = 0x04;
    }
    let report = probe(&field).await;
    assert!(report.readings.iter().all(|reading| reading.quality != crate::der::Quality::Good));
    let shown = report.outstation.unwrap();
    assert!(shown.states.is_empty() && shown.alarms.is_empty());
    let came = shown.points.iter().filter(|point| point.seen.is_some());
    assert!(came.into_iter().all(|point| point.usable().is_none()));
}

#[tokio::test]
async fn another_mark_is_a_stranger() {
    let field = battery();
    field.put("AI0", 110.0);
    let report = probe(&field).await;
    assert!(
        matches!(&report.outstation.unwrap().mark, MarkReport::Stranger(words) if words.contains("AI0 is 110"))
    );
    field.state().points.remove(&At::parse("AI0").unwrap());
    let report = probe(&field).await;
    assert!(
        matches!(&report.outstation.unwrap().mark, MarkReport::Stranger(words) if words.contains("it has no AI0"))
    );
}

#[tokio::test(start_paused = true)]
async fn silence_about_attributes_costs_nothing_else() {
    let field = battery();
    field.script(|request| if matches!(request, Request::Identity) { Answer::Silent } else { Answer::Good });
    let report = probe(&field).await;
    assert_eq!(report.nameplate.serial, None);
    assert!(!report.readings.is_empty());
}

#[tokio::test]
async fn a_power_that_cannot_be_is_a_warning() {
    let field = battery();
    field.put("AI537", 500_000.0);
    let warnings = probe(&field).await.warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("its active power is not believed: 500.0 kW"),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("(map dnp3-an2018)"), "{warnings:?}");
}
