//! What browsers call themselves, in words that their owners know.

/// Browsers by a word in what they call themselves. Nearly all claim to be others too, so the
/// more special stand first.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("Opera", "Opera"),
    ("RetroZilla", "RetroZilla"),
    ("K-Meleon", "K-Meleon"),
    ("SeaMonkey", "SeaMonkey"),
    ("Firefox", "Firefox"),
    ("MSIE", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl", "curl"),
];

/// Systems likewise.
const SYSTEMS: [(&str, &str); 14] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows NT 5.1", "Windows XP"),
    ("Windows NT 5.0", "Windows 2000"),
    ("Windows NT 6.0", "Windows Vista"),
    ("Windows NT 6.1", "Windows 7"),
    ("Windows 98; Win 9x 4.90", "Windows Me"),
    ("Windows 98", "Windows 98"),
    ("Windows 95", "Windows 95"),
    ("Windows", "Windows"),
    ("Mac", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// A name to recognise a browser by; what it calls itself where that is not known.
pub(super) fn browser_name(called: &str) -> String {
    let find = |all: &[(&str, &'static str)]| {
        let mut all = all.iter();
        all.find(|(word, _)| called.contains(word))
            .map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if called.is_empty() => "A browser without a name".to_owned(),
        (None, _) => called.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_what_their_owners_call_them() {
        for (called, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
                "Internet Explorer on Windows XP",
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 5.5; Windows 98; Win 9x 4.90)",
                "Internet Explorer on Windows Me",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("Something else", "Something else"),
            ("", "A browser without a name"),
        ] {
            assert_eq!(browser_name(called), name, "{called}");
        }
    }
}
