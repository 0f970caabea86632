//! What must be true whatever the registers say.

use crate::der::{Capability, Quality, Reading};
use crate::device_map::PointType;
use crate::southbound::fuzzing::sound;
use crate::southbound::sunspec::block::{Block, Blocks};
use crate::southbound::sunspec::control::{Plan, Script, Step, Write};
use crate::southbound::sunspec::value::{Value, decode, encode, encode_down, scaled};

/// Most plans in place of one that the device refuses.
const OTHERWISE: usize = 10;

/// Its layout is sound, its reads stay within it, and its points can be said.
pub fn block(block: &Block, max_read: u16) {
    sound(&block.layout);
    let end = u32::from(block.at.length) + 2;
    for part in &block.parts {
        let widest = block.layout.points.iter().map(|p| p.point.size).max().unwrap_or_default();
        assert!((1..=max_read.max(widest)).contains(&part.quantity), "a read of {}", part.quantity);
        assert!(u32::from(part.offset) + u32::from(part.quantity) <= end, "a read beyond the model");
    }
    let Some(sample) = block.sample() else { return };
    for placed in &block.layout.points {
        let _ = (sample.number_of(placed), sample.span(&placed.path), sample.text(&placed.path));
        if let Ok(sf) = sample.scale_of(placed) {
            there_and_back(placed.point.kind, sample.registers_of(placed), sf);
        }
    }
    let _ = block.odd_length();
}

/// What is decoded can be encoded, and then means the same again.
fn there_and_back(kind: PointType, registers: Option<&[u16]>, sf: i8) {
    let Some(Value::Integer(raw)) = registers.and_then(|words| decode(kind, words)) else { return };
    #[expect(clippy::cast_precision_loss, reason = "what is beyond is refused by encode")]
    let Some(value) = scaled(raw as f64, sf) else { return };
    for (down, encoded) in [(false, encode(kind, value, sf)), (true, encode_down(kind, value, sf))] {
        let Ok(encoded) = encoded else { continue };
        let again = decode(kind, &encoded.registers);
        assert_eq!(again, Some(Value::Integer(raw)), "{kind:?} {raw} with {sf} came back changed ({down})");
        assert!((encoded.quantised - value).abs() <= value.abs() * 1e-9, "{kind:?}: not what was promised");
    }
}

/// No value that is not a number passes as good.
pub fn readings(readings: &[Reading]) {
    for reading in readings {
        assert!(reading.value.is_finite() || reading.quality != Quality::Good, "{reading:?}");
    }
}

/// What a device can do is known and not negative.
pub fn capability(capability: &Capability) {
    for most in [capability.injection_max, capability.absorption_max] {
        assert!(most.get().is_finite() && most.get() >= 0.0, "{capability:?}");
    }
}

/// Nothing is written outside the bodies of the models, nor more than fits into a request.
pub fn script(script: &Script, blocks: &Blocks) {
    let _ = script.is_empty();
    for step in &script.steps {
        match step {
            Step::Write(first) => plan(first, blocks),
            Step::Adopt(adoption) => {
                write(&adoption.request, blocks);
                write(&adoption.other_request, blocks);
            }
        }
    }
}

fn plan(first: &Plan, blocks: &Blocks) {
    let mut plans = std::iter::successors(Some(first), |plan| plan.otherwise.as_deref());
    for plan in plans.by_ref().take(OTHERWISE) {
        assert!(plan.active_power.is_none_or(|watts| watts.get().is_finite()), "{:?}", plan.active_power);
        for one in &plan.writes {
            write(one, blocks);
        }
        for check in &plan.checks {
            let _ = check.say(&check.registers);
            assert!(within(check.address, check.registers.len(), blocks), "{} is outside", check.name);
        }
    }
    assert!(plans.next().is_none(), "plans without end");
}

fn write(write: &Write, blocks: &Blocks) {
    assert!(
        (1..=123).contains(&write.registers.len()),
        "{}: {} registers",
        write.name,
        write.registers.len()
    );
    assert!(within(write.address, write.registers.len(), blocks), "{} is outside its model", write.name);
}

fn within(address: u16, count: usize, blocks: &Blocks) -> bool {
    blocks.list.iter().any(|block| {
        let first = usize::from(block.at.address) + 2;
        let from = usize::from(address);
        from >= first && from + count <= first + usize::from(block.at.length)
    })
}
