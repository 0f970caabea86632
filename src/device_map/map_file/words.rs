//! Words with a fixed vocabulary, and what is said of a word that is not in it.

use crate::nearest::nearest;
use crate::toml_file::Placed;

/// Longest word echoed in a fault.
const MAX_ECHO: usize = 60;

/// Most near words offered.
const MAX_NEAR: usize = 3;

/// Most words listed if none is near.
const MAX_LISTED: usize = 16;

/// A text of the file in quotes, short and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_ECHO).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

/// The meaning of a word; else a fault that names the one probably meant.
pub(super) fn one_of<T: Copy>(word: &Placed<String>, what: &str, words: &[(&str, T)]) -> Option<T> {
    if let Some((_, meaning)) = words.iter().find(|(known, _)| *known == word.value) {
        return Some(*meaning);
    }
    let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
    word.place.fault(format!(
        "{what} {} is not known; {}",
        quoted(&word.value),
        instead(&word.value, &known)
    ));
    None
}

/// `did you mean "a"?`, or the words there are.
pub(super) fn instead(word: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean \"{near}\"?");
    }
    let listed: Vec<String> = known.iter().take(MAX_LISTED).map(|word| quoted(word)).collect();
    let dots = if known.len() > MAX_LISTED { " …" } else { "" };
    match listed.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there is {}{dots}", listed.join(", ")),
    }
}

/// The nearest few words, best first.
pub(super) fn near<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut left = known.to_vec();
    let mut found = Vec::new();
    while found.len() < MAX_NEAR {
        let Some(next) = nearest(word, left.iter().copied()) else { break };
        left.retain(|known| *known != next);
        found.push(next);
    }
    found
}
