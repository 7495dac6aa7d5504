//! Which pages of other sites may call the gateway from a browser (`docs/protocol/20 §9`).
//!
//! Nobody's cookies are looked at here and none are asked for: what a session is allowed follows
//! from its id alone, so a page can do nothing that its own script could not do anywhere else.

use std::sync::Arc;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue};

/// The origins whose pages may call; `*` among them is everybody.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Arc<[String]>);

impl Origins {
    pub(super) fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|it| it.to_ascii_lowercase()).collect())
    }

    /// Lets the page that asks read the answer, if it may.
    pub(super) fn mark(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // Whoever keeps answers must not show one page what is for another.
        answer.insert(VARY, HeaderValue::from_static("Origin"));
        let Some(allowed) = self.allowed(asked) else {
            return;
        };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        // Without this a script cannot read the id of its session.
        let exposed = HeaderValue::from_static("X-MSN-Messenger, X-MSN-Host");
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }

    /// The same for the question before a request.
    pub(super) fn mark_preflight(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        self.mark(asked, answer);
        if answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
                (ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"),
                (ACCESS_CONTROL_MAX_AGE, "86400"),
            ] {
                answer.insert(name, HeaderValue::from_static(value));
            }
        }
    }

    fn allowed(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        if self.0.iter().any(|it| it == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let origin = asked.get(ORIGIN)?;
        let bytes = origin.as_bytes();
        let is_listed = self
            .0
            .iter()
            .any(|it| it.as_bytes().eq_ignore_ascii_case(bytes));
        is_listed.then(|| origin.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(origins: &[&str], origin: Option<&str>) -> HeaderMap {
        let origins: Vec<String> = origins.iter().map(|&it| it.to_owned()).collect();
        let mut asked = HeaderMap::new();
        if let Some(origin) = origin {
            asked.insert(ORIGIN, origin.parse().unwrap());
        }
        let mut answer = HeaderMap::new();
        Origins::new(&origins).mark_preflight(&asked, &mut answer);
        assert!(!answer.contains_key("access-control-allow-credentials"));
        answer
    }

    fn allowed(origins: &[&str], origin: Option<&str>) -> Option<String> {
        let answer = marked(origins, origin);
        let allowed = answer.get(ACCESS_CONTROL_ALLOW_ORIGIN)?;
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_METHODS], "POST");
        let exposed = answer[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
        assert!(exposed.contains("X-MSN-Messenger"));
        Some(allowed.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_who_is_listed_may_read() {
        let list = ["https://chat.example", "http://localhost:8000"];
        let page = Some("https://chat.example");
        assert_eq!(allowed(&list, page).as_deref(), page);
        for other in [
            "https://chat.example.evil.example",
            "http://chat.example",
            "https://chat.example:444",
            "null",
        ] {
            assert_eq!(allowed(&list, Some(other)), None, "{other}");
        }
        assert_eq!(allowed(&list, None), None);
        assert_eq!(marked(&list, None)[VARY], "Origin");
    }

    #[test]
    fn everybody_or_nobody() {
        let page = Some("https://chat.example");
        assert_eq!(allowed(&["*"], page).as_deref(), Some("*"));
        assert!(marked(&[], page).is_empty());
    }
}
