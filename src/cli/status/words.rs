//! Numbers and times as an operator reads them. What is not known is `?`, never 0.

use jiff::Timestamp;

/// A value with its unit: three or four figures that matter, with k or M before the unit.
pub(in crate::cli) fn amount(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else { return "?".to_owned() };
    let size = value.abs();
    let (scaled, prefix, decimals) = match unit {
        // Rounded first, so that 999.96 kW is 1.000 MW and not 1000.0 kW.
        "W" | "VAr" | "VA" | "W/s" | "Wh" if size >= 999_950.0 => (value / 1e6, "M", 3),
        "W" | "VAr" | "VA" | "W/s" | "Wh" if size >= 999.5 => (value / 1e3, "k", 2),
        "W" | "VAr" | "VA" | "Wh" => (value, "", 0),
        _ => (value, "", 2),
    };
    let mut digits = format!("{scaled:.decimals$}");
    if let Some(plain) = digits.strip_prefix('-')
        && plain.chars().all(|c| matches!(c, '0' | '.'))
    {
        // Rounded to nothing: a sign would say more than is known.
        digits = plain.to_owned();
    }
    format!("{digits} {prefix}{unit}")
}

/// What was delivered in hundredths of what was asked; nothing if that says nothing.
pub(in crate::cli) fn share_of(delivered: Option<f64>, asked: Option<f64>) -> Option<String> {
    let share = delivered? / asked? * 100.0;
    share.is_finite().then(|| format!("{share:.0} %"))
}

/// Text of at most about so many characters, cut between words.
pub(in crate::cli) fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let kept = text.get(..end).unwrap_or(text);
    let whole = kept.rfind(' ').and_then(|space| kept.get(..space)).filter(|words| !words.is_empty());
    format!("{} …", whole.unwrap_or(kept).trim_end_matches([',', ';', ':']))
}

/// A moment to the second: more says nothing to a person.
pub(in crate::cli) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How long ago.
pub(in crate::cli) fn age(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "?".to_owned(), |at| span(now.duration_since(at).as_secs()))
}

/// When it begins, or how long it goes on.
pub(in crate::cli) fn left(starts: Option<Timestamp>, ends: Option<Timestamp>, now: Timestamp) -> String {
    let until = |at: Timestamp| span(at.duration_since(now).as_secs());
    match (starts, ends) {
        (Some(starts), _) if starts > now => format!("begins in {}", until(starts)),
        (_, Some(ends)) if ends > now => format!("{} left", until(ends)),
        (_, Some(_)) => "time is over".to_owned(),
        (_, None) => "time left ?".to_owned(),
    }
}

fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

/// "3: 1 comm_lost, 2 online", in the order in which the words come.
pub(in crate::cli) fn count_by<'s>(states: impl Iterator<Item = &'s str>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut all = 0;
    for state in states {
        all += 1;
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    if counts.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    super::printable(&format!("{all} ({})", each.join(", ")))
}

#[cfg(test)]
mod tests;
