use super::*;

fn of(link: &str) -> Endpoint {
    Endpoint::of(&Link::parse(link).unwrap()).unwrap()
}

#[test]
fn units_behind_one_host_share_it_however_it_is_spelled() {
    let plain = of("modbus+tcp://gateway.example:502?unit=1");
    assert_eq!(plain, of("modbus+tcp://Gateway.Example:502?unit=2"));
    assert_ne!(plain, of("modbus+tcp://gateway.example:1502?unit=2"));
    assert_ne!(plain, of("modbus+tls://gateway.example:502?unit=2"));
    assert_eq!(of("modbus+tcp://[fd00::1]:502"), of("modbus+tcp://[FD00:0::0001]:502?unit=2"));
    assert_eq!(of("modbus+tls://INV1.example"), of("modbus+tls://inv1.example?unit=3"));
}
