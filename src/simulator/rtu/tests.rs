use super::*;

#[test]
fn the_checksum_is_that_of_modbus() {
    // The check value of CRC-16/MODBUS, and a request out of the specification of the protocol.
    assert_eq!(checksum(b"123456789"), [0x37, 0x4B]);
    assert_eq!(frame(2, &[7]), [2, 7, 0x41, 0x12]);
}

#[test]
fn requests_are_found_in_pieces_and_behind_noise() {
    let mut write = frame(3, &[16, 0, 5, 0, 1, 2, 0xAB, 0xCD]);
    let mut bytes = vec![0, 0];
    bytes.extend(frame(7, &[3, 0x9C, 0x40, 0, 2]));
    bytes.append(&mut write.clone());
    let mut received = Vec::new();
    let mut found = Vec::new();
    for byte in bytes {
        received.push(byte);
        found.extend(take_request(&mut received).map(|f| (f.unit, f.pdu)));
    }
    let expected = [(7, vec![3, 0x9C, 0x40, 0, 2]), (3, vec![16, 0, 5, 0, 1, 2, 0xAB, 0xCD])];
    // A zero is function code 0: only silence ends such a request, so nothing behind it is found before.
    assert_eq!(found, []);
    received.drain(..2);
    while let Some(frame) = take_request(&mut received) {
        found.push((frame.unit, frame.pdu));
    }
    assert_eq!(found, expected);
    write[4] ^= 1;
    assert_eq!(take_request(&mut write), None, "a wrong bit");
}

#[test]
fn a_request_of_an_unknown_function_ends_with_silence() {
    let bytes = frame(7, &[43, 14, 1, 0]);
    assert_eq!(take_request(&mut bytes.clone()), None);
    assert_eq!(whole(&bytes).unwrap().pdu, [43, 14, 1, 0]);
    assert_eq!(whole(&bytes[1..]), None);
    assert_eq!(whole(&[]), None);
}

#[test]
fn times_follow_the_line() {
    let line = SerialOptions { baud: 19200, parity: Parity::Even, ..SerialOptions::default() };
    assert_eq!(time_of(1920, &line), Duration::from_millis(1100));
}

#[test]
fn garbage_is_never_a_right_answer() {
    let request = Frame { transaction: 0, unit: 7, pdu: vec![3, 0, 0, 0, 2] };
    let mut noise = fastrand::Rng::with_seed(1);
    for turn in 0..100 {
        let bytes = garbage(&request, turn, &mut noise);
        let right = whole(&bytes).is_some_and(|f| f.unit == 7 && f.pdu.len() == 6);
        assert!(!right, "{turn}: {bytes:?}");
    }
}
