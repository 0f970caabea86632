use super::*;
use std::borrow::Cow;

#[test]
fn requests_are_as_the_protocol_has_them() {
    let bytes = |request| Asked::of(&request).unwrap().pdu;
    assert_eq!(bytes(Request::ReadHoldingRegisters(40000, 2)), [3, 0x9C, 0x40, 0, 2]);
    assert_eq!(bytes(Request::ReadInputRegisters(1, 125)), [4, 0, 1, 0, 125]);
    assert_eq!(bytes(Request::WriteSingleRegister(0x0102, 0x0304)), [6, 1, 2, 3, 4]);
    let words = [0x0A0B, 0xFFFF];
    assert_eq!(
        bytes(Request::WriteMultipleRegisters(7, Cow::Borrowed(&words))),
        [16, 0, 7, 0, 2, 4, 0x0A, 0x0B, 0xFF, 0xFF]
    );
    assert_eq!(Asked::of(&Request::ReadCoils(0, 1)), None, "never sent");
}

#[test]
fn answers_mean_what_they_say() {
    assert_eq!(decode(&[3, 4, 0, 1, 0xFF, 2]), Some(Ok(Response::ReadHoldingRegisters(vec![1, 0xFF02]))));
    assert_eq!(decode(&[4, 2, 0, 9]), Some(Ok(Response::ReadInputRegisters(vec![9]))));
    assert_eq!(decode(&[6, 0, 7, 0, 5]), Some(Ok(Response::WriteSingleRegister(7, 5))));
    assert_eq!(decode(&[16, 0, 7, 0, 2]), Some(Ok(Response::WriteMultipleRegisters(7, 2))));
    assert_eq!(decode(&[0x83, 2]), Some(Err(ExceptionCode::IllegalDataAddress)));
    for wrong in
        [&[][..], &[3], &[3, 4, 0, 1], &[3, 2, 0, 1, 0], &[3, 3, 0, 1, 2], &[0x83], &[6, 0, 7], &[1, 1, 0]]
    {
        assert_eq!(decode(wrong), None, "{wrong:?}");
    }
}

#[test]
fn an_answer_fits_its_request_and_no_other() {
    let shape = |request| Asked::of(&request).unwrap().shape;
    let read = shape(Request::ReadHoldingRegisters(40000, 2));
    assert!(read.fits(&[3, 4, 0, 1, 0, 2]) && read.fits(&[0x83, 2]));
    assert!(!read.fits(&[3, 2, 0, 1]) && !read.fits(&[4, 4, 0, 1, 0, 2]) && !read.fits(&[0x84, 2]));
    let words = [0; 2];
    let write = shape(Request::WriteMultipleRegisters(7, Cow::Borrowed(&words)));
    assert!(write.fits(&[16, 0, 7, 0, 2]) && write.fits(&[0x90, 3]));
    assert!(!write.fits(&[16, 0, 8, 0, 2]) && !write.fits(&[16, 0, 7, 0, 1]));
    let single = shape(Request::WriteSingleRegister(7, 5));
    assert!(single.fits(&[6, 0, 7, 0, 6]) && !single.fits(&[6, 0, 8, 0, 5]));
    assert_eq!((read.length(), single.length(), read.function()), (6, 5, 3));
}
