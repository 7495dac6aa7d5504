//! Status words and numbers of capabilities (`docs/protocol/02 §7`).

use crate::model::{Capabilities, Status};

/// The word of a status.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Online => "NLN",
        Status::Busy => "BSY",
        Status::Idle => "IDL",
        Status::BeRightBack => "BRB",
        Status::Away => "AWY",
        Status::OnThePhone => "PHN",
        Status::OutToLunch => "LUN",
        Status::Hidden => "HDN",
    }
}

/// What a client may ask for as its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Status(Status),
    /// `FLN`: a status, but not one to choose.
    Offline,
}

/// Reads a status word; case counts (`docs/protocol/00 §1.1`).
pub fn read(word: &str) -> Option<Wish> {
    let status = match word {
        "NLN" => Status::Online,
        "BSY" => Status::Busy,
        "IDL" => Status::Idle,
        "BRB" => Status::BeRightBack,
        "AWY" => Status::Away,
        "PHN" => Status::OnThePhone,
        "LUN" => Status::OutToLunch,
        "HDN" => Status::Hidden,
        "FLN" => return Some(Wish::Offline),
        _ => return None,
    };
    Some(Wish::Status(status))
}

/// Reads what a client says it can do: a number, or two with a colon between them.
///
/// COMPAT: clients send the pair below MSNP16 too (`docs/protocol/25 §10`), and some print the
/// 32 bits as a signed number.
pub fn read_capabilities(field: &str) -> Option<Capabilities> {
    let (basic, extended) = field.split_once(':').unwrap_or((field, "0"));
    Some(Capabilities {
        basic: read_bits(basic)?,
        extended: read_bits(extended)?,
    })
}

fn read_bits(text: &str) -> Option<u32> {
    text.parse::<u32>()
        .ok()
        .or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_statuses_match() {
        for text in ["NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN"] {
            let Some(Wish::Status(status)) = read(text) else {
                panic!("{text} is not read");
            };
            assert_eq!(word(status), text);
        }
        assert_eq!(read("FLN"), Some(Wish::Offline));
        assert_eq!(read("nln"), None);
    }

    #[test]
    fn capabilities_come_in_several_spellings() {
        let bits = |text| read_capabilities(text).map(|caps| (caps.basic, caps.extended));
        assert_eq!(bits("268435500"), Some((268_435_500, 0)));
        assert_eq!(bits("2788999228:48"), Some((2_788_999_228, 48)));
        assert_eq!(bits("-1"), Some((u32::MAX, 0)));
        assert_eq!(bits("x"), None);
        assert_eq!(bits("4294967296"), None);
    }
}
