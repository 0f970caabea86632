use super::*;
use crate::southbound::modbus::pdu::Asked;

fn shape(quantity: u16) -> Shape {
    Asked::read(3, 0, quantity).shape
}

fn read(quantity: u8, first: u8) -> Vec<u8> {
    let mut pdu = vec![3, quantity * 2];
    pdu.extend((0..quantity * 2).map(|k| first.wrapping_add(k)));
    pdu
}

fn line(baud: u32) -> SerialOptions {
    SerialOptions { baud, ..SerialOptions::default() }
}

#[test]
fn the_checksum_is_that_of_modbus() {
    assert_eq!(crc(b"123456789"), 0x4B37, "the check value of CRC-16/MODBUS");
    assert_eq!(frame(1, &[3, 0, 0, 0, 10]), [1, 3, 0, 0, 0, 10, 0xC5, 0xCD]);
}

#[test]
fn times_follow_the_line() {
    assert_eq!(characters(960, &line(9600)), Duration::from_secs(1), "8N1: ten bits");
    let even = SerialOptions { parity: Parity::Even, stop_bits: 1, ..line(9600) };
    assert_eq!(characters(960, &even), Duration::from_millis(1100));
    assert_eq!(silence(&line(9600)).as_micros(), 3645);
    assert_eq!(silence(&line(19200)).as_micros(), 1822);
    assert_eq!(silence(&line(115_200)), Duration::from_micros(1750));
}

#[test]
fn frames_are_found_in_pieces_and_behind_noise() {
    let good = frame(5, &read(2, 10));
    // Every noise before, every cut.
    for noise in [&[][..], &[0], &[5], &[5, 3], &[5, 3, 200], &[0xFF; 7], &[1, 2, 3, 4, 5, 3]] {
        for cut in 0..good.len() {
            let mut received = Received::default();
            received.extend(noise);
            received.extend(&good[..cut]);
            assert_eq!(received.take(5, shape(2)), None, "{noise:?} {cut}");
            received.extend(&good[cut..]);
            let found = received.take(5, shape(2));
            assert_eq!(found, Some(Frame { unit: 5, pdu: read(2, 10) }), "{noise:?} {cut}");
            assert_eq!(received.unexplained(), noise.len());
        }
    }
}

#[test]
fn a_frame_with_one_wrong_bit_is_no_frame() {
    let good = frame(5, &read(2, 10));
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let mut received = Received::default();
        received.extend(&bad);
        assert_eq!(received.take(5, shape(2)), None, "bit {bit}");
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let mut received = Received::default();
        for _ in 0..random.usize(..5) {
            let piece: Vec<u8> = (0..random.usize(..80)).map(|_| random.u8(..)).collect();
            received.extend(&piece);
            while received.take(random.u8(..), shape(2)).is_some() {}
        }
    }
}

#[test]
fn an_answer_belongs_to_the_oldest_request_that_it_fits() {
    let now = Instant::now();
    let mut owed = Owed::default();
    owed.ask(shape(2), now);
    owed.ask(shape(1), now);
    assert!(owed.holds(shape(2)) && !owed.holds(shape(3)));
    assert_eq!(owed.settle(&read(3, 0)), Settled::Nothing);
    assert_eq!(owed.settle(&read(2, 0)), Settled::Earlier);
    assert_eq!(owed.settle(&read(1, 0)), Settled::Last);
    // An answer to the last proves that the earlier ones do not come any more.
    owed.ask(shape(2), now);
    owed.ask(shape(1), now);
    assert_eq!(owed.settle(&read(1, 0)), Settled::Last);
    assert!(!owed.holds(shape(2)));
    // An exception may be that of the first.
    owed.ask(shape(2), now);
    owed.ask(shape(1), now);
    assert_eq!(owed.settle(&[0x83, 2]), Settled::Earlier);
    assert_eq!(owed.settle(&[0x83, 2]), Settled::Last);
}

#[test]
fn there_is_always_a_read_that_cannot_be_mistaken() {
    let now = Instant::now();
    let mut owed = Owed::default();
    for _ in 0..40 {
        let quantity = owed.distinct_quantity(shape(2), shape);
        assert!(quantity != 2 && !owed.holds(shape(quantity)));
        owed.ask(shape(quantity), now);
    }
    owed.forget(now + LATEST);
    assert_eq!(owed.distinct_quantity(shape(2), shape), 1, "what is too old is forgotten");
}
