//! Cutting frames out of what a server sends.
//!
//! Which lines carry a payload differs from the other direction, so the server's own decoder would
//! not do (`docs/protocol/00 §1.3`).

use bytes::{Bytes, BytesMut};

use super::ClientError;
use crate::wire::{Arguments, Frame, MAX_LINE};

/// Longest payload that a server may announce. Lists of members are the longest ones.
const MAX_PAYLOAD: usize = 1 << 20;

/// What servers send a payload with, if the last field is a length.
const PAYLOAD_VERBS: [&[u8]; 13] = [
    b"MSG", b"NOT", b"IPG", b"UBX", b"GCF", b"ADL", b"RML", b"FQY", b"UBN", b"UBM", b"NFY", b"PUT",
    b"SDG",
];

/// Decodes what a server sends. Keeps the line whose payload is not there yet.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// How many bytes of the buffer are known to hold no line end.
    searched: usize,
    pending: Option<(Bytes, usize)>,
}

impl Incoming {
    /// Takes the next frame out of the buffer, or nothing if it is not whole yet. An error means
    /// that the stream is out of step.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, ClientError> {
        let (line, length) = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let Some(line) = self.take_line(buffer)? else {
                    return Ok(None);
                };
                match payload_length(&line)? {
                    None => return Ok(Some(Frame::new(line, None))),
                    Some(length) => (line, length),
                }
            }
        };
        if buffer.len() < length {
            self.pending = Some((line, length));
            return Ok(None);
        }
        let payload = buffer.split_to(length).freeze();
        Ok(Some(Frame::new(line, Some(payload))))
    }

    fn take_line(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ClientError> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let Some(offset) = unsearched.iter().position(|&byte| byte == b'\n') else {
            if buffer.len() >= MAX_LINE {
                return Err(ClientError::Garbled("a line without an end"));
            }
            self.searched = buffer.len();
            return Ok(None);
        };
        let end = self.searched + offset;
        self.searched = 0;
        let mut line = buffer.split_to(end + 1).freeze();
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        Ok(Some(line))
    }
}

/// How many bytes follow a line, or `None` if it carries no payload.
fn payload_length(line: &[u8]) -> Result<Option<usize>, ClientError> {
    let mut fields = Arguments::new(line);
    let verb = fields.next_field().unwrap_or_default();
    let count = fields.remaining();
    let last = std::iter::from_fn(|| fields.next_field()).last();
    let is_code = verb.len() == 3 && verb.iter().all(u8::is_ascii_digit);
    // An error carries a payload if, and only if, it carries a length (`docs/protocol/10 §3`).
    let may_carry = PAYLOAD_VERBS.contains(&verb) || (is_code && count == 2);
    if !may_carry {
        return Ok(None);
    }
    // `ADL 5 OK` and the like confirm a command.
    let digits = last.filter(|last| last.iter().all(u8::is_ascii_digit));
    let Some(digits) = digits else {
        return Ok(None);
    };
    let text = std::str::from_utf8(digits).unwrap_or_default();
    match text.parse() {
        Ok(length) if length <= MAX_PAYLOAD => Ok(Some(length)),
        _ => Err(ClientError::Garbled("a payload without bounds")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Result<Vec<Frame>, ClientError> {
        let mut incoming = Incoming::default();
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(frame) = incoming.take(&mut buffer)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    const STREAM: &[u8] =
        b"VER 1 X CVR0\r\nMSG Hotmail Hotmail 5\r\nab\r\ncGCF 0 2\r\nhiUUX 6 0\r\n\
        ADL 7 OK\r\nADL 0 4\r\n<ml>241 8 3\r\nxyz911 9\r\nUBX a@example.com 0\r\nQNG 50\r\n";

    #[test]
    fn payloads_are_told_from_lines() {
        let frames = decode(&[STREAM]).unwrap();
        let payloads: Vec<Option<&[u8]>> = frames
            .iter()
            .map(|frame| frame.payload().map(|payload| &payload[..]))
            .collect();
        let expected: [Option<&[u8]>; 10] = [
            None,
            Some(b"ab\r\nc"),
            Some(b"hi"),
            None,
            None,
            Some(b"<ml>"),
            Some(b"xyz"),
            None,
            Some(b""),
            None,
        ];
        assert_eq!(payloads, expected);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(at in 0..STREAM.len()) {
            let (start, end) = STREAM.split_at(at);
            let whole = decode(&[STREAM]).unwrap();
            prop_assert_eq!(decode(&[start, end]).unwrap(), whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&[&bytes]);
        }
    }

    #[test]
    fn what_has_no_end_is_refused() {
        assert!(decode(&[&[b'x'; MAX_LINE]]).is_err());
        assert!(decode(&[b"NOT 99999999\r\n"]).is_err());
    }
}
