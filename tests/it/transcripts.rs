//! Every transcript under `tests/transcripts`, rehearsed for each of its dialects.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::rehearsal::rehearse;
use crate::support::transcript::{Misread, Transcript};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn rehearse_file(path: &Path) -> Result<(), Misread> {
    let text = fs::read_to_string(path).unwrap();
    let transcript = Transcript::parse(&text)?;
    if transcript.dialects.is_empty() {
        return rehearse(&transcript.script(None)?);
    }
    transcript
        .dialects
        .iter()
        .try_for_each(|&dialect| rehearse(&transcript.script(Some(dialect))?))
}

#[test]
fn every_transcript_holds_together() {
    let mut mistakes = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt")
            && let Err(misread) = rehearse_file(&path)
        {
            mistakes.push(format!("{}: {misread}", path.display()));
        }
    }
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}
