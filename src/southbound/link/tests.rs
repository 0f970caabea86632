use super::*;

#[test]
fn links_with_and_without_defaults() {
    let Link::ModbusTcp(link) = Link::parse("modbus+tcp://inv-7.example").unwrap() else { panic!() };
    assert_eq!((link.host.as_str(), link.port, link.unit), ("inv-7.example", 502, 1));
    let Link::ModbusTls(link) = Link::parse("modbus+tls://inv-7.example").unwrap() else { panic!() };
    assert_eq!(link.port, 802);
    let options = LinkOptions { port: Some(1502), ..LinkOptions::default() };
    assert_eq!(
        Link::parse_for("modbus+tcp://inv-7", &options).unwrap().to_string(),
        "modbus+tcp://inv-7:1502?unit=1"
    );
    for text in [
        "modbus+tcp://192.0.2.21:1502?unit=126",
        "modbus+tcp://[2001:db8::7]:502?unit=0",
        "modbus+rtu:///dev/ttyUSB0?baud=19200&parity=even&unit=7",
        "modbus+rtu:///dev/ttyUSB0?baud=9600&data=7&parity=odd&stop=2&unit=247",
    ] {
        assert_eq!(Link::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_wrong_link_says_what_would_be_right() {
    for (text, part) in [
        ("192.0.2.21", "has no scheme"),
        ("modbus+tcp://2001:db8::7:502", "stands in brackets"),
        ("modbus+tcp://::1?unit=1", "stands in brackets"),
        ("modbus-tcp://192.0.2.21", "did you mean \"modbus+tcp\"?"),
        ("modbus://192.0.2.21", "did you mean \"modbus+tcp\"?"),
        ("MODBUS+TCP://192.0.2.21", "did you mean \"modbus+tcp\"?"),
        ("modbus-rtu:///dev/ttyS0", "did you mean \"modbus+rtu\"?"),
        ("modbus-tls://192.0.2.21", "did you mean \"modbus+tls\"?"),
        ("modbus+rtu://ttyS0", "with three slashes"),
        ("modbus+rtu:///dev/ttyS0?unit=0", "unit \"0\" is not a number from 1 to 247"),
        ("modbus+rtu:///dev/ttyS0?parity=mark", "not one of none, even and odd"),
        ("modbus+rtu:///dev/ttyS0?baud=fast", "baud \"fast\" is not a number from 300 to 1000000"),
        ("modbus+rtu:///dev/ttyS0?host=x", "no parameter \"host\""),
        ("dnp3://192.0.2.21", "did you mean \"dnp3+t"),
        ("http://192.0.2.21", "\"http\" is not a link scheme; write it like modbus+tcp://"),
        ("modbus+tcp://", "link \"modbus+tcp://\""),
        ("modbus+tcp://h:0", "port \"0\""),
        ("modbus+tcp://h:99999", "99999"),
        ("modbus+tcp://h?unit=256", "unit \"256\" is not a number from 0 to 255"),
        ("modbus+tcp://h?unit=1&unit=2", "unit is given twice"),
        ("modbus+tcp://h?slave=1", "no parameter \"slave\""),
        ("modbus+tcp://h/x", "has no path"),
        ("modbus+tcp://me:pw@h", "knows no user"),
    ] {
        let message = Link::parse(text).unwrap_err().to_string();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn a_host_has_one_spelling() {
    let link = |text: &str| Link::parse(text).unwrap();
    assert_eq!(link("modbus+tcp://PV-7.Example:502?unit=1"), link("modbus+tcp://pv-7.example?unit=1"));
    let one = "modbus+tls://[2001:DB8:0:0::7]:802?unit=1";
    assert_eq!(link(one).to_string(), "modbus+tls://[2001:db8::7]:802?unit=1");
}

#[cfg(feature = "dnp3")]
#[test]
fn the_second_end_point_has_one_spelling_too() {
    let link = Link::parse("dnp3+tcp://a:20000?second=[2001:DB8::0:7]:20001").unwrap();
    assert!(link.to_string().ends_with("&second=[2001:db8::7]:20001"), "{link}");
    assert!(Link::parse("dnp3+tcp://Host:20000?second=hOST:20000").is_err());
}

#[cfg(feature = "dnp3")]
#[test]
fn dnp3_links_name_both_ends() {
    let Link::Dnp3Tcp(link) = Link::parse("dnp3+tcp://rtu-7.example").unwrap() else { panic!() };
    assert_eq!((link.port, link.addresses.outstation, link.addresses.master), (20_000, 1024, 1));
    assert_eq!(link.second, None);
    for text in [
        "dnp3+tcp://192.0.2.31:20000?outstation=10&master=1",
        "dnp3+tcp://192.0.2.31:20000?outstation=10&master=1&second=192.0.2.32:20001",
        "dnp3+tls://[2001:db8::7]:19999?outstation=0&master=65519",
        "dnp3+tcp://192.0.2.31:20000?outstation=10&master=1&channel=own",
        "dnp3+tls://192.0.2.31:20000?outstation=10&master=1&second=192.0.2.32:20000&channel=own",
        "dnp3+serial:///dev/ttyS0?baud=19200&parity=none&outstation=7&master=3",
    ] {
        assert_eq!(Link::parse(text).unwrap().to_string(), text);
    }
    for (text, part) in [
        ("dnp3+tcp://h?outstation=65520", "outstation \"65520\" is not a number from 0 to 65519"),
        ("dnp3+tcp://h?outstation=1", "both have link address 1"),
        ("dnp3+tcp://h?unit=1", "it knows outstation, master, second and channel"),
        ("dnp3+tcp://h?channel=mine", "channel \"mine\" is neither shared"),
        ("dnp3+tls://h?channel=own&channel=own", "channel is given twice"),
        ("dnp3+serial:///dev/ttyS0?channel=own", "on a serial line always share it"),
        ("modbus+tcp://h?channel=own", "leave channel out of this modbus+tcp link"),
        ("modbus+tls://h?channel=own", "leave channel out of this modbus+tls link"),
        ("modbus+rtu:///dev/ttyS0?channel=own", "leave channel out of this modbus+rtu link"),
        ("dnp3+tcp://h?second=h", "the same end point"),
        ("dnp3+serial://ttyS0", "with three slashes"),
        ("dnp3+serial:///dev/ttyS0?unit=1", "no parameter \"unit\""),
    ] {
        let message = Link::parse(text).unwrap_err().to_string();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[cfg(feature = "dnp3")]
#[test]
fn a_shared_channel_is_what_a_link_has_that_says_nothing() {
    let shared = Link::parse("dnp3+tcp://h?channel=shared").unwrap();
    assert_eq!(shared, Link::parse("dnp3+tcp://h").unwrap());
    assert_ne!(shared, Link::parse("dnp3+tcp://h?channel=own").unwrap());
}

#[cfg(not(feature = "dnp3"))]
#[test]
fn a_build_without_dnp3_says_so() {
    for text in ["dnp3+tcp://192.0.2.31", "dnp3+tls://192.0.2.31", "dnp3+serial:///dev/ttyS0"] {
        let message = Link::parse(text).unwrap_err().to_string();
        assert!(message.contains("built without the feature dnp3"), "{text}: {message}");
    }
}
