use super::*;
use crate::southbound::testing::{Answer, Book, Server, legacy, newer};
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Runs the command; `says` is what the person types, `None` if there is none.
async fn asked(server: &Server, words: &[&str], says: Option<&str>) -> (End, String) {
    let link = server.link(1).to_string();
    let line = Line::try_parse_from(["write", "--timeout", "250ms", &link].iter().chain(words)).unwrap();
    let mut input = says.unwrap_or_default().as_bytes();
    let mut person = Person { present: says.is_some(), input: &mut input };
    let mut out = Vec::new();
    let end = run(&line.args, &mut out, &mut person).await.unwrap();
    (end, String::from_utf8(out).unwrap())
}

async fn written(book: &Book, words: &[&str]) -> (Server, End, String) {
    let server = Server::start(&[(1, book)]).await;
    let (end, out) = asked(&server, &[words, &["--yes"]].concat(), None).await;
    (server, end, out)
}

#[tokio::test]
async fn neighbours_go_in_one_request_and_enable_comes_last() {
    let book = legacy();
    let words = ["123.WMaxLimPct=60", "123.WMaxLimPct_WinTms=0", "123.WMaxLim_Ena=enabled"];
    let (server, end, out) = written(&book, &words).await;
    assert_eq!(end, End::Done, "{out}");
    let [first, enable] = [book.address(123, "WMaxLimPct"), book.address(123, "WMaxLim_Ena")];
    assert_eq!(server.writes(), [(16, first, vec![600, 0]), (16, enable, vec![1])]);
    assert!(out.contains("123.WMaxLimPct = 60 % WMax; 123.WMaxLimPct_WinTms = 0"), "{out}");
    assert!(out.contains("kept"), "{out}");
}

#[tokio::test]
async fn the_order_given_is_the_order_written() {
    let book = legacy();
    let (server, end, _) = written(&book, &["123.WMaxLim_Ena=1", "123.WMaxLimPct=50%"]).await;
    assert_eq!(end, End::Done);
    let addresses: Vec<u16> = server.writes().iter().map(|(_, address, _)| *address).collect();
    assert_eq!(addresses, [book.address(123, "WMaxLim_Ena"), book.address(123, "WMaxLimPct")]);
}

#[tokio::test]
async fn a_dry_run_shows_the_frames_and_writes_nothing() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let (end, out) = asked(&server, &["123.WMaxLimPct=60.04", "--dry-run"], None).await;
    assert_eq!((end, server.writes()), (End::Done, vec![]));
    let [high, low] = book.address(123, "WMaxLimPct").to_be_bytes();
    assert!(out.contains(&format!("01 10 {high:02X} {low:02X} 00 01 02 02 58")), "{out}");
    assert!(out.contains("60.04 becomes 60"), "{out}");
    let (_, out) = asked(&server, &["123.WMaxLimPct=60", "--dry-run", "--json"], None).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["frames"][0]["registers"], json!([600]));
    assert_eq!((&document["frames"][0]["function"], &document["dry_run"]), (&json!(16), &json!(true)));
}

#[tokio::test]
async fn nothing_is_written_without_a_yes() {
    let server = Server::start(&[(1, &legacy())]).await;
    let (end, _) = asked(&server, &["123.Conn=0"], None).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("--yes")), "{end:?}");
    assert_eq!(server.state().seen, [], "the device is not even asked");
    for no in ["", "n\n", "x\n"] {
        let (end, _) = asked(&server, &["123.Conn=0"], Some(no)).await;
        assert!(matches!(end, End::Failed(_)), "{end:?}");
    }
    assert_eq!(server.writes(), []);
    let (end, _) = asked(&server, &["123.Conn=0"], Some("y\n")).await;
    assert_eq!((end, server.writes().len()), (End::Done, 1));
}

#[tokio::test]
async fn what_cannot_be_written_is_told_with_what_would_be_right() {
    let server = Server::start(&[(1, &legacy())]).await;
    for (order, part) in [
        ("103.W=5", "103.W: the point is read-only"),
        ("123.OutPFSet=1", "does not implement the point (it reads 0x8000)"),
        ("123.WMaxLimPct=7000", "outside the range of the point (0 to 6553.4)"),
        ("123.WMaxLimPct=-1", "outside the range"),
        ("123.WMaxLimPct=5W", "the point is in % WMax"),
        ("123.WMaxLimPct=x", "is not a number"),
        ("123.Conn=MAYBE", "DISCONNECT=0, CONNECT=1"),
        ("123.Conn=7", "DISCONNECT=0, CONNECT=1"),
        ("123.Conn=CONECT", "did you mean CONNECT?"),
        ("123.WMaxLimPc=5", "did you mean 123.WMaxLimPct?"),
        ("704.WSet=5", "the device has no model 704"),
        ("holding:5:i16=99999", "-32768 to 32767"),
    ] {
        let (end, _) = asked(&server, &[order, "--yes"], None).await;
        assert!(matches!(&end, End::Failed(words) if words.contains(part)), "{order}: {end:?}");
    }
    let (end, _) = asked(&server, &["103.W=5", "123.Conn=7", "123.Conn=0", "--yes"], None).await;
    let End::Failed(words) = end else { panic!("{end:?}") };
    assert!(words.contains("103.W:") && words.contains("123.Conn:"), "every fault at once: {words}");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_point_given_twice_is_refused() {
    let server = Server::start(&[(1, &legacy())]).await;
    let (end, _) = asked(&server, &["123.Conn=0", "123.Conn=1", "--yes"], None).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("given twice")), "{end:?}");
}

#[tokio::test]
async fn a_sync_group_is_written_whole_in_one_request() {
    let mut book = newer();
    for (path, raw) in [("PFWInj.PF", 1000), ("PFWInj.Ext", 1), ("PF_SF", -3), ("PFWInjEna", 0)] {
        book.set(704, path, raw);
    }
    let (server, end, _) = written(&book, &["704.PFWInj.PF=0.95"]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("give 704.PFWInj.Ext too")), "{end:?}");
    assert_eq!(server.writes(), []);
    let words = ["704.PFWInj.Ext=OVER_EXCITED", "704.PFWInjEna=1", "704.PFWInj.PF=0.95"];
    let (server, end, out) = written(&book, &words).await;
    assert_eq!(end, End::Done, "{out}");
    let [pf, enable] = [book.address(704, "PFWInj.PF"), book.address(704, "PFWInjEna")];
    assert_eq!(server.writes(), [(16, pf, vec![950, 0]), (16, enable, vec![1])]);
}

#[tokio::test]
async fn a_draft_of_the_newer_models_is_not_written() {
    let mut book = newer();
    let header = book.address(715, "L");
    book.put(header, &[8]);
    book.put(header + 8, &[0, 0xFFFF, 0]);
    let (server, end, _) = written(&book, &["715.OpCtl=1"]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("draft")), "{end:?}");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn what_the_device_does_with_it_is_told() {
    let book = legacy();
    let orders = ["123.WMaxLimPct=60", "123.WMaxLim_Ena=1"];
    let first = book.address(123, "WMaxLimPct");
    for (answer, part, status) in [
        (Answer::Ignored, "not kept: it reads 100 % WMax", 1),
        (Answer::Exception(3), "refused: the device does not accept the value", 1),
        (Answer::DoneInSilence, "kept", 1),
        (Answer::Silence, "unknown: no answer within 250ms; it reads 100 % WMax", 1),
    ] {
        let server = Server::start(&[(1, &book)]).await;
        let said = answer.clone();
        server.script(
            move |seen, _| {
                if seen.function == 16 && seen.address == first { said.clone() } else { Answer::Good }
            },
        );
        let (end, out) = asked(&server, &[&orders[..], &["--yes"]].concat(), None).await;
        assert!(out.contains(part), "{answer:?}\n{out}");
        assert_eq!(matches!(end, End::Failed(_)), status == 1, "{answer:?}: {end:?}");
        let of_first = server.writes().iter().filter(|(_, address, _)| *address == first).count();
        assert_eq!(of_first, 1, "{answer:?}: never repeated");
        let stops = !matches!(answer, Answer::Ignored);
        assert_eq!(
            out.contains("not sent"),
            stops,
            "{answer:?}: what follows a failed write is not sent\n{out}"
        );
    }
}

#[tokio::test]
async fn single_registers_are_tried_with_the_other_function() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    server.script(|seen, _| if seen.function == 16 { Answer::Exception(2) } else { Answer::Good });
    let (end, _) = asked(&server, &["123.Conn=0", "--yes"], None).await;
    assert_eq!(end, End::Done);
    let functions: Vec<u8> = server.writes().iter().map(|(function, ..)| *function).collect();
    assert_eq!(functions, [16, 6]);
}

#[tokio::test]
async fn registers_are_written_without_a_chain() {
    let mut book = Book::at(0);
    book.put(100, &[0; 8]);
    let (server, end, _) =
        written(&book, &["holding:100=5", "holding:102:i32=-2", "holding:104=1,2,3"]).await;
    assert_eq!(end, End::Done);
    assert_eq!(
        server.writes(),
        [(16, 100, vec![5]), (16, 102, vec![0xFFFF, 0xFFFE]), (16, 104, vec![1, 2, 3])]
    );
    assert!(server.state().seen.iter().all(|seen| seen.address >= 100), "no scan");
}

#[tokio::test]
async fn a_value_beyond_the_range_is_shown_and_needs_more_than_a_yes_beforehand() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let order = "123.WMaxLimPct=150";
    let (end, out) = asked(&server, &[order, "--dry-run"], None).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("warning: 123.WMaxLimPct = 150 % WMax: beyond 100 %"), "{out}");
    let (end, _) = asked(&server, &[order, "--yes"], None).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("--beyond-range")), "{end:?}");
    assert_eq!(server.writes(), []);
    let (end, out) = asked(&server, &[order], Some("y\n")).await;
    assert_eq!((end, server.writes().len()), (End::Done, 1), "who saw the warning and agreed has decided");
    assert!(out.contains("warning: 123.WMaxLimPct"), "{out}");
    let (end, _) = asked(&server, &[order, "--yes", "--beyond-range"], None).await;
    assert_eq!((end, server.writes().len()), (End::Done, 2));
    let (_, out) = asked(&server, &[order, "--dry-run", "--json"], None).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["beyond"].as_array().map(Vec::len), Some(1));
    let (end, out) = asked(&server, &["123.WMaxLimPct=100", "--dry-run"], None).await;
    assert!(end == End::Done && !out.contains("warning"), "{out}");
}

#[tokio::test]
async fn a_value_beyond_the_ratings_of_the_device_is_beyond_its_range() {
    let mut book = newer();
    for (model, path, raw) in [
        (702, "WMaxRtg", 10_000),
        (702, "WMax", 10_000),
        (702, "W_SF", 0),
        (704, "WSet", 0),
        (704, "WSet_SF", 0),
        (704, "PFWInj.PF", 1000),
        (704, "PFWInj.Ext", 1),
        (704, "PF_SF", -3),
    ] {
        book.set(model, path, raw);
    }
    let server = Server::start(&[(1, &book)]).await;
    for (orders, part) in [
        (
            &["702.WMax=10001"][..],
            "702.WMax = 10001 W: beyond what the device is rated for (702.WMaxRtg = 10000)",
        ),
        (&["704.WSet=-1200"], "(702.WChaRteMaxRtg = 1000)"),
        (&["704.PFWInj.PF=1.5", "704.PFWInj.Ext=1"], "a power factor is at most 1"),
        (&["702.WMax=10000", "704.WSet=10000"], ""),
    ] {
        let (end, out) = asked(&server, &[orders, &["--dry-run"]].concat(), None).await;
        assert_eq!(end, End::Done, "{orders:?} {out}");
        let said = if part.is_empty() { !out.contains("warning") } else { out.contains(part) };
        assert!(said, "{orders:?}: {out}");
    }
}

#[tokio::test]
async fn the_range_of_a_register_map_warns_by_name_and_by_address() {
    let mut book = Book::at(0);
    let map = crate::device_map::Maps::builtin().get("sungrow-sg").cloned().unwrap();
    let limit = map.registers.point("limit_pct").unwrap();
    assert_eq!(limit.range, Some((0.0, 110.0)));
    book.put(limit.address, &[1000]);
    let server = Server::start(&[(1, &book)]).await;
    let by_address = format!("holding:{}=1200", limit.address);
    let words = [by_address.as_str(), "--map", "sungrow-sg", "--dry-run"];
    let (end, out) = asked(&server, &words, None).await;
    assert_eq!(end, End::Done, "{out}");
    assert!(out.contains("this is limit_pct of the map; outside 0 to 110"), "{out}");
}
