//! Leaving messages and fetching them. No description of these services is known, so it is their
//! envelopes that are checked here; `tests/it/offline.rs` has their answers as reviewed.

use super::checker::Checker;
use crate::support::offline::{OfflineClient, STORE, STORE2, letter};
use crate::support::player::Addresses;

pub(super) async fn run(checker: &mut Checker, at: Addresses) {
    let mut carol = OfflineClient::of(at, "carol").await;
    let challenged = carol.send("dave@example.com", &letter("Hello")).await;
    checker.fault("Store: a challenge", &challenged, "q0:AuthenticationFailed");
    carol.unlock(&challenged);
    for namespace in [STORE, STORE2] {
        let letter = letter("Hello");
        let stored = carol.store(namespace, "dave@example.com", &letter).await;
        checker.undescribed("Store", &stored);
        let nobody = carol.store(namespace, "nobody@example.com", &letter).await;
        checker.fault("Store: to nobody", &nobody, "q0:SystemUnavailable");
        let nothing = carol.store(namespace, "dave@example.com", "").await;
        checker.fault("Store: nothing", &nothing, "q0:InvalidContent");
    }
    let key = std::mem::take(&mut carol.lock_key);
    carol.lock_key = "0".repeat(key.len());
    let refused = carol.send("dave@example.com", &letter("Hello")).await;
    checker.fault("Store: a wrong key", &refused, "q0:AuthenticationFailed");
    carol.lock_key = key;
    for _ in 0..100 {
        let sent = carol.send("dave@example.com", &letter("Hello")).await;
        if sent.fault().is_some() {
            let code = "q0:SenderThrottleLimitExceeded";
            checker.fault("Store: too fast", &sent, code);
            break;
        }
    }

    let mut dave = OfflineClient::of(at, "dave").await;
    let metadata = dave.metadata().await;
    checker.undescribed("GetMetadata", &metadata);
    let id = metadata.text("I").unwrap_or_default();
    checker.undescribed("GetMessage", &dave.message(&id, true).await);
    checker.undescribed("DeleteMessages", &dave.delete(&[&id]).await);
    let gone = dave.message(&id, true).await;
    checker.fault("GetMessage: deleted", &gone, "q0:SystemUnavailable");
    dave.token = "bm9ib2R5".to_owned();
    for (operation, answer) in [
        (
            "Store",
            dave.send("carol@example.com", &letter("Hello")).await,
        ),
        ("GetMetadata", dave.metadata().await),
        ("GetMessage", dave.message(&id, true).await),
        ("DeleteMessages", dave.delete(&[&id]).await),
    ] {
        let what = format!("{operation}: a bad token");
        checker.fault(&what, &answer, "q0:BadContextToken");
    }
}
