//! The products that clients say they are, and the answers that only such a product can give.
//!
//! A client shows what it is by answering a question with the key of its product: the notification
//! server asks with a challenge (`docs/protocol/02 §9`), and the service for offline messages with
//! its lock key (`docs/protocol/13 §1.4`). Both are the same calculation, so it lives here, where
//! everybody may use it; which version of the protocol uses which answer is for `dialect` to say.
//! The keys were in every copy of the clients, so an answer proves nothing about a person.

use md5::{Digest, Md5};

/// Product identities and their keys, as clients carry them (`docs/protocol/02 §9`, `10 §1.5`).
const PRODUCTS: [Product; 17] = [
    Product::new("msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5"),
    Product::new("PROD0038W!61ZTF9", "VT6PX?UQTM4WM%YR"),
    Product::new("PROD0058#7IL2{QD", "QHDCY@7R1TB6W?5B"),
    Product::new("PROD0061VRRZH@4F", "JXQ6J@TUOGYV@N0M"),
    Product::new("PROD00504RLUG%WL", "I2EBK%PYNLZL5_J4"),
    Product::new("PROD0076ENE8*@AW", "CEQJ8}OE0!WTSWII"),
    Product::new("PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL"),
    Product::new("PROD00974#MT*RC2", "LMCVO*18PQJ3H!K3"),
    Product::new("PROD0101{0RM?UBW", "CFHUR$52U_{VIX5T"),
    Product::new("PROD0104U6VVM{UJ", "VK67B}379XYM5}$T"),
    Product::new("PROD01065C%ZFN6F", "O4BG@C7BWLYQX?5G"),
    Product::new("PROD0112J1LW7%NB", "RH96F{PHI8PPX_TJ"),
    Product::new("PROD0113H11T8$X_", "RG@XY*28Q5QHS%Q5"),
    Product::new("PROD0114ES4Z%Q5W", "PK}_A_0N_K%O?A9S"),
    Product::new("PROD0118R6%2WYOS", "YIXPX@5I2P0UT*LK"),
    Product::new("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX"),
    Product::new("PROD0120PW!CCV9@", "C1BX{V4W}Q3*10SM"),
];

/// A product whose key is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    id: &'static str,
    key: &'static str,
}

impl Product {
    const fn new(id: &'static str, key: &'static str) -> Self {
        Self { id, key }
    }

    /// The product with this identity; `None` if its key is not known, so that nothing can be said
    /// about its answers.
    pub fn named(id: &str) -> Option<Self> {
        PRODUCTS.into_iter().find(|product| product.id == id)
    }

    /// The answer before MSNP11: the digest of challenge and key, in lower-case hexadecimal.
    pub fn digest(self, challenge: &str) -> String {
        hex(&md5(challenge, self.key))
    }

    /// The answer since MSNP11, which is the lock key too. All words are little-endian; the final
    /// step uses the digest's words with their top bits (`docs/protocol/02 §9`).
    ///
    /// Clients differ where challenge and identity together have a multiple of eight bytes, so a
    /// challenge should have another length (`docs/protocol/vectors.json`).
    pub fn proof(self, challenge: &str) -> String {
        const MODULUS: u64 = 0x7fff_ffff;
        const FACTOR: u64 = 0x0e79_a9c1;

        let digest = words(&md5(challenge, self.key));
        let [k0, k1, k2, k3] = std::array::from_fn(|i| {
            u64::from(digest.get(i).copied().unwrap_or_default()) & MODULUS
        });
        let mut text = format!("{challenge}{}", self.id);
        text.extend(std::iter::repeat_n('0', 8 - text.len() % 8));

        let (mut high, mut low) = (0u64, 0u64);
        for pair in words(text.as_bytes()).chunks_exact(2) {
            let [first, second] = [pair.first(), pair.last()]
                .map(|word| u64::from(word.copied().unwrap_or_default()));
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
    use super::*;

    /// Every published vector of one kind, from the project's copy of the reference.
    fn vectors<const N: usize>(kind: &str, keys: [&str; N]) -> Vec<[String; N]> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol/vectors.json");
        let all: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        all[kind]
            .as_array()
            .unwrap()
            .iter()
            .map(|vector| keys.map(|key| vector[key].as_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn the_vectors_of_the_digest_hold() {
        let vectors = vectors("chl_md5_msnp6_10", ["challenge", "product_id", "expected"]);
        assert!(vectors.len() >= 5, "only {} vectors", vectors.len());
        for [challenge, id, expected] in vectors {
            assert_eq!(Product::named(&id).unwrap().digest(&challenge), expected);
        }
    }

    #[test]
    fn the_vectors_of_the_proof_hold() {
        let vectors = vectors("chl_msnp11", ["challenge", "product_id", "expected"]);
        assert!(vectors.len() >= 20, "only {} vectors", vectors.len());
        for [challenge, id, expected] in vectors {
            let product = Product::named(&id).unwrap_or_else(|| panic!("{id} is not known"));
            assert_eq!(product.proof(&challenge), expected, "{id}");
        }
    }

    #[test]
    fn the_vectors_of_the_lock_key_hold() {
        let keys = ["lock_key_challenge", "appid", "expected_lockkey"];
        let vectors = vectors("oim_lock_key", keys);
        assert!(vectors.len() >= 3, "only {} vectors", vectors.len());
        for [challenge, id, expected] in vectors {
            assert_eq!(Product::named(&id).unwrap().proof(&challenge), expected);
        }
    }

    #[test]
    fn every_product_is_found_once() {
        for product in PRODUCTS {
            assert_eq!(Product::named(product.id), Some(product));
        }
        assert_eq!(Product::named("PROD00517IFH4@RV"), None);
    }
}
