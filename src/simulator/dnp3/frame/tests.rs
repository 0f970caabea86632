use super::*;

/// A frame of that many bytes of data from 1024 to 1.
fn frame(data: u8) -> Vec<u8> {
    let mut bytes = vec![0x05, 0x64, 5 + data, 0x44, 1, 0, 0, 4];
    bytes.extend(checksum(&bytes).to_le_bytes());
    for block in (0..data).collect::<Vec<_>>().chunks(16) {
        bytes.extend(block);
        bytes.extend(checksum(block).to_le_bytes());
    }
    bytes
}

#[test]
fn the_checksum_is_that_of_the_catalogue() {
    // "CRC-16/DNP" of the usual catalogue of CRCs.
    assert_eq!(checksum(b"123456789"), 0xEA82);
}

#[test]
fn frames_come_out_whole_whatever_is_between_them() {
    for data in [0, 1, 15, 16, 17, 32, 250] {
        let one = frame(data);
        let mut bytes = vec![0x05, 1, 0x64, 0x05];
        bytes.extend(&one);
        bytes.extend([0x05, 0x64, 9, 9, 9, 9, 9, 9, 9, 9]);
        bytes.extend(&one);
        let rest = bytes.split_off(bytes.len() - 1);
        assert_eq!(take(&mut bytes).unwrap().0, one);
        assert_eq!(take(&mut bytes), None, "{data} bytes");
        bytes.extend(rest);
        let second = take(&mut bytes).unwrap();
        assert_eq!((second.destination(), second.is_broadcast()), (1, false));
        assert_eq!(second.0, one);
        assert!(bytes.is_empty());
    }
}

#[test]
fn another_sender_has_a_right_checksum_and_a_garbled_frame_a_wrong_one() {
    let mut other = Frame(frame(20)).sent_by_another().0;
    let again = take(&mut other).unwrap();
    assert_eq!(again.word(6), 1025);
    assert_ne!(Frame(frame(20)).garbled().0, frame(20));
}

#[test]
fn what_a_master_sends_after_a_restart_is_a_frame_of_its_own() {
    let mut bytes = Frame::restart_noted(1024, 1).0;
    let again = take(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "its length is right");
    assert_eq!((again.destination(), again.word(6), again.is_answer()), (1024, 1, false));
    let mut report = frame(4);
    report[11] = 0xF7;
    let confirmation = take(&mut Frame(report).confirmation().0).unwrap();
    assert_eq!((confirmation.destination(), confirmation.word(6)), (1024, 1));
    assert_eq!(confirmation.0[11..13], [0xD7, 0]);
    assert_eq!(again.0.last_chunk(), Some(&checksum(&again.0[10..19]).to_le_bytes()));
}
