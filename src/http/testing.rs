//! What tests of single handlers start from.

use super::Edge;
use crate::advertise::Advertise;
use crate::clock::Clock;
use crate::config::{Auth, Limits};
use crate::metrics::Metrics;
use crate::service::accounts::{AccountSettings, Accounts};
use crate::store::{ListLimits, Store};

/// An edge that knows nobody. Its database is gone from the folder but stays open.
pub(super) async fn edge() -> Edge {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.sqlite");
    let store = Store::open(&path, ListLimits::default()).await.unwrap();
    let auth = Auth {
        argon2_memory_kib: 8,
        argon2_iterations: 1,
        ..Auth::default()
    };
    let settings = AccountSettings::new(&auth, &Limits::default());
    let clock = Clock::set_to(1_700_000_000_000);
    Edge {
        accounts: Accounts::open(store, clock, settings).await.unwrap(),
        advertise: Advertise::default(),
        msnp_port: 1863,
        metrics: Metrics::new(),
        pages: super::Pages::default(),
    }
}
