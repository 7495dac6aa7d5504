//! Every transcript under `tests/transcripts`: rehearsed, and played against a real server for
//! each of its dialects, with a database of its own each time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::player::play;
use crate::support::rehearsal::rehearse;
use crate::support::server::TestServer;
use crate::support::transcript::{Misread, Script, Transcript};

/// One test for each file, and the list of their names.
macro_rules! transcripts {
    ($($name:ident,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                play_file(stringify!($name)).await;
            }
        )*
    };
}

transcripts! {
    announcement_as_an_alert,
    announcement_without_means,
    before_sign_in,
    challenge,
    direct_messages,
    first_presence,
    full_session_msnp02,
    full_session_msnp03,
    full_session_msnp04,
    full_session_msnp05,
    full_session_msnp06,
    full_session_msnp07,
    full_session_msnp08,
    full_session_msnp09,
    full_session_msnp10,
    full_session_msnp11,
    full_session_msnp12,
    full_session_msnp13,
    full_session_msnp14,
    full_session_msnp15,
    full_session_msnp16,
    full_session_msnp17,
    full_session_msnp18,
    generations_watch_each_other,
    groups,
    groups_limit,
    groups_refused,
    groups_reply_forms,
    hostile_input,
    initial_list,
    lists_add_and_remove,
    lists_on_request,
    lists_refused,
    maintenance,
    maintenance_refuses_sign_ins,
    membership_forms,
    membership_refused,
    negotiation,
    negotiation_shapes,
    newer_commands,
    notices_between_endpoints,
    offline_messages,
    pending,
    places,
    places_beside_each_other,
    places_in_a_room,
    places_mixed,
    personal_message,
    privacy_add_before_remove,
    privacy_add_blocked,
    privacy_allow_when_visible,
    privacy_block,
    privacy_block_in_conversation,
    privacy_block_stays,
    privacy_default,
    privacy_hidden,
    privacy_removed,
    privacy_stranger,
    referral_refused,
    rename_contact,
    rename_self,
    reverse_list,
    settings_phones,
    settings_privacy,
    settings_refused,
    shields,
    sign_in_handles,
    sign_in_md5,
    sign_in_md5_refused,
    sign_in_sso,
    sign_in_sso_refused,
    sign_in_ticket,
    sign_in_ticket_by_soap,
    sign_in_ticket_refused,
    sign_in_twice,
    signed_in_elsewhere,
    small_commands,
    status,
    status_refused,
    switchboard_calls,
    switchboard_calls_too_fast,
    switchboard_idle,
    switchboard_mixed,
    switchboard_payloads,
    switchboard_sign_off,
    switchboard_sizes,
    switchboard_three,
    switchboard_tickets,
    switchboard_two,
    sync_after_another_dialect,
    sync_empty,
    sync_full,
    sync_unchanged,
    watchers,
}

#[test]
fn every_transcript_holds_together_and_is_played() {
    let mut mistakes = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        if let Err(misread) = rehearse_file(name) {
            mistakes.push(format!("{name}: {misread}"));
        }
        if !NAMES.contains(&name) {
            mistakes.push(format!(
                "{name}: not in the list of tests/it/transcripts.rs"
            ));
        }
    }
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

/// Plays the file for all its dialects and reports every one that fails.
async fn play_file(name: &str) {
    let scripts = scripts(name).unwrap_or_else(|misread| panic!("{name}.txt: {misread}"));
    let mut failures = Vec::new();
    for script in scripts {
        if let Err(failure) = play_script(&script).await {
            let dialect = script
                .dialect
                .map_or_else(String::new, |dialect| format!(" with MSNP{dialect}"));
            failures.push(format!("{name}.txt{dialect}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

async fn play_script(script: &Script) -> Result<(), String> {
    let server = TestServer::start(&script.fixture).await?;
    let outcome = play(script, server.addresses).await;
    server.stop().await;
    outcome.map_err(|failure| failure.to_string())
}

fn rehearse_file(name: &str) -> Result<(), Misread> {
    scripts(name)?.iter().try_for_each(rehearse)
}

/// What the file means for each of its dialects.
fn scripts(name: &str) -> Result<Vec<Script>, Misread> {
    let text = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    let transcript = Transcript::parse(&text)?;
    if transcript.dialects.is_empty() {
        return Ok(vec![transcript.script(None)?]);
    }
    transcript
        .dialects
        .iter()
        .map(|&dialect| transcript.script(Some(dialect)))
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}
