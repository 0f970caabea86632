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

#[test]
fn a_column_that_nobody_fills_is_left_out_only_if_that_was_said() {
    let table = |charge: &str| {
        let heads = [("NAME", Align::Left), ("CHARGE", Align::Right), ("WHY", Align::Left)];
        let mut table = Table::new(heads).optional("CHARGE");
        table.push(["PV-1".to_owned(), String::new(), String::new()]);
        table.push(["B".to_owned(), charge.to_owned(), String::new()]);
        written(&table)
    };
    assert_eq!(table(""), "  NAME  WHY\n  PV-1\n  B\n");
    assert_eq!(table("79 %"), "  NAME  CHARGE  WHY\n  PV-1\n  B       79 %\n");
}
