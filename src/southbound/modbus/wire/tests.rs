use super::*;
use tokio_modbus::prelude::ExceptionCode;

#[test]
fn other_ids_are_said_in_words() {
    let message = "expected/request = Header { transaction_id: 0, unit_id: 1 }, actual/response = Header { transaction_id: 23130, unit_id: 7 }";
    let said = mismatch(message);
    assert_eq!(said, "the answer is for transaction 23130 and unit 7, not for transaction 0 and unit 1");
    assert!(mismatch("in other words").starts_with("the answer is for transaction"));
}

#[tokio::test]
async fn the_words_of_tokio_modbus_are_still_understood() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (ours, mut theirs) = tokio::io::duplex(100);
    let peer = crate::southbound::testing::peer(1);
    let mut wire = Wire::new(Box::new(ours), 1, false);
    let device = async {
        theirs.read_exact(&mut [0; 12]).await.unwrap();
        theirs.write_all(&[0x5A, 0x5A, 0, 0, 0, 3, 2, 0x83, 2]).await.unwrap();
    };
    let (answer, ()) = tokio::join!(wire.call(&peer, Request::ReadHoldingRegisters(0, 2)), device);
    let Err::<Result<Response, ExceptionCode>, _>(Broken::Wrong(words)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(words, "the answer is for transaction 23130 and unit 2, not for transaction 0 and unit 1");
}
