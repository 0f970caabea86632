use super::*;

#[test]
fn targets_are_read_and_written_the_same() {
    for text in [
        "103",
        "103.W",
        "160[1].module[0].DCW",
        "707.Crv[0].MustTrip.Pt[3].V",
        "holding:40000",
        "holding:40000+10",
        "input:5000:u32",
        "input:5000:i32:low_first",
        "holding:0:text16",
    ] {
        assert_eq!(Target::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Target::parse("holding:0x10").unwrap().to_string(), "holding:16");
}

#[test]
fn what_names_nothing_is_told_with_what_would_be_right() {
    for (text, part) in [
        ("4W", "write it like 103.W"),
        ("W!", "write it like 103.W"),
        ("0.W", "write it like 103.W"),
        ("65535.W", "write it like"),
        ("103.", "names no point"),
        ("103[x].W", "write it like"),
        ("holding:x", "0 to 65535"),
        ("holding:0+126", "1 to 125"),
        ("holding:0+0", "1 to 125"),
        ("holding:65535:u32", "past register 65535"),
        ("holding:1:u8", "the types are u16"),
        ("holding:1+2:u32", "one of them"),
    ] {
        let words = Target::parse(text).unwrap_err().to_string();
        assert!(words.contains(part), "{text}: {words}");
    }
    assert_eq!(Target::parse("se.power_control_en"), Ok(Target::Named("se.power_control_en".to_owned())));
    assert!(Target::parse(&"9".repeat(5000)).unwrap_err().to_string().len() < 500);
}

#[test]
fn orders_need_a_point_that_can_be_written() {
    let order = Order::parse("123.WMaxLimPct = 60 %").unwrap();
    assert_eq!((order.target.to_string().as_str(), order.value.as_str()), ("123.WMaxLimPct", "60 %"));
    for (text, part) in [
        ("123.WMaxLimPct", "says no value"),
        ("123.WMaxLimPct=", "1 to 200 characters"),
        ("123=5", "a whole model"),
        ("input:5=1", "input registers cannot be written"),
    ] {
        let words = Order::parse(text).unwrap_err().to_string();
        assert!(words.contains(part), "{text}: {words}");
    }
}

#[test]
fn raw_values_go_both_ways() {
    for (text, value, words) in [
        ("holding:1", "5", vec![5]),
        ("holding:1", "0xFFFF,1", vec![0xFFFF, 1]),
        ("holding:1:i16", "-1", vec![0xFFFF]),
        ("holding:1:u32", "65537", vec![1, 1]),
        ("holding:1:u32:low_first", "65538", vec![2, 1]),
        ("holding:1:i32", "-2", vec![0xFFFF, 0xFFFE]),
        ("holding:1:i64", "-2", vec![0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE]),
        ("holding:1:f32", "1.5", vec![0x3FC0, 0]),
        ("holding:1:text2", "abc", vec![0x6162, 0x6300]),
    ] {
        let Target::Raw(raw) = Target::parse(text).unwrap() else { panic!("{text}") };
        assert_eq!(raw.encode(value).unwrap(), words, "{text}={value}");
        if let Some(said) = raw.say(&words) {
            assert_eq!(said, value, "{text}");
        }
    }
    for (text, value, part) in [
        ("holding:1", "-1", ":i16"),
        ("holding:1", "70000", "0 to 65535"),
        ("holding:1+2", "1", "takes 2 registers"),
        ("holding:1:i16", "40000", "-32768 to 32767"),
        ("holding:1:u16", "x", "0 to 65535"),
        ("holding:1:f32", "1e99", "fits in f32"),
        ("holding:1:text1", "abc", "at most 2 bytes"),
    ] {
        let Target::Raw(raw) = Target::parse(text).unwrap() else { panic!("{text}") };
        let words = raw.encode(value).unwrap_err();
        assert!(words.contains(part), "{text}={value}: {words}");
    }
}
