//! The pages for people, as a browser gets them.

mod forms;
mod registration;
mod signing_in;

use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;
use crate::support::web::Browser;

/// A server with these people on it, with settings such as `@config web.name "x"`.
async fn site(names: &[&str], statements: &[&str]) -> TestServer {
    TestServer::start(&fixture(names, statements))
        .await
        .unwrap()
}

/// The browser of one of them, signed in.
async fn browser(site: &TestServer, name: &str) -> Browser {
    let address = format!("{name}@example.com");
    Browser::signed_in(site.addresses.http, &address, PASSWORD).await
}
