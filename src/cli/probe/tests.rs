use super::*;
use crate::southbound::testing::{Answer, Book, Server, legacy, newer, whole};
use clap::Parser;
use serde_json::Value;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

async fn probed(words: &[&str]) -> (End, String) {
    let line = Line::try_parse_from(["probe", "--timeout", "250ms"].iter().chain(words)).unwrap();
    let mut out = Vec::new();
    let end = run(&line.args, &mut out).await.unwrap();
    (end, String::from_utf8(out).unwrap())
}

async fn of(book: &Book, words: &[&str]) -> (End, String) {
    let server = Server::start(&[(1, book)]).await;
    let link = server.link(1).to_string();
    let probed = probed(&[&[link.as_str()], words].concat()).await;
    assert_eq!(server.writes(), [], "a probe only reads");
    probed
}

#[tokio::test]
async fn a_table_names_device_models_points_and_values() {
    let (end, out) = of(&legacy().stranger(64_870, 4), &[]).await;
    assert_eq!(end, End::Done);
    for part in [
        "Acme",
        "SN-1",
        "(unknown to this version)",
        "PhVphA                 230.1 V",
        "(MPPT)",
        "activePower            5000 W",
        "limitActivePower, connectDisconnect",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
    assert!(!out.contains("AphA"), "what is not implemented is shown with --all only\n{out}");
    let (_, out) = of(&legacy(), &["--all"]).await;
    assert!(out.contains("AphA                   -\n"), "{out}");
}

#[tokio::test]
async fn json_carries_the_same() {
    let (end, out) = of(&newer(), &["--json"]).await;
    assert_eq!(end, End::Done);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["serial"], "SN-7");
    assert_eq!(document["base"], 40000);
    assert_eq!(document["models"][1]["id"], 701);
    assert_eq!(document["capability"]["injectionMax"]["value"], 9000);
    let readings = document["readings"].as_array().unwrap();
    assert!(readings.iter().any(|r| r["quantity"] == "activePower" && r["value"] == -2500));
}

/// Acceptance: every point of every model, with unit and names of values; models that nobody knows by id, place, length.
#[tokio::test]
async fn every_point_of_every_model_is_shown() {
    let book = whole().stranger(64_870, 4);
    let (end, out) = of(&book, &["--json", "--all"]).await;
    assert_eq!(end, End::Done);
    let document: Value = serde_json::from_str(&out).unwrap();
    let shown = document["models"].as_array().unwrap();
    let (known, stranger) = shown.split_at(book.places.len());
    let mut count = 0;
    for ((id, address, layout), model) in book.places.iter().zip(known) {
        assert_eq!((&model["id"], &model["address"]), (&Value::from(*id), &Value::from(*address)));
        let points = model["points"].as_array().unwrap();
        let wanted = layout.points.iter().skip(2).filter(|p| p.point.kind.name() != "pad");
        let wanted: Vec<_> = wanted.collect();
        assert_eq!(points.len(), wanted.len(), "model {id}");
        for (placed, point) in wanted.iter().zip(points) {
            assert_eq!(point["point"], placed.path, "model {id}");
            assert_eq!(point["address"], address + placed.offset);
            let unit = placed.point.unit.as_deref().map(str::trim).filter(|u| !u.is_empty());
            assert_eq!(point["unit"].as_str(), unit, "{id}.{}", placed.path);
            if (*id, placed.path.as_str()) == (122, "StSetLimMsk") {
                assert_eq!(point["quality"], "not read", "reading it would clear it");
                continue;
            }
            assert_eq!(point["quality"], "good", "{id}.{}: {point}", placed.path);
            if let Some(first) = placed.point.symbols.first() {
                let names = point["symbols"].as_array().unwrap();
                assert!(names.iter().any(|n| n == first.name.as_str()), "{id}.{}: {point}", placed.path);
            }
            count += 1;
        }
    }
    assert!(count > 3000, "{count} points");
    assert_eq!(stranger.len(), 1);
    let stranger = &stranger[0];
    assert_eq!((&stranger["id"], &stranger["length"]), (&Value::from(64_870), &Value::from(4)));
    assert_eq!((&stranger["known"], &stranger["address"].is_u64()), (&Value::from(false), &true));
}

#[tokio::test]
async fn what_reading_would_clear_is_not_read() {
    let book = whole();
    let spared = book.address(122, "StSetLimMsk");
    let server = Server::start(&[(1, &book)]).await;
    let (end, _) = probed(&[&server.link(1).to_string()]).await;
    assert_eq!(end, End::Done);
    let seen = server.state().seen.clone();
    assert!(seen.iter().any(|s| s.address == spared + 2), "what stands behind it is");
    assert!(!seen.iter().any(|s| (s.address..s.address + s.quantity).contains(&spared)));
}

#[tokio::test]
async fn groups_are_nested_as_their_count_points_say() {
    let book = whole();
    let (_, out) = of(&book, &[]).await;
    for part in
        ["\n         Crv[1]\n", "\n           MustTrip\n", "\n             Pt[1]\n", "\n         module[1]\n"]
    {
        assert!(out.contains(part), "{part:?} is missing in\n{out}");
    }
}

#[tokio::test]
async fn a_second_logical_device_and_second_instances_are_shown() {
    let mut book = legacy().identity("SN-2").model(203, &[]).model(203, &[("W", -70), ("W_SF", 1)]);
    let meter = book.places.iter().rev().find(|(id, ..)| *id == 1).unwrap().1;
    let serial: Vec<u16> = "MTR\0".as_bytes().chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
    let offset = book.places[0].2.find("SN").unwrap().offset;
    book.put(meter + offset, &serial);
    let (end, out) = of(&book, &[]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("logical device 2: ") && out.contains("MTR"), "{out}");
    assert!(out.contains("Model 203 ") && out.contains("Model 203[1] ") && out.contains("-700 W"), "{out}");
    assert!(out.contains("manufacturer           Acme"), "the first one is the device\n{out}");
    assert!(!out.contains("are not read"), "{out}");
}

#[tokio::test]
async fn nobody_there_and_no_sunspec_are_told_apart() {
    let (end, out) = of(&Book::at(40001), &[]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("set base = [40001]")), "{end:?}");
    assert_eq!(out, "");
    let (end, _) = probed(&["modbus+tcp://127.0.0.1:1"]).await;
    assert!(matches!(&end, End::NoAnswer(words) if words.contains("connection refused")), "{end:?}");
    let (end, _) = probed(&["modbus+tcp://127.0.0.1:1", "--map", "sunspek"]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("did you mean \"sunspec\"?")), "{end:?}");
    let (end, _) = probed(&["modbus+tcp"]).await;
    assert!(matches!(end, End::Usage(_)), "{end:?}");
}

#[tokio::test]
async fn one_silent_model_hides_no_other() {
    let book = legacy();
    let ratings = book.address(120, "ID");
    let server = Server::start(&[(1, &book)]).await;
    server.script(
        move |seen, _| {
            if seen.address == ratings && seen.quantity > 2 { Answer::Silence } else { Answer::Good }
        },
    );
    let (end, out) = probed(&[&server.link(1).to_string(), "--json"]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("model 120: not read: no answer"), "{out}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let readings = document["readings"].as_array().unwrap();
    assert!(readings.iter().any(|r| r["quantity"] == "activePower" && r["value"] == 5000), "{out}");
}

#[tokio::test]
async fn a_device_that_refuses_long_reads_is_shown_whole() {
    let server = Server::start(&[(1, &newer())]).await;
    server.script(|seen, _| if seen.quantity > 40 { Answer::Exception(3) } else { Answer::Good });
    let (end, out) = probed(&[&server.link(1).to_string()]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("activePower            -2500 W"), "{out}");
    assert!(!out.contains("not read"), "{out}");
}

#[tokio::test]
async fn a_hole_in_a_model_hides_only_itself() {
    let book = legacy();
    let hole = book.address(103, "TmpCab");
    let server = Server::start(&[(1, &book)]).await;
    server.script(move |seen, _| {
        let covers = (seen.address..seen.address + seen.quantity).contains(&hole);
        if covers { Answer::Exception(2) } else { Answer::Good }
    });
    let (end, out) = probed(&[&server.link(1).to_string()]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("TmpCab                 not read"), "{out}");
    assert!(out.contains("St                     4"), "{out}");
    assert!(out.contains("WMaxLimPct             100"), "{out}");
}

#[tokio::test]
async fn answers_that_make_no_sense_are_an_answer_all_the_same() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::OtherUnit);
    let (end, _) = probed(&[&server.link(1).to_string()]).await;
    let End::Failed(words) = end else { panic!("{end:?}") };
    assert!(words.contains("bad answer") && words.len() < 250, "{words}");
}

#[tokio::test]
async fn the_units_that_answer_are_listed() {
    let (first, second) = (legacy(), newer());
    let server = Server::start(&[(1, &first), (126, &second)]).await;
    let link = server.link(1).to_string();
    let (end, out) = probed(&[&link, "--unit", "1,2,126"]).await;
    assert_eq!(end, End::Done);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 4, "{out}");
    assert!(lines[1].contains("40000") && lines[1].contains("SN-1"), "{out}");
    assert!(lines[2].contains("nothing:"), "{out}");
    assert!(lines[3].trim_start().starts_with("126") && lines[3].contains("SN-7"), "{out}");
    let (end, out) = probed(&[&link, "--unit", "2,3", "--json"]).await;
    assert!(matches!(end, End::NoAnswer(_)), "{end:?}");
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document[1]["unit"], &document[1]["answers"]), (&Value::from(3), &Value::from(false)));
    let (end, _) = probed(&[&link, "--unit", "1,300"]).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("0 to 255")), "{end:?}");
}

#[tokio::test]
async fn a_silent_unit_costs_one_time_out_and_the_next_is_asked_all_the_same() {
    let book = legacy();
    let server = Server::start(&[(1, &book), (2, &book)]).await;
    server.script(|seen, _| if seen.unit == 1 { Answer::Silence } else { Answer::Good });
    let (end, out) = probed(&[&server.link(1).to_string(), "--unit", "1,2"]).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("nothing: no answer within 250ms"), "{out}");
    assert_eq!(server.state().seen.iter().filter(|seen| seen.unit == 1).count(), 1);
}

#[tokio::test]
async fn the_map_that_fits_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let map = "format = 1\nid = \"acme\"\ntitle = \"Acme\"\nkind = \"sunspec\"\n\n[match]\nmanufacturer = \"ACME*\"\n";
    std::fs::write(folder.path().join("acme.toml"), map).unwrap();
    let maps = folder.path().display().to_string();
    let (end, out) = of(&legacy(), &["--maps", &maps]).await;
    assert_eq!(end, End::Done);
    // A map format that knows no [match] yet names none.
    let (known, _) = crate::device_map::Maps::load(&[folder.path().to_owned()]);
    if known.get("acme").is_some_and(|map| map.matches.is_some()) {
        assert!(out.contains("device map             acme"), "{out}");
    } else {
        assert!(out.contains("device map             none matches"), "{out}");
    }
}
