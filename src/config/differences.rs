//! What two configurations differ in, for whoever is told of a change.

use toml::{Table, Value};

use super::Config;

impl Config {
    /// The dotted keys in which these settings differ from others, in the order of the alphabet.
    /// A block counts as one key.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (printed(self), printed(other));
        let mut names = Vec::new();
        compare("", &ours, &theirs, &mut names);
        // What the other one alone has.
        compare("", &theirs, &ours, &mut names);
        names.sort();
        names.dedup();
        names
    }
}

/// The printed form names every key by itself. It is ours, so it is a table.
fn printed(config: &Config) -> Table {
    config.to_string().parse().unwrap_or_default()
}

fn compare(section: &str, one: &Table, other: &Table, names: &mut Vec<String>) {
    for (key, value) in one {
        let name = match section {
            "" => key.clone(),
            section => format!("{section}.{key}"),
        };
        match (value, other.get(key)) {
            (Value::Table(inner), Some(Value::Table(others))) => {
                compare(&name, inner, others, names);
            }
            (value, found) if found == Some(value) => {}
            _ => names.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TextAd;

    #[test]
    fn every_key_that_differs_is_named_once() {
        let one = Config::default();
        assert_eq!(one.differences(&one), Vec::<String>::new());
        let mut other = one.clone();
        other.data_dir = "elsewhere".into();
        other.advertise.host = Some("msn.example.org".to_owned());
        other.limits.connections += 1;
        other.text_ads.push(TextAd {
            text: "Hello".to_owned(),
            url: None,
        });
        let names = [
            "advertise.host",
            "data_dir",
            "limits.connections",
            "text_ads",
        ];
        assert_eq!(one.differences(&other), names);
        assert_eq!(other.differences(&one), names);
    }
}
