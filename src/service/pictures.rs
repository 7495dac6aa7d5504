//! Looking at pictures that clients send.
//!
//! Whoever shows a picture later decodes it, so it is decoded here first, off the threads that
//! serve connections. A picture is only ever as large as its header says after the header was
//! compared with the limits: a file of a few bytes can claim billions of pixels.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::store::PictureKind;

/// The largest file that is taken, in bytes (`docs/protocol/13 §2`).
pub const LARGEST: usize = 1024 * 1024;
/// Pixels from side to side; clients send 96.
const LONGEST_SIDE: u32 = 1024;
/// Memory that decoding one picture may take; twice what the largest one has.
const MEMORY: u64 = 16 * 1024 * 1024;
/// The longest side of a miniature.
const SMALL_SIDE: u32 = 48;
/// Pictures that are looked at at the same time.
const AT_ONCE: usize = 2;
/// How long one waits for its turn. A picture takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at pictures; clones share the limit on how many at a time.
#[derive(Debug, Clone)]
pub(super) struct Pictures {
    turns: Arc<Semaphore>,
}

/// What was found out about a picture.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) kind: PictureKind,
    /// The same bytes.
    pub(super) data: Vec<u8>,
    /// A miniature in PNG.
    pub(super) small: Vec<u8>,
}

/// A picture cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// More than a megabyte.
    #[error("the picture is too large")]
    TooLarge,
    /// Not PNG, JPEG, GIF or BMP, broken, or with too many pixels.
    #[error("not a picture that clients can show")]
    Unsound,
    /// Too many pictures wait already.
    #[error("the server is busy")]
    Busy,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Pictures {
    /// Decodes a picture, and makes a miniature of it. What the client calls it is not looked at:
    /// clients call everything PNG.
    pub(super) async fn inspect(&self, data: Vec<u8>) -> Result<Sound, PictureError> {
        if data.len() > LARGEST {
            return Err(PictureError::TooLarge);
        }
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(PictureError::Busy);
        };
        // The turn is over when the work is, even if the caller went away.
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            sound(data)
        });
        // A panic in a decoder is the picture's fault.
        work.await.unwrap_or(Err(PictureError::Unsound))
    }
}

fn sound(data: Vec<u8>) -> Result<Sound, PictureError> {
    let unsound = |_| PictureError::Unsound;
    let format = image::guess_format(&data).map_err(unsound)?;
    let kind = match format {
        ImageFormat::Png => PictureKind::Png,
        ImageFormat::Jpeg => PictureKind::Jpeg,
        ImageFormat::Gif => PictureKind::Gif,
        ImageFormat::Bmp => PictureKind::Bmp,
        _ => return Err(PictureError::Unsound),
    };
    // Of a moving picture this is the first frame, which bounds the work.
    let picture = decode(&data, format).map_err(unsound)?;
    let small = if picture.width().max(picture.height()) > SMALL_SIDE {
        picture.thumbnail(SMALL_SIDE, SMALL_SIDE)
    } else {
        picture
    };
    let mut encoded = Cursor::new(Vec::new());
    // Eight bits a channel: what any client of that time reads.
    DynamicImage::ImageRgba8(small.into_rgba8())
        .write_to(&mut encoded, ImageFormat::Png)
        .map_err(unsound)?;
    Ok(Sound {
        kind,
        data,
        small: encoded.into_inner(),
    })
}

fn decode(data: &[u8], format: ImageFormat) -> image::ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(data), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // Before anything is allocated for pixels; not every decoder looks at the limits by itself.
    let (width, height) = decoder.dimensions();
    limits.check_dimensions(width, height)?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    DynamicImage::from_decoder(decoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height)
            .write_to(&mut bytes, format)
            .unwrap();
        bytes.into_inner()
    }

    /// A PNG whose header claims a size that its pixels do not have.
    fn claiming(width: u32, height: u32) -> Vec<u8> {
        let mut png = encoded(1, 1, ImageFormat::Png);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }

    async fn inspect(data: &[u8]) -> Result<Sound, PictureError> {
        Pictures::default().inspect(data.to_vec()).await
    }

    #[tokio::test]
    async fn every_kind_is_recognised_by_its_bytes_and_gets_a_miniature() {
        for (format, kind) in [
            (ImageFormat::Png, PictureKind::Png),
            (ImageFormat::Jpeg, PictureKind::Jpeg),
            (ImageFormat::Gif, PictureKind::Gif),
            (ImageFormat::Bmp, PictureKind::Bmp),
        ] {
            for (width, height, small_width, small_height) in
                [(96, 96, 48, 48), (20, 10, 20, 10), (1024, 16, 48, 1)]
            {
                let data = encoded(width, height, format);
                let sound = inspect(&data).await.unwrap();
                assert_eq!((sound.kind, &sound.data), (kind, &data));
                let small = image::load_from_memory(&sound.small).unwrap();
                let size = (small.width(), small.height());
                assert_eq!(size, (small_width, small_height), "{format:?}");
                assert!(sound.small.starts_with(b"\x89PNG"));
            }
        }
    }

    #[tokio::test]
    async fn what_claims_more_pixels_than_allowed_is_refused_before_it_is_decoded() {
        assert!(
            inspect(&claiming(1, 1)).await.is_ok(),
            "the header is sound"
        );
        let mut gif = encoded(1, 1, ImageFormat::Gif);
        gif[6..10].copy_from_slice(&[0xff; 4]);
        let mut bmp = encoded(1, 1, ImageFormat::Bmp);
        bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
        let bombs = [
            claiming(60_000, 60_000),
            claiming(1025, 1),
            claiming(u32::MAX, u32::MAX),
            claiming(0, 0),
            encoded(1025, 2, ImageFormat::Jpeg),
            gif,
            bmp,
        ];
        for bomb in bombs {
            assert_eq!(inspect(&bomb).await.unwrap_err(), PictureError::Unsound);
        }
    }

    #[tokio::test]
    async fn a_frame_that_is_larger_than_its_gif_takes_no_memory() {
        let mut gif = encoded(8, 8, ImageFormat::Gif);
        let frame = gif.iter().rposition(|&byte| byte == 0x2c).unwrap();
        let frame = (0..=frame)
            .find(|&at| gif[at] == 0x2c && gif[at + 5..at + 9] == [8, 0, 8, 0])
            .unwrap();
        gif[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
        // Whatever becomes of it, it does not become larger than the picture.
        if let Ok(sound) = inspect(&gif).await {
            assert!(image::load_from_memory(&sound.small).unwrap().width() <= SMALL_SIDE);
        }
    }

    #[tokio::test]
    async fn broken_and_foreign_files_are_refused() {
        let png = encoded(96, 96, ImageFormat::Png);
        let jpeg = encoded(96, 96, ImageFormat::Jpeg);
        let broken: [&[u8]; 8] = [
            b"",
            b"BM",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"GIF89a",
            &png[..png.len() / 2],
            &png[..20],
            &jpeg[..20],
            b"\xff\xd8\xff\xe0",
        ];
        for data in broken {
            let refused = inspect(data).await.unwrap_err();
            assert_eq!(refused, PictureError::Unsound, "{}", data.escape_ascii());
        }
        let mut random = 7_u32;
        for cut in 0..png.len().min(200) {
            let mut spoilt = png.clone();
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            spoilt[cut] ^= (random >> 24) as u8 | 1;
            // It may be sound or not; it may not end anything.
            drop(inspect(&spoilt).await);
        }
        let large = vec![0x89; LARGEST + 1];
        assert_eq!(inspect(&large).await.unwrap_err(), PictureError::TooLarge);
    }

    #[tokio::test]
    async fn a_gif_with_thousands_of_frames_costs_one() {
        let mut gif = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
        for _ in 0..2_000 {
            let frame = image::Frame::new(image::RgbaImage::new(96, 96));
            encoder.encode_frame(frame).unwrap();
        }
        drop(encoder);
        let sound = inspect(&gif).await.unwrap();
        assert_eq!(
            (sound.kind, sound.data.len()),
            (PictureKind::Gif, gif.len())
        );
    }

    #[tokio::test]
    async fn many_at_once_all_get_their_turn() {
        let pictures = Pictures::default();
        let data = encoded(96, 96, ImageFormat::Png);
        let mut all = Vec::new();
        for _ in 0..20 {
            let (pictures, data) = (pictures.clone(), data.clone());
            all.push(tokio::spawn(async move { pictures.inspect(data).await }));
        }
        for one in all {
            assert!(one.await.unwrap().is_ok());
        }
    }
}
