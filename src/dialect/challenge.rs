//! Whether a client answered a challenge as a known one would (`docs/protocol/02 §9`).

use super::{ChallengeStyle, Dialect};
use crate::product::Product;

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
        let Some(product) = Product::named(product) else {
            return Verdict::UnknownProduct;
        };
        let expected = match self.challenge_style() {
            ChallengeStyle::None => return Verdict::Wrong,
            ChallengeStyle::Digest => product.digest(challenge),
            ChallengeStyle::Mixed => product.proof(challenge),
        };
        if expected.as_bytes().eq_ignore_ascii_case(answer) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    const PRODUCT: &str = "PROD0090YUAUV{2B";
    const CHALLENGE: &str = "22210219642164014968";

    #[test]
    fn each_version_has_its_own_calculation() {
        let product = Product::named(PRODUCT).unwrap();
        let (digest, proof) = (product.digest(CHALLENGE), product.proof(CHALLENGE));
        let judge =
            |number, answer: &str| dialect(number).judge(CHALLENGE, PRODUCT, answer.as_bytes());
        for (numbers, right, wrong) in [([6, 10], &digest, &proof), ([11, 12], &proof, &digest)] {
            for number in numbers {
                assert_eq!(judge(number, right), Verdict::Right);
                assert_eq!(judge(number, &right.to_uppercase()), Verdict::Right);
                assert_eq!(judge(number, wrong), Verdict::Wrong);
                assert_eq!(judge(number, ""), Verdict::Wrong);
            }
        }
        assert_eq!(judge(2, &digest), Verdict::Wrong);
    }

    #[test]
    fn an_unknown_product_is_not_judged() {
        let verdict = dialect(11).judge("1", "PROD00517IFH4@RV", b"x");
        assert_eq!(verdict, Verdict::UnknownProduct);
    }
}
