use super::*;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A writer that tells when it was flushed.
#[derive(Clone, Default)]
struct Screen {
    bytes: Arc<Mutex<Vec<u8>>>,
    flushed: Arc<Notify>,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.flushed.notify_one();
        Ok(())
    }
}

const FILE: &str = "
[control]
listen = \"127.0.0.1:0\"
[[sunspec]]
name = \"PV-1\"
kind = \"pv\"
rated_w = 12500
[[sunspec]]
name = \"BAT\"
kind = \"storage-700\"
energy_wh = 20000
unit = 7
";

async fn shown(json: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plant.toml");
    std::fs::write(&path, FILE).unwrap();
    let (screen, stop) = (Screen::default(), CancellationToken::new());
    let mut out = screen.clone();
    let running = run(&path, json, &mut out, stop.clone());
    let (ran, ()) = tokio::join!(running, async {
        screen.flushed.notified().await;
        stop.cancel();
    });
    ran.unwrap();
    String::from_utf8(screen.bytes.lock().unwrap().clone()).unwrap()
}

#[tokio::test]
async fn the_table_names_every_device_and_where_it_is_reached() {
    let text = shown(false).await;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].ends_with("LINK"), "{text}");
    assert!(
        lines[1].starts_with("PV-1  pv ") && lines[1].contains(" 12.5 kW  'modbus+tcp://127.0.0.1:"),
        "{text}"
    );
    assert!(lines[2].contains("10 kW / 20 kWh") && lines[2].ends_with("?unit=7'"), "{text}");
    assert!(text.contains("control: http://127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn json_is_one_object_with_links() {
    let value: serde_json::Value = serde_json::from_str(&shown(true).await).unwrap();
    assert_eq!(value["devices"][0]["rating_w"], 12_500.0);
    assert!(value["devices"][0]["energy_wh"].is_null());
    assert!(value["devices"][1]["link"].as_str().unwrap().starts_with("modbus+tcp://127.0.0.1:"));
}

#[tokio::test]
async fn a_missing_file_is_said_and_nothing_starts() {
    let mut out = Vec::new();
    let why =
        run(Path::new("/nowhere/plant.toml"), false, &mut out, CancellationToken::new()).await.unwrap_err();
    assert!(why.to_string().contains("/nowhere/plant.toml"), "{why}");
    assert!(out.is_empty());
}

#[tokio::test]
async fn the_example_starts_with_free_ports() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/plant.toml")).unwrap();
    let (file, root) = crate::toml_file::TomlFile::parse("plant.toml", &text, 100_000).unwrap();
    let mut settings = crate::simulator::plant_of_table(&file, root).unwrap();
    assert_eq!(settings.devices.len(), 8);
    for device in &mut settings.devices {
        device.listen.set_port(0);
    }
    settings.control = None;
    Plant::start(settings).await.unwrap().stop().await;
}
