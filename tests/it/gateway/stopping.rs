//! The end of the server.

use super::http::Wire;
use super::{lines, sign_in, start};
use crate::support::numbers::Numbers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_hears_that_the_server_stops() {
    let server = start(&["gwen", "paul"], &[]).await;
    let gwen = sign_in(&server, "gwen").await;
    let _idle = sign_in(&server, "paul").await;
    let mut parked = Wire::connect(server.addresses.http).await;
    parked.ask(&gwen.long_poll(), b"").await;
    let waits = |numbers: &Numbers| numbers.get("chrysalis_gateway_waiting_polls") == 1;
    Numbers::until(server.ops, "the wait", waits).await;
    let (in_time, answer) = tokio::join!(server.stop(), parked.answer());
    let answer = answer.unwrap();
    assert_eq!(lines(&answer), ["OUT SSD"]);
    assert!(answer.is_last());
    assert!(in_time);
}
