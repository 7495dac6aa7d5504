//! More of something than anybody has, and pictures that are larger than they look.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::catalogue::{self, Request};
use super::world::{Somebody, World};
use super::{is_refusal, is_sound};
use crate::support::soap::{BOOK_PATH, SHARING_PATH};

/// Nothing that one request asks for may take the server longer, in a build without optimisation
/// on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer. All that these people have is far shorter.
const MOST_BYTES: usize = 1024 * 1024;

fn of(by: &Somebody, path: &str, operation: &str) -> Request {
    let mut all = catalogue::all(&by.token, &by.own).into_iter();
    let wanted = |one: &Request| one.path == path && one.action.ends_with(operation);
    all.find(wanted).unwrap()
}

/// Repeats the first element of this name in a request.
fn many(request: &Request, name: &str, times: usize) -> String {
    let text = request.text();
    let start = text
        .find(&format!("<{name}>"))
        .or(text.find(&format!("<{name} ")));
    let start = start.unwrap();
    let end = text[start..].find(&format!("</{name}>")).unwrap() + start + name.len() + 3;
    [&text[..end], &text[start..end].repeat(times), &text[end..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_about_thousands_costs_little() {
    let mut world = World::start(&[]).await;
    let by = &world.mallory;
    for (path, operation, element, times) in [
        (BOOK_PATH, "ABFindByContacts", "guid", 18_000),
        (BOOK_PATH, "ABContactUpdate", "Contact", 900),
        (BOOK_PATH, "ABContactUpdate", "Annotation", 8_000),
        (BOOK_PATH, "ABContactUpdate", "ContactEmail", 6_000),
        (BOOK_PATH, "ABGroupUpdate", "Group", 3_000),
        (BOOK_PATH, "ABGroupContactAdd", "Contact", 8_000),
        (BOOK_PATH, "ABContactDelete", "Contact", 8_000),
        (SHARING_PATH, "AddMember", "Member", 2_800),
        (SHARING_PATH, "AddMember", "Membership", 2_000),
        (SHARING_PATH, "DeleteMember", "Member", 2_800),
        (SHARING_PATH, "FindMembership", "ServiceType", 15_000),
        ("/rsi/rsi.asmx", "DeleteMessages", "messageId", 10_000),
        (
            "/storageservice/SchematizedStore.asmx",
            "CreateRelationships",
            "Relationship",
            5_000,
        ),
        (
            "/storageservice/SchematizedStore.asmx",
            "DeleteRelationships",
            "ObjectHandle",
            10_000,
        ),
    ] {
        let request = of(by, path, operation);
        let body = many(&request, element, times);
        let start = Instant::now();
        let answer = by.post(path, &request.action, body.as_bytes()).await;
        let what = format!("{times} of {element} in {operation}");
        is_sound(&what, &answer);
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}", start.elapsed());
        assert!(
            answer.body.len() < MOST_BYTES,
            "{what}: {}",
            answer.body.len()
        );
    }
    world.scene.bystanders.carry_on().await;
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_stops_growing_at_its_limits() {
    let statements = [
        "@config limits.address_book 20",
        "@config limits.allow_list 20",
        "@config limits.circles_per_account 5",
    ];
    let world = World::start(&statements).await;
    let by = &world.mallory;
    let mut refused = 0;
    for number in 0..60 {
        let address = format!("erin{number}@yahoo.example");
        for (path, operation, old) in [
            (BOOK_PATH, "ABGroupContactAdd", "erin@yahoo.example"),
            (SHARING_PATH, "CreateCircle", "Hiking"),
            (SHARING_PATH, "AddMember", "trent@example.com"),
            (BOOK_PATH, "ABGroupAdd", "Pals"),
        ] {
            let all = catalogue::all(&by.token, &by.own).into_iter();
            let wanted = |one: &Request| one.path == path && one.action.ends_with(operation);
            for request in all.filter(wanted) {
                let body = request.text().replace(old, &address);
                let body = body.replace("PassportName", "Email");
                let answer = by.post(path, &request.action, body.as_bytes()).await;
                is_sound(operation, &answer);
                refused += usize::from(answer.body.contains("faultcode"));
            }
        }
    }
    assert!(refused > 100, "{refused}");
    for request in catalogue::reading(by) {
        let answer = by.send(&request).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() < MOST_BYTES, "{}", answer.body.len());
    }
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_is_a_bomb_is_refused_and_costs_nothing() {
    let mut world = World::start(&[]).await;
    let by = &world.mallory;
    let mut huge_gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    huge_gif.extend(b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0\x3b");
    let mut huge_png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    huge_png.extend(b"\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0\0\0\0\0");
    let mut huge_jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    huge_jpeg.extend(b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x22\0\x02\x11\x01\x03\x11\x01");
    let mut huge_bmp = b"BM\xff\xff\xff\x7f\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    huge_bmp.extend(b"\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\0\x18\0\0\0\0\0");
    let good = catalogue::picture();
    let half = good[..40].to_vec();
    for (what, data) in [
        ("a huge GIF", huge_gif),
        ("a huge PNG", huge_png),
        ("a huge JPEG", huge_jpeg),
        ("a huge BMP", huge_bmp),
        ("half a PNG", half),
        ("nothing", Vec::new()),
        ("a script", b"<svg onload='x'/>".to_vec()),
        ("zeros", vec![0; 500_000]),
        ("an archive", b"PK\x03\x04".repeat(10_000)),
    ] {
        let data = BASE64.encode(data);
        for operation in ["CreateDocument", "UpdateDocument"] {
            let path = "/storageservice/SchematizedStore.asmx";
            let request = of(by, path, operation);
            let body = request.text().replace(&BASE64.encode(&good), &data);
            let start = Instant::now();
            let answer = by.post(path, &request.action, body.as_bytes()).await;
            is_refusal(&format!("{what} for {operation}"), &answer);
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}", start.elapsed());
        }
    }
    // Many at once, as large as they may be.
    let heavy = BASE64.encode(noise(1_000));
    let request = of(
        by,
        "/storageservice/SchematizedStore.asmx",
        "CreateDocument",
    );
    let body = request.text().replace(&BASE64.encode(&good), &heavy);
    let uploads: Vec<_> = (0..12)
        .map(|_| {
            let (by, request, body) = (by.clone(), request.clone(), body.clone());
            tokio::spawn(async move {
                let answer = by.post(request.path, &request.action, body.as_bytes());
                is_sound("a heavy picture", &answer.await);
            })
        })
        .collect();
    world.scene.bystanders.carry_on().await;
    for upload in uploads {
        upload.await.unwrap();
    }
    world.scene.bystanders.carry_on().await;
    world.scene.finish().await;
}

/// An animation of many frames, none of which is like another.
fn noise(frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..frames {
        let colour = image::Rgba([number as u8, (number >> 8) as u8, 0, 255]);
        let picture = image::RgbaImage::from_pixel(8, 8, colour);
        encoder.encode_frame(image::Frame::new(picture)).unwrap();
    }
    drop(encoder);
    bytes
}
