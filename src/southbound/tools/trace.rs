//! What the library below DNP3 logs of the traffic, as lines that a technician reads: who speaks, the function, the indications,
//! the objects with indices, values and flags.
//!
//! It takes what it knows out of a line of `key: value` words and leaves the rest as it came; a line in which it finds
//! nothing is passed on. So nothing is lost if the library says it otherwise one day; it is only less pretty. Pure text.

mod object;

use object::Objects;

/// Most characters of a line before the next value goes to another one.
const WIDTH: usize = 110;

/// Most lines of one message.
const MAX_LINES: usize = 2000;

/// How the lines are to be read, for the top of them.
pub const LEGEND: &str = "trace: seconds since the start; > sent, < received, - about the connection. Of Modbus the bytes (unit, function, data); of \
     DNP3 function, sequence number, indications (IIN) and below them the objects: kind, object and variation, index = value [flags]";

/// Makes lines readable, one message after the other.
#[derive(Debug, Default)]
pub struct TraceReader {
    /// Link addresses of the frame that came last: source and destination.
    from: Option<(String, String)>,
}

impl TraceReader {
    /// The lines of one message, the first with the sign of its direction; none if another message tells the same.
    pub fn lines(&mut self, message: &str) -> Vec<String> {
        let (first, below) = message.split_once('\n').unwrap_or((message, ""));
        let Some((head, rest)) = first.split_once(" - ") else { return passed_on(message) };
        let (layer, sent) = match head.split_once(' ') {
            Some((layer, "TX")) => (layer, true),
            Some((layer, "RX")) => (layer, false),
            _ => return passed_on(message),
        };
        let fields = fields(rest);
        let Some(function) = first_word(&fields, "func") else { return passed_on(message) };
        if layer == "LINK" {
            return self.link(sent, &function, &fields);
        }
        let mut line = format!("{} {}", if sent { '>' } else { '<' }, in_words(&function));
        if let Some((source, destination)) = self.from.take_if(|_| !sent) {
            line.push_str(&format!(" from {source} to {destination}"));
        }
        line.push_str(&control(&fields));
        line.push_str(&indications(&fields));
        let mut lines = vec![line];
        lines.extend(Objects::of(below, sent).lines(WIDTH).into_iter().take(MAX_LINES));
        lines
    }

    /// A frame that carries a message says only where it comes from; others are told.
    fn link(&mut self, sent: bool, function: &str, fields: &[(String, String)]) -> Vec<String> {
        let addresses = first_word(fields, "source").zip(first_word(fields, "destination"));
        if function.contains("UserData") {
            if !sent {
                self.from = addresses;
            }
            return Vec::new();
        }
        let sign = if sent { '>' } else { '<' };
        let between = addresses.map(|(from, to)| format!(" from {from} to {to}")).unwrap_or_default();
        vec![format!("{sign} link{between}: {}", in_words(function))]
    }
}

fn passed_on(message: &str) -> Vec<String> {
    message
        .lines()
        .enumerate()
        .map(|(at, line)| format!("{} {line}", if at == 0 { '-' } else { ' ' }))
        .collect()
}

/// `key: value` words; a value goes on until the next key. Brackets around pairs are left out.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_suffix(':') {
            Some(key) => fields.push((key.trim_start_matches(['[', '{']).to_owned(), String::new())),
            None => {
                let Some((_, value)) = fields.last_mut() else { continue };
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(word);
            }
        }
    }
    fields
}

fn value<'f>(fields: &'f [(String, String)], key: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// The first word of a value, without what closes around it.
fn first_word(fields: &[(String, String)], key: &str) -> Option<String> {
    let word = value(fields, key)?.split_whitespace().next()?;
    Some(word.trim_end_matches([']', '}', ',']).to_owned()).filter(|word| !word.is_empty())
}

/// `DirectOperate` as `direct operate`, `CLASS_1_EVENTS` as `class 1 events`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    let mut small = false;
    for c in name.chars() {
        if c == '_' {
            words.push(' ');
        } else {
            if c.is_uppercase() && small {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        }
        small = c.is_lowercase();
    }
    words
}

/// What the control field says beyond the usual.
fn control(fields: &[(String, String)]) -> String {
    let is = |key: &str, wanted: &str| first_word(fields, key).is_some_and(|said| said == wanted);
    let mut words = first_word(fields, "seq").map(|seq| format!(", seq {seq}")).unwrap_or_default();
    for (wanted, told) in [
        (is("fir", "false"), ", goes on from the one before"),
        (is("fin", "false"), ", more follows"),
        (is("con", "true"), ", to be confirmed"),
    ] {
        if wanted {
            words.push_str(told);
        }
    }
    let unsolicited =
        is("uns", "true") && first_word(fields, "func").is_some_and(|func| !func.starts_with("Unsol"));
    words.push_str(if unsolicited { ", of an unsolicited one" } else { "" });
    words
}

/// The indications of an answer by number and name.
fn indications(fields: &[(String, String)]) -> String {
    const FIRST: [&str; 8] = [
        "BROADCAST",
        "CLASS_1_EVENTS",
        "CLASS_2_EVENTS",
        "CLASS_3_EVENTS",
        "NEED_TIME",
        "LOCAL_CONTROL",
        "DEVICE_TROUBLE",
        "DEVICE_RESTART",
    ];
    const SECOND: [&str; 6] = [
        "NO_FUNC_CODE_SUPPORT",
        "OBJECT_UNKNOWN",
        "PARAMETER_ERROR",
        "EVENT_BUFFER_OVERFLOW",
        "ALREADY_EXECUTING",
        "CONFIG_CORRUPT",
    ];
    let mut told = Vec::new();
    for (key, octet, names) in [("iin1", 1, &FIRST[..]), ("iin2", 2, &SECOND[..])] {
        let Some(list) = value(fields, key) else { continue };
        let inside = list.trim_start_matches('[').split(']').next().unwrap_or_default();
        for name in inside.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let bit = names.iter().position(|known| *known == name);
            let number = bit.map(|bit| format!(" (IIN{octet}.{bit})")).unwrap_or_default();
            told.push(format!("{}{number}", in_words(name)));
        }
    }
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

#[cfg(test)]
mod tests;
