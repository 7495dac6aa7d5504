//! Four people with the four clients, all signed in at once: each sees the others in the forms of
//! its own time, and all of them sit in one room.

use super::line::Line;
use super::services::{list_chunks, lists};
use super::{NUDGE, PICTURE, Site, mac8, msn75, typed, typing, wlm81, wlm2009};

const NAMES: [&str; 4] = ["msn", "live", "late", "mac"];

/// Everybody in the order of arrival.
struct Circle {
    /// MSN Messenger 7.5.
    msn: Line,
    /// Windows Live Messenger 8.1.
    live: Line,
    /// Windows Live Messenger 2009.
    late: Line,
    /// Messenger for Mac 8.
    mac: Line,
}

impl Circle {
    /// Signs them in one after the other, in front of each other's eyes.
    async fn meet(site: &Site) -> Self {
        let mut browser = site.browser("MSMSGS");
        let (mut msn, _) = msn75::arrive(site, &mut browser, "msn").await;
        msn.asks("SYN", "0 0").await;
        msn.sees("SYN # * * 3 0").await;
        for line in [
            "GTC A",
            "BLP AL",
            "PRP MFN msn",
            "PRP MOB N",
            "PRP MBE N",
            "PRP WWE 0",
        ] {
            msn.sees(line).await;
        }
        for _ in 0..3 {
            msn.sees("LST * * * 11 1").await;
            msn.sees("BPR MOB N").await;
        }
        msn.sets("CHG", &format!("NLN {} {PICTURE}", msn75::CAPABILITIES))
            .await;

        let mut client = wlm81::arrive(site, &mut browser, "live").await;
        assert_eq!(lists(&client.memberships, &client.contacts).len(), 3);
        wlm81::appear(&mut client).await;
        let mut live = client.ns;
        live.sees("ILN # NLN msn@example.com 1 msn 1342558252 *")
            .await;
        live.sees("UBX msn@example.com 1 0").await;
        live.sees("MSG Hotmail Hotmail *").await;
        msn.sees(&format!(
            "NLN NLN live@example.com live {} {PICTURE}",
            wlm81::CAPABILITIES
        ))
        .await;
        msn.sees("UBX live@example.com *").await;

        let mut client = wlm2009::arrive(site, &mut browser, "late", None).await;
        for chunk in &list_chunks(&lists(&client.memberships, &client.contacts)) {
            client.ns.puts("ADL", "", chunk, "ADL # OK").await;
        }
        wlm2009::appear(&mut client, "late").await;
        let mut late = client.ns;
        late.sees_people(&[
            (
                "NLN NLN 1:live@example.com live 1879474220:0 *",
                "UBX 1:live@example.com *",
            ),
            (
                "NLN NLN 1:msn@example.com msn 1342558252:0 *",
                "UBX 1:msn@example.com 0",
            ),
        ])
        .await;
        late.sees("MSG Hotmail Hotmail *").await;
        msn.sees("NLN NLN late@example.com late 2789003324 *").await;
        msn.sees("UBX late@example.com 0").await;
        live.sees("NLN NLN late@example.com 1 late 2789003324 *")
            .await;
        live.sees("UBX late@example.com 1 0").await;

        let mut client = mac8::arrive(site, &mut browser, "mac").await;
        mac8::appear(&mut client).await;
        let mut mac = client.ns;
        let shown = mac
            .sees_people(&[
                (
                    "ILN # NLN late@example.com 1 late 2789003324:48 *",
                    "UBX late@example.com 1 *",
                ),
                (
                    "ILN # NLN live@example.com 1 live 1879474220:0 *",
                    "UBX live@example.com 1 *",
                ),
                (
                    "ILN # NLN msn@example.com 1 msn 1342558252:0 *",
                    "UBX msn@example.com 1 0",
                ),
            ])
            .await;
        let [places, words, _] = &shown[..] else {
            panic!("{shown:?}");
        };
        assert!(places.contains(wlm2009::MACHINE), "{places}");
        assert!(
            words.starts_with("<Data><PSM>at &#x3C;work&#x3E;</PSM>"),
            "{words}"
        );
        mac.sees("MSG Hotmail Hotmail *").await;
        msn.sees("NLN NLN mac@example.com mac 1610612780 *").await;
        msn.sees("UBX mac@example.com 0").await;
        live.sees("NLN NLN mac@example.com 1 mac 1610612780 *")
            .await;
        live.sees("UBX mac@example.com 1 0").await;
        late.sees("NLN NLN 1:mac@example.com mac 1610612780:0 *")
            .await;
        late.sees("UBX 1:mac@example.com 0").await;
        Self {
            msn,
            live,
            late,
            mac,
        }
    }

    async fn is_quiet(&mut self) {
        for line in [&mut self.msn, &mut self.live, &mut self.late, &mut self.mac] {
            line.is_quiet().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_clients_see_each_other_and_share_a_room() {
    let friends = [
        "@friends msn live",
        "@friends msn late",
        "@friends msn mac",
        "@friends live late",
        "@friends live mac",
        "@friends late mac",
    ];
    let site = Site::open(&NAMES, &friends).await;
    let mut circle = Circle::meet(&site).await;
    circle.is_quiet().await;
    presence(&mut circle).await;
    circle.is_quiet().await;
    room(&site, &mut circle).await;
    circle.is_quiet().await;

    // Hiding from everybody looks like leaving; coming back does not.
    let Circle {
        mut msn,
        mut live,
        mut late,
        mut mac,
    } = circle;
    late.sets("CHG", "HDN 2789003324:48").await;
    msn.sees("FLN late@example.com").await;
    live.sees("FLN late@example.com 1 0").await;
    mac.sees("FLN late@example.com 1 0:0").await;
    late.does("XFR", "SB", "913 #").await;
    mac.leaves().await;
    msn.sees("FLN mac@example.com").await;
    live.sees("FLN mac@example.com 1 0").await;
    late.sees("FLN 1:mac@example.com 0:0").await;
    live.leaves().await;
    msn.sees("FLN live@example.com").await;
    late.sees("FLN 1:live@example.com 0:0").await;
    msn.leaves().await;
    late.sees("FLN 1:msn@example.com 0:0").await;
    late.is_quiet().await;
    site.close().await;
}

/// Everybody changes something, and everybody else sees it.
async fn presence(circle: &mut Circle) {
    let Circle {
        msn,
        live,
        late,
        mac,
    } = circle;
    msn.sets("CHG", &format!("BSY {} {PICTURE}", msn75::CAPABILITIES))
        .await;
    live.sees(&format!(
        "NLN BSY msn@example.com 1 msn 1342558252 {PICTURE}"
    ))
    .await;
    late.sees(&format!(
        "NLN BSY 1:msn@example.com msn 1342558252:0 {PICTURE}"
    ))
    .await;
    mac.sees(&format!(
        "NLN BSY msn@example.com 1 msn 1342558252:0 {PICTURE}"
    ))
    .await;

    live.sets("PRP", "MFN L%C3%ADve%20%3C3").await;
    msn.sees(&format!(
        "NLN NLN live@example.com L%C3%ADve%20%3C3 1879474220 {PICTURE}"
    ))
    .await;
    late.sees(&format!(
        "NLN NLN 1:live@example.com L%C3%ADve%20%3C3 1879474220:0 {PICTURE}"
    ))
    .await;
    mac.sees(&format!(
        "NLN NLN live@example.com 1 L%C3%ADve%20%3C3 1879474220:0 {PICTURE}"
    ))
    .await;

    let words = "<Data><PSM>one &#x26; two</PSM><CurrentMedia></CurrentMedia></Data>";
    late.puts("UUX", "", words, "UUX # 0").await;
    let short = "<Data><PSM>one &amp; two</PSM><CurrentMedia></CurrentMedia></Data>";
    msn.sees_with("UBX late@example.com *", short).await;
    let shown = live.reads("UBX late@example.com 1 *").await;
    assert!(
        shown.starts_with("<Data><PSM>one &#x26; two</PSM>"),
        "{shown}"
    );
    let shown = mac.reads("UBX late@example.com 1 *").await;
    assert!(
        shown.starts_with("<Data><PSM>one &#x26; two</PSM>"),
        "{shown}"
    );
    assert!(
        shown.contains("<Capabilities>2789003324:48</Capabilities>"),
        "{shown}"
    );

    mac.sets("CHG", &format!("IDL {} 0", mac8::CAPABILITIES))
        .await;
    msn.sees("NLN IDL mac@example.com mac 1610612780").await;
    live.sees("NLN IDL mac@example.com 1 mac 1610612780 0")
        .await;
    late.sees("NLN IDL 1:mac@example.com mac 1610612780:0 0")
        .await;
}

/// The newest client opens a room and calls the others one by one.
async fn room(site: &Site, circle: &mut Circle) {
    let Circle {
        msn,
        live,
        late,
        mac,
    } = circle;
    let handle = format!("late@example.com;{}", wlm2009::MACHINE);
    let key = late
        .does("XFR", "SB", "XFR # SB * CKI * U messenger.msn.com 1")
        .await;
    let mut host = site.follow("late", &key[3], 18).await;
    let hello = format!("{handle} {}", key[5]);
    host.does("USR", &hello, &format!("USR # OK {handle} late"))
        .await;
    host.does("CAL", "late@example.com", "CAL # RINGING *")
        .await;
    host.sees(&format!("JOI {handle} late 2789003324:48")).await;

    host.does("CAL", "msn@example.com", "CAL # RINGING *").await;
    let ring = msn.sees("RNG * * CKI * late@example.com late").await;
    let mut first = site.follow("msn", &ring[2], 12).await;
    first
        .asks("ANS", &format!("msn@example.com {} {}", ring[4], ring[1]))
        .await;
    first
        .sees("IRO # 1 1 late@example.com late 2789003324")
        .await;
    first.sees("ANS # OK").await;
    host.sees("JOI msn@example.com msn 1342558252:0").await;

    host.does("CAL", "live@example.com", "CAL # RINGING *")
        .await;
    let ring = live
        .sees("RNG * * CKI * late@example.com late U messenger.msn.com 1")
        .await;
    let mut second = site.follow("live", &ring[2], 15).await;
    second
        .asks("ANS", &format!("live@example.com {} {}", ring[4], ring[1]))
        .await;
    second
        .sees("IRO # 1 2 late@example.com late 2789003324")
        .await;
    second
        .sees("IRO # 2 2 msn@example.com msn 1342558252")
        .await;
    second.sees("ANS # OK").await;
    host.sees("JOI live@example.com L%C3%ADve%20%3C3 1879474220:0")
        .await;
    first
        .sees("JOI live@example.com L%C3%ADve%20%3C3 1879474220")
        .await;

    // Whoever is in may call: this time the oldest of them does.
    first
        .does("CAL", "mac@example.com", "CAL # RINGING *")
        .await;
    let ring = mac
        .sees("RNG * * CKI * msn@example.com msn U messenger.msn.com 1")
        .await;
    let mut third = site.follow("mac", &ring[2], 16).await;
    third
        .asks("ANS", &format!("mac@example.com {} {}", ring[4], ring[1]))
        .await;
    third
        .sees("IRO # 1 4 late@example.com late 2789003324:48")
        .await;
    third
        .sees(&format!("IRO # 2 4 {handle} late 2789003324:48"))
        .await;
    third
        .sees("IRO # 3 4 msn@example.com msn 1342558252:0")
        .await;
    third
        .sees("IRO # 4 4 live@example.com L%C3%ADve%20%3C3 1879474220:0")
        .await;
    third.sees("ANS # OK").await;
    host.sees("JOI mac@example.com mac 1610612780:0").await;
    first.sees("JOI mac@example.com mac 1610612780").await;
    second.sees("JOI mac@example.com mac 1610612780").await;
    first.does("CAL", "late@example.com", "215 #").await;

    let mut seats = [&mut host, &mut first, &mut second, &mut third];
    let senders = [
        "late@example.com late",
        "msn@example.com msn",
        "live@example.com L%C3%ADve%20%3C3",
        "mac@example.com mac",
    ];
    for (from, sender) in senders.iter().enumerate() {
        let address = sender.split(' ').next().unwrap();
        let words = typed("Segoe%20UI", &format!("it is {sender}, \u{e9}h \u{1f600}"));
        for (class, payload) in [("U", &*typing(address)), ("A", &*words), ("N", NUDGE)] {
            seats[from].says(class, payload).await;
            for (to, seat) in seats.iter_mut().enumerate() {
                if to != from {
                    seat.sees_with(&format!("MSG {sender} *"), payload).await;
                }
            }
            if class == "A" {
                seats[from].sees("ACK #").await;
            }
        }
    }

    // The host leaves, and the room goes on without; each hears of it once.
    host.leaves().await;
    first.sees("BYE late@example.com").await;
    second.sees("BYE late@example.com").await;
    third.sees(&format!("BYE {handle}")).await;
    third.sees("BYE late@example.com").await;
    first.says("N", NUDGE).await;
    second.sees_with("MSG msn@example.com msn *", NUDGE).await;
    third.sees_with("MSG msn@example.com msn *", NUDGE).await;
    third.leaves().await;
    first.sees("BYE mac@example.com").await;
    second.sees("BYE mac@example.com").await;
    second.leaves().await;
    first.sees("BYE live@example.com").await;
    first.leaves().await;
}
