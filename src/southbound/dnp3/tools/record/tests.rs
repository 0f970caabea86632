use super::super::testing::{at, map};
use super::*;
use crate::device_map::Maps;
use crate::southbound::dnp3::testing::Outstation;

fn device_map() -> DeviceMap {
    let maps = Maps::builtin();
    DeviceMap { id: "some-map".to_owned(), ..maps.get("sunspec").unwrap().as_ref().clone() }
}

#[tokio::test]
async fn a_recording_answers_as_the_outstation_did() {
    let field =
        Outstation::new(&[("AI537", 5000.0), ("AO88", 600.0), ("BI69", 1.0), ("BO17", 1.0), ("AI999", 0.5)]);
    field.state().points.insert(at("BI69"), (1.0, 0x85));
    field.state().identity.serial = Some("SN-1".to_owned());
    let recording = record(&field, "dnp3+tcp://h", &device_map(), &map(), &|_| {}).await.unwrap();
    assert_eq!((recording.map.as_str(), recording.points.len()), ("some-map", 5));
    assert_eq!(recording.points[&at("BI69")], RecordedPoint { raw: 1.0, flags: 0x85, time: None });
    let tape = Tape::new(&recording);
    assert_eq!(tape.identity().await.unwrap().serial.as_deref(), Some("SN-1"));
    let plain = |seen: Vec<Seen>| seen.into_iter().map(|s| (s.at, s.raw, s.flags)).collect::<Vec<_>>();
    let all = plain(tape.read(&[Part::Static]).await.unwrap());
    assert_eq!(all, plain(field.everything()));
    let some = [Part::Range(crate::device_map::dnp3::PointKind::AnalogInput, 0, 600)];
    assert_eq!(plain(tape.read(&some).await.unwrap()), [(at("AI537"), 5000.0, 1)]);
    assert_eq!(tape.read(&[Part::Events]).await, Ok(Vec::new()));
    assert!(matches!(tape.operate(&[]).await, Err(OperateError::NotSent(_))));
}
