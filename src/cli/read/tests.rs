use super::*;
use crate::southbound::testing::{Book, Server, legacy, whole};
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

async fn of(server: &Server, words: &[&str]) -> (End, String) {
    let link = server.link(1).to_string();
    let line = Line::try_parse_from(["read", "--timeout", "250ms", &link].iter().chain(words)).unwrap();
    let mut out = Vec::new();
    let end = run(&line.args, &mut out).await.unwrap();
    assert_eq!(server.writes(), []);
    (end, String::from_utf8(out).unwrap())
}

async fn read(book: &Book, words: &[&str]) -> (End, String) {
    of(&Server::start(&[(1, book)]).await, words).await
}

/// The cells of the row of a point.
fn row(out: &str, point: &str) -> Vec<String> {
    let line =
        out.lines().find(|line| line.starts_with(point)).unwrap_or_else(|| panic!("{point} in\n{out}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_point_comes_with_raw_value_scale_and_quality() {
    let (end, out) = read(&legacy(), &["103.PhVphA", "103.St", "103.AphA"]).await;
    assert_eq!(end, End::Done);
    assert_eq!(row(&out, "103.PhVphA"), ["103.PhVphA", "230.1", "V", "0x08FD", "10^-1 (V_SF)", "good"]);
    assert_eq!(row(&out, "103.St"), ["103.St", "4", "MPPT", "0x0004", "good"]);
    assert_eq!(row(&out, "103.AphA"), ["103.AphA", "-", "A", "0xFFFF", "10^-1 (A_SF)", "not implemented"]);
}

#[tokio::test]
async fn only_what_is_needed_is_read() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let (_, out) = of(&server, &["103.W", "--json"]).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document[0]["value"], &document[0]["unit"]), (&Value::from(5000), &Value::from("W")));
    let long: Vec<(u16, u16)> =
        server.state().seen.iter().filter(|s| s.quantity != 2).map(|s| (s.address, s.quantity)).collect();
    assert_eq!(long, [], "marker, headers, and W with its scale factor: two registers each");
}

#[tokio::test]
async fn instances_groups_and_whole_models_are_read() {
    let book = whole();
    let (end, out) = read(&book, &["160.module[1].DCW", "705.Crv[0].Pt", "160", "--json"]).await;
    assert_eq!(end, End::Done);
    let document: Value = serde_json::from_str(&out).unwrap();
    let points: Vec<&str> =
        document.as_array().unwrap().iter().map(|d| d["point"].as_str().unwrap()).collect();
    assert_eq!(
        points[..5],
        ["module[1].DCW", "Crv[0].Pt[0].V", "Crv[0].Pt[0].Var", "Crv[0].Pt[1].V", "Crv[0].Pt[1].Var"]
    );
    assert!(points[5..].contains(&"N") && points[5..].contains(&"module[0].IDStr"), "{points:?}");
}

#[tokio::test]
async fn what_reading_clears_is_read_only_by_its_name() {
    let (_, out) = read(&whole(), &["122"]).await;
    assert!(row(&out, "122.StSetLimMsk").contains(&"not read".to_owned()), "{out}");
    let (_, out) = read(&whole(), &["122.StSetLimMsk"]).await;
    assert!(row(&out, "122.StSetLimMsk").contains(&"good".to_owned()), "{out}");
}

#[tokio::test]
async fn registers_are_read_without_a_chain() {
    let mut book = Book::at(0);
    book.put(100, &[1, 0xFFFF, 0x4865, 0x6C6C, 0x6F00]);
    let server = Server::start(&[(1, &book)]).await;
    let (end, out) =
        of(&server, &["holding:100+2", "holding:101:i16", "holding:100:u32:low_first", "holding:102:text3"])
            .await;
    assert_eq!(end, End::Done);
    assert_eq!(row(&out, "holding:100 "), ["holding:100", "1", "0x0001", "good"]);
    assert_eq!(row(&out, "holding:101 "), ["holding:101", "65535", "0xFFFF", "good"]);
    assert_eq!(row(&out, "holding:101:i16")[1], "-1");
    assert_eq!(row(&out, "holding:100:u32:low_first")[1], "4294901761");
    assert_eq!(row(&out, "holding:102:text3")[1], "Hello");
    assert_eq!(server.state().seen.len(), 4, "nothing else is asked");
}

#[tokio::test]
async fn what_is_not_there_is_told_and_the_rest_is_read() {
    let book = legacy().stranger(64_870, 4);
    let words = ["103.W", "104.W", "103[1].W", "103.w_sf", "64870.X", "holding:9", "--json"];
    let (end, out) = read(&book, &words).await;
    let End::Failed(said) = end else { panic!("{end:?}") };
    for part in [
        "104.W: the device has no model 104; it has 1, 103, 120, 121, 123, 64870",
        "its last of that id is 103",
        "did you mean 103.W_SF?",
        "not known to this version",
        "holding:9: the device answers with exception 2",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document[0]["value"], 5000);
    assert!(document[1]["error"].as_str().unwrap().contains("no model 104"));
}

#[tokio::test]
async fn wrong_usage_and_silence_have_their_own_status() {
    let (end, _) = read(&legacy(), &["W"]).await;
    assert!(matches!(end, End::Usage(_)), "{end:?}");
    let line = Line::try_parse_from(["read", "modbus+tcp://127.0.0.1:1", "103.W"]).unwrap();
    let end = run(&line.args, &mut Vec::new()).await.unwrap();
    assert!(matches!(end, End::NoAnswer(_)), "{end:?}");
}

/// A server of input registers only: answers one request with the registers 1 and 2.
async fn input_server() -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("modbus+tcp://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 12];
        stream.read_exact(&mut request).await.unwrap();
        let [a, b, ..] = request[..] else { panic!() };
        stream.write_all(&[a, b, 0, 0, 0, 7, 1, 4, 4, 0, 1, 0, 2]).await.unwrap();
        request
    });
    (link, seen)
}

#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn input_registers_are_read_and_the_wire_is_shown() {
    let (link, seen) = input_server().await;
    let line = Line::try_parse_from(["read", &link, "input:5000:u32", "--trace"]).unwrap();
    assert!(line.args.how.traces());
    let lines = Lines::default();
    let writer = lines.clone();
    let filter = tracing_subscriber::EnvFilter::new("error,dergate::wire=trace");
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    // With one listener alone, a place that logs first in the thread of another test would count as heard by nobody.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let _listening = tracing::subscriber::set_default(log);
    let mut out = Vec::new();
    let end = run(&line.args, &mut out).await.unwrap();
    assert_eq!(end, End::Done);
    assert_eq!(row(std::str::from_utf8(&out).unwrap(), "input:5000:u32")[1], "65538");
    assert_eq!(seen.await.unwrap()[6..], [1, 4, 0x13, 0x88, 0, 2]);
    let shown = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("> 01 04 13 88 00 02") && shown.contains("< 01 04 04 00 01 00 02"), "{shown}");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let line =
        |link: &str, words: &[&str]| Line::try_parse_from(["read", link].iter().chain(words)).unwrap().args;
    for (link, words) in [
        ("modbus+tcp://127.0.0.1:1", &["103.W", "3:4:5", "holding:x", "input:99999"][..]),
        ("modbus+tcp://127.0.0.1:1", &["limit_one", "103.W", "limit_two", "limit_three"]),
        ("dnp3+tcp://127.0.0.1:1", &["AI1", "103.W", "AI70000", "holding:4"]),
    ] {
        let end = run(&line(link, words), &mut Vec::new()).await.unwrap();
        let End::Usage(told) = end else { panic!("{end:?}") };
        assert_eq!(told.lines().count(), 3, "{told}");
    }
}
