//! Reading single values, each with advice for whoever wrote it wrongly.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use toml::Value;

use super::{LogFormat, RegistrationMode};

/// A value as it was given.
pub(super) enum Given {
    File(Value),
    /// The environment knows only text; each kind reads it in its own way.
    Environment(String),
}

pub(super) fn text_value(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(super) fn read_integer(given: Given) -> Option<i64> {
    match given {
        Given::File(Value::Integer(number)) => Some(number),
        Given::Environment(text) => text.trim().replace('_', "").parse().ok(),
        Given::File(_) => None,
    }
}

pub(super) fn read_text(given: Given) -> Result<String, String> {
    match given {
        Given::File(Value::String(text)) | Given::Environment(text) => Ok(text),
        Given::File(_) => Err("expected text in quotation marks".to_owned()),
    }
}

pub(super) fn read_texts(given: Given) -> Result<Vec<String>, String> {
    let expected = || "expected one text or a list of texts, [\"...\", \"...\"]".to_owned();
    let texts = |entries: Vec<Value>| {
        entries
            .into_iter()
            .map(|entry| entry.as_str().map(str::to_owned).ok_or_else(expected))
            .collect()
    };
    match given {
        Given::File(Value::String(text)) => Ok(vec![text]),
        Given::File(Value::Array(entries)) => texts(entries),
        Given::File(_) => Err(expected()),
        Given::Environment(text) => match text.trim() {
            "" => Ok(Vec::new()),
            array if array.starts_with('[') => match array.parse() {
                Ok(Value::Array(entries)) => texts(entries),
                Ok(_) | Err(_) => Err(expected()),
            },
            list => Ok(list.split(',').map(|it| it.trim().to_owned()).collect()),
        },
    }
}

pub(super) fn read_path(given: Given) -> Result<PathBuf, String> {
    match read_text(given)? {
        text if text.is_empty() => Err("expected the name of a folder".to_owned()),
        text => Ok(PathBuf::from(text)),
    }
}

pub(super) fn read_socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no address; write 0.0.0.0:1863 or [::]:1863, with a number for host and port")
    })
}

pub(super) fn read_network(text: &str) -> Result<IpNet, String> {
    IpNet::from_str(text)
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is no network; write 192.0.2.0/24 or 192.0.2.1"))
}

pub(super) fn read_host(given: Given) -> Result<String, String> {
    read_host_name(&read_text(given)?)
}

pub(super) fn read_host_name(text: &str) -> Result<String, String> {
    if is_host(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no host name or IPv4 address; write msn.example.org, without scheme, \
             port or path (clients cannot read IPv6 addresses)"
        ))
    }
}

pub(super) fn read_port(given: Given) -> Result<u16, String> {
    read_integer(given)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|&port| port != 0)
        .ok_or_else(|| "expected a port number from 1 to 65535".to_owned())
}

pub(super) fn read_host_and_port(text: &str) -> Result<String, String> {
    text.split_once(':')
        .filter(|(host, port)| is_host(host) && is_port(port))
        .map(|_| text.to_owned())
        .ok_or_else(|| format!("{text:?} is no host:port; write msn.example.org:1863"))
}

pub(super) fn read_url(given: Given) -> Result<String, String> {
    let text = read_text(given)?;
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let is_sound = authority.is_some_and(|authority| match authority.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(authority),
    });
    if is_sound {
        Ok(text.strip_suffix('/').unwrap_or(&text).to_owned())
    } else {
        Err(format!(
            "{text:?} is no web address of a server; write https://msn.example.org or \
             http://msn.example.org:8080, without a path"
        ))
    }
}

/// What a browser says that a page is from.
pub(super) fn read_origin(text: &str) -> Result<String, String> {
    let given = Given::Environment(text.to_owned());
    if text == "*" || (!text.ends_with('/') && read_url(given).is_ok()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no origin; write https://chat.example.org, without a slash at its end, \
             or * for every page"
        ))
    }
}

/// A host name or IPv4 address that can stand before `:port`.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

pub(super) fn read_format(given: Given) -> Result<LogFormat, String> {
    match read_text(given)?.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!(
            "{other:?} is no format; write \"text\" or \"json\""
        )),
    }
}

pub(super) fn read_mode(given: Given) -> Result<RegistrationMode, String> {
    match read_text(given)?.as_str() {
        "open" => Ok(RegistrationMode::Open),
        "invitation" => Ok(RegistrationMode::Invitation),
        "closed" => Ok(RegistrationMode::Closed),
        other => Err(format!(
            "{other:?} is no mode; write \"open\", \"invitation\" or \"closed\""
        )),
    }
}

/// A name for people to read.
pub(super) fn read_title(given: Given) -> Result<String, String> {
    let text = read_text(given)?;
    let is_title = (1..=60).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if is_title {
        Ok(text)
    } else {
        Err(format!(
            "{text:?} is no name; write 1 to 60 characters in one line"
        ))
    }
}

pub(super) fn read_filter(given: Given) -> Result<String, String> {
    let text = read_text(given)?;
    match tracing_subscriber::EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!(
            "{text:?} is no filter ({error}); write info, debug or chrysalis=debug,info"
        )),
    }
}
