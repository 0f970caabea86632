use super::*;
use crate::southbound::sunspec::abilities::routes;
use crate::southbound::testing::{Book, legacy, newer, storage};

const HOLD: Duration = Duration::from_millis(89_500);

fn ask(book: &Book, setpoint: Setpoint, ours: Ours) -> Result<Plan, String> {
    ask_with(book, setpoint, ours, &SunspecOptions::default())
}

fn ask_with(book: &Book, setpoint: Setpoint, ours: Ours, options: &SunspecOptions) -> Result<Plan, String> {
    let blocks = book.blocks();
    let routes = routes(&blocks);
    let counting = CurveRequest::OneBased;
    let (setpoint, blocks) = (&setpoint, &blocks);
    plan(&Ask {
        setpoint,
        hold: HOLD,
        routes,
        ours,
        blocks,
        max_write: 123,
        options,
        counting,
        single_only: false,
    })
}

fn frames(plan: &Plan) -> Vec<(u16, Vec<u16>)> {
    plan.writes.iter().map(|w| (w.address, w.registers.clone())).collect()
}

fn limit(watts: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(watts))
}
fn set(watts: f64) -> Setpoint {
    Setpoint::SetActivePower(Watts::new(watts))
}
const NOT_OURS: Ours = Ours { limit: false, set: false, grid_charge: false, var: false, pf: false };
const LIMITED: Ours = Ours { limit: true, ..NOT_OURS };
const SET: Ours = Ours { set: true, ..NOT_OURS };

#[test]
fn a_limit_with_123_and_all_timers_is_one_write_with_the_enable_last() {
    let plan = ask(&legacy(), limit(4800.0), Ours::default()).unwrap();
    assert_eq!(frames(&plan), [(40187, vec![600, 0, 90, 0, 1])]);
    assert_eq!(plan.active_power, Some(Watts::new(4800.0)));
    assert_eq!(plan.summary, "limit 60 % of WMax 8000 W = 4800 W");
    let essential: Vec<&str> =
        plan.checks.iter().filter(|c| c.weight == Weight::Essential).map(|c| c.name.as_str()).collect();
    assert_eq!(essential, ["123.WMaxLimPct", "123.WMaxLim_Ena"]);
    assert!(plan.ours.limit);
}

#[test]
fn a_limit_with_123_without_timers_writes_value_and_enable_singly() {
    let mut book = legacy();
    for path in ["WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms"] {
        book.set(123, path, 0xFFFF);
    }
    let plan = ask(&book, limit(0.0), Ours::default()).unwrap();
    assert_eq!(frames(&plan), [(40187, vec![0]), (40191, vec![1])]);
    assert!(plan.checks.iter().all(|c| c.weight == Weight::Essential), "nothing bounds it in time");
}

#[test]
fn a_limit_with_704_writes_value_and_reversion_then_enable() {
    let plan = ask(&newer(), limit(3000.0), Ours::default()).unwrap();
    assert_eq!(frames(&plan), [(40311, vec![333, 1000, 0, 0, 90]), (40310, vec![1])]);
    assert_eq!(plan.active_power, Some(Watts::new(2997.0)), "as the resolution of 0.1 % makes it");
}

#[test]
fn a_limit_above_the_maximum_is_a_hundred_percent() {
    assert_eq!(ask(&legacy(), limit(9e6), Ours::default()).unwrap().writes[0].registers[0], 1000);
    assert!(ask(&legacy(), limit(-1.0), Ours::default()).unwrap_err().contains("0 W or more"));
    assert!(ask(&legacy(), limit(f64::NAN), Ours::default()).is_err());
}

#[test]
fn a_limit_without_a_known_maximum_or_scale_factor_is_refused() {
    let mut book = legacy();
    book.set(123, "WMaxLimPct_SF", 0x8000);
    assert!(ask(&book, limit(1.0), Ours::default()).unwrap_err().contains("scale factor is not implemented"));
    let mut book = legacy();
    book.set(121, "WMax", 0xFFFF);
    book.set(120, "WRtg", 0xFFFF);
    assert!(ask(&book, limit(1.0), Ours::default()).unwrap_err().contains("not known"));
}

#[test]
fn a_set_point_with_704_writes_mode_and_value_then_reversion_then_enable() {
    let plan = ask(&newer(), set(-5000.0), Ours::default()).unwrap();
    assert_eq!(
        frames(&plan),
        [(40319, vec![1, 0xFFFF, 0xEC78, 0, 0]), (40326, vec![0, 0, 90]), (40318, vec![1])]
    );
    assert_eq!(plan.active_power, Some(Watts::new(-5000.0)));
    assert!(ask(&newer(), set(-8100.0), Ours::default()).unwrap_err().contains("-8000 W to 9000 W"));
    assert!(ask(&newer(), set(9100.0), Ours::default()).is_err());
}

#[test]
fn a_legacy_inverter_takes_no_set_point() {
    assert!(ask(&legacy(), set(100.0), Ours::default()).unwrap_err().contains("limited only"));
}

#[test]
fn a_storage_with_124_is_charged_discharged_and_idled_by_two_opposite_bounds() {
    let charge = ask(&storage(), set(-2500.0), Ours::default()).unwrap();
    assert_eq!(
        frames(&charge),
        [(40167, vec![1]), (40162, vec![0xEC78, 5000, 0, 90, 0]), (40155, vec![3])],
        "grid charging first, mode last"
    );
    assert_eq!(charge.active_power, Some(Watts::new(-2500.0)));
    assert!(charge.ours.grid_charge && charge.ours.set);
    let discharge = ask(&storage(), set(2500.0), Ours::default()).unwrap();
    assert_eq!(frames(&discharge), [(40162, vec![5000, 0xEC78, 0, 90, 0]), (40155, vec![3])]);
    let idle = ask(&storage(), set(0.0), Ours::default()).unwrap();
    assert_eq!(frames(&idle), [(40162, vec![0, 0, 0, 90, 0]), (40155, vec![3])]);
}

#[test]
fn a_release_undoes_what_is_enabled_and_nothing_else() {
    let none = ask(&newer(), Setpoint::ReleaseActivePower, Ours::default()).unwrap();
    assert_eq!(frames(&none), []);
    let mut book = newer();
    book.set(704, "WSetEna", 1);
    book.set(704, "WMaxLimPctEna", 1);
    let both = ask(&book, Setpoint::ReleaseActivePower, Ours::default()).unwrap();
    assert_eq!(frames(&both), [(40318, vec![0]), (40310, vec![0])]);
    assert_eq!(both.active_power, None);
    let mut book = storage();
    book.set(124, "StorCtl_Mod", 3);
    book.set(124, "ChaGriSet", 1);
    let ours = Ours { set: true, grid_charge: true, ..NOT_OURS };
    let release = ask(&book, Setpoint::ReleaseActivePower, ours).unwrap();
    assert_eq!(frames(&release), [(40155, vec![0]), (40167, vec![0])]);
    assert_eq!(release.ours, Ours::default());
}

#[test]
fn a_release_is_written_if_the_enable_is_ours_though_it_does_not_show() {
    let plan = ask(&legacy(), Setpoint::ReleaseActivePower, LIMITED).unwrap();
    assert_eq!(frames(&plan), [(40191, vec![0])]);
    let other = plan.otherwise.unwrap();
    assert_eq!(
        frames(&other),
        [(40187, vec![1000]), (40191, vec![1])],
        "for devices that keep the enable at 1"
    );
}

#[test]
fn a_newer_command_undoes_what_we_did_before_and_leaves_what_others_did() {
    let mut book = newer();
    book.set(704, "WMaxLimPctEna", 1);
    let theirs = ask(&book, set(100.0), Ours::default()).unwrap();
    assert!(!frames(&theirs).contains(&(40310, vec![0])));
    let mine = ask(&book, set(100.0), LIMITED).unwrap();
    assert_eq!(frames(&mine).last(), Some(&(40310, vec![0])));
    assert_eq!(mine.ours, SET);
    let back = ask(&book, limit(100.0), SET).unwrap();
    assert_eq!(frames(&back).last(), Some(&(40318, vec![0])));
    assert_eq!(back.ours, LIMITED);
}

#[test]
fn disconnecting_is_bounded_in_time_where_the_device_allows_and_connecting_never_runs_out() {
    let off = ask(&legacy(), Setpoint::Disconnect, Ours::default()).unwrap();
    assert_eq!(frames(&off), [(40184, vec![0, 90, 0])]);
    let on = ask(&legacy(), Setpoint::Connect, Ours::default()).unwrap();
    assert_eq!(frames(&on), [(40184, vec![0, 0, 1])]);
    let mut book = legacy();
    book.set(123, "Conn_RvrtTms", 0xFFFF);
    book.set(123, "Conn_WinTms", 0xFFFF);
    let bare = ask(&book, Setpoint::Disconnect, Ours::default()).unwrap();
    assert_eq!(frames(&bare), [(40186, vec![0])]);
    let newer = ask(&newer(), Setpoint::Disconnect, Ours::default()).unwrap();
    assert_eq!(frames(&newer), [(40279, vec![0])]);
}

#[test]
fn shadow_registers_are_written_but_prove_nothing() {
    let options = SunspecOptions { shadow_models: vec![123], ..SunspecOptions::default() };
    let plan = ask_with(&legacy(), limit(4800.0), Ours::default(), &options).unwrap();
    assert_eq!(frames(&plan).len(), 1);
    assert_eq!(plan.checks, []);
}

#[test]
fn a_reversion_time_fits_its_point_and_is_never_zero() {
    let blocks = legacy().blocks();
    let with = |hold| {
        let ask = Ask {
            setpoint: &limit(1.0),
            hold,
            routes: routes(&blocks),
            ours: Ours::default(),
            blocks: &blocks,
            max_write: 123,
            options: &SunspecOptions::default(),
            counting: CurveRequest::OneBased,
            single_only: false,
        };
        plan(&ask).unwrap().writes[0].registers[2]
    };
    assert_eq!(with(Duration::ZERO), 1, "0 would mean never");
    assert_eq!(with(Duration::from_secs(1_000_000)), 0xFFFE);
}

#[test]
fn a_draft_of_the_newer_models_is_not_written() {
    let mut book = newer();
    let address = book.address(704, "ID");
    book.put(address + 1, &[60]);
    let (id, at, _) = book.places.iter().find(|p| p.0 == 704).cloned().unwrap();
    let layout = crate::device_map::Layout::new(&crate::southbound::known()(704).unwrap(), 60, &|_| None);
    book.places.retain(|p| p.0 != 704);
    book.places.push((id, at, layout.into()));
    assert!(ask(&book, limit(1.0), Ours::default()).unwrap_err().contains("no limit"));
}

#[test]
fn a_short_write_limit_splits_between_points() {
    let blocks = newer().blocks();
    let ask = Ask {
        setpoint: &limit(9000.0),
        hold: HOLD,
        routes: routes(&blocks),
        ours: Ours::default(),
        blocks: &blocks,
        max_write: 2,
        options: &SunspecOptions::default(),
        counting: CurveRequest::OneBased,
        single_only: false,
    };
    let frames = frames(&plan(&ask).unwrap());
    assert_eq!(frames, [(40311, vec![1000, 1000]), (40313, vec![0]), (40314, vec![0, 90]), (40310, vec![1])]);
}

#[test]
fn what_we_enabled_and_the_device_hides_is_not_taken_for_released() {
    let mut asleep = legacy();
    asleep.set(123, "WMaxLim_Ena", 0xFFFF);
    let refused = ask(&asleep, Setpoint::ReleaseActivePower, LIMITED).unwrap_err();
    assert!(refused.contains("the limit that was set cannot be undone now"), "{refused}");
    assert!(ask(&asleep, Setpoint::ReleaseActivePower, Ours::default()).is_ok(), "nothing of ours is there");
    let mut asleep = newer();
    asleep.set(704, "WSet", 0x8000_0000);
    assert!(ask(&asleep, Setpoint::ReleaseActivePower, SET).unwrap_err().contains("set point"));
}

proptest::proptest! {
    #[test]
    fn a_limit_is_never_more_than_was_asked(watts in 0.0..20_000.0_f64, sf in -3_i64..=0) {
        let mut book = legacy();
        book.set(123, "WMaxLimPct_SF", sf);
        let plan = ask(&book, limit(watts), Ours::default());
        // 100 % with three digits does not fit a register.
        if let Ok(plan) = plan {
            let kept = plan.active_power.unwrap().get();
            proptest::prop_assert!(kept <= watts.min(8000.0) + 1e-3, "{kept} of {watts}");
            let step = 80.0 * 10_f64.powi(i32::try_from(sf).unwrap());
            proptest::prop_assert!(watts > 8000.0 || kept > watts - step - 1e-6);
        }
    }
}
