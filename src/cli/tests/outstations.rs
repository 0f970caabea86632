//! The tools against a simulated outstation, as a technician uses them.

use crate::cli::device::Person;
use crate::cli::{End, control, probe, read, record, write};
use crate::simulator::{DeviceSettings, Fault, Kind, Plant, PlantSettings};
use clap::Parser;
use serde_json::Value;

#[derive(Debug, Parser)]
enum Line {
    Probe(probe::Args),
    Read(read::Args),
    Write(write::Args),
    Record(record::Args),
    Control(control::Args),
}

/// What a command prints and how it ends. Nobody sits at the terminal.
async fn dergate(words: &[&str]) -> (End, String) {
    let line = Line::try_parse_from(["dergate"].iter().chain(words)).unwrap();
    let (mut out, mut nobody) = (Vec::new(), std::io::Cursor::new(Vec::new()));
    let mut person = Person { present: false, input: &mut nobody };
    let end = match line {
        Line::Probe(args) => probe::run(&args, &mut out).await,
        Line::Read(args) => read::run(&args, &mut out).await,
        Line::Write(args) => write::run(&args, &mut out, &mut person).await,
        Line::Record(args) => record::run(&args, &mut out).await,
        Line::Control(args) => control::run(&args, &mut out, &mut person).await,
    };
    (end.unwrap(), String::from_utf8(out).unwrap())
}

async fn plant() -> (Plant, String) {
    crate::testing::unhurried();
    let devices = vec![DeviceSettings::dnp3("BESS-1", Kind::Storage)];
    let plant = Plant::start(PlantSettings { control: None, devices }).await.unwrap();
    let link = plant.devices()[0].link();
    (plant, link)
}

fn document(out: &str) -> Value {
    serde_json::from_str(out).unwrap_or_else(|why| panic!("{why}: {out}"))
}

#[tokio::test]
async fn a_probe_shows_what_it_is_and_what_it_can_do() {
    let (plant, link) = plant().await;
    let (end, out) = dergate(&["probe", &link]).await;
    assert_eq!(end, End::Done, "{out}");
    for part in [
        "dnp3-an2018",
        "recognised by AI0 = 100",
        "analog inputs (AI)",
        "limitActivePower",
        "activePower",
        "BI23",
        "As the gateway reports it",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let place = |part: &str| out.find(part).unwrap_or_else(|| panic!("{part} is missing in\n{out}"));
    assert!(place("As the gateway reports it") < place("Points of map"), "the summary comes first:\n{out}");
    assert!(place("Can be asked for") < place("Points of map"), "{out}");
    assert!(out.contains(" that the map does not use (--all shows them)"), "{out}");
    let (end, out) = dergate(&["probe", &link, "--filter", "no_such_point"]).await;
    assert_eq!(end, End::Done);
    assert!(out.ends_with("Points with no_such_point\n  none\n"), "{out}");
    let (end, _) = dergate(&["probe", &link, "--filter", "AI530.."]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("--filter \"AI530..\"")), "{end:?}");
    let (end, out) = dergate(&["probe", &link, "--json", "--filter", "AI536..AI537"]).await;
    assert_eq!(end, End::Done);
    let shown = document(&out);
    assert_eq!(shown["map"], "dnp3-an2018");
    let points = shown["outstation"]["points"].as_array().unwrap();
    let names: Vec<_> = points.iter().map(|point| point["point"].as_str().unwrap()).collect();
    assert_eq!(names, ["AI536", "AI537"]);
    assert_eq!(points[1]["unit"], "W");
    plant.stop().await;
}

#[tokio::test]
async fn points_are_read_and_what_is_missing_fails() {
    let (plant, link) = plant().await;
    let (end, out) = dergate(&["read", &link, "AI0", "active_power", "BI10..BI12", "--json"]).await;
    assert_eq!(end, End::Done, "{out}");
    let shown = document(&out);
    let list = shown.as_array().unwrap();
    assert_eq!(list.len(), 5);
    assert_eq!((&list[0]["raw"], &list[0]["quality"]), (&Value::from(100), &Value::from("good")));
    assert_eq!(list[1]["point"], "AI537");
    assert_eq!(list[0]["flags"][0], "ONLINE");
    let (end, out) = dergate(&["read", &link, "AI0", "active_pover"]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("did you mean active_power?")), "{end:?}");
    assert!(out.contains("AI0"), "what is there is shown: {out}");
    let (_, out) = dergate(&["read", &link, "CTR0"]).await;
    assert_eq!(out, "", "no head over nothing");
    let (end, _) = dergate(&["read", &link, "holding:5"]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("registers are Modbus")), "{end:?}");
    plant.stop().await;
}

#[tokio::test]
async fn outputs_are_written_after_a_yes_and_read_back() {
    let (plant, link) = plant().await;
    let (end, _) = dergate(&["write", &link, "AO88=600"]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("--yes")), "{end:?}");
    let (end, out) = dergate(&["write", &link, "AO88=600", "BO17=on", "--dry-run"]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("direct operate") && out.contains("select, then operate"), "{out}");
    let look = ["read", &link, "AI149", "--json"];
    let before = document(&dergate(&look).await.1)[0]["raw"].clone();
    assert_ne!(before, 600, "nothing was sent");
    let (end, out) = dergate(&["write", &link, "AO87=1000", "AO88=600", "BO17=on", "--yes", "--json"]).await;
    assert_eq!(end, End::Done, "{out}");
    let done = document(&out);
    let results: Vec<_> = done["points"].as_array().unwrap().iter().map(|p| p["result"].clone()).collect();
    assert_eq!(results, ["written", "written", "written"], "{out}");
    assert_eq!(done["points"][1]["read_back"]["value"], 60);
    assert_eq!(document(&dergate(&look).await.1)[0]["raw"], 600);
    let (end, out) = dergate(&["write", &link, "AO88=1500", "--yes"]).await;
    let refused =
        |words: &str| words.contains("AO88 = 150 % is outside 0 to 100") && words.contains("--beyond-range");
    assert!(matches!(&end, End::Failed(words) if refused(words)), "{end:?}");
    assert!(out.contains("warning: AO88 = 150 %"), "{out}");
    assert_eq!(document(&dergate(&look).await.1)[0]["raw"], 600, "nothing was sent");
    let (end, out) = dergate(&["write", &link, "AO88=1500", "--yes", "--beyond-range", "--json"]).await;
    assert!(matches!(&end, End::Failed(words) if words == "not as asked: AO88"), "{end:?}");
    assert!(
        document(&out)["points"][0]["beyond"].is_string(),
        "the outstation was asked, and refuses it: {out}"
    );
    let (end, out) = dergate(&["write", &link, "AO60000=1", "BO17=off", "--yes"]).await;
    assert!(matches!(&end, End::Failed(words) if words == "not as asked: AO60000, BO17"), "{end:?}\n{out}");
    assert!(out.contains("refused") && out.contains("not sent"), "{out}");
    plant.stop().await;
}

#[tokio::test]
async fn a_recording_shows_what_the_outstation_showed() {
    let (plant, link) = plant().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bess.json").display().to_string();
    let (end, out) = dergate(&["record", &link, "-o", &file]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains(" points, from dnp3+tcp://"), "{out}");
    let (_, live) = dergate(&["probe", &link, "--all", "--filter", "AO"]).await;
    let (_, replayed) = dergate(&["probe", "--from", &file, "--all", "--filter", "AO"]).await;
    // The power of the plant moves meanwhile; its outputs and what it can do do not.
    let still = |text: &str| {
        let (_, rest) = text.split_once('\n').unwrap();
        let (head, rest) = rest.split_once("\nAs the gateway reports it").unwrap();
        format!("{head}{}", rest.split_once("\nCan be asked for").unwrap().1)
    };
    assert_eq!(still(&replayed), still(&live));
    plant.stop().await;
    let (end, out) = dergate(&["probe", "--from", &file, "--json", "--all"]).await;
    assert_eq!(end, End::Done, "{out}");
    let shown = document(&out);
    assert_eq!(shown["outstation"]["recognised"], true);
    assert!(shown["readings"].as_array().unwrap().iter().any(|r| r["quantity"] == "activePower"));
    let (end, _) = dergate(&["probe", "--from", &file, "--map", "sunspec"]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("the recording is of DNP3")), "{end:?}");
}

#[tokio::test]
async fn a_control_is_previewed_carried_out_and_released() {
    let (plant, link) = plant().await;
    let (end, out) = dergate(&["control", &link, "limit_active_power", "50%", "--dry-run"]).await;
    assert_eq!(end, End::Done, "{out}");
    for part in ["AO88 wlim_discharge_setpoint [%] = 500 (50)", "BO17 enable_wlim_mode latch on"] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    let words = ["control", &link, "limit_active_power", "50%", "--watch", "0", "--yes", "--release"];
    let (end, out) = dergate(&words).await;
    assert_eq!(end, End::Done, "{out}");
    assert!(out.contains("applied: read back as written"), "{out}");
    assert!(out.contains("release applied"), "{out}");
    plant.stop().await;
}

#[tokio::test]
async fn nobody_there_ends_with_3() {
    let closed = std::net::TcpListener::bind(crate::testing::own_address()).unwrap().local_addr().unwrap();
    let link = format!("dnp3+tcp://{closed}?outstation=10");
    let (end, _) = dergate(&["probe", &link]).await;
    assert!(matches!(&end, End::NoAnswer(words) if words.contains("refused")), "{end:?}");
    let (end, _) = dergate(&["probe", "dnp3+serial:///dev/no-such-port?outstation=10"]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("is not there")), "our own side: {end:?}");
    let (plant, link) = plant().await;
    let wrong = link.replace("outstation=1024", "outstation=9");
    let (end, _) = dergate(&["read", &wrong, "AI0", "--timeout", "500ms"]).await;
    assert!(matches!(&end, End::NoAnswer(words) if words.contains("does not answer master")), "{end:?}");
    plant.stop().await;
}

/// Whoever drives the outstation hears what it said of itself from a recording too.
#[tokio::test]
async fn a_recording_keeps_what_the_outstation_said_of_itself() {
    crate::testing::unhurried();
    let devices = vec![DeviceSettings {
        faults: vec![Fault::Trouble],
        ..DeviceSettings::dnp3("BESS-1", Kind::Storage)
    }];
    let plant = Plant::start(PlantSettings { control: None, devices }).await.unwrap();
    let link = plant.devices()[0].link();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bess.json").display().to_string();
    assert_eq!(dergate(&["record", &link, "-o", &file]).await.0, End::Done);
    plant.stop().await;
    let (_, out) = dergate(&["probe", "--from", &file, "--json"]).await;
    let warnings = document(&out)["warnings"].to_string();
    assert!(warnings.contains("IIN1.6"), "{warnings}");
}
