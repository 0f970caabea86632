use super::*;

struct Numbers;

impl Bank for Numbers {
    fn read(&mut self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        Ok((address..address + count).collect())
    }

    fn write(&mut self, _: u8, _: u16, _: &[u16]) -> Result<(), Exception> {
        Ok(())
    }
}

fn request(pdu: &[u8]) -> Frame {
    Frame { transaction: 7, unit: 3, pdu: pdu.to_vec() }
}

const READ: [u8; 5] = [3, 0, 5, 0, 2];
const SINGLE: [u8; 5] = [6, 0, 5, 0, 2];
const MANY: [u8; 8] = [16, 0, 5, 0, 1, 2, 0, 9];

fn answered(fault: Fault, pdu: &[u8]) -> Vec<u8> {
    answer(&Behaviour::of(&[fault]), pdu, &mut Numbers)
}

#[test]
fn functions_are_refused_as_the_fault_says() {
    assert_eq!(answered(Fault::Fc6Only, &MANY), [0x90, 1]);
    assert_eq!(answered(Fault::Fc6Only, &SINGLE), SINGLE);
    assert_eq!(answered(Fault::Fc6ForSingle, &MANY), [0x90, 2]);
    let two = [16, 0, 5, 0, 2, 4, 0, 9, 0, 9];
    assert_eq!(answered(Fault::Fc6ForSingle, &two), [16, 0, 5, 0, 2]);
    assert_eq!(answered(Fault::Fc16Only, &SINGLE), [0x86, 1]);
    assert_eq!(answered(Fault::Fc16Only, &MANY), [16, 0, 5, 0, 1]);
    assert_eq!(answered(Fault::Exception(6), &READ), [0x83, 6]);
    assert_eq!(answered(Fault::InputRegistersOnly, &READ), [0x83, 1]);
    assert_eq!(answered(Fault::InputRegistersOnly, &[4, 0, 5, 0, 2]), [4, 4, 0, 5, 0, 6]);
    assert_eq!(answered(Fault::InputRegistersOnly, &[4, 0, 5, 0, 0]), [0x84, 3]);
    assert_eq!(answered(Fault::Merged, &[4, 0, 5, 0, 2]), [0x84, 1], "no input registers otherwise");
    assert_eq!(answered(Fault::MaxRead(1), &READ), [0x83, 3]);
    let never = Behaviour::of(&[Fault::NeverFc6]);
    assert!(leaves_unanswered(&never, &request(&SINGLE)) && !leaves_unanswered(&never, &request(&MANY)));
}

#[test]
fn headers_lengths_and_repetitions_go_wrong_as_the_fault_says() {
    let sent = |fault| dress(&Behaviour::of(&[fault]), &request(&READ), vec![3, 4, 0, 5, 0, 6]);
    assert_eq!(sent(Fault::WrongUnit)[6], 4);
    assert_eq!(sent(Fault::WrongTransaction)[..2], [0x10, 7]);
    assert_eq!(sent(Fault::ShortAnswer), [0, 7, 0, 0, 0, 5, 3, 3, 2, 0, 5]);
    let merged = sent(Fault::Merged);
    assert_eq!(merged[..merged.len() / 2], merged[merged.len() / 2..]);
    let whole = sent(Fault::Split);
    assert_eq!(cut(&Behaviour::of(&[Fault::Split]), &whole), Some(6));
    assert_eq!(cut(&Behaviour::default(), &whole), None);
}

#[test]
fn a_late_answer_comes_with_the_next_request() {
    for (fault, transaction) in [(Fault::Late, 1), (Fault::Behind, 2)] {
        let (behaviour, mut held) = (Behaviour::of(&[fault]), Held::default());
        let ask = |n: u8| Frame { transaction: u16::from(n), unit: 3, pdu: READ.to_vec() };
        assert_eq!(held.turn(&behaviour, ask(1), vec![1]), None);
        let (frame, pdu) = held.turn(&behaviour, ask(2), vec![2]).unwrap();
        assert_eq!((frame.transaction, pdu), (transaction, vec![1]));
        let healed = held.turn(&Behaviour::default(), ask(3), vec![3]).unwrap();
        assert_eq!((healed.0.transaction, healed.1), (3, vec![3]));
    }
}
