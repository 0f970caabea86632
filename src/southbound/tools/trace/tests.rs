use super::*;

fn read(messages: &[&str]) -> Vec<String> {
    let mut reader = TraceReader::default();
    messages.iter().flat_map(|message| reader.lines(message)).collect()
}

const FRAME: &str = "LINK RX - ControlField { func: PriUnconfirmedUserData, master: false, fcb: false, fcv: false } source: 1024 destination: 1 payload: 17 bytes";

#[test]
fn a_request_and_its_answer_are_a_line_each_with_their_objects_below() {
    let lines = read(&[
        "APP TX - ctrl: [fir: true fin: true con: false uns: false seq: 2] func: Read ... (len = 7)\n\
         g30v0 : Analog Input - Any Variation - 2-byte start/stop - [537, 537]\n\
         g1v0 : Binary Input - Any Variation - 2-byte start/stop - [10, 12]",
        FRAME,
        "APP RX - ctrl: [fir: true fin: false con: true uns: false seq: 2] func: Response iin1: [CLASS_2_EVENTS, \
         DEVICE_RESTART] iin2: [PARAMETER_ERROR] ... (len = 12)\n\
         g30v1 : Analog Input - 32-bit With Flag - 2-byte start/stop - [537, 537]\n\
         index: 537 flags: 0x03 [ONLINE, RESTART] value: -25500\n\
         g1v2 : Binary Input - With Flags - 2-byte start/stop - [10, 11]\n\
         index: 10 flags: 0x81 [ONLINE, STATE]\nindex: 11 flags: 0x00 []",
    ]);
    assert_eq!(
        lines,
        [
            "> read, seq 2",
            "    AI537 (g30v0)",
            "    BI10..BI12 (g1v0)",
            "< response from 1024 to 1, seq 2, more follows, to be confirmed; class 2 events (IIN1.2), device restart \
             (IIN1.7), parameter error (IIN2.2)",
            "    AI537 (g30v1): 537 = -25500 [ONLINE, RESTART]",
            "    BI10..BI11 (g1v2): 10 = on [ONLINE]; 11 = off [no flags]",
        ]
    );
}

#[test]
fn outputs_show_what_is_asked_and_how_it_was_taken() {
    let lines = read(&[
        "APP TX - ctrl: [fir: true fin: true con: false uns: false seq: 5] func: DirectOperate ... (len = 12)\n\
         g41v1 : Analog Output - 32-bit With Flag - 2-byte count of objects - [1]\n\
         index: 88 value: 1200 status: OutOfRange\n\
         g12v1 : Binary Command - Control Relay Output Block - 2-byte count of objects - [1]\n\
         index: 17 code: tcc: Nul clear: false queue: false op_type: LatchOn count: 1 on_time: 1000 off_time: 1000 status: Success",
        "APP RX - ctrl: [seq: 5] func: Response iin1: [] iin2: [] ... (len = 12)\n\
         g41v1 : Analog Output - 32-bit With Flag - 2-byte count of objects - [1]\n\
         index: 88 value: 600 status: Success",
        "APP TX - ctrl: [fir: true fin: true con: false uns: true seq: 0] func: Confirm ... (len = 0)",
        "LINK TX - ControlField { func: PriRequestLinkStatus, master: true, fcb: false, fcv: false } source: 1 destination: 1024 payload: 0 bytes",
    ]);
    assert_eq!(
        lines,
        [
            "> direct operate, seq 5",
            "    AO (g41v1): 88 = 1200, status out of range",
            "    BO (g12v1): 17 = latch on, on time 1000, off time 1000",
            "< response, seq 5",
            "    AO (g41v1): 88 = 600, status success",
            "> confirm, seq 0, of an unsolicited one",
            "> link from 1 to 1024: pri request link status",
        ]
    );
}

#[test]
fn what_the_library_says_otherwise_is_passed_on() {
    for line in ["connected to 127.0.0.1:20000", "APP TX - something else", "APP - func: Read", "X", ""] {
        assert_eq!(
            read(&[line]).join("\n").trim_start_matches("- "),
            line.trim_start_matches("- "),
            "{line}"
        );
    }
    let lines = read(&[
        "APP RX - func: NewThing seq: 9]\nnobody knows\ng999v1 : New - 1-byte start/stop - [1, 2]\nindex: 3 depth: 4",
    ]);
    assert_eq!(lines, ["< new thing, seq 9", "    nobody knows", "    new 1 to 2 (g999v1): 3 depth 4"]);
}

#[test]
fn many_values_go_to_several_lines_and_none_is_lost() {
    let values: String =
        (0..40).map(|index| format!("index: {index} flags: 0x01 [ONLINE] value: {index}.5\n")).collect();
    let message = format!(
        "APP RX - ctrl: [seq: 1] func: Response iin1: [] iin2: [] ... (len = 0)\ng30v5 : Analog Input - Float - 1-byte start/stop - [0, 39]\n{values}"
    );
    let lines = read(&[&message]);
    assert_eq!(lines[0], "< response, seq 1");
    assert!(lines.len() > 5 && lines.iter().all(|line| line.len() < WIDTH + 40), "{lines:#?}");
    for index in 0..40 {
        assert!(lines.iter().any(|line| line.contains(&format!(" {index} = {index}.5 [ONLINE]"))), "{index}");
    }
}
