//! The word that was probably meant, guessed the same way wherever a name can be mistyped.
//!
//! It only compares words: what is said of a guess is its caller's matter.

/// Longest word for which a near one is sought: the comparison takes time by the square of the length.
const MAX_WORD: usize = 128;

/// The candidate that is near enough to `word` that it was probably meant, without regard to case.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    // A third of the letters wrong is still a slip; more is another word.
    let most = (word.chars().count() / 3).max(1);
    // Of a short word less than half: another letter is another word, and so is half a word.
    let near = |distance: usize, other: &str| {
        distance <= most && 2 * distance < word.chars().count().max(other.chars().count())
    };
    candidates
        .into_iter()
        .filter(|c| c.len() <= MAX_WORD && c.len().abs_diff(word.len()) <= 4 * most)
        .map(|c| (strsim::osa_distance(&word, &c.to_lowercase()), c))
        .filter(|(distance, c)| near(*distance, c))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests;
