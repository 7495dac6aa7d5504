//! The parts of a person into the database, besides the account and its contacts.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::items::{fields, group_bits, guid, label, notes, plain, unusable};
use super::write::{Import, Trouble};
use super::{
    Dossier, KeptCircle, KeptCircleRole, KeptCircleState, KeptContact, KeptMemberKind, KeptPlace,
    KeptPrivacy, KeptPrompt, KeptRole,
};
use crate::model::{CircleId, GroupNumber, Guid, Label, UserId};
use crate::store::circle_rows;

/// Longest personal message, and longest text of an activity, in bytes.
const MESSAGE_MAX: usize = 4096;
/// Longest address or number of somebody without account, in bytes.
const FOREIGN_MAX: usize = 256;
/// Largest picture and longest letter, in bytes.
const BLOB_MAX: usize = 4 * 1024 * 1024;
/// Longest text of an invitation, in bytes.
const INVITATION_MAX: usize = 4096;
/// Longest name of a circle, in encoded bytes.
const CIRCLE_NAME_MAX: usize = 1024;

impl Import<'_> {
    pub(super) async fn settings(
        &mut self,
        user: UserId,
        dossier: &Dossier,
    ) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        let phones = &dossier.phones;
        let mut numbers = Vec::new();
        for number in [&phones.home, &phones.work, &phones.mobile] {
            let number = number.as_deref();
            let number = number
                .map(|it| label(it, Label::PHONE_MAX, who, "a telephone number"))
                .transpose()?;
            numbers.push(number.map(|it| it.as_str().to_owned()));
        }
        let [home, work, mobile] = numbers.as_slice() else {
            return Ok(());
        };
        let group = &dossier.default_group_name;
        sqlx::query(
            "UPDATE account SET privacy = $2, reverse_prompt = $3, phone_home = $4, \
             phone_work = $5, phone_mobile = $6, may_page = $7, message = $8, \
             default_group_name = $9, disabled = $10, is_admin = $11, created_at = $12, \
             last_sign_in = $13 WHERE id = $1",
        )
        .bind(user.0)
        .bind(i64::from(dossier.privacy == KeptPrivacy::BlockOthers))
        .bind(i64::from(dossier.when_added == KeptPrompt::AllowSilently))
        .bind(home)
        .bind(work)
        .bind(mobile)
        .bind(phones.may_page)
        .bind(plain(
            &dossier.message,
            MESSAGE_MAX,
            who,
            "the personal message",
        )?)
        .bind(label(group, Label::GROUP_MAX, who, "the name of the first group")?.as_str())
        .bind(dossier.is_disabled)
        .bind(dossier.is_admin)
        .bind(dossier.created_at)
        .bind(dossier.last_sign_in)
        .execute(self.turn.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn own_card(
        &mut self,
        user: UserId,
        dossier: &Dossier,
    ) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        let identity = dossier.own_card.guid.as_deref();
        let identity = identity
            .map(|it| guid(it, who, "the identity of the own card"))
            .transpose()?;
        sqlx::query(
            "UPDATE own_card SET guid = COALESCE($2, guid), fields = $3 WHERE user_id = $1",
        )
        .bind(user.0)
        .bind(identity.map(|it| it.to_string()))
        .bind(fields(&dossier.own_card.fields, who)?)
        .execute(self.turn.connection().await?)
        .await?;
        Ok(())
    }

    pub(super) async fn groups(&mut self, user: UserId, dossier: &Dossier) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        let stamp = self.turn.tick().0;
        let mut numbers = BTreeSet::new();
        for group in &dossier.groups {
            let fits = (1..=GroupNumber::MAX.0).contains(&group.number);
            if !fits || !numbers.insert(group.number) {
                return Err(unusable(who, "the number of a group").into());
            }
            sqlx::query(
                "INSERT INTO contact_group (owner_id, number, guid, name, is_favorite, \
                 annotations, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(user.0)
            .bind(group.number)
            .bind(guid(&group.guid, who, "the identity of a group")?.to_string())
            .bind(label(&group.name, Label::GROUP_MAX, who, "the name of a group")?.as_str())
            .bind(group.is_favorite)
            .bind(notes(&group.annotations, who)?)
            .bind(stamp)
            .execute(self.turn.connection().await?)
            .await?;
            self.report.groups += 1;
        }
        Ok(())
    }

    /// What somebody shows: the times, the pictures, and what contacts read of them lately.
    pub(super) async fn profile(&mut self, user: UserId, dossier: &Dossier) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        if let Some(profile) = &dossier.profile {
            sqlx::query(
                "INSERT INTO profile (user_id, version, changed_at, name_changed_at, \
                 message_changed_at, flags, next_tile, tile) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(user.0)
            .bind(profile.version.max(1))
            .bind(profile.changed_at)
            .bind(profile.name_changed_at)
            .bind(profile.message_changed_at)
            .bind(profile.flags)
            .bind(profile.next_tile)
            .bind(profile.tile)
            .execute(self.turn.connection().await?)
            .await?;
        }
        for picture in &dossier.pictures {
            let bytes = |text: &str| {
                let decoded = BASE64.decode(text).ok();
                decoded
                    .filter(|bytes| !bytes.is_empty() && bytes.len() <= BLOB_MAX)
                    .ok_or_else(|| unusable(who, "a picture"))
            };
            let fits = (1..=4).contains(&picture.kind) && u32::try_from(picture.number).is_ok();
            if !fits {
                return Err(unusable(who, "a picture").into());
            }
            sqlx::query(
                "INSERT INTO tile (user_id, number, version, name, kind, data, small, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(user.0)
            .bind(picture.number)
            .bind(picture.version.max(1))
            .bind(plain(
                &picture.name,
                MESSAGE_MAX,
                who,
                "the name of a picture",
            )?)
            .bind(picture.kind)
            .bind(bytes(&picture.data)?)
            .bind(bytes(&picture.small)?)
            .bind(picture.changed_at)
            .execute(self.turn.connection().await?)
            .await?;
            self.report.pictures += 1;
        }
        for activity in &dossier.activity {
            if !(1..=3).contains(&activity.kind) {
                return Err(unusable(who, "an activity").into());
            }
            sqlx::query(
                "INSERT INTO activity (user_id, kind, what, happened_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(user.0)
            .bind(activity.kind)
            .bind(plain(&activity.what, MESSAGE_MAX, who, "an activity")?)
            .bind(activity.happened_at)
            .execute(self.turn.connection().await?)
            .await?;
        }
        Ok(())
    }

    pub(super) async fn members(&mut self, user: UserId, dossier: &Dossier) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        let stamp = self.turn.tick().0;
        for member in &dossier.members {
            let kind = match member.kind {
                KeptMemberKind::Email => 1,
                KeptMemberKind::Phone => 2,
            };
            let address = plain(&member.address, FOREIGN_MAX, who, "a member of a list")?;
            let annotations = notes(&member.annotations, who)?;
            let (role, created_at) = (role_number(member.role), member.created_at);
            self.member(
                user,
                (kind, address, role),
                &annotations,
                (created_at, stamp),
            )
            .await?;
        }
        Ok(())
    }

    async fn member(
        &mut self,
        user: UserId,
        (kind, address, role): (i64, &str, i64),
        annotations: &str,
        (created_at, stamp): (i64, i64),
    ) -> Result<(), Trouble> {
        sqlx::query(
            "INSERT INTO foreign_member (owner_id, kind, address, role, annotations, created_at, \
             changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (owner_id, role, kind, address) DO NOTHING",
        )
        .bind(user.0)
        .bind(kind)
        .bind(address)
        .bind(role)
        .bind(annotations)
        .bind(created_at)
        .bind(stamp)
        .execute(self.turn.connection().await?)
        .await?;
        Ok(())
    }

    /// A contact that has no account here: allowed or blocked by address, and in the address book
    /// if it was on the forward list.
    pub(super) async fn stranger(
        &mut self,
        owner: UserId,
        dossier: &Dossier,
        contact: &KeptContact,
    ) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        let address = plain(
            &contact.address,
            FOREIGN_MAX,
            who,
            "the address of a contact",
        )?;
        let stamp = self.turn.tick().0;
        let lists = contact.lists;
        let roles = [(lists.allow && !lists.block, 1), (lists.block, 2)];
        for (_, role) in roles.into_iter().filter(|(is_on, _)| *is_on) {
            let times = (contact.created_at, stamp);
            self.member(owner, (1, address, role), "{}", times).await?;
        }
        let mut on_card = fields_of(dossier, &contact.guid);
        if on_card.is_empty() {
            let name = Label::from_stored(&contact.name).to_text();
            let texts = serde_json::json!({ "displayName": name });
            on_card.insert("texts".to_owned(), texts);
        }
        if lists.forward {
            let bits = group_bits(&contact.groups, dossier, who)?;
            self.card(
                owner,
                &contact.guid,
                (None, Some(address)),
                (fields(&on_card, who)?, bits),
                (contact.created_at, stamp),
                who,
            )
            .await?;
        }
        self.report.contacts_without_account += 1;
        Ok(())
    }

    /// Writes the address book: everybody on the forward list has a card, with the identity of the
    /// contact.
    pub(super) async fn cards(
        &mut self,
        owner: UserId,
        dossier: &Dossier,
        mut followed: HashMap<UserId, String>,
        stamp: i64,
    ) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        for card in &dossier.cards {
            let account = match &card.account {
                Some(address) => self.known(address).await?,
                None => None,
            };
            // Somebody whose account stayed behind; a friend's card is written already.
            let stayed_behind = card.account.as_deref().filter(|_| account.is_none());
            let is_friend = |it: &KeptContact| {
                it.lists.forward && Guid::parse(&it.guid) == Guid::parse(&card.guid)
            };
            if stayed_behind.is_some() && dossier.contacts.iter().any(is_friend) {
                continue;
            }
            let mut identity = card.guid.clone();
            let mut bits = group_bits(&card.groups, dossier, who)?;
            if let Some(known) = account
                && let Some(contact) = followed.remove(&known.user)
            {
                identity = contact;
                bits = 0;
            }
            let address = card.address.as_deref().or(stayed_behind);
            let address = address
                .map(|it| plain(it, FOREIGN_MAX, who, "the address on a card"))
                .transpose()?;
            self.card(
                owner,
                &identity,
                (account.map(|it| it.user), address),
                (fields(&card.fields, who)?, bits),
                (card.created_at, stamp),
                who,
            )
            .await?;
        }
        for (target, identity) in followed {
            let blank = ("{}".to_owned(), 0);
            let times = (self.turn.now, stamp);
            self.card(owner, &identity, (Some(target), None), blank, times, who)
                .await?;
        }
        Ok(())
    }

    async fn card(
        &mut self,
        owner: UserId,
        identity: &str,
        (account, address): (Option<UserId>, Option<&str>),
        (fields, bits): (String, i64),
        (created_at, stamp): (i64, i64),
        who: &str,
    ) -> Result<(), Trouble> {
        sqlx::query(
            "INSERT INTO card (owner_id, guid, account_id, address, fields, group_bits, \
             created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(owner.0)
        .bind(guid(identity, who, "the identity of a card")?.to_string())
        .bind(account.map(|it| it.0))
        .bind(address)
        .bind(fields)
        .bind(bits)
        .bind(created_at)
        .bind(stamp)
        .execute(self.turn.connection().await?)
        .await?;
        self.report.cards += 1;
        Ok(())
    }

    /// Writes what waits for somebody. A message whose sender has no account here cannot be
    /// answered and stays behind.
    pub(super) async fn letters(&mut self, user: UserId, dossier: &Dossier) -> Result<(), Trouble> {
        let who = dossier.address.as_str();
        for letter in &dossier.offline_messages {
            let Some(sender) = self.known(&letter.sender).await? else {
                self.report.remark(format!(
                    "{who}: a message of {:?} was left out, who has no account here",
                    letter.sender
                ));
                continue;
            };
            sqlx::query(
                "INSERT INTO offline_message (guid, recipient_id, sender_id, sender_name, run, \
                 sequence, body, size, is_read, received_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (guid) DO NOTHING",
            )
            .bind(guid(&letter.guid, who, "a message")?.to_string())
            .bind(user.0)
            .bind(sender.user.0)
            .bind(plain(&letter.sender_name, MESSAGE_MAX, who, "a message")?)
            .bind(guid(&letter.run, who, "a message")?.to_string())
            .bind(letter.sequence)
            .bind(plain(&letter.body, BLOB_MAX, who, "a message")?)
            .bind(letter.size)
            .bind(letter.is_read)
            .bind(letter.received_at)
            .execute(self.turn.connection().await?)
            .await?;
            self.report.offline_messages += 1;
        }
        Ok(())
    }

    /// Writes a circle that is not there yet, with those of its people who have an account here.
    pub(super) async fn circle(&mut self, circle: &KeptCircle) -> Result<(), Trouble> {
        let who = circle.id.as_str();
        let id = CircleId::parse(who).ok_or_else(|| unusable(who, "the number of a circle"))?;
        let name = label(&circle.name, CIRCLE_NAME_MAX, who, "the name of a circle")?;
        let Some(owner) = self.known(&circle.owner).await? else {
            let remark = "was left out: its owner has no account here";
            self.report.remark(format!("the circle {who} {remark}"));
            return Ok(());
        };
        // Whoever was here before has the circles they want, or has ended them.
        if !owner.is_new {
            return Ok(());
        }
        let stamp = self.turn.tick().0;
        let made = sqlx::query(
            "INSERT INTO circle (id, name, owner_id, created_at, changed_at, horizon) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(circle_rows::number(id))
        .bind(name.as_str())
        .bind(owner.user.0)
        .bind(circle.created_at)
        .bind(stamp)
        .execute(self.turn.connection().await?)
        .await?;
        // It is here already, with whatever became of it.
        if made.rows_affected() == 0 {
            return Ok(());
        }
        for place in &circle.members {
            self.place(id, place, stamp).await?;
        }
        self.report.circles += 1;
        Ok(())
    }

    async fn place(&mut self, id: CircleId, place: &KeptPlace, stamp: i64) -> Result<(), Trouble> {
        let who = place.address.as_str();
        let Some(member) = self.known(who).await? else {
            let remark = format!("the circle {id}: {who:?} was left out, without account here");
            self.report.remark(remark);
            return Ok(());
        };
        if !member.is_new {
            let remark = format!("the circle {id}: {who:?} has to be invited, being here before");
            self.report.remark(remark);
            return Ok(());
        }
        let inviter = match &place.inviter {
            Some(inviter) => self.known(inviter).await?,
            None => None,
        };
        sqlx::query(
            "INSERT INTO circle_member (circle_id, user_id, role, state, told, blocked, \
             book_guid, circle_guid, inviter_id, message, created_at, state_at, book_changed_at, \
             circle_changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(circle_rows::number(id))
        .bind(member.user.0)
        .bind(match place.role {
            KeptCircleRole::Admin => 1,
            KeptCircleRole::AssistantAdmin => 2,
            KeptCircleRole::Member => 3,
        })
        .bind(match place.state {
            KeptCircleState::Named => 0,
            KeptCircleState::Invited => 1,
            KeptCircleState::Left => 2,
            KeptCircleState::Accepted => 3,
            KeptCircleState::Rejected => 4,
        })
        .bind(place.is_told)
        .bind(place.is_blocked)
        .bind(guid(&place.book_guid, who, "a place in a circle")?.to_string())
        .bind(guid(&place.circle_guid, who, "a place in a circle")?.to_string())
        .bind(inviter.map(|it| it.user.0))
        .bind(plain(&place.message, INVITATION_MAX, who, "an invitation")?)
        .bind(place.created_at)
        .bind(place.state_at)
        .bind(if place.is_in_book { stamp } else { 0 })
        .bind(stamp)
        .execute(self.turn.connection().await?)
        .await?;
        Ok(())
    }
}

fn role_number(role: KeptRole) -> i64 {
    match role {
        KeptRole::Allow => 1,
        KeptRole::Block => 2,
        KeptRole::Reverse => 3,
        KeptRole::Pending => 4,
    }
}

/// What is written on the card of this identity.
fn fields_of(dossier: &Dossier, identity: &str) -> super::Fields {
    let is_same = |card: &&super::KeptCard| Guid::parse(&card.guid) == Guid::parse(identity);
    let card = dossier.cards.iter().find(is_same);
    card.map(|card| card.fields.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::model::{CardChange, CardField, CardRef, List};
    use crate::store::BookRequest;
    use crate::store::people::ImportWatch;
    use crate::store::testing::{Fixture, address, by_address, done, texts};

    #[tokio::test]
    async fn what_is_written_about_somebody_who_stays_behind_comes_along() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for name in ["bob", "carol"] {
            fixture.account(name).await;
            let guid = fixture.add_card(alice, name).await;
            let request = BookRequest::UpdateCards(vec![CardChange {
                card: CardRef::Card(guid),
                messenger: None,
                fields: texts(&[(CardField::Comment, name)]),
            }]);
            done(fixture.change(alice, request).await);
        }
        // Taken off the list of friends; the card stays.
        done(
            fixture
                .remove(alice, by_address("bob"), List::Forward, None)
                .await,
        );
        let exported = fixture
            .store
            .export_people(Some(vec![address("alice")]), true);
        let (people, _) = exported.await.unwrap();
        let elsewhere = Fixture::new().await;
        let watch = Arc::new(ImportWatch::default());
        let imported = elsewhere.store.import_people(people, false, watch).await;
        imported.unwrap().unwrap();
        let alice = elsewhere.store.account(&address("alice")).await.unwrap();
        let page = elsewhere.page(alice.unwrap().id, None).await;
        let mut written: Vec<String> = page
            .cards
            .iter()
            .map(|card| {
                let address = card.address.clone().unwrap_or_default();
                format!("{address}: {}", card.fields.text(CardField::Comment))
            })
            .collect();
        written.sort();
        assert_eq!(
            written,
            ["bob@example.com: bob", "carol@example.com: carol"]
        );
    }
}
