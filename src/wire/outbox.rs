//! Frames on their way to a client.
//!
//! Everything one step produces is collected here and written to the socket together, so the
//! answer to a command always precedes later events and costs one system call.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes to be written at the end of the step.
#[derive(Debug, Default)]
pub struct Outbox {
    buffer: BytesMut,
    frames: u64,
    /// Where each frame ends, for who has to know.
    ends: Option<Vec<usize>>,
}

impl Outbox {
    /// One that remembers where its frames end, for [`Outbox::pieces`]. A socket has no use for it.
    pub fn in_pieces() -> Self {
        Self {
            ends: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Starts a line with its verb; more fields follow on the [`LineWriter`], and dropping it
    /// ends the line.
    pub fn line(&mut self, verb: &str) -> LineWriter<'_> {
        self.buffer.put_slice(verb.as_bytes());
        self.frames += 1;
        LineWriter { outbox: self }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// What is to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// What is to be written, one piece for each frame; everything as one piece where the ends
    /// are not known.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let last = self.buffer.len();
        let whole = self.ends.is_none().then_some(last);
        let ends = self.ends.iter().flatten().copied().chain(whole);
        let mut start = 0;
        ends.filter_map(move |end| {
            let piece = self.buffer.get(start..end);
            start = end;
            piece
        })
    }

    /// Takes everything out for writing.
    pub fn take(&mut self) -> Bytes {
        self.ends.iter_mut().for_each(Vec::clear);
        self.buffer.split().freeze()
    }

    /// How many frames went in since the last call.
    pub fn take_frame_count(&mut self) -> u64 {
        std::mem::take(&mut self.frames)
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.buffer.clear();
        if let Some(ends) = &mut self.ends {
            *ends = Vec::new();
        }
    }

    /// Has room from `make`, unless it still has some.
    pub fn use_buffer(&mut self, make: impl FnOnce() -> BytesMut) {
        if self.buffer.capacity() == 0 {
            self.buffer = make();
        }
    }

    /// Gives up its room, if there is nothing to write.
    pub fn rest(&mut self) -> Option<BytesMut> {
        let is_idle = self.buffer.is_empty() && self.buffer.capacity() > 0;
        is_idle.then(|| std::mem::take(&mut self.buffer))
    }

    fn end_frame(&mut self) {
        if let Some(ends) = &mut self.ends {
            ends.push(self.buffer.len());
        }
    }
}

/// What can stand as one field of a line.
pub trait Field {
    /// Appends the field's bytes.
    fn put(&self, buffer: &mut BytesMut);
}

impl Field for str {
    fn put(&self, buffer: &mut BytesMut) {
        self.as_bytes().put(buffer);
    }
}

impl Field for [u8] {
    /// A line end would end the command early. Whatever is a field comes from a word of a line or from
    /// a type that has none; tests look here that this stays so.
    fn put(&self, buffer: &mut BytesMut) {
        debug_assert!(!self.iter().any(|&byte| byte == b'\r' || byte == b'\n'));
        buffer.put_slice(self);
    }
}

macro_rules! decimal_fields {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn put(&self, buffer: &mut BytesMut) {
                // 20 digits hold any 64-bit number.
                let mut digits = [0u8; 20];
                let mut value = u64::from(*self);
                let mut used = 0;
                for digit in digits.iter_mut().rev() {
                    *digit = b'0' + (value % 10) as u8;
                    value /= 10;
                    used += 1;
                    if value == 0 {
                        break;
                    }
                }
                buffer.put_slice(digits.split_at(digits.len() - used).1);
            }
        }
    )*};
}
decimal_fields!(u8, u16, u32, u64);

impl<F: Field + ?Sized> Field for &F {
    fn put(&self, buffer: &mut BytesMut) {
        (**self).put(buffer);
    }
}

/// A line under construction.
#[derive(Debug)]
#[must_use = "a line ends when its writer is dropped"]
pub struct LineWriter<'a> {
    outbox: &'a mut Outbox,
}

impl LineWriter<'_> {
    /// Appends a blank and a field.
    pub fn arg(self, field: impl Field) -> Self {
        self.outbox.buffer.put_u8(b' ');
        field.put(&mut self.outbox.buffer);
        self
    }

    /// Appends a field if there is one.
    pub fn maybe(self, field: Option<impl Field>) -> Self {
        match field {
            Some(field) => self.arg(field),
            None => self,
        }
    }

    /// Appends the parts of one field, without blanks between them.
    pub fn joined(self, parts: &[&dyn Field]) -> Self {
        self.outbox.buffer.put_u8(b' ');
        for part in parts {
            part.put(&mut self.outbox.buffer);
        }
        self
    }

    /// Appends several fields, one blank before each.
    pub fn args<F: Field>(self, fields: impl IntoIterator<Item = F>) -> Self {
        fields.into_iter().fold(self, |line, field| line.arg(field))
    }

    /// Ends the line. Dropping does the same; this says that it is meant.
    pub fn end(self) {}

    /// Ends the line with the payload's length and appends the payload.
    pub fn payload(self, payload: &[u8]) {
        let line = self.arg(payload.len() as u64);
        line.outbox.buffer.put_slice(b"\r\n");
        line.outbox.buffer.put_slice(payload);
        line.outbox.end_frame();
        std::mem::forget(line);
    }
}

impl Drop for LineWriter<'_> {
    fn drop(&mut self) {
        self.outbox.buffer.put_slice(b"\r\n");
        self.outbox.end_frame();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_payloads_come_out_as_the_wire_wants_them() {
        let mut out = Outbox::default();
        out.line("CHG")
            .arg(0u32)
            .arg("NLN")
            .maybe(None::<u32>)
            .end();
        out.line("MSG").arg("a@b.c").payload(b"x\r\ny");
        out.line("SYN")
            .arg(u64::MAX)
            .joined(&[&"N=", &"a@b.c"])
            .end();
        assert_eq!(
            out.bytes().escape_ascii().to_string(),
            "CHG 0 NLN\\r\\nMSG a@b.c 4\\r\\nx\\r\\nySYN 18446744073709551615 N=a@b.c\\r\\n"
        );
        assert_eq!(out.take_frame_count(), 3);
    }

    #[test]
    fn pieces_are_whole_frames_whatever_a_payload_holds() {
        let mut out = Outbox::in_pieces();
        out.line("QNG").end();
        out.line("MSG").payload(b"x\r\ny\0");
        out.line("OUT").end();
        let pieces: Vec<_> = out.pieces().collect();
        assert_eq!(pieces, [&b"QNG\r\n"[..], b"MSG 5\r\nx\r\ny\0", b"OUT\r\n"]);
        out.clear();
        assert_eq!(out.pieces().count(), 0);
        let mut plain = Outbox::default();
        plain.line("QNG").end();
        plain.line("OUT").end();
        let pieces: Vec<_> = plain.pieces().collect();
        assert_eq!(pieces, [b"QNG\r\nOUT\r\n"]);
    }
}
