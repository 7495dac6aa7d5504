//! Whole evenings of the official clients: each signs in, talks and leaves in its own order of
//! calls, with its own headers, bodies and quirks (`docs/protocol/24 §2`), and finds everything
//! as it left it when it comes back.
//!
//! The server is advertised under a name that only these tests resolve, so an answer that led
//! anywhere else would be found out. Each connection expects every single line that arrives.

mod browser;
mod greeting;
mod line;
mod mac8;
mod mail;
mod msn75;
mod passport;
mod services;
mod together;
mod wlm2009;
mod wlm81;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::Document;

use crate::support::people::{PASSWORD, connect, fixture};
use crate::support::server::TestServer;
use crate::support::sign_in::sign_in;
use crate::support::soap::Answer;
use crate::support::transcript::{Link, SignIn};

use browser::Browser;
use line::Line;
use passport::Tickets;
use services::Storage;

/// The name that the server is advertised under.
const HOST: &str = "msn.example.org";
/// The same, as the beginning of an address in its web side.
const WEB: &str = "http://msn.example.org/";
/// The machine of friends whose client names one.
const FRIENDS_MACHINE: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";

/// A server with people.
struct Site {
    server: TestServer,
}

impl Site {
    /// Starts a server with accounts of these names and what the statements add
    /// (`tests/transcripts/README.md`).
    async fn open(names: &[&str], statements: &[&str]) -> Self {
        let mut fixture = fixture(names, statements);
        for (name, value) in [
            ("listen.dispatch", "[\"127.0.0.1:0\"]".to_owned()),
            ("advertise.host", format!("{HOST:?}")),
            (
                "advertise.http_url",
                format!("{:?}", WEB.trim_end_matches('/')),
            ),
            (
                "tabs",
                format!("[{{ name = \"Today\", url = \"{WEB}?today\" }}]"),
            ),
            ("text_ads", "[{ text = \"Hello & welcome\" }]".to_owned()),
        ] {
            fixture.config.push((name.to_owned(), value));
        }
        let server = TestServer::start(&fixture).await.unwrap();
        Self { server }
    }

    /// A new line to the address that clients have built in, which only refers them on.
    async fn dial(&self, who: &'static str, dialect: u8) -> Line {
        let address = self.server.dispatch().unwrap();
        Line::over(who, connect(address, None, None, dialect).await)
    }

    /// A new line to where an answer of the server leads.
    async fn follow(&self, who: &'static str, to: &str, dialect: u8) -> Line {
        let (host, port) = to.split_once(':').unwrap();
        assert_eq!(host, HOST, "a client is sent elsewhere: {to}");
        let mut address = self.server.addresses.msnp;
        address.set_port(port.parse().unwrap());
        Line::over(who, connect(address, None, None, dialect).await)
    }

    /// Somebody else, signed in and on-line with a client that is not what the test is about.
    async fn friend(&self, name: &'static str, dialect: u8) -> Line {
        let person = self.server.addresses.sign_in(name, dialect).await;
        Line::over(name, person.ns)
    }

    /// The same up to the status, which is left to the test.
    async fn friend_without_status(&self, name: &'static str, dialect: u8) -> Line {
        let address = format!("{name}@example.com");
        let wish = SignIn {
            link: Link {
                client: 'A',
                role: "NS".to_owned(),
            },
            account: address.clone(),
            dialect,
            status: None,
            library: None,
            capabilities: None,
            picture: None,
            message: None,
            machine: None,
            synchronise: true,
        };
        let addresses = self.server.addresses;
        let mut connection = addresses.connect(dialect).await;
        sign_in(&wish, &address, PASSWORD, &mut connection, addresses.http)
            .await
            .unwrap();
        Line::over(name, connection)
    }

    fn browser(&self, agent: &'static str) -> Browser {
        Browser::new(self.server.addresses.http, agent)
    }

    async fn close(self) {
        assert!(self.server.stop().await);
    }
}

/// Names of colleagues that are long enough for a hundred of them not to fit into one `ADL`, and
/// the statements that make them contacts of alice's.
fn colleagues() -> (Vec<String>, Vec<String>) {
    let names: Vec<String> = (0..100)
        .map(|number| format!("a-colleague-from-the-other-building-with-the-long-name-{number:03}"))
        .collect();
    let statements = names
        .iter()
        .map(|name| format!("@contact alice {name} FL AL name={name}"))
        .collect();
    (names, statements)
}

/// Alice's circle of acquaintances, with colleagues if there have to be many.
async fn town(with_colleagues: bool) -> Site {
    let mut names = vec!["alice".to_owned(), "bob".to_owned(), "carol".to_owned()];
    let mut statements = vec![
        "@friends alice bob".to_owned(),
        "@group alice Friends".to_owned(),
    ];
    if with_colleagues {
        let (more, contacts) = colleagues();
        names.extend(more);
        statements.extend(contacts);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    Site::open(&names, &statements).await
}

/// Every address in a configuration leads to this server, and every host in it is this one.
/// Answers the text of the elements that the client goes on with.
#[track_caller]
fn check_config(config: &str) -> Config {
    let document = Document::parse(config).unwrap_or_else(|error| panic!("{error}: {config}"));
    let mut addresses = 0;
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let attributes = node.attributes().map(|attribute| attribute.value());
        for text in attributes.chain(node.text()) {
            if text.contains("://") {
                assert!(text.starts_with(WEB), "{text} in {config}");
                addresses += 1;
            }
        }
        if node.tag_name().name() == "domain" {
            assert_eq!(node.attribute("name"), Some(HOST), "{config}");
        }
    }
    assert!(addresses > 6, "{config}");
    for host in ["msn.com", "live.com", "passport", "hotmail", "127.0.0.1"] {
        assert!(!config.contains(host), "{host} in {config}");
    }
    Config(config.to_owned())
}

/// A configuration that was checked.
struct Config(String);

impl Config {
    /// Where the address book is.
    #[track_caller]
    fn address_book(&self) -> String {
        let document = Document::parse(&self.0).unwrap();
        let mut nodes = document.descendants();
        let node = nodes.find(|node| node.has_tag_name("abchconfig")).unwrap();
        let mut nodes = node.children();
        let url = nodes.find(|node| node.has_tag_name("url")).unwrap();
        url.text().unwrap().to_owned()
    }

    /// The text of the only element of this name.
    #[track_caller]
    fn text(&self, name: &str) -> String {
        let document = Document::parse(&self.0).unwrap();
        let mut nodes = document
            .descendants()
            .filter(|node| node.has_tag_name(name));
        let node = nodes
            .next()
            .unwrap_or_else(|| panic!("no {name}: {}", self.0));
        assert!(nodes.next().is_none(), "{name} twice: {}", self.0);
        node.text().unwrap_or_default().to_owned()
    }
}

/// What every client of MSN 6 and later fetches besides: the line of text, the directory of
/// activities and its version, and the page of the tab.
async fn look_around(browser: &mut Browser, config: &Config) {
    let ad = browser.get(&config.text("TextAdServer")).await;
    assert_eq!(ad.text("adtext").as_deref(), Some("Hello & welcome"));
    assert!(ad.text("hiturl").unwrap().starts_with(WEB), "{ad:?}");
    let version = browser.get(&config.text("AppDirVersionURL")).await;
    assert_eq!(version.body, "1");
    let page = browser.get(&config.text("AppDirPageURL")).await;
    assert!(page.body.contains("<html>"), "{page:?}");
    let activities = browser
        .post(
            &config.text("AppDirSeviceURL"),
            "SOAPAction: \"http://www.msn.com/webservices/Messenger/AppDirectory/GetFilteredDataSet2\"\r\n",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
             <GetFilteredDataSet2 xmlns=\"http://www.msn.com/webservices/Messenger/AppDirectory\">\
             <locale>en-us</locale><Page>1</Page><Kids>-1</Kids></GetFilteredDataSet2>\
             </soap:Body></soap:Envelope>",
        )
        .await;
    assert_eq!(
        activities.count("GetFilteredDataSet2Result"),
        1,
        "{activities:?}"
    );
    assert_eq!(config.text("name"), "Today");
    let tab = browser.get(&config.text("contenturl")).await;
    assert_eq!(tab.status, 200, "{tab:?}");
    let banner = browser
        .get("http://rad.msn.com/ADSAdClient31.dll?GetAd=&PG=IMUSVR")
        .await;
    assert!(banner.body.contains("<html>"), "{banner:?}");
    // The links behind the menu, which lead to a page here.
    let link = browser.get("http://g.msn.com/8meen_us/122").await;
    assert_eq!(link.status, 302, "{link:?}");
    // The probe of the sign-in library, and its own configuration.
    let probe = browser.post("http://login.live.com/", "", "").await;
    assert_eq!((probe.status, &*probe.body), (200, ""));
    let library = browser
        .get("http://clientconfig.passport.net/PPCRLconfig.srf")
        .await;
    assert_eq!(library.status, 200, "{library:?}");
    let sign_in = library.text("PassportSecurityTokenService");
    let url = format!("{WEB}RST.srf");
    assert_eq!(sign_in.as_deref(), Some(&*url), "{library:?}");
}

/// The mail is clicked on: the page that the answer to `URL` names signs the browser on and leads
/// to where that answer says, on this server.
async fn open_mail(browser: &mut Browser, answer: &[String]) {
    let [_, _, target, form, _] = answer else {
        panic!("{answer:?}");
    };
    assert!(form.starts_with(WEB), "{answer:?}");
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let link = encode(target);
    let token = encode(&format!("ct=1262401445&rru={link}&sru={link}&js=yes"));
    let led = browser.submit(form, &format!("token={token}")).await;
    assert_eq!(led.status, 302, "{led:?}");
    let location = format!("Location: {target}");
    assert!(
        led.head.split("\r\n").any(|line| line == location),
        "{led:?}"
    );
    let base = WEB.trim_end_matches('/');
    let page = browser.get(&format!("{base}{target}")).await;
    assert_eq!(page.status, 200, "{page:?}");
}

/// A success, with the content type that every client takes.
#[track_caller]
fn good(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.fault(), None, "{answer:?}");
    let head = answer.head.to_ascii_lowercase();
    assert!(head.contains("\r\ncontent-type: text/xml"), "{answer:?}");
    answer
}

/// A picture as clients name it in their status.
const PICTURE: &str = "%3Cmsnobj%20Creator%3D%22alice%40example.com%22%20Size%3D%2224539%22%20\
                       Type%3D%223%22%20Location%3D%22TFR2C.tmp%22%20Friendly%3D%22AAA%3D%22%20\
                       SHA1D%3D%22trC8SlFx2sWQxZMIBAWSEnXc8oQ%3D%22%20\
                       SHA1C%3D%22U32o6bosZzluJq82eAtMpx5dIEI%3D%22%2F%3E";

/// That somebody types.
fn typing(address: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: {address}\r\n\r\n\r\n"
    )
}

/// Something that was typed, in the font of the client.
fn typed(font: &str, text: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
         X-MMS-IM-Format: FN={font}; EF=; CO=0; CS=0; PF=0\r\n\r\n{text}"
    )
}

/// A nudge.
const NUDGE: &str =
    "MIME-Version: 1.0\r\nContent-Type: text/x-msnmsgr-datacast\r\n\r\nID: 1\r\n\r\n";

/// A piece of a picture or a file, for one person.
fn piece(to: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: application/x-msnmsgrp2p\r\nP2P-Dest: {to}\r\n\r\n\
         {}\0\0\0\u{1}",
        "\0".repeat(48)
    )
}

/// Says something and lets the other one hear it, under the sender's name.
async fn tells(from: &mut Line, name: &str, class: &str, payload: &str, to: &mut Line) {
    from.says(class, payload).await;
    to.sees_with(&format!("MSG {name} *"), payload).await;
    if matches!(class, "A" | "D") {
        from.sees("ACK #").await;
    }
}

/// The profile message of MSNP13 and later, without which none of these clients goes on.
#[track_caller]
fn check_profile(profile: &str, address: &str, tickets: &Tickets) {
    let number = u64::from_str_radix(&tickets.cid, 16).unwrap();
    for line in [
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/x-msmsgsprofile; charset=UTF-8".to_owned(),
        "EmailEnabled: 0".to_owned(),
        format!("MemberIdHigh: {}", number >> 32),
        format!("MemberIdLow: {}", number & 0xffff_ffff),
        format!("preferredEmail: {address}"),
        "sid: 507".to_owned(),
        "ClientIP: 127.0.0.1".to_owned(),
        "ABCHMigrated: 1".to_owned(),
    ] {
        assert!(
            profile.split("\r\n").any(|one| one == line),
            "{line}: {profile}"
        );
    }
    let token = profile.split("\r\nMSPAuth: ").nth(1).unwrap();
    assert!(token.find("\r\n") > Some(0), "{profile}");
}

/// The notice at a place that did not ask for it that messages have been deleted.
#[track_caller]
fn check_deletion(notice: &str, count: u32) {
    let kind = "Content-Type: text/x-msmsgsactivemailnotification; charset=UTF-8\r\n";
    assert!(notice.contains(kind), "{notice}");
    let delta = format!("Message-Delta: {count}");
    for line in ["Src-Folder: .!!OIM", "Dest-Folder: .!!trAsH", &*delta] {
        assert!(notice.split("\r\n").any(|one| one == line), "{notice}");
    }
}

/// A picture of this size.
fn tile(size: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(size, size)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// The description of a picture as clients upload it: its type is hardly ever right.
fn document(before: &str, picture: &[u8]) -> String {
    format!(
        "<document xsi:type=\"Photo\">{before}<DocumentStreams>\
         <DocumentStream xsi:type=\"PhotoStream\">\
         <DocumentStreamType>UserTileStatic</DocumentStreamType><MimeType>png</MimeType>\
         <Data>{}</Data><DataSize>0</DataSize></DocumentStream></DocumentStreams></document>",
        BASE64.encode(picture)
    )
}

/// Uploads a first picture and shows it; answers what it is called.
async fn new_tile(
    storage: &Storage<'_>,
    browser: &mut Browser,
    cid: &str,
    picture: &[u8],
) -> String {
    let scenario = "RoamingIdentityChanged";
    let document = document("<Name>me.png</Name>", picture);
    let request = format!(
        "<parentHandle><RelationshipName>/UserTiles</RelationshipName><Alias><Name>{cid}</Name>\
         <NameSpace>MyCidStuff</NameSpace></Alias></parentHandle>{document}\
         <relationshipName>Messenger User Tile</relationshipName>"
    );
    let created = storage
        .call(browser, scenario, "CreateDocument", &request)
        .await;
    let id = created.text("CreateDocumentResult").unwrap();
    let (owner, _) = id.split_once('!').unwrap();
    let request = format!(
        "<relationships><Relationship><SourceID>{owner}!118</SourceID>\
         <SourceType>SubProfile</SourceType><TargetID>{id}</TargetID>\
         <TargetType>Photo</TargetType><RelationshipName>ProfilePhoto</RelationshipName>\
         </Relationship></relationships>"
    );
    storage
        .call(browser, scenario, "CreateRelationships", &request)
        .await;
    id
}
