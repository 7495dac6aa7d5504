//! Frames out of bytes. The first byte chooses the role, the second how the rest is cut into
//! pieces.

use bytes::BytesMut;
use chrysalis::wire::{Frame, FrameCodec, MAX_LINE, MAX_PAYLOAD, Role};
use tokio_util::codec::{Decoder, Encoder};

pub(crate) fn check(input: &[u8]) {
    let [role, cut, stream @ ..] = input else {
        return;
    };
    let role = match role % 2 {
        0 => Role::Notification,
        _ => Role::Switchboard,
    };
    let whole = decode(role, std::iter::once(stream));
    let size = usize::from(*cut).max(1);
    let pieces = decode(role, stream.chunks(size));
    assert_eq!(whole, pieces, "the cut changes the frames");
    assert_eq!(whole, decode(role, stream.chunks(1)), "bytes one by one");

    // What was understood is written and understood again.
    let mut codec = FrameCodec::new(role);
    let mut written = BytesMut::new();
    for frame in &whole.0 {
        assert!(frame.line().len() < MAX_LINE);
        assert!(!frame.line().contains(&b'\n'));
        let length = frame.payload().map_or(0, |payload| payload.len());
        assert!(length <= MAX_PAYLOAD);
        let encoded = codec.encode(frame.clone(), &mut written);
        encoded.unwrap_or_else(|error| panic!("cannot be written: {error}"));
    }
    let again = decode(role, std::iter::once(&written[..]));
    assert_eq!(again, (whole.0, true), "written and read again");
}

/// The frames, and whether the stream was in step to its end.
fn decode<'a>(role: Role, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, bool) {
    let mut codec = FrameCodec::new(role);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}
