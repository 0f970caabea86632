use super::super::testing::{at, map};
use super::*;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request, UNKNOWN};

fn quiet() -> impl Fn(&str) + Send + Sync {
    |_: &str| {}
}

/// Events belong to the master that runs all day.
#[tokio::test]
async fn everything_is_read_without_taking_an_event() {
    let field = Outstation::new(&[("AI537", 5.0), ("BO17", 1.0), ("AO88", 600.0), ("AI9000", 3.0)]);
    let sweep = sweep(&field, &map(), &quiet()).await.unwrap();
    assert_eq!(sweep.seen.len(), 4);
    assert_eq!((sweep.gaps.len(), sweep.notes.len()), (0, 0));
    assert_eq!(field.reads(), [[Part::Static]]);
}

/// Outputs need not be in class 0 (1815.2).
#[tokio::test]
async fn outputs_that_class_0_lacks_are_asked_for_by_name() {
    let field = Outstation::new(&[("AI537", 5.0)]);
    sweep(&field, &map(), &quiet()).await.unwrap();
    let asked = field.reads().concat();
    for part in [
        Part::Range(PointKind::BinaryOutput, 17, 17),
        Part::Range(PointKind::AnalogOutput, 5, 5),
        Part::Range(PointKind::AnalogOutput, 88, 88),
    ] {
        assert!(asked.contains(&part), "{asked:?}");
    }
}

#[tokio::test]
async fn a_class_0_that_cannot_be_read_becomes_ranges_that_are_halved_around_what_is_missing() {
    let points: Vec<(String, f64)> = (0..20).map(|i| (format!("AI{i}"), f64::from(i))).collect();
    let points: Vec<(&str, f64)> = points.iter().map(|(name, raw)| (name.as_str(), *raw)).collect();
    let field = Outstation::new(&points);
    field.state().unknown.extend([at("AI7"), at("AI537"), at("BO17")]);
    field.script(|request| match request {
        Request::Read(parts) if parts.contains(&Part::Static) => {
            Answer::Broken("an object that is not known")
        }
        _ => Answer::Good,
    });
    let sweep = sweep(&field, &map(), &quiet()).await.unwrap();
    let read: Vec<u16> = sweep.seen.keys().map(|at| at.index).collect();
    assert_eq!(read, (0..20).filter(|i| *i != 7).collect::<Vec<_>>());
    assert!(sweep.notes[0].starts_with("class 0 cannot be read"), "{:?}", sweep.notes);
    let gaps = sweep.gaps.join("\n");
    for part in ["AI7: ", "AI537: ", "BO17: "] {
        assert!(gaps.contains(part), "{gaps}");
    }
}

#[tokio::test]
async fn a_block_that_is_not_there_costs_few_requests() {
    let mut big = map();
    let points =
        (0..200).map(|i| super::super::testing::known("B", &format!("AI{}", 2000 + i), 1.0, "", None));
    let mut profile = big.profile.as_deref().unwrap().clone();
    profile.points.extend(points);
    profile.points.sort_by_key(|point| point.at);
    big.profile = Some(std::sync::Arc::new(profile));
    let field = Outstation::new(&[("AI537", 1.0)]);
    field.script(|request| match request {
        Request::Read(parts) if parts.contains(&Part::Static) => Answer::Refused(UNKNOWN),
        Request::Read(parts) if matches!(parts[0], Part::Range(_, from, _) if from >= 2000) => {
            Answer::Refused(UNKNOWN)
        }
        _ => Answer::Good,
    });
    let sweep = sweep(&field, &big, &quiet()).await.unwrap();
    let asked = field.reads().concat();
    let of_block = asked.iter().filter(|part| matches!(part, Part::Range(_, from, _) if *from >= 2000));
    assert_eq!(of_block.count(), 4, "the block, its ends and its middle");
    assert!(sweep.gaps.iter().any(|gap| gap.starts_with("AI2000..AI2199: ")), "{:?}", sweep.gaps);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it() {
    let field = Outstation::new(&[]);
    field.script(|_| Answer::Silent);
    assert_eq!(sweep(&field, &map(), &quiet()).await, Err(ReadError::Silent));
}
