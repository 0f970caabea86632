use super::*;
use crate::southbound::modbus::{Endpoint, SharedBus};
use crate::southbound::testing::{Answer, Server, legacy, peer};

fn write() -> Write {
    Write { address: 40191, registers: vec![1], name: "123.WMaxLim_Ena".to_owned(), whole: false }
}

fn plan() -> Plan {
    Plan {
        writes: vec![write()],
        checks: Vec::new(),
        active_power: None,
        ours: crate::southbound::sunspec::control::Ours::default(),
        otherwise: None,
        summary: String::new(),
        once: false,
    }
}

#[tokio::test]
async fn exception_1_in_the_clear_is_about_the_function_and_the_other_one_is_tried() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|seen, _| if seen.function == 3 { Answer::Good } else { Answer::Exception(1) });
    let bus = SharedBus::new(Endpoint::of(&server.link(1)).unwrap());
    let line = bus.line(peer(1));
    let wire = Wire {
        function: WriteFunction::Auto,
        max_read: 125,
        expires_at: Instant::now() + Duration::from_secs(9),
    };
    let (outcome, _) = carry_out(&line, &plan(), &mut Habits::default(), &wire).await;
    assert!(matches!(outcome, Outcome::Refused(words) if words.contains("this way of writing")));
    assert_eq!(server.writes(), [(16, 40191, vec![1]), (6, 40191, vec![1])]);
}
