//! Holds answers against the descriptions, with `xmllint`, and keeps count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use roxmltree::{Document, Node};

use crate::support::soap::Answer;

/// The description of the address book, the sharing service and recent activity.
pub(super) const ADDRESS_BOOK: &str = "ab/msnab_servicetypes.xsd";
/// That of the storage service, in its later namespace.
pub(super) const STORAGE: &str = "storage/msnstorage_servicetypes.xsd";
/// That of the second token service.
pub(super) const TOKENS: &str = "security/ws-trust.xsd";

/// The envelopes, by the namespace that opens them.
const ENVELOPES: [(&str, &str); 2] = [
    (
        "http://schemas.xmlsoap.org/soap/envelope/",
        "security/soap-env.xsd",
    ),
    (
        "http://www.w3.org/2003/05/soap-envelope",
        "security/soap-env-03-05.xsd",
    ),
];

/// A part of an answer that has a description of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The envelope with its head, or a fault.
    Envelope,
    /// What stands in the body.
    Payload,
}

/// How much of one operation was checked.
#[derive(Debug, Default)]
struct Row {
    answers: usize,
    faults: usize,
    genuine: usize,
}

/// What was checked so far. What a check is about is named `Operation` or `Operation: the case`.
pub(super) struct Checker {
    /// The folder with `schemas` and `wlm2009`.
    pub(super) reference: PathBuf,
    pub(super) http: SocketAddr,
    scratch: PathBuf,
    rows: BTreeMap<String, Row>,
    /// Answers that are not as described, and why.
    differing: BTreeSet<(String, &'static str)>,
    failures: Vec<String>,
}

impl Checker {
    pub(super) fn new(reference: PathBuf, http: SocketAddr, scratch: &Path) -> Self {
        Self {
            reference,
            http,
            scratch: scratch.to_owned(),
            rows: BTreeMap::new(),
            differing: BTreeSet::new(),
            failures: Vec::new(),
        }
    }

    /// An answer that has to be a success of this operation, as its schema describes it.
    pub(super) fn valid(&mut self, what: &str, answer: &Answer, schema: &str) {
        self.success(what, answer, Some(schema), &[]);
    }

    /// A success, parts of which have to be different from what is described, and why. A part that
    /// is as described after all fails, so that none stays on this list without need.
    pub(super) fn differs(
        &mut self,
        what: &str,
        answer: &Answer,
        schema: &str,
        differing: &[(Part, &'static str)],
    ) {
        let named = differing.iter().map(|(_, why)| (what.to_owned(), *why));
        self.differing.extend(named);
        self.success(what, answer, Some(schema), differing);
    }

    /// A success of an operation that no description has.
    pub(super) fn undescribed(&mut self, what: &str, answer: &Answer) {
        self.success(what, answer, None, &[]);
    }

    fn success(
        &mut self,
        what: &str,
        answer: &Answer,
        schema: Option<&str>,
        differing: &[(Part, &'static str)],
    ) {
        self.row(what).answers += 1;
        let as_expected = |part: Part, outcome: Result<(), String>| {
            let why = differing.iter().find(|(differing, _)| *differing == part);
            match (why, outcome) {
                (Some((_, why)), Ok(())) => Err(format!("it is as described, though {why}")),
                (Some(_), Err(_)) => Ok(()),
                (None, outcome) => outcome,
            }
        };
        let outcome = is_success(what, answer)
            .and_then(|()| as_expected(Part::Envelope, self.envelope_is_sound(answer)))
            .and_then(|()| match schema {
                Some(schema) => as_expected(Part::Payload, self.payload_is(answer, schema)),
                None => Ok(()),
            });
        self.note(what, answer, outcome);
    }

    /// An answer that has to be a fault with this code, in a sound envelope.
    pub(super) fn fault(&mut self, what: &str, answer: &Answer, code: &str) {
        self.row(what).faults += 1;
        let outcome = has_code(answer, code).and_then(|()| self.envelope_is_sound(answer));
        self.note(what, answer, outcome);
    }

    /// A fault whose envelope has to be different from its schema, and why.
    pub(super) fn differing_fault(
        &mut self,
        what: &str,
        answer: &Answer,
        code: &str,
        why: &'static str,
    ) {
        self.row(what).faults += 1;
        self.differing.insert((what.to_owned(), why));
        let outcome = has_code(answer, code).and_then(|()| match self.envelope_is_sound(answer) {
            Ok(()) => Err(format!("it is as described, though {why}")),
            Err(_) => Ok(()),
        });
        self.note(what, answer, outcome);
    }

    /// Counts a request of a genuine client, whose answer is checked besides.
    pub(super) fn genuine(&mut self, what: &str) {
        self.row(what).genuine += 1;
    }

    /// Something else that has to hold for an answer.
    pub(super) fn holds(&mut self, what: &str, answer: &Answer, holds: bool) {
        let outcome = holds
            .then_some(())
            .ok_or_else(|| "it does not hold".to_owned());
        self.note(what, answer, outcome);
    }

    /// Prints what was checked, and fails if anything did. `described` are the operations that
    /// have to be among the successes, `refused` those that have to be among the faults.
    pub(super) fn finish(mut self, described: &[String], refused: &[&str]) {
        println!("answers validated, faults validated, genuine requests answered");
        for (operation, row) in &self.rows {
            let Row {
                answers,
                faults,
                genuine,
            } = row;
            println!("{operation:32} {answers:3} {faults:3} {genuine:3}");
        }
        for (what, why) in &self.differing {
            println!("not as described: {what}: {why}");
        }
        for operation in described {
            let row = self.rows.get(operation);
            let is_refused = refused.contains(&&**operation);
            let is_covered = row.is_some_and(|row| match is_refused {
                true => row.answers == 0 && row.faults > 0,
                false => row.answers > 0,
            });
            if !is_covered {
                self.failures.push(format!("{operation} was not checked"));
            }
        }
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }

    fn row(&mut self, what: &str) -> &mut Row {
        let operation = what.split(':').next().unwrap_or(what);
        self.rows.entry(operation.to_owned()).or_default()
    }

    fn note(&mut self, what: &str, answer: &Answer, outcome: Result<(), String>) {
        if let Err(reason) = outcome {
            let Answer { status, body, .. } = answer;
            self.failures
                .push(format!("{what}: {reason}\n  {status} {body}"));
        }
    }

    fn envelope_is_sound(&self, answer: &Answer) -> Result<(), String> {
        let document = Document::parse(&answer.body).map_err(|error| error.to_string())?;
        let namespace = document.root_element().tag_name().namespace();
        let envelope = ENVELOPES.iter().find(|(name, _)| Some(*name) == namespace);
        let (_, schema) = envelope.ok_or("it is no envelope")?;
        // Of what is in the body the envelope's description knows faults alone; and what it does
        // not know it could not tell the types of.
        let mut body = document.descendants().filter(|node| is_body(*node));
        let inside = body.next().and_then(|body| body.first_element_child());
        let inside = inside.filter(|inside| inside.tag_name().namespace() != namespace);
        let mut text = answer.body.clone();
        if let Some(inside) = inside {
            text.replace_range(inside.range(), "");
        }
        self.is_valid(&text, schema)
    }

    fn payload_is(&self, answer: &Answer, schema: &str) -> Result<(), String> {
        let payload = answer.payload().ok_or("there is no body")?;
        self.is_valid(&payload, schema)
    }

    fn is_valid(&self, text: &str, schema: &str) -> Result<(), String> {
        let file = self.scratch.join("answer.xml");
        fs::write(&file, text).map_err(|error| error.to_string())?;
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
}

fn is_body(node: Node<'_, '_>) -> bool {
    node.is_element() && node.tag_name().name() == "Body"
}

/// Whether an answer says that it is a success of this operation.
fn is_success(what: &str, answer: &Answer) -> Result<(), String> {
    if answer.status != 200 || answer.fault().is_some() {
        return Err("it is no success".to_owned());
    }
    // A row for a namespace of its own has more than the name.
    let row = what.split(':').next().unwrap_or(what);
    let operation = row.rsplit(' ').next().unwrap_or(row);
    let response = match operation {
        "RequestMultipleSecurityTokens" => "RequestSecurityTokenResponseCollection".to_owned(),
        _ => format!("{operation}Response"),
    };
    let payload = answer.payload().unwrap_or_default();
    let name = payload.split([' ', '>', '/']).next().unwrap_or_default();
    if name.trim_start_matches('<').rsplit(':').next() != Some(&response) {
        return Err(format!("it is no {response}"));
    }
    Ok(())
}

fn has_code(answer: &Answer, code: &str) -> Result<(), String> {
    let found = answer.fault();
    if found.as_deref() == Some(code) {
        return Ok(());
    }
    Err(format!("the fault is {found:?}, not {code}"))
}
