use super::*;
use crate::cli::record::{Recorded, load};

const WHOLE: &str = r#"{"format":"dergate-recording","version":1,"kind":"dnp3","link":"x","at":"2026-01-01T00:00:00Z",
    "map":"an2018-001","points":{"AI537":"-5000 01","BI23":"1 81 2026-01-01T00:00:00Z?"}}"#;

#[test]
fn what_was_recorded_is_read_again_the_same() {
    let time = |text: &str| text.parse().unwrap();
    let points = [
        ("AI537", RecordedPoint { raw: -5000.0, flags: 1, time: None }),
        ("AI545", RecordedPoint { raw: 0.95, flags: 0, time: Some((time("2026-01-01T00:00:00.25Z"), true)) }),
        ("BI23", RecordedPoint { raw: 1.0, flags: 0x81, time: Some((time("2026-01-01T00:00:00Z"), false)) }),
    ];
    let recording = OutstationRecording {
        link: "dnp3+tcp://192.0.2.41:20000?outstation=10&master=1".to_owned(),
        at: time("2026-01-01T00:00:01Z"),
        map: "an2018-001".to_owned(),
        identity: RecordedIdentity { serial: Some("SN-1".to_owned()), ..Default::default() },
        points: points.into_iter().map(|(at, point)| (At::parse(at).unwrap(), point)).collect(),
        refused: vec!["AI3: no".to_owned()],
        warnings: vec!["odd".to_owned()],
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("o.json");
    let text = serde_json::to_string_pretty(&document(&recording)).unwrap();
    assert!(text.contains("\"AI00537\": \"-5000 01\""), "{text}");
    save_text(&file, &text, false).unwrap();
    assert_eq!(load(&file), Ok(Recorded::Outstation(recording)));
}

#[test]
fn what_is_no_recording_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("o.json");
    std::fs::write(&file, WHOLE).unwrap();
    assert!(matches!(load(&file), Ok(Recorded::Outstation(recording)) if recording.points.len() == 2));
    for (from, to, part) in [
        ("\"dnp3\"", "\"iec104\"", "this version knows \"dnp3\""),
        ("\"version\":1", "\"version\":2", "version 2"),
        ("AI537", "XX537", "no point such as AI537"),
        ("AI537", "AI65536", "no point such as AI537"),
        ("-5000 01", "-5000", "no value such as"),
        ("-5000 01", "-5000 1FF", "no value such as"),
        ("-5000 01", "a 01", "no value such as"),
        ("00:00:00Z?", "today", "no value such as"),
        ("00:00:00Z?", "00:00:00Z? more", "no value such as"),
        ("\"at\":\"2026-01-01T00:00:00Z\"", "\"at\":\"today\"", "no time"),
        ("\"link\"", "\"lnik\"", "no recording"),
    ] {
        std::fs::write(&file, WHOLE.replace(from, to)).unwrap();
        let words = load(&file).unwrap_err();
        assert!(words.contains(part), "{from}: {words}");
    }
}
