//! What was found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at, because something before it failed or is switched off.
    Skipped,
    /// It works, and somebody will wonder about it.
    Warning,
    /// It does not work.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// The part of the server that it belongs to.
    pub(super) area: &'static str,
    /// What was looked at.
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// How long it took, where that says something.
    #[serde(rename = "milliseconds", skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "milliseconds")]
    pub(super) took: Option<Duration>,
}

fn milliseconds<S: serde::Serializer>(
    took: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    took.map(|took| took.as_millis()).serialize(serializer)
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

/// A part of the report that is being written.
#[derive(Debug)]
pub(super) struct Area<'a> {
    name: &'static str,
    report: &'a mut Report,
}

impl Report {
    /// The part about one thing.
    pub(super) fn area(&mut self, name: &'static str) -> Area<'_> {
        Area { name, report: self }
    }

    /// How many things do not work.
    pub(super) fn failures(&self) -> usize {
        self.count(Verdict::Failed)
    }

    fn count(&self, verdict: Verdict) -> usize {
        let findings = self.findings.iter();
        findings.filter(|it| it.verdict == verdict).count()
    }

    /// For people: a line for each finding, its advice below it.
    pub(super) fn table(&self) -> String {
        let widest = self.findings.iter().map(|it| it.name.chars().count()).max();
        let widest = widest.unwrap_or_default();
        let mut text = String::new();
        let mut area = "";
        for finding in &self.findings {
            if finding.area != area {
                area = finding.area;
                let _ = writeln!(text, "{area}");
            }
            let word = match finding.verdict {
                Verdict::Ok => "ok",
                Verdict::Skipped => "-",
                Verdict::Warning => "warn",
                Verdict::Failed => "FAIL",
            };
            let took = finding.took.map(|took| format!("{} ms", took.as_millis()));
            let _ = writeln!(
                text,
                "  {word:<4}  {:<widest$}  {:>8}  {}",
                finding.name,
                took.unwrap_or_default(),
                finding.detail
            );
            for line in finding.advice.iter().flat_map(|advice| advice.lines()) {
                let _ = writeln!(text, "        {:<widest$}            {line}", "");
            }
        }
        let _ = writeln!(
            text,
            "\n{} checks: {} ok, {} to look at, {} failed, {} skipped",
            self.findings.len(),
            self.count(Verdict::Ok),
            self.count(Verdict::Warning),
            self.failures(),
            self.count(Verdict::Skipped),
        );
        text
    }

    /// The same for programs.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&serde_json::json!({
            "ok": self.failures() == 0,
            "checks": self.findings,
        }))
    }
}

impl Area<'_> {
    fn put(&mut self, name: &str, verdict: Verdict, detail: &str) -> &mut Finding {
        self.report.findings.push_mut(Finding {
            area: self.name,
            name: name.to_owned(),
            verdict,
            detail: printable(detail),
            advice: None,
            took: None,
        })
    }

    /// It is as it should be.
    pub(super) fn ok(&mut self, name: &str, detail: impl Into<String>) -> &mut Finding {
        self.put(name, Verdict::Ok, &detail.into())
    }

    /// It works, but.
    pub(super) fn warn(&mut self, name: &str, detail: impl Into<String>) -> &mut Finding {
        self.put(name, Verdict::Warning, &detail.into())
    }

    /// It does not work.
    pub(super) fn fail(&mut self, name: &str, detail: impl Into<String>) -> &mut Finding {
        self.put(name, Verdict::Failed, &detail.into())
    }

    /// It was not looked at, for this reason.
    pub(super) fn skip(&mut self, name: &str, why: impl Into<String>) -> &mut Finding {
        self.put(name, Verdict::Skipped, &why.into())
    }
}

impl Finding {
    /// Says what to do.
    pub(super) fn advise(&mut self, advice: impl Into<String>) -> &mut Self {
        self.advice = Some(advice.into());
        self
    }

    /// Says how long it took.
    pub(super) fn after(&mut self, took: Duration) -> &mut Self {
        self.took = Some(took);
        self
    }
}

/// What a server said may be anything; a terminal gets text.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        let mut area = report.area("ports");
        area.ok("listen.msnp", "127.0.0.1:1863")
            .after(Duration::from_millis(7));
        area.fail("listen.http", "nobody\u{1b}[2J listens")
            .advise("start the server\nor look at its log");
        report.area("limits").skip("files", "not on this system");
        report
    }

    #[test]
    fn a_table_is_read_from_the_left() {
        let expected = "ports\n  \
            ok    listen.msnp      7 ms  127.0.0.1:1863\n  \
            FAIL  listen.http            nobody\u{fffd}[2J listens\n        \
            \x20                      start the server\n        \
            \x20                      or look at its log\n\
            limits\n  \
            -     files                  not on this system\n\n\
            3 checks: 1 ok, 0 to look at, 1 failed, 1 skipped\n";
        assert_eq!(report().table(), expected);
        assert_eq!(report().failures(), 1);
    }

    #[test]
    fn a_program_gets_the_same() {
        let report: serde_json::Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!(report["ok"], false);
        assert_eq!(report["checks"][0]["milliseconds"], 7);
        assert_eq!(report["checks"][1]["verdict"], "failed");
        assert_eq!(report["checks"][2].get("advice"), None);
    }
}
