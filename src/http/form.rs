//! Forms and queries: `name=value&name=value`, with escapes.

use percent_encoding::percent_decode_str;

/// The first value of this name, unescaped; `None` if there is none or it is not UTF-8.
pub(super) fn value(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let value = value.replace('+', " ");
    let value = percent_decode_str(&value).decode_utf8().ok()?;
    Some(value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_unescaped() {
        let form = "a=1&token=x%3D%C3%A9+%2B&token=2&empty=&bad=%FF&&=";
        assert_eq!(value(form, "token").as_deref(), Some("x=é +"));
        assert_eq!(value(form, "empty").as_deref(), Some(""));
        assert_eq!(value(form, "bad"), None);
        assert_eq!(value(form, "oken"), None);
        assert_eq!(value("", "a"), None);
    }
}
