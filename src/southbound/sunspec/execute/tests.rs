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
async fn exception_1_over_tls_is_about_the_role_and_no_reason_for_another_function() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|seen, _| if seen.function == 3 { Answer::Good } else { Answer::Exception(1) });
    let bus = SharedBus::new(Endpoint::of(&server.link(1)));
    let line = bus.line(peer(1));
    let wire = Wire {
        function: WriteFunction::Auto,
        max_read: 125,
        secured: true,
        expires_at: Instant::now() + Duration::from_secs(9),
    };
    let mut habits = Habits::default();
    let (outcome, _) = carry_out(&line, &plan(), &mut habits, &wire).await;
    let Outcome::Refused(words) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        words,
        "writing 123.WMaxLim_Ena: the role in the gateway's certificate may not write it; it takes a certificate with another role (exception 1 (illegal function))"
    );
    assert_eq!(server.writes(), [(16, 40191, vec![1])]);
    let open = Wire { secured: false, ..wire };
    let (outcome, _) = carry_out(&line, &plan(), &mut habits, &open).await;
    assert!(matches!(outcome, Outcome::Refused(words) if words.contains("this way of writing")));
    assert_eq!(
        server.writes().last(),
        Some(&(6, 40191, vec![1])),
        "in the clear the other function is tried"
    );
}
