//! The first three commands of a client. It says them at the address that is built into it, which
//! refers it on, and again where it is referred to (`docs/protocol/10 §0`).

use super::Site;
use super::line::Line;

/// How a client introduces itself.
pub(super) struct Greeting {
    pub(super) dialect: u8,
    /// What it answers challenges for, if that is known.
    pub(super) product: Option<&'static str>,
    /// The versions that it offers.
    pub(super) offer: &'static str,
    /// What is answered to that.
    pub(super) agreed: &'static str,
    /// The system and the program, as it reports them before the address.
    pub(super) program: &'static str,
    /// The build in that, which has to come back as the newest one: no client may be told to
    /// fetch another.
    pub(super) build: &'static str,
    /// How it proves who its owner is.
    pub(super) method: &'static str,
}

impl Greeting {
    /// Finds the server that signs people in. What that says to the claim is left to read.
    pub(super) async fn find_server(&self, site: &Site, who: &'static str) -> Line {
        let mut line = site.dial(who, self.dialect).await;
        self.say(&mut line, who).await;
        let referral = match self.dialect {
            ..13 => line.sees("XFR # NS * 0 *").await,
            13.. => line.sees("XFR # NS * U D").await,
        };
        line.ends().await;
        let mut line = site.follow(who, &referral[3], self.dialect).await;
        if let Some(product) = self.product {
            line.be(product);
        }
        self.say(&mut line, who).await;
        line
    }

    async fn say(&self, line: &mut Line, who: &str) {
        let Self {
            offer,
            agreed,
            program,
            build,
            method,
            ..
        } = self;
        let address = format!("{who}@example.com");
        line.does("VER", offer, &format!("VER # {agreed}")).await;
        let answer = format!("CVR # {build} {build} {build} * *");
        line.does("CVR", &format!("{program} {address}"), &answer)
            .await;
        line.asks("USR", &format!("{method} I {address}")).await;
    }
}
