use super::*;
use std::io::Write;
use std::sync::Arc;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_wire_is_told_shortly_and_the_rest_of_the_log_as_ever() {
    let heard = Heard::default();
    let writer = heard.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .event_format(Lines::new())
        .finish();
    tracing::subscriber::with_default(log, || {
        tracing::trace!(target: "dergate::wire", "> 01 03 9C 40 00 02");
        tracing::info!(target: concat!("dnp3", "::app"), "APP TX - ctrl: [seq: 3] func: Read ... (len = 0)\ng60v2 : Class Data - Class 1 - all objects");
        tracing::warn!(target: concat!("dnp3", "::link"), "ignoring frame sent to address: {}\x1b[2J", 7);
        tracing::warn!(target: "dergate::southbound", "something else");
    });
    let said = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 5, "{said}");
    let parts = [
        "> 01 03 9C 40 00 02",
        "> read, seq 3",
        "class data class 1, all objects (g60v2)",
        "- ignoring frame sent to address: 7",
    ];
    for (line, part) in lines.iter().zip(parts) {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(lines[4].contains("WARN") && lines[4].ends_with("dergate::southbound: something else"), "{said}");
    assert!(!said.contains('\x1b'), "a device cannot clear the screen: {said}");
}
