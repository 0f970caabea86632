//! Bytes of a fuzzer, taken from the front one after another. After the last one come zeros.

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// True if there is nothing left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.0.len()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next two bytes as a register.
    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next bytes; fewer if there are no more.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The next registers; fewer if there are no more.
    pub fn words(&mut self, count: usize) -> Vec<u16> {
        let bytes = self.bytes(count.saturating_mul(2));
        bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
    }

    /// A number that somebody may have asked for.
    pub fn number(&mut self) -> f64 {
        let kind = self.byte();
        let word = f64::from(self.word().cast_signed());
        match kind {
            0..=99 => word,
            100..=199 => word / 100.0,
            200..=219 => word * 1e6,
            220..=239 => f64::from_bits(u64::from(self.word()) << 48 | u64::from(self.word()) << 32),
            240 => f64::INFINITY,
            241 => f64::NAN,
            242 => -0.0,
            243 => f64::MIN_POSITIVE,
            244 => f64::MAX,
            _ => 0.0,
        }
    }
}
