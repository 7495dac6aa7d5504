//! People out of the database.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

use super::super::book::groups_of;
use super::super::circle_rows::circle_id;
use super::super::rows::{self, unreadable};
use super::super::{Store, StoreError};
use super::{
    Dossier, Fields, KeptActivity, KeptCard, KeptCircle, KeptCircleRole, KeptCircleState,
    KeptContact, KeptGroup, KeptLegacy, KeptLetter, KeptLists, KeptMember, KeptMemberKind,
    KeptOwnCard, KeptPassword, KeptPhones, KeptPicture, KeptPlace, KeptPrivacy, KeptProfile,
    KeptPrompt, KeptRole, Notes, People,
};
use crate::model::{Address, List, Privacy, ReversePrompt, UserId};

impl Store {
    /// Everything about these people, or about all of them, and the circles they are in, as it was
    /// at one moment. The second part of the answer are addresses without account.
    pub async fn export_people(
        &self,
        wanted: Option<Vec<Address>>,
        with_passwords: bool,
    ) -> Result<(People, Vec<Address>), StoreError> {
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        let known: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, address FROM account ORDER BY address")
                .fetch_all(&mut *snapshot)
                .await?;
        let is_wanted =
            |address: &str| (wanted.iter().flatten()).any(|wanted| wanted.as_str() == address);
        let mut people = People::new();
        let mut circles = std::collections::BTreeSet::new();
        for (id, address) in &known {
            if wanted.is_some() && !is_wanted(address) {
                continue;
            }
            let user = UserId(*id);
            people
                .people
                .push(dossier(&mut snapshot, user, with_passwords).await?);
            let of: Vec<i64> =
                sqlx::query_scalar("SELECT circle_id FROM circle_member WHERE user_id = $1")
                    .bind(id)
                    .fetch_all(&mut *snapshot)
                    .await?;
            circles.extend(of);
        }
        for id in circles {
            people.circles.push(circle(&mut snapshot, id).await?);
        }
        snapshot.commit().await?;
        let unknown = wanted.into_iter().flatten();
        let unknown = unknown
            .filter(|wanted| !known.iter().any(|(_, it)| it == wanted.as_str()))
            .collect();
        Ok((people, unknown))
    }
}

async fn dossier(
    connection: &mut SqliteConnection,
    user: UserId,
    with_passwords: bool,
) -> Result<Dossier, StoreError> {
    let row = sqlx::query("SELECT * FROM account WHERE id = $1")
        .bind(user.0)
        .fetch_one(&mut *connection)
        .await?;
    let settings = rows::settings(&row, user.0)?;
    let text = |label: Option<crate::model::Label>| label.map(|it| it.as_str().to_owned());
    Ok(Dossier {
        address: row.try_get("address")?,
        name: settings.name.as_str().to_owned(),
        message: settings.message.to_string(),
        privacy: match settings.privacy {
            Privacy::AllowOthers => KeptPrivacy::AllowOthers,
            Privacy::BlockOthers => KeptPrivacy::BlockOthers,
        },
        when_added: match settings.reverse_prompt {
            ReversePrompt::Ask => KeptPrompt::Ask,
            ReversePrompt::AllowSilently => KeptPrompt::AllowSilently,
        },
        phones: KeptPhones {
            home: text(settings.phones.home),
            work: text(settings.phones.work),
            mobile: text(settings.phones.mobile),
            may_page: settings.phones.may_page,
        },
        default_group_name: row.try_get("default_group_name")?,
        is_disabled: row.try_get("disabled")?,
        is_admin: row.try_get("is_admin")?,
        created_at: row.try_get("created_at")?,
        last_sign_in: row.try_get("last_sign_in")?,
        password: if with_passwords {
            Some(password(connection, user).await?)
        } else {
            None
        },
        own_card: own_card(connection, user).await?,
        groups: groups(connection, user).await?,
        contacts: contacts(connection, user).await?,
        cards: cards(connection, user).await?,
        members: members(connection, user).await?,
        profile: profile(connection, user).await?,
        pictures: pictures(connection, user).await?,
        activity: activity(connection, user).await?,
        offline_messages: letters(connection, user).await?,
    })
}

async fn rows_of(
    connection: &mut SqliteConnection,
    query: &'static str,
    user: UserId,
) -> Result<Vec<SqliteRow>, StoreError> {
    let found = sqlx::query(query).bind(user.0).fetch_all(connection);
    Ok(found.await?)
}

async fn password(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<KeptPassword, StoreError> {
    let row = sqlx::query("SELECT * FROM credential WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(connection)
        .await?;
    let imported: Option<String> = row.try_get("imported_hash")?;
    let salt: Option<String> = row.try_get("legacy_salt")?;
    let digest: Option<String> = row.try_get("legacy_digest")?;
    let is_separate = row.try_get("legacy_is_separate")?;
    Ok(KeptPassword {
        full: match imported {
            Some(_) => None,
            None => Some(row.try_get("password_full")?),
        },
        first16: row.try_get("password_first16")?,
        imported,
        legacy: salt.zip(digest).map(|(salt, digest)| KeptLegacy {
            salt,
            digest,
            is_separate,
        }),
    })
}

fn fields(row: &SqliteRow, table: &'static str, user: UserId) -> Result<Fields, StoreError> {
    let text: &str = row.try_get("fields")?;
    serde_json::from_str(text).map_err(|_| unreadable(table, "fields", user.0))
}

fn notes(row: &SqliteRow, table: &'static str, user: UserId) -> Result<Notes, StoreError> {
    let text: &str = row.try_get("annotations")?;
    serde_json::from_str(text).map_err(|_| unreadable(table, "annotations", user.0))
}

fn groups_in(row: &SqliteRow) -> Result<Vec<u8>, StoreError> {
    let groups = groups_of(row.try_get("group_bits")?);
    Ok(groups.into_iter().map(|number| number.0).collect())
}

async fn own_card(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<KeptOwnCard, StoreError> {
    let row = sqlx::query("SELECT guid, fields FROM own_card WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(connection)
        .await?;
    Ok(KeptOwnCard {
        guid: Some(row.try_get("guid")?),
        fields: fields(&row, "own_card", user)?,
    })
}

async fn groups(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptGroup>, StoreError> {
    const QUERY: &str = "SELECT * FROM contact_group WHERE owner_id = $1 ORDER BY number";
    let found = rows_of(connection, QUERY, user).await?;
    let group = |row: &SqliteRow| -> Result<KeptGroup, StoreError> {
        Ok(KeptGroup {
            number: row.try_get("number")?,
            guid: row.try_get("guid")?,
            name: row.try_get("name")?,
            is_favorite: row.try_get("is_favorite")?,
            annotations: notes(row, "contact_group", user)?,
        })
    };
    found.iter().map(group).collect()
}

async fn contacts(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptContact>, StoreError> {
    const QUERY: &str = "SELECT c.*, a.address FROM contact c JOIN account a ON a.id = c.contact_id \
         WHERE c.owner_id = $1 ORDER BY c.added_in, a.address";
    let found = rows_of(connection, QUERY, user).await?;
    let contact = |row: &SqliteRow| -> Result<KeptContact, StoreError> {
        let lists = rows::lists(row.try_get("list_bits")?, user.0)?;
        Ok(KeptContact {
            address: row.try_get("address")?,
            guid: row.try_get("guid")?,
            name: row.try_get("name")?,
            lists: KeptLists {
                forward: lists.has(List::Forward),
                allow: lists.has(List::Allow),
                block: lists.has(List::Block),
                reverse: lists.has(List::Reverse),
                pending: lists.has(List::Pending),
            },
            groups: groups_in(row)?,
            created_at: row.try_get("created_at")?,
            invitation: row.try_get("invitation")?,
        })
    };
    found.iter().map(contact).collect()
}

async fn cards(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptCard>, StoreError> {
    const QUERY: &str = "SELECT k.*, a.address AS account FROM card k \
         LEFT JOIN account a ON a.id = k.account_id WHERE k.owner_id = $1 \
         ORDER BY k.created_at, k.guid";
    let found = rows_of(connection, QUERY, user).await?;
    let card = |row: &SqliteRow| -> Result<KeptCard, StoreError> {
        Ok(KeptCard {
            guid: row.try_get("guid")?,
            account: row.try_get("account")?,
            address: row.try_get("address")?,
            fields: fields(row, "card", user)?,
            groups: groups_in(row)?,
            created_at: row.try_get("created_at")?,
        })
    };
    found.iter().map(card).collect()
}

async fn members(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptMember>, StoreError> {
    const QUERY: &str = "SELECT * FROM foreign_member WHERE owner_id = $1 ORDER BY id";
    let found = rows_of(connection, QUERY, user).await?;
    let member = |row: &SqliteRow| -> Result<KeptMember, StoreError> {
        let wrong = |column| unreadable("foreign_member", column, user.0);
        Ok(KeptMember {
            kind: match row.try_get::<i64, _>("kind")? {
                1 => KeptMemberKind::Email,
                2 => KeptMemberKind::Phone,
                _ => return Err(wrong("kind")),
            },
            address: row.try_get("address")?,
            role: match row.try_get::<i64, _>("role")? {
                1 => KeptRole::Allow,
                2 => KeptRole::Block,
                3 => KeptRole::Reverse,
                4 => KeptRole::Pending,
                _ => return Err(wrong("role")),
            },
            annotations: notes(row, "foreign_member", user)?,
            created_at: row.try_get("created_at")?,
        })
    };
    found.iter().map(member).collect()
}

async fn profile(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Option<KeptProfile>, StoreError> {
    const QUERY: &str = "SELECT * FROM profile WHERE user_id = $1";
    let found = rows_of(connection, QUERY, user).await?;
    let profile = |row: &SqliteRow| -> Result<KeptProfile, StoreError> {
        Ok(KeptProfile {
            version: row.try_get("version")?,
            flags: row.try_get("flags")?,
            changed_at: row.try_get("changed_at")?,
            name_changed_at: row.try_get("name_changed_at")?,
            message_changed_at: row.try_get("message_changed_at")?,
            next_tile: row.try_get("next_tile")?,
            tile: row.try_get("tile")?,
        })
    };
    found.first().map(profile).transpose()
}

async fn pictures(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptPicture>, StoreError> {
    const QUERY: &str = "SELECT * FROM tile WHERE user_id = $1 ORDER BY number";
    let found = rows_of(connection, QUERY, user).await?;
    let picture = |row: &SqliteRow| -> Result<KeptPicture, StoreError> {
        Ok(KeptPicture {
            number: row.try_get("number")?,
            version: row.try_get("version")?,
            name: row.try_get("name")?,
            kind: row.try_get("kind")?,
            data: BASE64.encode(row.try_get::<&[u8], _>("data")?),
            small: BASE64.encode(row.try_get::<&[u8], _>("small")?),
            changed_at: row.try_get("changed_at")?,
        })
    };
    found.iter().map(picture).collect()
}

async fn activity(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptActivity>, StoreError> {
    const QUERY: &str = "SELECT * FROM activity WHERE user_id = $1 ORDER BY id";
    let found = rows_of(connection, QUERY, user).await?;
    let activity = |row: &SqliteRow| -> Result<KeptActivity, StoreError> {
        Ok(KeptActivity {
            kind: row.try_get("kind")?,
            what: row.try_get("what")?,
            happened_at: row.try_get("happened_at")?,
        })
    };
    found.iter().map(activity).collect()
}

async fn letters(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Vec<KeptLetter>, StoreError> {
    const QUERY: &str = "SELECT m.*, a.address AS sender FROM offline_message m \
         JOIN account a ON a.id = m.sender_id WHERE m.recipient_id = $1 ORDER BY m.seq";
    let found = rows_of(connection, QUERY, user).await?;
    let letter = |row: &SqliteRow| -> Result<KeptLetter, StoreError> {
        Ok(KeptLetter {
            guid: row.try_get("guid")?,
            sender: row.try_get("sender")?,
            sender_name: row.try_get("sender_name")?,
            run: row.try_get("run")?,
            sequence: row.try_get("sequence")?,
            body: row.try_get("body")?,
            size: row.try_get("size")?,
            is_read: row.try_get("is_read")?,
            received_at: row.try_get("received_at")?,
        })
    };
    found.iter().map(letter).collect()
}

async fn circle(connection: &mut SqliteConnection, id: i64) -> Result<KeptCircle, StoreError> {
    let row = sqlx::query(
        "SELECT c.name, c.created_at, a.address FROM circle c \
         JOIN account a ON a.id = c.owner_id WHERE c.id = $1",
    )
    .bind(id)
    .fetch_one(&mut *connection)
    .await?;
    let places = sqlx::query(
        "SELECT m.*, a.address, i.address AS inviter FROM circle_member m \
         JOIN account a ON a.id = m.user_id LEFT JOIN account i ON i.id = m.inviter_id \
         WHERE m.circle_id = $1 ORDER BY m.created_at, a.address",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    Ok(KeptCircle {
        id: circle_id(id)?.to_string(),
        name: row.try_get("name")?,
        owner: row.try_get("address")?,
        created_at: row.try_get("created_at")?,
        members: places
            .iter()
            .map(|row| place(row, id))
            .collect::<Result<_, _>>()?,
    })
}

fn place(row: &SqliteRow, circle: i64) -> Result<KeptPlace, StoreError> {
    let wrong = |column| unreadable("circle_member", column, circle);
    Ok(KeptPlace {
        address: row.try_get("address")?,
        role: match row.try_get::<i64, _>("role")? {
            1 => KeptCircleRole::Admin,
            2 => KeptCircleRole::AssistantAdmin,
            3 => KeptCircleRole::Member,
            _ => return Err(wrong("role")),
        },
        state: match row.try_get::<i64, _>("state")? {
            0 => KeptCircleState::Named,
            1 => KeptCircleState::Invited,
            2 => KeptCircleState::Left,
            3 => KeptCircleState::Accepted,
            4 => KeptCircleState::Rejected,
            _ => return Err(wrong("state")),
        },
        is_in_book: row.try_get::<i64, _>("book_changed_at")? > 0,
        is_told: row.try_get("told")?,
        is_blocked: row.try_get("blocked")?,
        book_guid: row.try_get("book_guid")?,
        circle_guid: row.try_get("circle_guid")?,
        inviter: row.try_get("inviter")?,
        message: row.try_get("message")?,
        created_at: row.try_get("created_at")?,
        state_at: row.try_get("state_at")?,
    })
}
