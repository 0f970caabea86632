//! What clients see of a device's registers, when that is not what they are: another base, missing ends, models of
//! another length, points that are masked. Pure: a view is made of the form and the faults.

use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::registers::{Form, Span, encode_text};

/// Registers that a model gains or loses when it is long or short.
const LONGER: u16 = 3;
const SHORTER: u16 = 10;
/// Registers that a model gains while its layout has moved: one port of model 714.
const MOVED: u16 = 25;
/// What stands in registers that no table names.
const FILLER: u16 = 0x5A5A;
/// Models that measure the active power.
const MEASURING: [u16; 7] = [101, 102, 103, 111, 112, 113, 701];

/// What clients see.
#[derive(Debug)]
pub(super) struct View {
    /// Where the marker stands.
    pub base: u16,
    pieces: Vec<Piece>,
    /// Registers by their true place, and what is shown instead of them.
    masks: Vec<(usize, Vec<u16>)>,
}

/// Registers that follow each other in the view and in their source.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    /// Place of the first one, from the base.
    first: usize,
    count: usize,
    source: Source,
}

/// Where registers of the view come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// From the image at this place.
    Image(usize),
    /// From nowhere else.
    Words(Vec<u16>),
}

impl View {
    /// The view of a device whose layout has moved, or not.
    pub fn new(form: &Form, behaviour: &Behaviour, base: u16, moved: bool) -> Self {
        let base = behaviour.find(|f| if let Fault::Base(at) = f { Some(*at) } else { None }).unwrap_or(base);
        let mut view = Self { base, pieces: Vec::new(), masks: masks(form, behaviour) };
        let mover = moved.then(|| mover(form)).flatten();
        // Stretches of the image that follow each other become one piece.
        let mut from = 0;
        for (place, span) in form.spans.iter().enumerate() {
            let shown = length(span, behaviour, mover == Some(place));
            if shown == span.length {
                continue;
            }
            view.image(from, span.offset);
            view.words(vec![span.id, shown]);
            let kept = usize::from(shown.min(span.length));
            view.image(span.offset + 2, span.offset + 2 + kept);
            view.words(vec![FILLER; usize::from(shown.saturating_sub(span.length))]);
            from = span.end();
        }
        let end = form.blank.len();
        let shown = match () {
            () if behaviour.has(&Fault::NoEndModel) => end - 2,
            () if behaviour.has(&Fault::EndWithoutLength) => end - 1,
            () => end,
        };
        view.image(from, shown);
        view
    }

    fn next(&self) -> usize {
        self.pieces.last().map_or(0, |p| p.first + p.count)
    }

    fn image(&mut self, from: usize, to: usize) {
        if let Some(count) = to.checked_sub(from).filter(|n| *n > 0) {
            self.pieces.push(Piece { first: self.next(), count, source: Source::Image(from) });
        }
    }

    fn words(&mut self, words: Vec<u16>) {
        if !words.is_empty() {
            self.pieces.push(Piece { first: self.next(), count: words.len(), source: Source::Words(words) });
        }
    }

    /// Where registers come from that a client names by address: sources and counts, in order; `None` if not all are
    /// there.
    pub fn locate(&self, address: u16, count: usize) -> Option<Vec<(Source, usize)>> {
        let first = usize::from(address.checked_sub(self.base)?);
        if first + count > self.next() {
            return None;
        }
        let from = self.pieces.partition_point(|p| p.first + p.count <= first);
        let mut parts = Vec::with_capacity(1);
        let (mut at, mut left) = (first, count);
        for piece in self.pieces.iter().skip(from) {
            if left == 0 {
                break;
            }
            let skipped = at - piece.first;
            let taken = (piece.count - skipped).min(left);
            let source = match &piece.source {
                Source::Image(place) => Source::Image(place + skipped),
                Source::Words(words) => {
                    Source::Words(words.iter().skip(skipped).take(taken).copied().collect())
                }
            };
            parts.push((source, taken));
            at += taken;
            left -= taken;
        }
        Some(parts)
    }

    /// Puts masks over registers of the image that start at `place`.
    pub fn mask(&self, place: usize, registers: &mut [u16]) {
        for (at, shown) in &self.masks {
            for (n, word) in shown.iter().enumerate() {
                let target = (at + n).checked_sub(place).and_then(|i| registers.get_mut(i));
                if let Some(register) = target {
                    *register = *word;
                }
            }
        }
    }
}

/// True if a model measures the active power.
pub(super) fn measures(id: u16) -> bool {
    MEASURING.contains(&id)
}

/// The model whose length changes: 714, else the one behind model 1.
fn mover(form: &Form) -> Option<usize> {
    form.spans.iter().position(|s| s.id == 714).or_else(|| (form.spans.len() > 1).then_some(1))
}

fn length(span: &Span, behaviour: &Behaviour, moved: bool) -> u16 {
    let changed = behaviour.find(|fault| match fault {
        Fault::Model1L65 if span.id == 1 => Some(span.length.min(65)),
        Fault::ShortModel(id) if *id == span.id => Some(span.length - SHORTER.min(span.length / 2)),
        Fault::LongModel(id) if *id == span.id => Some(span.length.saturating_add(LONGER)),
        _ => None,
    });
    changed.unwrap_or(span.length).saturating_add(if moved { MOVED } else { 0 })
}

fn masks(form: &Form, behaviour: &Behaviour) -> Vec<(usize, Vec<u16>)> {
    let mut masks = Vec::new();
    let mut mask = |id: u16, path: &str, words: &[u16]| {
        masks.extend(form.points(id, path).map(|cell| (cell.offset, words.to_vec())));
    };
    for fault in behaviour.faults() {
        match fault {
            Fault::Shadow => {
                mask(123, "Conn", &[0]);
                mask(123, "WMaxLimPct", &[0]);
                mask(123, "WMaxLim_Ena", &[1]);
            }
            Fault::EnableStuck => {
                mask(123, "WMaxLim_Ena", &[1]);
                mask(704, "WMaxLimPctEna", &[1]);
            }
            Fault::Local => {
                mask(715, "LocRemCtl", &[1]);
                mask(802, "LocRemCtl", &[1]);
            }
            Fault::SerialChange(serial) => {
                let mut words = [0; 16];
                encode_text(serial, &mut words);
                mask(1, "SN", &words);
            }
            _ => {}
        }
    }
    for fault in behaviour.faults() {
        match fault {
            Fault::MarkerSwapped => masks.push((0, vec![0x6E53, 0x5375])),
            Fault::NoSf(point) => masks.extend(absent(form, |id, path| is_named(point, id, path))),
            Fault::Night => masks.extend(absent(form, |id, path| {
                measures(id) && !["ID", "L", "WH", "TotWhInj"].contains(&path)
            })),
            _ => {}
        }
    }
    masks
}

/// `103.W_SF` names a point of one model, `W_SF` that of all.
fn is_named(point: &str, id: u16, path: &str) -> bool {
    match point.split_once('.') {
        Some((model, rest)) if model.parse() == Ok(id) => rest == path,
        _ => point == path,
    }
}

/// Points that read "not implemented".
fn absent(form: &Form, which: impl Fn(u16, &str) -> bool) -> Vec<(usize, Vec<u16>)> {
    let mut masks = Vec::new();
    for span in &form.spans {
        for cell in form.cells_of(span).iter().filter(|c| which(span.id, &c.path)) {
            let sentinel = cell.kind.not_implemented().unwrap_or_default();
            let words = (0..cell.size).map(|n| sentinel.get(n).copied().unwrap_or(0)).collect();
            masks.push((cell.offset, words));
        }
    }
    masks
}
