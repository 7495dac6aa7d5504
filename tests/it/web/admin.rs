//! The desk of administrators: every page and every deed, with its effect on clients.

use super::{browser, site};
use crate::support::people::{PASSWORD, Person};
use crate::support::server::TestServer;
use crate::support::web::{Browser, Page};

/// One client of each generation.
const GENERATIONS: [u8; 5] = [2, 8, 12, 15, 18];

const ROOT: &str = "@account root@example.com password=secret-1 admin";

const PAGES: [&str; 11] = [
    "/admin",
    "/admin/accounts",
    "/admin/accounts/1",
    "/admin/invitations",
    "/admin/online",
    "/admin/rooms",
    "/admin/failures",
    "/admin/announcement",
    "/admin/maintenance",
    "/admin/audit",
    "/admin/settings",
];

const FORMS: [&str; 15] = [
    "/admin/accounts/1/name",
    "/admin/accounts/1/disable",
    "/admin/accounts/1/enable",
    "/admin/accounts/1/password",
    "/admin/accounts/1/admin",
    "/admin/accounts/1/no-admin",
    "/admin/accounts/1/sign-out",
    "/admin/accounts/1/delete",
    "/admin/invitations",
    "/admin/invitations/withdraw",
    "/admin/online/disconnect",
    "/admin/announcement",
    "/admin/maintenance",
    "/admin/maintenance/cancel",
    "/admin/accounts/1/nonsense",
];

/// A site with these people and root, and the browser of root. Accounts are numbered from 1 on in
/// the order of their names.
async fn desk(names: &[&str], statements: &[&str]) -> (TestServer, Browser) {
    let statements = [&[ROOT], statements].concat();
    let site = site(names, &statements).await;
    let root = browser(&site, "root").await;
    (site, root)
}

/// Does something from the desk, and answers with the page that it leads to.
async fn act(root: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let page = root.submit("/admin/maintenance", path, fields).await;
    assert_eq!(page.status, 303, "{path}: {}", page.text());
    root.follow(page).await
}

/// What the audit says, the newest first: deed, to whom, more.
async fn audit(root: &mut Browser) -> Vec<String> {
    let page = root.get("/admin/audit").await;
    let cells = page.texts("table.list td");
    let rows = cells.chunks(5);
    rows.map(|row| row[2..].join(" | ").trim_end_matches([' ', '|']).to_owned())
        .collect()
}

async fn is_signed_out(person: &mut Person) {
    person.ns.until("OUT").await;
    person.ns.until_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_finds_the_desk() {
    let (site, mut root) = desk(&["alice"], &[]).await;
    let mut guest = Browser::new(site.addresses.http);
    let mut alice = browser(&site, "alice").await;
    let nothing = alice.get("/no-such-page").await;
    assert!(!alice.get("/account").await.has("/admin"));
    assert!(root.get("/account").await.has("href=\"/admin\""));
    for path in PAGES {
        let page = alice.get(path).await;
        assert_eq!((page.status, &page.body), (404, &nothing.body), "{path}");
        let page = guest.get(path).await;
        assert_eq!(page.status, 303, "{path}");
        assert_eq!(page.location().unwrap(), "/sign-in?to=/admin", "{path}");
        let page = root.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.faults(), [""; 0], "{path}");
    }
    let word = alice.get("/account").await.word();
    let guests_word = guest.get("/sign-in").await.word();
    for path in FORMS {
        let page = alice.post(path, &[("word", &word)]).await;
        assert_eq!((page.status, &page.body), (404, &nothing.body), "{path}");
        let page = guest.post(path, &[("word", &guests_word)]).await;
        assert_eq!(page.status, 303, "{path}");
        assert!(page.location().unwrap().starts_with("/sign-in"), "{path}");
        // An administrator's browser that another site made send it.
        for wrong in ["", word.as_str()] {
            let page = root.post(path, &[("word", wrong)]).await;
            assert_eq!(page.status, 403, "{path}");
        }
    }
    assert_eq!(audit(&mut root).await, [""; 0], "nothing was done");
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_is_out_at_once_and_can_come_back() {
    for dialect in GENERATIONS {
        let (site, mut root) = desk(&["alice", "bob"], &["@friends alice bob"]).await;
        let mut alice = site.addresses.sign_in("alice", dialect).await;
        let mut bob = site.addresses.sign_in("bob", 12).await;
        let mut browser = browser(&site, "alice").await;
        let page = act(&mut root, "/admin/accounts/1/disable", &[]).await;
        assert!(page.has("The account is disabled"), "{}", page.text());
        is_signed_out(&mut alice).await;
        bob.ns.until("FLN ").await;
        assert_eq!(browser.get("/account").await.status, 303);
        let connection = site.addresses.connect(dialect).await;
        let again = site.addresses.try_sign_in(connection, "alice", PASSWORD);
        assert!(again.await.is_err());
        act(&mut root, "/admin/accounts/1/enable", &[]).await;
        site.addresses.sign_in("alice", dialect).await;
        let noted = audit(&mut root).await;
        let wanted = ["enable | alice@example.com", "disable | alice@example.com"];
        assert_eq!(noted, wanted);
        assert!(site.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_is_shown_once_and_the_old_one_is_void() {
    for dialect in GENERATIONS {
        let (site, mut root) = desk(&["alice"], &[]).await;
        let mut alice = site.addresses.sign_in("alice", dialect).await;
        let page = act(&mut root, "/admin/accounts/1/password", &[]).await;
        let password = page.texts("code.large").remove(0);
        assert_eq!(password.len(), 12);
        is_signed_out(&mut alice).await;
        let again = root.get("/admin/accounts/1?done=password").await;
        assert!(again.texts("code.large").is_empty());
        let connect = || site.addresses.connect(dialect);
        let with = |connection, password| {
            let addresses = &site.addresses;
            async move { addresses.try_sign_in(connection, "alice", password).await }
        };
        assert!(with(connect().await, PASSWORD).await.is_err());
        assert!(with(connect().await, &password).await.is_ok());
        let noted = audit(&mut root).await;
        assert_eq!(noted, ["reset password | alice@example.com"]);
        assert!(!root.get("/admin/audit").await.has(&password));
        assert!(site.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_gone_for_everybody() {
    for dialect in GENERATIONS {
        let (site, mut root) = desk(&["alice", "bob"], &["@friends alice bob"]).await;
        let mut alice = site.addresses.sign_in("alice", dialect).await;
        let mut bob = site.addresses.sign_in("bob", 12).await;
        let wrong = [("address", "bob@example.com")];
        let page = act(&mut root, "/admin/accounts/1/delete", &wrong).await;
        assert!(page.has("Nothing was deleted"), "{}", page.text());
        alice.ns.ask("PNG", "QNG").await;
        let right = [("address", " Alice@Example.com ")];
        let page = act(&mut root, "/admin/accounts/1/delete", &right).await;
        assert!(page.has("The account was deleted"), "{}", page.text());
        is_signed_out(&mut alice).await;
        bob.ns.until("FLN ").await;
        assert_eq!(audit(&mut root).await, ["delete | alice@example.com"]);
        let page = act(&mut root, "/admin/accounts/1/enable", &[]).await;
        assert!(!page.has("alice@example.com"));
        assert!(site.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_signed_out_or_all_of_an_account() {
    for dialect in GENERATIONS {
        let (site, mut root) = desk(&["alice", "bob"], &[]).await;
        let mut alice = site.addresses.sign_in("alice", dialect).await;
        let mut bob = site.addresses.sign_in("bob", dialect).await;
        let page = root.get("/admin/online?q=ALICE").await;
        assert!(!page.has("bob@example.com"));
        assert!(page.has(&format!("MSNP{dialect}")) && page.has("127.0.0.1"));
        let session = page.values("input[name=session]", "value").remove(0);
        let fields = [("user", "2"), ("session", session.as_str())];
        let page = act(&mut root, "/admin/online/disconnect", &fields).await;
        assert!(page.has("not signed in any more"), "another account's");
        let fields = [("user", "1"), ("session", session.as_str())];
        let page = act(&mut root, "/admin/online/disconnect", &fields).await;
        assert!(page.has("The client was signed out"), "{}", page.text());
        is_signed_out(&mut alice).await;
        bob.ns.expect_nothing().await;
        let mut browser = browser(&site, "bob").await;
        act(&mut root, "/admin/accounts/2/sign-out", &[]).await;
        is_signed_out(&mut bob).await;
        assert_eq!(browser.get("/account").await.status, 303);
        let noted = audit(&mut root).await;
        assert_eq!(noted[0], "sign out everywhere | bob@example.com");
        let disconnected = format!("disconnect | alice@example.com | MSNP{dialect}");
        assert!(noted[1].starts_with(&disconnected), "{noted:?}");
        assert_eq!(noted.len(), 2);
        assert!(site.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_changed_for_those_who_see_it() {
    let (site, mut root) = desk(&["alice", "bob"], &["@friends alice bob"]).await;
    for dialect in GENERATIONS {
        let mut bob = site.addresses.sign_in("bob", 12).await;
        let _alice = site.addresses.sign_in("alice", dialect).await;
        let name = format!("Dear {dialect}");
        act(&mut root, "/admin/accounts/1/name", &[("name", &name)]).await;
        let start = format!("NLN NLN alice@example.com Dear%20{dialect}");
        bob.ns.until(&start).await;
    }
    for wrong in ["", &"x".repeat(400)] {
        let page = act(&mut root, "/admin/accounts/1/name", &[("name", wrong)]).await;
        assert!(page.has("Nothing was changed"), "{wrong}");
    }
    assert_eq!(audit(&mut root).await.len(), GENERATIONS.len());
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_always_left_to_run_the_server() {
    let (site, mut root) = desk(&["alice"], &[]).await;
    let confirmed = [("address", "root@example.com")];
    for deed in ["disable", "no-admin", "delete"] {
        let path = format!("/admin/accounts/2/{deed}");
        let page = act(&mut root, &path, &confirmed).await;
        assert!(page.has("this is the last administrator"), "{deed}");
    }
    let page = act(&mut root, "/admin/accounts/2/password", &[]).await;
    assert!(page.has("for a new password of your own"));
    assert_eq!(audit(&mut root).await, [""; 0]);

    let mut alice = browser(&site, "alice").await;
    assert_eq!(alice.get("/admin").await.status, 404);
    act(&mut root, "/admin/accounts/1/admin", &[]).await;
    assert_eq!(alice.get("/admin").await.status, 200);
    // Who leaves the desk is led to where they may be.
    let page = act(&mut root, "/admin/accounts/2/no-admin", &[]).await;
    assert!(page.has("Your account"), "{}", page.text());
    assert_eq!(root.get("/admin").await.status, 404);
    let noted = audit(&mut alice).await;
    let wanted = [
        "unmake administrator | root@example.com",
        "make administrator | alice@example.com",
    ];
    assert_eq!(noted, wanted);
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_made_used_and_withdrawn() {
    let by_code = "@config registration.mode \"invitation\"";
    let (site, mut root) = desk(&[], &[by_code]).await;
    let note = "<script>alert(1)</script>";
    let fields = [("note", note), ("uses", "2"), ("days", "3")];
    let page = act(&mut root, "/admin/invitations", &fields).await;
    assert!(
        !page.has("<script>") && page.has("&#60;script&#62;"),
        "{}",
        page.text()
    );
    let code = page.texts("td code").remove(0);
    let register = async |name: &str, code: &str| {
        let address = format!("{name}@example.com");
        let fields = [
            ("address", address.as_str()),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("code", code),
        ];
        let mut browser = Browser::new(site.addresses.http);
        browser
            .submit("/register", "/register", &fields)
            .await
            .status
    };
    assert_eq!(register("new", &code).await, 303);
    let page = act(&mut root, "/admin/invitations/withdraw", &[("code", &code)]).await;
    assert!(page.has("The invitation is void"), "{}", page.text());
    assert_eq!(register("newer", &code).await, 422);
    let page = act(&mut root, "/admin/invitations/withdraw", &[("code", &code)]).await;
    assert!(page.has("no such invitation"));
    for (uses, days) in [("0", ""), ("x", ""), ("1", "0"), ("1", "99999")] {
        let fields = [("note", "kept"), ("uses", uses), ("days", days)];
        let path = "/admin/invitations";
        let page = root.submit(path, path, &fields).await;
        assert_eq!(page.status, 422, "{uses} {days}");
        assert!(page.has("value=\"kept\"") && page.has("class=\"wrong\""));
        assert_eq!(page.faults(), [""; 0]);
    }
    let noted = audit(&mut root).await;
    let short = format!("{}-...", &code[..5]);
    let withdrawn = format!("withdraw invitation | {short}");
    let made = format!("invite | {short} | uses: 2, good: 3 days, note: {note}");
    assert_eq!(noted, [withdrawn, made]);
    assert!(!root.get("/admin/audit").await.has(&code));
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_listed_without_what_is_said() {
    let (site, mut root) = desk(&["alice", "bob"], &["@friends alice bob"]).await;
    assert!(root.get("/admin/rooms").await.has("Nobody is talking"));
    let mut alice = site.addresses.sign_in("alice", 8).await;
    let mut bob = site.addresses.sign_in("bob", 18).await;
    let mut host = alice.open_room().await;
    let mut seat = bob.join(&mut host).await;
    let said = crate::support::people::chat("a secret of ours");
    host.say("N", &said).await;
    seat.hears("alice", &said).await;
    let page = root.get("/admin/rooms").await;
    let row = page.texts("table.list td").remove(0);
    assert_eq!(row, "alice@example.com, bob@example.com");
    assert!(!page.has("secret of ours"));
    let page = root.get("/admin").await;
    let summaries = page.texts(".charts .hint");
    // A minute or an hour may be over in between.
    assert!(
        summaries[0].starts_with("2 in the last hour"),
        "{summaries:?}"
    );
    assert_eq!(summaries[2], "1 in the last hour, at most 1 in a minute.");
    assert!(page.values("svg rect", "height").len() >= 4);
    assert_eq!(page.texts(".numbers b"), ["2", "2", "1", "3"]);
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_type_is_text_on_every_page() {
    let evil = "%3Cimg%20src=x%20onerror=alert(1)%3E";
    let alice = format!("@account alice@example.com password={PASSWORD} name={evil} legacy");
    let (site, mut root) = desk(&[], &[&alice]).await;
    let mut stranger = Browser::new(site.addresses.http);
    for _ in 0..2 {
        stranger
            .sign_in("<b>x</b>@example.com", "wrong password")
            .await;
    }
    stranger.sign_in(&"y".repeat(500), "wrong password").await;
    let mut person = site.addresses.sign_in("alice", 5).await;
    let report = "CVR 70 0x0409 winnt 5.1 i386 <u>evil</u> 1\"'&<s> <i>x";
    person.ns.ask(report, "CVR 70 ").await;
    for path in PAGES {
        let page = root.get(path).await;
        for tag in ["img", "u", "s", "i", "script"] {
            assert!(page.texts(tag).is_empty(), "{tag} on {path}");
        }
        assert_eq!(page.faults(), [""; 0], "{path}");
    }
    let page = root
        .get("/admin/accounts?q=%22%3E%3Cimg%20src%3Dx%3E")
        .await;
    assert!(page.values("img", "src").is_empty());
    let page = root.get("/admin/failures").await;
    let cells = page.texts("table.list td");
    let rows: Vec<_> = cells
        .chunks(6)
        .map(|row| (&*row[1], &*row[4], &*row[5]))
        .collect();
    let long = format!("{}…", "y".repeat(60));
    let refused = "no such account";
    assert_eq!(rows[0], (long.as_str(), refused, "1"));
    assert_eq!(rows[1], ("<b>x</b>@example.com", refused, "2"));
    let page = root.get("/admin/online").await;
    assert!(
        page.has("onerror") && page.has("&#60;u&#62;evil"),
        "as text"
    );
    drop(person);
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_searched_in_pages() {
    let names: Vec<String> = (0..60).map(|number| format!("n{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (site, mut root) = desk(&names, &[]).await;
    let page = root.get("/admin/accounts").await;
    assert_eq!(page.texts("td a").len(), 50);
    let next = page.values(".pages a", "href").remove(0);
    let page = root.get(&next).await;
    assert_eq!(page.texts("td a").len(), 11);
    let page = root.get("/admin/accounts?q=N07%40").await;
    assert_eq!(page.texts("td a"), ["n07@example.com"]);
    let page = root.get("/admin/accounts?which=admins").await;
    assert_eq!(page.texts("td a"), ["root@example.com"]);
    for odd in [
        "?page=99999999999",
        "?page=-1",
        "?page=4294967295",
        "?q=%25",
    ] {
        let page = root.get(&format!("/admin/accounts{odd}")).await;
        assert_eq!(page.status, 200, "{odd}");
    }
    for odd in ["/admin/accounts/x", "/admin/accounts/99999999999999999999"] {
        assert_eq!(root.get(odd).await.status, 404, "{odd}");
    }
    assert!(site.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_countdown_is_on_the_front_page_until_it_is_called_off() {
    let (site, mut root) = desk(&[], &[]).await;
    let mut guest = Browser::new(site.addresses.http);
    assert!(!guest.get("/").await.has("Maintenance"));
    for minutes in ["0", "", "-5", "1441", "soon"] {
        let path = "/admin/maintenance";
        let page = root.submit(path, path, &[("minutes", minutes)]).await;
        assert_eq!(page.status, 422, "{minutes}");
        assert!(page.has("class=\"wrong\""));
    }
    let fields = [("minutes", "10"), ("refuse", "1")];
    act(&mut root, "/admin/maintenance", &fields).await;
    let page = guest.get("/").await;
    assert!(
        page.has("the server stops in 10 minutes"),
        "{}",
        page.text()
    );
    assert!(page.has("nobody can sign in with a client"));
    assert!(root.get("/admin").await.has("stop in 10 minutes"));
    act(&mut root, "/admin/maintenance/cancel", &[]).await;
    assert!(!guest.get("/").await.has("Maintenance"));
    let page = act(&mut root, "/admin/maintenance/cancel", &[]).await;
    assert!(page.has("Nothing was done"));
    let path = "/admin/announcement";
    for wrong in ["", " \r\n ", &"x".repeat(301)] {
        let page = root.submit(path, path, &[("text", wrong)]).await;
        assert_eq!(page.status, 422);
    }
    act(&mut root, path, &[("text", "One\r\n two\u{7}")]).await;
    let noted = audit(&mut root).await;
    let wanted = [
        "announce | everybody | One two",
        "call maintenance off | everybody",
        "plan maintenance | everybody | in 10 minutes; meanwhile nobody can sign in",
    ];
    assert_eq!(noted, wanted);
    assert!(site.stop().await);
}

#[tokio::test]
async fn the_settings_in_force_are_shown() {
    let (site, mut root) = desk(&[], &["@config web.name \"The_<i>_club\""]).await;
    let page = root.get("/admin/settings").await;
    let shown = page.texts("pre code").remove(0);
    assert!(shown.contains("name = \"The_<i>_club\""), "{shown}");
    assert!(shown.contains("argon2_memory_kib = 64"), "{shown}");
    assert!(site.stop().await);
}
