use super::*;
use std::time::Duration;

fn parse(text: &str) -> (TomlFile, Table) {
    TomlFile::parse("t.toml", text, 1 << 20).unwrap()
}

fn shown(file: &TomlFile) -> String {
    file.faults().to_string()
}

#[test]
fn every_fault_has_its_place_and_they_come_in_order() {
    let (file, mut root) = parse("zeta = 1\n[gateway]\nnam = 'x'\nport = 'p'\n\n[[device]]\nlink = 5\n");
    let mut gateway = root.table("gateway", "[gateway]").unwrap();
    assert!(gateway.required_text("name", "\"a\"").is_none());
    assert!(gateway.integer("port", 1..=9, "5").is_none());
    gateway.finish();
    for mut device in root.tables("device") {
        assert!(device.required_text("link", "\"modbus+tcp://h\"").is_none());
        device.finish();
    }
    root.finish();
    assert_eq!(
        shown(&file),
        "t.toml:1:1: this file has no key \"zeta\"; it knows gateway, device\n\
         t.toml:2:1: [gateway] has no name; add name = \"a\"\n\
         t.toml:3:1: [gateway] has no key \"nam\"; did you mean \"name\"?\n\
         t.toml:4:8: port must be a whole number, but this is a text; write port = 5\n\
         t.toml:7:8: link must be a text in quotes, but this is a whole number; write link = \"modbus+tcp://h\""
    );
}

#[test]
fn all_syntax_faults_are_reported() {
    let faults = TomlFile::parse("t.toml", "a = \nb = 1\nb = 2\nc = substation\n", 1 << 20).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|f| f.line).collect();
    assert_eq!(lines, [1, 3, 4], "{faults}");
    assert!(faults.to_string().contains("t.toml:3:1: this is given twice"), "{faults}");
}

#[test]
fn numbers_are_read_with_their_ranges() {
    let (file, mut root) = parse("a = 0x7D\nb = 1_000\nc = 2.5\nd = 3\ne = 99999999999999999999\nf = nan\n");
    assert_eq!(root.integer("a", 0..=200, "1").unwrap().value, 125);
    assert_eq!(root.integer("b", 0..=2000, "1").unwrap().value, 1000);
    assert_eq!(root.number("c", 0.0..=9.0, "1").unwrap().value, 2.5);
    assert_eq!(root.number("d", 0.0..=9.0, "1").unwrap().value, 3.0);
    assert!(root.integer("e", 0..=9, "1").is_none());
    assert!(root.number("f", 0.0..=9.0, "1").is_none());
    root.finish();
    assert_eq!(
        shown(&file),
        "t.toml:5:5: e must be 0 to 9, but this is beyond 64 bits\nt.toml:6:5: f must be 0 to 9, but this is NaN"
    );
}

#[test]
fn durations_read_and_write() {
    for (text, ms) in [
        ("500ms", 500),
        ("1s", 1000),
        ("5m", 300_000),
        ("1.5s", 1500),
        ("2h", 7_200_000),
        ("1 d", 86_400_000),
    ] {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
    }
    for bad in [
        "",
        "s",
        "5",
        "5 sec",
        "-1s",
        "1.2.3s",
        "1.2345s",
        "99999999999999999999s",
        "18446744073709551615d",
        ".5s",
    ] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
    for (ms, text) in
        [(500, "500ms"), (1000, "1s"), (1500, "1500ms"), (90_000, "90s"), (3_600_000, "1h"), (0, "0ms")]
    {
        assert_eq!(duration_text(Duration::from_millis(ms)), text);
    }
}

#[test]
fn deep_keys_are_refused_not_a_stack_overflow() {
    for deep in [
        format!("{}a = 1", "a.".repeat(200_000)),
        format!("[{}a]", "a.".repeat(200_000)),
        format!("x = {{ {}a = 1 }}", "a . ".repeat(200_000)),
        format!("x = 1\n{}", "\"#\".".repeat(100_000)),
        ".".repeat(500_000),
        format!("a{}b = 1", ".".repeat(500_000)),
        "[".repeat(500_000),
        format!("x = {}", "[".repeat(500_000)),
        format!("x = {}", "{a=".repeat(200_000)),
    ] {
        assert!(TomlFile::parse("t.toml", &deep, 4 << 20).is_err());
    }
    parse(
        "# ......................................................................................\na = 1\n",
    );
}

#[test]
fn faults_are_bounded() {
    let text: String = (0..2000).map(|n| format!("k{n} = 1\n")).collect();
    let (file, root) = parse(&text);
    root.finish();
    assert_eq!(file.faults().len(), 501);
    assert!(shown(&file).ends_with("t.toml: and 1500 more faults in this file"));
}

#[test]
fn a_file_has_a_size_and_an_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, "a = 1\n").unwrap();
    assert!(TomlFile::read(&path, 6).is_ok());
    assert!(TomlFile::read(&path, 5).unwrap_err().to_string().contains("larger than"));
    std::fs::write(&path, b"a = \"\xff\"\n").unwrap();
    assert!(TomlFile::read(&path, 99).unwrap_err().to_string().contains("not UTF-8 text (byte 5 is wrong)"));
    assert!(TomlFile::read(folder.path(), 99).unwrap_err().to_string().contains("folder"));
    assert!(
        TomlFile::read(&folder.path().join("b.toml"), 99).unwrap_err().to_string().contains("no such file")
    );
    std::fs::write(&path, "\u{feff}a = 1\n").unwrap();
    assert!(TomlFile::read(&path, 99).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", toml in "([a-c.\\[\\]{}=\"', 0-9\n#-]){0,120}") {
        for text in [text, toml] {
            if let Ok((file, mut root)) = TomlFile::parse("t.toml", &text, 1 << 20) {
                let _ = root.tables("a");
                let _ = root.texts("b", "[]");
                let _ = root.duration("c", Duration::ZERO..=Duration::MAX, "\"1s\"");
                root.finish();
                let _ = file.faults().to_string();
            }
        }
    }
}
