//! DispatchSchedule: a target as a curve over time.

use jiff::{Span, Timestamp, tz::TimeZone};

/// Most points one schedule may have: a week of minutes.
pub(crate) const MAX_POINTS: usize = 10_080;

/// Beyond this size, in the SI unit, no value makes sense: 1 TW is more than any power plant has.
pub const MOST_VALUE: f64 = 1e12;

/// How values between two points are made (CurveStyle of 61968-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CurveStyle {
    /// Held until the next point; P points make P intervals.
    ConstantYValue,
    /// Linear between points; P points make P - 1 intervals.
    StraightLineYValues,
}

impl CurveStyle {
    /// The literal of the standard.
    #[must_use]
    pub const fn literal(self) -> &'static str {
        match self {
            Self::ConstantYValue => "constantYValue",
            Self::StraightLineYValues => "straightLineYValues",
        }
    }

    /// The style of a literal.
    #[must_use]
    pub fn from_literal(text: &str) -> Option<Self> {
        [Self::ConstantYValue, Self::StraightLineYValues].into_iter().find(|s| s.literal() == text)
    }
}

/// The unit of a schedule's time step (TimeIntervalKind). Case matters: `m` is minute, `M` is month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TimeIntervalKind {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

impl TimeIntervalKind {
    /// All of them, shortest first.
    pub const ALL: [Self; 6] = [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month, Self::Year];

    /// The literal of the standard.
    #[must_use]
    pub const fn literal(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "D",
            Self::Month => "M",
            Self::Year => "Y",
        }
    }

    /// The unit of a literal.
    #[must_use]
    pub fn from_literal(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.literal() == text)
    }

    fn span(self, count: i64) -> Result<Span, jiff::Error> {
        match self {
            Self::Second => Span::new().try_seconds(count),
            Self::Minute => Span::new().try_minutes(count),
            Self::Hour => Span::new().try_hours(count),
            Self::Day => Span::new().try_days(count),
            Self::Month => Span::new().try_months(count),
            Self::Year => Span::new().try_years(count),
        }
    }
}

/// A target as a curve over time. Days, months and years are those of UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchSchedule {
    style: CurveStyle,
    start: Timestamp,
    step: i64,
    unit: TimeIntervalKind,
    values: Vec<f64>,
    end: Timestamp,
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// There is nothing in it.
    #[error("the schedule has no DERCurveData")]
    Empty,
    /// One point does not make a line.
    #[error("a straightLineYValues schedule needs at least 2 points; this one has 1")]
    OnePointLine,
    /// A bound of ours.
    #[error("the schedule has {0} points; at most {MAX_POINTS} are accepted")]
    TooLong(usize),
    /// Time must go on.
    #[error("timeIntervalDuration must be 1 or more; it is {0}")]
    Step(i64),
    /// NaN or infinite.
    #[error("point {0} is not a finite number")]
    NotFinite(usize),
    /// Beyond the calendar.
    #[error("the schedule ends beyond the year 9999")]
    BeyondCalendar,
}

impl DispatchSchedule {
    /// A schedule whose first value applies at `start`, each next one `step` units later. Values in the SI unit of
    /// the parameter.
    ///
    /// # Errors
    /// See [`ScheduleError`].
    pub fn new(
        style: CurveStyle,
        start: Timestamp,
        step: i64,
        unit: TimeIntervalKind,
        values: Vec<f64>,
    ) -> Result<Self, ScheduleError> {
        match values.len() {
            0 => return Err(ScheduleError::Empty),
            1 if style == CurveStyle::StraightLineYValues => return Err(ScheduleError::OnePointLine),
            n if n > MAX_POINTS => return Err(ScheduleError::TooLong(n)),
            _ => {}
        }
        if step < 1 {
            return Err(ScheduleError::Step(step));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(ScheduleError::NotFinite(at + 1));
        }
        let mut schedule = Self { style, start, step, unit, values, end: start };
        schedule.end = schedule.time_of(schedule.intervals()).ok_or(ScheduleError::BeyondCalendar)?;
        Ok(schedule)
    }

    /// How values between points are made.
    #[must_use]
    pub const fn style(&self) -> CurveStyle {
        self.style
    }
    /// When the first value applies.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }
    /// When the last interval is over.
    #[must_use]
    pub const fn end(&self) -> Timestamp {
        self.end
    }
    /// Length of an interval, in [`Self::unit`].
    #[must_use]
    pub const fn step(&self) -> i64 {
        self.step
    }
    /// Unit of the interval length.
    #[must_use]
    pub const fn unit(&self) -> TimeIntervalKind {
        self.unit
    }
    /// The values, in the SI unit of the parameter.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The target at a time; `None` before the start and from the end on.
    #[must_use]
    pub fn target_at(&self, now: Timestamp) -> Option<f64> {
        if now < self.start || now >= self.end {
            return None;
        }
        let (mut low, mut high) = (0, self.intervals());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.time_of(middle)? <= now {
                low = middle;
            } else {
                high = middle;
            }
        }
        let here = *self.values.get(low)?;
        match self.style {
            CurveStyle::ConstantYValue => Some(here),
            CurveStyle::StraightLineYValues => {
                let next = *self.values.get(low + 1)?;
                let (from, to) = (self.time_of(low)?, self.time_of(low + 1)?);
                let share = now.duration_since(from).as_secs_f64() / to.duration_since(from).as_secs_f64();
                // Not share times the difference: that may be zero times infinite.
                Some(here + (next * share - here * share))
            }
        }
    }

    fn intervals(&self) -> usize {
        match self.style {
            CurveStyle::ConstantYValue => self.values.len(),
            CurveStyle::StraightLineYValues => self.values.len() - 1,
        }
    }

    /// When interval `k` (0-based) begins.
    fn time_of(&self, k: usize) -> Option<Timestamp> {
        let count = i64::try_from(k).ok()?.checked_mul(self.step)?;
        let span = self.unit.span(count).ok()?;
        match self.unit {
            TimeIntervalKind::Second | TimeIntervalKind::Minute | TimeIntervalKind::Hour => {
                self.start.checked_add(span).ok()
            }
            TimeIntervalKind::Day | TimeIntervalKind::Month | TimeIntervalKind::Year => {
                Some(self.start.to_zoned(TimeZone::UTC).checked_add(span).ok()?.timestamp())
            }
        }
    }
}
