//! The tables of an Escargot database, as plain rows.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

/// Longest text in one column, in bytes. JSON of groups and settings is the longest.
const TEXT_MAX: i64 = 64 * 1024;

/// The tables with the most rows that are read of each.
const TABLES: [(&str, i64); 4] = [
    ("t_user", 200_000),
    ("t_user_contact", 2_000_000),
    ("t_group_chat", 50_000),
    ("t_group_chat_membership", 500_000),
];

/// Why a file is no Escargot database that can be imported.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EscargotError {
    /// It cannot be read as a database.
    #[error("it cannot be read as a SQLite database")]
    Unreadable(#[source] Arc<sqlx::Error>),
    /// A table or a column of it is missing.
    #[error("it has no table {table} of the form that Escargot has")]
    Foreign { table: &'static str },
    /// There is more than a server of that kind ever had.
    #[error("there is too much in the table {table}: at most {most} rows are read")]
    TooMuch { table: &'static str, most: i64 },
}

impl From<sqlx::Error> for EscargotError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreadable(Arc::new(error))
    }
}

/// A row as texts by the names of its columns; what is no text, too long or null is absent.
pub(super) struct Line(SqliteRow);

impl Line {
    /// A column's text; empty where there is none.
    pub(super) fn text(&self, column: &str) -> &str {
        self.0.try_get(column).unwrap_or_default()
    }

    /// A column's number; 0 where there is none.
    pub(super) fn number(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap_or(0)
    }
}

/// All of it.
pub(super) struct Tables {
    pub(super) users: Vec<Line>,
    pub(super) contacts: Vec<Line>,
    pub(super) chats: Vec<Line>,
    pub(super) memberships: Vec<Line>,
}

const USER: &[&str] = &[
    "uuid",
    "email",
    "friendly_name",
    "message",
    "password",
    "groups",
    "settings",
    "front_data",
    "date_created",
    "date_login",
];
const CONTACT: &[&str] = &[
    "user_uuid",
    "uuid",
    "name",
    "lists",
    "pending",
    "groups",
    "birthdate",
    "anniversary",
    "notes",
    "first_name",
    "middle_name",
    "last_name",
    "nickname",
    "personal_email",
    "work_email",
    "im_email",
    "other_email",
    "home_phone",
    "work_phone",
    "fax_phone",
    "pager_phone",
    "mobile_phone",
    "other_phone",
    "personal_website",
    "business_website",
    "locations",
];
const CHAT: &[&str] = &["chat_id", "name", "owner_uuid"];
const MEMBERSHIP: &[&str] = &[
    "chat_id",
    "member_uuid",
    "role",
    "state",
    "blocking",
    "inviter_uuid",
    "invite_message",
];

/// Reads the tables in one transaction.
pub(super) async fn tables(path: &Path) -> Result<Tables, EscargotError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .disable_statement_logging()
        // What a schema could call is not called.
        .pragma("trusted_schema", "OFF")
        .connect()
        .await?;
    let mut snapshot = connection.begin().await?;
    for (table, most) in TABLES {
        check(&mut snapshot, table, most).await?;
    }
    let tables = Tables {
        users: lines(&mut snapshot, "t_user", USER, "id").await?,
        contacts: lines(
            &mut snapshot,
            "t_user_contact",
            CONTACT,
            "user_id, contact_id",
        )
        .await?,
        chats: lines(&mut snapshot, "t_group_chat", CHAT, "id").await?,
        memberships: lines(&mut snapshot, "t_group_chat_membership", MEMBERSHIP, "id").await?,
    };
    snapshot.rollback().await?;
    connection.close().await?;
    Ok(tables)
}

/// Whether it is a true table, since a view could compute for ever, and of a size to be read.
async fn check(
    connection: &mut SqliteConnection,
    table: &'static str,
    most: i64,
) -> Result<(), EscargotError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1 \
         AND sql NOT LIKE 'CREATE VIRTUAL%'",
    )
    .bind(table)
    .fetch_optional(&mut *connection)
    .await?;
    found.ok_or(EscargotError::Foreign { table })?;
    // The names are those above.
    let query = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {most} + 1)");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_one(connection)
        .await?;
    if count > most {
        return Err(EscargotError::TooMuch { table, most });
    }
    Ok(())
}

async fn lines(
    connection: &mut SqliteConnection,
    table: &'static str,
    columns: &[&str],
    order: &str,
) -> Result<Vec<Line>, EscargotError> {
    let columns: Vec<String> = columns
        .iter()
        .map(|it| {
            format!(
                "CASE WHEN octet_length({it}) <= {TEXT_MAX} THEN CAST({it} AS TEXT) END AS {it}"
            )
        })
        .collect();
    // All of these names are constants of this file.
    let query = format!(
        "SELECT {} FROM {table} ORDER BY {order}",
        columns.join(", ")
    );
    let found = sqlx::query(AssertSqlSafe(query))
        .fetch_all(connection)
        .await;
    match found {
        Ok(rows) => Ok(rows.into_iter().map(Line).collect()),
        Err(sqlx::Error::Database(_)) => Err(EscargotError::Foreign { table }),
        Err(error) => Err(error.into()),
    }
}
