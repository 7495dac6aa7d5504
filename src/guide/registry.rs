//! The oldest: MSN Messenger 1.0 to 4.6, early Windows Messenger 4.7, and MSN TV
//! (`docs/protocol/24 §1.1, §2 A, §2 H`).

use super::files::set_server;
use super::{Asked, Step, System};

/// One value in the registry.
pub(super) fn steps(asked: Asked<'_>) -> Vec<Step> {
    let file = set_server(asked.server);
    let point = Step::new("Point it at this server")
        .say("Close the program (also beside the clock), then open this file and say yes:")
        .file(file)
        .say("By hand it is this, in regedit:")
        .settings(vec![
            (
                "Key",
                r"HKEY_CURRENT_USER\Software\Microsoft\MessengerService".to_owned(),
            ),
            ("Value (string)", "Server".to_owned()),
            ("Data", asked.server.msnp()),
        ])
        .say(
            "Nothing else: it speaks neither HTTP nor TLS. To undo it, delete the value. Every \
             Windows user of the machine has their own.",
        );
    let mut steps = vec![point];
    if matches!(
        asked.system,
        System::WindowsVista | System::Windows7 | System::Windows8 | System::Windows10
    ) {
        steps.push(Step::new("On this Windows").say(
            "These programs were made for Windows 95 to 2000. Some install on later ones with \
             compatibility mode, with effort; a virtual machine with an older Windows is the quiet \
             way.",
        ));
    }
    steps
}

/// A header of the service that the box dials into.
pub(super) fn msn_tv(asked: Asked<'_>) -> Vec<Step> {
    vec![
        Step::new("Tell the WebTV service")
            .say("In the service (minisrv or another), give these headers at the login:")
            .code(format!(
                "wtv-messenger-server: {}\nwtv-messenger-enable: 1\nwtv-messenger-authorized: 1\n\
                 wtv-messenger-login-url: wtv-passport:/messengerlogin",
                asked.server.host
            ))
            .say(
                "The box does not compute the digest of the password itself: it asks \
                 wtv-passport:/messengerlogin with the challenge, so that service has to know the \
                 password.",
            ),
    ]
}
