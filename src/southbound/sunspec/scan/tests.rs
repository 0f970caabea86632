use super::*;
use crate::southbound::modbus::{Endpoint, SharedBus};
use crate::southbound::testing::{Answer, Book, Server, legacy, peer};

const BASES: [u16; 3] = [40000, 0, 50000];

async fn scanned(server: &Server) -> Result<Chain, ScanError> {
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    scan(&bus.line(peer(1)), &SunspecOptions::default()).await
}

async fn of(book: &Book) -> Result<Chain, ScanError> {
    scanned(&Server::start(&[(1, book)]).await).await
}

fn ids(chain: &Chain) -> Vec<u16> {
    chain.models.iter().map(|m| m.id).collect()
}

#[tokio::test]
async fn the_chain_is_found_at_each_base() {
    for base in BASES {
        let book = Book::at(base).identity("S").stranger(64_870, 40).model(103, &[]);
        let chain = of(&book).await.unwrap();
        assert_eq!((chain.base, ids(&chain)), (base, vec![1, 64_870, 103]));
        assert_eq!(chain.models[2].address, base + 2 + 68 + 42);
        assert_eq!(chain.warnings, [] as [String; 0]);
    }
}

#[tokio::test]
async fn a_shifted_map_is_named_with_its_remedy() {
    let words = of(&Book::at(40001).identity("S")).await.unwrap_err().to_string();
    assert!(words.contains("shifted by one; set base = [40001]"), "{words}");
}

#[tokio::test]
async fn data_without_a_marker_says_what_was_found() {
    let mut book = Book::at(100);
    book.put(40000, &[0, 0]);
    let words = of(&book).await.unwrap_err().to_string();
    assert!(words.contains("40000 (data 0x0000 0x0000), 0 (exception 2"), "{words}");
    assert!(words.contains("unit id"), "{words}");
    let mut book = Book::at(100);
    book.put(40000, &[0x6E53, 0x5375]);
    assert!(of(&book).await.unwrap_err().to_string().contains("swapped"));
}

#[tokio::test]
async fn a_missing_unit_and_silence_are_no_answer() {
    let server = Server::start(&[(9, &legacy())]).await;
    let error = scanned(&server).await.unwrap_err();
    assert!(matches!(error, ScanError::Bus(BusError::Refused(Exception(0x0B)))), "{error:?}");
    assert_eq!(
        error.to_string(),
        "nothing answers as this unit behind this address (exception 11); try another unit: 1, 2, 126 and 247 are usual"
    );
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Silence);
    let error = scanned(&server).await.unwrap_err();
    assert!(matches!(error, ScanError::Bus(_)), "{error:?}");
}

#[tokio::test]
async fn a_chain_without_an_end_model_keeps_what_was_found() {
    let mut book = Book::at(0).identity("S").model(103, &[]);
    book.registers.remove(&122);
    book.registers.remove(&123);
    let chain = of(&book).await.unwrap();
    assert_eq!(ids(&chain), [1, 103]);
    assert!(chain.warnings[0].contains("no end model") && !chain.complete);
    book.put(122, &[0xFFFF]);
    assert!(of(&book).await.unwrap().complete);
    assert_eq!(of(&book).await.unwrap().warnings, [] as [String; 0], "an end model of one register");
    book.put(122, &[0, 0]);
    assert!(of(&book).await.unwrap().warnings[0].contains("zeros"));
}

#[tokio::test]
async fn a_chain_that_runs_away_is_refused() {
    let mut book = Book::at(40000).identity("S");
    book.put(40070, &[103, 60_000]);
    let error = of(&book).await.unwrap_err();
    assert_eq!(error, ScanError::RunsAway { address: 40070, id: 103, length: 60_000 });
    let mut empty = Book::at(0);
    empty.put(0, &[0x5375, 0x6E53]);
    for at in 0..900 {
        empty.put(2 + at * 2, &[500, 0]);
    }
    assert!(matches!(of(&empty).await, Err(ScanError::RunsAway { .. })));
}

#[tokio::test]
async fn a_second_logical_device_is_left_alone() {
    let book = legacy().identity("METER").model(103, &[]);
    let chain = of(&book).await.unwrap();
    assert_eq!(ids(&chain), [1, 103, 120, 121, 123]);
    assert!(chain.warnings[0].contains("another logical device"));
}

#[tokio::test]
async fn a_busy_device_and_a_lost_answer_are_asked_again() {
    let server = Server::start(&[(1, &legacy())]).await;
    let mut count = 0;
    server.script(move |_, _| {
        count += 1;
        match count {
            1 => Answer::Exception(6),
            4 => Answer::Silence,
            6 => Answer::Wrong,
            _ => Answer::Good,
        }
    });
    assert_eq!(ids(&scanned(&server).await.unwrap()), [1, 103, 120, 121, 123]);
}

#[tokio::test]
async fn a_device_that_is_silent_at_one_base_is_found_at_the_next() {
    let server = Server::start(&[(1, &Book::at(50000).identity("S"))]).await;
    server.script(|seen, _| if seen.address < 50000 { Answer::Silence } else { Answer::Good });
    assert_eq!(scanned(&server).await.unwrap().base, 50000);
}
