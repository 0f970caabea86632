//! LINK: how a device is reached, written as a URL (`modbus+tcp://192.0.2.21:502?unit=1`).

use std::fmt;

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// SunSpec or plain Modbus over TCP.
    ModbusTcp(ModbusTcp),
}

/// Modbus over TCP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModbusTcp {
    /// Host name or address.
    pub host: String,
    /// TCP port; 502 if the link names none.
    pub port: u16,
    /// Unit id; 1 if the link names none.
    pub unit: u8,
}

/// Schemes that this build speaks.
const SCHEMES: [&str; 1] = ["modbus+tcp"];

/// Schemes of the product that this build does not speak.
const LATER: [&str; 5] = ["modbus+tls", "modbus+rtu", "dnp3+tcp", "dnp3+tls", "dnp3+serial"];

/// How alike (0 to 1) a word must be to a scheme to be taken for a slip of it.
const ALIKE: f64 = 0.8;

/// Why a text is not a link, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LinkError(String);

fn fault<T>(text: impl Into<String>) -> Result<T, LinkError> {
    Err(LinkError(text.into()))
}

const EXAMPLE: &str = "write it like modbus+tcp://192.0.2.21:502?unit=1";

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// An unknown scheme, no host, a port or unit out of range, an unknown parameter: each in words.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let Some((scheme, _)) = text.split_once("://") else {
            return fault(format!("link \"{text}\" has no scheme; {EXAMPLE}"));
        };
        Self::scheme(scheme)?;
        let uri: http::Uri = match text.parse() {
            Ok(uri) => uri,
            Err(why) => return fault(format!("link \"{text}\" is not a URL ({why}); {EXAMPLE}")),
        };
        if !matches!(uri.path(), "" | "/") {
            return fault(format!(
                "a modbus+tcp link has no path, but this one has \"{}\"; {EXAMPLE}",
                uri.path()
            ));
        }
        let Some(authority) = uri.authority() else {
            return fault(format!("link \"{text}\" names no host; {EXAMPLE}"));
        };
        if authority.as_str().contains('@') {
            return fault("Modbus/TCP knows no user or password; leave out what stands before the @");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return fault(format!("link \"{text}\" names no host; {EXAMPLE}"));
        }
        let named =
            authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
        let port = match named {
            None => 502,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return fault(format!("port \"{port}\" is not a number from 1 to 65535")),
            },
        };
        let unit = Self::unit(uri.query().unwrap_or_default())?;
        Ok(Self::ModbusTcp(ModbusTcp { host, port, unit }))
    }

    /// A near miss of a scheme that is not built in is told as that: to mend the word would only lead to the next fault.
    fn scheme(given: &str) -> Result<(), LinkError> {
        if SCHEMES.contains(&given) {
            return Ok(());
        }
        let lower = given.to_ascii_lowercase();
        let likeness = |known: &str| strsim::jaro(known, &lower);
        // The schemes that are built in come last, and of equals the last is taken.
        let near = LATER
            .iter()
            .chain(&SCHEMES)
            .copied()
            .filter(|known| likeness(known) >= ALIKE)
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        match near {
            Some(later) if LATER.contains(&later) => {
                fault(format!("{later} links are not built into this version; it speaks modbus+tcp"))
            }
            Some(near) => fault(format!("\"{given}\" is not a link scheme; did you mean \"{near}\"?")),
            None => fault(format!("\"{given}\" is not a link scheme; {EXAMPLE}")),
        }
    }

    fn unit(query: &str) -> Result<u8, LinkError> {
        let mut unit = None;
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key != "unit" {
                return fault(format!("a modbus+tcp link has no parameter \"{key}\"; it knows unit"));
            }
            match value.parse::<u8>() {
                Ok(_) if unit.is_some() => return fault("unit is given twice"),
                Ok(number) => unit = Some(number),
                Err(_) => return fault(format!("unit \"{value}\" is not a number from 0 to 255")),
            }
        }
        Ok(unit.unwrap_or(1))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModbusTcp(ModbusTcp { host, port, unit }) if host.contains(':') => {
                write!(f, "modbus+tcp://[{host}]:{port}?unit={unit}")
            }
            Self::ModbusTcp(ModbusTcp { host, port, unit }) => {
                write!(f, "modbus+tcp://{host}:{port}?unit={unit}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
