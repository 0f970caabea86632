use super::*;
use crate::device_map::model::PointType;

fn point(name: &str, kind: PointType, scale: Option<&str>) -> Point {
    Point {
        name: name.into(),
        kind,
        size: kind.registers().unwrap(),
        scale: scale.map(|s| Scale::Point(s.into())),
        unit: None,
        writable: false,
        mandatory: false,
        fixed: false,
        symbols: vec![],
    }
}

fn group(name: &str, repeat: Repeat, points: Vec<Point>, groups: Vec<Group>) -> Group {
    Group { name: name.into(), sync: false, repeat, points, groups }
}

fn curves() -> Model {
    let pt =
        group("Pt", Repeat::Point("NPt".into()), vec![point("V", PointType::Uint16, Some("V_SF"))], vec![]);
    let crv =
        group("Crv", Repeat::Point("NCrv".into()), vec![point("ActPt", PointType::Uint16, None)], vec![pt]);
    let top = vec![
        point("ID", PointType::Uint16, None),
        point("L", PointType::Uint16, None),
        point("NCrv", PointType::Uint16, None),
        point("NPt", PointType::Uint16, None),
        point("V_SF", PointType::Sunssf, None),
    ];
    Model { id: 999, group: group("m", Repeat::Times(1), top, vec![crv]) }
}

#[test]
fn nested_groups_follow_their_count_points_and_find_scales_in_parents() {
    let layout = Layout::new(&curves(), 3 + 2 * 4, &|n| Some(if n == "NCrv" { 2 } else { 3 }));
    let last = layout.find("Crv[1].Pt[2].V").unwrap();
    assert_eq!(last.offset, 12);
    assert_eq!(last.scale, Some(PlacedScale::Point(4)));
    assert_eq!(layout.points.len(), 5 + 2 * 4);
}

#[test]
fn length_wins_over_a_count_that_lies() {
    let layout = Layout::new(&curves(), 3 + 4 + 2, &|n| Some(if n == "NCrv" { 60000 } else { 3 }));
    assert!(layout.find("Crv[0].Pt[2].V").is_some());
    assert!(layout.points.iter().all(|p| !p.path.starts_with("Crv[1]")), "half a curve is left out");
}

#[test]
fn a_short_model_has_only_the_points_that_fit() {
    let layout = Layout::new(&curves(), 2, &|_| None);
    assert!(layout.short);
    assert_eq!(layout.points.last().unwrap().path, "NPt");
    assert!(layout.find("V_SF").is_none());
}

#[test]
fn an_inner_group_that_fills_runs_to_the_end() {
    let layout = Layout::new(&curves(), 3 + 4, &|_| None);
    assert_eq!(layout.points.last().unwrap().path, "Crv[0].Pt[2].V");
}

#[test]
fn corrections_go_to_the_points_they_name_and_to_no_other() {
    use crate::device_map::{PointOverride, PointRef, PointType};
    let model = crate::device_map::models().get(160).unwrap();
    let of = |path: &str| PointRef { model: 160, path: path.into() };
    let fix = |path: &str| PointOverride {
        point: of(path),
        kind: Some(PointType::Int16),
        unit: None,
        negate: true,
        ignore: false,
    };
    let wide = PointOverride { kind: Some(PointType::Int64), ..fix("module[0].DCV") };
    let layout =
        Layout::new(&model, 48, &|_| None).corrected(&[fix("module[*].DCW"), wide], &[(of("DCW_SF"), -1)]);
    for k in 0..2 {
        let point = layout.find(&format!("module[{k}].DCW")).unwrap();
        assert_eq!(point.point.kind, PointType::Int16);
        assert_eq!((point.correction.negate, point.correction.scale), (true, Some(-1)));
        assert_eq!(layout.find(&format!("module[{k}].DCA")).unwrap().correction, Correction::default());
    }
    assert_eq!(layout.find("module[0].DCV").unwrap().point.kind, PointType::Uint16, "another size");
    assert!(of("module[*].Tmp").is_path("module[12].Tmp"));
    for other in ["module[].Tmp", "module[x].Tmp", "module[1].Tms", "module.Tmp", "module[1", ""] {
        assert!(!of("module[*].Tmp").is_path(other), "{other}");
    }
}

#[test]
fn groups_nested_beyond_any_address_space_are_laid_out_as_far_as_they_fit() {
    let mut inner = group("g", Repeat::Times(u16::MAX), vec![point("W", PointType::Uint16, None)], vec![]);
    for _ in 0..6 {
        inner = group("g", Repeat::Times(u16::MAX), vec![], vec![inner]);
    }
    let model = Model { id: 1, group: group("top", Repeat::Times(1), vec![], vec![inner]) };
    assert_eq!(model.fixed_length(), usize::MAX - 2);
    assert!(Layout::new(&model, 100, &|_| None).points.len() <= 102);
}
