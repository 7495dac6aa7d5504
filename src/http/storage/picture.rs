//! Pictures as requests carry them and answers call them.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roxmltree::Node;

use super::does_not_exist;
use crate::http::soap::{Call, Failure, Malformed, StorageFault, child, named, only, text_of};
use crate::model::Refusal;
use crate::service::{LARGEST_PICTURE, PictureError, PictureKind, TileError};

/// Clients differ about the signs at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// The stream that is the picture itself.
const STATIC: &str = "UserTileStatic";

/// A picture in a request.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) data: Vec<u8>,
}

/// Reads the document of the operation. The type that a client says it has is always PNG, so
/// nobody looks at it (`docs/protocol/13 §2`).
pub(super) fn read<'a>(call: &Call<'a>) -> Result<Document<'a>, Failure> {
    let node = only(call.operation.node, "document")?;
    let streams = child(node, "DocumentStreams").ok_or(Malformed)?;
    let is_static = |stream: &Node<'_, '_>| {
        child(*stream, "DocumentStreamType").is_none_or(|it| text_of(it) == STATIC)
    };
    let data = named(streams, "DocumentStream")
        .filter(is_static)
        .find_map(|stream| child(stream, "Data"))
        .ok_or(Malformed)?;
    Ok(Document {
        id: child(node, "ResourceID").map(text_of),
        name: child(node, "Name").map(text_of).filter(|it| !it.is_empty()),
        data: decode(text_of(data))?,
    })
}

fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    let signs: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if signs.len() / 4 * 3 > LARGEST_PICTURE + 3 {
        return Err(Failure::TooLarge);
    }
    Ok(BASE64.decode(signs).map_err(|_| Malformed)?)
}

/// Why a picture was not kept, in the words of the service.
pub(super) fn refused(error: TileError) -> Failure {
    match error {
        TileError::Picture(PictureError::TooLarge) => Failure::TooLarge,
        TileError::Picture(PictureError::Busy) => Refusal::ChangingTooFast.into(),
        TileError::Picture(error @ PictureError::Unsound) => {
            StorageFault::new("InvalidRequest", error.to_string()).into()
        }
        TileError::NoRoom => Refusal::ListFull.into(),
        TileError::Unknown => does_not_exist(),
        TileError::Fault(fault) => fault.into(),
    }
}

/// The media type of a picture.
pub(in crate::http) fn mime(kind: PictureKind) -> &'static str {
    match kind {
        PictureKind::Png => "image/png",
        PictureKind::Jpeg => "image/jpeg",
        PictureKind::Gif => "image/gif",
        PictureKind::Bmp => "image/bmp",
    }
}
