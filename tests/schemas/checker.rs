//! Holds one answer against one description, with `xmllint`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::soap::Answer;

/// The description of the address book and sharing services.
pub(super) const ADDRESS_BOOK: &str = "ab/msnab_servicetypes.xsd";

/// What was checked so far.
pub(super) struct Checker {
    /// The folder with `schemas` and `wlm2009`.
    pub(super) reference: PathBuf,
    pub(super) http: SocketAddr,
    scratch: PathBuf,
    checked: usize,
    failures: Vec<String>,
}

impl Checker {
    pub(super) fn new(reference: PathBuf, http: SocketAddr, scratch: &Path) -> Self {
        Self {
            reference,
            http,
            scratch: scratch.to_owned(),
            checked: 0,
            failures: Vec::new(),
        }
    }

    /// An answer that has to be a success of this operation, as its schema describes it.
    pub(super) fn valid(&mut self, what: &str, answer: &Answer, schema: &str) {
        self.checked += 1;
        if let Err(reason) = self.validate(answer, schema) {
            self.fail(what, &reason, answer);
        }
    }

    /// A success of an operation that the descriptions leave out.
    pub(super) fn valid_name(&mut self, operation: &str, answer: &Answer) {
        self.checked += 1;
        let named = answer.text(&format!("{operation}Response")).is_some();
        if answer.status != 200 || !named {
            self.fail(operation, "no answer of this operation", answer);
        }
    }

    /// An answer that has to be a fault with this code.
    pub(super) fn fault(&mut self, what: &str, answer: &Answer, code: &str) {
        self.checked += 1;
        let found = answer.fault();
        if found.as_deref() != Some(code) {
            self.fail(what, &format!("the fault is {found:?}, not {code}"), answer);
        }
    }

    /// Something else that has to hold for an answer.
    pub(super) fn holds(&mut self, what: &str, answer: &Answer, holds: bool) {
        self.checked += 1;
        if !holds {
            self.fail(what, "it does not hold", answer);
        }
    }

    /// Something that cannot be checked, and why.
    pub(super) fn skip(&self, what: &str, why: &str) {
        println!("skipped {what}: {why}");
    }

    fn fail(&mut self, what: &str, reason: &str, answer: &Answer) {
        let Answer { status, body, .. } = answer;
        self.failures
            .push(format!("{what}: {reason}\n  {status} {body}"));
    }

    fn validate(&self, answer: &Answer, schema: &str) -> Result<(), String> {
        if answer.status != 200 {
            return Err(format!("the status is {}", answer.status));
        }
        let payload = answer.payload().ok_or("there is no body")?;
        let file = self.scratch.join("answer.xml");
        fs::write(&file, payload).map_err(|error| error.to_string())?;
        let outcome = Command::new("xmllint")
            .args(["--nonet", "--noout", "--schema"])
            .arg(self.reference.join("schemas").join(schema))
            .arg(&file)
            .output()
            .map_err(|error| format!("xmllint: {error}"))?;
        if outcome.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&outcome.stderr).into_owned())
    }

    /// Fails if anything did.
    pub(super) fn finish(self) {
        let failed = self.failures.len();
        println!("{} answers checked, {failed} failed", self.checked);
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }
}
