//! The ticket a client fetches before `USR n TWN S`: one request to the nexus, one to the login
//! page, as raw HTTP (`docs/protocol/01 §3`).

use std::net::SocketAddr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A policy for accounts whose transcript does not care.
pub(crate) const USUAL_POLICY: &str = "ct=1,rver=1,wp=FS_40SEC_0_COMPACT,lc=1,id=1";

const DEADLINE: Duration = Duration::from_secs(10);

/// What the login page said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ticket(String),
    Refused,
}

/// Asks for a ticket. An error is an answer that no client would understand.
pub(crate) async fn fetch_ticket(
    http: SocketAddr,
    address: &str,
    password: &str,
    policy: &str,
) -> Result<Outcome, String> {
    let nexus = request(http, "GET /rdr/pprdr.asp HTTP/1.1\r\nHost: nexus\r\n").await?;
    let path = login_path(&nexus)?;
    let login = format!(
        "GET {path} HTTP/1.1\r\n\
         Host: login\r\n\
         Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,\
         sign-in={},pwd={},{policy}\r\n\
         User-Agent: MSMSGS\r\n\
         Cache-Control: no-cache\r\n",
        escape(address),
        escape(password),
    );
    read_outcome(&request(http, &login).await?)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Sends a request head and reads the answer to its end.
pub(crate) async fn request(http: SocketAddr, head: &str) -> Result<String, String> {
    exchange(http, format!("{head}Connection: close\r\n\r\n")).await
}

/// The same with a body.
pub(crate) async fn request_with_body(
    http: SocketAddr,
    head: &str,
    body: &str,
) -> Result<String, String> {
    let length = body.len();
    exchange(
        http,
        format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"),
    )
    .await
}

async fn exchange(http: SocketAddr, request: String) -> Result<String, String> {
    let exchange = async {
        let mut stream = TcpStream::connect(http).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(DEADLINE, exchange)
        .await
        .map_err(|_| "the login service did not answer in time".to_owned())?
        .map_err(|error| format!("no answer from the login service: {error}"))
}

/// The value of a header whose name has exactly this case: clients look it up so.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn login_path(answer: &str) -> Result<String, String> {
    let value = header(answer, "PassportURLs")
        .ok_or_else(|| format!("the nexus named no login page: {answer}"))?;
    let url = value
        .split(',')
        .find_map(|item| item.strip_prefix("DALogin="))
        .ok_or_else(|| format!("the nexus named no login page: {value}"))?;
    let bare = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .unwrap_or(url);
    bare.split_once('/')
        .map(|(_, path)| format!("/{path}"))
        .ok_or_else(|| format!("the login page has no path: {url}"))
}

fn read_outcome(answer: &str) -> Result<Outcome, String> {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let success = header(answer, "Authentication-Info");
    let failure = header(answer, "WWW-Authenticate");
    match (status, success, failure) {
        ("200", Some(success), _) => success
            .split_once("from-PP='")
            .and_then(|(_, ticket)| ticket.strip_suffix('\''))
            .map(|ticket| Outcome::Ticket(ticket.to_owned()))
            .ok_or_else(|| format!("there is no ticket in: {success}")),
        ("401", _, Some(failure)) if failure.contains("da-status=failed") => Ok(Outcome::Refused),
        _ => Err(format!("not understood: {answer}")),
    }
}

mod tests {
    use super::*;

    #[test]
    fn the_login_page_is_found_with_and_without_a_scheme() {
        for url in [
            "login.example.net/login2.srf",
            "https://login.example.net/login2.srf,",
            "http://login.example.net/login2.srf,DAReg=x",
        ] {
            let answer = format!("HTTP/1.1 200 OK\r\nPassportURLs: DALogin={url}\r\n\r\n");
            assert_eq!(login_path(&answer).unwrap(), "/login2.srf", "{url}");
        }
        assert!(login_path("HTTP/1.1 200 OK\r\npassporturls: DALogin=a/b\r\n\r\n").is_err());
    }

    #[test]
    fn tickets_and_refusals_are_told_apart() {
        let granted = "HTTP/1.1 200 OK\r\nAuthentication-Info: Passport1.4 \
                       da-status=success,from-PP='t=abc&p='\r\n\r\n";
        assert_eq!(
            read_outcome(granted),
            Ok(Outcome::Ticket("t=abc&p=".to_owned()))
        );
        let refused = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Passport1.4 \
                       da-status=failed\r\n\r\n";
        assert_eq!(read_outcome(refused), Ok(Outcome::Refused));
        assert!(read_outcome("HTTP/1.1 500 Oops\r\n\r\n").is_err());
    }
}
