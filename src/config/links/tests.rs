use super::*;
use crate::toml_file::TomlFile;

/// What is said of links that stand one a line, faults and then remarks.
fn said(links: &[&str]) -> Vec<String> {
    let lines: Vec<String> = links.iter().map(|link| format!("\"{link}\",\n")).collect();
    let text = format!("links = [\n{}]\n", lines.concat());
    let (file, mut root) = TomlFile::parse("g.toml", &text, 10_000).unwrap();
    let mut all = Links::default();
    for text in root.texts("links", "[]").unwrap().value {
        let link = Link::parse(&text.value).unwrap();
        all.take(&Placed { value: link, place: text.place });
    }
    root.finish();
    file.faults().iter().chain(&file.remarks()).map(ToString::to_string).collect()
}

#[test]
fn one_outstation_stands_in_one_place_whatever_its_links_look_like() {
    let first = "dnp3+tcp://RTU-7.example:20000?outstation=10&second=rtu-8:20000";
    for again in [
        "dnp3+tcp://rtu-7.example?outstation=10&master=1&second=rtu-8",
        "dnp3+tcp://rtu-7.Example?outstation=10&master=2&second=rtu-8",
    ] {
        let said = said(&[first, again]);
        assert!(
            said[0].starts_with("g.toml:3:1: this link is already that of the device at line 2;"),
            "{said:?}"
        );
    }
    let behind_second = said(&["dnp3+tcp://rtu-8?outstation=10&second=rtu-9", first]);
    assert!(
        behind_second[0].contains("the second end point of this link already leads to the device at line 2")
    );
    for (one, other) in [("own", "shared"), ("shared", "own"), ("own", "own")] {
        let link = |channel| format!("dnp3+tcp://rtu-7?outstation=10&channel={channel}");
        let said = said(&[&link(one), &link(other)]);
        assert!(said[0].contains("this link is already that of the device at line 2"), "{said:?}");
    }
    let line =
        said(&["dnp3+serial:///dev/ttyS0?outstation=10", "dnp3+serial:///dev/ttyS0?outstation=10&master=2"]);
    assert!(line[0].contains("this link is already that of the device at line 2"), "{line:?}");
    assert!(said(&[first, "dnp3+tcp://rtu-7.example?outstation=11&second=RTU-8"]).is_empty());
    assert!(said(&[first, "dnp3+tcp://rtu-9?outstation=10"]).is_empty());
}

#[test]
fn one_place_speaks_one_protocol() {
    let line = said(&["modbus+rtu:///dev/ttyS0?unit=3", "dnp3+serial:///dev/ttyS0?outstation=10"]);
    assert_eq!(
        line,
        [
            "g.toml:3:1: /dev/ttyS0 carries Modbus for the device at line 2; one serial line carries one protocol"
        ]
    );
    let port = said(&["dnp3+tcp://rtu?outstation=10", "modbus+tcp://RTU:20000"]);
    assert!(port[0].contains("rtu:20000 speaks DNP3 for the device at line 2"), "{port:?}");
    assert!(said(&["dnp3+tcp://rtu?outstation=10", "modbus+tcp://rtu"]).is_empty());
}

#[test]
fn one_end_point_has_tls_or_has_not() {
    for links in [
        ["dnp3+tls://rtu?outstation=10", "dnp3+tcp://RTU?outstation=10"],
        ["dnp3+tcp://rtu?outstation=10", "dnp3+tls://rtu?outstation=11"],
        ["dnp3+tcp://other?outstation=10&second=rtu", "dnp3+tls://rtu?outstation=11"],
        ["modbus+tcp://rtu:802?unit=1", "modbus+tls://rtu?unit=2"],
    ] {
        let said = said(&links);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("g.toml:3:1: rtu:") && said[0].contains("has TLS or has not"),
            "{said:?}"
        );
    }
    assert!(said(&["dnp3+tls://rtu:19999?outstation=10", "dnp3+tcp://rtu?outstation=11"]).is_empty());
}

#[test]
fn who_shares_a_connection_agrees_on_it() {
    let ends = said(&["dnp3+tcp://rtu?outstation=10&second=other", "dnp3+tcp://rtu?outstation=11"]);
    assert!(ends[0].contains("give both links the same end points"), "{ends:?}");
    let crossed = said(&["dnp3+tcp://a?outstation=10&second=b", "dnp3+tcp://b?outstation=11&second=a"]);
    assert!(crossed[0].contains("in the same order (second)"), "{crossed:?}");
    for links in [
        ["dnp3+tcp://rtu?outstation=10&second=other&channel=own", "dnp3+tcp://rtu?outstation=11"],
        ["dnp3+tcp://rtu?outstation=10", "dnp3+tcp://rtu?outstation=11&second=other&channel=own"],
    ] {
        assert!(said(&links).is_empty(), "nothing is shared");
    }
    let line = said(&[
        "dnp3+serial:///dev/ttyS0?baud=9600&outstation=10",
        "dnp3+serial:///dev/ttyS0?baud=19200&outstation=11",
    ]);
    assert!(line[0].contains("other line settings for the device at line 2"), "{line:?}");
}

#[test]
fn two_masters_at_one_place_are_worth_a_word_and_no_fault() {
    for links in [
        ["dnp3+tcp://rtu?outstation=10", "dnp3+tcp://rtu?outstation=11&master=2"],
        ["dnp3+serial:///dev/ttyS0?outstation=10", "dnp3+serial:///dev/ttyS0?outstation=11&master=2"],
    ] {
        let said = said(&links);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("g.toml:3:1: warning: ") && said[0].contains("as master 2"), "{said:?}");
    }
}
