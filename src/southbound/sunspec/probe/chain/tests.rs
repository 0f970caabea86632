use super::*;
use crate::southbound::modbus::{Endpoint, SharedBus};
use crate::southbound::testing::{Book, Server, legacy, peer};

async fn chain_of(book: &Book) -> WholeChain {
    let server = Server::start(&[(1, book)]).await;
    let bus = SharedBus::new(Endpoint::of(&server.link(1)).unwrap());
    whole_chain(&bus.line(peer(1)), &SunspecOptions::default()).await.unwrap()
}

#[tokio::test]
async fn further_logical_devices_are_walked_too() {
    let book = legacy().identity("SN-2").model(203, &[]).identity("SN-3").model(203, &[]);
    let chain = chain_of(&book).await;
    assert_eq!(chain.models.len(), book.places.len());
    assert_eq!(chain.first_device().len(), 5);
    let devices: Vec<(usize, u16, u16)> = chain.devices().map(|(d, at)| (d, at.id, at.instance)).collect();
    assert_eq!(devices[4..], [(0, 123, 0), (1, 1, 1), (1, 203, 0), (2, 1, 2), (2, 203, 1)]);
    assert_eq!(chain.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_further_device_that_runs_away_keeps_what_was_found() {
    let mut book = legacy().identity("SN-2");
    let end = book.places.last().map(|(_, at, layout)| at + 2 + layout.length).unwrap();
    book.put(end, &[203, 0xFFF0]);
    let chain = chain_of(&book).await;
    assert_eq!(chain.models.len(), 6);
    assert!(chain.warnings[0].contains("runs away at"), "{:?}", chain.warnings);
}
