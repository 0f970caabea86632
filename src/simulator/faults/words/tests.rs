use super::*;

#[test]
fn every_word_is_read_and_written_alike() {
    let examples = Fault::WORDS
        .replace("MODEL:CODE", "103:4")
        .replace("MODEL", "701")
        .replace("POINT", "103.W_SF")
        .replace("SERIAL", "SN-2")
        .replace("ADDRESS", "40001")
        .replace("CODE", "6")
        .replace("RAW", "110")
        .replace(":MS", ":200")
        .replace(":N", ":20")
        .replace(":S", ":5");
    let mut count = 0;
    for word in examples.split(", ") {
        let fault = Fault::parse(word).unwrap_or_else(|why| panic!("{word}: {why}"));
        assert_eq!(fault.to_string(), word);
        count += 1;
    }
    assert_eq!(count, PLAIN.len() + NUMBERED.len() + 5, "every fault is among the words");
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (text, says) in [
        ("loud", "is not a fault; one of refused"),
        ("evnts_without_time", "is not a fault; did you mean \"events_without_time\"?"),
        ("slo:200", "\"slo:200\" is not a fault; did you mean \"slow:MS\"?"),
        ("silent:3", "takes no number"),
        ("slow", "like slow:600000"),
        ("max_read:126", "from 1 to 125"),
        ("no_sf", "like no_sf:103.W_SF"),
        ("serial_change:", "like serial_change:SN-2"),
        ("exception_on:123", "like exception_on:123:4"),
        ("exception_on:123:0", "like exception_on:123:4"),
        ("pf_sign:eei", "like pf_sign:overexcited"),
    ] {
        let why = Fault::parse(text).unwrap_err().to_string();
        assert!(why.contains(says), "{text}: {why}");
    }
}
