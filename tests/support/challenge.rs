//! The client's side of every computed answer: the MD5 sign-in and the challenge of a running
//! session (`docs/protocol/01 §2`, `docs/protocol/02 §9`).
//!
//! Written from the reference on its own, not with the server's code, so that a mistake there
//! cannot hide behind the same mistake here.

use md5::{Digest, Md5};

/// Which of the two formulas a product id answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Formula {
    Plain,
    Mixed,
}

/// The products that the reference knows, with their keys.
const PRODUCTS: &[(&str, &str, Formula)] = &[
    ("msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5", Formula::Plain),
    ("PROD0038W!61ZTF9", "VT6PX?UQTM4WM%YR", Formula::Plain),
    ("PROD0058#7IL2{QD", "QHDCY@7R1TB6W?5B", Formula::Plain),
    ("PROD0061VRRZH@4F", "JXQ6J@TUOGYV@N0M", Formula::Plain),
    ("PROD00504RLUG%WL", "I2EBK%PYNLZL5_J4", Formula::Plain),
    ("PROD0076ENE8*@AW", "CEQJ8}OE0!WTSWII", Formula::Plain),
    ("PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL", Formula::Mixed),
    ("PROD00974#MT*RC2", "LMCVO*18PQJ3H!K3", Formula::Mixed),
    ("PROD0101{0RM?UBW", "CFHUR$52U_{VIX5T", Formula::Mixed),
    ("PROD0104U6VVM{UJ", "VK67B}379XYM5}$T", Formula::Mixed),
    ("PROD01065C%ZFN6F", "O4BG@C7BWLYQX?5G", Formula::Mixed),
    ("PROD0112J1LW7%NB", "RH96F{PHI8PPX_TJ", Formula::Mixed),
    ("PROD0113H11T8$X_", "RG@XY*28Q5QHS%Q5", Formula::Mixed),
    ("PROD0114ES4Z%Q5W", "PK}_A_0N_K%O?A9S", Formula::Mixed),
    ("PROD0118R6%2WYOS", "YIXPX@5I2P0UT*LK", Formula::Mixed),
    ("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX", Formula::Mixed),
    ("PROD0120PW!CCV9@", "C1BX{V4W}Q3*10SM", Formula::Mixed),
];

/// The product id that the runner names when it answers a challenge by itself.
pub(crate) fn usual_product(dialect: u8) -> &'static str {
    if dialect < 11 {
        "PROD0061VRRZH@4F"
    } else {
        "PROD0090YUAUV{2B"
    }
}

/// The answer to the MD5 sign-in.
pub(crate) fn password_answer(challenge: &[u8], password: &[u8]) -> String {
    hex(&digest(challenge, password))
}

/// The payload of `QRY` for a challenge; `None` for a product that the reference does not know.
pub(crate) fn product_answer(challenge: &[u8], product: &str) -> Option<String> {
    let (_, key, formula) = PRODUCTS.iter().find(|(id, ..)| *id == product)?;
    Some(match formula {
        Formula::Plain => hex(&digest(challenge, key.as_bytes())),
        Formula::Mixed => mixed(challenge, product, key),
    })
}

fn mixed(challenge: &[u8], product: &str, key: &str) -> String {
    const PRIME: u64 = 0x7FFF_FFFF;
    const FACTOR: u64 = 0x0E79_A9C1;
    let digest = digest(challenge, key.as_bytes());
    let parts: Vec<u32> = words(&digest).collect();
    let keys: Vec<u64> = parts
        .iter()
        .map(|&part| u64::from(part & 0x7FFF_FFFF))
        .collect();
    let mut text = [challenge, product.as_bytes()].concat();
    text.resize(text.len() + 8 - text.len() % 8, b'0');
    let text: Vec<u64> = words(&text).map(u64::from).collect();
    let (mut high, mut low) = (0_u64, 0_u64);
    for pair in text.chunks_exact(2) {
        let step = ((pair[0] * FACTOR % PRIME + high) * keys[0] + keys[1]) % PRIME;
        high = ((pair[1] + step) % PRIME * keys[2] + keys[3]) % PRIME;
        low += high + step;
    }
    let masks = [(high + keys[1]) % PRIME, (low + keys[3]) % PRIME];
    let answer: Vec<u8> = parts
        .iter()
        .zip(masks.iter().cycle())
        .flat_map(|(&part, &mask)| (part ^ mask as u32).to_le_bytes())
        .collect();
    hex(&answer)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

fn digest(challenge: &[u8], secret: &[u8]) -> Vec<u8> {
    Md5::new()
        .chain_update(challenge)
        .chain_update(secret)
        .finalize()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

mod tests {
    use super::*;

    fn vectors(section: &str) -> Vec<serde_json::Value> {
        let text = include_str!("../../docs/protocol/vectors.json");
        let whole: serde_json::Value = serde_json::from_str(text).unwrap();
        whole[section].as_array().unwrap().clone()
    }

    fn text<'a>(vector: &'a serde_json::Value, key: &str) -> &'a str {
        vector[key].as_str().unwrap()
    }

    #[test]
    fn the_password_answers_of_the_reference_come_out() {
        for vector in vectors("msnp2_7_md5_password") {
            let answer = password_answer(
                text(&vector, "challenge").as_bytes(),
                text(&vector, "password").as_bytes(),
            );
            assert_eq!(answer, text(&vector, "expected"));
        }
    }

    #[test]
    fn the_old_challenge_answers_of_the_reference_come_out() {
        for vector in vectors("chl_md5_msnp6_10") {
            let challenge = text(&vector, "challenge").as_bytes();
            let answer = product_answer(challenge, text(&vector, "product_id")).unwrap();
            assert_eq!(answer, text(&vector, "expected"));
        }
    }

    #[test]
    fn the_mixed_challenge_answers_of_the_reference_come_out() {
        let vectors = vectors("chl_msnp11");
        assert!(vectors.len() > 5);
        for vector in vectors {
            let answer = mixed(
                text(&vector, "challenge").as_bytes(),
                text(&vector, "product_id"),
                text(&vector, "product_key"),
            );
            assert_eq!(answer, text(&vector, "expected"));
        }
    }

    #[test]
    fn an_unknown_product_has_no_answer() {
        assert_eq!(product_answer(b"1", "PROD00517IFH4@RV"), None);
    }
}
