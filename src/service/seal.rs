//! Answers that only one client can read: the one that holds the key of a ticket.
//!
//! A client that renews its tickets shows the one that renews others, and gets the new ones under a
//! key derived from that ticket's (`docs/protocol/11 §5`). So whoever saw the ticket but not its
//! key, which went to the client with the password's answer alone, has nothing from the answer;
//! that is why a renewal needs no other proof.

use std::fmt;

use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use des::TdesEde3;

use super::sso::derive;

/// What every usage of a derived key begins with.
const USAGE: &[u8] = b"WS-SecureConversation";

/// The size of a block of the cipher.
const BLOCK: usize = 8;

/// A key for one answer. Does not print.
pub struct Seal {
    key: [u8; 24],
    nonce: [u8; 24],
}

impl Seal {
    /// A new one, for who holds this key of a ticket.
    pub(super) fn new(secret: &[u8; 24]) -> Self {
        Self::with_nonce(secret, rand::random())
    }

    fn with_nonce(secret: &[u8; 24], nonce: [u8; 24]) -> Self {
        let key = derive(secret, &[USAGE, &nonce].concat());
        Self { key, nonce }
    }

    /// What the client needs besides its own key to read the answer.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// The text, to be read by that client alone.
    ///
    /// The initial vector is zero and not part of it. Clients disagree about the end: one goes by
    /// the standard, where the last byte tells how much to cut off, the other reads up to the
    /// first zero byte. Blanks, which belong to no element, fill the last block of the text, and a
    /// block that both of them cut off follows.
    pub fn close(&self, text: &str) -> Vec<u8> {
        let mut sealed = text.as_bytes().to_vec();
        sealed.resize(sealed.len().next_multiple_of(BLOCK), b' ');
        sealed.extend([0, 0, 0, 0, 0, 0, 0, 8]);
        let mut cipher = Encryptor::<TdesEde3>::new((&self.key).into(), &[0; BLOCK].into());
        for block in sealed.as_chunks_mut::<BLOCK>().0 {
            cipher.encrypt_block(block.into());
        }
        sealed
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the client does with an answer.
#[cfg(test)]
pub(crate) fn open(secret: &[u8], nonce: &[u8], sealed: &[u8]) -> String {
    use cbc::Decryptor;
    use cbc::cipher::BlockModeDecrypt as _;

    let key = derive(secret, &[USAGE, nonce].concat());
    let mut text = sealed.to_vec();
    let mut cipher = Decryptor::<TdesEde3>::new((&key).into(), &[0; BLOCK].into());
    for block in text.as_chunks_mut::<BLOCK>().0 {
        cipher.decrypt_block(block.into());
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_find_the_end_find_the_same() {
        for length in 0..=17 {
            let text = "x".repeat(length);
            let seal = Seal::with_nonce(&[7; 24], [9; 24]);
            let opened = open(&[7; 24], seal.nonce(), &seal.close(&text));
            let up_to_zero = opened.split('\0').next().unwrap();
            let cut = usize::from(*opened.as_bytes().last().unwrap());
            assert_eq!(&opened[..opened.len() - cut], up_to_zero);
            assert_eq!(up_to_zero.trim_end(), text);
        }
    }

    #[test]
    fn another_key_or_nonce_opens_nothing() {
        let seal = Seal::with_nonce(&[7; 24], [9; 24]);
        let sealed = seal.close("<secret/>");
        assert!(open(&[7; 24], &[9; 24], &sealed).starts_with("<secret/>"));
        assert!(!open(&[8; 24], &[9; 24], &sealed).contains("secret"));
        assert!(!open(&[7; 24], &[8; 24], &sealed).contains("secret"));
        assert_ne!(Seal::new(&[7; 24]).nonce(), Seal::new(&[7; 24]).nonce());
    }
}
