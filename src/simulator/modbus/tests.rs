use super::*;
use proptest::prelude::*;

/// Ten registers at 100 that hold their own address.
struct Ten;

impl Bank for Ten {
    fn read(&mut self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        let end = address.checked_add(count).ok_or(Exception::ADDRESS)?;
        if address < 100 || end > 110 { Err(Exception::ADDRESS) } else { Ok((address..end).collect()) }
    }
    fn write(&mut self, _: u8, address: u16, _: &[u16]) -> Result<(), Exception> {
        if address == 100 { Ok(()) } else { Err(Exception::VALUE) }
    }
}

fn ask(pdu: &[u8]) -> Vec<u8> {
    answer(pdu, &mut Ten, MAX_READ)
}

#[test]
fn requests_are_answered_as_the_protocol_says() {
    assert_eq!(ask(&[3, 0, 100, 0, 2]), [3, 4, 0, 100, 0, 101]);
    assert_eq!(ask(&[6, 0, 100, 1, 2]), [6, 0, 100, 1, 2]);
    assert_eq!(ask(&[16, 0, 100, 0, 2, 4, 0, 1, 0, 2]), [16, 0, 100, 0, 2]);
}

#[test]
fn wrong_requests_are_refused_with_the_right_exception() {
    assert_eq!(ask(&[4, 0, 100, 0, 2]), [0x84, 1]);
    assert_eq!(ask(&[3, 0, 99, 0, 2]), [0x83, 2]);
    assert_eq!(ask(&[3, 0xFF, 0xFF, 0, 2]), [0x83, 2]);
    for count in [[0, 0], [0, 126], [0xFF, 0xFF]] {
        assert_eq!(ask(&[3, 0, 100, count[0], count[1]]), [0x83, 3]);
    }
    assert_eq!(ask(&[3, 0, 100, 0]), [0x83, 3], "too short");
    assert_eq!(ask(&[16, 0, 100, 0, 2, 3, 0, 1, 0, 2]), [0x90, 3], "byte count");
    assert_eq!(ask(&[16, 0, 100, 0, 3, 4, 0, 1, 0, 2]), [0x90, 3], "quantity");
    assert_eq!(ask(&[16, 0, 100, 0, 0, 0]), [0x90, 3]);
    assert_eq!(ask(&[6, 0, 101, 1, 2]), [0x86, 3]);
    assert_eq!(answer(&[3, 0, 100, 0, 5], &mut Ten, 4), [0x83, 3], "longer than the device reads");
}

#[test]
fn frames_are_taken_one_by_one_and_only_whole() {
    let mut bytes = frame(7, 1, &[3, 0, 0, 0, 1]);
    bytes.extend(frame(8, 2, &[6]));
    let rest = bytes.split_off(11);
    assert_eq!(take_frame(&mut bytes), Ok(None));
    bytes.extend(rest);
    assert_eq!(take_frame(&mut bytes), Ok(Some(Frame { transaction: 7, unit: 1, pdu: vec![3, 0, 0, 0, 1] })));
    assert_eq!(take_frame(&mut bytes), Ok(Some(Frame { transaction: 8, unit: 2, pdu: vec![6] })));
    assert_eq!((take_frame(&mut bytes), bytes.len()), (Ok(None), 0));
}

#[test]
fn other_protocols_and_impossible_lengths_end_the_conversation() {
    assert_eq!(take_frame(&mut b"GET / HTTP/1.1".to_vec()), Err(NotModbus));
    assert_eq!(take_frame(&mut vec![0, 1, 0, 0, 0, 1, 1]), Err(NotModbus));
    assert_eq!(take_frame(&mut vec![0, 1, 0, 0, 0, 255, 1]), Err(NotModbus));
}

#[test]
fn garbage_is_never_the_right_answer() {
    let request = Frame { transaction: 9, unit: 1, pdu: vec![3, 0, 100, 0, 2] };
    let right = frame(9, 1, &ask(&request.pdu));
    let mut noise = fastrand::Rng::with_seed(1);
    for turn in 0..100 {
        let wrong = garbage(&request, turn, &mut noise);
        assert!(!wrong.is_empty() && wrong != right, "turn {turn}");
    }
}

proptest! {
    #[test]
    fn no_bytes_upset_it(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        while let Ok(Some(request)) = take_frame(&mut bytes) {
            let reply = ask(&request.pdu);
            prop_assert!(reply.len() >= 2 && reply.len() <= 253);
        }
    }

    #[test]
    fn no_request_upsets_it(function in prop::sample::select(vec![3_u8, 6, 16, 0, 255]), data in prop::collection::vec(any::<u8>(), 0..252)) {
        let mut pdu = vec![function];
        pdu.extend(data);
        let reply = ask(&pdu);
        prop_assert!(reply[0] & 0x7F == function & 0x7F && reply.len() <= 253);
    }
}
