//! Buffers for whoever is at work.
//!
//! Most connections are idle, and keep no room for bytes. One that wakes up borrows a buffer of
//! its thread and gives it back before it waits again, so that neither memory nor time goes into
//! making new ones.

use std::cell::RefCell;

use bytes::BytesMut;

/// How large they are: many messages' worth.
pub(super) const SIZE: usize = 32 * 1024;
/// How many a thread keeps: a turn needs two, and more are out only while turns wait.
const KEPT: usize = 8;
/// One that a burst has made larger is not kept.
const LARGEST: usize = 2 * SIZE;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for [`SIZE`] bytes.
pub(super) fn take() -> BytesMut {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    let mut buffer = spare.unwrap_or_default();
    buffer.reserve(SIZE);
    buffer
}

/// Takes a buffer back, whatever is in it.
pub(super) fn give(mut buffer: BytesMut) {
    buffer.clear();
    if !(SIZE..=LARGEST).contains(&buffer.capacity()) {
        // Most likely one that was taken, with its start used up; it has its room back only now.
        if !buffer.try_reclaim(SIZE) || buffer.capacity() > LARGEST {
            return;
        }
    }
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT {
            spare.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, BufMut};

    use super::*;

    #[test]
    fn what_was_given_back_comes_again_and_is_empty() {
        let mut buffer = take();
        buffer.put_slice(b"secret");
        buffer.advance(3);
        let place = buffer.as_ptr() as usize;
        give(buffer);
        let again = take();
        assert!(again.is_empty() && again.capacity() >= SIZE);
        assert!(place - again.as_ptr() as usize <= 3, "it is another one");
    }

    #[test]
    fn neither_crumbs_nor_giants_are_kept() {
        give(BytesMut::with_capacity(16));
        give(BytesMut::with_capacity(LARGEST + 1));
        assert_eq!(SPARE.with_borrow(Vec::len), 0);
        let many: Vec<_> = (0..=KEPT).map(|_| take()).collect();
        many.into_iter().for_each(give);
        assert_eq!(SPARE.with_borrow(Vec::len), KEPT);
    }
}
