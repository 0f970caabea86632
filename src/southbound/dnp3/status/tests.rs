use super::*;

#[test]
fn every_status_has_a_name_a_meaning_and_a_remedy() {
    let again = [1, 2, 8, 11];
    let look = [5, 14];
    for number in 0..=u8::MAX {
        let status = Status(number);
        let wanted = match number {
            n if again.contains(&n) => Remedy::Again,
            n if look.contains(&n) => Remedy::Look,
            _ => Remedy::Give,
        };
        assert_eq!(remedy(status), wanted, "{status}");
        let defined = number <= 18 || (126..=127).contains(&number);
        assert_eq!(name(status) != "unknown status", defined, "{status}");
        assert!(meaning(status).len() > 7 && explain(status).contains(&format!("({number})")), "{status}");
    }
    let names: std::collections::BTreeSet<&str> = (0..=18).map(|n| name(Status(n))).collect();
    assert_eq!(names.len(), 19, "each its own");
}

#[test]
fn an_operator_reads_what_to_do() {
    let local = "LOCAL (7): the outstation is in local control; switch it to remote at the device";
    assert_eq!(explain(Status(7)), local);
    assert_eq!(Status(99).to_string(), "unknown status (99)");
}

#[test]
fn a_step_that_need_not_be_there_is_passed_over_for_a_lack_and_not_for_a_no() {
    assert!([3, 4, 12].into_iter().all(|n| is_lack(Status(n))));
    assert!([6, 7, 9, 10, 13, 15, 16, 17, 18].into_iter().all(|n| !is_lack(Status(n))));
}
