//! Whether a client answered a challenge as a known one would (`docs/protocol/02 §9`).

use md5::{Digest, Md5};

use super::{ChallengeStyle, Dialect};

/// Product identities and their keys, as clients carry them.
const KEYS: [(&str, &str); 10] = [
    ("msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5"),
    ("PROD0038W!61ZTF9", "VT6PX?UQTM4WM%YR"),
    ("PROD0058#7IL2{QD", "QHDCY@7R1TB6W?5B"),
    ("PROD0061VRRZH@4F", "JXQ6J@TUOGYV@N0M"),
    ("PROD00504RLUG%WL", "I2EBK%PYNLZL5_J4"),
    ("PROD0076ENE8*@AW", "CEQJ8}OE0!WTSWII"),
    ("PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL"),
    ("PROD0101{0RM?UBW", "CFHUR$52U_{VIX5T"),
    ("PROD01065C%ZFN6F", "O4BG@C7BWLYQX?5G"),
    ("PROD0112J1LW7%NB", "RH96F{PHI8PPX_TJ"),
];

/// What an answer to a challenge shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    /// The product is not one whose key is known, so nothing can be said.
    UnknownProduct,
}

impl Dialect {
    /// Judges a client's answer to `challenge`.
    pub fn judge(self, challenge: &str, product: &str, answer: &[u8]) -> Verdict {
        let Some((_, key)) = KEYS.iter().find(|(known, _)| *known == product) else {
            return Verdict::UnknownProduct;
        };
        let expected = match self.challenge_style() {
            ChallengeStyle::None => return Verdict::Wrong,
            ChallengeStyle::Digest => digest_answer(challenge, key),
            ChallengeStyle::Mixed => mixed_answer(challenge, product, key),
        };
        if expected.as_bytes().eq_ignore_ascii_case(answer) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

fn digest_answer(challenge: &str, key: &str) -> String {
    hex(&md5(challenge, key))
}

/// The calculation since MSNP11. All words are little-endian; the final step uses the digest's
/// words with their top bits (`docs/protocol/02 §9`).
fn mixed_answer(challenge: &str, product: &str, key: &str) -> String {
    const MODULUS: u64 = 0x7fff_ffff;
    const FACTOR: u64 = 0x0e79_a9c1;

    let digest = words(&md5(challenge, key));
    let [k0, k1, k2, k3] =
        std::array::from_fn(|i| u64::from(digest.get(i).copied().unwrap_or_default()) & MODULUS);
    let mut text = format!("{challenge}{product}");
    text.extend(std::iter::repeat_n('0', 8 - text.len() % 8));

    let (mut high, mut low) = (0u64, 0u64);
    for pair in words(text.as_bytes()).chunks_exact(2) {
        let [first, second] =
            [pair.first(), pair.last()].map(|word| u64::from(word.copied().unwrap_or_default()));
        let mixed = ((first * FACTOR % MODULUS + high) * k0 + k1) % MODULUS;
        high = ((second + mixed) % MODULUS * k2 + k3) % MODULUS;
        low = low.wrapping_add(high).wrapping_add(mixed);
    }
    high = (high + k1) % MODULUS;
    low = (low % MODULUS + k3) % MODULUS;

    let answer: Vec<u8> = digest
        .iter()
        .zip([high, low, high, low])
        .flat_map(|(&word, mask)| (word ^ (mask & MODULUS) as u32).to_le_bytes())
        .collect();
    hex(&answer)
}

fn md5(first: &str, second: &str) -> [u8; 16] {
    Md5::new()
        .chain_update(first)
        .chain_update(second)
        .finalize()
        .into()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .filter_map(|chunk| chunk.try_into().ok())
        .map(u32::from_le_bytes)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    /// Every published vector, from the project's copy of the reference.
    fn vectors(kind: &str) -> Vec<[String; 3]> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol/vectors.json");
        let all: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let text = |vector: &serde_json::Value, key| vector[key].as_str().unwrap().to_owned();
        all[kind]
            .as_array()
            .unwrap()
            .iter()
            .map(|vector| ["challenge", "product_id", "expected"].map(|key| text(vector, key)))
            .filter(|[_, product, _]| KEYS.iter().any(|(known, _)| known == product))
            .collect()
    }

    fn check(number: u8, kind: &str) {
        let vectors = vectors(kind);
        assert!(vectors.len() >= 5, "only {} vectors", vectors.len());
        for [challenge, product, expected] in vectors {
            let judge =
                |answer: &str| dialect(number).judge(&challenge, &product, answer.as_bytes());
            assert_eq!(judge(&expected), Verdict::Right, "{challenge} {product}");
            assert_eq!(judge(&expected.to_uppercase()), Verdict::Right);
            assert_eq!(judge("00000000000000000000000000000000"), Verdict::Wrong);
            assert_eq!(judge(""), Verdict::Wrong);
        }
    }

    #[test]
    fn the_vectors_of_the_digest_hold() {
        check(6, "chl_md5_msnp6_10");
        check(10, "chl_md5_msnp6_10");
    }

    #[test]
    fn the_vectors_of_the_mixed_calculation_hold() {
        check(11, "chl_msnp11");
        check(12, "chl_msnp11");
    }

    #[test]
    fn an_unknown_product_is_not_judged() {
        let verdict = dialect(11).judge("1", "PROD00517IFH4@RV", b"x");
        assert_eq!(verdict, Verdict::UnknownProduct);
    }
}
