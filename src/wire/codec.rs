//! Cutting frames out of a byte stream.
//!
//! Whether a line has a payload is decided by verb, role and number of fields, and the payload's
//! size by the last field, before a single byte of it is waited for (`docs/protocol/00 §1.3`).

use bytes::{Buf, BytesMut};
use memchr::memchr;
use tokio_util::codec::{Decoder, Encoder};

use super::args::{Arguments, number};
use super::frame::Frame;

/// Longest command line, line end included (`docs/protocol/00 §1.1`).
pub const MAX_LINE: usize = 8192;
/// Longest message in a switchboard (`docs/protocol/00 §1.3`).
pub const MAX_MESSAGE: usize = 1664;
/// Longest payload of any other command.
pub const MAX_PAYLOAD: usize = 8192;

/// What a connection is for, which decides the verbs that carry a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Dispatch and notification server.
    Notification,
    Switchboard,
}

/// The peer sent what cannot be a frame. The stream is out of step from here on.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("line longer than {MAX_LINE} bytes")]
    LineTooLong,
    #[error("payload longer than {limit} bytes")]
    PayloadTooLong { limit: usize },
    #[error("the length of the payload is not a number")]
    BadLength,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Decodes what a client sends and encodes frames back into bytes.
#[derive(Debug, Clone)]
pub struct FrameCodec {
    role: Role,
    /// How many bytes of the buffer are known to hold no line end, so that a slow peer does not
    /// make us search them again.
    searched: usize,
    /// The line at the start of the buffer, if its payload is not complete yet.
    pending: Option<Pending>,
}

/// A line that is waiting for its payload: where it starts and ends, where the payload starts, and
/// how long that is.
#[derive(Debug, Clone, Copy)]
struct Pending {
    line: (usize, usize),
    payload: (usize, usize),
}

impl FrameCodec {
    pub fn new(role: Role) -> Self {
        Self {
            role,
            searched: 0,
            pending: None,
        }
    }

    /// What the connection is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Finds the next line that is not blank, from its first byte to behind its last one, and
    /// where the next one starts. Blank lines are taken out of the buffer: clients may put one
    /// behind a payload (`docs/protocol/00 §1.1`).
    fn find_line(&mut self, buffer: &mut BytesMut) -> Result<Option<Found>, CodecError> {
        loop {
            let unsearched = buffer.get(self.searched..).unwrap_or_default();
            let Some(offset) = memchr(b'\n', unsearched) else {
                if buffer.len() >= MAX_LINE {
                    return Err(CodecError::LineTooLong);
                }
                self.searched = buffer.len();
                return Ok(None);
            };
            let end = self.searched + offset;
            self.searched = 0;
            if end >= MAX_LINE {
                return Err(CodecError::LineTooLong);
            }
            let line = buffer.get(..end).unwrap_or_default().trim_ascii_end();
            let length = line.len();
            let start = length - line.trim_ascii_start().len();
            if start < length {
                return Ok(Some(Found {
                    line: (start, length),
                    next: end + 1,
                }));
            }
            buffer.advance(end + 1);
        }
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let Some(found) = self.find_line(buffer)? else {
                    return Ok(None);
                };
                let line = buffer.get(found.line.0..found.line.1).unwrap_or_default();
                match payload_length(self.role, line)? {
                    Some(length) => Pending {
                        line: found.line,
                        payload: (found.next, length),
                    },
                    None => {
                        let frame = Frame::new(line, None);
                        buffer.advance(found.next);
                        return Ok(Some(frame));
                    }
                }
            }
        };
        let (start, length) = pending.payload;
        let line = buffer.get(pending.line.0..pending.line.1);
        let payload = buffer.get(start..start + length);
        let (Some(line), Some(payload)) = (line, payload) else {
            // No reserve: the buffer grows with what arrives, not with what is announced.
            self.pending = Some(pending);
            return Ok(None);
        };
        let frame = Frame::new(line, Some(payload));
        buffer.advance(start + length);
        Ok(Some(frame))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let frame = self.decode(buffer)?;
        if frame.is_none() {
            // Half a frame at the end of the stream is nothing.
            self.pending = None;
            buffer.clear();
        }
        Ok(frame)
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<(), CodecError> {
        buffer.extend_from_slice(frame.line());
        buffer.extend_from_slice(b"\r\n");
        if let Some(payload) = frame.payload() {
            buffer.extend_from_slice(payload);
        }
        Ok(())
    }
}

/// A line in the buffer.
#[derive(Debug, Clone, Copy)]
struct Found {
    line: (usize, usize),
    next: usize,
}

/// How many bytes follow `line`, or `None` if it carries no payload.
fn payload_length(role: Role, line: &[u8]) -> Result<Option<usize>, CodecError> {
    let mut fields = Arguments::new(line);
    let verb = fields.next_field().unwrap_or_default();
    let (count, last) = fields.count_and_last();
    let (fewest, limit) = match (role, verb) {
        (Role::Switchboard, b"MSG") => (3, MAX_MESSAGE),
        (Role::Notification, b"NOT") => (1, MAX_PAYLOAD),
        (Role::Notification, b"UUX" | b"ADL" | b"RML" | b"FQY" | b"PUT" | b"SDG") => {
            (2, MAX_PAYLOAD)
        }
        (Role::Notification, b"QRY" | b"PAG" | b"MSG") => (3, MAX_PAYLOAD),
        (Role::Notification, b"PGD" | b"UUN") => (4, MAX_PAYLOAD),
        (Role::Notification, b"UUM") => (5, MAX_PAYLOAD),
        // The length may be absent (`docs/protocol/00 §1.3`).
        (Role::Notification, b"SDC") if count >= 9 => (9, MAX_PAYLOAD),
        _ => return Ok(None),
    };
    if count < fewest {
        return Err(CodecError::BadLength);
    }
    let length = last.and_then(number).ok_or(CodecError::BadLength)?;
    let length = usize::try_from(length).map_err(|_| CodecError::BadLength)?;
    if length > limit {
        return Err(CodecError::PayloadTooLong { limit });
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn decode_all(role: Role, chunks: &[&[u8]]) -> Result<Vec<Frame>, CodecError> {
        let mut codec = FrameCodec::new(role);
        let mut buffer = BytesMut::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(frame) = codec.decode(&mut buffer)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    fn lines(frames: &[Frame]) -> Vec<&[u8]> {
        frames.iter().map(Frame::line).collect()
    }

    #[test]
    fn both_line_ends_end_a_line_and_blank_lines_are_skipped() {
        let frames = decode_all(
            Role::Notification,
            &[b"PNG\r\n\r\n\n  \nOUT\nCHG 1 NLN\r\n"],
        );
        assert_eq!(lines(&frames.unwrap()), [&b"PNG"[..], b"OUT", b"CHG 1 NLN"]);
    }

    #[test]
    fn a_payload_has_exactly_the_declared_bytes() {
        let frames = decode_all(
            Role::Switchboard,
            &[b"MSG 1 N 5\r\nab\r\ncMSG 2 U 0\r\nOUT\r\n"],
        )
        .unwrap();
        let payloads: Vec<_> = frames
            .iter()
            .map(|frame| frame.clone().into_payload())
            .collect();
        assert_eq!(
            payloads,
            [
                Some(Bytes::from_static(b"ab\r\nc")),
                Some(Bytes::new()),
                None
            ]
        );
    }

    #[test]
    fn a_bad_length_is_an_error_before_any_payload_arrives() {
        for line in [
            "MSG 1 N -1",
            "MSG 1 N",
            "MSG",
            "MSG 1 N x",
            "MSG 1 N 1665",
            "MSG 1 N 4294967296",
            "MSG 1 N 99999999999999999999",
            "MSG 1 N 0x10",
        ] {
            let line = format!("{line}\r\n");
            assert!(
                decode_all(Role::Switchboard, &[line.as_bytes()]).is_err(),
                "{line}"
            );
        }
        assert!(decode_all(Role::Switchboard, &[b"MSG 1 N 1664\r\n"]).is_ok());
        assert!(decode_all(Role::Switchboard, &[b"MSG 1 20\r\n"]).is_err());
        assert!(decode_all(Role::Notification, &[b"UUX 20\r\n"]).is_err());
        assert!(decode_all(Role::Notification, &[b"QRY 1 PROD0061VRRZH@4F 8193\r\n"]).is_err());
    }

    #[test]
    fn the_newer_commands_carry_payloads_of_at_least_8192_bytes() {
        for line in [
            "ADL 1",
            "RML 1",
            "FQY 1",
            "PUT 1",
            "SDG 1",
            "UUN 1 bob@example.com 3",
            "UUM 1 bob@example.com 1 1",
        ] {
            let whole = format!("{line} 8192\r\n{}PNG\r\n", "x".repeat(8192));
            let frames = decode_all(Role::Notification, &[whole.as_bytes()]).unwrap();
            assert_eq!(frames[0].payload().map(<[u8]>::len), Some(8192), "{line}");
            assert_eq!(frames[1].line(), b"PNG");
            let long = format!("{line} 8193\r\n");
            assert!(decode_all(Role::Notification, &[long.as_bytes()]).is_err());
        }
    }

    #[test]
    fn an_invitation_by_mail_may_lack_its_length() {
        let without = b"SDC 1 a@b.c 0x0409 MSMSGS MSMSGS X X Alice\r\nPNG\r\n";
        let with = b"SDC 1 a@b.c 0x0409 MSMSGS MSMSGS X X Alice 2\r\nhiPNG\r\n";
        for bytes in [&without[..], with] {
            let frames = decode_all(Role::Notification, &[bytes]).unwrap();
            assert_eq!(frames[1].line(), b"PNG");
        }
    }

    #[test]
    fn an_endless_line_is_an_error_at_the_limit() {
        let mut codec = FrameCodec::new(Role::Notification);
        let mut buffer = BytesMut::from(&vec![b'a'; MAX_LINE - 1][..]);
        assert!(matches!(codec.decode(&mut buffer), Ok(None)));
        buffer.extend_from_slice(b"a");
        assert!(matches!(
            codec.decode(&mut buffer),
            Err(CodecError::LineTooLong)
        ));
    }

    #[test]
    fn the_longest_line_passes() {
        let mut line = vec![b'a'; MAX_LINE - 2];
        line.extend_from_slice(b"\r\n");
        let frames = decode_all(Role::Notification, &[&line]).unwrap();
        assert_eq!(frames[0].line().len(), MAX_LINE - 2);
        line.insert(0, b'a');
        assert!(decode_all(Role::Notification, &[&line]).is_err());
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let field = "[!-~]{1,20}";
        let plain = proptest::collection::vec(field, 1..6).prop_map(|fields| {
            let line = format!("CHG {}", fields.join(" "));
            Frame::new(line.as_bytes(), None)
        });
        let message = (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(
            |(trid, body)| {
                let line = format!("MSG {trid} N {}", body.len());
                Frame::new(line.as_bytes(), Some(&body))
            },
        );
        prop_oneof![plain, message]
    }

    proptest! {
        #[test]
        fn decoding_any_bytes_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..4000),
            switchboard: bool,
        ) {
            let role = if switchboard { Role::Switchboard } else { Role::Notification };
            let _ = decode_all(role, &[&bytes]);
        }

        #[test]
        fn decoding_what_was_encoded_gives_it_back_however_it_is_split(
            frames in proptest::collection::vec(any_frame(), 1..8),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut codec = FrameCodec::new(Role::Switchboard);
            let mut bytes = BytesMut::new();
            for frame in &frames {
                codec.encode(frame.clone(), &mut bytes).unwrap();
            }
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut start = 0;
            for cut in cuts {
                chunks.push(&bytes[start..cut]);
                start = cut;
            }
            chunks.push(&bytes[start..]);
            prop_assert_eq!(decode_all(Role::Switchboard, &chunks).unwrap(), frames);
        }

        #[test]
        fn hostile_bytes_give_the_same_frames_one_at_a_time(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b' '), Just(b'1'), any::<u8>()], 0..400),
        ) {
            let whole = decode_all(Role::Switchboard, &[&bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            let split = decode_all(Role::Switchboard, &single);
            match (whole, split) {
                (Ok(whole), Ok(split)) => prop_assert_eq!(whole, split),
                (whole, split) => prop_assert_eq!(whole.is_err(), split.is_err()),
            }
        }
    }
}
