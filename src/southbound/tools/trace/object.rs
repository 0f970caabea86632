//! The objects of a message: a header with its object and range, and the values below it.

use super::{fields, first_word, in_words, value};

/// Kinds of points, and the groups of objects that are of them.
const KINDS: [(&str, &[u16]); 6] = [
    ("BI", &[1, 2]),
    ("DBI", &[3, 4]),
    ("BO", &[10, 11, 12, 13]),
    ("CTR", &[20, 21, 22, 23]),
    ("AI", &[30, 31, 32, 33, 34]),
    ("AO", &[40, 41, 42, 43]),
];

/// Before what belongs to a message.
const INDENT: &str = "    ";

/// Headers in their order, each with its values.
#[derive(Debug, Default)]
pub(super) struct Objects {
    headers: Vec<(String, Vec<String>)>,
}

impl Objects {
    /// Reads the lines below the first. What is sent has no status yet, only the place for one.
    pub fn of(text: &str, sent: bool) -> Self {
        let mut objects = Self::default();
        let mut binary = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some((header, group)) = header(line) {
                binary = matches!(group, 1 | 2 | 10 | 11);
                objects.headers.push((header, Vec::new()));
                continue;
            }
            let item = item(line, binary, sent);
            match objects.headers.last_mut() {
                Some((_, items)) => items.push(item),
                None => objects.headers.push((item, Vec::new())),
            }
        }
        objects
    }

    /// A line a header, more if its values are many.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (header, items) in &self.headers {
            let mut line = format!("{INDENT}{header}");
            for (at, item) in items.iter().enumerate() {
                if at > 0 && line.len() + item.len() > width {
                    lines.push(std::mem::replace(&mut line, format!("{INDENT}{INDENT}{item}")));
                    continue;
                }
                line.push_str(if at == 0 { ": " } else { "; " });
                line.push_str(item);
            }
            lines.push(line);
        }
        lines
    }
}

/// `AI537..AI540 g30v0`; and the group. `None` if the line is no header.
fn header(line: &str) -> Option<(String, u16)> {
    let mut parts = line.split(" - ").map(str::trim);
    let (object, title) =
        parts.next()?.split_once(" : ").map(|(object, title)| (object.trim(), title.trim()))?;
    let (group, _) = object.strip_prefix('g')?.split_once('v')?;
    let group: u16 = group.parse().ok()?;
    let kind = KINDS.iter().find(|(_, groups)| groups.contains(&group)).map(|(kind, _)| *kind);
    let what = kind.map_or_else(|| title.to_lowercase(), str::to_owned);
    let ends = line.rsplit_once('[').and_then(|(before, ends)| {
        let (from, to) = ends.trim_end_matches(']').split_once(", ")?;
        before.contains("start/stop").then(|| (from.to_owned(), to.to_owned()))
    });
    let places = match (ends, kind) {
        (Some((from, to)), Some(_)) if from == to => format!("{what}{from}"),
        (Some((from, to)), Some(_)) => format!("{what}{from}..{what}{to}"),
        (Some((from, to)), None) => format!("{what} {from} to {to}"),
        // Class data have their class in the second part of the title.
        (None, None) => {
            let more: Vec<String> = line.split(" - ").skip(1).map(str::to_lowercase).collect();
            format!("{what} {}", more.join(", ")).trim().to_owned()
        }
        (None, Some(_)) => what,
    };
    Some((format!("{places} ({object})"), group))
}

/// `88 = 600 [ONLINE]`; a line in which nothing is found is left as it is.
fn item(line: &str, binary: bool, sent: bool) -> String {
    let fields = fields(line);
    let Some(index) = first_word(&fields, "index") else { return line.to_owned() };
    let mut words = Vec::new();
    for (key, said) in &fields {
        match key.as_str() {
            "index" => words.extend(said.split_once(' ').map(|(_, rest)| format!("= {rest}"))),
            "flags" if binary => {
                let on = if names(said).contains(&"STATE") { "on" } else { "off" };
                words.push(format!("= {on} {}", flags(said)));
            }
            "flags" => {}
            "value" => {
                let flags =
                    value(&fields, "flags").map(|said| format!(" {}", flags(said))).unwrap_or_default();
                words.push(format!("= {said}{flags}"));
            }
            "op_type" => words.push(format!("= {}", in_words(said))),
            "status" if sent && said == "Success" => {}
            "status" => words.push(format!("status {}", in_words(said))),
            // What everybody sends, and no technician asks for.
            "code" => {}
            "tcc" if said == "Nul" => {}
            "clear" | "queue" if said == "false" => {}
            "count" if said == "1" => {}
            _ => words.push(format!("{} {said}", in_words(key))),
        }
    }
    // Flags without a value are not lost.
    if !binary && value(&fields, "value").is_none() {
        words.extend(value(&fields, "flags").map(|said| said.to_owned()));
    }
    format!("{index} {}", words.join(", ")).trim().to_owned()
}

fn names(flags: &str) -> Vec<&str> {
    let inside = flags.split_once('[').map_or("", |(_, inside)| inside).trim_end_matches(']');
    inside.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// `[ONLINE, RESTART]`; the state of a binary is its value, not a flag.
fn flags(said: &str) -> String {
    let names: Vec<&str> = names(said).into_iter().filter(|name| *name != "STATE").collect();
    if names.is_empty() { "[no flags]".to_owned() } else { format!("[{}]", names.join(", ")) }
}
