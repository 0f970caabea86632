use super::*;
use crate::southbound::testing::{Answer, Book, Server, legacy, whole};

async fn record(server: &Server) -> Recording {
    let options = crate::southbound::ProbeOptions {
        link: crate::southbound::testing::map().link,
        ..crate::southbound::ProbeOptions::default()
    };
    let session = Session::new(&server.link(1), &options, crate::southbound::known());
    session.record(&|_| {}).await.unwrap()
}

async fn recorded(book: &Book) -> Recording {
    let server = Server::start(&[(1, book)]).await;
    let recording = record(&server).await;
    assert_eq!(server.writes(), []);
    recording
}

#[tokio::test]
async fn every_register_of_the_chain_is_in_it() {
    let book = whole().stranger(64_870, 300);
    let recording = recorded(&book).await;
    let spared = book.address(122, "StSetLimMsk");
    for (at, word) in &book.registers {
        let clears = (spared..spared + 2).contains(at);
        assert_eq!(recording.registers.get(at), (!clears).then_some(word), "register {at}");
    }
    assert_eq!(recording.models.len(), book.places.len() + 1);
    assert_eq!(recording.check(), Ok(()));
    assert_eq!(recording.refused.len(), 1, "{:?}", recording.refused);
}

#[tokio::test]
async fn what_is_refused_is_noted_and_the_rest_recorded() {
    let book = legacy().stranger(64_870, 40);
    let hole = book.address(123, "Conn");
    let server = Server::start(&[(1, &book)]).await;
    server.script(move |seen, _| {
        let covers = (seen.address..seen.address + seen.quantity).contains(&hole);
        if covers { Answer::Exception(2) } else { Answer::Good }
    });
    let recording = record(&server).await;
    let [refusal] = recording.refused.as_slice() else { panic!("{:?}", recording.refused) };
    assert!((refusal.address..refusal.address + refusal.quantity).contains(&hole));
    assert!(refusal.reason.contains("exception 2"));
    let missing = book.registers.len() - recording.registers.len();
    assert_eq!(missing, usize::from(refusal.quantity));
}

#[tokio::test]
async fn a_device_that_falls_silent_gives_no_recording() {
    let book = legacy();
    let from = book.address(120, "ID");
    let server = Server::start(&[(1, &book)]).await;
    server.script(
        move |seen, _| {
            if seen.address >= from && seen.quantity > 2 { Answer::Silence } else { Answer::Good }
        },
    );
    let options = crate::southbound::ProbeOptions {
        link: crate::device_map::LinkOptions {
            response_timeout: std::time::Duration::from_millis(50),
            ..crate::device_map::LinkOptions::default()
        },
        ..crate::southbound::ProbeOptions::default()
    };
    let session = Session::new(&server.link(1), &options, crate::southbound::known());
    let error = session.record(&|_| {}).await.unwrap_err();
    assert!(matches!(error, ProbeError::Silent { .. }), "{error}");
}

#[test]
fn what_no_device_can_have_is_no_recording() {
    let blank = Recording {
        map: None,
        inputs: BTreeMap::new(),
        link: String::new(),
        unit: 1,
        at: Timestamp::UNIX_EPOCH,
        base: 0,
        models: Vec::new(),
        registers: BTreeMap::new(),
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    assert_eq!(blank.check(), Err(RecordingFault::Empty));
    let model = RecordedModel { id: 1, address: 65_000, length: 66 };
    assert_eq!(Recording { models: vec![model], ..blank.clone() }.check(), Ok(()));
    let beyond = RecordedModel { length: 600, ..model };
    let fault = Recording { models: vec![beyond], ..blank.clone() }.check();
    assert!(matches!(fault, Err(RecordingFault::RunsAway { address: 65_000, .. })));
    let many = Recording { models: vec![model; 401], ..blank };
    assert_eq!(many.check(), Err(RecordingFault::TooMany));
}

#[test]
fn registers_that_were_not_recorded_are_not_there() {
    let registers = BTreeMap::from([(5, 50), (6, 60), (65_535, 1)]);
    let recording = Recording {
        map: None,
        inputs: BTreeMap::new(),
        link: String::new(),
        unit: 1,
        at: Timestamp::UNIX_EPOCH,
        base: 0,
        models: Vec::new(),
        registers,
        refused: Vec::new(),
        warnings: Vec::new(),
    };
    assert_eq!(recording.read(5, 2), Some(vec![50, 60]));
    assert_eq!([recording.read(5, 3), recording.read(65_535, 2), recording.read(5, 0)], [None, None, None]);
}
