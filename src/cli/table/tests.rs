use super::*;

fn written<const N: usize>(table: &Table<N>) -> String {
    let mut out = Vec::new();
    table.write(&mut out, "  ").unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new([("NAME", Align::Left), ("POWER", Align::Right), ("WHY", Align::Left)]);
    table.push(["PV-1 süd".to_owned(), "1 W".to_owned(), String::new()]);
    table.push(["B".to_owned(), "-12.50 kW".to_owned(), "no answer".to_owned()]);
    assert_eq!(
        written(&table),
        "  NAME          POWER  WHY\n  PV-1 süd        1 W\n  B         -12.50 kW  no answer\n"
    );
}

#[test]
fn a_name_cannot_drive_the_terminal() {
    let mut table = Table::new([("NAME", Align::Left)]);
    table.push(["a\u{1b}[2Jb\nc".to_owned()]);
    assert_eq!(written(&table), "  NAME\n  a\u{FFFD}[2Jb\u{FFFD}c\n");
}
