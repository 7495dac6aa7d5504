//! The pages for people, as a browser gets them.

mod account;
mod admin;
mod connect;
mod data;
mod forms;
mod looks;
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

/// A square picture.
fn picture(side: u32, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(side, side)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// The browser of one of them, signed in.
async fn browser(site: &TestServer, name: &str) -> Browser {
    let address = format!("{name}@example.com");
    Browser::signed_in(site.addresses.http, &address, PASSWORD).await
}
