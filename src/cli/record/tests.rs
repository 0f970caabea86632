use super::*;
use crate::cli::probe;
use crate::southbound::testing::{Book, Server, legacy, newer};
use clap::Parser;
use std::path::Path;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

#[derive(Debug, Parser)]
struct ProbeLine {
    #[command(flatten)]
    args: probe::Args,
}

async fn record(server: &Server, file: &Path, more: &[&str]) -> (End, String) {
    let (link, file) = (server.link(1).to_string(), file.display().to_string());
    let words = ["record", "--timeout", "250ms", &link, "-o", &file];
    let line = Line::try_parse_from(words.iter().chain(more)).unwrap();
    let mut out = Vec::new();
    let end = run(&line.args, &mut out).await.unwrap();
    (end, String::from_utf8(out).unwrap())
}

async fn probed(words: &[&str]) -> (End, String) {
    let line = ProbeLine::try_parse_from(["probe"].iter().chain(words)).unwrap();
    let mut out = Vec::new();
    let end = probe::run(&line.args, &mut out).await.unwrap();
    (end, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn a_recording_decodes_as_the_device_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.json");
    for book in [legacy().stranger(64_870, 4), newer().identity("SN-8").model(203, &[("W", 5), ("W_SF", 0)])]
    {
        let server = Server::start(&[(1, &book)]).await;
        let (end, out) = record(&server, &file, &["--force"]).await;
        assert_eq!(end, End::Done, "{out}");
        let (_, live) = probed(&[&server.link(1).to_string(), "--all"]).await;
        let (end, offline) = probed(&["--from", &file.display().to_string(), "--all"]).await;
        assert_eq!(end, End::Done);
        let rest = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap();
        assert_eq!(rest(&offline), rest(&live), "all but the first line, which names the source");
        assert!(offline.starts_with(&format!("{}, recorded 20", server.link(1))), "{offline}");
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.json");
    std::fs::write(&file, "mine").unwrap();
    let server = Server::start(&[(1, &legacy())]).await;
    let (end, _) = record(&server, &file, &[]).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("--force")), "{end:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(server.state().seen, [], "the device is not asked in vain");
    let (end, _) = record(&server, &file, &["--force", "--json"]).await;
    assert_eq!(end, End::Done);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["device.json"], "nothing is left beside it");
}

#[tokio::test]
async fn without_a_device_there_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.json");
    let server = Server::start(&[(1, &Book::at(9))]).await;
    let (end, _) = record(&server, &file, &[]).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert!(!file.exists());
}

#[test]
fn what_is_no_recording_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.json");
    let whole = r#"{"format":"dergate-recording","version":1,"link":"x","unit":1,"at":"2026-01-01T00:00:00Z","base":0,
        "models":[{"id":1,"address":2,"length":66}],"registers":{"0":"5375 6E53"}}"#;
    std::fs::write(&file, whole).unwrap();
    let Recorded::Device(recording) = load(&file).unwrap() else { panic!("of a Modbus device") };
    assert_eq!(recording.registers.get(&1), Some(&0x6E53));
    for (from, to, part) in [
        ("dergate-recording", "other", "is not one that this version reads"),
        ("\"version\":1", "\"version\":2", "version 2"),
        ("\"length\":66", "\"length\":65533", "runs past register 65535"),
        ("5375 6E53", "5375 XX", "no hexadecimal word"),
        ("\"0\":", "\"65535\":", "run past 65535"),
        ("\"0\":", "\"-1\":", "no address"),
        ("2026-01-01T00:00:00Z", "today", "no time"),
        ("\"unit\"", "\"unjt\"", "no recording"),
    ] {
        std::fs::write(&file, whole.replace(from, to)).unwrap();
        let words = load(&file).unwrap_err();
        assert!(words.contains(part), "{from}: {words}");
    }
    std::fs::write(&file, vec![b' '; 4 * 1024 * 1024 + 1]).unwrap();
    assert!(load(&file).unwrap_err().contains("larger than"));
    assert!(load(&folder.path().join("none")).unwrap_err().contains("cannot be read"));
}

#[tokio::test]
async fn a_recording_of_a_later_version_or_another_kind_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.json");
    for (text, part) in [
        (r#"{"format": "dergate-recording", "version": 2, "news": 1}"#, "version 2 is not one"),
        (r#"{"format": "dergate-recording", "version": 1, "kind": "iec104"}"#, "\"kind\" is \"iec104\""),
    ] {
        std::fs::write(&file, text).unwrap();
        let (end, _) = probed(&["--from", &file.display().to_string()]).await;
        assert!(matches!(&end, End::Failed(words) if words.contains(part)), "{end:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none").join("device.json").display().to_string();
    // Nobody is at this address: it is not even tried.
    let line = Line::try_parse_from(["record", "modbus+tcp://127.0.0.1:1", "-o", &file]).unwrap();
    let end = run(&line.args, &mut Vec::new()).await.unwrap();
    assert!(matches!(&end, End::Failed(words) if words.contains("there is no folder")), "{end:?}");
}
