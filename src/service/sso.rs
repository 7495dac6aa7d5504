//! The proof of single sign-on: that somebody holds the key of a ticket (`docs/protocol/10 §1.3`).
//!
//! The server sends a nonce, and the client sends back its HMAC and its encryption, each under a
//! key derived from the ticket's. The ciphers are those of 2006 because the clients know no
//! others; what protects an account is the 24 random bytes of the key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::Decryptor;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use des::TdesEde3;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// What the proof begins with: the sizes of its parts and the names of its algorithms, all
/// constant.
const HEADER: [u32; 7] = [
    28,     // the size of this header
    1,      // cipher block chaining
    0x6603, // triple DES
    0x8004, // SHA-1
    8,      // the size of the initial vector
    20,     // the size of the hash
    72,     // the size of the cipher text
];

/// The size of a proof, and of its parts behind the header.
const PROOF: usize = 128;
const VECTOR: usize = 8;
const HASH: usize = 20;
const CIPHER: usize = 72;

/// What the nonce is padded with to whole blocks.
const PADDING: [u8; 8] = [8; 8];

const HASH_KEY: &str = "WS-SecureConversationSESSION KEY HASH";
const CIPHER_KEY: &str = "WS-SecureConversationSESSION KEY ENCRYPTION";

/// Whether this proof can only have been made from this nonce by who holds the key. Takes the same
/// time whatever is wrong with a proof of the right form.
pub(super) fn proves(secret: &[u8], nonce: &str, proof: &str) -> bool {
    let Some(parts) = Parts::read(proof) else {
        return false;
    };
    let hash = hmac(&derive(secret, HASH_KEY.as_bytes()), &[nonce.as_bytes()]);
    let text = decrypt(
        &derive(secret, CIPHER_KEY.as_bytes()),
        parts.vector,
        parts.cipher,
    );
    let expected = [nonce.as_bytes(), &PADDING].concat();
    (hash.ct_eq(&parts.hash) & text.ct_eq(&expected)).into()
}

/// A proof of the right form.
struct Parts {
    vector: [u8; VECTOR],
    hash: [u8; HASH],
    cipher: [u8; CIPHER],
}

impl Parts {
    /// Reads the base64 text; `None` unless every size and algorithm is the one there is.
    fn read(proof: &str) -> Option<Self> {
        let bytes = BASE64.decode(proof).ok()?;
        let bytes: &[u8; PROOF] = bytes.as_slice().try_into().ok()?;
        let header: Vec<u8> = HEADER.into_iter().flat_map(u32::to_le_bytes).collect();
        let rest = bytes.strip_prefix(header.as_slice())?;
        let (vector, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        Some(Self {
            vector: *vector,
            hash: *hash,
            cipher: rest.try_into().ok()?,
        })
    }
}

/// A key for one use, out of the key of a ticket (`docs/protocol/10 §1.3.1`).
pub(super) fn derive(secret: &[u8], usage: &[u8]) -> [u8; 24] {
    let first = hmac(secret, &[usage]);
    let second = hmac(secret, &[&first, usage]);
    let third = hmac(secret, &[&first]);
    let fourth = hmac(secret, &[&third, usage]);
    let mut derived = second.into_iter().chain(fourth);
    std::array::from_fn(|_| derived.next().unwrap_or_default())
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; HASH] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("a key of an HMAC has any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn decrypt(key: &[u8; 24], vector: [u8; VECTOR], mut text: [u8; CIPHER]) -> [u8; CIPHER] {
    let mut cipher = Decryptor::<TdesEde3>::new(key.into(), &vector.into());
    for block in text.as_chunks_mut::<VECTOR>().0 {
        cipher.decrypt_block(block.into());
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use cbc::Encryptor;
    use cbc::cipher::BlockModeEncrypt as _;
    use serde_json::Value;

    use super::*;

    /// The proof that a client makes.
    pub(in crate::service) fn proof(secret: &[u8], nonce: &str, vector: [u8; 8]) -> String {
        let mut text = [nonce.as_bytes(), &PADDING].concat();
        let key = derive(secret, CIPHER_KEY.as_bytes());
        let mut cipher = Encryptor::<TdesEde3>::new((&key).into(), &vector.into());
        for block in text.as_chunks_mut::<8>().0 {
            cipher.encrypt_block(block.into());
        }
        let hash = hmac(&derive(secret, HASH_KEY.as_bytes()), &[nonce.as_bytes()]);
        let header: Vec<u8> = HEADER.into_iter().flat_map(u32::to_le_bytes).collect();
        BASE64.encode([&header, &vector[..], &hash, &text].concat())
    }

    struct Vector {
        secret: Vec<u8>,
        nonce: String,
        initial: [u8; 8],
        key2: String,
        key3: String,
        blob: String,
    }

    /// The vectors of the reference, published ones among them.
    fn vectors() -> Vec<Vector> {
        let all: Value =
            serde_json::from_str(include_str!("../../docs/protocol/vectors.json")).unwrap();
        let vectors = all["sso_mbi_key_old"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        vectors
            .iter()
            .map(|vector| Vector {
                // Published keys have stray bits at their end, which a strict reader refuses.
                secret: lenient(&text(&vector["binary_secret_b64"])),
                nonce: text(&vector["nonce_ascii"]),
                initial: u64::from_str_radix(&text(&vector["iv_hex"]), 16)
                    .unwrap()
                    .to_be_bytes(),
                key2: text(&vector["expected"]["key2_hex"]),
                key3: text(&vector["expected"]["key3_hex"]),
                blob: text(&vector["expected"]["blob_b64"]),
            })
            .collect()
    }

    fn lenient(text: &str) -> Vec<u8> {
        use base64::alphabet::STANDARD as SIGNS;
        use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(&SIGNS, config).decode(text).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_vectors_of_the_reference_hold() {
        let vectors = vectors();
        assert!(vectors.len() >= 3);
        for vector in vectors {
            let Vector { secret, nonce, .. } = &vector;
            assert_eq!(hex(&derive(secret, HASH_KEY.as_bytes())), vector.key2);
            assert_eq!(hex(&derive(secret, CIPHER_KEY.as_bytes())), vector.key3);
            assert_eq!(proof(secret, nonce, vector.initial), vector.blob);
            assert!(proves(secret, nonce, &vector.blob), "{nonce}");
        }
    }

    #[test]
    fn every_single_byte_of_a_proof_counts() {
        const NONCE: &str = "LAhAAUzdC+JvuB33nooLSa6Oh0oDFCbKrN57EVTY0Dmca8Reb3C1S1czlP12N8VU";
        let right = BASE64.decode(proof(&[5; 24], NONCE, [1; 8])).unwrap();
        for index in 0..PROOF {
            let mut wrong = right.clone();
            wrong[index] ^= 1;
            assert!(!proves(&[5; 24], NONCE, &BASE64.encode(wrong)), "{index}");
        }
        assert!(proves(&[5; 24], NONCE, &BASE64.encode(&right)));
        assert!(!proves(&[6; 24], NONCE, &BASE64.encode(&right)));
        assert!(!proves(&[5; 24], &NONCE[1..], &BASE64.encode(&right)));
        let longer = [&right[..], &[0]].concat();
        for text in [
            "",
            "HAAAAA",
            "*",
            &BASE64.encode(&right[1..]),
            &BASE64.encode(longer),
        ] {
            assert!(!proves(&[5; 24], NONCE, text), "{text}");
        }
    }
}
