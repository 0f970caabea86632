use super::*;
use std::borrow::Cow;

#[test]
fn frames_are_unit_function_and_data() {
    let write = Request::WriteMultipleRegisters(40_242, Cow::Borrowed(&[600, 1]));
    let single = Request::WriteSingleRegister(5, 0xFFFF);
    assert_eq!(
        [
            hex(1, &request_pdu(&Request::ReadHoldingRegisters(40_000, 2))),
            hex(126, &request_pdu(&Request::ReadInputRegisters(0, 125))),
            hex(1, &request_pdu(&write)),
            hex(1, &request_pdu(&single)),
        ],
        ["01 03 9C 40 00 02", "7E 04 00 00 00 7D", "01 10 9D 32 00 02 04 02 58 00 01", "01 06 00 05 FF FF",]
    );
    assert_eq!(
        [
            hex(1, &response_pdu(&Response::ReadHoldingRegisters(vec![0x5375, 0x6E53]))),
            hex(1, &response_pdu(&Response::WriteMultipleRegisters(40_242, 2))),
        ],
        ["01 03 04 53 75 6E 53", "01 10 9D 32 00 02"]
    );
}
