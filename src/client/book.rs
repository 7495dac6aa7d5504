//! The address book over the web, as clients since version 13 fetch it (`docs/protocol/12`), and
//! what they tell the notification server of it.

use super::http::{HttpAnswer, escape};
use super::sign_in::show;
use super::{ClientError, Connection, Http, Tokens};

const NAMESPACE: &str = "http://www.msn.com/webservices/AddressBook";

/// How many names go into one announcement of the list; a payload has 7,500 bytes at most.
const NAMES_AT_ONCE: usize = 100;

/// The request for the whole book, `ABFindAll`, ready to be sent any number of times.
pub fn find_all(tokens: &Tokens) -> Vec<u8> {
    let request = "<abId>00000000-0000-0000-0000-000000000000</abId><abView>Full</abView>\
                   <deltasOnly>false</deltasOnly><lastChange>0001-01-01T00:00:00.0000000-08:00\
                   </lastChange>";
    envelope(tokens, "ABFindAll", request)
}

/// Sends the request for the whole book; answers how many entries came, the owner's included.
pub async fn ask_find_all(http: &mut Http, request: &[u8]) -> Result<HttpAnswer, ClientError> {
    ask(http, "/abservice/abservice.asmx", "ABFindAll", request).await
}

/// How many entries an answer has.
pub fn entries(answer: &HttpAnswer) -> usize {
    let word = b"<contactId>";
    let windows = answer.body.windows(word.len());
    windows.filter(|window| window == word).count()
}

/// Downloads memberships and book, announces the list and shows a status, as one does at sign-in;
/// answers how many contacts there are.
pub async fn download_by_web(
    connection: &mut Connection,
    http: &mut Http,
    tokens: &Tokens,
    status: &str,
) -> Result<usize, ClientError> {
    let filter = "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types>\
                  </serviceFilter>";
    let request = envelope(tokens, "FindMembership", filter);
    let path = "/abservice/SharingService.asmx";
    ask(http, path, "FindMembership", &request).await?;
    let book = ask_find_all(http, &find_all(tokens)).await?;
    let text =
        std::str::from_utf8(&book.body).map_err(|_| ClientError::Garbled("the book is no text"))?;
    let names = contacts(text);
    let mut pieces = names.chunks(NAMES_AT_ONCE);
    let first = pieces.next().unwrap_or_default();
    announce(connection, first, true).await?;
    for piece in pieces {
        announce(connection, piece, false).await?;
    }
    show(connection, status).await?;
    Ok(names.len())
}

/// The addresses of everybody in the book but the owner.
fn contacts(book: &str) -> Vec<&str> {
    book.split("<Contact>")
        .skip(1)
        .filter(|contact| !contact.contains("<contactType>Me</contactType>"))
        .filter_map(|contact| {
            let (_, rest) = contact.split_once("<passportName>")?;
            rest.split_once('<').map(|(name, _)| name)
        })
        .collect()
}

/// `ADL`: everybody here is on the forward and the allow list (`docs/protocol/10 §3`).
async fn announce(
    connection: &mut Connection,
    names: &[&str],
    is_first: bool,
) -> Result<(), ClientError> {
    let mut payload = String::from(if is_first { "<ml l=\"1\">" } else { "<ml>" });
    for (name, domain) in names.iter().filter_map(|name| name.split_once('@')) {
        payload.push_str("<d n=\"");
        payload.push_str(domain);
        payload.push_str("\"><c n=\"");
        payload.push_str(name);
        payload.push_str("\" l=\"3\" t=\"1\"/></d>");
    }
    payload.push_str("</ml>");
    let trid = connection.next_trid();
    let line = format!("ADL {trid} {}\r\n{payload}", payload.len());
    connection.send(line.as_bytes()).await?;
    connection.answer_to("ADL", trid).await?;
    Ok(())
}

async fn ask(
    http: &mut Http,
    path: &str,
    operation: &str,
    request: &[u8],
) -> Result<HttpAnswer, ClientError> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nContent-Type: text/xml; charset=utf-8\r\n\
         SOAPAction: \"{NAMESPACE}/{operation}\"\r\n"
    );
    let answer = http.ask(&head, request).await?;
    if answer.status == 200 {
        Ok(answer)
    } else {
        Err(ClientError::Refused {
            asked: operation.to_owned(),
            code: answer.status,
        })
    }
}

fn envelope(tokens: &Tokens, operation: &str, request: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
         <ABApplicationHeader xmlns=\"{NAMESPACE}\">\
         <ApplicationId>CFE80F9D-180F-4399-82AB-413F33A1FA11</ApplicationId>\
         <IsMigration>false</IsMigration><PartnerScenario>Initial</PartnerScenario>\
         </ABApplicationHeader><ABAuthHeader xmlns=\"{NAMESPACE}\">\
         <ManagedGroupRequest>false</ManagedGroupRequest><TicketToken>{}</TicketToken>\
         </ABAuthHeader></soap:Header><soap:Body><{operation} xmlns=\"{NAMESPACE}\">{request}\
         </{operation}></soap:Body></soap:Envelope>",
        escape(&tokens.contacts)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_no_contact() {
        let book = "<contacts><Contact><contactType>Me</contactType><passportName>a@b.c\
                    </passportName></Contact><Contact><contactType>Regular</contactType>\
                    <passportName>d@b.c</passportName></Contact></contacts>";
        assert_eq!(contacts(book), ["d@b.c"]);
    }
}
